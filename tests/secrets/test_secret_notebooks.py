"""An executed notebook tells no secret: in no cell, output or metadata, nor in what it leaves beside it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import papermill
import pytest
from leaks import files_below
from stage import Stage, Written, work_folder

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

RUNS: list[tuple[str, str, dict[str, Any]]] = [
    ("0_start_here", "secretsmanager", {}),
    (
        "1_deploy_role",
        "file",
        {"stack_name": "by-notebook", "role_name": "ByNotebook", "sandbox_scenario": "healthy"},
    ),
    ("2_check_cost_explorer", "ssm", {}),
    ("3_probe_permissions", "env", {}),
    (
        "4_onboard_organization",
        "env",
        {
            "stack_name": "by-organization",
            "role_name": "ByOrganization",
            "organizational_units": [],
            "sandbox_scenario": "healthy",
            "sandbox_accounts": 1,
        },
    ),
    ("5_audit_and_offboard", "secretsmanager", {"sandbox_scenario": "healthy"}),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that kernels have for home, and write their temporary files and their history to."""
    monkeypatch.chdir(work_folder(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def execute(name: str, values: dict[str, Any], log: pytest.LogCaptureFixture, folder: Path) -> Written:
    """Run a notebook by papermill, which logs its outputs, and look at all that is left."""
    written = Written()
    # Papermill's own log; what other libraries log at this level is not what a batch shows.
    log.set_level(logging.INFO)
    try:
        papermill.execute_notebook(
            NOTEBOOKS / f"{name}.ipynb",
            "executed.ipynb",
            parameters={**values, "out": "results"},
            progress_bar=False,
            log_output=True,
            extra_arguments=["--log-level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        written.code = 1
        written.add("traceback", str(error))
    written.add("log", log.text)
    written.parts += files_below(folder)
    return written


def executed(written: Written) -> Any:
    return json.loads(written.text("work/executed.ipynb").partition("\n")[2])


@pytest.mark.parametrize(("name", "reference", "values"), RUNS, ids=[name for name, _, _ in RUNS])
def test_an_executed_notebook_tells_no_secret(
    operator: Stage,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    reference: str,
    values: dict[str, Any],
) -> None:
    params = operator.values(reference, **values)
    written = execute(name, params, caplog, folder)
    assert written.code == 0, written.text("traceback")
    assert executed(written)["metadata"]["papermill"]["parameters"]["external_id"] == params["external_id"]
    assert "sts:AssumeRole" in operator.aws.asked
    assert "work/results/report.html" in {place for place, _ in written.parts}
    assert operator.leaks(written) == []


def test_every_notebook_is_in_the_table() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {name for name, _, _ in RUNS}


def test_a_notebook_that_stops_tells_no_secret(
    operator: Stage, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The line feed makes the HTTP client refuse the token, and quote it.
    monkeypatch.setenv("AWS_SESSION_TOKEN", operator.operator["AWS_SESSION_TOKEN"] + "\n")
    written = execute("2_check_cost_explorer", operator.values(), caplog, folder)
    assert written.code == 1
    assert '"output_type": "error"' in written.text("work/executed.ipynb")
    assert operator.leaks(written) == []
