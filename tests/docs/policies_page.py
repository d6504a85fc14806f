"""docs/reference/operator-policies.md: what each command takes, as policies that can be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reference_tables import code, fenced, page, table

from xacct_kit.params import Params
from xacct_kit.steps.operator.policies import TaskPolicies, policies_of_tasks

FILE = Path(__file__).resolve().parents[2] / "params" / "account.yaml"

_UNITS = {"organizational_units": ["root"]}

# Params that take more than what is shown in full: those that are told of already, and those that are new.
VARIANTS: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    ({}, {"profile": "hardened"}),
    ({}, {"probes": "canary"}),
    ({}, _UNITS),
    ({}, {"stack_set": "self-managed"}),
    (_UNITS, {"stack_set": "service-managed"}),
    ({}, {"external_id": "ssm:/service-workbench/external-id"}),
    ({}, {"external_id": "secretsmanager:service-workbench"}),
)

# Who is allowed which actions on what.
Allowed = dict[tuple[str, str], list[str]]


def policies_page() -> str:
    tasks = policies_of_tasks(Params.load(FILE))
    return page(
        "# The operator's policies",
        f"""What each command takes, with the names of `params/{FILE.name}`: give each principal the policy
        that stands there, with your own names. Who does several things takes all of their policies. What only
        some params take is in tables [below](#what-other-params-take).""",
        "In China ARNs begin with `arn:aws-cn:`, in GovCloud with `arn:aws-us-gov:`; the rest is the same.",
        table(("Command", "What it does"), ((_link(each), each.about) for each in tasks)),
        *_sections(tasks),
        "## What other params take",
        "Besides what stands above.",
        *(part for before, variant in VARIANTS for part in _variant(before, variant)),
    )


def _link(policies: TaskPolicies) -> str:
    anchor = "".join(each for each in policies.task.lower() if each.isalnum() or each in " -").replace(
        " ", "-"
    )
    return f"[{code(policies.task)}](#{anchor})"


def _sections(tasks: Iterable[TaskPolicies]) -> Iterator[str]:
    """Each policy in full, once."""
    told: dict[tuple[str, str], str] = {}
    for policies in tasks:
        yield f"## {code(policies.task)}"
        for needed in policies.needed:
            earlier = told.setdefault((needed.who, needed.text), _link(policies))
            if earlier == _link(policies):
                yield f"**{needed.who}**, which {needed.why}:"
                yield fenced(needed.document)
            else:
                yield f"**{needed.who}**: as for {earlier}."


def _variant(before: Mapping[str, Any], variant: Mapping[str, Any]) -> Iterator[str]:
    known = {each.task: _allowed(each) for each in policies_of_tasks(Params.load(FILE, **before))}
    added: dict[tuple[str, str, str], list[str]] = {}
    for policies in policies_of_tasks(Params.load(FILE, **before, **variant)):
        for (who, resource), actions in _allowed(policies).items():
            had = known.get(policies.task, {}).get((who, resource), [])
            if more := [code(action) for action in actions if action not in had]:
                added.setdefault((who, ", ".join(more), resource), []).append(code(policies.task))
    besides = f", besides that of {_told(before)}" if before else ""
    yield f"### With {_told(variant)}{besides}"
    rows = ((", ".join(tasks), who, actions, code(on)) for (who, actions, on), tasks in added.items())
    yield table(("Command", "Who", "Actions", "Resource"), rows)


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(code(f"{key}: {_written(value)}") for key, value in values.items())


def _written(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _allowed(policies: TaskPolicies) -> Allowed:
    found: Allowed = {}
    for needed in policies.needed:
        for statement in needed.statements:
            resource = statement["Resource"]
            on = resource if isinstance(resource, str) else ", ".join(resource)
            found.setdefault((needed.who, on), []).extend(statement["Action"])
    return found
