"""What every notebook keeps to, and that papermill runs it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from renew import NOTEBOOKS, ROOT, notebooks, parameters_cell, parameters_source

ALL = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert [path.stem for path in notebooks()][:5] == [
        "0_start_here",
        "1_deploy_role",
        "2_check_cost_explorer",
        "3_probe_permissions",
        "4_onboard_organization",
    ]


@ALL
def test_parameters_are_literals_with_types_and_help_and_match_the_params(path: Path) -> None:
    source = parameters_cell(read(path)).source
    assert source == parameters_source(path)
    for statement in ast.parse(source).body:
        assert isinstance(statement, ast.AnnAssign)
        ast.literal_eval(statement.value)
    assert all("  # " in line for line in source.splitlines())


@ALL
def test_cells_are_short_and_logic_is_in_the_package(path: Path) -> None:
    notebook = read(path)
    for cell in code_cells(notebook):
        if cell is parameters_cell(notebook):
            continue
        assert len(cell.source.splitlines()) <= 10
        assert not re.search(r"^\s*(def|class|for|while|import (?!xacct_kit))\b", cell.source, re.MULTILINE)
        assert not re.search(r"\d{12}", cell.source)


@ALL
def test_the_first_cell_is_the_contract(path: Path) -> None:
    notebook = read(path)
    assert notebook.cells[0].cell_type == "markdown"
    text = notebook.cells[0].source
    assert text.startswith("# ")
    assert "chang" in text
    assert re.search(r"sts:|permission", text, re.IGNORECASE)
    assert re.search(r"costs nothing|money", text, re.IGNORECASE)
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(headings) == 1


@ALL
def test_outputs_are_stored_small_and_tell_nothing_of_this_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = read(path)
    assert any(cell.outputs for cell in code_cells(notebook))
    assert not any(output.output_type == "error" for cell in code_cells(notebook) for output in cell.outputs)
    assert len(text) < 200 * 1024
    assert "widget-state" not in text
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_papermill_runs_a_notebook_with_a_params_file(tmp_path: Path) -> None:
    executed = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(NOTEBOOKS / "3_probe_permissions.ipynb"), str(executed)]
    options = ["-f", str(ROOT / "params" / "sandbox.yaml"), "-p", "out", str(tmp_path / "results")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    findings = (tmp_path / "results" / "findings.jsonl").read_text().splitlines()
    assert {json.loads(line)["verdict"] for line in findings} == {"PASS"}
    assert "all green" in executed.read_text()
