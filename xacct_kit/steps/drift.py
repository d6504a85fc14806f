"""The drift step: whether the role means what the profile says, and what CloudFormation says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.drift import DEPLOY, Difference, Severity, named
from xacct_kit.role.template import RESOURCE_TYPES
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.findings import Patch, Question, finding, no_access, skipped
from xacct_kit.steps.role_comparison import RoleComparison, compare_role
from xacct_kit.steps.stack.drift import StackDrift, stack_drift
from xacct_kit.steps.stack.location import stack_of
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, silent


def check_drift(session: Session, *, progress: Progress = silent) -> Report:
    """Find out in every account of the params whether the role is still what the profile says.

    Nothing is changed.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for.

    Returns:
        For each account: a finding for each difference, or one that there is none, and CloudFormation's word.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Find out in one account whether the role is still what the profile says."""
    access = session.deployer(account)
    if access.caller is None:
        return [no_access(session, question_of(account, deployer_name(session)), access)]
    return told(
        session, account, access.caller, compare_role(session, account, access.caller), progress=progress
    )


def told(
    session: Session, account: str, reader: Caller, comparison: RoleComparison, *, progress: Progress
) -> list[Finding]:
    """What a comparison came to, and what CloudFormation says, as findings.

    Parameters:
        session: whose run it is.
        account: the member account.
        reader: who reads there.
        comparison: the live role held against the profile.
        progress: is told what is waited for.
    """
    question = replace(
        question_of(account, reader.name), probe="cloudformation", action="cloudformation:DetectStackDrift"
    )
    seen: StackDrift | None = None
    try:
        seen = stack_drift(session, reader, stack_of(session, account), progress)
        by_cloudformation = _said(session, question, seen, comparison)
    except StackFailure as failure:
        outcome = replace(failure.outcome, kind=OutcomeKind.UNKNOWN)
        by_cloudformation = finding(
            session, question, outcome, verdict=Verdict.UNKNOWN, why=failure.why, fix=failure.fix
        )
    return [*_compared(session, account, reader, comparison, seen), by_cloudformation]


def question_of(account: str, caller: str, probe: str = "role-as-profile") -> Question:
    """What the comparison asks."""
    return Question(step="drift", probe=probe, account=account, caller=caller, action="iam:GetRole")


def _compared(
    session: Session, account: str, reader: Caller, comparison: RoleComparison, seen: StackDrift | None
) -> list[Finding]:
    rows = [
        _differing(
            session,
            question_of(account, reader.name, each.kind.value),
            each,
            _patch(session, account, each, seen),
        )
        for each in comparison.differences
    ]
    question, answer = question_of(account, reader.name), comparison.answer
    role, profile = session.params.role_name, session.params.profile
    if comparison.unread:
        outcome = replace(answer.outcome, kind=OutcomeKind.UNKNOWN)
        why = f"Whether all of {role} is what the profile {profile} says cannot be told."
        why = " ".join([why, *comparison.unread])
        fix = answer.outcome.fix or "Let the deployer read the role and its policies, and ask again."
        rows.append(finding(session, question, outcome, verdict=Verdict.UNKNOWN, why=why, fix=fix))
    elif comparison.same:
        why = (
            f"{role} is as the profile {profile} says: trust, policies, boundary and settings mean the same."
        )
        rows.append(finding(session, question, answer.outcome, why=why, seconds=answer.seconds))
    return rows


def _differing(session: Session, question: Question, difference: Difference, patch: Patch) -> Finding:
    missing = DEPLOY in difference.calls
    outcome = Outcome(
        kind=OutcomeKind.NOT_FOUND if missing else OutcomeKind.ALLOWED,
        evidence={
            "severity": difference.severity.value,
            "kind": difference.kind.value,
            "where": difference.where,
        },
    )
    green = difference.severity is Severity.INFO
    return finding(
        session,
        question,
        outcome,
        verdict=Verdict.PASS if green else Verdict.FAIL,
        why=f"{difference.severity}: {difference.says}",
        fix=_OF_A_STACK_SET if missing and session.params.stack_set != "none" else difference.fix,
        patch=patch,
    )


