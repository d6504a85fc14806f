"""No command tells a secret: not on its standard streams, nor in any file that it leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import traceback
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from leaks import Secret, files_below, find_leaks, readings
from stage import EXTERNAL_ID, Stage, Written, child_environment, run, work_folder

from xacct_kit.aws.errors import classify_line
from xacct_kit.errors import ParamsError, PolicyError
from xacct_kit.iam import decide_line
from xacct_kit.params import Params
from xacct_kit.sandbox.layout import EXTERNAL_ID as SANDBOX_EXTERNAL_ID

pytestmark = pytest.mark.slow

_XACCT = "from xacct_kit.cli import main; main()"

COMMANDS = [
    ("env", ["onboard"]),
    ("env", ["template"]),
    ("file", ["onboard", "--format", "json"]),
    ("ssm", ["onboard", "--notebooks"]),
    ("ssm", ["probe", "--format", "json"]),
    ("secretsmanager", ["probe", "--format", "junit"]),
    ("file", ["probe", "--format", "markdown"]),
    ("env", ["status"]),
    ("file", ["plan", "--format", "json"]),
    ("ssm", ["drift"]),
    ("secretsmanager", ["drift", "--repair"]),
    ("file", ["handover"]),
    ("env", ["handover", "--format", "json"]),
]


@pytest.mark.parametrize(
    ("reference", "command"), COMMANDS, ids=[f"{' '.join(c)} {by}" for by, c in COMMANDS]
)
def test_a_command_tells_no_secret(stage: Stage, tmp_path: Path, reference: str, command: list[str]) -> None:
    name, *options = command
    written = run([name, stage.file(stage.values(reference)), *options], tmp_path, stage.environment)
    assert written.code == 0, written.text("stderr")
    assert ("sts:AssumeRole" in stage.aws.asked) is (name != "template")
    assert stage.leaks(written) == []


def test_no_warning_of_python_tells_a_secret(stage: Stage, tmp_path: Path) -> None:
    file = stage.file(stage.values(stack_name="with-warnings", role_name="WithWarnings"))
    every_warning = ("-X", "dev", "-W", "always", "-c", _XACCT)
    written = run(["deploy", file], tmp_path, stage.environment, module=every_warning)
    assert written.code == 0, written.text("stderr")
    assert "CREATE_COMPLETE" in written.text("stderr")
    assert stage.leaks(written) == []


def test_a_literal_of_the_sandbox_is_told_by_no_command(stage: Stage, tmp_path: Path) -> None:
    written = run(["onboard", stage.file(stage.literal_values())], tmp_path, {})
    assert written.code == 0, written.text("stderr")
    assert "sts:AssumeRole" in stage.aws.asked
    assert stage.leaks(written) == []


def test_a_sandbox_of_the_command_s_own_gets_the_external_id_by_reference(
    stage: Stage, tmp_path: Path
) -> None:
    values = stage.values(environment="sandbox", sandbox_scenario="role-missing")
    written = run(["onboard", stage.file(values), "--format", "json"], tmp_path, stage.environment)
    assert written.code == 0, written.text("stderr")
    assert stage.leaks(written) == []


def without_parameters(place: str, data: bytes) -> tuple[str, bytes]:
    """What was written, less what a user gives a notebook: the parameters, and papermill's note of them."""
    if not place.endswith(".ipynb"):
        return place, data
    notebook = json.loads(data.partition(b"\n")[2])
    del notebook["metadata"]["papermill"]["parameters"]
    given = {"parameters", "injected-parameters"}
    notebook["cells"] = [cell for cell in notebook["cells"] if not given & set(cell["metadata"]["tags"])]
    return place, json.dumps(notebook).encode()


def test_the_demo_tells_no_secret_and_the_sandbox_s_literal_only_where_a_user_writes_it(
    stage: Stage, tmp_path: Path
) -> None:
    written = run(["demo", "--out", "shown"], tmp_path, {})
    assert written.code == 0, written.text("stderr")
    notebooks = {place for place, _ in written.parts if place.endswith(".ipynb")}
    assert len(notebooks) == 3
    assert stage.leaks(written) == []
    assert told_whole(SANDBOX_EXTERNAL_ID, written) == notebooks
    written.parts = [without_parameters(*part) for part in written.parts]
    assert told_whole(SANDBOX_EXTERNAL_ID, written) == set()


def told_whole(text: str, written: Written) -> set[str]:
    """The places of a text whose parts are words that may be said."""
    return {
        place for place, data in written.parts if any(text.encode() in read for _, read in readings(data))
    }


