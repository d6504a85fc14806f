"""Notebooks with a run that is watched, and journals of runs that have ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, judge

ROOT = Path(__file__).parents[2]

SERVICES = ("ce", "cloudformation", "ec2", "elasticmapreduce", "iam", "s3", "sagemaker", "ssm", "sts")

# Of as many accounts one is not green in EMR.
RED_EVERY = 7


def write_notebook(home: Path, name: str, *cells: str) -> Path:
    """Write a notebook with these cells to a folder's `notebooks`, and the sandbox's params beside it."""
    params = home / "params" / "sandbox.yaml"
    path = home / "notebooks" / f"{name}.ipynb"
    for folder in (params.parent, path.parent):
        folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "params" / "sandbox.yaml", params)
    made = new_notebook(cells=[new_markdown_cell(f"# {name}"), *map(new_code_cell, cells)])
    # Without a kernel's name JupyterLab asks which.
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, path)
    return path


def watching(out: str, command: str = "probe", **overrides: object) -> tuple[str, ...]:
    """The cells that watch a run in the sandbox."""
    given = "".join(f", {key}={value!r}" for key, value in overrides.items())
    return (
        "import xacct_kit as xk",
        f'params = xk.Params.load("../params/sandbox.yaml"{given})\n'
        f"run = xk.watch(params, {command!r}, out={out!r})\n"
        "run",
    )


def opening(out: str) -> tuple[str, ...]:
    """The cells that open a run which has ended."""
    return (
        "from pathlib import Path\nfrom xacct_kit.interactive.run_view import RunView",
        f"view = RunView.of(Path({out!r}))\nview",
    )


def ended_run(folder: Path, accounts: int) -> Path:
    """Write what a run has found in many accounts."""
    ids = (f"{400_000_000_000 + number}" for number in range(accounts))
    rows = (
        _finding(account, service, red=number % RED_EVERY == 0 and service == "elasticmapreduce")
        for number, account in enumerate(ids)
        for service in SERVICES
    )
    return Report.of(rows).save(folder)


def _finding(account: str, service: str, *, red: bool) -> Finding:
    outcome = OutcomeKind.DENIED_IDENTITY if red else OutcomeKind.ALLOWED
    action = f"{service}:ListThings"
    return Finding(
        step="permissions",
        probe=f"{service}-list-things",
        account=account,
        region="us-east-1",
        caller="CrossAccountExecutionRole",
        service=service,
        action=action,
        expected=Expectation.ALLOWED,
        outcome=outcome,
        verdict=judge(Expectation.ALLOWED, outcome),
        why=f"No identity policy allows {action}." if red else f"The role may call {action}.",
        fix="Give the role its policy." if red else "",
    )
