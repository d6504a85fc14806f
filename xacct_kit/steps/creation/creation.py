"""The creation of one account, once: found, or asked for and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from xacct_kit.aws.answers import Answer
from xacct_kit.report import Finding, OutcomeKind
from xacct_kit.steps.creation.arrival import access_role, move_account, passing
from xacct_kit.steps.creation.findings import CreationFindings
from xacct_kit.steps.creation.new_account import NewAccount, same_email
from xacct_kit.steps.creation.organization import Account, NotRead, Organization, Status
from xacct_kit.steps.findings import ALLOWED, guarded
from xacct_kit.steps.waiting import Progress, attempts

Note = Callable[[Finding, bool], None]
"""Is given each finding of a creation the moment it is known, and whether it is the last."""

# So many requests are looked at for one account, and so many answers may be lost.
_MOST_ROUNDS = 4
_MOST_LOST = 3
_NEW = timedelta(hours=1)

# A request may fail for these because an earlier one, whose answer was lost, has made the account.
_PERHAPS_OWN = frozenset({"EMAIL_ALREADY_EXISTS", "CONCURRENT_ACCOUNT_MODIFICATION"})
_LOST = frozenset({OutcomeKind.NETWORK, OutcomeKind.SERVICE_ERROR, OutcomeKind.UNKNOWN})


class _Ended(Exception):
    """A creation has come to an end without an account."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.why)
        self.finding = finding


