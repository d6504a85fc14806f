"""The hand-over step: whether an account is ready to be added to Service Workbench, and by what name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.steps.callers import Principal, execution_role, main_principals
from xacct_kit.steps.findings import (
    ALLOWED,
    Question,
    answered,
    finding,
    guarded,
    not_tried,
    skipped,
    unproven,
)
from xacct_kit.steps.waiting import Progress, silent

# What the form takes:
# https://github.com/awslabs/service-workbench-on-aws, models/forms/AddUpdateAwsAccountForm.js of base-raas-ui
_LONGEST_NAME = 100
_LONGEST_EXTERNAL_ID = 300

NAME = "account_name"
"""The key of a finding's evidence that has the name of the account."""


def hand_over(session: Session, *, progress: Progress = silent) -> Report:
    """Find out which accounts of the params are ready to be added to Service Workbench. Nothing is changed.

    `views.handover` makes of the findings what its form asks for.

    Parameters:
        session: whose run it is.
        progress: is told what is done.

    Returns:
        For each account: who can assume its role, whether the form takes what it has, and its name.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Find out whether one account is ready, and what it is called."""
    progress(f"{account}: the role is assumed as Service Workbench assumes it")
    proofs = [_proof(session, account, principal) for principal in main_principals(session)]
    return [*proofs, _form_takes(session, account), _named(session, account)]


def _proof(session: Session, account: str, principal: Principal) -> Finding:
    """Whether one of Service Workbench's own roles can assume the role, found out now."""
    question = _question("role-is-assumed", account, principal.name, "sts:AssumeRole")
    return guarded(session, question, partial(_assumed, session, question, principal))


def _assumed(session: Session, question: Question, principal: Principal) -> Finding:
    caller, role = principal.access.caller, session.params.role_name
    if caller is None:
        why = f"The operator cannot act as {principal.name}, so it is not proven that it can assume {role}."
        fix = f"Run this as somebody who may assume {principal.name} of the main account."
        return not_tried(session, question, why, fix, principal.access.answer.outcome)
    arn = execution_role(session, question.account)
    assumption = session.assume(caller, arn, external_id=session.external_id)
    if assumption.caller is None:
        return unproven(answered(session, question, assumption.answer))
    said = f"{principal.name} has assumed {arn} with the external ID."
    return answered(session, question, assumption.answer, why=said)


def _form_takes(session: Session, account: str) -> Finding:
    """Whether the form takes the external ID: it is shorter than what STS takes."""
    question = _question("form-takes-external-id", account, "Service Workbench", "sts:AssumeRole")

    def check() -> Finding:
        length = len(session.external_id)
        fits = length <= _LONGEST_EXTERNAL_ID
        if fits:
            why = f"The form takes an external ID of {length} characters."
            return finding(session, question, ALLOWED, why=why)
        why = f"The external ID has {length} characters, and the form takes {_LONGEST_EXTERNAL_ID}."
        fix = "Rotate the external ID: a new one fits."
        return finding(
            session, question, Outcome(kind=OutcomeKind.VALIDATION), verdict=Verdict.FAIL, why=why, fix=fix
        )

    return guarded(session, question, check)


def _named(session: Session, account: str) -> Finding:
    """What the organization calls the account; where that cannot be read, the account is none the worse."""
    operator = session.operator
    question = _question("account-name", account, operator.name, "organizations:DescribeAccount")

    def check() -> Finding:
        answer = session.ask("organizations", "DescribeAccount", AccountId=account)
        name = answer.result.get("Account", {}).get("Name", "")
        if not name:
            why = f"The account's name could not be read; {account} stands for it. {answer.outcome.reason}"
            return skipped(session, question, why.rstrip())
        row = answered(session, question, answer, why=f"The organization calls the account {name}.")
        return replace(row, evidence={NAME: session.redact(name)[:_LONGEST_NAME]})

    return guarded(session, question, check)


def _question(probe: str, account: str, caller: str, action: str) -> Question:
    return Question(step="handover", probe=probe, account=account, caller=caller, action=action)
