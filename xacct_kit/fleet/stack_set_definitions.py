"""Whether a stack set is what it must be, compared part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def differs(described: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a stack set differs from what it must be, as far as it is told.

    Parameters:
        described: the stack set, as DescribeStackSet tells it.
        wanted: the parameters of CreateStackSet that would make it.
    """
    return any(_COMPARISONS.get(name, _other)(described.get(name), value) for name, value in wanted.items())


def _other(told: Any, wanted: Any) -> bool:
    return bool(told != wanted)


def _other_parameters(told: Any, wanted: Any) -> bool:
    """Whether a parameter differs; one that NoEcho hides is told as asterisks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    known = {each["ParameterKey"]: each.get("ParameterValue", "") for each in told or ()}
    hidden = {key for key, value in known.items() if value and not value.strip("*")}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in wanted}
    return known.keys() != given.keys() or any(known[key] != given[key] for key in given.keys() - hidden)


def _other_members(told: Any, wanted: Any) -> bool:
    return any((told or {}).get(key) != value for key, value in wanted.items())


def _other_tags(told: Any, wanted: Any) -> bool:
    return sorted((each["Key"], each["Value"]) for each in told or ()) != sorted(
        (each["Key"], each["Value"]) for each in wanted
    )


# How a part of a stack set's definition is compared, where it is not simply the same or not.
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "AutoDeployment": _other_members,
    "Capabilities": lambda told, wanted: sorted(told or ()) != sorted(wanted),
    "ManagedExecution": _other_members,
    "Parameters": _other_parameters,
    "Tags": _other_tags,
    "TemplateBody": lambda told, wanted: str(told).strip() != wanted.strip(),
}
