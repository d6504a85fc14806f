"""The condition keys that a request carries.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.iam.request import ContextValue
from xacct_kit.sandbox import additions, organization, state
from xacct_kit.sandbox.principals import Principal
from xacct_kit.sandbox.protocol import Operation
from xacct_kit.sandbox.services import GLOBAL_SERVICES

# Service, parameter, and the key that has the parameter's value.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_PARAMETER_KEYS: tuple[tuple[str, str, str], ...] = (
    ("cloudformation", "RoleARN", "cloudformation:RoleArn"),
    ("cloudformation", "TemplateURL", "cloudformation:TemplateUrl"),
    ("ec2", "InstanceType", "ec2:InstanceType"),
    ("iam", "PassedToService", "iam:PassedToService"),
    ("iam", "PermissionsBoundary", "iam:PermissionsBoundary"),
    ("iam", "PolicyArn", "iam:PolicyARN"),
    ("organizations", "PolicyType", "organizations:PolicyType"),
    ("s3", "Delimiter", "s3:delimiter"),
    ("s3", "MaxKeys", "s3:max-keys"),
    ("s3", "Prefix", "s3:prefix"),
    ("sagemaker", "InstanceType", "sagemaker:InstanceTypes"),
    ("sts", "ExternalId", "sts:ExternalId"),
    ("sts", "RoleSessionName", "sts:RoleSessionName"),
    ("sts", "SourceIdentity", "sts:SourceIdentity"),
)


def context_of(
    principal: Principal, tags: Mapping[str, str], operation: Operation, region: str
) -> dict[str, ContextValue]:
    """The condition keys of a request.

    Parameters:
        principal: who makes it.
        tags: the tags of the principal's role or user.
        operation: what is asked.
        region: where.
    """
    now = datetime.now(UTC)
    context: dict[str, ContextValue] = {
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:RequestedRegion": _requested_region(operation.service, principal.partition, region),
        "aws:userid": principal.user_id,
        # Loopback stands for the TLS that AWS is called by.
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:ViaAWSService": "false",
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
    }
    # In lower case, so that a session's tag takes the place of the role's, however either is spelled.
    principal_tags = (*tags.items(), *principal.session_tags.items())
    context |= {f"aws:PrincipalTag/{key.lower()}": value for key, value in principal_tags}
    asked = _of_operation(operation) | _of_target(principal, operation)
    return context | _of_kind(principal) | _of_organization("Principal", principal.account) | asked


def of_resource(principal: Principal, resource: str) -> dict[str, ContextValue]:
    """The condition keys that tell whose a resource is; what names no account is the principal's own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount

    Parameters:
        principal: who asks for it.
        resource: its ARN, or `*`.
    """
    _, _, service, _, account, name = resource.split(":", 5) if resource.count(":") >= 5 else [""] * 6
    if service == "s3":
        account = additions.bucket_owner(name.partition("/")[0]) or ""
    account = account if account.isdecimal() else principal.account
    return {"aws:ResourceAccount": account} | _of_organization("Resource", account)


def _requested_region(service: str, partition: str, region: str) -> str:
    """Where a request is answered, whatever region it was meant for.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html
    """
    if service not in GLOBAL_SERVICES:
        return region
    place = PARTITIONS[partition]
    return place.default_region if service == "iam" else place.cost_explorer_region or place.default_region


def _of_kind(principal: Principal) -> dict[str, ContextValue]:
    if principal.role_arn is None:
        return {"aws:username": principal.arn.rsplit("/", 1)[-1]}
    issued = {"aws:TokenIssueTime": principal.issued} if principal.issued else {}
    identity = {"aws:SourceIdentity": principal.source_identity} if principal.source_identity else {}
    return {"aws:MultiFactorAuthPresent": "false", **issued, **identity}


def _of_organization(whose: str, account: str) -> dict[str, ContextValue]:
    known = organization.organization_id(account)
    if not known:
        return {}
    return {f"aws:{whose}OrgID": known, f"aws:{whose}OrgPaths": [organization.path_of(account)]}


def _of_operation(operation: Operation) -> dict[str, ContextValue]:
    params = operation.params
    found: dict[str, ContextValue] = {
        key: str(params[name])
        for service, name, key in _PARAMETER_KEYS
        if service == operation.service and params.get(name) is not None
    }
    tags = _requested_tags(params)
    if tags:
        found["aws:TagKeys"] = list(tags)
    return found | {f"aws:RequestTag/{key.lower()}": value for key, value in tags.items()}


# The operations on a role or a user whose request carries the permissions boundary that it has already.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_OF_THE_BOUNDED = frozenset(
    f"{deed}{kind}{what}"
    for kind in ("Role", "User")
    for deed, what in (
        ("Attach", "Policy"),
        ("Delete", "PermissionsBoundary"),
        ("Delete", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
    )
)


def _of_target(principal: Principal, operation: Operation) -> dict[str, ContextValue]:
    if operation.service != "iam" or operation.name not in _OF_THE_BOUNDED:
        return {}
    kind = "Role" if "Role" in operation.name else "User"
    name = operation.params.get(f"{kind}Name", "")
    target = state.find_named(principal.partition, principal.account, kind.lower(), name)
    boundary = target.boundary if target else None
    return {"iam:PermissionsBoundary": boundary.arn} if boundary and boundary.arn else {}


def _requested_tags(params: Mapping[str, Any]) -> dict[str, str]:
    specified = params.get("TagSpecifications") or ()
    tags = params.get("Tags") or [tag for each in specified for tag in each.get("Tags", ())]
    if not isinstance(tags, list):
        return {}
    return {tag["Key"]: tag.get("Value", "") for tag in tags if isinstance(tag, Mapping) and "Key" in tag}
