"""What IAM refuses and moto lets pass: names, sizes, and what is AWS's own.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from moto.iam.models import iam_backends

from xacct_kit.role.sizes import (
    INLINE_POLICIES_LIMIT,
    MANAGED_POLICY_LIMIT,
    TRUST_POLICY_LIMIT,
    policy_size,
)
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Principal
from xacct_kit.sandbox.protocol import Operation, model_of


def with_own_name(principal: Principal, operation: Operation) -> Operation:
    """An operation on a user that names none: it is meant for whoever asks.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html

    Parameters:
        principal: who asks.
        operation: what is asked.

    Raises:
        ServiceFault: who asks is no user.
    """
    if operation.service != "iam" or operation.params.get("UserName") is not None:
        return operation
    shape = model_of("iam").operation_model(operation.name).input_shape
    if shape is None or "UserName" not in shape.members:
        return operation
    if principal.role_arn:
        text = "Must specify userName when calling with non-User credentials"
        raise ServiceFault(400, "ValidationError", text)
    return replace(operation, params={**operation.params, "UserName": principal.arn.rpartition("/")[2]})


def check_limits(operation: Operation, partition: str, account: str) -> None:
    """Refuse what IAM does not take.

    Raises:
        ServiceFault: it does not.
    """
    if operation.service == "iam":
        _check_constraints(operation)
        _check_own(operation)
        _check_name(operation, iam_backends[account][partition])
        _check_size(operation, iam_backends[account][partition])


def _check_constraints(operation: Operation) -> None:
    shape = model_of("iam").operation_model(operation.name).input_shape
    for name, described in shape.members.items() if shape else ():
        constraint = next(_broken(described.metadata, operation.params.get(name)), None)
        if constraint:
            member = f"{name[0].lower()}{name[1:]}"
            text = f"Value at '{member}' failed to satisfy constraint: Member must {constraint}"
            raise ServiceFault(400, "ValidationError", f"1 validation error detected: {text}")


def _broken(metadata: Mapping[str, Any], value: Any) -> Iterator[str]:
    """The constraints that a text or a number breaks."""
    if not isinstance(value, str | int):
        return
    size, what = (len(value), "have length") if isinstance(value, str) else (value, "have value")
    if size < metadata.get("min", size):
        yield f"{what} greater than or equal to {metadata['min']}"
    if size > metadata.get("max", size):
        yield f"{what} less than or equal to {metadata['max']}"
    if isinstance(value, str) and not re.fullmatch(metadata.get("pattern", "(?s:.*)"), value, re.ASCII):
        yield f"satisfy regular expression pattern: {metadata['pattern']}"


# What changes a managed policy.
_CHANGING = frozenset(
    {
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
        "TagPolicy",
        "UntagPolicy",
    }
)


def _check_own(operation: Operation) -> None:
    """Refuse to change a managed policy of AWS; with which words, is not documented."""
    arn = str(operation.params.get("PolicyArn", ""))
    if operation.name in _CHANGING and ":iam::aws:policy/" in arn:
        text = f"iam:{operation.name} is not possible on resource: policy {arn}, which is managed by AWS."
        raise ServiceFault(403, "AccessDenied", text)


# Where moto keeps what is made, by kind.
_KEPT = {
    "Group": "groups",
    "InstanceProfile": "instance_profiles",
    "Policy": "managed_policies",
    "Role": "roles",
    "User": "users",
}


def _check_name(operation: Operation, backend: Any) -> None:
    """Refuse a name that is taken; names are not distinguished by case.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    """
    kind = operation.name.removeprefix("Create")
    if operation.name == kind or kind not in _KEPT:
        return
    name = operation.params[f"{kind}Name"].lower()
    for other in list(getattr(backend, _KEPT[kind]).values()):
        if other.name.lower() == name and ":iam::aws:" not in other.arn:
            raise ServiceFault(409, "EntityAlreadyExists", f"{kind} with name {other.name} already exists.")


# The parameter that names whose inline policies count together, where moto keeps it, how long they may be.
_INLINE = {
    "PutGroupPolicy": ("GroupName", "groups", 5_120),
    "PutRolePolicy": ("RoleName", "roles", INLINE_POLICIES_LIMIT),
    "PutUserPolicy": ("UserName", "users", 2_048),
}

# The parameter with the one document that counts, the quota, and how long it may be.
_ALONE = {
    "CreatePolicy": ("PolicyDocument", "PolicySize", MANAGED_POLICY_LIMIT),
    "CreatePolicyVersion": ("PolicyDocument", "PolicySize", MANAGED_POLICY_LIMIT),
    "CreateRole": ("AssumeRolePolicyDocument", "ACLSizePerRole", TRUST_POLICY_LIMIT),
    "UpdateAssumeRolePolicy": ("PolicyDocument", "ACLSizePerRole", TRUST_POLICY_LIMIT),
}


def _check_size(operation: Operation, backend: Any) -> None:
    """Refuse a document that is too long, alone or with others of its owner."""
    params = operation.params
    if operation.name in _ALONE:
        name, quota, most = _ALONE[operation.name]
        if policy_size(json.loads(params[name])) > most:
            raise ServiceFault(409, "LimitExceeded", f"Cannot exceed quota for {quota}: {most}")
    if operation.name in _INLINE:
        name, kept, most = _INLINE[operation.name]
        owner = next(
            (each for each in list(getattr(backend, kept).values()) if each.name == params[name]), None
        )
        others = dict(owner.policies) if owner else {}
        texts = {**others, params["PolicyName"]: params["PolicyDocument"]}
        if policy_size(*map(json.loads, texts.values())) > most:
            kind = name.removesuffix("Name").lower()
            text = f"Maximum policy size of {most} bytes exceeded for {kind} {params[name]}"
            raise ServiceFault(409, "LimitExceeded", text)
