"""The types of the values of params: what each accepts, and what is said of what it refuses."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
_MAX_TAGS, _MAX_TAG_KEY, _MAX_TAG_VALUE = 50, 128, 256

MAX_SHOWN = 100


def shown(value: object) -> str:
    """A value on one line, and not for ever."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def account_fault(text: str) -> str:
    """Why a text is not an account ID; empty when it is one."""
    if re.fullmatch(r"[0-9]{12}", text):
        return ""
    return f"{shown(text)} is not an account ID, which is 12 digits and nothing else"


def _account(value: object) -> object:
    if type(value) in (int, float):
        raise ValueError(f"{value} is a number; YAML drops leading zeros, put it in quotes")
    if isinstance(value, str) and (fault := account_fault(value)):
        raise ValueError(fault)
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",")) if value.strip() else ()
    return tuple(value) if isinstance(value, list) else _account(value)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"names more than once: {', '.join(twice)}")
    return names


def _tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MAX_TAGS:
        raise ValueError(f"has {len(tags)} tags; a stack takes {_MAX_TAGS}")
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise ValueError(f"{shown(key)} begins with aws:, which is kept for AWS")
        if not (0 < len(key) <= _MAX_TAG_KEY and 0 < len(value) <= _MAX_TAG_VALUE):
            raise ValueError(
                f"{shown(key)}: a key has 1 to {_MAX_TAG_KEY} characters, a value 1 to {_MAX_TAG_VALUE}"
            )
    return tags


def _none(value: object) -> object:
    # A command line has no other way to say so, and YAML's null is easily written as none.
    return None if isinstance(value, str) and value.lower() in ("", "none", "null") else value


def _loopback(url: str) -> str:
    # The URL is not repeated: it may carry a password.
    try:
        parts = urlsplit(url)
        host, bare = parts.hostname or "", not (parts.username or parts.query or parts.path.strip("/"))
        good = parts.scheme == "http" and bare and parts.port != 0
        if good and (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            return url
    except ValueError:
        pass
    raise ValueError("must be the URL of a server on this machine, such as http://127.0.0.1:5000")


def _shaped(pattern: str, meaning: str) -> AfterValidator:
    shape = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"{shown(text)} is not {meaning}")
        return text

    return AfterValidator(check)


AccountId = Annotated[str, BeforeValidator(_account)]
AccountIds = Annotated[tuple[AccountId, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
WHOLE_ORGANIZATION = "root"
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html
_Unit = Annotated[
    str,
    _shaped(
        rf"{WHOLE_ORGANIZATION}|r-[0-9a-z]{{4,32}}|ou-[0-9a-z]{{4,32}}-[a-z0-9]{{8,32}}",
        "an organizational unit: ou-xxxx-yyyyyyyy, a root's r-xxxx, or root for the whole organization",
    ),
]
Units = Annotated[tuple[_Unit, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
RoleName = Annotated[str, _shaped(r"[\w+=,.@-]{1,64}", "a role's name: 1 to 64 letters, digits or +=,.@_-")]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
StackName = Annotated[
    str,
    _shaped(r"[A-Za-z][A-Za-z0-9-]{0,127}", "a stack's name: a letter, then up to 127 letters, digits and -"),
]
Tags = Annotated[dict[str, str], AfterValidator(_tags)]
Word = Annotated[str, _shaped(r"\S(.*\S)?", "a name: it is empty or begins or ends with a space")]
Loopback = Annotated[str, AfterValidator(_loopback)]
NONE = BeforeValidator(_none)
