"""A profile as files: YAML that names it, with its documents in it or in JSON files beside it.

Whatever is wrong there is told as a fault of the params, with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from xacct_kit import strict_json, strict_yaml
from xacct_kit.errors import PATH_ERRORS, ParamsError, PolicyError, RequestError, path_fault
from xacct_kit.iam import DocumentKind, compile_document
from xacct_kit.role.placeholders import filled, names_in, placeholder_fault
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.sizes import (
    INLINE_POLICIES_LIMIT,
    MANAGED_POLICY_LIMIT,
    TRUST_POLICY_LIMIT,
    policy_size,
)


@dataclass(frozen=True, kw_only=True)
class ProfileFile:
    """What the file of a profile says, with placeholders for what differs between accounts.

    Attributes:
        name: the profile's name.
        description: what its role is, in a sentence or two.
        trust: the trust policy.
        permissions: the permission policies by name.
        boundary: the permissions boundary, if it has one.
    """

    name: str
    description: str
    trust: Document
    permissions: Mapping[str, Document]
    boundary: Document | None = None


def read_profile(name: str, read: Callable[[str], bytes]) -> ProfileFile:
    """Read a profile.

    Parameters:
        name: its file; faults name it.
        read: gives the content of that file, and of those that it refers to.

    Raises:
        ParamsError: a file cannot be read, or is no profile; each fault with its place.
    """
    try:
        found = strict_yaml.parse(_content(name, read), name)
    except RequestError as error:
        raise ParamsError([f"profile: {error}"]) from None
    if not isinstance(found, dict):
        raise ParamsError([f"profile: {name}: does not hold keys and values"])
    reader = _Reader(name, read, [])
    parts = reader.profile(found)
    if reader.faults:
        raise ParamsError(reader.faults)
    return parts


def _content(name: str, read: Callable[[str], bytes]) -> bytes:
    try:
        return read(name)
    except PATH_ERRORS as error:
        raise RequestError(f"{name}: {path_fault(error)}") from None


_KEYS = ("name", "description", "trust", "permissions", "boundary")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
# It goes into the template's own description, of 1,024 bytes.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-description-structure.html
_MOST_DESCRIBED = 900
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)

# The shortest that can stand at each placeholder: what is too long with these is too long for every account.
_SHORTEST: Mapping[str, str] = {
    "Partition": "aws",
    "Region": "us-east-1",
    "MainAccount": "0" * 12,
    "MemberAccount": "0" * 12,
    "ApiHandlerRole": "a",
    "WorkflowLoopRunnerRole": "a",
    "ExternalId": "aa",
    "RoleName": "a",
    "StackName": "a",
}


@dataclass(frozen=True)
class _Reader:
    """Reads what a profile's file says, and notes every fault."""

    name: str
    read: Callable[[str], bytes]
    faults: list[str]

    def profile(self, found: Mapping[str, Any]) -> ProfileFile:
        for key in found.keys() - set(_KEYS):
            self.fault(key[:64], f"is no key of a profile; there are {', '.join(_KEYS)}")
        trust = self.document(found, "trust", DocumentKind.TRUST)
        boundary = self.document(found, "boundary") if "boundary" in found else None
        permissions = self.permissions(found)
        self.fits("trust", TRUST_POLICY_LIMIT, trust)
        self.fits("permissions", INLINE_POLICIES_LIMIT, *permissions.values())
        self.fits("boundary", MANAGED_POLICY_LIMIT, boundary or {})
        return ProfileFile(
            name=self.name_of(found),
            description=self.description_of(found),
            trust=trust,
            permissions=permissions,
            boundary=boundary,
        )

    def fault(self, place: str, fault: str) -> None:
        self.faults.append(f"profile: {self.name}: {place}: {fault}")

    def text(self, found: Mapping[str, Any], key: str) -> str:
        value = found.get(key)
        if key not in found:
            self.fault(key, "is missing")
        elif not isinstance(value, str) or not value.strip():
            self.fault(key, "is not text; put it in quotes" if value else "is empty")
        return value.strip() if isinstance(value, str) else ""

    def name_of(self, found: Mapping[str, Any]) -> str:
        name = self.text(found, "name")
        if name and not _NAME.fullmatch(name):
            self.fault("name", "has other signs than letters, digits and ._-, or more than 64 of them")
        return name

    def description_of(self, found: Mapping[str, Any]) -> str:
        description = self.text(found, "description")
        if len(description.encode()) > _MOST_DESCRIBED:
            self.fault("description", f"has more than {_MOST_DESCRIBED} bytes")
        return description

    def permissions(self, found: Mapping[str, Any]) -> dict[str, Document]:
        policies = found.get("permissions")
        if "permissions" not in found:
            self.fault("permissions", "is missing")
        elif not isinstance(policies, dict) or not policies:
            self.fault("permissions", "is not made of policies by name")
        if not isinstance(policies, dict):
            return {}
        for name in policies:
            if not _POLICY_NAME.fullmatch(name):
                self.fault(
                    f"permissions.{name[:64]}", "a policy's name is 1 to 128 letters, digits or +=,.@_-"
                )
        return {name: self.document(policies, name, within="permissions.") for name in policies}

    def document(
        self,
        found: Mapping[str, Any],
        key: str,
        kind: DocumentKind = DocumentKind.PERMISSIONS,
        *,
        within: str = "",
    ) -> Document:
        """A document that stands in the file, or in one that it names; empty where it has a fault."""
        place = within + key
        if key not in found:
            self.fault(place, "is missing")
            return {}
        value = found[key]
        if isinstance(value, str):
            place = f"{place}: {value}"
        try:
            document = strict_json.parse(_content(value, self.read)) if isinstance(value, str) else value
            return _checked(document, kind)
        except PolicyError as error:
            self.fault(place, str(error))
        except RequestError as error:
            self.fault(place, str(error).removeprefix(f"{value}: "))
        return {}

    def fits(self, place: str, limit: int, *documents: Document) -> None:
        size = policy_size(*(filled(document, _SHORTEST) for document in documents))
        if size > limit:
            self.fault(place, f"has {size:,} characters or more; IAM takes {limit:,}")


