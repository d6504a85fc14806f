"""The line that does on a command line what somebody does by clicking."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from xacct_kit import runs
from xacct_kit.cli.accounts import IN_EVERY_ACCOUNT
from xacct_kit.errors import RequestError
from xacct_kit.interactive.command_line import COMMANDS, CommandLine

SANDBOX = Path(__file__).parents[2] / "params" / "sandbox.yaml"


def test_what_can_be_watched_is_what_the_command_does_in_every_account() -> None:
    others = {name: getattr(runs, steps) for name, steps, _ in IN_EVERY_ACCOUNT}
    assert {"onboard": runs.ONBOARDING, **others} == COMMANDS


def test_another_command_cannot_be_watched() -> None:
    with pytest.raises(RequestError, match="offboard: cannot be watched; onboard, probe, plan, deploy can"):
        CommandLine(command="offboard", params_file=SANDBOX, out=Path("out"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({}, "xacct probe a.yaml --out runs/x"),
        ({"resume": True}, "xacct probe a.yaml --out runs/x --resume"),
        ({"out": Path("my runs")}, "xacct probe a.yaml --out 'my runs'"),
        ({"params_file": Path("$(id).yaml")}, "xacct probe '$(id).yaml' --out runs/x"),
    ],
)
def test_the_line_is_what_a_shell_reads(arguments: dict[str, Any], line: str) -> None:
    made = CommandLine(
        **{"command": "probe", "params_file": Path("a.yaml"), "out": Path("runs/x"), **arguments}
    )
    assert str(made) == line
    assert tuple(shlex.split(line)) == ("xacct", *made.arguments)
