"""JSON from a person: a fault is told with its place, and what JSON itself leaves open is one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from xacct_kit.errors import RequestError

_TYPE_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 100


def type_name(value: object) -> str:
    """What JSON calls the type of a value."""
    return _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")


def parse(text: bytes) -> Any:
    """What JSON text in UTF-8 holds, with or without a byte order mark.

    Raises:
        RequestError: the text is not JSON, has a key twice, or a number or character that is none.
    """
    try:
        written = text.decode("utf-8-sig").rstrip()
        value = json.loads(
            written,
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise RequestError(f"not text in UTF-8 (byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise RequestError(f"not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise RequestError("nested too deeply") from None
    if _HALF_OF_A_PAIR.search(written):
        _check_characters(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise RequestError(f"{next(key for key in keys if keys.count(key) > 1)}: is given twice")
    return values


def _no_number(text: str) -> None:
    raise RequestError(f"not JSON: {text} is no number")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise RequestError(f"the number {text[:_MOST_DIGITS]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise RequestError(f"a number has {len(text)} digits, which is too many")
    return int(text)


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RequestError("half of a surrogate pair is no character") from None
