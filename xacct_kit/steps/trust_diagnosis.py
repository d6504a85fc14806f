"""Why a role cannot be assumed by somebody who is to assume it.

AWS answers every refused AssumeRole with the same text. So the refusal is held against what else can be found
out: the role as its account's administrator reads it, and the policies of who was refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.assumed import role_of
from xacct_kit.aws.session import Session
from xacct_kit.errors import PolicyError
from xacct_kit.iam import Request
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.role.profile import load_profile
from xacct_kit.role.repair import Goal
from xacct_kit.role.trust import TrustFault, former_principals, trust_fault
from xacct_kit.steps.callers import Principal, execution_role, lets_in, role_values
from xacct_kit.steps.denials import Denial, Explanation, explain
from xacct_kit.steps.findings import Patch


@dataclass(frozen=True)
class Refusal:
    """A refused AssumeRole that should have been allowed.

    Attributes:
        session: whose run it is.
        account: the member account.
        principal: the principal that the trust policy should name.
        caller: as whom the role was asked for.
        outcome: AWS's answer.
    """

    session: Session
    account: str
    principal: Principal
    caller: Caller
    outcome: Outcome

    @property
    def what(self) -> str:
        """Who is refused what."""
        return f"{self.principal.name} is refused {self.session.params.role_name} in {self.account}"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The cause of a refusal, as far as it can be told.

    Attributes:
        kind: the class of the cause.
        why: the cause.
        fix: what to do.
        patch: the calls that do it; `${external_id}` in them stands for the external ID.
    """

    kind: OutcomeKind
    why: str
    fix: str
    patch: Patch = ()


UNNAMED = (OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED)
"""The refusals that do not say which policy refuses, or say that it is the role's."""


def diagnose(refusal: Refusal) -> Diagnosis:
    """Find the cause of a refusal."""
    try:
        return _cause(refusal)
    except Exception as error:
        why = f"{refusal.what}. {_said(refusal.outcome)} The cause could not be found out: {error!r}"
        return Diagnosis(kind=refusal.outcome.kind, why=why, fix=refusal.outcome.fix)


def _cause(refusal: Refusal) -> Diagnosis:
    outcome, session = refusal.outcome, refusal.session
    deployer = session.deployer(refusal.account).caller
    if deployer is None:
        why = f"{refusal.what}. {_said(outcome)} Nobody here may read the role."
        fix = f"Let the operator assume access_role ({session.params.access_role}) to read the role."
        return Diagnosis(kind=outcome.kind, why=why, fix=fix)
    read = session.call(deployer, "iam", "GetRole", RoleName=session.params.role_name)
    if read.absent:
        patch = ({"account": refusal.account, "service": "xacct", "operation": "deploy", "params": {}},)
        why, fix = f"{refusal.what}: there is no such role.", "Deploy the role: xacct deploy."
        return Diagnosis(kind=OutcomeKind.NOT_FOUND, why=why, fix=fix, patch=patch)
    if not read.ok:
        why = f"{refusal.what}. {_said(outcome)} The role cannot be read: {read.outcome.reason}"
        return Diagnosis(kind=outcome.kind, why=why, fix=read.outcome.fix)
    if outcome.kind not in (*UNNAMED, OutcomeKind.DENIED_EXPLICIT):
        return _refused_elsewhere(refusal, read.result["Role"])
    return _held_against(refusal, read.result["Role"])


def _said(outcome: Outcome) -> str:
    return "AWS does not say why." if outcome.kind in UNNAMED else outcome.reason


def _held_against(refusal: Refusal, role: Mapping[str, Any]) -> Diagnosis:
    """The cause by the role as it is."""
    trust = role["AssumeRolePolicyDocument"]
    try:
        fault = trust_fault(
            trust,
            principal=refusal.caller.arn,
            role_arn=role["Arn"],
            external_id=refusal.session.external_id,
        )
    except PolicyError as error:
        why = f"{refusal.what}, and its trust policy cannot be read: {error}"
        return Diagnosis(
            kind=OutcomeKind.DENIED_TRUST, why=why, fix="Save the trust policy anew.", patch=_repair(refusal)
        )
    if fault in LEAVING_IT_OPEN:
        elsewhere = _refused_elsewhere(refusal, role)
        if fault is TrustFault.NONE or elsewhere.kind is not refusal.outcome.kind:
            return elsewhere
    words = {"principal": refusal.principal.arn, "former": " and ".join(former_principals(trust))}
    return Diagnosis(
        kind=OutcomeKind.DENIED_TRUST,
        why=f"{refusal.what}: {CAUSES[fault].format_map(words)}",
        fix=_FIXES[fault].format_map(words),
        patch=_repair(refusal),
    )


LEAVING_IT_OPEN = (TrustFault.NONE, TrustFault.CONDITION)
"""With these the caller's own policies may refuse: whether a condition is met is not seen from here."""


def _refused_elsewhere(refusal: Refusal, role: Mapping[str, Any]) -> Diagnosis:
    """The cause where it is not the trust policy: what the caller itself may do."""
    session = refusal.session
    found = refused_by_own_policies(session, refusal.caller, role, session.external_id, refusal.outcome)
    kind = found.kind or refusal.outcome.kind
    return Diagnosis(kind=kind, why=f"{refusal.what}. {found.why}", fix=found.fix, patch=found.patch)