def _checked(value: Any, kind: DocumentKind) -> Document:
    """A document as JSON has it.

    Raises:
        PolicyError: it is none.
    """
    _check_nodes(value)
    document: Document = _as_json(value)
    if kind is not DocumentKind.TRUST and "ExternalId" in names_in(document):
        raise PolicyError(
            "", "the external ID belongs in the trust policy alone: permissions are read by many"
        )
    compile_document(filled(document, _SHORTEST), kind)
    return document


_MOST_LEVELS = 20
_MOST_NODES = 20_000


def _check_nodes(value: Any) -> None:
    # References within YAML can make a small file endless.
    nodes = list(islice(_nodes(value, ""), _MOST_NODES + 1))
    if len(nodes) > _MOST_NODES:
        raise PolicyError("", "is too large")
    for place, node in nodes:
        fault = placeholder_fault(node) if isinstance(node, str) else ""
        if isinstance(node, dict):
            fault = next(
                (f"{key[:64]!r} is a name: no placeholder is filled in there" for key in node if "${" in key),
                "",
            )
        elif not isinstance(node, str | list | int | float | date):
            fault = "is empty" if node is None else f"is a {type(node).__name__}, which JSON does not know"
        if fault:
            raise PolicyError(place, fault)


def _nodes(value: Any, place: str, level: int = 0) -> Iterator[tuple[str, Any]]:
    if level > _MOST_LEVELS:
        raise PolicyError("", "is nested too deeply")
    yield place, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _nodes(part, f"{place}.{key}".lstrip("."), level + 1)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _nodes(part, f"{place}[{index}]", level + 1)


def _as_json(value: Any) -> Any:
    """What YAML holds as JSON would: a version that is not in quotes is a day for YAML."""
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value
