"""The offboard step: canaries and stack are removed, and the role is proven to be gone.

What somebody else has made is not removed, but named with the calls that would; termination protection is not
switched off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.errors import RequestError
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.steps.findings import Question, broken, finding, not_tried
from xacct_kit.steps.gone import prove_gone
from xacct_kit.steps.leftovers import remove_in_account
from xacct_kit.steps.removal_calls import removal_calls
from xacct_kit.steps.stack_location import instance_stack
from xacct_kit.steps.stack_view import failure_of
from xacct_kit.steps.stacks import Stack, StackFailure
from xacct_kit.steps.waiting import Progress, silent

_ACCESS = (
    "Set access_role to a role that the operator may assume there, or let the account's administrator delete "
    "the stack."
)
_PROTECTED = (
    "Whoever protected it decides: switch the protection off (cloudformation:UpdateTerminationProtection), "
    "and offboard again."
)
_RETAINED = "Make the calls of the patch, as an administrator of the account, and offboard again."
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
    """Offboard one account: remove canaries and stack, and prove that the role can no longer be assumed.

    A stack that a stack set has made is the stack set's to delete: see
    `xacct_kit.fleet.stack_set_removal.remove_stack_instances`.
    """
    canaries = list(remove_in_account(session, account, progress))
    # What was true before the stack went is asked again.
    deployer = session.deployer(account, anew=True)
    if deployer.caller is None:
        question = _question(account, session.params.access_role or session.operator.name)
        why = f"Nobody here may act in {account}, so the stack is not removed."
        stack = [not_tried(session, question, why, _ACCESS, deployer.answer.outcome)]
    else:
        stack = _guarded(session, account, deployer.caller, progress)
    proof = prove_gone(session, account, deployer.caller, progress)
    # A role that is gone is not new: the next refusal is a verdict.
    session.role_changed.pop(account, None)
    return [*canaries, *stack, *proof]


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


def _guarded(session: Session, account: str, caller: Caller, progress: Progress) -> list[Finding]:
    """The findings of the stack; a failure of one account is a row of it."""
    question = _question(account, caller.name)
    try:
        return list(_removed(session, question, caller, progress))
    except StackFailure as failure:
        why = f"The stack {session.params.stack_name} was not deleted. {failure.why}"
        outcome, fix = failure.outcome, failure.fix or _AGAIN
        return [finding(session, question, outcome, verdict=failure.verdict, why=why, fix=fix)]
    except Exception as error:
        return [broken(session, question, error)]


def _removed(session: Session, question: Question, caller: Caller, progress: Progress) -> Iterator[Finding]:
    name = session.params.stack_name
    tell = partial(finding, session, question)
    instance = instance_stack(session, question.account)
    if instance is not None:
        why = f"The stack {instance} is the stack set {name}'s, which has not let go of it: it is left to it."
        yield not_tried(session, question, why, "See what the stack set says, and offboard again.")
        return
    stack = Stack(session, caller, name, progress)
    described = stack.describe()
    if described is None:
        yield tell(Outcome(kind=OutcomeKind.ALLOWED), why=f"There is no stack {name}: nothing is removed.")
        return
    if described.get("EnableTerminationProtection"):
        yield tell(
            Outcome(kind=OutcomeKind.VALIDATION, evidence={"code": "TerminationProtection"}),
            verdict=Verdict.FAIL,
            why=f"The stack {name} is protected against termination, and was not deleted.",
            fix=_PROTECTED,
            patch=(_unprotect(question.account, name),),
        )
        return
    progress(f"{name} is deleted in {question.account}")
    status = stack.delete()
    if status == "DELETE_FAILED":
        yield from _retained(session, question, stack, caller)
        return
    yield tell(Outcome(kind=OutcomeKind.ALLOWED), why=f"The stack {name} is deleted.")


def _unprotect(account: str, name: str) -> dict[str, object]:
    return {
        "account": account,
        "service": "cloudformation",
        "operation": "UpdateTerminationProtection",
        "params": {"StackName": name, "EnableTerminationProtection": False},
    }


def _retained(session: Session, question: Question, stack: Stack, caller: Caller) -> Iterator[Finding]:
    """Delete a stack without the resources that it could not, and name each of those.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
    """
    reasons = {event["LogicalResourceId"]: failure_of(event) for event in stack.failures("DELETE_FAILED")}
    left = [each for each in stack.resources() if each["ResourceStatus"] == "DELETE_FAILED"]
    names = [each["LogicalResourceId"] for each in left]
    status = stack.delete(retain=names) if names else "DELETE_FAILED"
    if status == "DELETE_FAILED":
        why = f"The stack {stack.name} could not be deleted. {stack.first_failure(status)}"
        outcome = Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": status})
        yield finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=_AGAIN)
        return
    for resource in left:
        kind, name = resource["ResourceType"], resource.get("PhysicalResourceId", "")
        reason = reasons.get(resource["LogicalResourceId"], "CloudFormation gives no reason.")
        yield finding(
            session,
            question,
            Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": "DELETE_FAILED", "message": reason}),
            verdict=Verdict.FAIL,
            why=f"The stack {stack.name} is deleted, but {name} ({kind}) is retained. {reason}",
            fix=_RETAINED,
            patch=removal_calls(session, caller, kind, name),
        )


def _question(account: str, caller: str) -> Question:
    return Question(
        step="offboard", probe="stack", account=account, caller=caller, action="cloudformation:DeleteStack"
    )
