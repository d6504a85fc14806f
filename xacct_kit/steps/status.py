"""The status step: how an account stands, why, since when, and what to do next.

CURRENT is said only of a stack whose template, parameters and tags, and whose live role, are by their meaning
what the params and the profile say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report
from xacct_kit.role.drift import DifferenceKind
from xacct_kit.steps.assessment import Assessment
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.findings import Question, finding, guarded
from xacct_kit.steps.propagation import settling_bound, told_time
from xacct_kit.steps.reach import Reach, reach, refusals, seen_from_main
from xacct_kit.steps.role_comparison import RoleComparison, compare_role
from xacct_kit.steps.stack.comparison import StackDifferences, shortened, stack_differences
from xacct_kit.steps.stack.location import stack_of
from xacct_kit.steps.stack.states import VERDICTS, Standing, state_at, state_of
from xacct_kit.steps.stack.view import StackFailure, StackView
from xacct_kit.steps.waiting import Progress, attempts, silent

_LONGEST_PAUSE = 15.0

_UPDATE = "See what would change (xacct plan PARAMS), and deploy: xacct deploy PARAMS."
_REPAIR = (
    "The role was changed past its stack, and deploying does not change it back: xacct drift PARAMS names "
    "each difference, what it permits, and how it is put right."
)
_READ = "Let whoever reads the account call what is named, and ask again."
_ROLE_WITHOUT_STACK = (
    "Find out who made the role. Remove it, or take it over into a stack "
    "(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html), and deploy."
)

_SAME = "Template, parameters, tags and role are what they must be."

_OUTCOMES: Mapping[Standing, OutcomeKind] = {
    Standing.NEEDS_ONBOARD: OutcomeKind.NOT_FOUND,
    Standing.PENDING: OutcomeKind.UNKNOWN,
    Standing.CURRENT: OutcomeKind.ALLOWED,
    Standing.NEEDS_UPDATE: OutcomeKind.ALLOWED,
    Standing.ERRORED: OutcomeKind.SERVICE_ERROR,
    Standing.UNKNOWN: OutcomeKind.UNKNOWN,
}


def check_status(session: Session, *, progress: Progress = silent) -> Report:
    """Say how every account of the params stands; nothing is changed.

    Parameters:
        session: whose run it is.
        progress: is told nothing: nothing is waited for.

    Returns:
        A finding an account.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, _progress: Progress = silent) -> list[Finding]:
    """Say how one account stands; nothing is changed.

    Returns:
        One finding, `standing`. Its evidence has `standing`, `stack_status`, `since` and `age_seconds`.
    """
    question = _question(account, deployer_name(session))
    return [guarded(session, question, partial(_assessed, session, account))]


def _assessed(session: Session, account: str) -> Finding:
    return _told(session, account, assess(session, account))


