"""The line that does on a command line what somebody does by clicking."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        overrides: keys that take the place of the file's; secrets are among them by reference only.
        out: the folder for what is found.
        resume: whether to go on with the run in that folder.

    Raises:
        RequestError: there is no such command.
    """

    command: str
    params_file: Path
    out: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False

    def __post_init__(self) -> None:
        if self.command not in COMMANDS:
            raise RequestError(f"{self.command}: cannot be watched; {', '.join(COMMANDS)} can")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows `xacct`."""
        overrides = (f"{key}={_written(value)}" for key, value in self.overrides.items())
        return (
            self.command,
            str(self.params_file),
            *(part for override in overrides for part in ("-p", override)),
            "--out",
            str(self.out),
            *(["--resume"] if self.resume else []),
        )

    def __str__(self) -> str:
        return shlex.join(("xacct", *self.arguments))


def _written(value: Any) -> str:
    """A value as `-p` reads it."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
