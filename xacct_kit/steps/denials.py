"""Why the role is denied a permission, and what mends it: AWS's answer held against the policies themselves.

What is proposed has been tried: the decision engine allows the call by the policies as they would be then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.errors import PolicyError
from xacct_kit.iam import Decision, Layer, Policies
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.role.repair import Change, Goal, KnownPolicy, changes_that_allow
from xacct_kit.steps.findings import Patch
from xacct_kit.steps.policies import RolePolicies, read_policies


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is behind a denial.

    Attributes:
        why: who was refused what, and by which policy.
        fix: what to do.
        patch: the calls that do it: account, service, operation and parameters; empty where none would.
        kind: the class of the cause; None where it could not be found.
    """

    why: str
    fix: str
    patch: Patch = ()
    kind: OutcomeKind | None = None


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A call that a role was denied.

    Attributes:
        session: whose run it is.
        account: the role's account.
        goal: the call, and the role.
        outcome: AWS's answer.
    """

    session: Session
    account: str
    goal: Goal
    outcome: Outcome

    @property
    def role(self) -> str:
        """The role's name."""
        return self.goal.role_arn.rpartition("/")[2]

    @property
    def what(self) -> str:
        """Who was refused what, and where."""
        request = self.goal.request
        region = request.context.get("aws:RequestedRegion")
        on = "" if request.resource == "*" else f" on {request.resource}"
        return f"{self.role} was refused {request.action}{on} in {self.account}, {region}"


def explain(denial: Denial) -> Explanation:
    """Explain a denial by the policies that may be read, and find the smallest change that ends it."""
    try:
        return _explained(denial)
    except Exception as error:
        why = f"{denial.what}. {denial.outcome.reason} Which policy refuses could not be found out: {error!r}"
        return Explanation(why=why, fix=denial.outcome.fix)


def _explained(denial: Denial) -> Explanation:
    deployer = denial.session.deployer(denial.account).caller
    known = read_policies(denial.session, denial.account, denial.role, deployer)
    try:
        decision = denial.goal.decision(known.policies)
        if decision.allowed:
            return _not_seen(denial, known, deployer)
        return _seen(denial, known, decision)
    except PolicyError as error:
        fix = "Mend the document that cannot be read, then probe again."
        return Explanation(why=f"{denial.what}. A policy that decides on it cannot be read: {error}", fix=fix)


def _seen(denial: Denial, known: RolePolicies, decision: Decision) -> Explanation:
    why = f"{denial.what}: {_refusal(denial, known.policies, decision)}."
    if denial.outcome.kind not in (_KINDS[decision.layer], *_UNNAMED):
        why = f"{why} AWS names another of the reasons: {denial.outcome.reason}"
    changes = changes_that_allow(denial.goal, known.policies)
    if not changes:
        fix = f"No change of the policies that may be read is enough. {denial.outcome.fix}"
        return Explanation(why=_with_unread(why, known), fix=fix.rstrip(), kind=_KINDS[decision.layer])
    deeds = "; then ".join(change.deed[0].lower() + change.deed[1:] for change in changes)
    fix = f"{deeds[0].upper()}{deeds[1:]}. By the policies that could be read, the call is allowed then."
    # Each change holds those before it, so that of a policy the last is all that is needed.
    last = {(change.layer, change.place, change.policy.name): change for change in changes}
    patch = tuple(_call(denial, change) for change in last.values())
    return Explanation(
        why=_with_unread(why, known),
        fix=fix,
        patch=patch if all(patch) else (),
        kind=_KINDS[decision.layer],
    )


def _with_unread(why: str, known: RolePolicies) -> str:
    return " ".join((why, *known.unread))


def _refusal(denial: Denial, policies: Policies[KnownPolicy], decision: Decision) -> str:
    """Which policy refuses, and by which statement."""
    policy, by = policies.deciding(decision), decision.statement
    if policy is not None and by is not None:
        statement = f"the statement {by.sid}" if by.sid else f"statement {by.statement}"
        return f"{statement} of {_LAYERS[decision.layer]} {_title(policy)} denies it explicitly"
    if decision.layer is Layer.IDENTITY:
        held = ", ".join(policy.name for policy in policies.identity) or "it has none"
        return f"none of its identity-based policies allows it ({held})"
    if decision.layer is Layer.BOUNDARY and policies.boundary:
        return f"its permissions boundary {_title(policies.boundary)} does not allow it"
    if decision.layer is Layer.SCP:
        return f"no service control policy allows it on every level above {denial.account}"
    return decision.reason.rstrip(".")


