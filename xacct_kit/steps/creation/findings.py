"""The findings of an account's creation: what was asked for, what came of it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xacct_kit.aws.answers import Answer
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.creation.failures import failure_of, refusal_of
from xacct_kit.steps.creation.new_account import NewAccount
from xacct_kit.steps.creation.organization import NotRead, Organization
from xacct_kit.steps.findings import ALLOWED, Question, finding

STEP = "create_account"

# The names under which the evidence of a finding has what is known of a creation.
EMAIL, NAME, REQUEST, ACCOUNT = "Email", "AccountName", "CreateAccountRequestId", "AccountId"

_LOOK_AGAIN = "Run it again: it looks for the account and for the request before it asks for another."


@dataclass
class CreationFindings:
    """Says what is found out of one creation.

    Attributes:
        organization: where it is.
        new: what is to be created.
        request_id: the request that was made for it; empty while there is none.
        account: the account's ID; empty while there is none.
    """

    organization: Organization
    new: NewAccount
    request_id: str = ""
    account: str = ""

    def question(self, probe: str, action: str) -> Question:
        """What a check of the creation asks; the account is its address until it is there."""
        caller = self.organization.caller.name
        return Question(
            step=STEP, probe=probe, account=self.account or self.new.email, caller=caller, action=action
        )

    @property
    def known(self) -> Mapping[str, str]:
        """What is known of the creation, for the evidence of its findings."""
        found = {
            EMAIL: self.new.email,
            NAME: self.new.name,
            REQUEST: self.request_id,
            ACCOUNT: self.account,
        }
        return {name: value for name, value in found.items() if value}

    def found(self, question: Question, outcome: Outcome, **more: Any) -> Finding:
        """A finding, with what is known of the creation."""
        known = replace(outcome, evidence={**outcome.evidence, **self.known})
        return finding(self.organization.session, question, known, **more)

    def _requested(self, outcome: Outcome, **more: Any) -> Finding:
        return self.found(self.question("request-account", "organizations:CreateAccount"), outcome, **more)

    def _created(self, outcome: Outcome, **more: Any) -> Finding:
        question = self.question("account-created", "organizations:DescribeCreateAccountStatus")
        return self.found(question, outcome, **more)

    def accepted(self, seconds: float = 0.0) -> Finding:
        """AWS has taken the request."""
        why = f"AWS was asked to create {self.new.what}: {self.request_id}."
        return self._requested(ALLOWED, why=why, seconds=seconds)

    def resumed(self) -> Finding:
        """An earlier run has made the request."""
        why = f"{self.new.what} was asked for by an earlier run: {self.request_id}."
        return self._requested(ALLOWED, why=why)

    def adopted(self, other: str) -> Finding:
        """Somebody has made a request for an account of this name."""
        why = f"An account called {self.new.name} is being created already: {other} is waited for."
        return self._requested(ALLOWED, why=why)

    def there_already(self) -> Finding:
        """The account needs no creation."""
        why = f"{self.new.what} is there already: {self.account}. No other account is created."
        return self._requested(ALLOWED, why=why)

    def taken(self, account: str, fault: str) -> Finding:
        """The address is that of an account which is not the one that is asked for."""
        why = f"{self.new.what} was not asked for: {self.new.email} is the address of {account}, {fault}."
        fix = (
            "Take another e-mail address; if that account is meant, give its name, and see that it is active."
        )
        outcome = Outcome(kind=OutcomeKind.VALIDATION)
        return self._requested(outcome, verdict=Verdict.FAIL, why=why, fix=fix)

    def no_unit(self) -> Finding:
        """There is no such organizational unit."""
        why = f"{self.new.what} was not asked for: there is no {self.new.organizational_unit} to move it to."
        fix = "Correct the ID of the organizational unit."
        return self._requested(Outcome(kind=OutcomeKind.NOT_FOUND), why=why, fix=fix)

    def unread(self, error: NotRead) -> Finding:
        """It could not be read what is there, and nothing is asked for blindly."""
        outcome, operation = error.answer.outcome, f"organizations:{error.operation}"
        why = f"Whether {self.new.what} is there, or on its way, is not known: {operation} was not answered."
        allow = f"Allow {self.organization.caller.name} {operation}." if outcome.kind.denied else ""
        return self._requested(
            outcome,
            verdict=Verdict.UNKNOWN,
            why=f"{why} {outcome.reason}".rstrip(),
            fix=f"{allow} {outcome.fix} {_LOOK_AGAIN}".strip(),
        )

    def refused(self, answer: Answer) -> Finding:
        """AWS has refused the request."""
        failure = refusal_of(answer.outcome)
        # That AWS does not accept what is asked for settles it as well as a denial does.
        verdict = Verdict.FAIL if failure.kind is OutcomeKind.VALIDATION else None
        why = f"{self.new.what} was not created: {failure.why.rstrip('.')}."
        outcome = replace(answer.outcome, kind=failure.kind)
        return self._requested(outcome, verdict=verdict, why=why, fix=failure.fix, seconds=answer.seconds)

    def undecided(self, outcome: Outcome, what: str) -> Finding:
        """Whether there is a request is not known."""
        why = f"It is not known whether {self.new.what} is being created: {what}. {outcome.reason}"
        return self._requested(outcome, verdict=Verdict.UNKNOWN, why=why.rstrip(), fix=_LOOK_AGAIN)

    def created(self) -> Finding:
        """The account is there."""
        return self._created(ALLOWED, why=f"{self.new.what} was created: {self.account}.")

    def not_over(self, request_id: str, outcome: Outcome, what: str) -> Finding:
        """What has become of a request is not known."""
        why = f"{self.new.what}: the request {request_id} {what} {outcome.reason}"
        fix = f"{outcome.fix} Run it again: it goes on with the request."
        return self._created(outcome, verdict=Verdict.UNKNOWN, why=why.rstrip(), fix=fix.strip())

    def failed(self, reason: str, *, perhaps_own: bool) -> Finding:
        """The request has failed.

        Parameters:
            reason: AWS's `FailureReason`.
            perhaps_own: whether it may have failed because of an earlier request whose answer was lost.
        """
        failure = failure_of(reason)
        outcome = Outcome(kind=failure.kind, evidence={"FailureReason": reason})
        why = f"{self.new.what} was not created: {failure.why} ({reason})."
        if perhaps_own:
            why = (
                f"{why} But an earlier answer was lost: it may have been that request which took the address."
            )
            return self._created(outcome, verdict=Verdict.UNKNOWN, why=why, fix=_LOOK_AGAIN)
        return self._created(outcome, verdict=Verdict.FAIL, why=why, fix=failure.fix)
