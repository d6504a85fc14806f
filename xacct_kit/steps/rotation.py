"""The rotation of the external ID: a new one in every account, proven, and the old one proven to be refused.

The new one is kept beside the old one before any account gets it, and takes its place when it is proven in
all. So a rotation that breaks off, wherever it does, goes on when it is started again, and both are known
until then. Between an account's update and the end, who sends what is at the reference is refused there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.external_ids import Keeping, checked, keeping_of, new_external_id
from xacct_kit.aws.redaction import InProcess
from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.drift import named
from xacct_kit.role.template import CAPABILITIES
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.findings import ALLOWED, NOT_KNOWN, Question, answered, finding, guarded, no_access
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.stack.change import Stack
from xacct_kit.steps.stack.deployment import deploy_stack
from xacct_kit.steps.waiting import Progress, silent

PARAMETER = "ExternalId"

# A stack in another state than these, or than one that ends in one of them, is not updated.
_UPDATABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})


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


def begin_rotation(session: Session, progress: Progress = silent) -> None:
    """Make the new external ID and keep it beside the old one; one that is there already is gone on with.

    Raises:
        ParamsError: there is none at the reference, or none can be kept there.
        AccessError: one cannot be read or kept.
    """
    keeping = keeping_of(session.params.external_id, session.ask)
    # Whether there is an old one, and it can be read, is found out before anything is made.
    _ = session.external_id
    session.next_external_id = _pending(session, keeping)
    if session.next_external_id is not None:
        progress(f"a rotation is under way: it goes on with the external ID at {keeping.beside}")
        return
    external_id = new_external_id()
    session.redact.learn_external_id(external_id)
    progress(f"a new external ID is kept at {keeping.beside}")
    keeping.set_aside(external_id)
    session.next_external_id = external_id


def update_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Give the stack of one account the new external ID; what it brings is for `prove_account` to say.

    Returns:
        What became of the stack.
    """
    question = _stack_question(session, account, "cloudformation:ExecuteChangeSet")
    return [guarded(session, question, partial(_updated, session, question, progress))]


def finish_rotation(session: Session, findings: Iterable[Finding], progress: Progress = silent) -> Finding:
    """Switch the reference to the new external ID, if the findings prove it in every account of the params.

    Parameters:
        session: the one that the rotation was begun by.
        findings: what `update_account`, or a stack set in its place, and `prove_account` found.
        progress: is told when the reference is switched.
    """
    question = rotation_question("switch-reference", session.operator.account, session.operator.name)
    service = session.params.external_id.partition(":")[0]
    question = replace(question, action=_WRITING.get(service, "file:Write"))
    return guarded(session, question, partial(_switched, session, question, findings, progress))


# The action by which the reference comes to hold another.
_WRITING: Mapping[str, str] = {
    "ssm": "ssm:PutParameter",
    "secretsmanager": "secretsmanager:UpdateSecretVersionStage",
}


def under_way(session: Session) -> Rotation:
    """The rotation that is under way; the new external ID is read once a session, and not once an account.

    Raises:
        ParamsError: there is none.
        AccessError: the new external ID, or the old one, cannot be read.
    """
    keeping = keeping_of(session.params.external_id, session.ask)
    if session.next_external_id is None:
        session.next_external_id = _pending(session, keeping)
    if session.next_external_id is None:
        raise _nothing_under_way(keeping)
    return Rotation(keeping=keeping, old=session.external_id, new=session.next_external_id)