_KINDS: Mapping[Layer, OutcomeKind] = {
    Layer.IDENTITY: OutcomeKind.DENIED_IDENTITY,
    Layer.BOUNDARY: OutcomeKind.DENIED_BOUNDARY,
    Layer.SCP: OutcomeKind.DENIED_SCP,
    Layer.RESOURCE: OutcomeKind.DENIED_RESOURCE,
    Layer.TRUST: OutcomeKind.DENIED_TRUST,
}
# Kinds that name no policy; STS names none when it refuses to let a role be assumed.
_UNNAMED = (OutcomeKind.DENIED_EXPLICIT, OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED)

_LAYERS: Mapping[Layer, str] = {
    Layer.IDENTITY: "its policy",
    Layer.BOUNDARY: "its permissions boundary",
    Layer.SCP: "the service control policy",
}


def _title(policy: KnownPolicy) -> str:
    return f"{policy.name} ({policy.arn})" if policy.arn else policy.name


def _not_seen(denial: Denial, known: RolePolicies, deployer: Caller | None) -> Explanation:
    """What is known where the policies that may be read allow what AWS denies."""
    said = f"AWS says: {denial.outcome.reason}"
    simulated = _simulated(denial, deployer) if known.unread else ""
    allowed = (
        "" if known.unread else "Every policy of the role and of the organization that may be read allows it."
    )
    elsewhere = (
        "What is left is what cannot be read from here: a resource control policy, the policy of a VPC "
        "endpoint or of the resource, or a condition on something that the kit does not know."
    )
    why = " ".join(filter(None, (f"{denial.what}.", said, *known.unread, simulated, allowed, elsewhere)))
    return Explanation(why=why, fix=denial.outcome.fix)


def _simulated(denial: Denial, deployer: Caller | None) -> str:
    """What IAM's simulator says, where policies cannot be read one by one."""
    if deployer is None:
        return ""
    answer = denial.session.call(
        deployer,
        "iam",
        "SimulatePrincipalPolicy",
        PolicySourceArn=denial.goal.role_arn,
        ActionNames=[denial.goal.request.action],
        ResourceArns=[denial.goal.request.resource],
    )
    if not answer.ok:
        return ""
    result = answer.result["EvaluationResults"][0]
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return "IAM's simulator says that a service control policy refuses it."
    if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return "IAM's simulator says that the permissions boundary refuses it."
    return f"IAM's simulator says {result['EvalDecision']}."


def _call(denial: Denial, change: Change) -> Mapping[str, Any]:
    """The call that makes a change; empty where there is none, as for a policy of AWS."""
    document = json.dumps(change.policy.document)
    arn = change.policy.arn
    if change.layer is Layer.SCP:
        owner, policy_id = (arn or "::::").split(":")[4], (arn or "").rpartition("/")[2]
        params = {"PolicyId": policy_id, "Content": document}
        return _api(owner, "organizations", "UpdatePolicy", params) if owner.isdigit() else {}
    role_and_name = {"RoleName": denial.role, "PolicyName": change.policy.name}
    if arn is None:
        if change.gone:
            return _api(denial.account, "iam", "DeleteRolePolicy", role_and_name)
        return _api(denial.account, "iam", "PutRolePolicy", {**role_and_name, "PolicyDocument": document})
    if change.gone:
        return _api(denial.account, "iam", "DetachRolePolicy", {"RoleName": denial.role, "PolicyArn": arn})
    if arn.split(":")[4] == "aws":
        return {}
    version = {"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": True}
    return _api(denial.account, "iam", "CreatePolicyVersion", version)


def _api(account: str, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"account": account, "service": service, "operation": operation, "params": dict(params)}
