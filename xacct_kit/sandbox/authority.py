"""Whether a call may be made, and what AWS says when it may not.

The facts are gathered here; the decision is `xacct_kit.iam.decide`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from xacct_kit.iam import Decision, Layer, Request, decide
from xacct_kit.sandbox import state
from xacct_kit.sandbox.actions import iam_action, implied, resources
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Principal
from xacct_kit.sandbox.protocol import Operation

# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permission is required.
_ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})

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


def authorise(principal: Principal, operation: Operation, region: str) -> None:
    """Let a call pass, or refuse it as AWS does.

    Raises:
        ServiceFault: the call is denied.
    """
    action = iam_action(operation)
    if action in _ALWAYS_ALLOWED:
        return
    for needed in implied(operation):
        authorise(principal, needed, region)
    place = {"partition": principal.partition, "account": principal.account, "region": region}
    for resource in resources(operation, **place):
        decision = _decide(principal, operation, action, resource, region)
        if not decision.allowed:
            raise _denial(principal, action, resource, decision)
    if operation.service == "organizations" and not _may_manage(principal, operation.name):
        text = "You don't have permissions to access this resource."
        raise ServiceFault(400, "AccessDeniedException", text)


def _may_manage(principal: Principal, name: str) -> bool:
    return name in _MEMBER_OPERATIONS or state.is_management_account(principal.account)


def _decide(principal: Principal, operation: Operation, action: str, resource: str, region: str) -> Decision:
    role = state.find_role(resource) if action == "sts:AssumeRole" else None
    grants = _grants(principal)
    return decide(
        Request(
            principal=principal.arn,
            action=action,
            resource=resource,
            context=_context(principal, operation, region),
        ),
        identity=grants.identity,
        boundary=grants.boundary,
        session=principal.session_policy,
        scps=state.service_control_policies(principal.account),
        resource_policy=role.trust if role else None,
    )


_NO_GRANTS = state.Grants(identity=(), boundary=None)


def _grants(principal: Principal) -> state.Grants:
    if principal.role_arn:
        return state.role_grants(principal.role_arn) or _NO_GRANTS
    return state.user_grants(principal.arn) or _NO_GRANTS


def _context(principal: Principal, operation: Operation, region: str) -> dict[str, str]:
    """The condition keys that a request carries.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    context = {
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:RequestedRegion": region,
        "aws:userid": principal.user_id,
        "aws:SecureTransport": "false",
        "aws:CurrentTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if principal.role_arn is None:
        context["aws:username"] = principal.arn.rsplit("/", 1)[-1]
    return context | _sts_context(operation)


def _sts_context(operation: Operation) -> dict[str, Any]:
    if operation.service != "sts":
        return {}
    keys = (("sts:ExternalId", "ExternalId"), ("sts:RoleSessionName", "RoleSessionName"))
    return {key: operation.params[name] for key, name in keys if operation.params.get(name)}


def _denial(principal: Principal, action: str, resource: str, decision: Decision) -> ServiceFault:
    """The refusal in AWS's words.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    text = (
        f"User: {principal.arn} is not authorized to perform: {action}"
        f"{_on_resource(action, resource)}{_because(action, decision)}"
    )
    if action.startswith("ec2:"):
        return ServiceFault(
            403, "UnauthorizedOperation", f"You are not authorized to perform this operation. {text}"
        )
    return ServiceFault(403, "AccessDenied", text)


_IAM_ENTITY = re.compile(r"arn:[^:]+:iam::\d{12}:(?P<kind>role|user|group)/(?:.*/)?(?P<name>[^/]+)")
_IAM_POLICY = re.compile(r"arn:[^:]+:iam::(?:\d{12}|aws):policy/.+")
_IAM_CREATIONS = frozenset(
    f"iam:Create{kind}" for kind in ("Group", "InstanceProfile", "Policy", "Role", "User")
)


def _on_resource(action: str, resource: str) -> str:
    service = action.split(":", maxsplit=1)[0]
    if resource == "*" and service in ("ec2", "s3"):
        return ""
    named = f'"{resource}"' if service == "s3" else resource
    if service == "iam" and action not in _IAM_CREATIONS:
        named = _iam_name(resource)
    return f" on resource: {named}"


def _iam_name(resource: str) -> str:
    """What IAM calls something that is there already; what is to be created, it calls by its ARN."""
    entity = _IAM_ENTITY.fullmatch(resource)
    if entity:
        return f"{entity['kind']} {entity['name']}"
    return f"policy {resource}" if _IAM_POLICY.fullmatch(resource) else resource


def _because(action: str, decision: Decision) -> str:
    name = _POLICY_NAMES.get(decision.layer)
    if name is None:
        # STS gives no reason when the trust policy refuses, so that nobody can find out which roles exist.
        return ""
    if decision.explicit:
        return f" with an explicit deny in {'an' if name[0] in 'aeiou' else 'a'} {name}"
    return f" because no {name} allows the {action} action"
