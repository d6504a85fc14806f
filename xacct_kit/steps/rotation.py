"""The rotation of the external ID: a new one in every account, proven, and the old one proven to be refused.

The new one is kept beside the old one before any account gets it, and takes its place when it is proven in
all. So a rotation that breaks off, wherever it does, goes on when it is started again, and both are known
until then. Between an account's update and the end, who sends what is at the reference is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Answer, Assumption, Caller
from xacct_kit.aws.external_ids import Keeping, checked, keeping_of, new_external_id
from xacct_kit.aws.redaction import InProcess
from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError
from xacct_kit.report import Expectation, Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.template import CAPABILITIES
from xacct_kit.steps.callers import assume_with
from xacct_kit.steps.findings import Question, answered, finding, guarded, not_tried, unproven
from xacct_kit.steps.propagation import note_change, settled
from xacct_kit.steps.stacks import Stack, StackFailure
from xacct_kit.steps.waiting import Progress, attempts, silent

_PARAMETER = "ExternalId"

# A stack in another state than these, or than one that ends in one of them, is not updated.
_UPDATABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})

# IAM gives no bound: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
_SETTLING_SECONDS = 120.0
# One refusal may come from a place that knows the change before others do.
_IN_A_ROW = 2


@dataclass(frozen=True, kw_only=True)
class Rotation(InProcess):
    """A rotation that is under way.

    Attributes:
        keeping: where the external IDs are kept.
        old: the one at the reference.
        new: the one beside it; the same where a rotation broke off at its very end.
    """

    keeping: Keeping
    old: str = field(repr=False)
    new: str = field(repr=False)


def rotate_external_id(session: Session, *, progress: Progress = silent) -> Report:
    """Give every account of the params a new external ID, which comes to stand at the params' reference.

    Where one account is not proven, the reference keeps the old one, and the findings say which is valid
    where: mend what they say and rotate again, which goes on with the same new one.

    Parameters:
        session: whose run it is.
        progress: is told each part as it begins.

    Returns:
        For each account what became of its stack, of the new and of the old external ID; and whether the
        reference was switched.

    Raises:
        ParamsError: there is none at the reference, or none can be kept there.
        AccessError: one cannot be read or kept.
    """
    begin_rotation(session, progress)
    accounts = session.params.accounts
    rows = [row for account in accounts for row in rotate_account(session, account, progress)]
    return Report.of((*rows, finish_rotation(session, rows, progress)))


def begin_rotation(session: Session, progress: Progress = silent) -> None:
    """Make the new external ID and keep it beside the old one; one that is there already is gone on with.

    Raises:
        ParamsError: there is none at the reference, or none can be kept there.
        AccessError: one cannot be read or kept.
    """
    if session.params.stack_set != "none":
        raise ParamsError(
            ["stack_set: the stacks of a stack set are not rotated one by one; update the stack set"]
        )
    keeping = keeping_of(session.params.external_id, session.ask)
    # Whether there is an old one, and it can be read, is found out before anything is made.
    _ = session.external_id
    if _pending(session, keeping) is not None:
        progress(f"a rotation is under way: it goes on with the external ID at {keeping.beside}")
        return
    external_id = new_external_id()
    session.redact.learn_external_id(external_id)
    progress(f"a new external ID is kept at {keeping.beside}")
    keeping.set_aside(external_id)


def rotate_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Give one account the new external ID, and prove it and the old one.

    Returns:
        What became of the stack, whether the new one is accepted, and whether the old one is refused.
    """
    question = _question("rotate-stack", account, session.params.access_role or session.operator.name)
    question = replace(question, action="cloudformation:ExecuteChangeSet")
    found: list[Rotation] = []

    def updated() -> Finding:
        found.append(_under_way(session))
        return _updated(session, question, found[0], progress)

    stack = guarded(session, question, updated)
    if not found:
        return [stack]
    rotation, waiting = found[0], stack.verdict.green
    accepted = _accepted(session, account, rotation, waiting, progress)
    return [stack, accepted, _old_refused(session, account, rotation, accepted.verdict.green, progress)]


def finish_rotation(session: Session, findings: Iterable[Finding], progress: Progress = silent) -> Finding:
    """Switch the reference to the new external ID, if the findings prove it in every account of the params.

    Parameters:
        session: whose run it is.
        findings: what `rotate_account` found, of every account.
        progress: is told when the reference is switched.
    """
    question = _question("switch-reference", session.operator.account, session.operator.name)
    service = session.params.external_id.partition(":")[0]
    question = replace(question, action=_WRITING.get(service, "file:Write"))
    return guarded(session, question, partial(_switched, session, question, tuple(findings), progress))


# The action by which the reference comes to hold another.
_WRITING: Mapping[str, str] = {
    "ssm": "ssm:PutParameter",
    "secretsmanager": "secretsmanager:UpdateSecretVersionStage",
}


