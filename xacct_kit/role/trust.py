"""Why a role's trust policy refuses a principal: AWS gives one text for every cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from xacct_kit.iam import Decision, Request, decide
from xacct_kit.role.policy_documents import Document, is_unique_id, listed, statements_of

# The policy of whoever may ask: whether it gets in is up to the trust policy.
MAY_ASSUME = {
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


def trust_fault(trust: Document, *, principal: str, role_arn: str, external_id: str | None) -> TrustFault:
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
    about_id = TrustFault.NO_EXTERNAL_ID if external_id is None else TrustFault.EXTERNAL_ID
    if decision.explicit:
        # A Deny may be what asks for the external ID.
        rest = [each for each in statements_of(trust) if each["Effect"] == "Allow" or not _asks_for_id(each)]
        if not rest or len(rest) == len(statements_of(trust)):
            return TrustFault.DENY
        without = {**trust, "Statement": rest}
        other = trust_fault(without, principal=principal, role_arn=role_arn, external_id=external_id)
        return about_id if other in (TrustFault.NONE, about_id) else TrustFault.DENY

    def would_allow(change: Callable[[Mapping[str, Any]], Any]) -> bool:
        """Whether those of its statements that allow would, each changed; there may be none of them."""
        changed = [change(each) for each in statements_of(trust) if each["Effect"] == "Allow"]
        asked = {**trust, "Statement": changed}
        return bool(changed) and _decide(asked, principal, role_arn, context).allowed

    if would_allow(_without_external_id):
        return about_id
    if would_allow(_unconditional):
        return TrustFault.CONDITION
    return TrustFault.FORMER_PRINCIPAL if former_principals(trust) else TrustFault.PRINCIPAL


def former_principals(trust: Document) -> tuple[str, ...]:
    """The unique IDs that stand in a trust policy where a role or a user was deleted since it was saved.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    principals = [statement.get("Principal") for statement in statements_of(trust)]
    named = [each.get("AWS", ()) for each in principals if isinstance(each, Mapping)]
    return tuple(dict.fromkeys(name for each in named for name in listed(each) if is_unique_id(name)))


def _decide(trust: Document, principal: str, role_arn: str, context: Mapping[str, Any]) -> Decision:
    request = Request(principal=principal, action="sts:AssumeRole", resource=role_arn, context=context)
    return decide(request, identity=[MAY_ASSUME], resource_policy=trust)


def _asks_for_id(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition", {}).values()
    return any(key.lower() == "sts:externalid" for keys in conditions for key in keys)


def _unconditional(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in statement.items() if element != "Condition"}


def _without_external_id(statement: Mapping[str, Any]) -> dict[str, Any]:
    conditions = {
        operator: {key: value for key, value in keys.items() if key.lower() != "sts:externalid"}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return {**statement, "Condition": {operator: keys for operator, keys in conditions.items() if keys}}
