"""A folder that has the kit as a checkout with its `.venv` has it, where AWS is a sandbox."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).with_name("stand_ins.py")

# What the documentation calls by the names of AWS's own documentation, and what it is in a sandbox.
ACCOUNTS: Mapping[str, str] = {
    "111122220000": MANAGEMENT_ACCOUNT,
    "111122223333": MAIN_ACCOUNT,
    "444455556666": MEMBER_ACCOUNT,
    "777788889999": "400000000000",
    "123456789012": "400000000001",
}
_SECRETS: Mapping[str, str] = {"XACCT_EXTERNAL_ID=…": f"XACCT_EXTERNAL_ID={EXTERNAL_ID}"}

# The commands of `.venv/bin`, which is first on the path; `stand_ins.py` says what it does for them.
_STOOD_IN_FOR = ("conda", "jupyter", "make", "papermill", "pip", "pytest", "python", "voila", "xacct")
_COPIED = ("Makefile", "environment.yml", "notebooks", "params", "pyproject.toml")
_SHARED = ("benchmarks", "docs", "tests", "xacct_kit")


def in_a_sandbox(text: str) -> str:
    """A text with the sandbox's accounts in the place of those of AWS."""
    for name, stands_for in {**ACCOUNTS, **_SECRETS}.items():
        text = text.replace(name, stands_for)
    return text


@dataclass(frozen=True)
class Checkout:
    """A checkout of the kit in a folder of its own."""

    folder: Path

    def __post_init__(self) -> None:
        for name in _COPIED:
            place = self.folder / name
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            copy(ROOT / name, place)
        for name in _SHARED:
            (self.folder / name).symlink_to(ROOT / name)
        for file in (self.folder / "params").iterdir():
            text = in_a_sandbox(file.read_text(encoding="utf-8"))
            # What the sandbox does late it does within seconds.
            text = text.replace("wait_seconds: 300", "wait_seconds: 5")
            # In another partition there is a sandbox for each run.
            if "\npartition: " in text:
                text = text.replace("environment: aws", "environment: sandbox")
            file.write_text(text, encoding="utf-8")
        commands = self.folder / ".venv" / "bin"
        commands.mkdir(parents=True)
        for name in _STOOD_IN_FOR:
            script = commands / name
            script.write_text(f'#!/bin/sh\nexec {_quoted(sys.executable, STAND_IN, name)} "$@"\n')
            script.chmod(0o755)
        (commands / "activate").write_text(f"PATH={_quoted(commands)}:$PATH\n", encoding="utf-8")
        for tool in ("ruff", "mypy"):
            (commands / tool).symlink_to(Path(sys.executable).with_name(tool))
        # To make, what the kit needs is there already.
        ready = self.folder / ".venv" / ".ready"
        ready.touch()
        os.utime(self.folder / "pyproject.toml", (0, time.time() - 60))

    def on_sandbox(self, scenario: str) -> None:
        """Let `params/account.yaml` be about the sandbox itself, as `params/sandbox.yaml` is."""
        values = yaml.safe_load((ROOT / "params" / "sandbox.yaml").read_text(encoding="utf-8"))
        for name in ("account", "sandbox"):
            file = self.folder / "params" / f"{name}.yaml"
            file.write_text(yaml.safe_dump({**values, "sandbox_scenario": scenario}), encoding="utf-8")

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout, whose own commands come first."""
        path = f"{self.folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **variables}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )


def _quoted(*words: object) -> str:
    return " ".join(shlex.quote(str(word)) for word in words)
