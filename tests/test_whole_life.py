"""The whole life of an account by the command: created, deployed, tampered with, repaired, changed, let go.

Each part is done twice, and the second time changes nothing and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import administer
from typer.testing import CliRunner

import xacct_kit as xk
from xacct_kit.cli import app
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_EXTERNAL_ID, MANAGEMENT_ROLE, Layout
from xacct_kit.sandbox.process import SandboxProcess

pytestmark = pytest.mark.slow

ROLE = "CrossAccountExecutionRole"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

Call = tuple[str, Mapping[str, Any]]


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def trusting(principal: str, **condition: Any) -> Call:
    policy = document(Principal={"AWS": principal}, Action="sts:AssumeRole", **condition)
    return "UpdateAssumeRolePolicy", {"PolicyDocument": policy}


def policy(name: str, *actions: str) -> Call:
    return "PutRolePolicy", {"PolicyName": name, "PolicyDocument": document(Action=actions, Resource="*")}


# What somebody does to the role by hand, and the finding that names it.
WITHOUT_ID: Mapping[str, Any] = {"Condition": {"StringLike": {"sts:ExternalId": "*"}}}
TAMPERINGS: tuple[tuple[Call, str], ...] = (
    (trusting("*"), "principal-widened"),
    (trusting(f"arn:aws:iam::{MAIN_ACCOUNT}:root"), "principal-widened"),
    (trusting(f"arn:aws:iam::{MAIN_ACCOUNT}:role/ApiHandlerRole"), "external-id-missing"),
    (trusting(f"arn:aws:iam::{MAIN_ACCOUNT}:role/ApiHandlerRole", **WITHOUT_ID), "external-id-weakened"),
    (("DeleteRolePolicy", {"PolicyName": "emr"}), "policy-missing"),
    (policy("more", "organizations:LeaveOrganization"), "policy-added"),
    (policy("ssm", "*"), "policy-widened"),
    (policy("s3", "s3:Get*"), "policy-narrowed"),
    (("AttachRolePolicy", {"PolicyArn": ADMINISTRATOR}), "policy-attached"),
    (("PutRolePermissionsBoundary", {"PermissionsBoundary": ADMINISTRATOR}), "boundary-added"),
    (("UpdateRole", {"MaxSessionDuration": 43_200}), "session-duration"),
)


class Life:
    """An organization in a sandbox, and the command."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self._folder = folder
        self.external_id = folder / "external-id"
        self.external_id.write_text("agreed-with-nobody-yet", encoding="utf-8")
        self.values: dict[str, Any] = {
            "main_account": MAIN_ACCOUNT,
            "member_accounts": ["333333333333"],
            "external_id": f"file:{self.external_id}",
            "management_role": MANAGEMENT_ROLE,
            "management_external_id": MANAGEMENT_EXTERNAL_ID,
            "sandbox_endpoint": endpoint,
        }

    def xacct(self, command: str, *options: str) -> tuple[int, dict[str, dict[str, Any]], str]:
        """Exit code, findings by probe, and all that was printed."""
        params = self._folder / "params.yaml"
        params.write_text(yaml.safe_dump(self.values), encoding="utf-8")
        out = ["--out", str(self._folder / "out")]
        done = CliRunner().invoke(app, [command, str(params), *options, *out], catch_exceptions=False)
        report = json.loads((self._folder / "out" / "report.json").read_text(encoding="utf-8"))
        return done.exit_code, {row["probe"]: row for row in report["findings"]}, done.output

    def green(self, command: str, *options: str) -> dict[str, dict[str, Any]]:
        """The findings of a command that ends with nothing but green ones."""
        code, found, said = self.xacct(command, *options)
        assert code == 0, said
        return found

    def by_hand(self, call: Call) -> None:
        """Do something to the role as an administrator of the account."""
        operation, params = call
        with xk.connect(xk.Params.of(**self.values)) as session:
            account = self.values["member_accounts"][0]
            administer(session, "iam", operation, account=account, RoleName=ROLE, **params)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    sandbox = SandboxProcess(Layout(scenario="role-missing"))
    yield Life(sandbox.endpoint, tmp_path)
    sandbox.stop()


def test_an_account_lives(life: Life) -> None:
    new = ["--name", "laboratory", "--email", "laboratory@example.com", "--only"]
    created = life.green("create-account", *new)["account-created"]
    account = created["account"]
    again = life.green("create-account", *new)["request-account"]
    assert again["account"] == account
    assert "is there already" in again["why"]
    life.values["member_accounts"] = [account]

    code, found, _ = life.xacct("status")
    assert (code, found["standing"]["evidence"]["standing"]) == (1, "NEEDS_ONBOARD")
    assert life.xacct("plan")[0] == 1
    assert "is deployed" in life.green("deploy")["deploy-stack"]["why"]
    assert "has not changed" in life.green("deploy")["deploy-stack"]["why"]
    assert "Nothing would change" in life.green("plan")["plan"]["why"]
    assert life.green("status")["standing"]["evidence"]["standing"] == "CURRENT"
    life.green("handover")

    for call, probe in TAMPERINGS:
        life.by_hand(call)
        code, found, said = life.xacct("drift")
        assert (code, probe in found) == (1, True), said
        assert life.xacct("status")[1]["standing"]["evidence"]["standing"] == "NEEDS_UPDATE"
        repaired = life.green("drift", "--repair")
        assert "repair-nothing" not in repaired
    assert "repair-nothing" in life.green("drift", "--repair")

    before = life.external_id.read_text(encoding="utf-8")
    life.green("new-external-id", "--rotate")
    assert life.external_id.read_text(encoding="utf-8") != before
    assert life.green("status")["standing"]["evidence"]["standing"] == "CURRENT"

    life.values["profile"] = "hardened"
    code, _, said = life.xacct("plan")
    assert code == 1
    assert "boundary" in said
    life.green("deploy")
    assert "has not changed" in life.green("deploy")["deploy-stack"]["why"]
    posture = [row for row in life.green("drift").values() if row["step"] == "posture"]
    ways = {row["probe"] for row in posture if row["outcome"] == "ALLOWED"}
    assert ways == {"ssm-send-command"}

    assert life.green("offboard", "--confirm", account)["role-is-gone"]["verdict"] == "PASS"
    again = life.green("offboard", "--confirm", account)
    assert "There is no stack" in again["stack"]["why"]
    assert life.xacct("status")[1]["standing"]["evidence"]["standing"] == "NEEDS_ONBOARD"
    assert life.xacct("probe")[0] == 1