def parameters_with(external_id: str, present: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parameters of a stack or a stack set as they are, with another external ID.

    Parameters:
        external_id: the external ID that it gets.
        present: its parameters, as they are described.
    """
    names = [each["ParameterKey"] for each in present]
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in names if name != PARAMETER]
    return [{"ParameterKey": PARAMETER, "ParameterValue": external_id}, *kept]


def _stack_question(session: Session, account: str, action: str) -> Question:
    """Whether the stack of an account gets the new external ID."""
    return replace(rotation_question("rotate-stack", account, deployer_name(session)), action=action)


def rotation_question(probe: str, account: str, caller: str) -> Question:
    """What a rotation asks of an account."""
    return Question(step="rotate", probe=probe, account=account, caller=caller, action="sts:AssumeRole")


def _pending(session: Session, keeping: Keeping) -> str | None:
    found = keeping.pending()
    if found is None:
        return None
    session.redact.learn_external_id(checked(found, keeping.beside))
    return found


def _nothing_under_way(keeping: Keeping) -> ParamsError:
    return ParamsError([f"external_id: no rotation is under way: there is nothing at {keeping.beside}"])


def _updated(session: Session, question: Question, progress: Progress) -> Finding:
    """The finding of the stack."""
    rotation = under_way(session)
    access = session.deployer(question.account)
    if access.caller is None:
        return no_access(session, question, access)
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
    progress(f"{question.account}: {name} gets the new external ID")
    return _deployed(session, question, access.caller, _request(stack, rotation.new), progress)


def _fault(name: str, stack: Mapping[str, Any] | None) -> str:
    """Why a stack cannot be given another external ID; empty where it can."""
    if stack is None:
        return f"There is no stack {name}, so there is no external ID to change."
    status = str(stack["StackStatus"])
    if status not in _UPDATABLE and not status.endswith("_IN_PROGRESS"):
        return f"The stack {name} is {status} and cannot be updated."
    if PARAMETER not in {each["ParameterKey"] for each in stack.get("Parameters", ())}:
        return f"The stack {name} has no parameter {PARAMETER}: it was made of another template."
    return ""


def _request(stack: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """The stack as it is, with another external ID: a rotation changes nothing else."""
    return {
        "UsePreviousTemplate": True,
        "Parameters": parameters_with(external_id, stack["Parameters"]),
        "Capabilities": list(CAPABILITIES),
        "Tags": [dict(tag) for tag in stack.get("Tags", ())],
    }


def _deployed(
    session: Session, question: Question, caller: Caller, request: Mapping[str, Any], progress: Progress
) -> Finding:
    stack = Stack(session, caller, session.params.stack_name, progress)
    row = deploy_stack(
        session,
        question,
        stack,
        request,
        changed="has the new external ID now",
        unchanged="has the new external ID already",
        failed="did not get the new external ID",
    )
    if row.verdict.green:
        # An earlier rotation, which broke off, may have changed it a moment ago.
        note_change(session, question.account)
    return row


def _switched(
    session: Session, question: Question, findings: Iterable[Finding], progress: Progress
) -> Finding:
    rotation = under_way(session)
    proven, open_ = _proven(session.params.accounts, findings)
    if open_ or not proven:
        return _not_switched(session, question, rotation, proven, open_)
    _check_unchanged(session, rotation)
    reference = rotation.keeping.reference
    progress(f"{reference} is switched to the new external ID")
    rotation.keeping.promote()
    session.next_external_id = None
    session.reread_external_id()
    if session.external_id != rotation.new:
        why = f"{reference} was written, and still another external ID is read there."
        fix = "Look at who else writes there, then rotate again."
        return finding(session, question, NOT_KNOWN, verdict=Verdict.UNKNOWN, why=why, fix=fix)
    why = (
        f"{reference} holds the new external ID, which every account accepts ({len(proven)}); the old one is "
        "refused. Of accounts that this rotation was not for nothing is said. Service Workbench keeps a "
        "copy of its own for each account: enter the new one there."
    )
    return finding(session, question, ALLOWED, why=why)


def _check_unchanged(session: Session, rotation: Rotation) -> None:
    """Refuse to switch to another external ID than the one that was proven.

    Raises:
        ParamsError: somebody else has ended the rotation meanwhile, or begun another.
    """
    pending = _pending(session, rotation.keeping)
    if pending is None:
        raise _nothing_under_way(rotation.keeping)
    if pending != rotation.new:
        raise ParamsError(
            [
                f"external_id: what is at {rotation.keeping.beside} has changed since this rotation began: "
                "somebody else rotates too; rotate again when they have ended"
            ]
        )


# What must be green in an account, and whether a check that was skipped is enough.
_PROOFS: Mapping[str, frozenset[Verdict]] = {
    "rotate-stack": frozenset({Verdict.PASS}),
    "new-id-is-accepted": frozenset({Verdict.PASS}),
    "old-id-is-refused": frozenset({Verdict.PASS, Verdict.SKIPPED}),
}


def _proven(accounts: Sequence[str], findings: Iterable[Finding]) -> tuple[list[str], list[str]]:
    """The accounts in which the new external ID is proven and the old one refused, and the others."""
    passed: defaultdict[str, set[str]] = defaultdict(set)
    for row in findings:
        if row.step == "rotate" and row.verdict in _PROOFS.get(row.probe, ()):
            passed[row.account].add(row.probe)
    proven = {account for account, probes in passed.items() if probes == _PROOFS.keys()}
    return [each for each in accounts if each in proven], [each for each in accounts if each not in proven]


def _not_switched(
    session: Session, question: Question, rotation: Rotation, proven: list[str], open_: list[str]
) -> Finding:
    keeping = rotation.keeping
    where = f"it is proven in {named(proven)}" if proven else "it is proven in no account"
    why = (
        f"{keeping.reference} keeps the old external ID. The new one is at {keeping.beside}: {where}, not in "
        f"{named(open_)}; the rows of an account say which it accepts."
    )
    fix = (
        "Mend what the rows say and rotate again, which goes on with the same new external ID; or deploy the "
        f"role again, which brings the old one back to every account, and remove {keeping.beside}."
    )
    return finding(session, question, NOT_KNOWN, verdict=Verdict.FAIL, why=why, fix=fix)