def refused_by_own_policies(
    session: Session, caller: Caller, role: Mapping[str, Any], external_id: str | None, outcome: Outcome
) -> Explanation:
    """Explain why a caller may not assume a role, by what the caller itself may do.

    Parameters:
        session: whose run it is.
        caller: who was refused.
        role: the role, as GetRole tells of it.
        external_id: the external ID that was sent; None when none was.
        outcome: AWS's answer.
    """
    if role_of(caller.arn) is None:
        why = f"{outcome.reason} {caller.arn} is no role, and its policies are not read."
        return Explanation(why=why, fix=f"Allow {caller.name} sts:AssumeRole on {role['Arn']}.")
    sent = {} if external_id is None else {"sts:ExternalId": external_id}
    request = Request(
        principal=caller.arn,
        action="sts:AssumeRole",
        resource=role["Arn"],
        context={**sent, "aws:RequestedRegion": session.params.region},
    )
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role["Arn"]}
    trust = role["AssumeRolePolicyDocument"]
    goal = Goal(
        request=request,
        role_arn=session.role_arn(caller.account, caller.name),
        granting={f"assume-{role['RoleName']}": {"Version": "2012-10-17", "Statement": [allow]}},
        resource_policy=trust if _lets_in(trust, caller, role["Arn"], external_id) else None,
    )
    return explain(Denial(session=session, account=caller.account, goal=goal, outcome=outcome))


def _lets_in(trust: Mapping[str, Any], caller: Caller, role_arn: str, external_id: str | None) -> bool:
    try:
        fault = trust_fault(trust, principal=caller.arn, role_arn=role_arn, external_id=external_id)
    except PolicyError:
        return False
    return fault is TrustFault.NONE


def not_refused_by_trust(session: Session, account: str, arns: Iterable[str], external_id: str | None) -> str:
    """Why it is not known that the role's trust policy, as it is, refuses somebody; empty where it does.

    Parameters:
        session: whose run it is.
        account: the member account.
        arns: ARNs of who must be refused.
        external_id: the external ID that is sent; None when none is.
    """
    access = session.deployer(account)
    if access.caller is None:
        return f"nobody here may read the trust policy. {access.answer.outcome.reason}".rstrip()
    read = session.call(access.caller, "iam", "GetRole", RoleName=session.params.role_name)
    if read.absent:
        return "there is no such role."
    if not read.ok:
        return f"the trust policy cannot be read. {read.outcome.reason}"
    trust, role = read.result["Role"]["AssumeRolePolicyDocument"], execution_role(session, account)
    if any(lets_in(trust, arn, role, external_id, session.params.region) is not False for arn in arns):
        return "the trust policy, as it is read, does not refuse it for certain."
    return ""


def _repair(refusal: Refusal) -> Patch:
    """The call that puts the trust policy back as the profile has it; the engine has to allow it then."""
    params = refusal.session.params
    values = role_values(refusal.session, refusal.account, external_id=refusal.session.external_id)
    trust = load_profile(params.profile).role(values).trust
    fault = trust_fault(
        trust,
        principal=refusal.caller.arn,
        role_arn=execution_role(refusal.session, refusal.account),
        external_id=refusal.session.external_id,
    )
    if fault is not TrustFault.NONE:
        return ()
    text = json.dumps(trust).replace(refusal.session.external_id, "${external_id}")
    call = {"RoleName": params.role_name, "PolicyDocument": text}
    return (
        {
            "account": refusal.account,
            "service": "iam",
            "operation": "UpdateAssumeRolePolicy",
            "params": call,
        },
    )


CAUSES: Mapping[TrustFault, str] = {
    TrustFault.EXTERNAL_ID: "the trust policy names {principal}, but wants another external ID.",
    TrustFault.NO_EXTERNAL_ID: "the trust policy names {principal} and wants an external ID, and none is "
    "sent.",
    TrustFault.CONDITION: "the trust policy names {principal}, but has a condition besides the external ID "
    "that is not met, as far as can be told.",
    TrustFault.PRINCIPAL: "the trust policy does not name {principal}.",
    TrustFault.FORMER_PRINCIPAL: "the trust policy does not name {principal}, but {former}: the unique ID of "
    "a role that was deleted. A role that is made anew with the same name is another one, and is not "
    "trusted.",
    TrustFault.DENY: "the trust policy denies it explicitly.",
}
"""What is wrong with a trust policy, of `{principal}` that it should let in; `{former}` is whom it names."""

_PUT_BACK = (
    "If the stack still says so, correct it and deploy again; if the role was changed by hand, put its trust "
    "policy back (aws iam update-assume-role-policy)."
)
_FIXES: Mapping[TrustFault, str] = {
    TrustFault.EXTERNAL_ID: "Make external_id of the params and sts:ExternalId of the role's trust policy "
    f"the same. {_PUT_BACK}",
    TrustFault.NO_EXTERNAL_ID: "Send the external ID of the role's trust policy.",
    TrustFault.CONDITION: f"Look at the conditions of the role's trust policy. {_PUT_BACK}",
    TrustFault.PRINCIPAL: f"Add {{principal}} to the principals of the role's trust policy. {_PUT_BACK}",
    TrustFault.FORMER_PRINCIPAL: "Save the trust policy with {principal} again (aws iam "
    "update-assume-role-policy), or delete the stack and deploy it; deploying an unchanged stack does not "
    "save it.",
    TrustFault.DENY: f"Take the Deny statement out of the role's trust policy. {_PUT_BACK}",
}
