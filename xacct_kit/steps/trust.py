"""The trust step: who can assume the role, and that nobody else can.

AWS answers every refused AssumeRole with the same text. So a refusal that should not be is held against a
second fact, the role as the account's own administrator reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from xacct_kit.aws.session import Answer, Caller, Session
from xacct_kit.errors import PolicyError
from xacct_kit.report import Expectation, Finding, Outcome, OutcomeKind, Report
from xacct_kit.role.trust import TrustFault, former_principals, trust_fault
from xacct_kit.steps.callers import Principal, execution_role, trusted_principals
from xacct_kit.steps.findings import Question, finding, skipped
from xacct_kit.steps.propagation import settled
from xacct_kit.steps.waiting import Progress, silent


def check_trust(session: Session, *, progress: Progress = silent) -> Report:
    """Check in every account of the params who can assume the role, and who cannot.

    Nothing is changed.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for, when the role is new.

    Returns:
        A finding a trusted principal, and one for each attempt that must be refused.
    """
    accounts = session.params.member_accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Check the role's trust in one account."""
    principals = list(trusted_principals(session, account))
    positive = [_must_assume(session, account, principal, progress) for principal in principals]
    return [*positive, *_must_be_refused(session, account, principals)]


def _must_assume(session: Session, account: str, principal: Principal, progress: Progress) -> Finding:
    question = Question(
        step="trust",
        probe="assume-with-external-id",
        account=account,
        caller=principal.name,
        action="sts:AssumeRole",
    )
    caller = principal.access.caller
    if caller is None:
        return _cannot_act(session, question, principal)
    role = execution_role(session, account)

    def ask() -> Answer:
        return session.assume(caller, role, external_id=session.external_id).answer

    answer = settled(session, account, ask, attrgetter("outcome"), progress)
    if not answer.outcome.kind.denied:
        return finding(session, question, answer.outcome, why=_assumed(session, principal, answer))
    outcome = _diagnosed(session, account, principal, caller, answer.outcome)
    return finding(session, question, outcome, seconds=answer.seconds)


def _assumed(session: Session, principal: Principal, answer: Answer) -> str | None:
    if not answer.ok:
        return None
    return f"{principal.name} can assume {session.params.role_name} with the external ID."


def _cannot_act(session: Session, question: Question, principal: Principal) -> Finding:
    outcome = principal.access.answer.outcome
    name = principal.name
    if outcome.kind in (OutcomeKind.ALLOWED, OutcomeKind.NOT_FOUND) or outcome.kind.denied:
        why = f"The operator cannot act as {name}, so whether {name} can assume the role is not tried."
        return skipped(session, question, why)
    return finding(session, question, outcome)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """An attempt to assume the role that must be refused.

    Attributes:
        probe: the check's name.
        how: how the role is asked for.
        fix: what to do when it is not refused.
    """

    probe: str
    how: str
    fix: str


_WITHOUT = _Attempt(
    probe="assume-without-external-id",
    how="without an external ID",
    fix="Require sts:ExternalId in the role's trust policy: deploy the role again.",
)
_WRONG = _Attempt(
    probe="assume-with-wrong-external-id",
    how="with a wrong external ID",
    fix="Require the exact sts:ExternalId in the role's trust policy: deploy the role again.",
)
_UNTRUSTED = _Attempt(
    probe="assume-as-untrusted-role",
    how="even with the external ID",
    fix="Let the role's trust policy name the trusted roles alone, not their whole account: deploy it again.",
)


def _must_be_refused(session: Session, account: str, principals: list[Principal]) -> Iterator[Finding]:
    trusted = next((p for p in principals if p.access.caller is not None), None)
    if trusted is not None:
        yield _refused(session, account, trusted, _WITHOUT, None)
        yield _refused(session, account, trusted, _WRONG, _wrong(session.external_id))
    name = session.params.untrusted_role
    if name is not None:
        main = session.params.main_account
        untrusted = Principal(name, session.role_arn(main, name), session.act_as(main, name))
        yield _refused(session, account, untrusted, _UNTRUSTED, session.external_id)


def _wrong(external_id: str) -> str:
    """An external ID of the allowed length that is not the right one."""
    return f"xacct-kit-wrong-{external_id}"[:1224]