# What a person may have in a file that is classified or evaluated.
CANONICAL = (
    "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String "
    "for this request should have been\n'POST\n/\n\nhost:sts.amazonaws.com\nx-amz-security-token:{token}\n'"
)
NOT_VALID = (
    "1 validation error detected: Value '{external_id}' at 'externalId' failed to satisfy constraint: Member "
    "must have length less than or equal to 1224"
)
ROLE = "arn:aws:iam::222222222222:role/ApiHandlerRole"
TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": ROLE},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "{external_id}"}},
}
ASSUME = {
    "principal": ROLE,
    "action": "sts:AssumeRole",
    "resource": "arn:aws:iam::333333333333:role/CrossAccountExecutionRole",
    "context": {"sts:ExternalId": "another"},
    "identity": [],
    "resource_policy": {"Statement": TRUST},
}
UNREADABLE = json.loads(json.dumps(ASSUME).replace("StringEquals", "NumericEquals"))
LINES = [
    pytest.param(classify_line, {"service": "sts", "message": CANONICAL}, id="a canonical request"),
    pytest.param(classify_line, {"service": "sts", "message": NOT_VALID}, id="a parameter that is not valid"),
    pytest.param(decide_line, ASSUME, id="a trust policy"),
    pytest.param(decide_line, UNREADABLE, id="a trust policy that cannot be read"),
]


@pytest.mark.parametrize(("evaluate", "line"), LINES)
def test_an_evaluation_does_not_repeat_a_secret(stage: Stage, evaluate: Any, line: dict[str, Any]) -> None:
    text = json.dumps(line).replace("{external_id}", EXTERNAL_ID.value)
    text = text.replace("{token}", stage.operator["AWS_SESSION_TOKEN"])
    written = Written()
    try:
        written.add("stdout", json.dumps(evaluate(json.loads(text))))
    except PolicyError as refused:
        written.add("traceback", "".join(traceback.format_exception(refused)))
    assert stage.leaks(written) == []


# What somebody who does not know the rules writes into params.
MISTAKES: dict[str, str] = {
    "a literal outside the sandbox": "environment: aws\nexternal_id: {secret}",
    "a key misspelt": "externalid: {secret}",
    "a list": "external_id: [{secret}]",
    "keys and values": "external_id: {{value: '{secret}'}}",
    "a tag of YAML": "external_id: !!int '{secret}'",
    "a tag of YAML for a truth value": "external_id: !!bool '{secret}'",
    "a tag of YAML for a time": "external_id: !!timestamp '{secret}'",
    "an unknown tag of YAML": "external_id: !secret {secret}",
    "a quote that is not closed": 'external_id: "{secret}',
    "a second colon": "external_id: a: {secret}",
    "a character that no external ID has": "external_id: '{secret}!'",
    "a reference that is none": "external_id: 'env: {secret}'",
    "in the endpoint": "sandbox_endpoint: http://user:{secret}@127.0.0.1:5000",
    "in the endpoint, without a user": "sandbox_endpoint: http://:{secret}@127.0.0.1:5000",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_params_that_cannot_be_meant_are_refused_without_the_secret(tmp_path: Path, mistake: str) -> None:
    secret = Secret("what was written", "hunter2x-Qy8SjUa4Gh6TnBv0RxMw1Kc")
    file = tmp_path / "params.yaml"
    accounts = 'main_account: "222222222222"\nmember_accounts: ["333333333333"]\n'
    file.write_text(f"{accounts}{MISTAKES[mistake].format(secret=secret.value)}\n")
    with pytest.raises(ParamsError) as refused:
        Params.load(file)
    told = "".join(traceback.format_exception(refused.value)), str(refused.value)
    assert find_leaks([secret], [("traceback or message", text.encode()) for text in told]) == []


def test_a_command_that_is_interrupted_tells_no_secret(stage: Stage, tmp_path: Path) -> None:
    file = stage.file(stage.values(stack_name="interrupted", role_name="Interrupted"))
    with subprocess.Popen(
        [sys.executable, "-c", _XACCT, "onboard", file],
        cwd=work_folder(tmp_path),
        env=child_environment(tmp_path, stage.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stderr is not None
        # By the first line of the plan the external ID is known and roles have been assumed.
        said = b"".join(takewhile(lambda line: line != b"plan for interrupted:\n", child.stderr))
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    written = Written(child.returncode, [("stdout", out), ("stderr", said + err), *files_below(tmp_path)])
    assert written.code != 0
    assert stage.leaks(written) == []
