"""What the text of a policy tells besides its meaning: where statements stand, and how keys are spelled.

The texts are those of documents that compile.
"""

from __future__ import annotations

import bisect
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from xacct_kit.role.policy_documents import statements_of

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"\r\n?|\n")

# ${*}, ${?} and ${$} are characters, not keys; what follows a comma is a default.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_VARIABLE = re.compile(r"\$\{([^\s,'{}$*?]+)")
_VERSION_WITH_VARIABLES = "2012-10-17"
_ELEMENTS_WITH_VARIABLES = ("Resource", "NotResource", "Condition")

Position = Mapping[str, int]


@functools.lru_cache(maxsize=1024)
def statement_positions(text: str) -> tuple[tuple[Position, Position], ...]:
    """Where each statement of a policy begins and ends, as AWS's policy simulator tells it.

    A position is the place behind the last character read, lines and columns counted from 1: a statement
    begins behind the bracket that opens the statements or behind the statement before it, and ends behind its
    own bracket. So the examples have it:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(offset: int) -> Position:
        line = bisect.bisect_right(line_starts, offset)
        return {"Line": line, "Column": offset - line_starts[line - 1] + 1}

    return tuple((position(start), position(end)) for start, end in _statement_spans(text))


def _statement_spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for key, start, end in _members(text, _behind_space(text, 0)):
        if key == "Statement":
            # The last of several members with one name counts.
            spans = list(_items(text, start)) if text[start] == "[" else [(start + 1, end)]
    return spans


def _members(text: str, opening: int) -> Iterator[tuple[str, int, int]]:
    """The members of the object that opens at a place: name, and where the value begins and ends."""
    place = _behind_space(text, opening + 1)
    while text[place] != "}":
        key, place = _DECODER.raw_decode(text, place)
        start = _behind_space(text, _behind_space(text, place) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        place = _next(text, end)


def _items(text: str, opening: int) -> Iterator[tuple[int, int]]:
    """The items of the list that opens at a place, each from behind what is before it."""
    before = opening + 1
    place = _behind_space(text, before)
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield before, end
        before, place = end, _next(text, end)


def _next(text: str, end: int) -> int:
    place = _behind_space(text, end)
    return _behind_space(text, place + 1) if text[place] == "," else place


def _behind_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


@functools.lru_cache(maxsize=1024)
def context_keys(text: str) -> tuple[str, ...]:
    """The condition keys that a policy refers to, in conditions and as policy variables, as it spells them.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
    """
    document = json.loads(text)
    found: dict[str, str] = {}
    for statement in statements_of(document):
        for key in _referred(statement, document.get("Version") == _VERSION_WITH_VARIABLES):
            found.setdefault(key.lower(), key)
    return tuple(found.values())


def _referred(statement: Mapping[str, Any], variables: bool) -> Iterator[str]:
    for keys in statement.get("Condition", {}).values():
        yield from keys
    if variables:
        for element in _ELEMENTS_WITH_VARIABLES:
            for value in _texts(statement.get(element)):
                yield from _VARIABLE.findall(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
