"""Whether a call may be made, and what AWS says when it may not.

The facts are gathered here; the decision is `xacct_kit.iam`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from xacct_kit.iam import Decision, DocumentKind, Layer, Policies, Request
from xacct_kit.sandbox import organization, state
from xacct_kit.sandbox.actions import iam_action, implied, resources
from xacct_kit.sandbox.context import context_of, of_resource
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Principal
from xacct_kit.sandbox.protocol import Operation
from xacct_kit.sandbox.state import Entity, Policy

# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permission is required.
_ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})

# What a role's trust policy is asked about.
_TRUSTED_ACTIONS = frozenset({"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"})

# What these do, they decide by the policies of the account that asks, whatever an ARN says; what is the
# management account's alone is looked at besides.
_ASKED_AT_HOME = frozenset({"iam", "organizations"})

# What a member account may ask of its organization; the rest is the management account's.
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
_MEMBER_OPERATIONS = frozenset({"DescribeOrganization", "LeaveOrganization", "ListHandshakesForAccount"})

_POLICY_NAMES: Mapping[Layer, str] = {
    Layer.IDENTITY: "identity-based policy",
    Layer.BOUNDARY: "permissions boundary",
    Layer.SESSION: "session policy",
    Layer.SCP: "service control policy",
    Layer.RESOURCE: "resource-based policy",
}


class Authority:
    """Decides on every call.

    Parameters:
        propagation: seconds until a new role can be assumed, and until a changed trust policy counts; as
            long again, until what a new role may do is known everywhere.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
    """

    def __init__(self, propagation: float = 0.0) -> None:
        self._propagation = timedelta(seconds=propagation)
        # By the role's unique ID the trust policy that counts, and since when another is seen.
        self._trusts: dict[str, tuple[str, datetime | None]] = {}

    def authorise(self, principal: Principal, operation: Operation, region: str) -> None:
        """Let a call pass, or refuse it as AWS does.

        Parameters:
            principal: who makes it.
            operation: what is asked.
            region: where.

        Raises:
            ServiceFault: the call is denied.
        """
        action = iam_action(operation)
        if action in _ALWAYS_ALLOWED:
            return
        entity = _entity(principal)
        policies = self._policies(principal, entity)
        context = context_of(principal, entity.tags if entity else {}, operation, region)
        place = {"partition": principal.partition, "account": principal.account, "region": region}
        for resource in resources(operation, **place):
            request = Request(
                principal=principal.arn,
                action=action,
                resource=resource,
                context=context | of_resource(principal, resource),
                resource_account=principal.account if operation.service in _ASKED_AT_HOME else None,
            )
            decision = self._decide(request, policies, lost=entity is None)
            if not decision.allowed:
                raise _denial(request, decision, policies.deciding(decision))
        for needed in implied(operation, partition=principal.partition, account=principal.account):
            self.authorise(principal, needed, region)
        if operation.service == "organizations" and not _may_manage(principal, operation.name):
            text = "You don't have permissions to access this resource."
            raise ServiceFault(400, "AccessDeniedException", text)

    def _policies(self, principal: Principal, entity: Entity | None) -> Policies[Policy]:
        known = entity is not None and not _younger(entity, 2 * self._propagation)
        return Policies(
            identity=entity.policies if entity and known else (),
            boundary=entity.boundary if entity else None,
            session=principal.session_policies,
            scps=organization.service_control_policies(principal.account),
        )

    def _decide(self, request: Request, policies: Policies[Policy], *, lost: bool) -> Decision:
        # Nobody trusts a session whose role was deleted, even if another has its name.
        trusts = request.action in _TRUSTED_ACTIONS and not lost
        role = state.find_entity(request.resource) if trusts else None
        if role and (_younger(role, self._propagation) or organization.is_suspended(role.account)):
            role = None
        trust = self._known_trust(role) if role else ""
        return policies.decide(request, state.compiled(trust, DocumentKind.TRUST) if trust else None)

    def _known_trust(self, role: Entity) -> str:
        """The trust policy that counts: for a while after a change the one before it."""
        if not self._propagation:
            return role.trust
        known, since = self._trusts.get(role.id, (role.trust, None))
        now = datetime.now(UTC)
        if role.trust != known:
            since = since or now
            if now >= since + self._propagation:
                known, since = role.trust, None
        else:
            since = None
        self._trusts[role.id] = known, since
        return known


def _younger(entity: Entity, age: timedelta) -> bool:
    """Whether an entity is a role that was made less than so long ago."""
    return ":role/" in entity.arn and datetime.now(UTC) < entity.created + age


def _entity(principal: Principal) -> Entity | None:
    """The role or the user that a principal is; not another one that has its name by now."""
    entity = state.find_entity(principal.role_arn or principal.arn)
    return entity if entity and principal.user_id.split(":")[0] == entity.id else None


def _may_manage(principal: Principal, name: str) -> bool:
    return name in _MEMBER_OPERATIONS or organization.is_management_account(principal.account)


def _denial(request: Request, decision: Decision, policy: Policy | None) -> ServiceFault:
    """The refusal in AWS's words.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    text = (
        f"User: {request.principal} is not authorized to perform: {request.action}"
        f"{_on_resource(request.action, request.resource)}{_because(request.action, decision, policy)}"
    )
    return ServiceFault(403, "AccessDenied", text)


_IAM_ENTITY = re.compile(r"arn:[^:]+:iam::\d{12}:(?P<kind>role|user|group)/(?:.*/)?(?P<name>[^/]+)")
_IAM_POLICY = re.compile(r"arn:[^:]+:iam::(?:\d{12}|aws):policy/.+")
_NAMED_BY_ARN = frozenset(
    {
        "iam:PassRole",
        "iam:SimulatePrincipalPolicy",
        *(f"iam:Create{kind}" for kind in ("Group", "InstanceProfile", "Policy", "Role", "User")),
    }
)


def _on_resource(action: str, resource: str) -> str:
    service = action.split(":", maxsplit=1)[0]
    if resource == "*" and service in ("ec2", "s3"):
        return ""
    named = f'"{resource}"' if service == "s3" else resource
    if service == "iam" and action not in _NAMED_BY_ARN:
        named = _iam_name(resource)
    return f" on resource: {named}"


def _iam_name(resource: str) -> str:
    """What IAM calls something that is there already; what is to be created, it calls by its ARN."""
    entity = _IAM_ENTITY.fullmatch(resource)
    if entity:
        return f"{entity['kind']} {entity['name']}"
    return f"policy {resource}" if _IAM_POLICY.fullmatch(resource) else resource


def _because(action: str, decision: Decision, policy: Policy | None) -> str:
    name = _POLICY_NAMES.get(decision.layer)
    if name is None:
        # STS gives no reason when the trust policy refuses, so that nobody can find out which roles exist.
        return ""
    if not decision.explicit:
        return f" because no {name} allows the {action} action"
    # https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
    arn = f": {policy.arn}" if policy and policy.arn else ""
    return f" with an explicit deny in {'an' if name[0] in 'aeiou' else 'a'} {name}{arn}"
