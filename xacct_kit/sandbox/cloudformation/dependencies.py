"""What depends on what: names that nobody declared are refused, the rest is put in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from xacct_kit.sandbox.cloudformation.functions import (
    Scope,
    conditions_named,
    evaluate,
    references,
)
from xacct_kit.sandbox.cloudformation.refusals import invalid, listed, unresolved
from xacct_kit.sandbox.cloudformation.template import Declaration, Template

PSEUDO_PARAMETERS = frozenset(
    {
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)


def check_references(template: Template) -> None:
    """Refuse a template that refers to a name, a resource or a condition that it does not declare.

    Raises:
        ServiceFault: it does.
    """
    resources = [declared.properties for declared in template.resources.values()]
    waited_for = [name for declared in template.resources.values() for name in declared.depends_on]
    _check_names(template, resources, waited_for, "Resources")
    _check_names(template, list(template.outputs.values()), [], "Outputs")
    _check_conditions(template)
    dependencies(template, template.resources.values(), None)


def _check_names(template: Template, values: Sequence[object], waited_for: list[str], block: str) -> None:
    names = set(template.parameters) | set(template.resources) | PSEUDO_PARAMETERS
    missing = {name for name in waited_for if name not in template.resources}
    for reference in references(values):
        if reference.attribute is None and reference.name not in names:
            missing.add(reference.name)
        if reference.attribute is not None and reference.name not in template.resources:
            raise invalid(
                f"Template error: instance of Fn::GetAtt references undefined resource {reference.name}"
            )
    if missing:
        raise unresolved(sorted(missing), block)


def _check_conditions(template: Template) -> None:
    for reference in references(template.conditions):
        if reference.attribute is not None or reference.name in template.resources:
            raise invalid(
                f"Template format error: Unresolved dependencies {listed([reference.name])}. Cannot "
                "reference resources in the Conditions block of the template"
            )
    _check_names(template, list(template.conditions.values()), [], "Conditions")
    for block, name in _conditions_used(template):
        if name not in template.conditions:
            raise invalid(
                f"Template format error: Unresolved condition dependency {name} in the {block} block of the "
                "template"
            )
    _condition_order(template)


def _conditions_used(template: Template) -> Iterator[tuple[str, str]]:
    yield from (("Conditions", name) for name in conditions_named(dict(template.conditions)))
    for declared in template.resources.values():
        yield from (("Resources", name) for name in conditions_named(declared.properties))
        if declared.condition is not None:
            yield "Resources", declared.condition
    for output in template.outputs.values():
        yield from (("Outputs", name) for name in conditions_named(output["Value"]))
        if "Condition" in output:
            yield "Outputs", output["Condition"]


def evaluate_conditions(template: Template, scope: Scope) -> dict[str, bool]:
    """Work out the template's conditions.

    Parameters:
        template: a template whose references have been checked.
        scope: where parameters are looked up; its own conditions are not used.
    """
    values: dict[str, bool] = {}
    known = replace(scope, conditions=values)
    for name in _condition_order(template):
        values[name] = bool(evaluate(template.conditions[name], known))
    return values


def _condition_order(template: Template) -> list[str]:
    return in_order(
        {name: list(conditions_named(value)) for name, value in template.conditions.items()}, "conditions"
    )


def included(template: Template, conditions: Mapping[str, bool]) -> list[Declaration]:
    """The resources whose condition holds."""
    return [
        declared
        for declared in template.resources.values()
        if declared.condition is None or conditions[declared.condition]
    ]


def dependencies(
    template: Template, declarations: Iterable[Declaration], conditions: Mapping[str, bool] | None
) -> dict[str, tuple[str, ...]]:
    """The resources that each resource needs first, with the resources themselves in an order that works.

    Parameters:
        template: where they are declared.
        declarations: the resources that there are to be.
        conditions: the evaluated conditions, or None to follow every branch.

    Raises:
        ServiceFault: they need each other in a circle, or one needs a resource whose condition does not hold.
    """
    present = {declared.logical_id: declared for declared in declarations}
    needs: dict[str, tuple[str, ...]] = {}
    for name, declared in present.items():
        referred = {reference.name for reference in references(declared.properties, conditions)}
        absent = sorted((referred & set(template.resources)) - set(present))
        if absent:
            raise unresolved(absent, "Resources")
        # A resource that is not made need not be waited for.
        needs[name] = tuple(sorted((referred | set(declared.depends_on)) & set(present)))
    return {name: needs[name] for name in in_order(needs, "resources")}


def in_order(needs: Mapping[str, Iterable[str]], what: str) -> list[str]:
    """Names, each after the names that it needs.

    Raises:
        ServiceFault: they need each other in a circle.
    """
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        names = sorted(set(error.args[1]))
        raise invalid(f"Circular dependency between {what}: {listed(names)}") from error
