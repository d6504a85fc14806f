"""What a resource type is: how a resource is made of calls, and which calls take it apart again.

A resource has a base, made by one call and removed by one, and parts: the trust policy, each inline policy,
each attachment. A change is the difference of two sets of parts. Every action comes with the one that
reverses it, so a failure half-way can be undone exactly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xacct_kit.sandbox.cloudformation.caller import Call, Caller
from xacct_kit.sandbox.cloudformation.refusals import HandlerError, ResourceError

Properties = Mapping[str, Any]
Action = Callable[[Call], object]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing about a resource that can be set and taken away on its own.

    Attributes:
        value: what it is; two parts with the same value need no call.
        put: sets it.
        remove: takes it away.
        with_base: whether it is made and removed together with the base.
    """

    value: Any
    put: Action
    remove: Action
    with_base: bool = False


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of making a resource's base."""

    physical_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A resource that is to be made.

    Attributes:
        call: makes a call as the caller.
        caller: the principal that asked for the stack.
        properties: the resource's properties, worked out.
        generated_name: the name to use when the properties give none.
    """

    call: Call
    caller: Caller
    properties: Properties
    generated_name: str


Parts = Mapping[tuple[str, str], Part]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """How resources of one type are handled.

    Attributes:
        properties: the properties that are offered.
        required: those that must be given.
        replacing: those whose change makes a new resource.
        name_property: the property that gives the resource a name of the user's.
        iam: whether making one needs CAPABILITY_IAM.
        make: makes the base.
        remove: removes the base; a base that is not there any more is no fault.
        confirm: reads what has been made, base and parts, before it counts as made.
        parts: the parts, from the physical ID and the properties.
        attributes: what `Fn::GetAtt` knows beside what `make` gave.
        attribute_names: what `Fn::GetAtt` knows at all.
        tags: the form in which the type takes tags, if it does.
        read: the properties as they are now, from the physical ID; None where drift is not detected.
    """

    properties: frozenset[str]
    make: Callable[[Request], Made]
    remove: Callable[[Call, str, Properties], object]
    required: frozenset[str] = frozenset()
    replacing: frozenset[str] = frozenset()
    name_property: str | None = None
    iam: bool = False
    confirm: Callable[[Call, str, Properties], object] = lambda _call, _physical_id, _properties: None
    parts: Callable[[str, Properties], Parts] = lambda _physical_id, _properties: {}
    attributes: Callable[[str, Properties, Caller], Mapping[str, str]] = lambda _id, _properties, _caller: {}
    attribute_names: frozenset[str] = frozenset()
    tags: type[list[Any]] | type[dict[str, Any]] | None = None
    read: Callable[[Call, str], Properties] | None = None

    def check(self, logical_id: str, properties: Properties) -> None:
        """Refuse properties that the type does not take, and the lack of those that it needs.

        Raises:
            ResourceError: naming the property.
        """
        unsupported = sorted(set(properties) - self.properties)
        if unsupported:
            raise ResourceError(f"Encountered unsupported property {unsupported[0]}")
        missing = sorted(self.required - set(properties))
        if missing:
            raise ResourceError(
                f"Properties validation failed for resource {logical_id} with message: "
                f"#: required key [{missing[0]}] not found"
            )

    def tagged(self, properties: Properties, stack_tags: Mapping[str, str]) -> Properties:
        """The properties with the tags of the stack; the resource's own tags go before them."""
        if not stack_tags or self.tags is None:
            return properties
        own = properties.get("Tags") or self.tags()
        tags = {**stack_tags, **tag_values(own)}
        return {**properties, "Tags": tags if self.tags is dict else as_tags(tags)}


def differences(before: Parts, after: Parts) -> Iterator[tuple[Action, Action]]:
    """The actions that lead from one set of parts to another, each with the action that reverses it."""
    for key, part in after.items():
        old = before.get(key)
        if old is None:
            yield part.put, part.remove
        elif old.value != part.value:
            yield part.put, old.put
    for key, part in before.items():
        if key not in after:
            yield part.remove, part.put


def action(service: str, operation: str, **params: Any) -> Action:
    """One call as an action; parameters that are None are left out."""
    return lambda call: call(service, operation, given(**params))


GONE = frozenset({"NoSuchBucket", "NoSuchEntity", "ParameterNotFound"})


def if_there(wanted: Action) -> Action:
    """An action for which a thing that is not there any more is no fault."""

    def tolerant(call: Call) -> None:
        try:
            wanted(call)
        except HandlerError as error:
            if error.code not in GONE:
                raise

    return tolerant


def removal(service: str, operation: str, **params: Any) -> Action:
    """One call that takes something away, if it is there."""
    return if_there(action(service, operation, **params))


def document_text(document: Any) -> str:
    """A policy document as JSON text."""
    return document if isinstance(document, str) else json.dumps(document)


def tag_values(tags: Any) -> dict[str, str]:
    """Tags in either form, as keys and values."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def as_tags(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Keys and values as a list of tags."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def given(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
