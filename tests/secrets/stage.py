"""The stage: a sandbox behind an AWS that listens, an operator with a session token, secrets by reference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml
from indiscreet_aws import IndiscreetAws
from leaks import Leak, Secret, files_below, find_leaks

from xacct_kit.params import Params
from xacct_kit.report import Report
from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    MEMBER_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.process import SandboxProcess

REGION = "us-east-1"

# Of every character that an external ID may have, and words with hyphens, at which text is folded and cut.
EXTERNAL_ID = Secret("the external ID", "zq7Hb+V3=mK,9t.Wc@2R:Lx/dN-quiet-heron-amber-willow_Fe5SjUa4")

MANAGEMENT_EXTERNAL_ID = Secret(
    "the management external ID", "Vx4+pR8=gT2,c.Jn@0M:Zk/yQ-still-otter-copper-rowan_Wb6DhLs9"
)

MANAGEMENT_VARIABLE = "XACCT_MANAGEMENT_EXTERNAL_ID"
VARIABLE, PARAMETER, STORED = "XACCT_EXTERNAL_ID", "/research/external-id", "research/external-id"

# What must be told of nobody's keys, wherever they are from.
OPERATOR_OF_SANDBOX = (
    Secret("the sandbox operator's access key", OPERATOR_ACCESS_KEY),
    Secret("the sandbox operator's secret", OPERATOR_SECRET),
)

_XACCT = "from xacct_kit.cli import main; main()"
_ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class Written:
    """What a way of using the kit has written: places, and the bytes there."""

    code: int = 0
    parts: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, place: str, text: str | bytes) -> None:
        self.parts.append(
            (place, text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        )

    def text(self, place: str) -> str:
        return b"".join(data for name, data in self.parts if name == place).decode("utf-8", "replace")


@dataclass(frozen=True)
class Stage:
    """Where the kit is used.

    Attributes:
        aws: what the kit takes for AWS.
        inputs: folder for what the user has written: params, and the file that holds the external ID.
        operator: the operator's credentials, as environment variables.
        keys: secrets that are there before the kit is used.
    """

    aws: IndiscreetAws
    inputs: Path
    operator: Mapping[str, str]
    keys: tuple[Secret, ...]

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that must not be told: what was there, and what has been handed out since."""
        return (EXTERNAL_ID, MANAGEMENT_EXTERNAL_ID, *OPERATOR_OF_SANDBOX, *self.keys, *self.aws.issued)

    @property
    def references(self) -> dict[str, str]:
        """The external ID by each kind of reference."""
        return {
            "env": f"env:{VARIABLE}",
            "file": f"file:{self.inputs / 'external-id'}",
            "ssm": f"ssm:{PARAMETER}",
            "secretsmanager": f"secretsmanager:{STORED}",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables of an operator who works in AWS."""
        return {
            **self.operator,
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",
            VARIABLE: EXTERNAL_ID.value,
            MANAGEMENT_VARIABLE: MANAGEMENT_EXTERNAL_ID.value,
        }

    def values(self, reference: str = "env", **more: Any) -> dict[str, Any]:
        """Params as a user writes them, with the external ID by reference."""
        return {
            "environment": "aws",
            "main_account": MAIN_ACCOUNT,
            "member_accounts": [MEMBER_ACCOUNT],
            "external_id": self.references[reference],
            **more,
        }

    def literal_values(self, **more: Any) -> dict[str, Any]:
        """Params for the sandbox, with the external ID as it is."""
        sandbox = {
            "environment": "sandbox",
            "sandbox_endpoint": self.aws.url,
            "external_id": EXTERNAL_ID.value,
        }
        return self.values(**sandbox, **more)

    def file(self, values: Mapping[str, Any]) -> str:
        """A params file."""
        path = self.inputs / "params.yaml"
        path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
        return str(path)

    def client(self, service: str, **assumed: str) -> Any:
        """A client of the operator, or of a role that it assumes in an account."""
        keys = dict(
            zip(
                ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
                self.operator.values(),
                strict=True,
            )
        )
        if assumed:
            role = f"arn:aws:iam::{assumed['account']}:role/{assumed['role']}"
            given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="by-hand")["Credentials"]
            keys = dict(
                zip(
                    keys, (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]), strict=True
                )
            )
        return boto3.client(service, endpoint_url=self.aws.url, region_name=REGION, **keys)

    def leaks(self, written: Written, *more: Secret) -> list[Leak]:
        """The secrets that were written."""
        return find_leaks((*self.secrets, *more), written.parts)


@contextmanager
def staged(folder: Path, scenario: str = "healthy") -> Iterator[Stage]:
    """Serve a sandbox behind an AWS that listens."""
    external_ids = {
        "external_id": EXTERNAL_ID.value,
        "management_external_id": MANAGEMENT_EXTERNAL_ID.value,
    }
    sandbox = SandboxProcess(Layout(scenario=scenario, **external_ids))
    aws = IndiscreetAws(sandbox.endpoint, {STORED: EXTERNAL_ID.value})
    machine = tuple(
        Secret(f"the machine's {name}", os.environ[name])
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    (folder / "external-id").write_text(f"{EXTERNAL_ID.value}\nthe first line is it\n", encoding="utf-8")
    try:
        operator = _make_operator(aws)
        keys = tuple(Secret(f"the operator's {name}", value) for name, value in operator.items())
        yield Stage(aws, folder, operator, (*machine, *keys))
    finally:
        aws.close()
        sandbox.stop()


def _make_operator(aws: IndiscreetAws) -> dict[str, str]:
    """An administrator of the management account by a role, which gives a session token."""
    clients = {
        service: boto3.client(
            service,
            endpoint_url=aws.url,
            region_name=REGION,
            aws_access_key_id=OPERATOR_ACCESS_KEY,
            aws_secret_access_key=OPERATOR_SECRET,
        )
        for service in ("iam", "sts", "ssm")
    }
    root = {"AWS": f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root"}
    trust = document({"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"})
    role = clients["iam"].create_role(RoleName="Onboarding", AssumeRolePolicyDocument=trust)["Role"]
    clients["iam"].put_role_policy(
        RoleName="Onboarding", PolicyName="all", PolicyDocument=document(_ANYTHING)
    )
    clients["ssm"].put_parameter(Name=PARAMETER, Value=EXTERNAL_ID.value, Type="SecureString")
    given = clients["sts"].assume_role(RoleArn=role["Arn"], RoleSessionName="somebody")["Credentials"]
    names = {
        "AWS_ACCESS_KEY_ID": "AccessKeyId",
        "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
        "AWS_SESSION_TOKEN": "SessionToken",
    }
    return {variable: given[name] for variable, name in names.items()}


def run(
    arguments: Iterable[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    module: Iterable[str] = ("-c", _XACCT),
    stdin: str = "",
) -> Written:
    """Run a command in a new process whose home, temporary and working folders are below one folder.

    Parameters:
        arguments: the command's.
        folder: what is below it afterwards, the process has written.
        environment: variables besides those of the tests.
        module: what Python is to run; the command `xacct` when it is not given.
        stdin: what the process reads.
    """
    done = subprocess.run(
        [sys.executable, *module, *arguments],
        cwd=work_folder(folder),
        env=child_environment(folder, environment),
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )
    written = Written(done.returncode)
    written.add("stdout", done.stdout)
    written.add("stderr", done.stderr)
    written.parts += files_below(folder)
    return written


def work_folder(folder: Path) -> Path:
    for name in ("home", "tmp", "work"):
        (folder / name).mkdir(exist_ok=True)
    return folder / "work"


def child_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The tests' environment with places of its own to write to."""
    home = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    # Byte code is written by Python and holds no values.
    return {**os.environ, **home, "PYTHONDONTWRITEBYTECODE": "1", **environment}


def tell(
    params: Callable[[], Params], do: Callable[[Params, Callable[[str], None]], Report], folder: Path
) -> Written:
    """Use the Python API, and show in every way what came of it: the report, or what was raised.

    Parameters:
        params: makes the params.
        do: uses the kit; is given a progress.
        folder: where the report is saved.
    """
    written, lines = Written(), list[str]()
    try:
        report = do(params(), lines.append)
    except Exception as error:  # whatever it is, Python would show it
        written.add("traceback", "".join(traceback.format_exception(error)))
    else:
        show(report, folder, written)
    written.add("progress", "\n".join(lines))
    return written


def show(report: Report, folder: Path, written: Written) -> None:
    """Every view of a report."""
    report.save(folder)
    written.parts += files_below(folder)
    written.add("repr", repr(report))
    written.add("_repr_html_", report._repr_html_())
    written.add("to_frame", report.to_frame().to_json())
    written.add("findings", repr(report.findings))
