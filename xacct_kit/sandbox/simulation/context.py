"""The condition keys of simulated calls: given ones, and those that the simulator has by itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html#policies_policy-simulator-condition-keys
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xacct_kit.iam.conditions import parse_operator
from xacct_kit.iam.request import ContextValue
from xacct_kit.sandbox import organization, state
from xacct_kit.sandbox.simulation.faults import invalid_input, validation_error

# The operator by which the engine reads values of a type; of each there is a list, too.
_TYPES: Mapping[str, str] = {
    "string": "StringEquals",
    "numeric": "NumericEquals",
    "boolean": "Bool",
    "date": "DateEquals",
    "ip": "IpAddress",
    "binary": "BinaryEquals",
}
_LIST = "List"


def populated_context(principal: str, account: str) -> dict[str, ContextValue]:
    """The keys that a simulation has by itself, besides those that the engine reads off the principal.

    A role's `aws:userid` names a session, which a simulation has none of.
    """
    user = state.find_entity(principal) if ":user/" in principal else None
    populated = {
        "aws:userid": user and user.id,
        "aws:PrincipalOrgID": organization.organization_id(account),
    }
    return {key: value for key, value in populated.items() if value}


def given_context(params: Mapping[str, Any]) -> dict[str, ContextValue]:
    """The keys in ContextEntries.

    Raises:
        ServiceFault: an entry cannot be meant.
    """
    given: dict[str, ContextValue] = {}
    for entry in params.get("ContextEntries") or ():
        name = entry.get("ContextKeyName")
        if not name:
            raise invalid_input("ContextKeyName cannot be null or empty.")
        if name.lower() in (known.lower() for known in given):
            raise invalid_input(f"Duplicate context key: {name}.")
        given[name] = _value(name, entry.get("ContextKeyType"), entry.get("ContextKeyValues"))
    return given


def _value(name: str, type_name: str | None, values: Sequence[str] | None) -> ContextValue:
    single = (type_name or "").removesuffix(_LIST)
    if single not in _TYPES:
        known = ", ".join(f"{each}, {each}{_LIST}" for each in _TYPES)
        raise validation_error("ContextEntries", f"The type of {name} must satisfy enum value set: [{known}]")
    if not values:
        raise invalid_input(f"Context values for context key {name} cannot be null or empty.")
    if type_name == single and len(values) > 1:
        raise invalid_input(f"Context key {name} expected a single value, but received {len(values)}.")
    for value in values:
        _check(name, single, value)
    return values[0] if type_name == single else list(values)


def _check(name: str, type_name: str, value: str) -> None:
    try:
        parse_operator(_TYPES[type_name]).condition(name, [value], variables=False)
    except ValueError as error:
        raise invalid_input(f"Invalid context value for key {name}: {error}.") from error
    if type_name == "ip" and "/" in value:
        raise invalid_input(f"Invalid context value for key {name}: {value!r} is a network.")