def _pending(session: Session, keeping: Keeping) -> str | None:
    found = keeping.pending()
    if found is None:
        return None
    session.redact.learn_external_id(checked(found, keeping.beside))
    return found


def _under_way(session: Session) -> Rotation:
    keeping = keeping_of(session.params.external_id, session.ask)
    pending = _pending(session, keeping)
    if pending is None:
        raise ParamsError([f"external_id: no rotation is under way: there is nothing at {keeping.beside}"])
    return Rotation(keeping=keeping, old=session.external_id, new=pending)


def _updated(session: Session, question: Question, rotation: Rotation, progress: Progress) -> Finding:
    """The finding of the stack."""
    account, access = question.account, session.deployer(question.account)
    if access.caller is None:
        fix = "See the preflight step: set access_role to a role that the operator may assume there."
        return not_tried(session, question, f"Nobody here may act in {account}.", fix, access.answer.outcome)
    name = session.params.stack_name
    described = session.call(access.caller, "cloudformation", "DescribeStacks", StackName=name)
    if not described.ok and not described.absent:
        return answered(session, question, described)
    stack = next(iter(described.result.get("Stacks", ())), None)
    fault = _fault(name, stack)
    if stack is None or fault:
        failed = Outcome(kind=OutcomeKind.NOT_FOUND, evidence=described.outcome.evidence)
        fix = "Deploy the role, or take the account out of member_accounts; then rotate again."
        return finding(session, question, failed, why=fault, fix=fix)
    progress(f"{account}: {name} gets the new external ID")
    return _deployed(session, question, access.caller, _request(stack, rotation.new), progress)


def _fault(name: str, stack: Mapping[str, Any] | None) -> str:
    """Why a stack cannot be given another external ID; empty where it can."""
    if stack is None:
        return f"There is no stack {name}, so there is no external ID to change."
    status = str(stack["StackStatus"])
    if status not in _UPDATABLE and not status.endswith("_IN_PROGRESS"):
        return f"The stack {name} is {status} and cannot be updated."
    if _PARAMETER not in {each["ParameterKey"] for each in stack.get("Parameters", ())}:
        return f"The stack {name} has no parameter {_PARAMETER}: it was made of another template."
    return ""


def _request(stack: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """The stack as it is, with another external ID: a rotation changes nothing else."""
    names = [each["ParameterKey"] for each in stack["Parameters"]]
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in names if name != _PARAMETER]
    return {
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": _PARAMETER, "ParameterValue": external_id}, *kept],
        "Capabilities": list(CAPABILITIES),
        "Tags": [dict(tag) for tag in stack.get("Tags", ())],
    }


def _deployed(
    session: Session, question: Question, caller: Caller, request: Mapping[str, Any], progress: Progress
) -> Finding:
    stack = Stack(session, caller, session.params.stack_name, progress)
    try:
        changed = stack.deploy(request)
    except StackFailure as failure:
        why = f"{stack.name} did not get the new external ID. {failure.why}"
        return finding(session, question, failure.outcome, verdict=failure.verdict, why=why, fix=failure.fix)
    finally:
        # A deployment of which nothing more was heard may have changed the role all the same.
        if stack.touched:
            note_change(session, question.account)
    state = "has the new external ID now" if changed else "has the new external ID already"
    return finding(
        session, question, Outcome(kind=OutcomeKind.ALLOWED), why=f"The stack {stack.name} {state}."
    )


def _accepted(
    session: Session, account: str, rotation: Rotation, waiting: bool, progress: Progress
) -> Finding:
    """Whether the role can be assumed with the new external ID."""
    question = _question("new-id-is-accepted", account, "trusted principals")
    place = rotation.keeping.beside

    def check() -> Finding:
        progress(f"{account}: the new external ID is tried")
        assumption = _tried(session, account, rotation.new, progress if waiting else None)
        if assumption is None:
            return _nobody(session, question)
        role = session.params.role_name
        if assumption.caller:
            return answered(
                session, question, assumption.answer, why=f"{role} accepts the new one, kept at {place}."
            )
        row = unproven(answered(session, question, assumption.answer))
        return replace(
            row,
            why=f"{role} is not proven to accept the new one, kept at {place}. {row.why}",
            fix=row.fix or _FIX,
        )

    return guarded(session, question, check)


def _old_refused(
    session: Session, account: str, rotation: Rotation, waiting: bool, progress: Progress
) -> Finding:
    """Whether the role can no longer be assumed with the old external ID."""
    question = _question("old-id-is-refused", account, "trusted principals")
    question = replace(question, expected=Expectation.DENIED)

    def check() -> Finding:
        if rotation.old == rotation.new:
            why = "The reference holds the new external ID already, as it was proven before."
            return finding(session, question, _NOTHING, verdict=Verdict.SKIPPED, why=why)
        progress(f"{account}: the old external ID is tried")
        assumption = _tried_until_refused(session, account, rotation.old, waiting)
        if assumption is None:
            return _nobody(session, question)
        return _judged(session, question, rotation, assumption.answer)

    return guarded(session, question, check)


