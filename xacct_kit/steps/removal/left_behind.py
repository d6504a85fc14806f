"""What is left of the role when its stack is gone: it is removed, unless another stack holds it."""

from __future__ import annotations

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.profile import boundary_name, load_profile
from xacct_kit.role.template import POLICY_TYPE, ROLE_TYPE
from xacct_kit.steps.findings import finding, guarded
from xacct_kit.steps.removal.calls import plan_removal
from xacct_kit.steps.removal.removal import Left, either, question_of, remove
from xacct_kit.steps.stack.holders import holder_of
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress

_HELD = (
    "If nobody needs that stack, delete it and offboard again; if somebody does, it is theirs, and role_name "
    "names the wrong role."
)
_LOOK = (
    "see whether a stack of the account holds it; if none does, make the calls of the patch as an "
    "administrator of the account, and offboard again."
)


def remove_left_behind(session: Session, caller: Caller, progress: Progress) -> list[Finding]:
    """Remove what is left of the role, and of its boundary policy, in an account whose stack is gone.

    The boundary stays as long as the role may be there. Where a role or a policy cannot be read, the proof
    that it is gone says so.

    Parameters:
        session: whose run it is.
        caller: who removes it, in the account.
        progress: is told what is removed.

    Returns:
        A finding for each of them that was there; none where nothing is left.
    """
    name = session.params.role_name
    role = session.call(caller, "iam", "GetRole", RoleName=name)
    if not role.ok and not role.absent:
        return []
    rows = [_unless_held(session, caller, ROLE_TYPE, name, progress)] if role.ok else []
    policy = policy_arn(session, caller.account)
    if policy is None or not all(row.verdict.green for row in rows):
        return rows
    arn = _of_role(role, policy)
    if session.call(caller, "iam", "GetPolicy", PolicyArn=arn).ok:
        rows.append(_unless_held(session, caller, POLICY_TYPE, arn, progress))
    return rows


def policy_arn(session: Session, account: str) -> str | None:
    """ARN of the policy that is the boundary of the params' profile; None where it has none."""
    params = session.params
    if load_profile(params.profile).boundary is None:
        return None
    return f"arn:{session.partition.name}:iam::{account}:policy/{boundary_name(params.role_name)}"


def _of_role(role: Answer, by_name: str) -> str:
    """The ARN of the boundary as the role had it, where it has the name; it may be under a path."""
    boundary = role.result.get("Role", {}).get("PermissionsBoundary", {})
    arn = str(boundary.get("PermissionsBoundaryArn", ""))
    of_account, _, name = by_name.rpartition("/")
    return arn if arn.startswith(f"{of_account}/") and arn.rpartition("/")[2] == name else by_name


def _unless_held(
    session: Session, caller: Caller, resource_type: str, name: str, progress: Progress
) -> Finding:
    def check() -> Finding:
        try:
            stack = holder_of(session, caller, resource_type, name)
        except StackFailure as failure:
            return _untold(session, caller, resource_type, name, failure)
        if stack is not None:
            return _held(session, caller, resource_type, name, stack)
        why = f"{name} was there, and no stack of the account holds it, in any of its regions."
        return remove(session, caller, Left(type=resource_type, name=name, why=why), progress)

    return guarded(session, question_of(caller, resource_type), check)


def _held(session: Session, caller: Caller, resource_type: str, name: str, stack: str) -> Finding:
    outcome = Outcome(kind=OutcomeKind.VALIDATION, evidence={"code": "HeldByStack", "message": stack})
    why = f"The stack {stack} holds {name}, which is not removed."
    question = question_of(caller, resource_type)
    return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_HELD)


def _untold(
    session: Session, caller: Caller, resource_type: str, name: str, failure: StackFailure
) -> Finding:
    return finding(
        session,
        question_of(caller, resource_type),
        failure.outcome,
        verdict=failure.verdict,
        why=f"Whether a stack holds {name} cannot be told, and it is not removed. {failure.why}",
        fix=either(failure.fix, _LOOK),
        patch=plan_removal(session, caller, resource_type, name).calls,
    )
