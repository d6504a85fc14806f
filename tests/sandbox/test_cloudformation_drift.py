"""Drift detection of stacks: what their templates say, held against what is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloudformation_double import HANDLE, Account, document, inline, role, template, trust
from gate_clients import Organization, refusal, statement, unique
from moto import mock_aws

from xacct_kit.sandbox.faults import ServiceFault


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def detected(account: Account, **params: Any) -> dict[str, Any]:
    begun = account.ask("DetectStackDrift", StackName="role-stack", **params)
    deadline = time.monotonic() + 20
    while True:
        found = account.ask("DescribeStackDriftDetectionStatus", **begun)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return found
        assert time.monotonic() < deadline
        time.sleep(0.001)


def drifts(account: Account, **params: Any) -> dict[str, dict[str, Any]]:
    found = account.ask("DescribeStackResourceDrifts", StackName="role-stack", **params)
    return {drift["LogicalResourceId"]: drift for drift in found["StackResourceDrifts"]}


def paths(account: Account, resource: str = "Role") -> list[tuple[str, str]]:
    differences = drifts(account)[resource].get("PropertyDifferences", [])
    return [(each["PropertyPath"], each["DifferenceType"]) for each in differences]


WITH_ID = {
    "Parameters": {"ExternalId": {"Type": "String", "NoEcho": True}},
    "Resources": {
        "Role": role(AssumeRolePolicyDocument=trust({"Ref": "ExternalId"}), Policies=inline("S3", "EC2"))
    },
}


def with_id(account: Account) -> None:
    account.create(WITH_ID, values={"ExternalId": "first-id"})


def test_what_was_left_alone_is_in_sync(account: Account) -> None:
    with_id(account)
    assert account.stack()["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    found = detected(account)
    assert (found["DetectionStatus"], found["StackDriftStatus"], found["DriftedStackResourceCount"]) == (
        "DETECTION_COMPLETE",
        "IN_SYNC",
        0,
    )
    assert account.stack()["DriftInformation"] == {
        "StackDriftStatus": "IN_SYNC",
        "LastCheckTimestamp": found["Timestamp"],
    }
    (summary,) = account.ask("ListStackResources", StackName="role-stack")["StackResourceSummaries"]
    assert summary["DriftInformation"]["StackResourceDriftStatus"] == "IN_SYNC"


def change_trust(iam: Any) -> None:
    other = trust("second-id")
    other["Statement"][0]["Principal"] = {"AWS": "*"}
    iam.update_assume_role_policy(RoleName="xacct", PolicyDocument=json.dumps(other))


def change_policy(iam: Any) -> None:
    iam.put_role_policy(RoleName="xacct", PolicyName="EC2", PolicyDocument=json.dumps(document("*")))


def drop_policy(iam: Any) -> None:
    iam.delete_role_policy(RoleName="xacct", PolicyName="S3")


def add_policy(iam: Any) -> None:
    iam.put_role_policy(RoleName="xacct", PolicyName="More", PolicyDocument=json.dumps(document("*")))


def attach_policy(iam: Any) -> None:
    made = iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(document("*")))
    iam.attach_role_policy(RoleName="xacct", PolicyArn=made["Policy"]["Arn"])


def longer_sessions(iam: Any) -> None:
    iam.update_role(RoleName="xacct", MaxSessionDuration=7200)


TRUST = "/AssumeRolePolicyDocument/Statement/0"
CHANGES: list[tuple[Callable[[Any], None], list[tuple[str, str]]]] = [
    (
        change_trust,
        [
            (f"{TRUST}/Principal/AWS", "NOT_EQUAL"),
            (f"{TRUST}/Condition/StringEquals/sts:ExternalId", "NOT_EQUAL"),
        ],
    ),
    (change_policy, [("/Policies/1/PolicyDocument/Statement/0/Action/0", "NOT_EQUAL")]),
    (drop_policy, [("/Policies/0", "REMOVE")]),
    (add_policy, [("/Policies/2", "ADD")]),
    # Not set by the template, so not looked at: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2489
    (attach_policy, []),
    (longer_sessions, []),
]


@pytest.mark.parametrize(("change", "found"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_what_the_template_sets_is_looked_at_and_nothing_else(
    account: Account, change: Callable[[Any], None], found: list[tuple[str, str]]
) -> None:
    with_id(account)
    change(account.operator.client("iam"))
    detection = detected(account)
    assert detection["StackDriftStatus"] == ("DRIFTED" if found else "IN_SYNC")
    assert paths(account) == found
    assert drifts(account)["Role"]["StackResourceDriftStatus"] == ("MODIFIED" if found else "IN_SYNC")


def test_what_no_echo_hides_is_not_among_what_is_expected(account: Account) -> None:
    with_id(account)
    change_trust(account.operator.client("iam"))
    detected(account)
    drift = drifts(account)["Role"]
    assert "first-id" not in json.dumps(drift, default=str)
    assert drift["PropertyDifferences"][1]["ExpectedValue"] == "****"


def test_a_resource_that_is_gone_is_deleted(account: Account) -> None:
    account.create(template(Role=role()))
    account.operator.client("iam").delete_role(RoleName="xacct")
    assert detected(account)["StackDriftStatus"] == "DRIFTED"
    drift = drifts(account)["Role"]
    assert drift["StackResourceDriftStatus"] == "DELETED"
    assert not {"ExpectedProperties", "ActualProperties", "PropertyDifferences"} & set(drift)


def test_a_managed_policy_is_compared_by_the_version_in_force(account: Account) -> None:
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "bound", "PolicyDocument": document("s3:*")},
    }
    account.create(template(Policy=policy, Handle=HANDLE))
    arn = f"arn:aws:iam::{account.operator.account}:policy/bound"
    account.operator.client("iam").create_policy_version(
        PolicyArn=arn, PolicyDocument=json.dumps(document("s3:*", "ec2:*")), SetAsDefault=True
    )
    detected(account)
    assert paths(account, "Policy") == [("/PolicyDocument/Statement/0/Action/1", "ADD")]
    assert set(drifts(account)) == {"Policy"}
    assert drifts(account, StackResourceDriftStatusFilters=["IN_SYNC"]) == {}


def test_one_resource_can_be_asked_for(account: Account) -> None:
    account.create(template(Role=role(), Other=role("other"), Handle=HANDLE))
    account.operator.client("iam").update_role(RoleName="other", Description="", MaxSessionDuration=7200)
    found = account.ask("DetectStackResourceDrift", StackName="role-stack", LogicalResourceId="Other")
    assert found["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"
    detected(account, LogicalResourceIds=["Role"])
    assert set(drifts(account)) == {"Role", "Other"}


def test_what_may_not_be_read_is_not_known(account: Account) -> None:
    account.create(template(Role=role()))
    account.operator.denied.add("iam:GetRole")
    found = detected(account)
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == ("DETECTION_FAILED", "UNKNOWN")
    assert "is not authorized to perform: iam:GetRole" in found["DetectionStatusReason"]
    assert drifts(account)["Role"]["StackResourceDriftStatus"] == "UNKNOWN"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("DetectStackDrift", {"StackName": "none"}, "Stack with id none does not exist"),
    ("DescribeStackResourceDrifts", {"StackName": "none"}, "Stack with id none does not exist"),
    ("DescribeStackDriftDetectionStatus", {"StackDriftDetectionId": "none"}, "none does not exist"),
    (
        "DetectStackResourceDrift",
        {"StackName": "role-stack", "LogicalResourceId": "None"},
        "Resource None does not exist",
    ),
    (
        "DetectStackResourceDrift",
        {"StackName": "role-stack", "LogicalResourceId": "Handle"},
        "is not supported for resource type AWS::CloudFormation::WaitConditionHandle",
    ),
    (
        "DetectStackDrift",
        {"StackName": "role-stack", "LogicalResourceIds": ["None"]},
        "Resource None does not exist",
    ),
]


@pytest.mark.parametrize(("operation", "params", "said"), REFUSED)
def test_what_is_not_there_is_refused(
    account: Account, operation: str, params: dict[str, Any], said: str
) -> None:
    account.create(template(Role=role(), Handle=HANDLE))
    with pytest.raises(ServiceFault, match=said):
        account.ask(operation, **params)


def test_a_stack_that_never_came_into_being_has_no_drift(account: Account) -> None:
    account.operator.client("iam").create_role(
        RoleName="xacct", AssumeRolePolicyDocument=json.dumps(document("sts:AssumeRole"))
    )
    assert account.create(template(Role=role()))["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(ServiceFault, match="ROLLBACK_COMPLETE"):
        account.ask("DetectStackDrift", StackName="role-stack")


def test_what_the_sandbox_cannot_compare_it_does_not_call_in_sync(account: Account) -> None:
    account.create(template(Bucket={"Type": "AWS::S3::Bucket"}))
    with pytest.raises(ServiceFault, match="does not offer drift detection of AWS::S3::Bucket") as refused:
        account.ask("DetectStackDrift", StackName="role-stack")
    assert refused.value.status == 501


def test_who_may_not_detect_drift_is_refused(organization: Organization) -> None:
    name = unique("drift")
    body = json.dumps({"Resources": {"Handle": HANDLE}})
    made = organization.administrator().client("cloudformation")
    made.create_stack(StackName=name, TemplateBody=body)
    made.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    reader = organization.somebody(statement("Allow", "cloudformation:Describe*")).client("cloudformation")
    refused = refusal(reader.detect_stack_drift, StackName=name)
    assert refused.code == "AccessDenied"
    assert "cloudformation:DetectStackDrift" in refused.text
    begun = made.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    found = reader.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
    assert found["StackDriftDetectionId"] == begun
