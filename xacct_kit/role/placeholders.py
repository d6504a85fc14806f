"""Placeholders in a profile's documents: what differs between two accounts, and is filled in for each.

A document says `${MemberAccount}` where the account's ID is to stand. What IAM itself fills in when a request
is decided, such as `${aws:username}`, looks the same and is left as it is.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# The placeholders, each with CloudFormation's name of what is to stand there.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
PLACEHOLDERS: Mapping[str, str] = {
    "Partition": "AWS::Partition",
    "Region": "AWS::Region",
    "MainAccount": "MainAccount",
    "MemberAccount": "AWS::AccountId",
    "ApiHandlerRole": "ApiHandlerRole",
    "WorkflowLoopRunnerRole": "WorkflowLoopRunnerRole",
    "ExternalId": "ExternalId",
    "RoleName": "RoleName",
    "StackName": "AWS::StackName",
}

_BRACES = re.compile(r"\$\{([^{}]*)\}")
_OPEN = re.compile(r"\$\{(?![^{}]*\})")
# A policy variable is a key with its service; three signs are written as if they were one.
_VARIABLE = re.compile(r"[^:]+:.+|[*?$]", re.DOTALL)


def filled(document: Any, values: Mapping[str, str]) -> Any:
    """A document with its placeholders filled in; IAM's own variables stay.

    Parameters:
        document: a document, or a part of one.
        values: a text for each placeholder.
    """
    return map_text(document, lambda text: _BRACES.sub(lambda found: values.get(found[1], found[0]), text))


def for_template(text: str) -> Any:
    """A text of a document as CloudFormation has to be given it.

    In `Fn::Sub` an exclamation mark keeps IAM's variables as they are.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
    """
    if not any(name in PLACEHOLDERS for name in _BRACES.findall(text)):
        return text
    return {"Fn::Sub": _BRACES.sub(lambda found: f"${{{PLACEHOLDERS.get(found[1], '!' + found[1])}}}", text)}


def placeholder_fault(text: str) -> str:
    """What is wrong with the placeholders of a text; empty where nothing is."""
    if _OPEN.search(text):
        return "has ${ without its }"
    for name in _BRACES.findall(text):
        if name not in PLACEHOLDERS and not _VARIABLE.fullmatch(name):
            return f"there is no placeholder {name[:64]!r}; there are {', '.join(PLACEHOLDERS)}"
    return ""


def names_in(document: Any) -> Iterator[str]:
    """The names of the placeholders that a document has."""
    for text in texts(document):
        yield from (name for name in _BRACES.findall(text) if name in PLACEHOLDERS)


def texts(value: Any) -> Iterator[str]:
    """Every text in a document; names of elements are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def map_text(value: Any, change: Callable[[str], Any]) -> Any:
    """A document with every text in it changed; names of elements stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: map_text(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [map_text(part, change) for part in value]
    return value
