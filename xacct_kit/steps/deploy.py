"""The deploy step: the stack is created or updated by a change set, and the role proven to be usable."""

from __future__ import annotations

from functools import partial

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Report
from xacct_kit.steps.callers import assume_execution_role, deployer_name
from xacct_kit.steps.findings import Question, answered, guarded, no_access, skipped
from xacct_kit.steps.stack.change import Stack
from xacct_kit.steps.stack.deployment import deploy_stack
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.waiting import Progress, silent


def deploy_role(session: Session, *, progress: Progress = silent) -> Report:
    """Deploy the cross-account execution role into every account of the params.

    The documented role is an administrator of the account: `iam:*` lets it give itself anything.
    Deploying again changes nothing where nothing has changed.

    Parameters:
        session: whose run it is.
        progress: is told the plan, every event of the stack and what is waited for.

    Returns:
        For each account: what became of the stack, and whether the role can be assumed.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in deploy_account(session, account, progress))


def deploy_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Deploy the role into one account."""
    access = session.deployer(account)
    question = _question("deploy-stack", account, deployer_name(session), "cloudformation:ExecuteChangeSet")
    if access.caller is None:
        return [no_access(session, question, access)]
    deployed = guarded(session, question, partial(_deploy, session, question, access.caller, progress))
    return [deployed, _usable(session, account, progress)] if deployed.verdict.green else [deployed]


def _deploy(session: Session, question: Question, caller: Caller, progress: Progress) -> Finding:
    """The finding of the stack."""
    stack = Stack(session, caller, session.params.stack_name, progress)
    row = deploy_stack(
        session,
        question,
        stack,
        stack_request(session),
        changed="is deployed",
        unchanged="has not changed: it has this template and these parameters already",
        failed="was not deployed",
    )
    if row.verdict.green:
        progress(row.why)
    return row


def _usable(session: Session, account: str, progress: Progress) -> Finding:
    """Whether the role can be assumed."""
    question = _question("role-can-be-assumed", account, "trusted principals", "sts:AssumeRole")
    return guarded(session, question, partial(_assumable, session, question, progress))


def _assumable(session: Session, question: Question, progress: Progress) -> Finding:
    role = session.params.role_name
    assumption = assume_execution_role(session, question.account, anew=True, progress=progress)
    if assumption is None:
        return skipped(session, question, f"The operator can act as nobody that may assume {role}.")
    why = f"{role} can be assumed." if assumption.caller else None
    return answered(session, question, assumption.answer, why=why)


def _question(probe: str, account: str, caller: str, action: str) -> Question:
    return Question(step="deploy", probe=probe, account=account, caller=caller, action=action)
