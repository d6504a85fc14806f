"""The hand-over: what the form of Service Workbench asks for, of accounts whose role is proven alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.steps.external_ids import make_external_id
from xacct_kit.steps.handover import NAME, hand_over
from xacct_kit.views.handover import to_json, to_records, to_text

MEMBER, NOWHERE = "333333333333", "499999999999"
FIELDS = {"ready", "reasons", "name", "accountId", "description", "externalId", "roleArn", "region"}


@pytest.fixture(scope="module")
def session(no_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[xk.Session]:
    reference = f"file:{tmp_path_factory.mktemp('kept')}/id"
    make_external_id(reference)
    params = Params.load("params/sandbox.yaml", external_id=reference, member_accounts=[MEMBER, NOWHERE])
    with xk.connect(params) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(session: xk.Session) -> Report:
    return hand_over(session)


def test_an_account_is_ready_when_both_roles_of_main_have_assumed_its_role(
    session: xk.Session, report: Report
) -> None:
    ready, not_ready = to_records(report, session.params)
    assert ready == {
        "ready": True,
        "reasons": [],
        "name": f"member-{MEMBER}",
        "accountId": MEMBER,
        "description": "Onboarded with the stack onboard-account in us-east-1",
        "externalId": session.params.external_id,
        "roleArn": f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole",
        "region": "us-east-1",
    }
    assert not_ready["ready"] is False
    assert not_ready["accountId"] == NOWHERE
    assert not_ready["name"] == NOWHERE
    assert any("was refused sts:AssumeRole" in reason for reason in not_ready["reasons"])


def test_what_only_aws_can_judge_is_found_out_by_asking(session: xk.Session, tmp_path: Path) -> None:
    profile = yaml.safe_load(Path("docs/examples/storage.yaml").read_text())
    profile["trust"]["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "0.0.0.0/0"}
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(profile))
    values = {"sandbox_endpoint": session.endpoint, "profile": str(tmp_path / "profile.yaml")}
    rows = hand_over(xk.connect(session.params.model_copy(update=values)))
    proofs = [row for row in rows if row.probe == "role-is-assumed" and row.account == MEMBER]
    assert {(row.caller, row.verdict) for row in proofs} == {
        ("ApiHandlerRole", Verdict.PASS),
        ("WorkflowLoopRunnerRole", Verdict.PASS),
    }


def test_what_was_not_proven_is_not_ready(session: xk.Session, report: Report) -> None:
    def left(drop: Any) -> dict[str, Any]:
        return to_records([row for row in report if not drop(row)], session.params)[0]

    assert left(lambda row: True)["ready"] is False
    assert left(lambda row: row.caller == "ApiHandlerRole")["ready"] is False
    assert left(lambda row: row.caller == "WorkflowLoopRunnerRole")["ready"] is False
    assert left(lambda row: row.probe == "account-name")["ready"] is True
    of_another_step = [replace(row, step="trust") for row in report]
    assert to_records(of_another_step, session.params)[0]["ready"] is False


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED])
def test_one_proof_that_is_none_leaves_it_not_ready(
    session: xk.Session, report: Report, verdict: Verdict
) -> None:
    def spoilt(row: Finding) -> Finding:
        return replace(row, verdict=verdict) if row.caller == "ApiHandlerRole" else row

    record = to_records(map(spoilt, report), session.params)[0]
    assert (record["ready"], bool(record["reasons"])) == (False, True)


def test_json_and_text_say_the_same_and_tell_where_the_external_id_is_alone(
    session: xk.Session, report: Report
) -> None:
    document = json.loads(to_json(report, session.params))
    assert document["accounts"] == to_records(report, session.params)
    assert all(set(record) == FIELDS for record in document["accounts"])
    text = to_text(report, session.params)
    ready = document["accounts"][0]
    assert f"Account {MEMBER}: ready" in text
    assert all(ready[field] in text for field in FIELDS - {"ready", "reasons"})
    assert f"Account {NOWHERE}: NOT READY" in text
    assert all(reason in text for reason in document["accounts"][1]["reasons"])
    told = text + to_json(report, session.params) + str([row.to_dict() for row in report])
    assert session.external_id not in told


def test_a_name_adds_no_line_to_the_form(session: xk.Session, report: Report) -> None:
    name = "lab\n  Role ARN  arn:aws:iam::000000000000:role/other\x1b[2K\ud800"
    named = [replace(row, evidence={NAME: name}) if row.probe == "account-name" else row for row in report]
    text = to_text(named, session.params)
    assert len(text.splitlines()) == len(to_text(report, session.params).splitlines())
    assert "\x1b" not in text
    assert json.loads(to_json(named, session.params))["accounts"][0]["name"] == name


def test_a_literal_of_the_sandbox_is_not_told(no_aws: None) -> None:
    params = Params.load("params/sandbox.yaml")
    record = to_records([], params)[0]
    assert record["externalId"] == "(not kept at a reference)"


def test_an_external_id_that_the_form_does_not_take_is_told(session: xk.Session, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("x" * 301)
    values = {"sandbox_endpoint": session.endpoint, "external_id": f"file:{tmp_path}/id"}
    other = xk.connect(session.params.model_copy(update=values))
    row = next(row for row in hand_over(other) if row.probe == "form-takes-external-id")
    assert row.verdict is Verdict.FAIL
    assert row.why == "The external ID has 301 characters, and the form takes 300."
    assert "Rotate" in row.fix
