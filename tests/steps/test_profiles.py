"""The whole job by each profile: what it grants is green, and so is what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import administer
from held_canaries import MEMBER

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict
from xacct_kit.role.profile import PROFILES, load_profile
from xacct_kit.steps.posture import check_posture

ROLE, MAIN = "CrossAccountExecutionRole", "222222222222"


def params(profile: str, **values: Any) -> Params:
    return Params.load("params/sandbox.yaml", profile=profile, wait_seconds=5, **values)


@cache
def onboarded(profile: str, partition: str = "aws") -> Report:
    region = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    asked = params(profile, partition=partition, region=region, sandbox_scenario="role-missing")
    return xk.onboard(asked)


def refused(report: Report, step: str) -> set[tuple[str, str]]:
    return {(row.probe, row.caller) for row in report if row.step == step and row.outcome.denied}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_deployed_and_green(profile: str, partition: str) -> None:
    assert [row for row in onboarded(profile, partition) if not row.verdict.green] == []


@pytest.mark.parametrize(
    ("profile", "probes"),
    [
        ("documented", {"cloudformation-list-stacks", "dynamodb-list-tables"}),
        ("hardened", {"cloudformation-list-stacks", "dynamodb-list-tables"}),
        (
            "swb-6.2.2",
            {
                "cloudformation-describe-stacks",
                "cloudformation-list-stacks",
                "dynamodb-list-tables",
                "ec2-run-instances-dry-run",
                "emr-list-clusters",
                "iam-get-role",
                "s3-list-buckets",
                "ssm-describe-parameters",
            },
        ),
    ],
)
def test_what_a_profile_does_not_grant_is_expected_to_be_refused(profile: str, probes: set[str]) -> None:
    rows = [row for row in onboarded(profile) if row.step == "permissions"]
    assert {row.probe for row in rows if row.expected is Expectation.DENIED} == probes
    assert refused(onboarded(profile), "permissions") == {(probe, ROLE) for probe in probes}
    assert {row.verdict for row in rows} == {Verdict.PASS}


def trust_of(report: Report) -> dict[tuple[str, str], Finding]:
    return {(row.probe, row.caller): row for row in report if row.step == "trust"}


@pytest.mark.parametrize(
    ("profile", "member", "untrusted"),
    [
        ("documented", "assume-with-external-id", Verdict.PASS),
        ("hardened", "assume-with-external-id", Verdict.PASS),
        # Main's root is trusted, so that its roles' own policies decide; the member is not.
        ("swb-6.2.2", "assume-as-untrusted-role", Verdict.SKIPPED),
    ],
)
def test_who_gets_in_is_what_the_trust_policy_of_the_profile_says(
    profile: str, member: str, untrusted: Verdict
) -> None:
    rows = trust_of(onboarded(profile))
    access = rows[member, "OrganizationAccountAccessRole"]
    let_in = member == "assume-with-external-id"
    assert access.outcome is (OutcomeKind.ALLOWED if let_in else OutcomeKind.DENIED_TRUST)
    assert access.verdict is Verdict.PASS
    assert rows["assume-as-untrusted-role", "NotebookRole"].verdict is untrusted
    for name in ("ApiHandlerRole", "WorkflowLoopRunnerRole"):
        assert rows["assume-with-external-id", name].outcome is OutcomeKind.ALLOWED
    for probe in ("assume-without-external-id", "assume-with-wrong-external-id"):
        assert rows[probe, "ApiHandlerRole"].outcome is OutcomeKind.DENIED_TRUST
    assert len(rows) == 6


@pytest.fixture
def swb() -> Iterator[Session]:
    with xk.connect(params("swb-6.2.2")) as session:
        yield session


def retrust(session: Session, **changes: Any) -> None:
    trust = json.loads(json.dumps(load_profile("documented").trust))
    trust["Statement"][0] |= changes
    administer(session, "iam", "UpdateAssumeRolePolicy", RoleName=ROLE, PolicyDocument=json.dumps(trust))


def test_a_principal_that_the_profile_keeps_out_and_the_role_lets_in_is_red(swb: Session) -> None:
    everybody = {"AWS": [f"arn:aws:iam::{MAIN}:root", f"arn:aws:iam::{MEMBER}:root"]}
    external_id = {"StringEquals": {"sts:ExternalId": "sandbox-external-id"}}
    retrust(swb, Principal=everybody, Condition=external_id)
    rows = trust_of(xk.check_trust(swb))
    row = rows["assume-as-untrusted-role", "OrganizationAccountAccessRole"]
    assert row.verdict is Verdict.FAIL
    assert (
        row.why
        == f"OrganizationAccountAccessRole could assume {ROLE} even with the external ID. It must be refused."
    )
    assert row.fix.startswith("Let the role's trust policy name its own principals alone")


def test_a_policy_by_hand_that_the_profile_does_not_grant_is_red(swb: Session) -> None:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    administer(swb, "iam", "PutRolePolicy", RoleName=ROLE, PolicyName="by-hand", PolicyDocument=document)
    # The boundary still shuts it.
    assert xk.probe_permissions(swb).ok
    administer(swb, "iam", "DeleteRolePermissionsBoundary", RoleName=ROLE)
    assert [row.probe for row in xk.probe_permissions(swb).faults] == ["s3-list-buckets"]


def again(session: Session, profile: str) -> Session:
    """Another run in the same sandbox."""
    return xk.connect(
        session.params.model_copy(update={"profile": profile, "sandbox_endpoint": session.endpoint})
    )


def test_a_role_is_hardened_and_softened_by_deploying_it_again() -> None:
    with xk.connect(params("documented")) as session:
        for profile, bounded in (("hardened", True), ("documented", False), ("swb-6.2.2", True)):
            with again(session, profile) as changed:
                assert xk.deploy_role(changed).ok
                role = administer(changed, "iam", "GetRole", RoleName=ROLE)["Role"]
                assert ("PermissionsBoundary" in role) is bounded
                rows = [*xk.check_trust(changed), *xk.probe_permissions(changed), *check_posture(changed)]
                assert [row for row in rows if not row.verdict.green] == []
                (unchanged, _) = xk.deploy_role(changed)
                assert "has not changed" in unchanged.why


# A profile of one's own


def own(folder: Path, **changes: Any) -> str:
    documented = load_profile("documented")
    profile = {
        "name": "own",
        "description": "One's own.",
        "trust": documented.trust,
        "permissions": documented.permissions,
        **changes,
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return str(path)


def allowing(*actions: str, **elements: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **elements}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_a_profile_of_ones_own_is_deployed_and_probed(tmp_path: Path) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "${Region}"}}
    permissions = {
        "costs": allowing("ce:*"),
        "clusters": allowing("elasticmapreduce:*", "ec2:*", Condition=here),
    }
    report = xk.onboard(params(own(tmp_path, permissions=permissions), sandbox_scenario="role-missing"))
    assert report.ok
    rows = {row.probe: row.expected for row in report if row.step == "permissions"}
    allowed = {probe for probe, expected in rows.items() if expected is Expectation.ALLOWED}
    assert allowed == {
        "ce-get-cost-and-usage",
        "ec2-describe-instances",
        "ec2-run-instances-dry-run",
        "emr-list-clusters",
    }


def test_what_hangs_on_a_condition_that_aws_alone_can_judge_is_not_judged(tmp_path: Path) -> None:
    from_anywhere = {"Bool": {"aws:SecureTransport": "true"}}
    permissions = {
        **load_profile("documented").permissions,
        "emr": allowing("elasticmapreduce:*", Condition=from_anywhere),
    }
    report = xk.onboard(params(own(tmp_path, permissions=permissions), sandbox_scenario="role-missing"))
    (row,) = (row for row in report if row.probe == "emr-list-clusters")
    assert row.verdict is Verdict.SKIPPED
    assert "hangs on a condition that only AWS can judge" in row.why
    assert report.ok


def test_a_trust_that_hangs_on_a_condition_is_not_judged(tmp_path: Path) -> None:
    trust = json.loads(json.dumps(load_profile("documented").trust))
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = "o-sandbox"
    with xk.connect(params(own(tmp_path, trust=trust))) as session:
        rows = trust_of(xk.check_trust(session))
    assert len(rows) == 6
    unsure = {key for key, row in rows.items() if row.verdict is Verdict.SKIPPED}
    assert unsure == {key for key in rows if key[0] == "assume-with-external-id"}


def test_a_trust_that_asks_for_no_external_id_is_not_held_against_one(tmp_path: Path) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:${Partition}:iam::${MainAccount}:role/${ApiHandlerRole}"},
        "Action": "sts:AssumeRole",
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    report = xk.onboard(params(own(tmp_path, trust=trust), sandbox_scenario="role-missing"))
    rows = {key: row.verdict for key, row in trust_of(report).items()}
    untrusted = "assume-as-untrusted-role"
    assert rows == {
        ("assume-with-external-id", "ApiHandlerRole"): Verdict.PASS,
        ("assume-without-external-id", "ApiHandlerRole"): Verdict.SKIPPED,
        ("assume-with-wrong-external-id", "ApiHandlerRole"): Verdict.SKIPPED,
        (untrusted, "WorkflowLoopRunnerRole"): Verdict.PASS,
        (untrusted, "OrganizationAccountAccessRole"): Verdict.PASS,
        (untrusted, "NotebookRole"): Verdict.PASS,
    }