def wait_until_onboarded(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Wait until an account is CURRENT, for no longer than the params say; nothing is changed.

    It ends where nothing is under way that could make it so: where CloudFormation has failed, and where the
    account differs. Where nobody here may read the account, it ends when the role is proven to be assumable
    from main.

    Parameters:
        session: whose run it is.
        account: the member account.
        progress: is told the standing and the reason whenever they change.

    Returns:
        One finding, as of `check_account`.
    """
    question = _question(account, deployer_name(session))
    return [guarded(session, question, partial(_awaited, session, account, progress))]


def _awaited(session: Session, account: str, progress: Progress) -> Finding:
    last, seconds = "", session.params.wait_seconds
    for _ in attempts(seconds, first_pause=0.5, longest_pause=_LONGEST_PAUSE):
        found = assess(session, account)
        line = session.redact(f"{account}: {found.standing}: {found.reason}")
        if line != last:
            progress(line)
            last = line
        if found.standing is Standing.CURRENT or found.proven or not _under_way(session, found):
            return _told(session, account, found)
    waited = f"Waited {seconds} s (wait_seconds). {found.reason}"
    return _told(session, account, replace(found, reason=waited))


def _under_way(session: Session, found: Assessment) -> bool:
    """Whether the standing may change by itself, or by whoever is about to deploy."""
    if (found.stack_status or "").endswith("_IN_PROGRESS"):
        return True
    if found.standing is Standing.NEEDS_UPDATE:
        # IAM may still tell of the role as it was before.
        return found.age is None or found.age <= settling_bound(session)
    return found.standing is not Standing.ERRORED


def assess(session: Session, account: str) -> Assessment:
    """Find out how an account stands; nothing is changed."""
    reached = reach(session, account)
    if reached.reader is None:
        return seen_from_main(session, account, reached)
    try:
        view = StackView(session, reached.reader, stack_of(session, account))
        return _by_stack(session, account, view, reached.reader, reached)
    except StackFailure as failure:
        if reached.from_main:
            return seen_from_main(session, account, reached, failure.why)
        return Assessment(
            standing=Standing.UNKNOWN,
            reason=f"The stack cannot be read. {failure.why}",
            next_step=failure.fix or _READ,
            reader=reached.reader.name,
            outcome=replace(failure.outcome, kind=OutcomeKind.UNKNOWN),
        )


def _by_stack(session: Session, account: str, view: StackView, reader: Caller, reached: Reach) -> Assessment:
    described = view.describe()
    status = str(described["StackStatus"]) if described else None
    if described is None or status == "DELETE_COMPLETE":
        return _without_stack(session, reader, status)
    since = view.last_event() or described.get("LastUpdatedTime") or described["CreationTime"]
    age = max(0.0, (view.now - since).total_seconds())
    state = state_at(status, age, session.params.wait_seconds)
    first = view.first_failure(str(status)) if state.failed else ""
    found = Assessment(
        standing=state.standing,
        reason=f"The stack {session.params.stack_name} {state.reason} ({status}). {first}".rstrip(),
        next_step=state.next_step,
        reader=reader.name,
        stack_status=status,
        since=since,
        age=age,
    )
    if not state.compared:
        return found
    stack, role = stack_differences(session, view, described), compare_role(session, account, reader)
    return _compared(replace(found, proven=reached.proven), stack, role, refusals(session, reached))


def _without_stack(session: Session, reader: Caller, status: str | None) -> Assessment:
    """Where there is no stack; a role of that name is nobody's to deploy over."""
    params = session.params
    found = Assessment(
        standing=Standing.NEEDS_ONBOARD,
        reason=f"The stack {params.stack_name} {state_of(status).reason}",
        next_step=state_of(status).next_step,
        reader=reader.name,
        stack_status=status,
    )
    read = session.call(reader, "iam", "GetRole", RoleName=params.role_name)
    if read.absent:
        return replace(found, reason=f"{found.reason}, and there is no role {params.role_name}.")
    if not read.ok:
        unread = f"Whether there is a role {params.role_name} cannot be told: {read.outcome.reason}"
        return replace(found, reason=f"{found.reason}. {unread}")
    since = read.result["Role"]["CreateDate"]
    return replace(
        found,
        standing=Standing.ERRORED,
        reason=f"{found.reason}, but there is a role {params.role_name} that it did not make: a deployment "
        "would fail, since the name is taken.",
        next_step=_ROLE_WITHOUT_STACK,
        since=since,
        age=max(0.0, (told_time(read) - since).total_seconds()),
    )


def _compared(
    found: Assessment, stack: StackDifferences, role: RoleComparison, refused: tuple[str, ...]
) -> Assessment:
    """The standing of a stack that is deployed, by what it and its role differ in."""
    of_role = shortened([f"{each.severity}: {each.says}" for each in role.wrong])
    differences, unread = (*stack.differences, *refused, *of_role), (*stack.unread, *role.unread)
    if differences:
        return replace(
            found,
            standing=Standing.NEEDS_UPDATE,
            reason=" ".join([found.reason, *differences, *unread]),
            proven=False,
            next_step=_mending(stack, role),
        )
    if unread:
        why = "Whether it is what it must be cannot be told."
        reason = " ".join([found.reason, why, *unread])
        return replace(found, standing=Standing.UNKNOWN, reason=reason, next_step=_READ)
    return replace(found, reason=f"{found.reason} {_SAME}")


def _mending(stack: StackDifferences, role: RoleComparison) -> str:
    """What to do about differences: a parameter that is hidden may differ too."""
    if stack.differences:
        return _UPDATE
    other_id = any(each.kind is DifferenceKind.EXTERNAL_ID_CHANGED for each in role.wrong)
    return f"{_UPDATE} Where that changes nothing: {_REPAIR}" if other_id and stack.hidden else _REPAIR


def _told(session: Session, account: str, found: Assessment) -> Finding:
    outcome = Outcome(kind=_OUTCOMES[found.standing], evidence=found.evidence)
    return finding(
        session,
        _question(account, found.reader),
        outcome,
        verdict=VERDICTS[found.standing],
        why=found.why,
        fix=found.next_step,
    )


def _question(account: str, caller: str) -> Question:
    return Question(
        step="status",
        probe="standing",
        account=account,
        caller=caller,
        action="cloudformation:DescribeStacks",
    )
