"""Command lines, references, folders and AWS configurations that cannot be meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

IN_AWS = """\
environment: aws
main_account: "222222222222"
member_accounts: ["333333333333"]
external_id: env:XACCT_EXTERNAL_ID
"""
IN_SANDBOX = IN_AWS.replace("aws", "sandbox").replace("env:XACCT_EXTERNAL_ID", "sandbox-external-id")

CALLING = ("onboard", "probe", "deploy")
each_environment = pytest.mark.parametrize("text", [IN_AWS, IN_SANDBOX], ids=["aws", "sandbox"])


@pytest.fixture
def params(tmp_path: Path) -> str:
    file = tmp_path / "params.yaml"
    file.write_text(IN_AWS, encoding="utf-8")
    return str(file)


# References: the external ID's place, and what is said of it.
REFERENCES = [
    ("env:XACCT_NO_SUCH_VARIABLE", "the variable is not set"),
    ("env:XACCT_EMPTY", "env:XACCT_EMPTY is empty"),
    ("env:XACCT_BLANK", "env:XACCT_BLANK is empty"),
    ("env:XACCT_SENTENCE", "what is at env:XACCT_SENTENCE is not 2 to 1224 letters"),
    ("env:XACCT_LONG", "what is at env:XACCT_LONG is not 2 to 1224 letters"),
    ("file:nowhere", "No such file or directory"),
    ("file:folder", "Is a directory"),
    ("file:binary", "it is not text in UTF-8"),
    ("file:empty", "file:empty is empty"),
    ("file:first-line-blank", "file:first-line-blank is empty"),
    ("file:sentence", "what is at file:sentence is not 2 to 1224 letters"),
    ("file:sentence/x", "Not a directory"),
    ("file:~no-such-user/external-id", "home directory"),
    ("file:" + "x" * 300, "File name too long"),
]


@pytest.fixture
def places(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the references above refer to."""
    (here / "folder").mkdir()
    (here / "binary").write_bytes(b"\x80\x81")
    for name, text in {"empty": "", "first-line-blank": "\nabc", "sentence": "hunter2-hunter2 it is"}.items():
        (here / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv(f"XACCT_{name.replace('-', '_').upper()}", text)
    monkeypatch.setenv("XACCT_BLANK", " \t")
    monkeypatch.setenv("XACCT_LONG", "x" * 1225)


@pytest.mark.usefixtures("places")
@each_environment
@pytest.mark.parametrize(("reference", "fault"), REFERENCES)
def test_a_reference_to_nothing(refused: Any, tmp_path: Path, text: str, reference: str, fault: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")
    refused("probe", str(file), "-p", f"external_id={reference}", says=("external_id: ", fault))


@pytest.mark.usefixtures("places")
@each_environment
@pytest.mark.parametrize(("reference", "fault"), [REFERENCES[0], REFERENCES[6]])
def test_a_reference_of_the_management_role_to_nothing(
    refused: Any, tmp_path: Path, text: str, reference: str, fault: str
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(f"{text}management_role: Vendor\n", encoding="utf-8")
    override = f"management_external_id={reference}"
    refused("probe", str(file), "-p", override, says=("management_external_id: ", fault))


@pytest.mark.parametrize("reference", ["ssm:/external-id", "secretsmanager:external-id"])
def test_a_new_sandbox_has_no_secrets(refused: Any, tmp_path: Path, reference: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(IN_SANDBOX, encoding="utf-8")
    says = ("external_id: ", "a new sandbox has nothing in")
    refused("onboard", str(file), "-p", f"external_id={reference}", says=says)


@pytest.mark.parametrize("command", CALLING)
@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("sandbox_scenario=nonsense", "sandbox_scenario: there is no 'nonsense'"),
        ("main_account=333333333333", "main_account: the sandbox's main account is 222222222222"),
        ("profile=nonsense", "profile: there is no 'nonsense'"),
        ("sandbox_endpoint=https://127.0.0.1", "sandbox_endpoint: must be the URL"),
    ],
)
def test_what_no_sandbox_holds(refused: Any, tmp_path: Path, command: str, override: str, place: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(IN_SANDBOX, encoding="utf-8")
    refused(command, str(file), "-p", override, says=(place,))


# Where results cannot go


@each_environment
@pytest.mark.parametrize("command", CALLING)
@pytest.mark.parametrize(
    ("out", "fault"),
    [
        ("file", "Not a directory"),
        ("file/deeper/still", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("dangling", "No such file or directory"),
        ("new/" + "x" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_made(
    refused: Any, here: Path, tmp_path: Path, text: str, command: str, out: str, fault: str
) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    (here / "file").touch()
    (here / "loop").symlink_to("loop")
    (here / "dangling").symlink_to("nowhere")
    refused(command, str(tmp_path / "params.yaml"), "--out", out, says=(f"out: {out}: ", fault))


def test_a_folder_of_the_params_that_cannot_be_made(refused: Any, here: Path, params: str) -> None:
    (here / "file").touch()
    refused("probe", params, "-p", "out=file", says=("out: file: ", "Not a directory"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is root's to write")
def test_a_folder_that_may_not_be_written_to(refused: Any, here: Path, params: str) -> None:
    here.chmod(0o500)
    refused("probe", params, says=("out: runs", "Permission denied"))


def test_the_demo_looks_at_its_folder_first(refused: Any, here: Path) -> None:
    (here / "file").touch()
    refused("demo", "--out", "file", says=("out: file: ", "Not a directory"))


# The machine's AWS configuration


def test_a_profile_that_is_not_there(refused: Any, params: str) -> None:
    refused("probe", params, "-p", "access_profile=nobody", says=("access_profile: ", "(nobody)"))


def test_a_profile_of_the_environment_that_is_not_there(
    refused: Any, params: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    refused("probe", params, says=("AWS_PROFILE: ", "(nobody)"))


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_configuration_that_cannot_be_read(
    refused: Any, params: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    file = tmp_path / "broken"
    file.write_text("[default\nregion", encoding="utf-8")
    monkeypatch.setenv(variable, str(file))
    refused("onboard", params, says=("AWS configuration: ", str(file)))


# Usage

USAGE = [
    (["nonsense"], ("nonsense",)),
    (["--nonsense"], ("--nonsense",)),
    (["probe"], ("Missing argument", "PARAMS")),
    (["decide"], ("Missing argument", "FILE")),
    (["classify"], ("Missing argument", "FILE")),
    (["probe", "{params}", "--frmat", "json"], ("--frmat",)),
    (["probe", "{params}", "--format", "xml"], ("--format", "xml")),
    (["probe", "{params}", "--format", "JSON"], ("--format", "JSON")),
    (["deploy", "{params}", "--format", ""], ("--format",)),
    (["deploy", "{params}", "--format"], ("--format",)),
    (["onboard", "{params}", "--out"], ("--out",)),
    (["onboard", "{params}", "-p"], ("-p",)),
    (["template", "{params}", "--out", "x"], ("--out",)),
    (["template", "{params}", "extra"], ("extra",)),
    (["demo", "extra"], ("extra",)),
    (["decide", "-", "extra"], ("extra",)),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[" ".join(row[0]) for row in USAGE])
def test_a_command_line_that_cannot_be_read(
    refused: Any, params: str, arguments: list[str], says: tuple[str, ...]
) -> None:
    refused(*(argument.format(params=params) for argument in arguments), says=("Error: ", *says))


def test_no_command_at_all_shows_what_there_is(refused: Any) -> None:
    refused(says=("probe", "Check and probe only"))


# The sandbox

SANDBOX = [
    (["--port", "abc"], ("--port",)),
    (["--port", "-1"], ("--port",)),
    (["--port", "65536"], ("--port",)),
    (["--port", "80.5"], ("--port",)),
    (["--accounts", "0"], ("--accounts",)),
    (["--accounts", "-5"], ("--accounts",)),
    (["--accounts", "many"], ("--accounts",)),
    (["--accounts", "1000000000"], ("--accounts",)),
    (["--scenario", "nonsense"], ("scenario: there is no 'nonsense'", "healthy")),
    (["--scenario", "Healthy"], ("scenario: there is no 'Healthy'",)),
    (["--scenario", ""], ("scenario: there is no ''",)),
    (["--throttle", "emr"], ("throttle: 'emr'", "such as emr=0.2")),
    (["--throttle", "0.2"], ("throttle: '0.2'", "such as emr=0.2")),
    (["--throttle", "emr="], ("throttle: 'emr='",)),
    (["--throttle", "emr=1.5"], ("throttle: 'emr=1.5'", "from 0 to 1")),
    (["--throttle", "emr=-0.1"], ("throttle: 'emr=-0.1'",)),
    (["--throttle", "emr=nan"], ("throttle: 'emr=nan'",)),
    (["--throttle", "emr=20%"], ("throttle: 'emr=20%'",)),
    (["--throttle", "emr=0,2"], ("throttle: 'emr=0,2'",)),
    (["--throttle", "emr=1e-1"], ("throttle: 'emr=1e-1'",)),
    (["--throttle", "emr=0.\u0665"], ("throttle: 'emr=0.",)),
    (["--throttle", "=0.2"], ("throttle: the sandbox has no service ''",)),
    (["--throttle", "lambda=0.2"], ("throttle: the sandbox has no service 'lambda'", "emr")),
    (["--latency", "100"], ("latency: '100'", "such as 100ms")),
    (["--latency", "fast"], ("latency: 'fast'",)),
    (["--latency", "-5s"], ("latency: '-5s'",)),
    (["--latency", "emr=nan"], ("latency: 'nan'",)),
    (["--latency", "emr="], ("latency: ''",)),
    (["--latency", "lambda=2s"], ("latency: the sandbox has no service 'lambda'",)),
    (["--latency", f"{'9' * 400}s"], ("latency: ",)),
    (["--propagation", "10"], ("propagation: '10'",)),
    (["--propagation", "10 s"], ("propagation: '10 s'",)),
    (["--propagation", "1h"], ("propagation: '1h'",)),
    (["--propagation", ""], ("propagation: ''",)),
    (["--propagation", "inf"], ("propagation: 'inf'",)),
    (["--throtle", "emr=0.2"], ("--throtle",)),
    (["healthy"], ("healthy",)),
]


@pytest.mark.parametrize(("options", "says"), SANDBOX, ids=[" ".join(row[0])[:30] for row in SANDBOX])
def test_a_sandbox_that_cannot_be_meant(refused: Any, options: list[str], says: tuple[str, ...]) -> None:
    assert refused("sandbox", *options, says=says).out == ""


# Like a person types it


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["probe", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["onboard", "{params}", "-p", "member_accounts=1"], "member_accounts[0]: '1' is not an account ID"),
        (["deploy", "{params}", "--out", "{params}"], "no report can be saved there"),
        (["sandbox", "--throttle", "emr=2"], "throttle: 'emr=2'"),
        (["probe", "{params}", "--format", "xml"], "--format"),
        (["decide", "nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
    ],
)
def test_a_process_of_its_own_says_the_same(
    aws: Any, here: Path, params: str, arguments: list[str], fault: str
) -> None:
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()"]
    command += [argument.format(params=params) for argument in arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert fault in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert aws.calls == 0
    assert list(here.iterdir()) == []
