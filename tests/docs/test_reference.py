"""docs/reference is what the code says: `make docs` writes it anew."""

from __future__ import annotations

import pytest
from commands_page import commands
from policies_page import FILE
from renew_reference import PAGES, REFERENCE
from typer.testing import CliRunner

from xacct_kit.cli import app
from xacct_kit.params import Params
from xacct_kit.report import OutcomeKind
from xacct_kit.steps.operator.actions import Task
from xacct_kit.steps.operator.policies import needed_for


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "renew it: make docs"


def test_there_are_no_other_pages() -> None:
    assert sorted(path.name for path in REFERENCE.iterdir()) == sorted(PAGES)


def test_the_options_are_those_that_the_command_takes() -> None:
    """The page is made of declarations; what typer makes of them is asked of the command itself."""
    for command in commands():
        told = CliRunner().invoke(app, [command.name, "--help"]).stdout
        options = [name for option in command.options for name in option.names]
        missing = [
            name for name in (*options, *(each.value for each in command.arguments)) if name not in told
        ]
        assert not missing


def test_every_outcome_is_told_of_in_both_tables() -> None:
    page = PAGES["outcomes.md"]()
    assert all(page.count(f"| `{kind}` |") >= 2 for kind in OutcomeKind)


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_in_another_partition_policies_differ_by_their_arns_alone(partition: str, region: str) -> None:
    here = policies_of(Params.load(FILE))
    there = policies_of(Params.load(FILE, partition=partition, region=region))
    assert there == here.replace("arn:aws:", f"arn:{partition}:").replace("us-east-1", region)


def policies_of(params: Params) -> str:
    found = [(task, needed.text) for task in Task for needed in needed_for(task, params)]
    return "\n".join(f"{task}: {text}" for task, text in found)
