"""Notebooks in batch: what they leave, how they end, and that those side by side are not in the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from xacct_kit.fleet.journal import Journal, read_journal
from xacct_kit.params import Params

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SANDBOX = str(ROOT / "params" / "sandbox.yaml")
NOTEBOOKS = ROOT / "notebooks"
THREE = ["1_deploy_role", "2_check_cost_explorer", "3_probe_permissions"]


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], cwd=cwd, stdout=pipe, stderr=pipe, text=True)


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate()
    return process.returncode, out, error


def xacct(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return start("-c", "from xacct_kit.cli import main; main()", *arguments, cwd=cwd)


def papermill(notebook: Path, executed: str, *arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return start("-m", "papermill", "--no-progress-bar", str(notebook), executed, *arguments, cwd=cwd)


def errors_in(path: Path) -> list[list[str]]:
    """The traceback of every error in an executed notebook."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return [output.traceback for output in outputs if output.output_type == "error"]


def with_last_line(name: str, folder: Path) -> Path:
    """A notebook that requires its report to be green."""
    notebook: Any = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("report.require_green()"))
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


# By the command


@pytest.mark.parametrize(
    ("changes", "notebooks", "code"),
    [
        (["sandbox_scenario=role-missing"], THREE, 0),
        (["sandbox_scenario=missing-emr"], THREE, 1),
        (["sandbox_scenario=role-missing", "organizational_units=root"], ["4_onboard_organization"], 0),
    ],
    ids=["green", "red", "units"],
)
def test_the_notebooks_do_what_the_command_does(
    tmp_path: Path, changes: list[str], notebooks: list[str], code: int
) -> None:
    options = [word for change in changes for word in ("-p", change)]
    returned, out, said = end(
        xacct("onboard", SANDBOX, *options, "--notebooks", "--out", "out", "--format", "json", cwd=tmp_path)
    )
    assert returned == code, said
    report = json.loads(out)
    assert report["ok"] is (code == 0)
    assert [path.stem for path in sorted((tmp_path / "out").glob("*.ipynb"))] == notebooks
    assert {row["step"] for row in report["findings"]} >= {"deploy", "trust", "cost_explorer", "permissions"}
    kept = [row for name in notebooks for row in read_journal(tmp_path / "out" / name)]
    assert [row.to_dict() for row in kept] == report["findings"]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report


def test_a_notebook_that_is_stopped_is_exit_3_and_named(tmp_path: Path) -> None:
    options = ["-p", "sandbox_endpoint=http://127.0.0.1:9", "--notebooks", "--out", "out"]
    returned, out, said = end(xacct("onboard", SANDBOX, *options, cwd=tmp_path))
    assert (returned, out) == (3, "")
    assert said.splitlines()[-1].startswith("1_deploy_role stopped: ")
    assert said.rstrip().endswith("See out/1_deploy_role.ipynb")


