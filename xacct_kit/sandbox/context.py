"""The condition keys that a request carries.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from xacct_kit.sandbox import organization
from xacct_kit.sandbox.principals import Principal
from xacct_kit.sandbox.protocol import Operation

ContextValue = str | list[str]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-sts
_STS_KEYS: Mapping[str, str] = {
    "sts:ExternalId": "ExternalId",
    "sts:RoleSessionName": "RoleSessionName",
    "sts:SourceIdentity": "SourceIdentity",
}


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
        "aws:RequestedRegion": region,
        "aws:userid": principal.user_id,
        "aws:SecureTransport": "false",
        "aws:SourceIp": "127.0.0.1",
        "aws:ViaAWSService": "false",
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
    }
    context |= {f"aws:PrincipalTag/{key}": value for key, value in {**tags, **principal.session_tags}.items()}
    return context | _of_kind(principal) | _of_organization(principal.account) | _of_operation(operation)


def _of_kind(principal: Principal) -> dict[str, ContextValue]:
    if principal.role_arn is None:
        return {"aws:username": principal.arn.rsplit("/", 1)[-1]}
    issued = {"aws:TokenIssueTime": principal.issued} if principal.issued else {}
    identity = {"aws:SourceIdentity": principal.source_identity} if principal.source_identity else {}
    return {"aws:MultiFactorAuthPresent": "false", **issued, **identity}


def _of_organization(account: str) -> dict[str, ContextValue]:
    known = organization.organization_id(account)
    return {"aws:PrincipalOrgID": known} if known else {}


def _of_operation(operation: Operation) -> dict[str, ContextValue]:
    params: Mapping[str, Any] = operation.params
    if operation.service != "sts":
        return {}
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
    requested: dict[str, ContextValue] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        requested["aws:TagKeys"] = list(tags)
    return requested | {key: params[name] for key, name in _STS_KEYS.items() if params.get(name)}
