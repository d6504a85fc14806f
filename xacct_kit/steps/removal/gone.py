"""Whether the role of an account is gone: it is asked for, and everybody who was trusted tries to assume it.

Its boundary policy is asked for too, where the profile has one.

IAM knows a deletion everywhere only after a while, so what is still allowed is asked again, bounded.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Expectation, Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.callers import Principal, deployer_name, execution_role, trusted_principals
from xacct_kit.steps.findings import Question, finding, guarded, not_tried, skipped
from xacct_kit.steps.removal.left_behind import policy_arn
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.waiting import Progress, attempts

# The refusals that come of there being no such role, or of what it trusts; others are the caller's own.
_OF_THE_ROLE = frozenset({OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED})

# One refusal may be of a place that knows the deletion before others do.
_REFUSALS = 2

# Revoking takes a policy on the role, which has to be there for it.
_SESSIONS = (
    "Sessions of it that were opened before end by themselves, when they expire; they can be revoked only "
    "while the role is there: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html"
)
_LEFT = "See what became of its stack, and why it could not be removed; mend that, and offboard again."


def prove_gone(
    session: Session, account: str, reader: Caller | None, progress: Progress, *, removed: bool
) -> list[Finding]:
    """Prove that the role of an account cannot be assumed any more.

    Parameters:
        session: whose run it is.
        account: the member account.
        reader: who reads there; None where nobody may.
        progress: is told what is waited for.
        removed: whether all was removed that was there, so that what is still told is waited for to go.

    Returns:
        Whether the role is gone, and the boundary where the profile has one; and a finding for each principal
        that was trusted.
    """
    wait = session.params.wait_seconds if removed else 0.0
    role, *others = [_thing(session, account, reader, each, wait) for each in _things(session, account)]
    gone = role.verdict is Verdict.PASS
    tries = [
        partial(_refused, session, account, principal, gone, progress)
        for principal in trusted_principals(session, account)
    ]
    return [role, *others, *side_by_side(tries)]


@dataclass(frozen=True)
class _Thing:
    """What must be gone: what people call it, and the call that reads it."""

    noun: str
    name: str
    operation: str
    params: Mapping[str, str]
    after: str = ""


def _things(session: Session, account: str) -> list[_Thing]:
    role, policy = session.params.role_name, policy_arn(session, account)
    things = [_Thing("role", role, "GetRole", {"RoleName": role}, f" {_SESSIONS}")]
    return (
        things
        if policy is None
        else [*things, _Thing("boundary", policy, "GetPolicy", {"PolicyArn": policy})]
    )


def _thing(session: Session, account: str, reader: Caller | None, thing: _Thing, wait: float) -> Finding:
    question = Question(
        step="offboard",
        probe=f"{thing.noun}-is-gone",
        account=account,
        caller=reader.name if reader else deployer_name(session),
        action=f"iam:{thing.operation}",
    )
    if reader is None:
        why = f"Nobody here may act in {account}, so whether the {thing.noun} is gone is not read."
        return not_tried(session, question, why, "Let the account's administrator look.")
    return guarded(session, question, partial(_read, session, question, reader, thing, wait))


def _read(session: Session, question: Question, reader: Caller, thing: _Thing, wait: float) -> Finding:
    for _ in attempts(wait):
        answer = session.call(reader, "iam", thing.operation, **thing.params)
        if not answer.ok and not answer.outcome.retryable:
            break
    tell = partial(finding, session, question, seconds=answer.seconds)
    if answer.absent:
        outcome = Outcome(kind=OutcomeKind.NOT_FOUND, evidence=answer.outcome.evidence)
        why = f"There is no {thing.noun} {thing.name} in {question.account}.{thing.after}"
        return tell(outcome, verdict=Verdict.PASS, why=why)
    if not answer.ok:
        why = f"Whether the {thing.noun} {thing.name} is gone cannot be told. {answer.outcome.reason}"
        return tell(answer.outcome, verdict=Verdict.UNKNOWN, why=why)
    why = f"The {thing.noun} {thing.name} is still there."
    return tell(answer.outcome, verdict=Verdict.FAIL, why=why, fix=_LEFT)


def _refused(session: Session, account: str, principal: Principal, gone: bool, progress: Progress) -> Finding:
    question = Question(
        step="offboard",
        probe="cannot-be-assumed",
        account=account,
        caller=principal.name,
        action="sts:AssumeRole",
        expected=Expectation.DENIED,
    )
    return guarded(session, question, partial(_refusal, session, question, principal, gone, progress))


def _refusal(
    session: Session, question: Question, principal: Principal, gone: bool, progress: Progress
) -> Finding:
    role, caller = session.params.role_name, principal.access.caller
    if caller is None and principal.excluded:
        why = f"The operator cannot act as {principal.name}, so whether it can assume {role} is not tried."
        return skipped(session, question, why)
    if caller is None:
        return finding(session, question, principal.access.answer.outcome)
    answer = _settled(session, question, caller, gone, progress)
    tell = partial(finding, session, question, answer.outcome, seconds=answer.seconds)
    if answer.ok:
        why = f"{principal.name} can still assume {role}."
        return tell(why=why, fix="Remove the role, or wait and offboard again: IAM may not know it is gone.")
    if not answer.outcome.kind.denied:
        return tell()
    if not gone and answer.outcome.kind not in _OF_THE_ROLE:
        why = f"{principal.name} is refused, but not by the role: {answer.outcome.reason}"
        return tell(verdict=Verdict.UNKNOWN, why=why)
    return tell(why=f"{principal.name} is refused {role}, as it should be.")


def _settled(session: Session, question: Question, caller: Caller, gone: bool, progress: Progress) -> Answer:
    """The answer once it is the same for a while; where the role is there it is what it is."""
    role, external_id = execution_role(session, question.account), session.external_id
    refusals, waiting = 0, False
    for _ in attempts(session.params.wait_seconds if gone else 0.0):
        answer = session.assume(caller, role, external_id=external_id).answer
        refusals = refusals + 1 if answer.outcome.kind.denied else 0
        if refusals == _REFUSALS or not (answer.ok or answer.outcome.kind.denied or answer.outcome.retryable):
            break
        if answer.ok and not waiting:
            waiting = True
            progress(f"{session.params.role_name} is gone in {question.account}, and can still be assumed")
    return answer
