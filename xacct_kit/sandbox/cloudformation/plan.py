"""What an update would change, told before it is carried out.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xacct_kit.sandbox.cloudformation.functions import references
from xacct_kit.sandbox.cloudformation.refusals import invalid, listed
from xacct_kit.sandbox.cloudformation.resolution import UNKNOWN, Resolution
from xacct_kit.sandbox.cloudformation.resources import Properties
from xacct_kit.sandbox.cloudformation.stacks import Resource, Stack
from xacct_kit.sandbox.cloudformation.template import Declaration
from xacct_kit.sandbox.cloudformation.types import RESOURCE_TYPES

# Attributes of a resource that can change while its properties stay.
_ATTRIBUTES = {
    "DeletionPolicy": "deletion_policy",
    "Metadata": "metadata",
    "UpdateReplacePolicy": "update_replace_policy",
}


@dataclass(frozen=True)
class Plan:
    """What would change.

    Attributes:
        changes: the resources that change, as a change set shows them.
        outputs: whether the outputs change.
        tags: whether the stack's tags change.
    """

    changes: tuple[dict[str, Any], ...]
    outputs: bool
    tags: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.changes or self.outputs or self.tags)


class Known:
    """The resources whose physical IDs and attributes are known before the change."""

    def __init__(self, stack: Stack) -> None:
        self._resources = {name: each for name, each in stack.resources.items() if each.exists}

    def __call__(self, name: str) -> Resource | None:
        """The resource, if it is there and stays the same one."""
        return self._resources.get(name)

    def forget(self, name: str) -> None:
        """Take a resource for one that is not known: it will be replaced."""
        self._resources.pop(name, None)


def make_plan(stack: Stack, resolution: Resolution, known: Known) -> Plan:
    """Hold a definition against the stack as it is.

    Parameters:
        stack: the stack.
        resolution: the definition, worked out with what is `known`.
        known: what the resolution knows of the stack's resources; it loses those that will be replaced.
    """
    _check_same_types(stack, resolution)
    changes = [
        each for declared in resolution.declarations for each in _change(stack, resolution, known, declared)
    ]
    removed = [
        _removal(resource)
        for name, resource in stack.resources.items()
        if resource.exists and name not in resolution.needs
    ]
    return Plan(
        changes=(*changes, *removed),
        outputs=resolution.outputs() != stack.outputs,
        tags=dict(stack.definition.tags) != dict(resolution.definition.tags),
    )


def _check_same_types(stack: Stack, resolution: Resolution) -> None:
    changed = [
        declared.logical_id
        for declared in resolution.declarations
        if declared.logical_id in stack.resources
        and stack.resources[declared.logical_id].exists
        and stack.resources[declared.logical_id].declaration.type != declared.type
    ]
    if changed:
        raise invalid(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            f"following resources: {listed(changed)}"
        )


def _change(
    stack: Stack, resolution: Resolution, known: Known, declared: Declaration
) -> Iterator[dict[str, Any]]:
    current = stack.resources.get(declared.logical_id)
    if current is None or not current.exists:
        known.forget(declared.logical_id)
        yield {
            "Action": "Add",
            "LogicalResourceId": declared.logical_id,
            "ResourceType": declared.type,
            "Scope": [],
            "Details": [],
        }
        return
    properties = resolution.properties(declared)
    details = [
        *_attribute_details(current, declared),
        *_property_details(stack, resolution, current, properties),
    ]
    if details:
        yield _modification(current, details, known)


def _modification(current: Resource, details: list[dict[str, Any]], known: Known) -> dict[str, Any]:
    recreation = {detail["Target"].get("RequiresRecreation", "Never") for detail in details}
    always = any(
        detail["Target"].get("RequiresRecreation") == "Always" and detail["Evaluation"] == "Static"
        for detail in details
    )
    if recreation != {"Never"}:
        known.forget(current.logical_id)
    return {
        "Action": "Modify",
        "LogicalResourceId": current.logical_id,
        "PhysicalResourceId": current.physical_id,
        "ResourceType": current.declaration.type,
        "Replacement": "True" if always else "False" if recreation == {"Never"} else "Conditional",
        "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
        "Details": details,
    }


def _removal(resource: Resource) -> dict[str, Any]:
    return {
        "Action": "Remove",
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.declaration.type,
        "Scope": [],
        "Details": [],
    }


def _attribute_details(current: Resource, declared: Declaration) -> Iterator[dict[str, Any]]:
    for name, field in _ATTRIBUTES.items():
        if getattr(current.declaration, field) != getattr(declared, field):
            target = {"Attribute": name, "RequiresRecreation": "Never"}
            yield {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def _property_details(
    stack: Stack, resolution: Resolution, current: Resource, properties: Properties
) -> Iterator[dict[str, Any]]:
    declared = resolution.template.resources[current.logical_id]
    replacing = RESOURCE_TYPES[declared.type].replacing
    for name in sorted(set(current.properties) | set(properties)):
        if current.properties.get(name) == properties.get(name):
            continue
        target = {
            "Attribute": "Tags" if name == "Tags" else "Properties",
            "Name": name,
            "RequiresRecreation": "Always" if name in replacing else "Never",
        }
        evaluation = "Dynamic" if UNKNOWN in repr(properties.get(name)) else "Static"
        source = _source(stack, resolution, current.declaration, declared, name)
        yield {"Target": target, "Evaluation": evaluation, **source}


def _source(
    stack: Stack, resolution: Resolution, before: Declaration, after: Declaration, name: str
) -> dict[str, str]:
    """Where a property's change comes from, and the entity that caused it."""
    if before.properties.get(name) != after.properties.get(name):
        return {"ChangeSource": "DirectModification"}
    for reference in references(after.properties.get(name)):
        old, new = (each.values.get(reference.name) for each in (stack.definition, resolution.definition))
        if old != new:
            return {"ChangeSource": "ParameterReference", "CausingEntity": reference.name}
        if reference.attribute is not None:
            entity = f"{reference.name}.{reference.attribute}"
            return {"ChangeSource": "ResourceAttribute", "CausingEntity": entity}
        if reference.name in resolution.template.resources:
            return {"ChangeSource": "ResourceReference", "CausingEntity": reference.name}
    return {"ChangeSource": "DirectModification"}