class Creation:
    """The creation of one account.

    Parameters:
        organization: where it is created.
        new: what is to be created.
        note: is given each finding the moment it is known, and whether it is the last.
        progress: is told what is waited for.
        request_id: the request that an earlier run has made for it.
    """

    def __init__(
        self,
        organization: Organization,
        new: NewAccount,
        note: Note,
        progress: Progress,
        request_id: str = "",
    ) -> None:
        self.say = CreationFindings(organization, new, request_id)
        self._organization = organization
        self._new = new
        self._note = note
        self._progress = progress
        self._wait = organization.session.params.wait_seconds
        # A request that is waited for without being known for this one's; and those that are not.
        self._adopted = ""
        self._others: set[str] = set()
        self._lost = False
        self._fresh = True

    def run(self) -> str | None:
        """Bring the account about, then see to its role and its place; its ID, where there is one."""
        try:
            self._obtain()
        except _Ended as ended:
            self._note(ended.finding, True)
            return None
        except NotRead as error:
            self._note(self.say.unread(error), True)
            return None
        self._arrive()
        return self.say.account

    def _arrive(self) -> None:
        session, say = self._organization.session, self.say
        unit, bound = self._new.organizational_unit, self._wait if self._fresh else 0
        asked = say.question("access-role", "sts:AssumeRole")
        row = guarded(session, asked, lambda: access_role(say, asked, bound, self._progress))
        self._note(row, unit is None)
        if unit is not None:
            moved = say.question("move-account", "organizations:MoveAccount")
            row = guarded(session, moved, lambda: move_account(say, moved, unit, self._progress))
            self._note(row, True)

    def _obtain(self) -> None:
        """Have the account: find it, or ask for it and wait.

        Raises:
            _Ended: there is none.
            NotRead: it is not known whether there is one.
        """
        if self.say.request_id:
            self._go_on()
        if not self.say.request_id:
            self._check_unit()
        for number in range(_MOST_ROUNDS):
            under_way = self.say.request_id or self._adopted
            if not under_way and not self._found(anew=number > 0):
                self._ask()
            if self.say.account or self._took(self._watch()):
                return
        raise _Ended(self.say.undecided(ALLOWED, "requests of the same name came and went"))

    def _go_on(self) -> None:
        """Take up the request of an earlier run, if AWS still knows it."""
        if self._describe(self.say.request_id).absent:
            self.say.request_id = ""
        else:
            self._note(self.say.resumed(), False)

    def _describe(self, request_id: str) -> Answer:
        return self._organization.call("DescribeCreateAccountStatus", CreateAccountRequestId=request_id)

    def _check_unit(self) -> None:
        unit = self._new.organizational_unit
        if unit is not None and not self._organization.has_unit(unit):
            raise _Ended(self.say.no_unit())

    def _found(self, *, anew: bool) -> bool:
        """Whether the account, or a request for it, is there; then it is taken."""
        there = self._organization.of_email(self._new.email, anew=anew)
        if there is not None:
            self._take(there)
            return True
        creations = self._organization.creations(self._new.name, self._new.email)
        return any(self._is_it(status) for status in creations if status["Id"] not in self._others)

    def _is_it(self, status: Status) -> bool:
        """Whether a request of this name is, or may be, for this account; then it is taken."""
        if status["State"] == "IN_PROGRESS":
            self._adopted = status["Id"]
            self._note(self.say.adopted(self._adopted), False)
            return True
        made = self._has_email(status["AccountId"])
        if made is None:
            self._others.add(status["Id"])
            return False
        self._take(made)
        return True

    def _has_email(self, account: str) -> Account | None:
        """An account, if it has the address."""
        described = self._organization.describe(account)
        its = described is not None and same_email(str(described.get("Email", "")), self._new.email)
        return described if its else None

    def _take(self, there: Account) -> None:
        """Take an account that has the address for the one that is asked for, if it is that."""
        name, account = str(there.get("Name", "")), str(there["Id"])
        state = there.get("State") or there.get("Status", "")
        faults = {
            "which is the management account": account == self._organization.caller.account,
            f"which is called {name}": name != self._new.name,
            f"which is {state or 'in no state that is told'}": state != "ACTIVE",
        }
        fault = next((fault for fault, holds in faults.items() if holds), "")
        if fault:
            raise _Ended(self.say.taken(account, fault))
        self.say.account = account
        joined = there.get("JoinedTimestamp")
        self._fresh = joined is None or datetime.now(UTC) - joined < _NEW
        self._note(self.say.there_already(), False)

    def _ask(self) -> None:
        """Ask for the account, as often as AWS is busy; after a lost answer, only if it is not there then."""
        lost, outcome = 0, ALLOWED
        for number in attempts(self._wait, first_pause=0.5):
            if number > 1 and lost and self._found(anew=True):
                return
            if lost >= _MOST_LOST:
                break
            self._progress(f"{self._new.what}: AWS is asked to create it")
            answer = self._organization.call("CreateAccount", **self._new.request)
            outcome = answer.outcome
            if self._was_accepted(answer):
                return
            if answer.ok or outcome.kind in _LOST:
                lost += 1
                self._lost = True
            elif outcome.kind is not OutcomeKind.THROTTLED:
                raise _Ended(self.say.refused(answer))
            self._progress(f"{self._new.what}: no request yet. {outcome.reason}".rstrip())
        raise _Ended(self.say.undecided(outcome, "AWS gave no answer that settles it"))

    def _was_accepted(self, answer: Answer) -> bool:
        request_id = answer.result.get("CreateAccountStatus", {}).get("Id")
        if not request_id:
            return False
        # The SDK itself asks again when an answer is lost.
        self._lost |= answer.result.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        self.say.request_id, self._adopted = request_id, ""
        self._organization.note_request(request_id, self._new.email)
        self._note(self.say.accepted(answer.seconds), False)
        return True

    def _watch(self) -> Status:
        """The request when it is over.

        Raises:
            _Ended: it is not, within the bound, or may not be looked at.
        """
        begun, outcome = time.monotonic(), ALLOWED
        request_id = self.say.request_id or self._adopted
        for _ in attempts(self._wait, first_pause=0.2):
            answer = self._describe(request_id)
            outcome = answer.outcome
            status: Status = answer.result.get("CreateAccountStatus", {})
            if status.get("State") in ("SUCCEEDED", "FAILED"):
                return status
            if not (answer.ok or answer.absent or passing(outcome)):
                raise _Ended(self.say.not_over(request_id, outcome, "could not be looked at."))
            state = status.get("State") or outcome.reason or "no state"
            self._progress(f"{self._new.what}: {state} after {time.monotonic() - begun:.0f} s")
        raise _Ended(self.say.not_over(request_id, outcome, f"was not over within {self._wait} s."))

    def _took(self, status: Status) -> bool:
        """Whether the account of a request that is over is the one that is asked for.

        Raises:
            _Ended: there is none.
        """
        if self._adopted:
            return self._took_adopted(status)
        if status["State"] == "SUCCEEDED":
            self._has(status["AccountId"])
            return True
        reason = str(status.get("FailureReason", ""))
        if reason in _PERHAPS_OWN and self._made_before():
            return bool(self.say.account)
        perhaps_own = reason in _PERHAPS_OWN and self._lost
        raise _Ended(self.say.failed(reason, perhaps_own=perhaps_own))

    def _took_adopted(self, status: Status) -> bool:
        """Whether a request that was waited for has made this account; when not, another is asked for."""
        self._others.add(self._adopted)
        self._adopted = ""
        if status["State"] == "FAILED" or self._has_email(status["AccountId"]) is None:
            return False
        self._has(status["AccountId"])
        return True

    def _has(self, account: str) -> None:
        self.say.account = account
        self._progress(f"{self._new.what} is {account}")
        self._note(self.say.created(), False)

    def _made_before(self) -> bool:
        """Whether an earlier request has made the account, or will; after a lost answer it may show late."""
        failed, self.say.request_id = self.say.request_id, ""
        self._others.add(failed)
        for _ in attempts(self._wait if self._lost else 0, first_pause=0.5):
            if self._found(anew=True):
                return True
        self.say.request_id = failed
        return False
