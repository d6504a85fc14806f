"""From an answer to a finding: the sentences that every step uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xacct_kit.aws.answers import Answer, Assumption
from xacct_kit.aws.session import Session
from xacct_kit.errors import XacctError
from xacct_kit.report import Expectation, Finding, Outcome, OutcomeKind, Verdict, judge

Patch = tuple[Mapping[str, Any], ...]
"""Calls that would mend something, as in `Finding.patch`."""

ALLOWED = Outcome(kind=OutcomeKind.ALLOWED)
NOT_KNOWN = Outcome(kind=OutcomeKind.UNKNOWN)

ACCESS = "See the preflight step: set access_role to a role that the operator may assume there."


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a check asks, before it is answered.

    Attributes:
        step: the step that asks.
        probe: the check's name.
        account: the member account.
        caller: name of the principal that asks.
        action: the IAM action that it needs.
        expected: what must come back.
        region: where it is asked; the params' region when it is not given.
    """

    step: str
    probe: str
    account: str
    caller: str
    action: str
    expected: Expectation = Expectation.ALLOWED
    region: str | None = None

    @property
    def service(self) -> str:
        """The service's IAM prefix."""
        return self.action.split(":")[0]


def finding(
    session: Session,
    question: Question,
    outcome: Outcome,
    *,
    verdict: Verdict | None = None,
    why: str | None = None,
    fix: str | None = None,
    seconds: float = 0.0,
    cost: float = 0.0,
    patch: Patch = (),
) -> Finding:
    """Hold an outcome against its question.

    Parameters:
        session: whose run it is.
        question: what was asked.
        outcome: what came back.
        verdict: the verdict, where the outcome alone does not give it.
        why: one sentence; the outcome's reason when it is not given.
        fix: what to do; the outcome's when it is not given. A green finding has none.
        seconds: how long the call took.
        cost: US dollars that it cost.
        patch: the calls that would mend it; `${external_id}` comes to stand for the external ID.
    """
    judged = verdict or _judged(question, outcome)
    return Finding(
        step=question.step,
        probe=question.probe,
        account=question.account,
        region=question.region or session.params.region,
        caller=question.caller,
        service=question.service,
        action=question.action,
        expected=question.expected,
        outcome=outcome.kind,
        verdict=judged,
        why=session.redact(why if why is not None else _why(question, outcome, judged)),
        fix="" if judged.green else session.redact(fix if fix is not None else _fix(question, outcome)),
        evidence=session.redact.throughout(outcome.evidence),
        duration=round(seconds, 3),
        cost=cost,
        patch=() if judged.green else tuple(map(session.redact.throughout, patch)),
    )


def answered(session: Session, question: Question, answer: Answer, *, why: str | None = None) -> Finding:
    """The finding of one call's answer."""
    return finding(session, question, answer.outcome, why=why, seconds=answer.seconds)


def not_tried(
    session: Session, question: Question, why: str, fix: str, because: Outcome = NOT_KNOWN
) -> Finding:
    """The finding of a call that could not be made: nothing is known.

    Parameters:
        session: whose run it is.
        question: what would have been asked.
        why: one sentence.
        fix: what to do.
        because: the answer that stood in the way, where there was one.
    """
    outcome = Outcome(kind=OutcomeKind.UNKNOWN, evidence=because.evidence)
    return finding(session, question, outcome, why=f"{why} {because.reason}".rstrip(), fix=fix)


def no_access(session: Session, question: Question, access: Assumption) -> Finding:
    """The finding of a step that nobody here may take in the account.

    Parameters:
        session: whose run it is.
        question: what would have been asked.
        access: what came of reaching the account.
    """
    why = f"Nobody here may act in {question.account}."
    return not_tried(session, question, why, ACCESS, access.answer.outcome)


def unproven(row: Finding) -> Finding:
    """A finding that is not green: a call that was allowed and gave nothing proves nothing."""
    return replace(row, verdict=Verdict.UNKNOWN) if row.verdict.green else row


def guarded(session: Session, question: Question, check: Callable[[], Finding]) -> Finding:
    """The finding of a check; where the check itself breaks off nothing is known, and no other is lost."""
    try:
        return check()
    except Exception as error:
        return broken(session, question, error)


def broken(session: Session, question: Question, error: Exception) -> Finding:
    """The finding of a check that could not be done to its end."""
    told = str(error) if isinstance(error, XacctError) else f"{type(error).__name__}: {error}"
    outcome = Outcome(
        kind=OutcomeKind.UNKNOWN, evidence={"code": type(error).__name__, "message": str(error)}
    )
    why = f"{question.action or f'The step {question.step}'} could not be checked. {told}"
    return finding(session, question, outcome, why=why, fix="Mend what it says and run again.")


def skipped(session: Session, question: Question, why: str) -> Finding:
    """The finding of a check that does not apply here."""
    return finding(session, question, NOT_KNOWN, verdict=Verdict.SKIPPED, why=why)


def _judged(question: Question, outcome: Outcome) -> Verdict:
    """The verdict; that something else was refused does not show that the question's action is.

    Nor does a refusal on the way that the call took, for there are other ways.
    """
    other = (outcome.action or question.action).lower() != question.action.lower()
    on_the_way = outcome.kind is OutcomeKind.DENIED_VPCE
    if question.expected is Expectation.DENIED and (other or on_the_way):
        return Verdict.UNKNOWN
    return judge(question.expected, outcome.kind)


def _why(question: Question, outcome: Outcome, verdict: Verdict) -> str:
    if outcome.kind is OutcomeKind.ALLOWED:
        allowed = f"{question.caller} may call {question.action}."
        return allowed if verdict is Verdict.PASS else f"{allowed} It must be refused."
    if verdict is Verdict.PASS:
        return f"{question.caller} is refused {question.action}, as it should be."
    return outcome.reason


def _fix(question: Question, outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.ALLOWED:
        return f"Take {question.action} away from {question.caller}: look for a policy that was added to it."
    return outcome.fix
