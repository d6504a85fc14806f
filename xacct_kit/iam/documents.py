"""Policy documents: read, checked and compiled.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from xacct_kit.errors import PolicyError
from xacct_kit.iam.conditions import Condition, NullCondition, Operator, parse_operator
from xacct_kit.iam.match import ARN_COLONS, Matcher, Pattern, glob_matcher, pattern, resource_tokens
from xacct_kit.iam.principals import PRINCIPAL_KEYS, PrincipalElement, check_principal_name
from xacct_kit.iam.request import as_text
from xacct_kit.iam.statements import Document, DocumentKind, Names, Statement
from xacct_kit.strict_json import type_name

T = TypeVar("T")


def compile_document(document: object, kind: DocumentKind = DocumentKind.PERMISSIONS) -> Document:
    """Read a policy document.

    A compiled document never changes; one made from a plain dict is kept by the dict's content, so that a
    dict that was changed since is read anew.

    Parameters:
        document: a document as `json.load` gives it, or a compiled one.
        kind: where the document is used.

    Returns:
        The document, ready to be held against requests.

    Raises:
        PolicyError: the document cannot be read, with the place of the fault.
    """
    if isinstance(document, Document):
        if document.kind is not kind:
            raise PolicyError("", f"the document was compiled as a {document.kind}, not as a {kind}")
        return document
    content = _content(document)
    return _parse(document, kind) if content is None else _compiled(content, kind)


# Before version 3 the bytes of marshal depend on nothing but the content: the cheapest exact key there is.
_PLAIN_MARSHAL = 2


def _content(document: Any) -> bytes | None:
    try:
        return marshal.dumps(document, _PLAIN_MARSHAL)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _compiled(content: bytes, kind: DocumentKind) -> Document:
    return _parse(marshal.loads(content), kind)


_VERSIONS = ("2008-10-17", "2012-10-17")
_VERSION_WITH_VARIABLES = "2012-10-17"
_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)


def _parse(document: object, kind: DocumentKind) -> Document:
    elements = _object(document, "", _DOCUMENT_ELEMENTS)
    version = elements.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise PolicyError("Version", f"{version!r} is not one of {', '.join(_VERSIONS)}")
    _optional_text(elements, "Id", "")
    allows: list[Statement] = []
    denies: list[Statement] = []
    sids: set[object] = set()
    for index, (place, value) in enumerate(_statements(elements)):
        reader = _StatementReader(
            place, _object(value, place, _STATEMENT_ELEMENTS), kind, version == _VERSION_WITH_VARIABLES
        )
        (allows if reader.is_allow() else denies).append(reader.statement(index))
        _check_sid(reader.elements.get("Sid"), sids, place, kind)
    return Document(kind, tuple(allows), tuple(denies), _incomplete_arn(elements, kind))


def _check_sid(sid: object, sids: set[object], place: str, kind: DocumentKind) -> None:
    """Check that no other statement of a document has the `Sid`; of resources' policies services decide.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    if sid and sid in sids and kind is not DocumentKind.RESOURCE:
        raise PolicyError(f"{place}.Sid", f"{sid!r} is the Sid of another statement too")
    sids.add(sid)


def _is_incomplete(arn: str) -> bool:
    return arn != "*" and arn.count(":") < ARN_COLONS


def _incomplete_arn(elements: Mapping[str, object], kind: DocumentKind) -> str | None:
    """Where the first incomplete ARN of a permissions policy stands, which a session policy cannot have."""
    if kind is not DocumentKind.PERMISSIONS:
        return None
    for place, statement in _statements(elements):
        for name in ("Resource", "NotResource"):
            for at, arn in _texts(_object(statement, place).get(name, "*"), f"{place}.{name}"):
                if _is_incomplete(arn):
                    return at
    return None


