"""Removing a role or its boundary policy: the calls are made one after the other, and what is left is said.

IAM knows what was taken off a role everywhere only after a while, so a conflict is met again, bounded.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.assumed import role_of
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.template import POLICY_TYPE, ROLE_TYPE
from xacct_kit.steps.findings import ALLOWED, Patch, Question, finding, guarded
from xacct_kit.steps.removal.calls import RemovalPlan, Told, plan_removal
from xacct_kit.steps.waiting import Progress, attempts


@dataclass(frozen=True, kw_only=True)
class Left:
    """A role or a policy that is left, and is to be removed.

    Attributes:
        type: its type as CloudFormation names it.
        name: a role's name, a policy's ARN.
        why: how it comes to be left: one sentence.
    """

    type: str
    name: str
    why: str


@dataclass(frozen=True)
class _Kind:
    noun: str
    probe: str
    action: str


_KINDS: Mapping[str, _Kind] = {
    ROLE_TYPE: _Kind("role", "role", "iam:DeleteRole"),
    POLICY_TYPE: _Kind("policy", "boundary", "iam:DeletePolicy"),
}

# What was done on the way, in words, and the parameter that says to what.
_DONE: Mapping[str, tuple[str, str]] = {
    "DetachRolePolicy": ("detached", "PolicyArn"),
    "DeleteRolePolicy": ("inline policies deleted", "PolicyName"),
    "RemoveRoleFromInstanceProfile": ("taken out of instance profiles, which stay", "InstanceProfileName"),
    "DeletePolicyVersion": ("versions deleted", "VersionId"),
}

_REST = "let an administrator of the account make the calls of the patch, and offboard again."
_NOT_ALL = (
    "let an administrator of the account remove it, and offboard again; the calls of the patch may not be "
    "all, because not all could be listed."
)
_OWN = "Name the role that is to be removed in role_name, and offboard again."
_USED = "See to it that nobody has it any more, and offboard again."


def question_of(caller: Caller, resource_type: str) -> Question:
    """What is asked when a role or a policy is removed."""
    kind = _KINDS[resource_type]
    return Question(
        step="offboard", probe=kind.probe, account=caller.account, caller=caller.name, action=kind.action
    )


def either(fix: str, other: str) -> str:
    """What to do, and what else would do; the other alone where there is nothing else."""
    return f"{fix} Or {other}" if fix else f"{other[0].upper()}{other[1:]}"


def remove(session: Session, caller: Caller, left: Left, progress: Progress) -> Finding:
    """Remove a role or a policy with all that has to go before it.

    Nothing of it is touched where it cannot be told what has to go, where somebody else has the policy too,
    and where it is the role that the kit itself acts by in the account.

    Parameters:
        session: whose run it is.
        caller: who removes it, in its account.
        left: what is removed.
        progress: is told every call.

    Returns:
        What was removed; or who was refused what and why, with the calls that are still to be made.
    """
    question = question_of(caller, left.type)
    return guarded(session, question, partial(_removed, session, question, caller, left, progress))


@dataclass(frozen=True)
class _End:
    """How far a removal came.

    Attributes:
        plan: what was to be done.
        done: the calls that were made.
        failed: the call that was not carried out.
    """

    plan: RemovalPlan
    done: Patch = ()
    failed: Told | None = None

    @property
    def rest(self) -> Patch:
        """The calls that are still to be made."""
        return tuple(call for call in self.plan.calls if call not in self.done)


def _removed(session: Session, question: Question, caller: Caller, left: Left, progress: Progress) -> Finding:
    if left.type == ROLE_TYPE and left.name in (session.params.access_role, role_of(caller.arn)):
        why = f"{left.name} is the role by which the kit acts in {caller.account}: it is not removed."
        outcome = Outcome(kind=OutcomeKind.VALIDATION, evidence={"code": "OwnRole"})
        return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_OWN)
    end = _settled(session, caller, left, progress)
    if end.failed is not None:
        return _refused(session, question, left, end, *end.failed)
    if end.rest:
        return _used(session, question, left, end)
    when = "It is removed now" if end.done else "It had gone when it was to be removed"
    why = f"{left.why} {when}{_told(end.done)}."
    return finding(session, question, ALLOWED, why=why)


def _settled(session: Session, caller: Caller, left: Left, progress: Progress) -> _End:
    """Try until it is gone, or what stands in the way does not pass by itself."""
    done: Patch = ()
    for _ in attempts(session.params.wait_seconds):
        end = _carried_out(session, caller, plan_removal(session, caller, left.type, left.name), progress)
        done += end.done
        if not _passes(session, end):
            break
    return replace(end, done=done)


def _carried_out(session: Session, caller: Caller, plan: RemovalPlan, progress: Progress) -> _End:
    """Make the calls of a plan as far as they go; what has gone already needs no call."""
    if plan.unlisted is not None or plan.used_by:
        return _End(plan, failed=plan.unlisted)
    done = list[Mapping[str, Any]]()
    for call in plan.calls:
        answer = session.call(caller, call["service"], call["operation"], **call["params"])
        if not answer.ok and not answer.absent:
            return _End(plan, tuple(done), (call["operation"], answer))
        if answer.ok:
            progress(f"removing in {caller.account}: iam:{call['operation']} {_names(call)}")
            done.append(call)
    return _End(replace(plan, calls=tuple(done)), tuple(done))


def _passes(session: Session, end: _End) -> bool:
    """Whether what stands in the way may pass by itself: IAM may not know yet what has gone."""
    if end.failed is not None:
        outcome = end.failed[1].outcome
        return outcome.retryable or outcome.evidence.get("code", "").startswith("DeleteConflict")
    return bool(end.plan.used_by) and not _others(session, end.plan)


def _others(session: Session, plan: RemovalPlan) -> tuple[str, ...]:
    """Who has a policy besides the role that was removed before it."""
    return tuple(each for each in plan.used_by if each != f"role {session.params.role_name}")


def _refused(
    session: Session, question: Question, left: Left, end: _End, operation: str, answer: Answer
) -> Finding:
    outcome = answer.outcome
    passing = outcome.retryable or outcome.kind is OutcomeKind.UNKNOWN
    why = (
        f"{left.why} {question.caller} could not remove it: iam:{operation}: {outcome.reason}"
        f"{_told(end.done, 'Before that')}"
    )
    return finding(
        session,
        replace(question, action=f"iam:{operation}"),
        outcome,
        verdict=Verdict.UNKNOWN if passing else Verdict.FAIL,
        why=why,
        fix=either(outcome.fix, _NOT_ALL if end.plan.unlisted else _REST),
        seconds=answer.seconds,
        patch=end.rest,
    )


def _used(session: Session, question: Question, left: Left, end: _End) -> Finding:
    names = ", ".join(_others(session, end.plan) or end.plan.used_by)
    outcome = Outcome(kind=OutcomeKind.VALIDATION, evidence={"code": "PolicyInUse", "message": names})
    why = f"{left.why} It is not removed, because others have it: {names}."
    return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_USED)


def _told(done: Sequence[Mapping[str, Any]], lead: str = "") -> str:
    """What was done on the way, in words."""
    said = "; ".join(_words(done))
    if not said:
        return ""
    return f" {lead}: {said}." if lead else f" ({said})"


def _words(done: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for operation, (words, parameter) in _DONE.items():
        names = [str(call["params"][parameter]) for call in done if call["operation"] == operation]
        if names:
            yield f"{words}: {', '.join(names)}"


def _names(call: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in call["params"].values())
