"""The offboard step: canaries, stack and role are removed, and the role is proven to be gone.

A role that the stack could not delete, or that no stack holds, is removed by calls of IAM. What another stack
holds is not, nor what somebody has added to the role's stack; termination protection is not switched off.
"""

from __future__ import annotations

from collections.abc import Iterable

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.errors import RequestError
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.template import RESOURCE_TYPES
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.canaries.leftovers import remove_in_account
from xacct_kit.steps.findings import ALLOWED, Question, broken, finding, not_tried
from xacct_kit.steps.removal.calls import plan_removal
from xacct_kit.steps.removal.gone import prove_gone
from xacct_kit.steps.removal.left_behind import remove_left_behind
from xacct_kit.steps.removal.undeleted import Undeleted, remove_undeleted, undeleted
from xacct_kit.steps.stack.change import Stack
from xacct_kit.steps.stack.location import instance_stack
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, silent

_ACCESS = (
    "Set access_role to a role that the operator may assume there, or let the account's administrator delete "
    "the stack."
)
_PROTECTED = (
    "Whoever protected it decides: switch the protection off (cloudformation:UpdateTerminationProtection), "
    "and offboard again."
)
_RETAINED = "It is not of the role's template: whoever added it to the stack decides what becomes of it."
_AGAIN = "Mend the failure that is named, and offboard again."


def offboard(session: Session, *, progress: Progress = silent) -> Report:
    """Offboard every account of the params.

    Offboarding again changes nothing where nothing is left.

    Parameters:
        session: whose run it is.
        progress: is told what is removed, every event of the stack, and what is waited for.

    Returns:
        For each account: what was removed, what is left and why, and the proof that the role is gone.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in offboard_account(session, account, progress))


def offboard_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Offboard one account: remove canaries, stack and role, and prove that it can no longer be assumed.

    A stack that a stack set has made is the stack set's to delete: see
    `xacct_kit.fleet.stack_set_removal.remove_stack_instances`.
    """
    canaries = list(remove_in_account(session, account, progress))
    # What was true before the stack went is asked again.
    deployer = session.deployer(account, anew=True)
    if deployer.caller is None:
        question = _question(account, deployer_name(session))
        why = f"Nobody here may act in {account}, so the stack is not removed."
        rows = [not_tried(session, question, why, _ACCESS, deployer.answer.outcome)]
        removed = False
    else:
        rows, removed = _guarded(session, account, deployer.caller, progress)
        rows += remove_left_behind(session, deployer.caller, progress) if removed else ()
        removed = removed and all(row.verdict.green for row in rows)
    proof = prove_gone(session, account, deployer.caller, progress, removed=removed)
    # A role that is gone is not new: the next refusal is a verdict.
    session.role_changed.pop(account, None)
    return [*canaries, *rows, *proof]


def confirmed(accounts: Iterable[str], typed: Iterable[str]) -> None:
    """Check that whoever offboards accounts has typed their IDs again.

    Parameters:
        accounts: the accounts that are to be offboarded.
        typed: what was typed.

    Raises:
        RequestError: it is not the same accounts.
    """
    wanted, given = set(accounts), {each.strip() for each in typed}
    faults = [
        f"{account} is to be offboarded, and was not typed again" for account in sorted(wanted - given)
    ] + [f"{account!r} was typed, and is not to be offboarded" for account in sorted(given - wanted)]
    if faults or not wanted:
        raise RequestError("Nothing is removed: " + ("; ".join(faults) or "no account is named") + ".")


def _guarded(
    session: Session, account: str, caller: Caller, progress: Progress
) -> tuple[list[Finding], bool]:
    """What became of the stack, and whether there is none any more; a failure is a row."""
    rows, question, name = list[Finding](), _question(account, caller.name), session.params.stack_name
    try:
        return rows, _removed(session, question, caller, progress, rows)
    except StackFailure as failure:
        why = f"The stack {name} was not deleted. {failure.why}"
        outcome, fix = failure.outcome, failure.fix or _AGAIN
        rows.append(finding(session, question, outcome, verdict=failure.verdict, why=why, fix=fix))
    except Exception as error:
        rows.append(broken(session, question, error))
    return rows, False


