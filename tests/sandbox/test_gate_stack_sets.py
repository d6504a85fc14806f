"""StackSets as the sandbox answers them: who may, who acts, how many may fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from gate_clients import Organization, Refusal, refusal, role_arn, serving, trusting

from xacct_kit.sandbox.layout import MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT, Layout
from xacct_kit.steps.waiting import attempts

ADMINISTRATION_ROLE = "AWSCloudFormationStackSetAdministrationRole"
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
MEMBERS = [MEMBER_ACCOUNT, "400000000000", "400000000001"]
WAIT_HANDLE = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})


@pytest.fixture(scope="module")
def organization(no_aws: None) -> Iterator[Organization]:
    with serving(Layout(scenario="role-missing", accounts=3)) as served:
        yield served


@pytest.fixture
def client(organization: Organization) -> Any:
    return organization.operator.client("cloudformation")


def ended(client: Any, name: str, operation_id: str) -> str:
    for _ in attempts(30):
        described = client.describe_stack_set_operation(StackSetName=name, OperationId=operation_id)
        status = str(described["StackSetOperation"]["Status"])
        if status not in ("QUEUED", "RUNNING"):
            break
    return status


def statuses(client: Any, name: str) -> dict[str, str]:
    listed = client.list_stack_instances(StackSetName=name)["Summaries"]
    return {each["Account"]: each["StackInstanceStatus"]["DetailedStatus"] for each in listed}


def administration(organization: Organization) -> None:
    """Make the administration role, unless another test has made it."""
    iam = organization.operator.client("iam")
    service = trusting({"Service": "cloudformation.amazonaws.com"})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=ADMINISTRATION_ROLE, AssumeRolePolicyDocument=service)
    iam.put_role_policy(RoleName=ADMINISTRATION_ROLE, PolicyName="may", PolicyDocument=EVERYTHING)


def test_more_failures_than_are_tolerated_cancel_the_rest(client: Any) -> None:
    client.create_stack_set(StackSetName="strict", TemplateBody=WAIT_HANDLE)
    begun = client.create_stack_instances(StackSetName="strict", Accounts=MEMBERS, Regions=["us-east-1"])
    assert ended(client, "strict", begun["OperationId"]) == "FAILED"
    expected = dict(zip(MEMBERS, ("FAILED", "CANCELLED", "CANCELLED"), strict=True))
    assert statuses(client, "strict") == expected


def test_the_execution_role_is_assumed_by_the_administration_role_alone(
    organization: Organization, client: Any
) -> None:
    administration(organization)
    member = organization.administrator().client("iam")
    for name, trusted in (
        ("TrustsAdministration", role_arn(MANAGEMENT_ACCOUNT, ADMINISTRATION_ROLE)),
        ("TrustsOther", f"arn:aws:iam::{MEMBER_ACCOUNT}:root"),
    ):
        member.create_role(RoleName=name, AssumeRolePolicyDocument=trusting({"AWS": trusted}))
        member.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=EVERYTHING)
        client.create_stack_set(StackSetName=name, TemplateBody=WAIT_HANDLE, ExecutionRoleName=name)
        begun = client.create_stack_instances(
            StackSetName=name, Accounts=[MEMBER_ACCOUNT], Regions=["us-east-1"]
        )
        ended(client, name, begun["OperationId"])
    assert statuses(client, "TrustsAdministration") == {MEMBER_ACCOUNT: "SUCCEEDED"}
    assert statuses(client, "TrustsOther") == {MEMBER_ACCOUNT: "FAILED"}


def test_an_account_is_taken_out_with_its_stack_or_without(organization: Organization, client: Any) -> None:
    name = "TakenOut"
    administration(organization)
    iam = organization.administrator().client("iam")
    trusted = trusting({"AWS": role_arn(MANAGEMENT_ACCOUNT, ADMINISTRATION_ROLE)})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=EVERYTHING)
    client.create_stack_set(StackSetName=name, TemplateBody=WAIT_HANDLE, ExecutionRoleName=name)
    member = organization.administrator().client("cloudformation")

    def taken_out(**params: Any) -> str:
        begun = client.delete_stack_instances(
            StackSetName=name, Accounts=[MEMBER_ACCOUNT], Regions=["us-east-1"], **params
        )
        return ended(client, name, begun["OperationId"])

    def made() -> str:
        begun = client.create_stack_instances(
            StackSetName=name, Accounts=[MEMBER_ACCOUNT], Regions=["us-east-1"]
        )
        assert ended(client, name, begun["OperationId"]) == "SUCCEEDED"
        (listed,) = client.list_stack_instances(StackSetName=name)["Summaries"]
        return str(listed["StackId"])

    def status(stack_id: str) -> str:
        return str(member.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    first = made()
    assert taken_out(RetainStacks=True) == "SUCCEEDED"
    assert status(first) == "CREATE_COMPLETE"
    second = made()
    assert second != first
    member.update_termination_protection(StackName=second, EnableTerminationProtection=True)
    assert taken_out(RetainStacks=False) == "FAILED"
    (listed,) = client.list_stack_instances(StackSetName=name)["Summaries"]
    assert (listed["Status"], listed["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "INOPERABLE")
    assert "TerminationProtection is enabled" in listed["StatusReason"]
    member.update_termination_protection(StackName=second, EnableTerminationProtection=False)
    assert taken_out(RetainStacks=False) == "SUCCEEDED"
    assert (status(second), statuses(client, name)) == ("DELETE_COMPLETE", {})


def invalid(text: str) -> Refusal:
    return Refusal("ValidationError", 400, text)


SERVICE_MANAGED = {
    "StackSetName": "managed",
    "TemplateBody": WAIT_HANDLE,
    "PermissionModel": "SERVICE_MANAGED",
    "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": True},
}


def test_what_is_wrong_or_not_offered_is_refused(organization: Organization, client: Any) -> None:
    assert refusal(client.create_stack_set, **SERVICE_MANAGED) == invalid(
        "You must enable organizations access to operate a service managed stack set"
    )
    delegated = refusal(client.create_stack_set, **SERVICE_MANAGED, CallAs="DELEGATED_ADMIN")
    assert (delegated.code, delegated.status) == ("NotImplemented", 501)
    assert refusal(client.describe_stack_set, StackSetName="none") == Refusal(
        "StackSetNotFoundException", 404, "StackSet none not found"
    )
    member = organization.administrator().client("cloudformation")
    assert refusal(member.activate_organizations_access).code == "ValidationError"


def test_it_takes_permission_for_the_stack_set(organization: Organization) -> None:
    somebody = organization.somebody().client("cloudformation")
    told = refusal(somebody.describe_stack_set, StackSetName="strict")
    assert told.code == "AccessDenied"
    assert f"arn:aws:cloudformation:us-east-1:{MEMBER_ACCOUNT}:stackset/strict:*" in told.text
