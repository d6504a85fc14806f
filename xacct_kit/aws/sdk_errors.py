"""Errors that never were an answer: what botocore and the network raise, known by class, name or text."""

from __future__ import annotations

import builtins
import re
from functools import cache

import botocore.exceptions

# Classes by whose names an error without a response is known; others may be called anything.
_SDK = frozenset({"botocore", "boto3", "urllib3", "socket", "ssl"})
_BUILTIN = (ConnectionError, TimeoutError)
# Fewer letters than this could begin any text, and no exception says more than so many.
_TELLING, _LONGEST = 12, 2000


def names_of(kind: type[BaseException]) -> tuple[str, ...]:
    """The names by which an exception is known, the most specific first."""
    return tuple(
        base.__name__
        for base in kind.__mro__
        if base.__module__.partition(".")[0] in _SDK or base in _BUILTIN
    )


def text_of(error: BaseException) -> str:
    """What an exception says in words of the SDK or the network; others may quote what could not be read."""
    names = names_of(type(error))
    return str(error) if names and "ResponseParserError" not in names else ""


def names_of_code(code: str) -> tuple[str, ...]:
    """The names by which an error code is known; one that names an exception of Python has those of it."""
    kind = getattr(botocore.exceptions, code, None) or getattr(builtins, code, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        return names_of(kind)
    return (code,) if code else ()


def name_of_text(text: str) -> str:
    """The exception of botocore whose text this is; empty if it is of none."""
    return next((name for pattern, name in _texts() if pattern.match(text[:_LONGEST])), "")


@cache
def _texts() -> tuple[tuple[re.Pattern[str], str], ...]:
    """How the text of each exception of botocore begins, by its template."""
    known = []
    for name, kind in vars(botocore.exceptions).items():
        template = getattr(kind, "fmt", "") if isinstance(kind, type) else ""
        parts = re.split(r"\{\w+\}", template)
        if max(len(part.strip()) for part in parts) >= _TELLING and parts[0].strip() not in ("", "'"):
            known.append((re.compile(".*?".join(map(re.escape, map(str.rstrip, parts)))), name))
    return tuple(known)
