"""The preflight step: who runs the kit, whom it can act as, and what is lacking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from xacct_kit.aws.answers import Answer, Assumption
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, OutcomeKind, Report
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.findings import ALLOWED, Question, answered, finding, not_tried, skipped
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.waiting import Progress, silent


def preflight(session: Session) -> Report:
    """Find out who the operator is and what it can do in every account of the params.

    Nothing is changed.

    Parameters:
        session: whose run it is.

    Returns:
        For each account: the operator, the roles of main that it can act as, and its access to the account.

    Raises:
        AccessError: there are no credentials that AWS accepts.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account))


def check_account(session: Session, account: str, _progress: Progress = silent) -> list[Finding]:
    """Check what can be done in one account; nothing is waited for."""
    params = session.params
    names = (params.api_handler_role, params.workflow_loop_runner_role, params.untrusted_role)
    roles = [partial(_role_of_main, session, account, name) for name in names if name]
    acting = side_by_side([*roles, partial(_access, session, account)])
    return [_operator(session, account), *acting, *_readable(session, account)]


def _operator(session: Session, account: str) -> Finding:
    question = _question("who-am-i", account, session.operator.name, "sts:GetCallerIdentity")
    why = f"The operator is {session.operator.arn}."
    return finding(session, question, ALLOWED, why=why)


def _role_of_main(session: Session, account: str, name: str) -> Finding:
    """Acting as a role of main is a rehearsal; where it is not possible, that is no fault of the account."""
    question = _question(f"act-as-{name}", account, session.operator.name, "sts:AssumeRole")
    assumption = session.act_as(session.params.main_account, name, anew=True)
    if assumption.answer.outcome.kind.denied:
        why = f"The operator cannot act as {name} of the main account; checks that need it are left out."
        return skipped(session, question, why)
    return _acting(session, question, assumption, name)


def _access(session: Session, account: str) -> Finding:
    role = session.params.access_role
    question = _question("access-to-account", account, session.operator.name, "sts:AssumeRole")
    assumption = session.deployer(account, anew=True)
    if role is None and assumption.caller is None:
        why = f"The operator is of {session.operator.account}, not of {account}, and access_role is not set."
        return not_tried(session, question, why, "Set access_role, or use credentials of the account.")
    return _acting(session, question, assumption, role or "the operator")


def _acting(session: Session, question: Question, assumption: Assumption, name: str) -> Finding:
    why = f"The operator can act as {name}." if assumption.caller else None
    return answered(session, question, assumption.answer, why=why)


def _readable(session: Session, account: str) -> list[Finding]:
    """The calls that a deployment starts with; that there is no such stack or role yet is no fault."""
    access, params = session.deployer(account), session.params
    reads = {
        "cloudformation:DescribeStacks": {"StackName": params.stack_name},
        "iam:GetRole": {"RoleName": params.role_name},
    }
    return side_by_side([partial(_read, session, account, access, *read) for read in reads.items()])


def _read(
    session: Session, account: str, access: Assumption, action: str, arguments: Mapping[str, str]
) -> Finding:
    deployer = access.caller
    name = deployer.name if deployer else deployer_name(session)
    service, operation = action.split(":")
    question = _question(f"{service}-{operation}", account, name, action)
    if deployer is None:
        why = f"{action} was not tried: nobody here may act in {account}."
        fix = "Give the operator access to the account."
        return not_tried(session, question, why, fix, access.answer.outcome)
    return _found(session, question, session.call(deployer, service, operation, **arguments))


def _found(session: Session, question: Question, answer: Answer) -> Finding:
    if not answer.absent:
        return answered(session, question, answer)
    why = f"{question.caller} may call {question.action}; there is none yet."
    allowed = replace(answer.outcome, kind=OutcomeKind.ALLOWED)
    return finding(session, question, allowed, why=why, seconds=answer.seconds)


def _question(probe: str, account: str, caller: str, action: str) -> Question:
    return Question(step="preflight", probe=probe, account=account, caller=caller, action=action)