def _removed(
    session: Session, question: Question, caller: Caller, progress: Progress, rows: list[Finding]
) -> bool:
    """Remove the stack, as far as it is this step's to remove; whether there is none any more."""
    name = session.params.stack_name
    instance = instance_stack(session, question.account)
    if instance is not None:
        why = f"The stack {instance} is the stack set {name}'s, which has not let go of it: it is left to it."
        rows.append(not_tried(session, question, why, "See what the stack set says, and offboard again."))
        return False
    described = Stack(session, caller, name, progress).describe()
    if described is None:
        why = f"There is no stack {name}: no stack is removed."
        rows.append(finding(session, question, ALLOWED, why=why))
        return True
    if described.get("EnableTerminationProtection"):
        rows.append(_protected(session, question))
        return False
    progress(f"{name} is deleted in {question.account}")
    # A deleted stack is known by its ID alone.
    stack = Stack(session, caller, described["StackId"], progress)
    return _deleted(session, question, caller, stack, progress, rows)


def _protected(session: Session, question: Question) -> Finding:
    name = session.params.stack_name
    return finding(
        session,
        question,
        Outcome(kind=OutcomeKind.VALIDATION, evidence={"code": "TerminationProtection"}),
        verdict=Verdict.FAIL,
        why=f"The stack {name} is protected against termination, and was not deleted.",
        fix=_PROTECTED,
        patch=(_unprotect(question.account, name),),
    )


def _unprotect(account: str, name: str) -> dict[str, object]:
    return {
        "account": account,
        "service": "cloudformation",
        "operation": "UpdateTerminationProtection",
        "params": {"StackName": name, "EnableTerminationProtection": False},
    }


def _deleted(
    session: Session,
    question: Question,
    caller: Caller,
    stack: Stack,
    progress: Progress,
    rows: list[Finding],
) -> bool:
    """Delete the stack; what it cannot delete of the role is removed for it, and the rest is retained.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
    """
    name, removed, retained = session.params.stack_name, set[str](), dict[str, Undeleted]()
    status = stack.delete()
    # First the role may stand in the way, then its boundary, and in the end that they have gone already.
    for _ in range(len(RESOURCE_TYPES) + 1):
        found = {each.logical_id: each for each in undeleted(stack)} if status == "DELETE_FAILED" else {}
        tried = {key for key, each in found.items() if each.is_of_template} - removed
        cleared = remove_undeleted(session, caller, name, [found[key] for key in tried], progress)
        rows += cleared
        if not found or not all(row.verdict.green for row in cleared):
            break
        removed |= tried
        retained |= {key: each for key, each in found.items() if key not in tried}
        status = stack.delete(retain=found.keys() - tried)
    if status == "DELETE_FAILED":
        rows.append(_not_deleted(session, question, stack))
        return False
    rows.append(finding(session, question, ALLOWED, why=f"The stack {name} is deleted."))
    rows += [_retained(session, question, caller, retained[key]) for key in sorted(retained.keys() - removed)]
    return True


def _not_deleted(session: Session, question: Question, stack: Stack) -> Finding:
    first = stack.first_failure("DELETE_FAILED")
    why = f"The stack {session.params.stack_name} could not be deleted. {first}".rstrip()
    outcome = Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": "DELETE_FAILED", "message": first})
    return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_AGAIN)


def _retained(session: Session, question: Question, caller: Caller, each: Undeleted) -> Finding:
    """What the stack was deleted without, which is not the kit's to remove."""
    outcome = Outcome(
        kind=OutcomeKind.SERVICE_ERROR, evidence={"code": "DELETE_FAILED", "message": each.reason}
    )
    why = f"The stack {session.params.stack_name} is deleted without {each}"
    patch = plan_removal(session, caller, each.type, each.name).calls
    return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_RETAINED, patch=patch)


def _question(account: str, caller: str) -> Question:
    return Question(
        step="offboard", probe="stack", account=account, caller=caller, action="cloudformation:DeleteStack"
    )