_NOTHING = Outcome(kind=OutcomeKind.UNKNOWN)
_FIX = "Mend what the row of the stack says, then rotate again: it goes on with the same new external ID."


def _judged(session: Session, question: Question, rotation: Rotation, answer: Answer) -> Finding:
    role, reference = session.params.role_name, rotation.keeping.reference
    row = answered(session, question, answer)
    if answer.ok:
        return replace(row, why=f"{role} still accepts the old one, kept at {reference}.", fix=_FIX)
    if row.verdict is Verdict.PASS:
        return replace(row, why=f"{role} refuses the old one, kept at {reference} until then, as it should.")
    return row


def _tried(session: Session, account: str, external_id: str, progress: Progress | None) -> Assumption | None:
    """What comes of assuming the role; with a progress, a refusal is asked again while the change is new."""
    first = assume_with(session, account, external_id)
    if first is None or progress is None:
        return first

    def ask() -> Assumption:
        return assume_with(session, account, external_id) or first

    return settled(session, account, ask, lambda assumption: assumption.answer.outcome, progress)


def _tried_until_refused(
    session: Session, account: str, external_id: str, waiting: bool
) -> Assumption | None:
    """What comes of assuming the role; where it is waited for, what is accepted still is asked again."""
    seconds = min(_SETTLING_SECONDS, session.params.wait_seconds) if waiting else 0.0
    refused, assumption = 0, None
    for _ in attempts(seconds, first_pause=0.1):
        assumption = assume_with(session, account, external_id)
        denied = assumption is not None and assumption.answer.outcome.kind.denied
        refused = refused + 1 if denied else 0
        if assumption is None or refused == _IN_A_ROW or not waiting:
            break
    return assumption


def _nobody(session: Session, question: Question) -> Finding:
    role = session.params.role_name
    why = f"The operator can act as nobody that may assume {role}, so the external ID is not proven."
    fix = "Let the operator assume a role of the main account that the trust policy names; then rotate again."
    return not_tried(session, question, why, fix)


def _switched(
    session: Session, question: Question, findings: Sequence[Finding], progress: Progress
) -> Finding:
    rotation = _under_way(session)
    proven, open_ = _proven(session.params.accounts, findings)
    if open_:
        return _not_switched(session, question, rotation, proven, open_)
    reference = rotation.keeping.reference
    progress(f"{reference} is switched to the new external ID")
    rotation.keeping.promote()
    session.reread_external_id()
    if session.external_id != rotation.new:
        why = f"{reference} was written, and still another external ID is read there."
        fix = "Look at who else writes there, then rotate again."
        return finding(session, question, _NOTHING, verdict=Verdict.UNKNOWN, why=why, fix=fix)
    why = (
        f"{reference} holds the new external ID, which every account accepts ({len(proven)}); the old one is "
        "refused. Service Workbench keeps a copy of its own for each account: enter the new one there."
    )
    return finding(session, question, Outcome(kind=OutcomeKind.ALLOWED), why=why)


def _proven(accounts: Sequence[str], findings: Sequence[Finding]) -> tuple[list[str], list[str]]:
    """The accounts in which the new external ID is proven and the old one refused, and the others."""
    accepted = {row.account for row in findings if row.probe == "new-id-is-accepted" and _passed(row)}
    refused = {row.account for row in findings if row.probe == "old-id-is-refused" and row.verdict.green}
    stacks = {row.account for row in findings if row.probe == "rotate-stack" and _passed(row)}
    proven = accepted & refused & stacks
    return [each for each in accounts if each in proven], [each for each in accounts if each not in proven]


def _passed(row: Finding) -> bool:
    return row.verdict is Verdict.PASS


def _not_switched(
    session: Session, question: Question, rotation: Rotation, proven: Sequence[str], open_: Sequence[str]
) -> Finding:
    keeping = rotation.keeping
    where = f"it is proven in {_listed(proven)}" if proven else "it is proven in no account"
    why = (
        f"{keeping.reference} keeps the old external ID. The new one is at {keeping.beside}: {where}, not in "
        f"{_listed(open_)}; the rows of an account say which it accepts."
    )
    fix = (
        "Mend what the rows say and rotate again, which goes on with the same new external ID; or deploy the "
        f"role again, which brings the old one back to every account, and remove {keeping.beside}."
    )
    return finding(session, question, _NOTHING, verdict=Verdict.FAIL, why=why, fix=fix)


def _listed(accounts: Sequence[str], most: int = 3) -> str:
    more = len(accounts) - most
    return ", ".join(accounts[:most]) + (f" and {more} more" if more > 0 else "")


def _question(probe: str, account: str, caller: str) -> Question:
    return Question(step="rotate", probe=probe, account=account, caller=caller, action="sts:AssumeRole")