def _refused(
    session: Session, account: str, principal: Principal, attempt: _Attempt, external_id: str | None
) -> Finding:
    question = Question(
        step="trust",
        probe=attempt.probe,
        account=account,
        caller=principal.name,
        action="sts:AssumeRole",
        expected=Expectation.DENIED,
    )
    caller = principal.access.caller
    if caller is None:
        return _cannot_act(session, question, principal)
    answer = session.assume(caller, execution_role(session, account), external_id=external_id).answer
    what = f"{session.params.role_name} {attempt.how}"
    if answer.ok:
        why = f"{principal.name} could assume {what}. It must be refused."
        return finding(session, question, answer.outcome, why=why, fix=attempt.fix, seconds=answer.seconds)
    said = f"{principal.name} is refused {what}, as it should be." if answer.outcome.kind.denied else None
    return finding(session, question, answer.outcome, why=said, seconds=answer.seconds)


def _diagnosed(
    session: Session, account: str, principal: Principal, caller: Caller, refusal: Outcome
) -> Outcome:
    """The refusal with its cause, as far as the role itself tells it."""
    if refusal.kind not in (OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED):
        return refusal
    role = session.params.role_name
    refused = f"{principal.name} is refused {role} in {account}"
    deployer = session.deployer(account).caller
    if deployer is None:
        reason = f"{refused}. AWS does not say why, and nobody here may read the role."
        fix = f"Let the operator assume access_role ({session.params.access_role}) to read the role."
        return replace(refusal, reason=reason, fix=fix)
    read = session.call(deployer, "iam", "GetRole", RoleName=role)
    if read.absent:
        reason, fix = f"{refused}: there is no such role.", "Deploy the role: xacct deploy."
        return replace(refusal, kind=OutcomeKind.NOT_FOUND, reason=reason, fix=fix)
    if not read.ok:
        reason = f"{refused}. AWS does not say why; the role cannot be read: {read.outcome.reason}"
        return replace(refusal, reason=reason, fix=read.outcome.fix)
    reason, fix = _cause_in_trust(session, principal, caller, refused, read)
    return replace(refusal, kind=OutcomeKind.DENIED_TRUST, reason=reason, fix=fix)


def _cause_in_trust(
    session: Session, principal: Principal, caller: Caller, refused: str, read: Answer
) -> tuple[str, str]:
    role = read.result["Role"]
    try:
        fault = trust_fault(
            role["AssumeRolePolicyDocument"],
            principal=caller.arn,
            role_arn=role["Arn"],
            external_id=session.external_id,
        )
    except PolicyError as error:
        return f"{refused}, and its trust policy cannot be read: {error}", "Deploy the role again."
    cause, fix = _CAUSES[fault]
    words = {
        "principal": principal.arn,
        "former": " and ".join(former_principals(role["AssumeRolePolicyDocument"])),
    }
    return f"{refused}: {cause.format_map(words)}", fix.format_map(words)


_REPAIR = (
    "If the stack still says so, correct it and deploy again; if the role was changed by hand, put its trust "
    "policy back (aws iam update-assume-role-policy)."
)
_CAUSES = {
    TrustFault.CONDITION: (
        "the trust policy names {principal}, but wants another external ID.",
        "Make external_id of the params and sts:ExternalId of the role's trust policy the same. " + _REPAIR,
    ),
    TrustFault.PRINCIPAL: (
        "the trust policy does not name {principal}.",
        "Add {principal} to the principals of the role's trust policy. " + _REPAIR,
    ),
    TrustFault.FORMER_PRINCIPAL: (
        "the trust policy does not name {principal}, but {former}: the unique ID of a role that was deleted. "
        "A role that is made anew with the same name is another one, and is not trusted.",
        "Save the trust policy with {principal} again (aws iam update-assume-role-policy), or delete the "
        "stack and deploy it; deploying an unchanged stack does not save it.",
    ),
    TrustFault.DENY: (
        "the trust policy denies it explicitly.",
        "Take the Deny statement out of the role's trust policy. " + _REPAIR,
    ),
    TrustFault.NONE: (
        "the trust policy allows it, so something else refuses: the caller has no permission for "
        "sts:AssumeRole, an organization policy denies it, or the role is too new to be known everywhere.",
        "Wait a minute and try again; then allow sts:AssumeRole on the role in the policies of {principal}.",
    ),
}
