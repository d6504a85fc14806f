"""Parameters: what a request gives, held against what the template declares.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xacct_kit.sandbox.cloudformation.refusals import invalid, listed, not_offered
from xacct_kit.sandbox.cloudformation.template import Template

HIDDEN = "****"
"""What is shown in place of a value that is declared `NoEcho`."""

_LISTS = frozenset({"CommaDelimitedList", "List<Number>"})
_NUMBERS = frozenset({"List<Number>", "Number"})
_TYPES = frozenset({"String"}) | _LISTS | _NUMBERS
_CONSTRAINTS = frozenset(
    {"AllowedPattern", "AllowedValues", "MaxLength", "MaxValue", "MinLength", "MinValue"}
)
_KEYS = _CONSTRAINTS | {"ConstraintDescription", "Default", "Description", "NoEcho", "Type"}


def check_declarations(template: Template) -> None:
    """Refuse parameters that are not declared as they must be.

    Raises:
        ServiceFault: a type is missing or not offered, or a key is not known.
    """
    for name, declared in template.parameters.items():
        if not isinstance(declared, dict) or "Type" not in declared:
            raise invalid(
                f"Template format error: Every Parameters object must contain a Type member. [{name}]"
            )
        unknown = sorted(set(declared) - _KEYS)
        if unknown:
            raise invalid(f"Invalid template parameter property '{unknown[0]}'")
        if declared["Type"] not in _TYPES:
            raise not_offered(f"the parameter type {declared['Type']}")


def bind(
    template: Template, given: Iterable[Mapping[str, Any]], previous: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The value of every parameter of a template.

    Parameters:
        template: what declares them.
        given: the request's `Parameters`.
        previous: the values that the stack has, when it is updated.

    Raises:
        ServiceFault: a parameter is unknown, has no value, or breaks its constraint.
    """
    requested = {entry["ParameterKey"]: entry for entry in given}
    unknown = sorted(set(requested) - set(template.parameters))
    if unknown:
        raise invalid(f"Parameters: {listed(unknown)} do not exist in the template")
    values = {
        name: _value(name, declared, requested.get(name), previous or {})
        for name, declared in template.parameters.items()
    }
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise invalid(f"Parameters: {listed(missing)} must have values")
    bound = {name: value for name, value in values.items() if value is not None}
    for name, value in bound.items():
        _check(name, template.parameters[name], value)
    return bound


def _value(
    name: str, declared: Mapping[str, Any], entry: Mapping[str, Any] | None, previous: Mapping[str, str]
) -> str | None:
    if entry is not None and entry.get("UsePreviousValue"):
        if name not in previous:
            raise invalid(
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a "
                "parameter key not in the previous template"
            )
        return previous[name]
    if entry is not None and entry.get("ParameterValue") is not None:
        return str(entry["ParameterValue"])
    return _as_text(declared["Default"]) if "Default" in declared else None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(name: str, declared: Mapping[str, Any], value: str) -> None:
    if "{{resolve:" in value:
        raise not_offered("dynamic references ({{resolve:...}})")
    for item in _items(declared, value):
        for fault in _faults(declared, item):
            described = declared.get("ConstraintDescription")
            if described:
                raise invalid(f"Parameter {name} failed to satisfy constraint: {described}")
            raise invalid(f"Parameter '{name}' {fault}")


def _items(declared: Mapping[str, Any], value: str) -> list[str]:
    if declared["Type"] not in _LISTS:
        return [value]
    return [item.strip() for item in value.split(",")] if value else []


def _faults(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in [_as_text(each) for each in allowed]:
        yield "must be one of AllowedValues"
    pattern = declared.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        yield f"must match pattern {pattern}"
    if len(value) < int(declared.get("MinLength", 0)):
        yield f"must contain at least {declared['MinLength']} characters"
    if "MaxLength" in declared and len(value) > int(declared["MaxLength"]):
        yield f"must contain at most {declared['MaxLength']} characters"
    if declared["Type"] in _NUMBERS:
        yield from _number_faults(declared, value)


def _number_faults(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    try:
        number = float(value)
    except ValueError:
        yield "must be a number."
        return
    if "MinValue" in declared and number < float(declared["MinValue"]):
        yield f"must be a number not less than {declared['MinValue']}"
    if "MaxValue" in declared and number > float(declared["MaxValue"]):
        yield f"must be a number not greater than {declared['MaxValue']}"


def referred(template: Template, values: Mapping[str, str], *, hide: bool = False) -> dict[str, Any]:
    """What `Ref` gives for each parameter: text, or a list of it.

    Parameters:
        template: what declares them.
        values: their values.
        hide: whether values that are declared `NoEcho` are hidden.
    """
    return {
        name: HIDDEN if hide and is_hidden(declared) else _referred(declared, values[name])
        for name, declared in template.parameters.items()
    }


def _referred(declared: Mapping[str, Any], value: str) -> Any:
    return _items(declared, value) if declared["Type"] in _LISTS else value


def shown(template: Template, values: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters as a description of a stack shows them."""
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if is_hidden(template.parameters[name]) else value}
        for name, value in values.items()
    ]


def as_parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Names and values as a request brings them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def declarations(template: Template) -> list[dict[str, Any]]:
    """Parameters as a summary of a template shows them."""
    return [_declaration(name, declared) for name, declared in template.parameters.items()]


def _declaration(name: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    hidden = is_hidden(declared)
    entry: dict[str, Any] = {"ParameterKey": name, "ParameterType": declared["Type"], "NoEcho": hidden}
    if "Default" in declared:
        entry["DefaultValue"] = HIDDEN if hidden else _as_text(declared["Default"])
    if "Description" in declared:
        entry["Description"] = declared["Description"]
    allowed = [_as_text(value) for value in declared.get("AllowedValues", ())]
    return {**entry, "ParameterConstraints": {"AllowedValues": allowed} if allowed else {}}


def is_hidden(declared: Mapping[str, Any]) -> bool:
    """Whether a parameter is declared `NoEcho`."""
    return str(declared.get("NoEcho", False)).lower() == "true"