_OF_A_STACK_SET = (
    "Delete the stack set's instance in this account (cloudformation:DeleteStackInstances), and deploy "
    "again: deploying the stack set unchanged makes nothing anew."
)


def _patch(session: Session, account: str, difference: Difference, seen: StackDrift | None) -> Patch:
    """The calls that put a difference right, in the account."""
    if DEPLOY not in difference.calls:
        return tuple({"account": account, **call} for call in difference.calls)
    if session.params.stack_set != "none" or seen is None:
        # Which stack is to go first is for the stack set to say, or not known.
        return ()
    gone = {"service": "cloudformation", "operation": "DeleteStack", "params": {"StackName": seen.stack}}
    calls = [gone, DEPLOY] if seen.status else [DEPLOY]
    return tuple({"account": account, **call} for call in calls)


# The properties that the comparison by meaning looks at, under the names of CloudFormation's resource types.
# It looks at none of a resource that the role's template does not have.
_COMPARED = frozenset(
    {
        "AssumeRolePolicyDocument",
        "ManagedPolicyArns",
        "MaxSessionDuration",
        "Path",
        "PermissionsBoundary",
        "Policies",
        "PolicyDocument",
    }
)
_SEES_LESS = (
    "It compares the properties that the template sets, and no others: a policy that was attached to the "
    "role past the stack, or a setting that the template leaves alone, is none of them."
)
_BY_TEXT = (
    "CloudFormation compares with the stack's own template, value by value; what these values mean was held "
    "against the profile, and is the same."
)
_SHOWN = 5


def _said(session: Session, question: Question, seen: StackDrift, comparison: RoleComparison) -> Finding:
    """What CloudFormation says, and why it may say something else than the comparison."""
    if seen.status is None:
        why = f"There is no stack {seen.stack}, so CloudFormation has nothing to say."
        return skipped(session, question, why)
    evidence = {"stack_drift_status": seen.status, "properties": _listed(seen.properties)}
    outcome = Outcome(kind=OutcomeKind.ALLOWED, evidence=evidence)
    if seen.status == "IN_SYNC":
        why = f"CloudFormation says that the stack {seen.stack} is as its template says (IN_SYNC)."
        return finding(session, question, outcome, why=f"{why} {_SEES_LESS}" if comparison.wrong else why)
    if seen.status != "DRIFTED":
        why = f"CloudFormation does not say whether the stack {seen.stack} has drifted ({seen.status})."
        fix = "Look at the drift status of its resources in the console."
        return finding(session, question, outcome, verdict=Verdict.UNKNOWN, why=why, fix=fix)
    return _drifted(session, question, outcome, seen, comparison)


def _drifted(
    session: Session, question: Question, outcome: Outcome, seen: StackDrift, comparison: RoleComparison
) -> Finding:
    what = [f"{name} is gone" for name in seen.deleted]
    what += [f"it differs at {_listed(seen.properties)}"] if seen.properties else []
    why = f"CloudFormation says that the stack {seen.stack} has drifted (DRIFTED): {'; '.join(what)}."
    if comparison.wrong:
        fix = "Mend what the other findings of this step name, and ask again."
        return finding(session, question, outcome, verdict=Verdict.FAIL, why=why, fix=fix)
    if comparison.unread:
        fix = "Let the deployer read the role and its policies, and ask again."
        return finding(session, question, outcome, verdict=Verdict.UNKNOWN, why=why, fix=fix)
    if not what:
        fix = "Look at the drift status of its resources in the console."
        why = f"CloudFormation says that the stack {seen.stack} has drifted (DRIFTED), and not where."
        return finding(session, question, outcome, verdict=Verdict.UNKNOWN, why=why, fix=fix)
    beyond = any(
        each.resource not in RESOURCE_TYPES or each.name not in _COMPARED for each in seen.properties
    )
    if not beyond and not seen.deleted:
        return finding(session, question, outcome, why=f"{why} {_BY_TEXT}")
    fix = "Put back what it names as the template has it, or delete the stack and deploy it anew."
    return finding(
        session,
        question,
        outcome,
        verdict=Verdict.FAIL,
        why=f"{why} The profile says nothing of it.",
        fix=fix,
    )


def _listed(properties: Iterable[object]) -> str:
    return named([str(each) for each in properties], _SHOWN)
