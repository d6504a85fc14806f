"""Reading a template: JSON or YAML text into declarations; faults of form are refused as AWS refuses them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from xacct_kit.sandbox.cloudformation.refusals import invalid, listed, not_offered
from xacct_kit.sandbox.faults import ServiceFault

MAX_BODY_BYTES = 51_200
_VERSION = "2010-09-09"

_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
    }
)
_SECTIONS_NOT_OFFERED = frozenset({"Hooks", "Rules", "Transform"})
_RESOURCE_KEYS = frozenset(
    {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"}
)
_RESOURCE_KEYS_NOT_OFFERED = frozenset({"CreationPolicy", "UpdatePolicy"})
_POLICIES = frozenset({"Delete", "Retain", "RetainExceptOnCreate"})


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A resource as a template declares it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template whose form is right.

    Attributes:
        body: the text, as it was submitted.
    """

    body: str
    description: str
    version: str | None
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Declaration]
    outputs: Mapping[str, Mapping[str, Any]]


@functools.lru_cache(maxsize=64)
def load(body: str) -> Template:
    """Read a template.

    Parameters:
        body: JSON or YAML text.

    Raises:
        ServiceFault: the text is too long, not well-formed, or not of a template's form.
    """
    if len(body.encode()) > MAX_BODY_BYTES:
        raise invalid(
            f"1 validation error detected: Value '{body[:100]}...' at 'templateBody' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MAX_BODY_BYTES}"
        )
    if "{{resolve:" in body:
        raise not_offered("dynamic references ({{resolve:...}})")
    document = _parse(body)
    _check_sections(document)
    return Template(
        body=body,
        description=str(document.get("Description", "")),
        version=document.get("AWSTemplateFormatVersion"),
        metadata=_section(document, "Metadata"),
        parameters=_section(document, "Parameters"),
        mappings=_mappings(document),
        conditions=_section(document, "Conditions"),
        resources={name: _declaration(name, value) for name, value in document["Resources"].items()},
        outputs={name: _output(name, value) for name, value in _section(document, "Outputs").items()},
    )


def _parse(body: str) -> dict[str, Any]:
    document = _parse_json(body) if body.lstrip().startswith("{") else _parse_yaml(body)
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    return document


def _parse_json(body: str) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise invalid(f"Template format error: JSON not well-formed. {place}") from error


def _parse_yaml(body: str) -> Any:
    try:
        return yaml.load(body, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise invalid(f"Template format error: YAML not well-formed.{place}") from error


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: functions in short form, and dates that stay text."""

    def construct_short_form(self, suffix: str, node: yaml.Node) -> dict[str, Any]:
        """`!Sub text` is `{"Fn::Sub": "text"}`."""
        value = self._value(node)
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    def _value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        assert isinstance(node, yaml.MappingNode)
        return self.construct_mapping(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Keys are text, whatever they look like."""
        return {str(key): value for key, value in super().construct_mapping(node, deep=deep).items()}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_multi_constructor("!", _Loader.construct_short_form)


def _check_sections(document: Mapping[str, Any]) -> None:
    for name in sorted(_SECTIONS_NOT_OFFERED & set(document)):
        raise not_offered(f"the template section {name}")
    unknown = sorted(set(document) - _SECTIONS)
    if unknown:
        raise invalid(f"Invalid template property or properties {listed(unknown)}")
    if document.get("AWSTemplateFormatVersion", _VERSION) != _VERSION:
        raise invalid("Template format error: unsupported value for AWSTemplateFormatVersion.")
    if not document.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    _section(document, "Resources")


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name) or {}
    if not isinstance(section, dict):
        raise invalid(f"Template format error: {name} must be an object.")
    for key in section if name in ("Parameters", "Resources", "Outputs") else ():
        if not key.isascii() or not key.isalnum():
            raise invalid(f"Template format error: {name[:-1]} name {key} is non alphanumeric.")
    return section


def _mappings(document: Mapping[str, Any]) -> dict[str, Any]:
    section = _section(document, "Mappings")
    for name, rows in section.items():
        if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
            raise invalid(f"Template format error: Every Mappings member {name} must be a map")
    return section


def _declaration(logical_id: str, value: Any) -> Declaration:
    if not isinstance(value, dict) or not isinstance(value.get("Type"), str):
        raise invalid(
            f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a "
            "Type member."
        )
    _check_keys(value)
    depends_on = value.get("DependsOn", [])
    return Declaration(
        logical_id=logical_id,
        type=value["Type"],
        properties=_properties(logical_id, value),
        depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
        condition=value.get("Condition"),
        deletion_policy=_policy(value, "DeletionPolicy"),
        update_replace_policy=_policy(value, "UpdateReplacePolicy"),
        metadata=value.get("Metadata") or {},
    )


def _check_keys(value: Mapping[str, Any]) -> None:
    for name in sorted(_RESOURCE_KEYS_NOT_OFFERED & set(value)):
        raise not_offered(f"the resource attribute {name}")
    for name in sorted(set(value) - _RESOURCE_KEYS):
        raise invalid(f"Invalid template resource property '{name}'")


def _properties(logical_id: str, value: Mapping[str, Any]) -> dict[str, Any]:
    properties = value.get("Properties") or {}
    if not isinstance(properties, dict):
        raise invalid(f"Template format error: [/Resources/{logical_id}/Properties] must be an object.")
    return properties


def _policy(value: Mapping[str, Any], name: str) -> str:
    policy = value.get(name, "Delete")
    if policy not in _POLICIES:
        raise _policy_fault(name, policy)
    return str(policy)


def _policy_fault(name: str, policy: Any) -> ServiceFault:
    if policy == "Snapshot":
        return not_offered(f"{name} Snapshot")
    return invalid(f"Template format error: Unrecognized {name} {policy}")


def _output(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "Value" not in value:
        raise invalid(
            f"Template format error: [/Outputs/{name}] Every Outputs object must contain a Value member."
        )
    return value
