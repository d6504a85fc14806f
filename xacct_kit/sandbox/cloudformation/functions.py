"""Intrinsic functions: what they refer to, and what they come to.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from xacct_kit.sandbox.cloudformation.refusals import invalid, not_offered


class _NoValue(Enum):
    NO_VALUE = "AWS::NoValue"


NO_VALUE = _NoValue.NO_VALUE
"""What `AWS::NoValue` comes to: the property or item that holds it is left out."""

_PLACEHOLDER = re.compile(r"\$\{([^!{}][^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where names are looked up.

    Attributes:
        mappings: the template's Mappings.
        conditions: the template's conditions, evaluated.
        ref: the value of a parameter, pseudo parameter or resource.
        get_att: the value of a resource's attribute.
        import_value: the value of an export.
    """

    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]]
    conditions: Mapping[str, bool]
    ref: Callable[[str], Any]
    get_att: Callable[[str, str], Any]
    import_value: Callable[[str], Any]


@dataclass(frozen=True)
class Reference:
    """A name that a value refers to; the attribute is there for `Fn::GetAtt`."""

    name: str
    attribute: str | None = None


def evaluate(value: Any, scope: Scope) -> Any:
    """Work out a value: every function in it is replaced by what it comes to."""
    if isinstance(value, list):
        return [item for item in (evaluate(each, scope) for each in value) if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    name = function_of(value)
    if name:
        return _FUNCTIONS[name](value[name], scope)
    worked_out = {key: evaluate(each, scope) for key, each in value.items()}
    return {key: each for key, each in worked_out.items() if each is not NO_VALUE}


def function_of(value: Any) -> str | None:
    """The name of the function that a value calls, or None when it is a plain value.

    Raises:
        ServiceFault: the function is not one that the sandbox offers.
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    name = str(next(iter(value)))
    if name in _FUNCTIONS and (name != "Condition" or isinstance(value[name], str)):
        return name
    if name.startswith("Fn::"):
        raise not_offered(f"the function {name}")
    return None


def references(value: Any, conditions: Mapping[str, bool] | None = None) -> Iterator[Reference]:
    """The names of parameters and resources that a value refers to.

    Parameters:
        value: any part of a template.
        conditions: the evaluated conditions; with them only the branches of `Fn::If` that are taken count.
    """
    name = function_of(value)
    if name in _REFERRING:
        yield from _REFERRING[name](value[name], conditions)
        return
    if name == "Fn::If" and conditions is not None:
        condition, if_true, if_false = _arguments(name, value[name], 3)
        yield from references(if_true if conditions[condition] else if_false, conditions)
        return
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from references(each, conditions)


def conditions_named(value: Any) -> Iterator[str]:
    """The names of the conditions that a value depends on, directly."""
    name = function_of(value)
    if name == "Condition":
        yield value[name]
        return
    if name == "Fn::If":
        yield _arguments(name, value[name], 3)[0]
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from conditions_named(each)


def _ref_references(name: Any, _: Mapping[str, bool] | None) -> Iterator[Reference]:
    yield Reference(_text("Ref", name))


def _get_att_references(arguments: Any, _: Mapping[str, bool] | None) -> Iterator[Reference]:
    yield Reference(*_attribute(arguments))


def _sub_references(arguments: Any, conditions: Mapping[str, bool] | None) -> Iterator[Reference]:
    text, variables = _sub_arguments(arguments)
    yield from references(variables, conditions)
    for match in _PLACEHOLDER.finditer(text):
        if match[1].strip() not in variables:
            yield _sub_reference(match[1].strip())


_REFERRING: Mapping[str | None, Callable[[Any, Mapping[str, bool] | None], Iterator[Reference]]] = {
    "Ref": _ref_references,
    "Fn::GetAtt": _get_att_references,
    "Fn::Sub": _sub_references,
}


def _sub_reference(name: str) -> Reference:
    resource, dot, attribute = name.partition(".")
    return Reference(resource, attribute) if dot else Reference(resource)


def _text(function: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(f"Template error: {function} must be given text, not {type(value).__name__}")
    return value


def _arguments(function: str, value: Any, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise invalid(f"Template error: {function} requires a list of {count} arguments")
    return value


def _attribute(arguments: Any) -> tuple[str, str]:
    parts = arguments.split(".", 1) if isinstance(arguments, str) else arguments
    if not isinstance(parts, list) or len(parts) != 2:
        raise invalid("Template error: every Fn::GetAtt object requires two non-empty parameters")
    return _text("Fn::GetAtt", parts[0]), _text("Fn::GetAtt", parts[1])


def _sub_arguments(arguments: Any) -> tuple[str, Mapping[str, Any]]:
    text, variables = (arguments, {}) if isinstance(arguments, str) else _arguments("Fn::Sub", arguments, 2)
    return _text("Fn::Sub", text), variables


def _get_att(arguments: Any, scope: Scope) -> Any:
    return scope.get_att(*_attribute(arguments))


def _sub(arguments: Any, scope: Scope) -> str:
    text, variables = _sub_arguments(arguments)
    values = {name: evaluate(value, scope) for name, value in variables.items()}

    def look_up(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name in values:
            return _plain("Fn::Sub", values[name])
        reference = _sub_reference(name)
        if reference.attribute is None:
            return _plain("Fn::Sub", scope.ref(name))
        return _plain("Fn::Sub", scope.get_att(reference.name, reference.attribute))

    return _PLACEHOLDER.sub(look_up, text).replace("${!", "${")


def _plain(function: str, value: Any) -> str:
    """A value as it appears inside text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise invalid(f"Template error: {function} can only use values that are text")


def _join(arguments: Any, scope: Scope) -> str:
    delimiter, values = _arguments("Fn::Join", arguments, 2)
    return _text("Fn::Join", delimiter).join(
        _plain("Fn::Join", value) for value in _list("Fn::Join", values, scope)
    )


def _list(function: str, value: Any, scope: Scope) -> list[Any]:
    worked_out = evaluate(value, scope)
    if not isinstance(worked_out, list):
        raise invalid(f"Template error: {function} requires a list")
    return worked_out


def _select(arguments: Any, scope: Scope) -> Any:
    index, values = _arguments("Fn::Select", arguments, 2)
    items = _list("Fn::Select", values, scope)
    number = str(evaluate(index, scope))
    if not number.isdecimal() or int(number) >= len(items):
        raise invalid(f"Template error: Fn::Select cannot select nonexistent value at index {number}")
    return items[int(number)]


def _split(arguments: Any, scope: Scope) -> list[str]:
    delimiter, value = _arguments("Fn::Split", arguments, 2)
    return _plain("Fn::Split", evaluate(value, scope)).split(_text("Fn::Split", delimiter))


def _if(arguments: Any, scope: Scope) -> Any:
    condition, if_true, if_false = _arguments("Fn::If", arguments, 3)
    return evaluate(if_true if scope.conditions[condition] else if_false, scope)


def _equals(arguments: Any, scope: Scope) -> bool:
    left, right = (evaluate(each, scope) for each in _arguments("Fn::Equals", arguments, 2))
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return bool(left == right)
    return _plain("Fn::Equals", left) == _plain("Fn::Equals", right)


def _operands(function: str, arguments: Any, scope: Scope) -> list[bool]:
    if not isinstance(arguments, list) or not 2 <= len(arguments) <= 10:
        raise invalid(f"Template error: {function} requires between 2 and 10 conditions")
    return [bool(evaluate(each, scope)) for each in arguments]


def _and(arguments: Any, scope: Scope) -> bool:
    return all(_operands("Fn::And", arguments, scope))


def _or(arguments: Any, scope: Scope) -> bool:
    return any(_operands("Fn::Or", arguments, scope))


def _not(arguments: Any, scope: Scope) -> bool:
    return not evaluate(_arguments("Fn::Not", arguments, 1)[0], scope)


def _find_in_map(arguments: Any, scope: Scope) -> Any:
    if not isinstance(arguments, list) or len(arguments) != 3:
        raise invalid(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and "
            "the attribute for return value"
        )
    names = [_plain("Fn::FindInMap", evaluate(each, scope)) for each in arguments]
    try:
        return scope.mappings[names[0]][names[1]][names[2]]
    except KeyError as error:
        raise invalid(f"Template error: Unable to get mapping for {'::'.join(names)}") from error


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(_plain("Fn::Base64", evaluate(argument, scope)).encode()).decode()


_FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Condition": lambda name, scope: scope.conditions[name],
    "Fn::And": _and,
    "Fn::Base64": _base64,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": lambda name, scope: scope.import_value(evaluate(name, scope)),
    "Fn::Join": _join,
    "Fn::Not": _not,
    "Fn::Or": _or,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Ref": lambda name, scope: scope.ref(_text("Ref", name)),
}