def test_a_kernel_that_ends_is_exit_3_and_its_notebook_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "end.py").write_text("import os\nos._exit(9)\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    returned, out, said = end(xacct("onboard", SANDBOX, "--notebooks", "--out", "out", cwd=tmp_path))
    assert (returned, out) == (3, "")
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("1_deploy_role stopped: Kernel died")


def test_a_run_that_is_interrupted_is_exit_3_and_leaves_what_was_run(tmp_path: Path) -> None:
    running = xacct("onboard", SANDBOX, "--notebooks", "--out", "out", cwd=tmp_path)
    assert running.stderr is not None
    assert running.stderr.readline().startswith("ran 1_deploy_role in ")
    running.send_signal(signal.SIGINT)
    returned, _, said = end(running)
    assert (returned, said) == (3, "stopped; what was run is in out\n")
    assert not errors_in(tmp_path / "out" / "1_deploy_role.ipynb")


@pytest.mark.parametrize(
    "options", [["--workers", "3"], ["--resume"], ["--retry", "red"], ["-p", "sandbox_scenario=nonsense"]]
)
def test_what_notebooks_cannot_do_is_exit_2(tmp_path: Path, options: list[str]) -> None:
    returned, out, said = end(xacct("onboard", SANDBOX, "--notebooks", *options, cwd=tmp_path))
    assert (returned, out) == (2, "")
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# By papermill


def test_a_red_verdict_ends_a_notebook_with_one_line(tmp_path: Path) -> None:
    notebook = with_last_line("3_probe_permissions", tmp_path)
    parameters = ["-p", "sandbox_scenario", "missing-emr", "-p", "out", "results"]
    returned, _, said = end(papermill(notebook, "executed.ipynb", *parameters, cwd=tmp_path))
    assert returned == 1
    line = (
        "17 checks: 16 pass, 1 fail; elasticmapreduce:ListClusters denied by the identity policies: 1 account"
    )
    assert errors_in(tmp_path / "executed.ipynb") == [[line]]
    assert said.rstrip().endswith(line)
    assert not json.loads((tmp_path / "results" / "report.json").read_text())["ok"]


def test_a_parameter_that_is_none_ends_a_notebook_with_a_line_a_fault(tmp_path: Path) -> None:
    parameters = ["-p", "acounts", "333333333333", "-p", "scenario", "missing-emr", "-r", "region", "here"]
    notebook = NOTEBOOKS / "3_probe_permissions.ipynb"
    returned, _, said = end(papermill(notebook, "executed.ipynb", *parameters, cwd=tmp_path))
    assert returned == 1
    assert errors_in(tmp_path / "executed.ipynb") == [
        [
            "region: 'here' is not a region of partition aws, such as us-east-1",
            "acounts: is no key of params; did you mean member_accounts?",
            "scenario: is no key of params; did you mean sandbox_scenario?",
        ]
    ]
    assert not (tmp_path / "runs").exists(), said


# Side by side


def test_two_runs_of_a_notebook_are_not_in_each_others_way(tmp_path: Path) -> None:
    notebook = NOTEBOOKS / "3_probe_permissions.ipynb"
    running = [
        papermill(notebook, f"{scenario}.ipynb", "-p", "sandbox_scenario", scenario, cwd=tmp_path)
        for scenario in ("healthy", "missing-emr")
    ]
    for process in running:
        returned, _, said = end(process)
        assert returned == 0 or "elasticmapreduce:ListClusters" in said
    folder = tmp_path / "runs" / "3_probe_permissions"
    report = json.loads((folder / "report.json").read_text())
    assert [row.to_dict() for row in read_journal(folder)] == report["findings"], "of one run"
    assert {path.name for path in folder.iterdir()} == {
        *("findings.jsonl", "junit.xml", "summary.md"),
        *("report.csv", "report.html", "report.json"),
    }


def test_a_notebook_does_not_write_to_the_journal_of_another_run(tmp_path: Path) -> None:
    journal = tmp_path / "runs" / "4_onboard_organization" / "findings.jsonl"
    notebook = NOTEBOOKS / "4_onboard_organization.ipynb"
    with Journal.begin(journal, Params.load(SANDBOX)):
        returned, _, _ = end(papermill(notebook, "executed.ipynb", cwd=tmp_path))
    assert returned == 1
    ((line,),) = errors_in(tmp_path / "executed.ipynb")
    assert line.startswith("runs/4_onboard_organization/findings.jsonl: another run is writing this journal")
    assert [path.name for path in journal.parent.iterdir()] == ["findings.jsonl"]


def test_two_commands_in_one_second_have_a_folder_each(tmp_path: Path) -> None:
    running = [xacct("probe", SANDBOX, cwd=tmp_path) for _ in range(2)]
    assert [end(process)[0] for process in running] == [0, 0]
    folders = sorted((tmp_path / "runs").iterdir())
    assert [json.loads((folder / "report.json").read_text())["ok"] for folder in folders] == [True, True]
