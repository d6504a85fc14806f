"""What is shown of runs that nobody watches does what it says, as far as it can be seen here."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from checkouts import ROOT, Checkout
from markdown_blocks import blocks

from xacct_kit.params import Params

pytestmark = pytest.mark.slow


def block(language: str, holding: str = "") -> str:
    (found,) = [each.text for each in blocks(language) if holding in each.text]
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout whose params are about the sandbox itself."""
    made = Checkout(tmp_path)
    made.on_sandbox("healthy")
    return made


# cron


def cron_command(checkout: Checkout) -> str:
    """The command of the line, as cron hands it to the shell: https://man7.org/linux/man-pages/man5/crontab.5.html."""
    *when, command = block("crontab").strip().split(maxsplit=5)
    assert len(when) == 5
    assert not re.search(r"(?<!\\)%", command), "cron makes a line feed of it"
    return command.replace("\\%", "%").replace("/opt/xacct-kit", shlex.quote(str(checkout.folder)))


def test_cron_says_nothing_of_what_is_green_and_mails_what_is_not(checkout: Checkout) -> None:
    command = cron_command(checkout)
    green = checkout.run("/bin/sh", "-c", command)
    assert (green.returncode, green.stdout, green.stderr) == (0, "", "")
    checkout.on_sandbox("missing-emr")
    red = checkout.run("/bin/sh", "-c", command)
    assert "✗ FAIL     emr-list-clusters" in red.stdout
    (folder,) = (checkout.folder / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", folder.name)


# GitHub Actions


def job() -> dict[str, Any]:
    workflow = yaml.safe_load(block("yaml", "jobs:"))
    return dict(workflow["jobs"]["probe"])


@pytest.mark.parametrize(("scenario", "code"), [("healthy", 0), ("missing-emr", 1)])
def test_the_steps_of_the_workflow(checkout: Checkout, scenario: str, code: int) -> None:
    checkout.on_sandbox(scenario)
    summary = checkout.folder / "step-summary"
    variables = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), **job()["env"]}
    codes = {}
    for step in job()["steps"]:
        # The kit is installed here already; what other steps use is GitHub's.
        if "run" not in step or step["name"] == "Install":
            continue
        (checkout.folder / "step.sh").write_text(step["run"])
        # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
        done = checkout.run("bash", "-e", "step.sh", **variables)
        codes[step["name"]] = done.returncode
        assert done.returncode in (0, code), done.stderr
    assert codes == {"Probe": code, "Summary": 0}
    assert summary.read_text().startswith("## ✓" if code == 0 else "## ✗")
    for step in job()["steps"]:
        for file in re.findall(r"hashFiles\('(.*?)'\)", step.get("if", "")):
            assert (checkout.folder / file).is_file()


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
