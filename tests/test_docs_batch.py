"""What docs/batch.md and docs/ci.md show really runs, as far as it can be run here: on the sandbox."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from xacct_kit.params import Params

ROOT = Path(__file__).resolve().parents[1]


def blocks(language: str, page: str = "batch") -> list[str]:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def block(language: str, holding: str = "", page: str = "batch") -> str:
    (found,) = [text for text in blocks(language, page) if holding in text]
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that has the kit as a checkout with its `.venv` has it; its accounts are the sandbox's."""
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, code in (
        ("xacct", "from xacct_kit.cli import main; main()"),
        ("papermill", "from papermill.__main__ import papermill; papermill()"),
    ):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{code}" "$@"\n')
        script.chmod(0o755)
    (tmp_path / "params").mkdir()
    on_sandbox(tmp_path, "healthy")
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    return tmp_path


def on_sandbox(checkout: Path, scenario: str) -> None:
    values = yaml.safe_load((ROOT / "params" / "sandbox.yaml").read_text())
    for name in ("account", "sandbox"):
        file = checkout / "params" / f"{name}.yaml"
        file.write_text(yaml.safe_dump({**values, "sandbox_scenario": scenario}))


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{cwd / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


# cron


def cron_command(checkout: Path) -> str:
    """The command of the line, as cron hands it to the shell: https://man7.org/linux/man-pages/man5/crontab.5.html."""
    *when, command = block("crontab").strip().split(maxsplit=5)
    assert len(when) == 5
    assert not re.search(r"(?<!\\)%", command), "cron makes a line feed of it"
    return command.replace("\\%", "%").replace("/opt/xacct-kit", shlex.quote(str(checkout)))


def test_cron_says_nothing_of_what_is_green_and_mails_what_is_not(checkout: Path) -> None:
    command = cron_command(checkout)
    green = run("/bin/sh", "-c", command, cwd=checkout)
    assert (green.returncode, green.stdout, green.stderr) == (0, "", "")
    on_sandbox(checkout, "missing-emr")
    red = run("/bin/sh", "-c", command, cwd=checkout)
    assert "✗ FAIL     emr-list-clusters" in red.stdout
    (folder,) = (checkout / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", folder.name)


# Notebooks


@pytest.mark.parametrize("command", [text.strip() for text in blocks("sh")])
def test_the_commands_that_run_notebooks(checkout: Path, command: str) -> None:
    done = run("/bin/sh", "-c", command, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert list(checkout.glob("**/3_probe_permissions/report.html"))


# GitHub Actions


def job() -> dict[str, Any]:
    workflow = yaml.safe_load(block("yaml", page="ci"))
    return dict(workflow["jobs"]["probe"])


@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("missing-emr", 1)])
def test_the_steps_of_the_workflow(checkout: Path, scenario: str, code: int) -> None:
    on_sandbox(checkout, scenario)
    summary = checkout / "step-summary"
    variables = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), **job()["env"]}
    codes = {}
    for step in job()["steps"]:
        # The kit is installed here already; what other steps use is GitHub's.
        if "run" not in step or step["name"] == "Install":
            continue
        (checkout / "step.sh").write_text(step["run"])
        # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
        done = run("bash", "-e", "step.sh", cwd=checkout, **variables)
        codes[step["name"]] = done.returncode
        assert done.returncode in (0, code), done.stderr
    assert codes == {"Probe": code, "Summary": 0}
    assert summary.read_text().startswith("## ✓" if code == 0 else "## ✗")
    for step in job()["steps"]:
        for file in re.findall(r"hashFiles\('(.*?)'\)", step.get("if", "")):
            assert (checkout / file).is_file()


def test_the_workflow_hands_a_secret_to_no_step_but_the_one_that_needs_it() -> None:
    holding = [step["name"] for step in job()["steps"] if "secrets." in str(step)]
    assert holding == ["Probe"]
    assert "secrets." not in str(job()["env"])


# What cannot be run here: it is read, and its parameters are those of the notebook that it names.

# https://airflow.apache.org/docs/apache-airflow-providers-papermill/stable/_api/airflow/providers/papermill/operators/papermill/
# https://sagemaker.readthedocs.io/en/stable/workflows/pipelines/sagemaker.workflow.pipelines.html
CALLS = {
    "PapermillOperator": ("input_nb", {"task_id", "input_nb", "output_nb", "parameters", "retries"}),
    "NotebookJobStep": (
        "input_notebook",
        {"name", "input_notebook", "image_uri", "kernel_name", "role", "parameters"},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_parameters_of_a_scheduler_are_those_of_the_notebook(name: str) -> None:
    notebook_argument, arguments = CALLS[name]
    tree = ast.parse(block("python", f"{name}("))
    (call,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert given.keys() == arguments
    values = ast.literal_eval(given["parameters"])
    path = ROOT / "notebooks" / Path(ast.literal_eval(given[notebook_argument])).name
    (cell,) = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "parameters" in cell.metadata.get("tags", ())
    ]
    injected = "".join(["# Parameters\n", *(f"{key} = {value!r}\n" for key, value in values.items())])
    namespace: dict[str, Any] = {"In": ["", cell, injected]}
    exec(f"{cell}\n{injected}", namespace)
    params = Params.of_namespace(namespace)
    assert (params.environment, params.external_id) == ("aws", "ssm:/service-workbench/external-id")
    if name == "NotebookJobStep":
        assert {type(value) for value in values.values()} == {str}
        assert params.member_accounts == ("444455556666", "777788889999")
