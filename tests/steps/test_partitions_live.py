"""Each partition lives through everything: what is not offered is left out, and no ARN is foreign."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Report, Verdict
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import build_template, to_yaml
from xacct_kit.steps.external_ids import make_external_id
from xacct_kit.steps.handover import hand_over
from xacct_kit.steps.invite import invite_account
from xacct_kit.views.handover import to_json, to_text

pytestmark = pytest.mark.slow

MAIN, MEMBER = "222222222222", "333333333333"
REGIONS = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
CONSOLES = {
    "aws": "eu-central-1.console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
NOT_OFFERED = {"aws": set(), "aws-cn": set(), "aws-us-gov": {"ce"}}
each_partition = pytest.mark.parametrize("partition", REGIONS)


def params_of(partition: str, **more: Any) -> Params:
    return Params.load("params/sandbox.yaml", partition=partition, region=REGIONS[partition], **more)


def partitions_in(*texts: str) -> set[str]:
    """The partitions of all ARNs in texts."""
    return {found for text in texts for found in re.findall(r"\barn:([^:\s\"']*):", text)}


def written(report: Report) -> str:
    return json.dumps([row.to_dict() for row in report])


@each_partition
def test_an_account_is_onboarded_and_what_is_not_offered_is_left_out_with_the_reason(partition: str) -> None:
    report = xk.onboard(params_of(partition, sandbox_scenario="role-missing", probes="canary"))
    assert report.ok, str(report.faults)
    left_out = [row for row in report if row.verdict is Verdict.SKIPPED]
    assert {row.service for row in left_out} == NOT_OFFERED[partition]
    for row in left_out:
        assert row.why.startswith(f"ce is not offered in the partition {partition}: costs are seen in")
    assert partitions_in(written(report)) == {partition}


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("scenario", ["missing-emr", "wrong-external-id", "boundary-blocks-s3"])
def test_what_mends_a_fault_is_of_the_partition(partition: str, scenario: str) -> None:
    report = xk.onboard(params_of(partition, sandbox_scenario=scenario), deploying=False)
    assert not report.ok
    assert any(row.patch for row in report)
    assert partitions_in(written(report)) == {partition}
    assert {row.service for row in report if row.verdict is Verdict.SKIPPED} == NOT_OFFERED[partition]


@each_partition
def test_the_external_id_is_made_and_rotated_an_account_invited_and_handed_over(
    partition: str, tmp_path: Path
) -> None:
    with xk.connect(params_of(partition)) as sandbox:
        reference = "secretsmanager:xacct/id"
        make_external_id(reference, sandbox)
        values = {"sandbox_endpoint": sandbox.endpoint, "external_id": reference}
        session = xk.connect(sandbox.params.model_copy(update=values))
        deployed, rotated = xk.deploy_role(session), xk.rotate_external_id(session)
        handed_over = hand_over(session)
        caller = session.deployer(MAIN).caller
        assert caller is not None
        place = {"CreateBucketConfiguration": {"LocationConstraint": REGIONS[partition]}}
        assert session.call(caller, "s3", "CreateBucket", Bucket="templates", **place).ok
        invitation = invite_account(session, MEMBER, bucket="templates")
    report = Report.of([*deployed, *rotated, *handed_over, *invitation.findings])
    assert report.ok, str(report.faults)
    assert invitation.link.startswith(
        f"https://{CONSOLES[partition]}/cloudformation/home?region={REGIONS[partition]}#"
    )
    texts = to_json(handed_over, session.params), to_text(handed_over, session.params), invitation.message
    assert partitions_in(written(report), *texts) == {partition}


def test_a_template_is_of_whichever_partition_it_is_deployed_in() -> None:
    assert partitions_in(to_yaml(build_template(load_profile("documented")))) == {"${AWS"}
