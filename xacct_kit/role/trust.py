"""Why a role's trust policy refuses a principal: AWS gives one text for every cause."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from xacct_kit.iam import Request, decide

_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
}


class TrustFault(Enum):
    """What a trust policy has against a principal and its external ID."""

    NONE = "the trust policy allows it"
    PRINCIPAL = "the trust policy does not name the principal"
    FORMER_PRINCIPAL = "the trust policy does not name the principal, but one that was deleted"
    NO_EXTERNAL_ID = "the trust policy names the principal and wants an external ID, and none is sent"
    EXTERNAL_ID = "the trust policy names the principal and wants another external ID"
    CONDITION = "the trust policy names the principal, but another of its conditions is not met"
    DENY = "the trust policy denies it explicitly"


def trust_fault(
    trust: Mapping[str, Any], *, principal: str, role_arn: str, external_id: str | None
) -> TrustFault:
    """Judge a live trust policy.

    Parameters:
        trust: the role's trust policy.
        principal: ARN of the caller, as `GetCallerIdentity` tells it.
        role_arn: the role to be assumed.
        external_id: the external ID that is sent; None when none is.

    Raises:
        PolicyError: the trust policy cannot be read.
    """
    context = {} if external_id is None else {"sts:ExternalId": external_id}
    decision = _decide(trust, principal, role_arn, context)
    if decision.allowed:
        return TrustFault.NONE
    if decision.explicit:
        return TrustFault.DENY
    if _decide(_allowing(trust, _without_external_id), principal, role_arn, context).allowed:
        return TrustFault.NO_EXTERNAL_ID if external_id is None else TrustFault.EXTERNAL_ID
    if _decide(_allowing(trust, _unconditional), principal, role_arn, context).allowed:
        return TrustFault.CONDITION
    return TrustFault.FORMER_PRINCIPAL if former_principals(trust) else TrustFault.PRINCIPAL


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}")


def former_principals(trust: Mapping[str, Any]) -> tuple[str, ...]:
    """The unique IDs that stand in a trust policy where a role or a user was deleted since it was saved.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    statements = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    principals = [statement.get("Principal") for statement in statements]
    named = [each.get("AWS", ()) for each in principals if isinstance(each, Mapping)]
    names = [name for each in named for name in ([each] if isinstance(each, str) else each)]
    return tuple(dict.fromkeys(name for name in names if _UNIQUE_ID.fullmatch(name)))


def _decide(trust: Mapping[str, Any], principal: str, role_arn: str, context: Mapping[str, Any]) -> Any:
    request = Request(principal=principal, action="sts:AssumeRole", resource=role_arn, context=dict(context))
    return decide(request, identity=[_MAY_ASSUME], resource_policy=dict(trust))


def _allowing(trust: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """The statements that allow, each changed."""
    found = trust["Statement"]
    statements = found if isinstance(found, list) else [found]
    return {**trust, "Statement": [change(each) for each in statements if each["Effect"] == "Allow"]}


def _unconditional(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in statement.items() if element != "Condition"}


def _without_external_id(statement: Mapping[str, Any]) -> dict[str, Any]:
    conditions = {
        operator: {key: value for key, value in keys.items() if key.lower() != "sts:externalid"}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return {**statement, "Condition": {operator: keys for operator, keys in conditions.items() if keys}}
