"""The line that does on a command line what somebody does by clicking."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xacct_kit import runs
from xacct_kit.errors import RequestError
from xacct_kit.fleet.run import AccountStep

# What can be watched: what takes every account through steps, and can go on where it was stopped.
COMMANDS: Mapping[str, tuple[AccountStep, ...]] = {
    "onboard": runs.ONBOARDING,
    "probe": runs.CHECKS,
    "plan": runs.PLAN,
    "deploy": runs.DEPLOYMENT,
}


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A command of `xacct` with its arguments.

    Attributes:
        command: one of `COMMANDS`.
        params_file: the YAML file of params.
        out: the folder for what is found.
        resume: whether to go on with the run in that folder.

    Raises:
        RequestError: there is no such command.
    """

    command: str
    params_file: Path
    out: Path
    resume: bool = False

    def __post_init__(self) -> None:
        if self.command not in COMMANDS:
            raise RequestError(f"{self.command}: cannot be watched; {', '.join(COMMANDS)} can")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows `xacct`."""
        resume = ["--resume"] if self.resume else []
        return (self.command, str(self.params_file), "--out", str(self.out), *resume)

    def __str__(self) -> str:
        return shlex.join(("xacct", *self.arguments))
