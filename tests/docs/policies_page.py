"""docs/reference/operator-policies.md: what each command takes, as policies that can be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reference_tables import code, fenced, page, table

from xacct_kit.params import Params
from xacct_kit.steps.operator.actions import Task
from xacct_kit.steps.operator.policies import ABOUT, Needed, needed_for

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
    tasks = _needed(Params.load(FILE))
    return page(
        "# The operator's policies",
        f"""What each command takes, with the names of `params/{FILE.name}`: give each principal the policy
        that stands there, with your own names. Who does several things takes all of their policies. What only
        some params take is in tables [below](#what-other-params-take).""",
        "In China ARNs begin with `arn:aws-cn:`, in GovCloud with `arn:aws-us-gov:`; the rest is the same.",
        table(("Command", "What it does"), ((_link(task), ABOUT[task]) for task in tasks)),
        *_sections(tasks),
        "## What other params take",
        "Besides what stands above.",
        *(part for before, variant in VARIANTS for part in _variant(before, variant)),
    )


def _needed(params: Params) -> dict[Task, tuple[Needed, ...]]:
    """What the tasks take that take anything."""
    return {task: needed for task in Task if (needed := needed_for(task, params))}


def _link(task: Task) -> str:
    anchor = "".join(each for each in task.lower() if each.isalnum() or each in " -").replace(" ", "-")
    return f"[{code(task)}](#{anchor})"


def _sections(tasks: Mapping[Task, Iterable[Needed]]) -> Iterator[str]:
    """Each policy in full, once."""
    told: dict[tuple[str, str], str] = {}
    for task, policies in tasks.items():
        yield f"## {code(task)}"
        for needed in policies:
            earlier = told.setdefault((needed.who, needed.text), _link(task))
            if earlier == _link(task):
                yield f"**{needed.who}**, which {needed.why}:"
                yield fenced(needed.document)
            else:
                yield f"**{needed.who}**: as for {earlier}."


def _variant(before: Mapping[str, Any], variant: Mapping[str, Any]) -> Iterator[str]:
    known = {task: _allowed(each) for task, each in _needed(Params.load(FILE, **before)).items()}
    added: dict[tuple[str, str, str], list[str]] = {}
    for task, policies in _needed(Params.load(FILE, **before, **variant)).items():
        for (who, resource), actions in _allowed(policies).items():
            had = known.get(task, {}).get((who, resource), [])
            if more := [code(action) for action in actions if action not in had]:
                added.setdefault((who, ", ".join(more), resource), []).append(code(task))
    besides = f", besides that of {_told(before)}" if before else ""
    yield f"### With {_told(variant)}{besides}"
    rows = ((", ".join(tasks), who, actions, code(on)) for (who, actions, on), tasks in added.items())
    yield table(("Command", "Who", "Actions", "Resource"), rows)


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(code(f"{key}: {_written(value)}") for key, value in values.items())


def _written(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _allowed(policies: Iterable[Needed]) -> Allowed:
    found: Allowed = {}
    for needed in policies:
        for statement in needed.statements:
            resource = statement["Resource"]
            on = resource if isinstance(resource, str) else ", ".join(resource)
            found.setdefault((needed.who, on), []).extend(statement["Action"])
    return found
