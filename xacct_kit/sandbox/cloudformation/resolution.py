"""Working out what a stack's definition comes to: conditions, dependencies, properties and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.dependencies import dependencies, evaluate_conditions, included
from xacct_kit.sandbox.cloudformation.functions import NO_VALUE, Scope, evaluate, references
from xacct_kit.sandbox.cloudformation.parameters import referred
from xacct_kit.sandbox.cloudformation.refusals import invalid, unresolved, well_formed
from xacct_kit.sandbox.cloudformation.resources import Properties
from xacct_kit.sandbox.cloudformation.stacks import Definition, Output, Resource, Stack, Stacks
from xacct_kit.sandbox.cloudformation.template import Declaration, Template
from xacct_kit.sandbox.cloudformation.types import RESOURCE_TYPES

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What stands for a value that only the change itself will bring."""


@dataclass(kw_only=True)
class Resolution:
    """A stack's definition with the places where its names are looked up.

    Attributes:
        definition: what the stack is to be.
        pseudo: the pseudo parameters.
        resource: finds a resource by its logical ID; None when it is not known before the change.
        exported: finds the value of an export.
        imports: the exports that were looked up.
    """

    definition: Definition
    pseudo: Mapping[str, Any]
    resource: Callable[[str], Resource | None]
    exported: Callable[[str], str]
    imports: set[str] = field(default_factory=set)

    @well_formed()
    def __post_init__(self) -> None:
        values = self.definition.values
        self._parameters = referred(self.template, values)
        self._shown = referred(self.template, values, hide=True)
        self._conditions = evaluate_conditions(self.template, self._scope(self._parameters, {}))
        present = included(self.template, self._conditions)
        # A resource needs those that it names; the mapping itself is in an order that works.
        self.needs = dependencies(self.template, present, self._conditions)

    @property
    def template(self) -> Template:
        """The template of the definition."""
        return self.definition.template

    @property
    def declarations(self) -> list[Declaration]:
        """The resources that there are to be, each after those that it needs."""
        return [self.template.resources[name] for name in self.needs]

    @well_formed()
    def properties(self, declared: Declaration, *, hide: bool = False) -> Properties:
        """The properties of a resource, with the tags of the stack.

        Parameters:
            declared: the resource.
            hide: whether values that are declared `NoEcho` are hidden.
        """
        scope = self._scope(self._shown if hide else self._parameters, self._conditions)
        properties: Properties = evaluate(dict(declared.properties), scope)
        return RESOURCE_TYPES[declared.type].tagged(properties, self.definition.tags)

    @well_formed()
    def outputs(self) -> tuple[Output, ...]:
        """The outputs whose condition holds."""
        scope = self._scope(self._parameters, self._conditions)
        held = {
            key: declared
            for key, declared in self.template.outputs.items()
            if "Condition" not in declared or self._conditions[declared["Condition"]]
        }
        self._check_present(held)
        return tuple(_output(key, declared, scope) for key, declared in held.items())

    def _check_present(self, outputs: Mapping[str, Any]) -> None:
        referred = {reference.name for reference in references(outputs, self._conditions)}
        absent = sorted((referred & set(self.template.resources)) - set(self.needs))
        if absent:
            raise unresolved(absent, "Outputs")

    def _scope(self, parameters: Mapping[str, Any], conditions: Mapping[str, bool]) -> Scope:
        names = {**self.pseudo, **parameters}

        def ref(name: str) -> Any:
            return names[name] if name in names else self._physical_id(name)

        return Scope(
            mappings=self.template.mappings,
            conditions=conditions,
            ref=ref,
            get_att=self._attribute,
            import_value=self._import,
        )

    def _physical_id(self, name: str) -> str:
        resource = self.resource(name)
        return UNKNOWN if resource is None else resource.physical_id

    def _attribute(self, name: str, attribute: str) -> str:
        declared = self.template.resources[name]
        if attribute not in RESOURCE_TYPES[declared.type].attribute_names:
            raise invalid(
                f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            )
        resource = self.resource(name)
        return UNKNOWN if resource is None else resource.attributes[attribute]

    def _import(self, name: str) -> str:
        self.imports.add(name)
        return self.exported(name)


def _output(key: str, declared: Mapping[str, Any], scope: Scope) -> Output:
    export = evaluate(declared.get("Export", {}), scope).get("Name")
    value = evaluate(declared["Value"], scope)
    if not isinstance(value, str | int | float):
        raise invalid(f"Template format error: Output {key} is malformed. The Value field must be text.")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Output(key=key, value=text, description=declared.get("Description"), export=export)


def resolve(
    stacks: Stacks,
    caller: Caller,
    stack: Stack,
    definition: Definition,
    resource: Callable[[str], Resource | None],
) -> Resolution:
    """Work out a definition for a stack.

    Raises:
        ServiceFault: its conditions or dependencies cannot be worked out.
    """
    return Resolution(
        definition=definition,
        pseudo=_pseudo_parameters(caller, stack),
        resource=resource,
        exported=lambda name: _exported(stacks, caller, name),
    )


def _exported(stacks: Stacks, caller: Caller, name: str) -> str:
    with stacks.lock:
        for export, value, _ in stacks.exporters(caller):
            if export == name:
                return value
    raise invalid(f"No export named {name} found.")


def _pseudo_parameters(caller: Caller, stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": caller.account,
        "AWS::NoValue": NO_VALUE,
        "AWS::Partition": caller.partition,
        "AWS::Region": caller.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": PARTITIONS[caller.partition].dns_suffix,
    }