def _statements(elements: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    if "Statement" not in elements:
        raise PolicyError("Statement", "is missing")
    yield from _filled_items(elements["Statement"], "Statement")


@dataclass(frozen=True, slots=True)
class _StatementReader:
    """Reads one statement: its elements, where they stand, and what may stand there."""

    place: str
    elements: Mapping[str, object]
    kind: DocumentKind
    variables: bool

    def statement(self, index: int) -> Statement:
        return Statement(
            index=index,
            sid=_optional_text(self.elements, "Sid", self.place),
            actions=self._actions(),
            not_action="NotAction" in self.elements,
            resources=self._resources(),
            not_resource="NotResource" in self.elements,
            principal=self._principal(),
            conditions=tuple(self._conditions()),
        )

    def is_allow(self) -> bool:
        effect = self.elements.get("Effect")
        if "Effect" not in self.elements:
            raise PolicyError(self._at("Effect"), "is missing")
        if effect not in ("Allow", "Deny"):
            raise PolicyError(self._at("Effect"), f"{effect!r} is neither Allow nor Deny")
        return effect == "Allow"

    def _at(self, element: str) -> str:
        return f"{self.place}.{element}"

    def _one_of(self, element: str) -> str | None:
        """The name of an element, or of its negation; None where the statement has neither."""
        present = [name for name in (element, f"Not{element}") if name in self.elements]
        if len(present) > 1:
            raise PolicyError(self.place, f"has both {element} and Not{element}")
        return present[0] if present else None

    def _required(self, element: str) -> str:
        name = self._one_of(element)
        if name is None:
            raise PolicyError(self.place, f"has neither {element} nor Not{element}")
        return name

    def _forbidden(self, element: str) -> None:
        name = self._one_of(element)
        if name is not None:
            raise PolicyError(self._at(name), f"is not an element of a {self.kind}")

    def _actions(self) -> Names:
        name = self._required("Action")
        exact: set[str] = set()
        prefixes: set[str] = set()
        patterns: list[Matcher] = []
        for place, text in _texts(self.elements[name], self._at(name)):
            action = _read(_action, text, place)
            if not _WILDCARD.search(action):
                exact.add(action)
            elif action.endswith("*") and not _WILDCARD.search(action[:-1]):
                prefixes.add(action[:-1])
            else:
                patterns.append(glob_matcher(action))
        return Names(frozenset(exact), tuple(prefixes), tuple(patterns))

    def _resources(self) -> tuple[Pattern, ...] | None:
        if self.kind is DocumentKind.TRUST:
            self._forbidden("Resource")
            return None
        # A resource-based policy without the element speaks of the resource that it is attached to.
        optional = self.kind is DocumentKind.RESOURCE
        name = self._one_of("Resource") if optional else self._required("Resource")
        if name is None or (self.elements[name] == "*" and name == "Resource"):
            return None
        return tuple(
            _read(self._resource_pattern, text, place)
            for place, text in _texts(self.elements[name], self._at(name))
        )

    def _resource_pattern(self, text: str) -> Pattern:
        if self.kind is DocumentKind.PERMISSIONS and not _RESOURCE.match(text):
            raise ValueError(f"{text!r} is neither an ARN nor *")
        if self.kind is DocumentKind.PERMISSIONS and _is_incomplete(text):
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
            text += ":*" * (ARN_COLONS - text.count(":"))
        return pattern(resource_tokens(text, variables=self.variables))

    def _principal(self) -> PrincipalElement | None:
        if self.kind is DocumentKind.PERMISSIONS:
            self._forbidden("Principal")
            return None
        name = self._required("Principal")
        if name == "NotPrincipal" and self.kind is DocumentKind.TRUST:
            raise PolicyError(self._at(name), "is not an element of a role trust policy")
        if name == "NotPrincipal" and self.is_allow():
            raise PolicyError(self._at(name), "must be used with the effect Deny")
        value = self.elements[name]
        names = {"AWS": frozenset("*")} if value == "*" else self._principal_names(value, self._at(name))
        return PrincipalElement(names, negated=name == "NotPrincipal")

    def _principal_names(self, value: object, place: str) -> dict[str, frozenset[str]]:
        keys = _object(value, place, PRINCIPAL_KEYS)
        if not keys:
            raise PolicyError(place, "is empty")
        return {key: _principals(key, names, f"{place}.{key}") for key, names in keys.items()}

    def _conditions(self) -> Iterator[Condition | NullCondition]:
        place = self._at("Condition")
        for name, keys in _object(self.elements.get("Condition", {}), place).items():
            operator = _read(parse_operator, name, f"{place}.{name}")
            for key, values in _object(keys, f"{place}.{name}").items():
                yield self._condition(operator, key, values, f"{place}.{name}.{key}")

    def _condition(
        self, operator: Operator, key: str, values: object, place: str
    ) -> Condition | NullCondition:
        texts = [_scalar(value, at) for at, value in _filled_items(values, place)]
        try:
            return operator.condition(key, texts, variables=self.variables)
        except ValueError as error:
            # What cannot be read is quoted, and an external ID must not be.
            fault = "is not a value for this operator" if key.lower() in _SECRETS else str(error)
        raise PolicyError(place, fault)


# Their values are not repeated.
_SECRETS = frozenset({"sts:externalid"})

_RESOURCE = re.compile(r"arn:|\*\Z")
_ACTION = re.compile(r"\*|[^:\s]+:[^:\s]+")
_WILDCARD = re.compile(r"[*?]")


def _action(text: str) -> str:
    if not _ACTION.fullmatch(text):
        raise ValueError(f"{text!r} is neither * nor an action such as s3:GetObject")
    return text.lower()


def _principals(key: str, value: object, place: str) -> frozenset[str]:
    names = []
    for at, name in _texts(value, place):
        _read(lambda text: check_principal_name(key, text), name, at)
        names.append(name)
    return frozenset(names)


def _read(read: Callable[[str], T], text: str, place: str) -> T:
    """Read a text, and say where it stands if it cannot be read."""
    try:
        return read(text)
    except ValueError as error:
        raise PolicyError(place, str(error)) from None


def _object(value: object, place: str, allowed: frozenset[str] | None = None) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        what = place.rpartition(".")[2] or "a policy document"
        raise PolicyError(place, f"{what} is an object, not {type_name(value)}")
    for key in value:
        if not isinstance(key, str) or not key:
            raise PolicyError(place, f"has the key {key!r}, which is not a name")
        if allowed is not None and key not in allowed:
            raise PolicyError(f"{place}.{key}" if place else key, "is not an element of the policy language")
    return value


def _items(value: object, place: str) -> Iterator[tuple[str, object]]:
    """The items of a list with their places; a single value stands for itself."""
    if not isinstance(value, list | tuple):
        yield place, value
        return
    for index, item in enumerate(value):
        yield f"{place}[{index}]", item


def _filled_items(value: object, place: str) -> list[tuple[str, object]]:
    items = list(_items(value, place))
    if not items:
        raise PolicyError(place, "is empty")
    return items


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    for at, item in _filled_items(value, place):
        if not isinstance(item, str):
            raise PolicyError(at, f"is {type_name(item)}, not a text")
        yield at, item


def _scalar(value: object, place: str) -> str:
    text = as_text(value)
    if text is None:
        raise PolicyError(place, f"is {type_name(value)}, not a text, number or boolean")
    return text


def _optional_text(elements: Mapping[str, object], name: str, place: str) -> str | None:
    value = elements.get(name)
    if name in elements and not isinstance(value, str):
        raise PolicyError(f"{place}.{name}" if place else name, f"is {type_name(value)}, not a text")
    return value if isinstance(value, str) else None
