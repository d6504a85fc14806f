"""What is said of what a role could come to do: by its live policies, held against the profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import administer
from held_canaries import MEMBER

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.report import Expectation, Finding, OutcomeKind, Verdict
from xacct_kit.role.escalation import ESCALATIONS
from xacct_kit.role.profile import load_profile
from xacct_kit.steps.posture import check_posture

ROLE = "CrossAccountExecutionRole"
BOUNDARY = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"
WAYS = {way.name for way in ESCALATIONS}
LENT = {way.name for way in ESCALATIONS if not way.administrator}
SUM = "administrator-by-iam"


def opened(**values: Any) -> Session:
    return xk.connect(Params.load("params/sandbox.yaml", wait_seconds=5, **values))


def posture(session: Session) -> dict[str, Finding]:
    report = check_posture(session)
    assert {row.step for row in report} == {"posture"}
    rows = {row.probe: row for row in report}
    assert rows.keys() == {SUM, *WAYS}
    return rows


def verdicts(rows: dict[str, Finding]) -> set[Verdict]:
    return {row.verdict for row in rows.values()}


@pytest.fixture
def hardened() -> Iterator[Session]:
    with opened(profile="hardened") as session:
        yield session


def test_the_documented_role_is_told_to_be_an_administrator() -> None:
    with opened() as session:
        rows = posture(session)
    assert verdicts(rows) == {Verdict.PASS}
    assert {row.outcome for row in rows.values()} == {OutcomeKind.ALLOWED}
    assert rows[SUM].why == (
        f"Whoever assumes {ROLE} is an administrator of {MEMBER} by iam:*: 23 of 23 known ways to make "
        "itself one are open. Shut by profile: hardened: 23 of 23."
    )
    assert rows["create-user"].why == (
        f"{ROLE} can make itself a user who is an administrator: its policies allow iam:CreateUser, "
        "iam:AttachUserPolicy and iam:CreateAccessKey. Shut by profile: hardened."
    )
    assert "No profile of the kit shuts this way" in rows["ssm-send-command"].why


def test_the_hardened_role_is_told_to_be_none(hardened: Session) -> None:
    rows = posture(hardened)
    assert verdicts(rows) == {Verdict.PASS}
    opened_ways = {name for name, row in rows.items() if row.outcome is OutcomeKind.ALLOWED}
    assert opened_ways == LENT
    assert {row.expected for name, row in rows.items() if name not in LENT} == {Expectation.DENIED}
    assert rows["put-role-policy"].outcome is OutcomeKind.DENIED_BOUNDARY
    assert "boundary.Statement" in rows["put-role-policy"].why
    assert "all 23 known ways are shut" in rows[SUM].why


def test_the_role_of_service_workbench_is_none() -> None:
    with opened(profile="swb-6.2.2") as session:
        rows = posture(session)
    assert verdicts(rows) == {Verdict.PASS}
    assert {row.expected for row in rows.values()} == {Expectation.DENIED}


WIDE = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([("DeleteRolePermissionsBoundary", {"RoleName": ROLE})], id="taken off"),
        pytest.param(
            [
                (
                    "PutRolePermissionsBoundary",
                    {
                        "RoleName": ROLE,
                        "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess",
                    },
                )
            ],
            id="another put in its place",
        ),
        pytest.param(
            [
                (
                    "CreatePolicyVersion",
                    {"PolicyArn": BOUNDARY, "PolicyDocument": WIDE, "SetAsDefault": True},
                )
            ],
            id="rewritten",
        ),
    ],
)
def test_a_boundary_that_was_tampered_with_is_red(
    hardened: Session, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for operation, params in calls:
        administer(hardened, "iam", operation, **params)
    rows = posture(hardened)
    red = {name for name, row in rows.items() if row.verdict is Verdict.FAIL}
    assert red == {SUM, *WAYS} - LENT
    assert all(
        row.fix.startswith("Put the role back as the profile has it") for row in rows.values() if row.fix
    )
    assert "is an administrator" in rows[SUM].why


def test_what_the_account_shuts_besides_the_profile_is_told_and_green() -> None:
    with opened() as session:
        administer(session, "iam", "DeleteRolePolicy", RoleName=ROLE, PolicyName="iam")
        rows = posture(session)
    assert verdicts(rows) == {Verdict.PASS}
    assert rows["create-access-key"].outcome is OutcomeKind.DENIED_IDENTITY
    assert rows["create-access-key"].why.startswith(f"{ROLE} cannot sign as any user of the account. ")


def deny_to_administrator(session: Session, *actions: str) -> None:
    statement = {"Sid": "Unread", "Effect": "Deny", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = "OrganizationAccountAccessRole"
    administer(session, "iam", "PutRolePolicy", RoleName=role, PolicyName="deny", PolicyDocument=document)


def test_policies_that_cannot_be_read_leave_it_unknown(hardened: Session) -> None:
    deny_to_administrator(hardened, "iam:GetRolePolicy")
    rows = posture(hardened)
    assert verdicts(rows) == {Verdict.UNKNOWN, Verdict.PASS}
    # The boundary could be read, and shuts these whatever the policies say.
    assert {name for name, row in rows.items() if row.verdict is Verdict.UNKNOWN} == LENT
    deny_to_administrator(hardened, "iam:GetRole")
    rows = posture(hardened)
    assert verdicts(rows) == {Verdict.UNKNOWN}
    assert f"The policies of {ROLE} cannot be read" in rows[SUM].why
    assert all(row.fix for row in rows.values())


def test_a_role_that_is_not_there_is_unknown() -> None:
    with opened(sandbox_scenario="role-missing") as session:
        rows = posture(session)
    assert verdicts(rows) == {Verdict.UNKNOWN}


def test_what_hangs_on_a_condition_is_not_decided(tmp_path: Path) -> None:
    documented = load_profile("documented")
    office = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    statement = {"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": office}
    iam = {"Version": "2012-10-17", "Statement": [statement]}
    profile = {
        "name": "office",
        "description": "IAM from the office alone.",
        "trust": documented.trust,
        "permissions": {**documented.permissions, "iam": iam},
    }
    path = tmp_path / "office.yaml"
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    with opened(profile=str(path)) as session:
        rows = posture(session)
    assert rows["create-user"].verdict is Verdict.SKIPPED
    assert rows[SUM].verdict is Verdict.UNKNOWN
