"""Renew the notebooks: the parameters cell from the params, the outputs from a run on the sandbox.

python tests/notebooks/renew.py [NOTEBOOK ...]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from xacct_kit.params import Params

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

# Deploying is shown where there is something to deploy; the rest looks at a role that is there.
OVERRIDES: Mapping[str, Mapping[str, Any]] = {
    "1_deploy_role": {"sandbox_scenario": "role-missing"},
    "5_audit_and_offboard": {"sandbox_scenario": "missing-emr"},
    "4_onboard_organization": {
        "sandbox_scenario": "role-missing",
        "sandbox_accounts": 12,
        "member_accounts": [],
        "organizational_units": ["root"],
    },
}
# What is the sandbox's alone would be in the way of params that say nothing of it.
_NOT_IN_NOTEBOOKS: Mapping[str, Any] = {"management_role": None, "management_external_id": None}

# How a run gets on is different each time.
_UNSAVED = "nbval-ignore-output"


def notebooks() -> list[Path]:
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def parameters_source(path: Path) -> str:
    return Params.notebook_cell(
        ROOT / "params" / "sandbox.yaml",
        out=f"runs/{path.stem}",
        **_NOT_IN_NOTEBOOKS,
        **OVERRIDES.get(path.stem, {}),
    )


def parameters_cell(notebook: Any) -> Any:
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


def renew(path: Path) -> None:
    """Run a notebook in a fresh kernel and save it with nothing but its outputs."""
    notebook = nbformat.read(path, as_version=4)
    parameters_cell(notebook).source = parameters_source(path)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    quiet = ["--log-level=CRITICAL"]
    NotebookClient(
        notebook, kernel_name="python3", coalesce_streams=True, resources=resources, extra_arguments=quiet
    ).execute()
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if _UNSAVED in (tags or ()):
            cell.outputs = []
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for each in [Path(argument) for argument in sys.argv[1:]] or notebooks():
        renew(each)
        sys.stdout.write(f"renewed {each.name}\n")
