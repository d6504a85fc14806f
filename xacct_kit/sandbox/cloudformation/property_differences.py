"""In what the properties of a resource are not what its template sets: value by value, as they are written.

How CloudFormation pairs the items of two lists is not documented. Here policies are paired by their names,
tags by their keys and texts by themselves; any other items by their places where the lists are of one length.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.sandbox.cloudformation.resources import Properties

# By which element the items of a list of objects are known.
_NAMES = ("PolicyName", "Key")


@dataclass(frozen=True)
class _Pair:
    """A value as the template sets it and as it is, and where it stands."""

    expected: Any
    shown: Any
    actual: Any
    path: str

    def differences(self) -> Iterator[dict[str, str]]:
        if isinstance(self.expected, Mapping) and isinstance(self.actual, Mapping):
            yield from self._of_objects()
        elif isinstance(self.expected, list) and isinstance(self.actual, list):
            yield from self._of_lists()
        elif _text(self.expected) != _text(self.actual):
            yield self._difference("NOT_EQUAL")

    def _of_objects(self) -> Iterator[dict[str, str]]:
        for key, value in self.expected.items():
            below = _Pair(value, self.shown[key], self.actual.get(key), f"{self.path}/{key}")
            yield from below.differences() if key in self.actual else [below._difference("REMOVE")]
        for key in self.actual.keys() - self.expected.keys():
            yield _Pair(None, None, self.actual[key], f"{self.path}/{key}")._difference("ADD")

    def _of_lists(self) -> Iterator[dict[str, str]]:
        actual = _in_order_of(self.expected, self.actual)
        if len(actual) == len(self.expected):
            for place, value in enumerate(self.expected):
                yield from _Pair(
                    value, self.shown[place], actual[place], f"{self.path}/{place}"
                ).differences()
            return
        for place, value in enumerate(self.expected):
            if value not in actual:
                yield _Pair(value, self.shown[place], None, f"{self.path}/{place}")._difference("REMOVE")
        for place, value in enumerate(actual):
            if value not in self.expected:
                yield _Pair(None, None, value, f"{self.path}/{place}")._difference("ADD")

    def _difference(self, kind: str) -> dict[str, str]:
        return {
            "PropertyPath": self.path,
            "ExpectedValue": _text(self.shown),
            "ActualValue": _text(self.actual),
            "DifferenceType": kind,
        }


def property_differences(
    expected: Properties, shown: Properties, actual: Properties
) -> tuple[dict[str, str], ...]:
    """The properties that differ, as CloudFormation shows them.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_PropertyDifference.html

    Parameters:
        expected: the properties that the template sets, worked out.
        shown: the same, with what `NoEcho` hides hidden.
        actual: the same properties as they are.
    """
    return tuple(_Pair(expected, shown, actual, "").differences())


def _in_order_of(expected: list[Any], actual: list[Any]) -> list[Any]:
    """The items that are there, those first that have a counterpart, in its order."""
    names = [_name(item) for item in expected]
    if any(name is None for name in names):
        return actual
    places = {name: place for place, name in enumerate(names)}
    return sorted(actual, key=lambda item: places.get(_name(item), len(places)))


def _name(item: Any) -> str | None:
    if isinstance(item, Mapping):
        return next((str(item[name]) for name in _NAMES if name in item), None)
    return item if isinstance(item, str) else None


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(value) if isinstance(value, Mapping | list | bool) else str(value)
