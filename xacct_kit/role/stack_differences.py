"""What a stack has in another way than it must: template, parameters and tags, held together by meaning.

How a template is written does not count: YAML or JSON, short or long functions, the order of keys and of
lists, a list of one or its one item; nor do descriptions, and how the console shows the form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

# What tells people something and CloudFormation nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
_SAID = frozenset({"AWSTemplateFormatVersion", "Description", "Metadata"})
_SAID_OF_PARAMETERS = frozenset({"ConstraintDescription", "Description"})

# What tells the items of a list apart, where the list is of things with a name.
_NAMES = ("PolicyName", "Key")


class _Loader(yaml.BaseLoader):
    """Reads text as text, and the short form of a function as its long one."""


def _function(loader: yaml.BaseLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Condition", "Ref") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _function)


def read_template(body: Any) -> Mapping[str, Any]:
    """A template as it was given to CloudFormation.

    Parameters:
        body: text in YAML or JSON, or what was read of it.

    Raises:
        ValueError: it cannot be read.
    """
    if not isinstance(body, str):
        body = json.dumps(body)
    try:
        read = yaml.load(body, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError("it is neither YAML nor JSON") from error
    if not isinstance(read, Mapping):
        raise ValueError("it does not hold keys and values")
    return read


def template_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a template differs from another in meaning.

    Parameters:
        wanted: what it must be, as `read_template` gives it.
        found: what it is, as `read_template` gives it.

    Returns:
        Paths such as `Resources.Role.Properties.Path`, each once.
    """
    return tuple(dict.fromkeys(_paths(_meant(wanted), _meant(found), ())))


def parameter_differences(
    wanted: Mapping[str, str], described: Iterable[Mapping[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which parameters of a stack have another value, and which of them NoEcho hides.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html

    Parameters:
        wanted: the value that each must have.
        described: the parameters, as DescribeStacks tells them.

    Returns:
        The names of those that differ, and of those that cannot be compared.
    """
    found = {each["ParameterKey"]: each.get("ParameterValue", "") for each in described}
    hidden = {name for name, value in found.items() if value and not value.strip("*")}
    differing = [name for name in {**wanted, **found} if name not in hidden]
    return (
        tuple(name for name in differing if wanted.get(name) != found.get(name)),
        tuple(name for name in found if name in hidden),
    )


def tag_differences(wanted: Mapping[str, str], described: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The keys of the tags of a stack that are missing, added or have another value.

    Parameters:
        wanted: the value that each must have.
        described: the tags, as DescribeStacks tells them.
    """
    # Those of AWS itself are not the user's to set.
    found = {each["Key"]: each["Value"] for each in described if not each["Key"].startswith("aws:")}
    return tuple(key for key in {**wanted, **found} if wanted.get(key) != found.get(key))


def _meant(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without what is only said."""
    kept = {name: part for name, part in template.items() if name not in _SAID}
    parameters = {
        name: {key: value for key, value in each.items() if key not in _SAID_OF_PARAMETERS}
        for name, each in _mapping(kept.get("Parameters")).items()
        if isinstance(each, Mapping)
    }
    outputs = {
        name: {key: value for key, value in each.items() if key != "Description"}
        for name, each in _mapping(kept.get("Outputs")).items()
        if isinstance(each, Mapping)
    }
    return {**kept, "Parameters": parameters, "Outputs": outputs}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _paths(wanted: Any, found: Any, path: tuple[str, ...]) -> Iterator[str]:
    wanted, found = _named(wanted), _named(found)
    if _canonical(wanted) == _canonical(found):
        return
    if not isinstance(wanted, Mapping) or not isinstance(found, Mapping) or _is_function(wanted, found):
        yield ".".join(path)
        return
    for name in {**wanted, **found}:
        yield from _paths(wanted.get(name), found.get(name), (*path, name))


def _named(value: Any) -> Any:
    """A list of things with names as a mapping of them; where two have one name, none may hide the other."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return value
    for name in _NAMES:
        if value and all(isinstance(each.get(name), str) for each in value):
            by_name = {each[name]: each for each in value}
            return by_name if len(by_name) == len(value) else value
    return value


def _is_function(*values: Mapping[str, Any]) -> bool:
    return any(name == "Ref" or name.startswith("Fn::") for value in values for name in value)


def _canonical(value: Any, *, ordered: bool = False) -> str:
    """A value in a form that is the same for the same meaning."""
    if isinstance(value, Mapping):
        parts = {key: _canonical(part, ordered=key.startswith("Fn::")) for key, part in value.items()}
        return json.dumps(parts, sort_keys=True)
    if isinstance(value, list):
        items = [_canonical(item, ordered=ordered) for item in value]
        if len(items) == 1 and not ordered:
            return items[0]
        return json.dumps(items if ordered else sorted(items))
    if isinstance(value, bool):
        return json.dumps(str(value).lower())
    text = "" if value is None else str(value)
    return json.dumps(text.lower() if text.lower() in ("true", "false") else text)
