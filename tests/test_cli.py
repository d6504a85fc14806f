"""The command: exit codes, what goes to standard output, and faults in one line each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import yaml

from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess

ROOT = Path(__file__).resolve().parents[1]
SANDBOX = str(ROOT / "params" / "sandbox.yaml")


def xacct(
    *arguments: str, cwd: Path, stdin: str = "", columns: int = 110
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", *arguments]
    environment = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(
        command, cwd=cwd, input=stdin, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("scenario", "command", "code"),
    [("healthy", "probe", 0), ("missing-emr", "probe", 1), ("role-missing", "onboard", 0)],
)
def test_the_exit_code_says_whether_all_is_green(
    tmp_path: Path, scenario: str, command: str, code: int
) -> None:
    done = xacct(
        command,
        SANDBOX,
        "-p",
        f"sandbox_scenario={scenario}",
        "--out",
        "results",
        "--format",
        "json",
        cwd=tmp_path,
    )
    assert done.returncode == code, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is (code == 0)
    assert json.loads((tmp_path / "results" / "report.json").read_text()) == report
    for name in ("findings.jsonl", "report.csv", "report.html", "junit.xml", "summary.md"):
        assert (tmp_path / "results" / name).stat().st_size > 0


def test_the_list_of_commands_is_whole_in_a_narrow_terminal(tmp_path: Path) -> None:
    listed = xacct("--help", cwd=tmp_path, columns=80).stdout.partition("Commands:")[2].splitlines()
    commands = [line for line in listed if line]
    assert len(commands) > 10
    assert all(line.startswith("  ") and line.endswith(".") and "..." not in line for line in commands)


@pytest.mark.parametrize(
    ("form", "file", "starts"),
    [("junit", "junit.xml", "<?xml"), ("markdown", "summary.md", "## ✗ Not as it should be: 1 of 1 account")],
)
def test_what_a_ci_job_reads_is_printed_as_it_is_saved(
    tmp_path: Path, form: str, file: str, starts: str
) -> None:
    options = ["-p", "sandbox_scenario=missing-emr", "--out", "results", "--format", form]
    done = xacct("probe", SANDBOX, *options, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(starts)
    assert done.stdout == (tmp_path / "results" / file).read_text(encoding="utf-8")


def test_onboarding_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    done = xacct("onboard", SANDBOX, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "has not changed" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def accounts_of(report: Path) -> set[str]:
    return {finding["account"] for finding in json.loads(report.read_text())["findings"]}


def test_a_list_of_accounts_takes_the_place_of_those_of_the_params(tmp_path: Path) -> None:
    options = ["-p", "sandbox_accounts=3", "-p", "exclude_accounts=400000000001", "--out", "out"]
    listed = "Name,Account ID\na,400000000000\nb,400000000001\n"
    done = xacct("probe", SANDBOX, *options, "--accounts", "-", cwd=tmp_path, stdin=listed)
    assert done.returncode == 0, done.stderr
    assert accounts_of(tmp_path / "out" / "report.json") == {"400000000000", "400000000001"}
    assert "400000000001 is left out: exclude_accounts names it." in done.stdout.replace("\n", " ")
    assert "Cost Explorer: 1 request at $0.01" in done.stderr


def test_deploy_goes_to_an_organization(tmp_path: Path) -> None:
    options = ["-p", "sandbox_scenario=role-missing", "-p", "organizational_units=root", "--out", "out"]
    done = xacct("deploy", SANDBOX, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert accounts_of(tmp_path / "out" / "report.json") == {"111111111111", "222222222222", "333333333333"}


@pytest.mark.parametrize("command", ["onboard", "probe", "deploy"])
def test_a_list_of_accounts_with_a_fault_is_exit_2(tmp_path: Path, command: str) -> None:
    (tmp_path / "list").write_text("333333333333\n40000000000\n")
    done = xacct(command, SANDBOX, "--accounts", "list", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("list, line 2: 40000000000 has 11 digits")
    twice = [command, SANDBOX, "--accounts", "-", "-p", "member_accounts=333333333333"]
    done = xacct(*twice, cwd=tmp_path, stdin="400000000000\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "member_accounts: is given by -p and by --accounts\n"


def test_deploy_shows_the_plan_and_the_events(tmp_path: Path) -> None:
    done = xacct("deploy", SANDBOX, "-p", "sandbox_scenario=role-missing", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    plan = said.index("  add CrossAccountExecutionRole (AWS::IAM::Role)")
    assert plan < said.index("  CrossAccountExecutionRole CREATE_COMPLETE")
    assert "The stack onboard-account is deployed." in said


BAD_PARAMS = [
    ("member_accounts: [333333333333]", "member_accounts[0]: 333333333333 is a number"),
    ("member_accounts: []", "an empty list never means all accounts"),
    ("external_id: x", "external_id: must be 2 to 1224"),
    ("regoin: us-east-1", "regoin: is no key of params; did you mean region?"),
    ("partition: aws-cn", "region: 'us-east-1' is not a region of partition aws-cn"),
    ("sandbox_scenario: nonsense", "sandbox_scenario: there is no 'nonsense'"),
    ("profile: nonsense", "profile: there is no 'nonsense'"),
    ('main_account: "444444444444"', "main_account: the sandbox's main account is 222222222222"),
]


@pytest.mark.parametrize(("line", "fault"), BAD_PARAMS, ids=[line.split(":")[0] for line, _ in BAD_PARAMS])
@pytest.mark.parametrize("command", ["onboard", "probe", "deploy", "template"])
def test_bad_params_are_one_clear_line_and_exit_2(
    tmp_path: Path, line: str, fault: str, command: str
) -> None:
    if command == "template" and line.startswith(("sandbox_scenario", "main_account")):
        pytest.skip("the template asks no sandbox")
    values = {
        "main_account": "222222222222",
        "member_accounts": ["333333333333"],
        "external_id": "sandbox-external-id",
    }
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({**values, **yaml.safe_load(line)}))
    done = xacct(command, str(file), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert [fault in said for said in done.stderr.splitlines()] == [True]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["probe"], ["probe", "missing.yaml"], ["probe", SANDBOX, "-p", "x"]]
)
def test_bad_usage_is_exit_2_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    done = xacct(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def stopped(*arguments: str, after: str, cwd: Path, stdin: str = "") -> tuple[int, str]:
    """The exit code and last line of a command that is interrupted once it has told something."""
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(stdin)
        running.stdin.flush()
        told = running.stdout if stdin else running.stderr
        assert any(after in line for line in iter(told.readline, ""))
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert "Traceback" not in said
    return running.returncode, said.splitlines()[-1]


def test_a_command_that_is_interrupted_is_exit_3(tmp_path: Path) -> None:
    request = json.dumps({"principal": "arn:aws:iam::333333333333:user/a", "action": "s3:GetObject"})
    assert stopped("decide", "-", after="{", cwd=tmp_path, stdin=f"{request}\n") == (3, "stopped")


def test_a_creation_that_is_interrupted_is_exit_3_and_says_how_it_goes_on(
    no_aws: None, tmp_path: Path
) -> None:
    child = SandboxProcess(Layout(account_seconds=1.0))
    try:
        new = ["--name", "new", "--email", "new@example.com", "--out", "out"]
        options = ["-p", f"sandbox_endpoint={child.endpoint}", *new]
        code, said = stopped("create-account", SANDBOX, *options, after="new", cwd=tmp_path)
    finally:
        child.stop()
    assert (code, said) == (3, "stopped; what is known is in out: go on with --resume --out out")
    assert "account-created" in (tmp_path / "out" / "creations.jsonl").read_text(encoding="utf-8")


def test_a_run_that_was_stopped_is_not_green_for_what_it_had_come_to(no_aws: None, tmp_path: Path) -> None:
    child = SandboxProcess(Layout(accounts=40))
    try:
        where = ["-p", f"sandbox_endpoint={child.endpoint}", "-p", "organizational_units=root"]
        probe = ["probe", SANDBOX, *where, "--workers", "1", "--out", "out"]
        code, said = stopped(*probe, after="Cost Explorer", cwd=tmp_path)
    finally:
        child.stop()
    assert (code, said) == (3, "stopped; what is known is in out: go on with --resume --out out")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert not report["ok"]
    (row,) = [row for row in report["findings"] if row["verdict"] not in ("PASS", "SKIPPED")]
    assert (row["verdict"], row["why"]) == (
        "UNKNOWN",
        "The run was stopped: what it had not come to is not known.",
    )
    assert row["fix"] == "Go on with --resume --out out."
    # The journal has none of it: a run that goes on finds out what is missing.
    assert "was stopped" not in (tmp_path / "out" / "findings.jsonl").read_text(encoding="utf-8")


def test_a_creation_that_has_ended_is_not_done_again(no_aws: None, tmp_path: Path) -> None:
    child = SandboxProcess(Layout())
    try:
        new = ["--name", "new", "--email", "new@example.com", "--out", "out", "--format", "json"]
        command = ["create-account", SANDBOX, "-p", f"sandbox_endpoint={child.endpoint}", *new]
        first = xacct(*command, cwd=tmp_path)
        journal = (tmp_path / "out" / "findings.jsonl").read_bytes()
        again = xacct(*command, "--resume", cwd=tmp_path)
    finally:
        child.stop()
    # What a new account does not offer yet is red.
    assert (first.returncode, again.returncode) == (1, 1), first.stderr + again.stderr
    assert again.stdout == first.stdout
    assert {row["step"] for row in json.loads(first.stdout)["findings"]} >= {"create_account", "trust"}
    assert (tmp_path / "out" / "findings.jsonl").read_bytes() == journal
    assert "is deployed" not in again.stderr


def test_what_nobody_has_foreseen_is_no_verdict(tmp_path: Path) -> None:
    code = "from xacct_kit import cli; cli.app.command('divide')(lambda: 1 / 0); cli.main()"
    command = [sys.executable, "-c", code, "divide"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_the_template_is_yaml_on_standard_output(tmp_path: Path) -> None:
    done = xacct("template", str(ROOT / "params" / "china.yaml"), cwd=tmp_path)
    assert done.returncode == 0
    assert set(yaml.safe_load(done.stdout)["Parameters"]) == {
        "MainAccount",
        "ApiHandlerRole",
        "WorkflowLoopRunnerRole",
        "ExternalId",
        "RoleName",
    }


def test_outside_the_sandbox_a_missing_external_id_calls_nothing(tmp_path: Path) -> None:
    done = xacct("probe", str(ROOT / "params" / "account.yaml"), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("external_id: there is nothing at env:XACCT_EXTERNAL_ID")


def test_decide_answers_each_line_and_names_the_one_it_cannot_read(tmp_path: Path) -> None:
    request = {
        "principal": "arn:aws:iam::333333333333:role/Analyst",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bucket/key",
        "identity": [{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}],
    }
    lines = [json.dumps(request), "not json", json.dumps({**request, "action": "ec2:RunInstances"})]
    done = xacct("decide", "-", cwd=tmp_path, stdin="\n".join(lines))
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 2
    assert (first["allowed"], third["allowed"]) == (True, False)
    assert list(second) == ["error"]


def test_classify_answers_each_line(tmp_path: Path) -> None:
    error = {
        "service": "ce",
        "operation": "GetCostAndUsage",
        "code": "AccessDeniedException",
        "http_status": 400,
        "message": "User not enabled for cost explorer access",
    }
    file = tmp_path / "errors.jsonl"
    file.write_text(json.dumps(error) + "\n")
    done = xacct("classify", str(file), cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["kind"] == "NOT_ENABLED"


def test_a_served_sandbox_is_reached_with_the_environment_that_it_prints(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-c", "from xacct_kit.cli import main; main()", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as served:
        assert served.stdout is not None
        exports = dict(
            served.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(5)
        )
        identity = boto3.client(
            "sts",
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        ).get_caller_identity()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **exports,
            "XACCT_EXTERNAL_ID": "sandbox-external-id",
        }
        file = tmp_path / "params.yaml"
        file.write_text(
            yaml.safe_dump(
                {
                    "environment": "aws",
                    "main_account": "222222222222",
                    "member_accounts": ["333333333333"],
                    "external_id": "env:XACCT_EXTERNAL_ID",
                }
            )
        )
        probe = [sys.executable, "-c", "from xacct_kit.cli import main; main()", "probe", str(file)]
        done = subprocess.run(
            probe, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        served.send_signal(signal.SIGINT)
    assert served.returncode == 0
    assert identity["Arn"] == "arn:aws:iam::111111111111:user/operator"
    assert done.returncode == 0, done.stdout + done.stderr
