"""Who acts in the management account: its role, assumed by main, or the operator who is of that account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.errors import PolicyError
from xacct_kit.report import Finding, Outcome, OutcomeKind
from xacct_kit.role.trust import TrustFault, former_principals, trust_fault
from xacct_kit.steps.callers import Principal
from xacct_kit.steps.creation.organization import patiently
from xacct_kit.steps.findings import Question, finding, not_tried
from xacct_kit.steps.trust_diagnosis import CAUSES, LEAVING_IT_OPEN, refused_by_own_policies


class NoManagement(Exception):
    """Nobody here can act in the management account.

    Attributes:
        finding: why.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.why)
        self.finding = finding


def management_caller(session: Session, step: str, subject: str) -> Caller:
    """Whoever acts in the management account.

    Where the params name a `management_role` it is assumed with its external ID: by main's role that serves
    requests, as far as the operator can act as it, or else by the operator. Where they do not, it is the
    operator, who has to be of that account.

    Parameters:
        session: whose run it is.
        step: the step that asks.
        subject: the account that it is about.

    Raises:
        NoManagement: with the finding that says why nobody can.
        ParamsError: there is no external ID where the params say that it is kept.
        AccessError: it may not be read.
    """
    external_id = session.management_external_id
    question = Question(
        step=step,
        probe="management-access",
        account=subject,
        caller=session.operator.name,
        action="sts:AssumeRole",
    )
    account = _management_account(session, question)
    if session.params.management_role is None:
        return _operator(session, question, account)
    source = _source(session, question)
    question = replace(question, caller=source.name)
    role_arn = session.role_arn(account, session.params.management_role)
    assumption = session.assumed(source, role_arn, external_id=external_id)
    if assumption.caller is None:
        raise NoManagement(_refused(session, question, source, role_arn, assumption.answer.outcome))
    return assumption.caller


def _management_account(session: Session, question: Question) -> str:
    if session.params.management_account:
        return session.params.management_account
    answer = patiently(
        session, lambda: session.call(session.operator, "organizations", "DescribeOrganization")
    )
    found: str = answer.result.get("Organization", {}).get("MasterAccountId", "")
    if not found:
        why = "Which account owns the organization cannot be read."
        fix = "Set management_account in the params."
        raise NoManagement(not_tried(session, question, why, fix, answer.outcome))
    return found


def _operator(session: Session, question: Question, account: str) -> Caller:
    operator = session.operator
    if operator.account != account:
        why = f"The operator is of {operator.account}; only {account}, the management account, creates any."
        fix = "Set management_role to a role of that account which main may assume, or run it from there."
        raise NoManagement(not_tried(session, question, why, fix))
    return operator


def _source(session: Session, question: Question) -> Caller:
    """Main's role, or the operator where it is certain that it cannot act as that."""
    main, name = session.params.main_account, session.params.api_handler_role
    acting = session.act_as(main, name)
    if acting.caller is not None:
        return acting.caller
    if Principal(name, session.role_arn(main, name), acting).excluded:
        return session.operator
    raise NoManagement(finding(session, question, acting.answer.outcome))


def _refused(
    session: Session, question: Question, source: Caller, role_arn: str, outcome: Outcome
) -> Finding:
    if not outcome.kind.denied:
        return finding(session, question, outcome)
    what = f"{source.name} is refused {session.params.management_role} in {role_arn.split(':')[4]}"
    try:
        kind, why, fix = _cause(session, source, role_arn, outcome, what)
    except Exception as error:
        kind, fix = outcome.kind, outcome.fix
        why = f"{what}. {outcome.reason} The cause could not be found out: {error!r}"
    found = Outcome(kind=kind, explicit=outcome.explicit, evidence=outcome.evidence)
    return finding(session, question, found, why=why, fix=fix)


def _cause(
    session: Session, source: Caller, role_arn: str, outcome: Outcome, what: str
) -> tuple[OutcomeKind, str, str]:
    """The cause of a refusal as far as it can be told: its kind, why, and what to do."""
    account, role = role_arn.split(":")[4], session.params.management_role
    if session.operator.account != account:
        why = f"{what}. {outcome.reason} The operator is not of {account} and cannot read the role."
        fix = (
            f"In {account}, look whether there is a role {role}, whether its trust policy names {source.arn} "
            "and whether it wants the external ID of management_external_id."
        )
        return outcome.kind, why, fix
    read = session.call(session.operator, "iam", "GetRole", RoleName=role)
    if read.absent:
        return OutcomeKind.NOT_FOUND, f"{what}: there is no such role.", "Make the role, or name another one."
    if not read.ok:
        return outcome.kind, f"{what}. The role cannot be read: {read.outcome.reason}", read.outcome.fix
    return _held_against(session, source, read.result["Role"], outcome, what)


def _held_against(
    session: Session, source: Caller, role: Mapping[str, Any], outcome: Outcome, what: str
) -> tuple[OutcomeKind, str, str]:
    """The cause by the role as it is."""
    trust, external_id = role["AssumeRolePolicyDocument"], session.management_external_id
    try:
        fault = trust_fault(trust, principal=source.arn, role_arn=role["Arn"], external_id=external_id)
    except PolicyError as error:
        why = f"{what}, and its trust policy cannot be read: {error}"
        return OutcomeKind.DENIED_TRUST, why, "Save the trust policy anew."
    if fault in LEAVING_IT_OPEN:
        found = refused_by_own_policies(session, source, role, external_id, outcome)
        if fault is TrustFault.NONE or found.kind:
            return found.kind or outcome.kind, f"{what}. {found.why}", found.fix
    words = {"principal": source.arn, "former": " and ".join(former_principals(trust))}
    why = f"{what}: {CAUSES[fault].format_map(words)}"
    return OutcomeKind.DENIED_TRUST, why, _FIXES[fault].format_map(words)


_FIXES: Mapping[TrustFault, str] = {
    TrustFault.EXTERNAL_ID: "Make management_external_id of the params and sts:ExternalId of the role's "
    "trust policy the same.",
    TrustFault.NO_EXTERNAL_ID: "Set management_external_id in the params.",
    TrustFault.CONDITION: "Look at the conditions of the role's trust policy.",
    TrustFault.PRINCIPAL: "Add {principal} to the principals of the role's trust policy.",
    TrustFault.FORMER_PRINCIPAL: "Save the trust policy with {principal} again (aws iam "
    "update-assume-role-policy).",
    TrustFault.DENY: "Take the Deny statement out of the role's trust policy.",
}
