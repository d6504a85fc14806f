"""Canaries prove what only a change can prove, and leave nothing behind that the next run would not name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import administer, again
from held_canaries import MEMBER, held_canaries, names_of, remove_leftovers

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Report, Verdict
from xacct_kit.role.profile import load_profile
from xacct_kit.steps.canaries.catalogue import CANARIES
from xacct_kit.steps.cost_explorer import price_note

pytestmark = pytest.mark.slow

ROLE = "CrossAccountExecutionRole"
SANDBOX = "params/sandbox.yaml"

CALLS = {
    "ssm:PutParameter",
    "ssm:GetParameter",
    "ssm:DeleteParameter",
    "s3:CreateBucket",
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "s3:DeleteBucket",
    "elasticmapreduce:CreateSecurityConfiguration",
    "elasticmapreduce:DeleteSecurityConfiguration",
    "sagemaker:CreateNotebookInstanceLifecycleConfig",
    "sagemaker:DeleteNotebookInstanceLifecycleConfig",
    "cloudformation:CreateStack",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStacks",
    "iam:CreatePolicy",
    "iam:DeletePolicy",
    "ec2:CreateTags",
}


def opened(**values: Any) -> xk.Session:
    return xk.connect(Params.load(SANDBOX, **{"probes": "canary", "wait_seconds": 5, **values}))


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with opened() as connected:
        yield connected


def names_in_account(session: xk.Session) -> set[str]:
    return names_of(held_canaries(session))


def deny(session: xk.Session, *actions: str) -> None:
    """Deny the role something, by hand."""
    statement = {"Sid": "ByHand", "Effect": "Deny", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    administer(session, "iam", "PutRolePolicy", RoleName=ROLE, PolicyName="by-hand", PolicyDocument=document)


def deny_all(session: xk.Session, *actions: str) -> str:
    """Deny everybody in the account something, by an SCP; its ID."""
    statement = {"Sid": "Nobody", "Effect": "Deny", "Action": actions, "Resource": "*"}
    made = administer(
        session,
        "organizations",
        "CreatePolicy",
        Name="nobody",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    policy: str = made["Policy"]["PolicySummary"]["Id"]
    administer(session, "organizations", "AttachPolicy", PolicyId=policy, TargetId=MEMBER)
    return policy


def flown(session: xk.Session, step: str = "canaries") -> dict[str, Finding]:
    report = xk.probe_permissions(session)
    return {row.probe: row for row in report if row.step == step}


def not_green(rows: dict[str, Finding]) -> dict[str, Verdict]:
    return {probe: row.verdict for probe, row in rows.items() if not row.verdict.green}


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "us-east-1"),
        ("aws", "eu-west-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
    ],
)
def test_every_call_is_proven_and_nothing_is_left(partition: str, region: str) -> None:
    with opened(partition=partition, region=region) as session:
        rows = flown(session)
        assert {row.action for row in rows.values()} == CALLS
        assert {row.verdict for row in rows.values()} == {Verdict.PASS}
        assert names_in_account(session) == set()


def test_nothing_is_made_by_who_does_not_ask_for_it() -> None:
    with opened(probes="read") as session:
        assert not {"canaries", "leftovers"} & {row.step for row in xk.onboard(session.params)}


def test_what_it_costs_is_said_before(session: xk.Session) -> None:
    note = price_note(session)
    assert note.endswith("Canaries: requests to S3, at most $0.00002 in all. The sandbox charges nothing.")
    assert 0 < sum(row.cost for row in flown(session).values()) <= 0.00002


def test_what_the_role_may_not_remove_whoever_deploys_removes(session: xk.Session) -> None:
    deny(session, "ssm:DeleteParameter", "s3:DeleteObject")
    rows = flown(session)
    assert not_green(rows) == {"ssm-delete-parameter": Verdict.FAIL, "s3-delete-object": Verdict.FAIL}
    assert rows["ssm-delete-parameter"].why.endswith("OrganizationAccountAccessRole has removed it.")
    assert "ByHand" in rows["s3-delete-object"].fix
    assert names_in_account(session) == set()


def test_what_nobody_may_remove_is_named_now_and_by_the_next_run(session: xk.Session) -> None:
    policy = deny_all(session, "ssm:DeleteParameter", "cloudformation:DeleteStack")
    rows = flown(session)
    left = names_in_account(session)
    assert len(left) == 1
    for probe in ("ssm-delete-parameter", "cloudformation-delete-stack"):
        assert rows[probe].outcome is OutcomeKind.DENIED_SCP
        assert f"{min(left)} is left." in rows[probe].why
        assert "xacct offboard PARAMS --canaries" in rows[probe].fix
    assert not_green(rows)["cloudformation-describe-stacks"] is Verdict.UNKNOWN
    with again(session) as second:
        found = flown(second, "leftovers")
        assert not_green(found) == {
            "ssm-parameter": Verdict.UNKNOWN,
            "cloudformation-stack": Verdict.UNKNOWN,
        }
        assert min(left) in found["ssm-parameter"].why
    administer(session, "organizations", "DetachPolicy", PolicyId=policy, TargetId=MEMBER)
    with again(session) as third:
        assert remove_leftovers(third).ok
        assert names_in_account(third) == set()
        assert not_green(flown(third, "leftovers")) == {}


def test_what_cannot_be_removed_is_said_to_be_left_still(session: xk.Session) -> None:
    deny_all(session, "iam:DeletePolicy")
    flown(session)
    (row,) = remove_leftovers(session).faults
    assert (row.step, row.probe) == ("offboard", "iam-policy")
    assert min(names_in_account(session)) in row.why


def put_parameter(session: xk.Session, name: str) -> None:
    administer(session, "ssm", "PutParameter", Name=name, Value="by hand", Type="String")


def test_what_is_old_was_left_by_a_run_that_was_killed(session: xk.Session) -> None:
    put_parameter(session, "xacct-canary-20200101t000000-0a1b2c")
    row = flown(session, "leftovers")["ssm-parameter"]
    assert row.verdict is Verdict.FAIL
    assert row.why.endswith("xacct-canary-20200101t000000-0a1b2c is left of a run that was killed.")
    for call in row.patch:
        administer(session, call["service"], call["operation"], **call["params"])
    assert not_green(flown(session, "leftovers")) == {}


@pytest.mark.parametrize("name", ["xacct-canary-notes", "xacct-canary-20200101t000000-0a1b2c-notes"])
def test_what_others_have_made_is_left_alone(session: xk.Session, name: str) -> None:
    put_parameter(session, name)
    assert not_green(flown(session, "leftovers")) == {}
    assert remove_leftovers(session).ok
    assert names_in_account(session) == {name}


def test_leftovers_beyond_the_first_page_are_found(session: xk.Session) -> None:
    now = f"{datetime.now(UTC):%Y%m%dt%H%M%S}"
    names = {f"xacct-canary-{now}-{number:06x}" for number in range(12)}
    for name in names:
        put_parameter(session, name)
    assert all(name in flown(session, "leftovers")["ssm-parameter"].why for name in names)


def test_leftovers_that_cannot_be_looked_for_are_unknown(session: xk.Session) -> None:
    deny_all(session, "iam:ListPolicies")
    rows = flown(session, "leftovers")
    assert not_green(rows) == {"iam-policy": Verdict.UNKNOWN}
    assert "cannot be told" in rows["iam-policy"].why


def test_the_permission_to_tag_is_missed_by_its_name(session: xk.Session) -> None:
    deny(session, "ssm:AddTagsToResource")
    rows = flown(session)
    assert not_green(rows) == {
        "ssm-put-parameter": Verdict.FAIL,
        "ssm-get-parameter": Verdict.UNKNOWN,
        "ssm-delete-parameter": Verdict.UNKNOWN,
    }
    assert "refused ssm:AddTagsToResource" in rows["ssm-put-parameter"].why
    assert names_in_account(session) == set()


def narrow(session: xk.Session, folder: Path) -> xk.Session:
    """A run whose profile has no permissions in SSM."""
    documented = load_profile("documented")
    permissions = {name: policy for name, policy in documented.permissions.items() if name != "ssm"}
    path = folder / "narrow.yaml"
    profile = {
        "name": "narrow",
        "description": "No SSM.",
        "trust": documented.trust,
        "permissions": permissions,
    }
    path.write_text(yaml.safe_dump({**profile, "permissions": permissions}), encoding="utf-8")
    return again(session, profile=str(path))


def test_a_profile_can_want_refusals(session: xk.Session, tmp_path: Path) -> None:
    administer(session, "iam", "DeleteRolePolicy", RoleName=ROLE, PolicyName="ssm")
    with narrow(session, tmp_path) as narrowed:
        rows = flown(narrowed)
    assert not_green(rows) == {}
    assert rows["ssm-put-parameter"].outcome is OutcomeKind.DENIED_IDENTITY
    assert rows["ssm-get-parameter"].verdict is Verdict.SKIPPED


def test_what_should_have_been_refused_is_red_and_removed(session: xk.Session, tmp_path: Path) -> None:
    with narrow(session, tmp_path) as narrowed:
        rows = flown(narrowed)
    assert set(not_green(rows)) == {"ssm-put-parameter", "ssm-get-parameter", "ssm-delete-parameter"}
    assert set(not_green(rows).values()) == {Verdict.FAIL}
    assert names_in_account(session) == set()


def red(report: Report) -> dict[tuple[str, str], Finding]:
    return {(row.step, row.probe): row for row in report if row.verdict is Verdict.FAIL}


@pytest.mark.parametrize("scenario", ["missing-emr", "scp-denies-emr", "boundary-blocks-s3"])
def test_what_is_proposed_turns_red_cells_green_until_all_are(scenario: str) -> None:
    with opened(sandbox_scenario=scenario) as session:
        left = red(xk.probe_permissions(session))
        while left:
            for call in (call for row in left.values() for call in row.patch):
                if call["service"] == "organizations" or call["operation"] != "CreatePolicyVersion":
                    administer(session, call["service"], call["operation"], **call["params"])
                else:
                    widen(session, call["params"])
            before, left = left, red(xk.probe_permissions(session))
            assert not before.keys() & left.keys()
        assert xk.probe_permissions(session).ok


def widen(session: xk.Session, params: dict[str, Any]) -> None:
    """Another version of a policy, which holds what the one before has allowed."""
    arn = params["PolicyArn"]
    version = administer(session, "iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    held = administer(session, "iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
    document = held["PolicyVersion"]["Document"]
    added = [
        each
        for each in json.loads(params["PolicyDocument"])["Statement"]
        if each not in document["Statement"]
    ]
    document["Statement"] += added
    versions = administer(session, "iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
    if len(versions) == 5:
        oldest = next(each for each in versions if not each["IsDefaultVersion"])["VersionId"]
        administer(session, "iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=oldest)
    text = json.dumps(document)
    administer(session, "iam", "CreatePolicyVersion", **{**params, "PolicyDocument": text})


def test_nobody_flies_canaries_where_the_role_cannot_be_assumed() -> None:
    with opened(sandbox_scenario="wrong-external-id") as session:
        rows = flown(session)
        assert {row.verdict for row in rows.values()} == {Verdict.UNKNOWN}
        assert {row.action for row in rows.values()} == CALLS


def test_names_say_what_they_are_and_are_tagged_where_tags_are_known() -> None:
    untagged = [canary.thing for canary in CANARIES if "'Tags'" not in str(canary.made.params)]
    assert untagged == ["EMR security configuration"]
    assert all(canary.label.startswith("xacct-canary-{run}") for canary in CANARIES)
