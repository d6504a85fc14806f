"""What becomes of a stack: created, updated, rolled back, deleted, and told in events."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cloudformation_double import ACCOUNT, HANDLE, Account, document, inline, role, template, trust
from moto import mock_aws

from xacct_kit.sandbox.faults import ServiceFault


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


WITH_ID = {
    "Parameters": {"ExternalId": {"Type": "String", "NoEcho": True, "MinLength": 2}},
    "Resources": {"Role": role(AssumeRolePolicyDocument=trust({"Ref": "ExternalId"}), Policies=inline("S3"))},
    "Outputs": {
        "Arn": {
            "Value": {"Fn::GetAtt": ["Role", "Arn"]},
            "Description": "the role",
            "Export": {"Name": "role"},
        },
        "Name": {"Value": {"Ref": "Role"}},
    },
}


def importer(name: str = "role") -> dict[str, Any]:
    value = {"Fn::ImportValue": name}
    return template(Parameter=ssm_parameter(value))


def ssm_parameter(value: Any, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/xacct", "Type": "String", "Value": value, **properties},
    }


class TestCreate:
    def test_what_is_wrong_in_a_property_is_the_reason_of_its_failure(self, account: Account) -> None:
        split = {"Fn::Select": [0, {"Fn::Split": ["", "a"]}]}
        assert account.create(template(Parameter=ssm_parameter(split)))["StackStatus"] == "ROLLBACK_COMPLETE"
        assert account.reason("Parameter", "CREATE_FAILED").startswith("Template format error: ")

    def test_a_role_becomes_what_the_template_says(self, account: Account) -> None:
        boundary, attached = account.policy("boundary"), account.policy("attached")
        declared = role(
            Policies=inline("S3"),
            ManagedPolicyArns=[attached],
            PermissionsBoundary=boundary,
            Path="/xacct/",
            Tags=[{"Key": "own", "Value": "1"}],
            MaxSessionDuration="7200",
            Description="the role",
        )
        created = account.create(template(Role=declared), Tags=[{"Key": "project", "Value": "xacct"}])
        assert created["StackStatus"] == "CREATE_COMPLETE"
        assert account.role() == {
            "trust": account.role()["trust"],
            "boundary": boundary,
            "seconds": 7200,
            "description": "the role",
            "tags": {"project": "xacct", "own": "1"},
            "inline": {"S3": document("s3:*")},
            "attached": [attached],
        }
        assert account.role()["trust"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}

    def test_a_stack_says_what_it_is(self, account: Account) -> None:
        stack = account.create({**WITH_ID, "Description": "onboarding"}, values={"ExternalId": "first-id"})
        assert stack["StackId"].startswith(f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/role-stack/")
        assert stack["Description"] == "onboarding"
        assert stack["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
        assert stack["Outputs"] == [
            {
                "OutputKey": "Arn",
                "OutputValue": f"arn:aws:iam::{ACCOUNT}:role/xacct",
                "Description": "the role",
                "ExportName": "role",
            },
            {"OutputKey": "Name", "OutputValue": "xacct"},
        ]

    def test_the_answer_comes_before_the_resources(self, account: Account) -> None:
        go_on = threading.Event()
        account.operator.before_call = lambda _action: go_on.wait(10) and None
        account.ask(
            "CreateStack",
            StackName="role-stack",
            TemplateBody=json.dumps(template(Role=role())),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        assert account.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
        assert account.roles() == []
        go_on.set()
        assert account.settled("role-stack")["StackStatus"] == "CREATE_COMPLETE"

    def test_events_tell_each_step(self, account: Account) -> None:
        account.create(template(Role=role()))
        assert account.events() == [
            ("role-stack", "CREATE_IN_PROGRESS"),
            ("Role", "CREATE_IN_PROGRESS"),
            ("Role", "CREATE_IN_PROGRESS"),
            ("Role", "CREATE_COMPLETE"),
            ("role-stack", "CREATE_COMPLETE"),
        ]

    def test_a_hidden_parameter_is_shown_nowhere(self, account: Account) -> None:
        account.create(WITH_ID, values={"ExternalId": "first-id"})
        shown = [
            account.stack(),
            account.ask("DescribeStackEvents", StackName="role-stack"),
            account.ask("GetTemplateSummary", StackName="role-stack"),
            account.propose(WITH_ID, "UPDATE", values={"ExternalId": "second-id"}),
        ]
        assert "****" in str(shown)
        assert "first-id" not in str(shown)
        assert "second-id" not in str(shown)

    @pytest.mark.parametrize(
        ("resource", "pattern"),
        [
            (role(None), r"role-stack-Thing-[A-Z0-9]{12}"),
            ({"Type": "AWS::S3::Bucket"}, r"role-stack-thing-[a-z0-9]{12}"),
            (
                {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document("s3:*")}},
                rf"arn:aws:iam::{ACCOUNT}:policy/role-stack-Thing-[A-Z0-9]{{12}}",
            ),
            (HANDLE, r"https://cloudformation-waitcondition-eu-west-1\.s3\.eu-west-1\.amazonaws\.com/.+"),
        ],
        ids=["role", "bucket", "managed policy", "handle"],
    )
    def test_names_are_generated(self, account: Account, resource: dict[str, Any], pattern: str) -> None:
        account.create(template(Thing=resource))
        detail = account.ask("DescribeStackResource", StackName="role-stack", LogicalResourceId="Thing")
        physical_id = detail["StackResourceDetail"]["PhysicalResourceId"]
        assert re.fullmatch(pattern, physical_id)

    def test_resources_wait_for_those_they_need(self, account: Account) -> None:
        created = account.create(
            template(
                Parameter=ssm_parameter({"Fn::GetAtt": ["Role", "Arn"]}),
                Policy={
                    "Type": "AWS::IAM::Policy",
                    "Properties": {
                        "PolicyName": "S3",
                        "PolicyDocument": document("s3:*"),
                        "Roles": [{"Ref": "Role"}],
                    },
                },
                Last={**HANDLE, "DependsOn": ["Policy", "Parameter"]},
                Role=role(),
            )
        )
        assert created["StackStatus"] == "CREATE_COMPLETE"
        completed = [name for name, status in account.events() if status == "CREATE_COMPLETE"]
        assert (completed[0], completed[-2:]) == ("Role", ["Last", "role-stack"])
        assert account.role()["inline"] == {"S3": document("s3:*")}

    def test_a_condition_decides_whether_there_is_a_resource(self, account: Account) -> None:
        parameters = {"Kind": {"Type": "String", "Default": "aws"}}
        conditions = {"China": {"Fn::Equals": [{"Ref": "Kind"}, "aws-cn"]}}
        resources = {"Always": HANDLE, "Sometimes": {**HANDLE, "Condition": "China"}}
        account.create({"Parameters": parameters, "Conditions": conditions, "Resources": resources})
        resources_there = account.ask("DescribeStackResources", StackName="role-stack")["StackResources"]
        assert [resource["LogicalResourceId"] for resource in resources_there] == ["Always"]


REFUSED_REQUESTS = [
    ("a stack that is there", "CreateStack", {}, "AlreadyExistsException: Stack [role-stack] already exists"),
    (
        "capabilities",
        "CreateStack",
        {"StackName": "other", "Capabilities": []},
        "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]",
    ),
    ("a name that is none", "CreateStack", {"StackName": "1"}, "failed to satisfy constraint"),
    (
        "a service role",
        "CreateStack",
        {"StackName": "other", "RoleARN": "arn"},
        "NotImplemented: The sandbox's CloudFormation does not offer the parameter RoleARN of CreateStack.",
    ),
    (
        "two ways to fail",
        "CreateStack",
        {"StackName": "other", "DisableRollback": True, "OnFailure": "DELETE"},
        "Either DisableRollback or OnFailure can be specified, not both.",
    ),
    (
        "an update of nothing",
        "UpdateStack",
        {"StackName": "none"},
        "ValidationError: Stack [none] does not exist",
    ),
    ("an update without change", "UpdateStack", {}, "ValidationError: No updates are to be performed."),
    (
        "another type for the same name",
        "UpdateStack",
        {"TemplateBody": json.dumps(template(Role=HANDLE))},
        "Update of resource type is not permitted",
    ),
    ("no template", "UpdateStack", {"TemplateBody": ""}, "Template Body must be specified"),
]


@pytest.mark.parametrize(
    ("operation", "params", "text"), [r[1:] for r in REFUSED_REQUESTS], ids=[r[0] for r in REFUSED_REQUESTS]
)
def test_requests_are_refused(account: Account, operation: str, params: dict[str, Any], text: str) -> None:
    body = json.dumps(template(Role=role()))
    account.create(body)
    request = {"StackName": "role-stack", "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    before = account.events()
    with pytest.raises(ServiceFault) as refused:
        account.ask(operation, **{**request, **params})
    assert text in str(refused.value)
    assert account.events() == before


@pytest.mark.parametrize(
    ("operation", "params", "text"),
    [
        ("DescribeStacks", {}, "ValidationError: Stack with id none does not exist"),
        ("DescribeStackEvents", {}, "ValidationError: Stack [none] does not exist"),
        ("DescribeStackResource", {"LogicalResourceId": "A"}, "ValidationError: Stack 'none' does not exist"),
        ("DescribeStackResources", {}, "ValidationError: Stack with id none does not exist"),
        ("ListStackResources", {}, "ValidationError: Stack with id none does not exist"),
        ("GetTemplate", {}, "ValidationError: Stack with id none does not exist"),
        ("GetStackPolicy", {}, "NotImplemented: "),
    ],
)
def test_what_is_not_there_is_told(
    account: Account, operation: str, params: dict[str, Any], text: str
) -> None:
    with pytest.raises(ServiceFault) as refused:
        account.ask(operation, StackName="none", **params)
    assert str(refused.value).startswith(text)


class TestTheStackOfAResource:
    """DescribeStackResources by what AWS knows a resource by."""

    def test_is_told_with_all_its_resources(self, account: Account) -> None:
        account.create(template(Other=role(RoleName="other")), name="another-stack")
        stack = account.create(template(Role=role(), Handle=HANDLE))
        told = account.ask("DescribeStackResources", PhysicalResourceId="xacct")["StackResources"]
        assert {(each["LogicalResourceId"], each["StackId"]) for each in told} == {
            ("Role", stack["StackId"]),
            ("Handle", stack["StackId"]),
        }
        only = {"PhysicalResourceId": "xacct", "LogicalResourceId": "Role"}
        (row,) = account.ask("DescribeStackResources", **only)["StackResources"]
        assert row["PhysicalResourceId"] == "xacct"

    def test_is_told_while_the_resource_cannot_be_deleted(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.operator.client("iam").attach_role_policy(RoleName="xacct", PolicyArn=account.policy("other"))
        account.delete()
        (row,) = account.ask("DescribeStackResources", PhysicalResourceId="xacct")["StackResources"]
        assert row["ResourceStatus"] == "DELETE_FAILED"

    @pytest.mark.parametrize("policy", [{}, {"DeletionPolicy": "Retain"}])
    def test_is_gone_with_the_stack(self, account: Account, policy: dict[str, Any]) -> None:
        account.create(template(Role={**role(), **policy}))
        account.delete()
        with pytest.raises(ServiceFault, match="ValidationError: Stack for xacct does not exist"):
            account.ask("DescribeStackResources", PhysicalResourceId="xacct")

    def test_is_not_asked_for_besides_a_stack(self, account: Account) -> None:
        account.create(template(Role=role()))
        with pytest.raises(ServiceFault, match="ValidationError: "):
            account.ask("DescribeStackResources", PhysicalResourceId="xacct", StackName="role-stack")


def test_pseudo_parameters(account: Account) -> None:
    account.operator.partition, account.operator.region = "aws-cn", "cn-north-1"
    names = ("AccountId", "Partition", "Region", "StackId", "StackName", "URLSuffix")
    outputs = {name: {"Value": {"Ref": f"AWS::{name}"}} for name in names}
    stack = account.create({**template(Handle=HANDLE), "Outputs": outputs})
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]} == {
        "AccountId": ACCOUNT,
        "Partition": "aws-cn",
        "Region": "cn-north-1",
        "StackId": stack["StackId"],
        "StackName": "role-stack",
        "URLSuffix": "amazonaws.com.cn",
    }
    assert stack["StackId"].startswith(f"arn:aws-cn:cloudformation:cn-north-1:{ACCOUNT}:stack/")


class TestFailedCreation:
    @pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy"])
    def test_it_is_rolled_back_and_leaves_nothing(self, account: Account, action: str) -> None:
        account.operator.denied.add(action)
        created = account.create(
            template(First=ssm_parameter("x"), Role={**role(Policies=inline("S3")), "DependsOn": "First"})
        )
        assert created["StackStatus"] == "ROLLBACK_COMPLETE"
        assert account.roles() == []
        assert account.operator.client("ssm").describe_parameters()["Parameters"] == []
        assert account.events()[-6:] == [
            ("Role", "CREATE_FAILED"),
            ("role-stack", "ROLLBACK_IN_PROGRESS"),
            ("Role", "DELETE_COMPLETE"),
            ("First", "DELETE_IN_PROGRESS"),
            ("First", "DELETE_COMPLETE"),
            ("role-stack", "ROLLBACK_COMPLETE"),
        ]

    def test_the_events_say_why(self, account: Account) -> None:
        account.operator.denied.add("iam:CreateRole")
        account.create(template(Role=role()))
        reason = account.reason("Role", "CREATE_FAILED")
        assert reason.startswith(
            f'Resource handler returned message: "User: arn:aws:iam::{ACCOUNT}:user/operator is not '
            "authorized to perform: iam:CreateRole on resource: role xacct because no identity-based policy "
            "allows the "
            "iam:CreateRole action (Service: Iam, Status Code: 403, "
            "Request ID: 11111111-2222-3333-4444-555555555555)"
        )
        assert reason.endswith(", HandlerErrorCode: AccessDenied)")
        assert account.reason("role-stack", "ROLLBACK_IN_PROGRESS") == (
            "The following resource(s) failed to create: [Role]. Rollback requested by user."
        )

    def test_a_half_made_role_that_cannot_be_removed_is_told(self, account: Account) -> None:
        account.operator.denied |= {"iam:PutRolePolicy", "iam:DeleteRole"}
        created = account.create(template(Role=role(Policies=inline("S3"))))
        assert created["StackStatus"] == "ROLLBACK_FAILED"
        assert created["StackStatusReason"] == "The following resource(s) failed to delete: [Role]. "
        account.operator.denied.clear()
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"
        assert account.roles() == []

    @pytest.mark.parametrize(
        ("params", "status", "kept"),
        [
            ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE", False),
            ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", True),
            ({"DisableRollback": True}, "CREATE_FAILED", True),
            ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", False),
        ],
    )
    def test_on_failure(self, account: Account, params: dict[str, Any], status: str, kept: bool) -> None:
        account.operator.denied.add("iam:PutRolePolicy")
        resources = template(
            Good=role("good"), Bad={**role("bad", Policies=inline("S3")), "DependsOn": "Good"}
        )
        assert account.create(resources, **params)["StackStatus"] == status
        assert account.roles() == (["good"] if kept else [])

    def test_a_name_that_is_taken(self, account: Account) -> None:
        account.create(template(Role=role()), name="first")
        created = account.create(template(Role=role()), name="second")
        assert created["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "HandlerErrorCode: AlreadyExists" in account.reason("Role", "CREATE_FAILED", "second")
        assert account.roles() == ["xacct"]

    def test_a_bucket_that_is_there_is_not_taken_over(self, account: Account) -> None:
        account.operator.region = "us-east-1"
        bucket = template(Bucket={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "xacct"}})
        account.create(bucket, name="first")
        assert account.create(bucket, name="second")["StackStatus"] == "ROLLBACK_COMPLETE"
        assert [each["Name"] for each in account.operator.client("s3").list_buckets()["Buckets"]] == ["xacct"]

    @pytest.mark.parametrize(
        ("resource", "reason"),
        [
            (role(Colour="red"), "Encountered unsupported property Colour"),
            ({"Type": "AWS::IAM::Role"}, "#: required key [AssumeRolePolicyDocument] not found"),
        ],
    )
    def test_properties_are_checked_before_any_call(
        self, account: Account, resource: dict[str, Any], reason: str
    ) -> None:
        assert account.create(template(Role=resource))["StackStatus"] == "ROLLBACK_COMPLETE"
        assert reason in account.reason("Role", "CREATE_FAILED")
        assert account.operator.calls == []

    def test_it_can_only_be_deleted(self, account: Account) -> None:
        account.operator.denied.add("iam:CreateRole")
        stack = account.create(template(Role=role()))
        account.operator.denied.clear()
        with pytest.raises(ServiceFault) as refused:
            account.update(template(Role=role("other")))
        assert (
            refused.value.message
            == f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
        )
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"
        assert account.create(template(Role=role()))["StackStatus"] == "CREATE_COMPLETE"


UPDATES = [
    ("trust", {}, {"AssumeRolePolicyDocument": trust("second-id")}, {"iam:UpdateAssumeRolePolicy"}),
    (
        "inline changed",
        {"Policies": inline("A")},
        {"Policies": inline("A", actions=("ec2:*",))},
        {"iam:PutRolePolicy"},
    ),
    (
        "inline other",
        {"Policies": inline("A")},
        {"Policies": inline("B")},
        {"iam:PutRolePolicy", "iam:DeleteRolePolicy"},
    ),
    ("inline added", {"Policies": inline("A")}, {"Policies": inline("A", "B")}, {"iam:PutRolePolicy"}),
    ("boundary set", {}, {"PermissionsBoundary": "one"}, {"iam:PutRolePermissionsBoundary"}),
    ("boundary gone", {"PermissionsBoundary": "one"}, {}, {"iam:DeleteRolePermissionsBoundary"}),
    (
        "attached other",
        {"ManagedPolicyArns": ["one"]},
        {"ManagedPolicyArns": ["two"]},
        {"iam:AttachRolePolicy", "iam:DetachRolePolicy"},
    ),
    (
        "settings",
        {},
        {"MaxSessionDuration": 7200, "Description": "new"},
        {"iam:UpdateRole", "iam:UpdateRoleDescription"},
    ),
    (
        "tags",
        {"Tags": [{"Key": "a", "Value": "1"}]},
        {"Tags": [{"Key": "b", "Value": "2"}]},
        {"iam:TagRole", "iam:UntagRole"},
    ),
]


def _with_policies(account: Account, properties: dict[str, Any]) -> dict[str, Any]:
    """Names of managed policies become ARNs."""
    arns = {name: f"arn:aws:iam::{ACCOUNT}:policy/{name}" for name in ("one", "two")}
    text = json.dumps(properties)
    for name, arn in arns.items():
        text = text.replace(f'"{name}"', f'"{arn}"')
    properties_with_arns: dict[str, Any] = json.loads(text)
    return properties_with_arns


class TestUpdate:
    @pytest.mark.parametrize(
        ("before", "after", "actions"), [r[1:] for r in UPDATES], ids=[r[0] for r in UPDATES]
    )
    def test_a_role_is_changed_in_place_and_back(
        self, account: Account, before: dict[str, Any], after: dict[str, Any], actions: set[str]
    ) -> None:
        account.policy("one")
        account.policy("two")
        old = template(Role=role(**_with_policies(account, before)))
        new = template(Role=role(**_with_policies(account, after)))
        account.create(old)
        was = account.role()
        account.operator.calls.clear()
        assert account.update(new)["StackStatus"] == "UPDATE_COMPLETE"
        assert set(account.operator.calls) == actions
        assert account.role() != was
        account.update(old)
        assert account.role() == was

    @pytest.mark.parametrize(
        ("before", "after", "actions"), [r[1:] for r in UPDATES], ids=[r[0] for r in UPDATES]
    )
    def test_a_change_that_comes_first_is_put_back_when_a_later_one_fails(
        self, account: Account, before: dict[str, Any], after: dict[str, Any], actions: set[str]
    ) -> None:
        account.policy("one")
        account.policy("two")
        failing = {**ssm_parameter("x", Colour="red"), "DependsOn": "Role"}
        account.create(template(Role=role(**_with_policies(account, before))))
        was = account.role()
        updated = account.update(template(Role=role(**_with_policies(account, after)), Bad=failing))
        assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert account.role() == was

    def test_what_came_before_a_refused_call_is_put_back(self, account: Account) -> None:
        account.create(template(Role=role()))
        was = account.role()
        account.operator.denied.add("iam:PutRolePolicy")
        other = role(AssumeRolePolicyDocument=trust("second-id"), Policies=inline("S3"))
        assert account.update(template(Role=other))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert "iam:UpdateAssumeRolePolicy" in account.operator.calls
        assert account.role() == was

    def test_what_cannot_be_put_back_is_told(self, account: Account) -> None:
        account.create(template(Role=role(Policies=inline("A"))))
        account.operator.denied.add("iam:DeleteRolePolicy")
        updated = account.update(template(Role=role(Policies=inline("B"))))
        assert updated["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
        assert updated["StackStatusReason"] == "The following resource(s) failed to update: [Role]. "
        assert set(account.role()["inline"]) == {"A", "B"}

    def test_a_rollback_is_continued_once_its_cause_is_mended(self, account: Account) -> None:
        account.create(template(Role=role(Policies=inline("A"))))
        was = account.role()
        account.operator.denied.add("iam:DeleteRolePolicy")
        account.update(template(Role=role(Policies=inline("B")), Parameter=ssm_parameter("made meanwhile")))
        account.ask("ContinueUpdateRollback", StackName="role-stack")
        assert account.settled("role-stack")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"

        account.operator.denied.clear()
        seen = len(account.events())
        account.ask("ContinueUpdateRollback", StackName="role-stack")
        assert account.settled("role-stack")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert account.role() == was
        assert account.events()[seen:] == [
            ("role-stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
            ("Role", "UPDATE_IN_PROGRESS"),
            ("Role", "UPDATE_COMPLETE"),
            ("role-stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("role-stack", "UPDATE_ROLLBACK_COMPLETE"),
        ]
        assert account.update(template(Role=role(Policies=inline("B"))))["StackStatus"] == "UPDATE_COMPLETE"
        with pytest.raises(ServiceFault, match="must be in UPDATE_ROLLBACK_FAILED state"):
            account.ask("ContinueUpdateRollback", StackName="role-stack")

    def test_the_events_of_a_failed_update(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.operator.denied.add("iam:UpdateAssumeRolePolicy")
        seen = len(account.events())
        updated = account.update(template(Role=role(AssumeRolePolicyDocument=trust("second-id"))))
        assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert account.events()[seen:] == [
            ("role-stack", "UPDATE_IN_PROGRESS"),
            ("Role", "UPDATE_IN_PROGRESS"),
            ("Role", "UPDATE_FAILED"),
            ("role-stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
            ("Role", "UPDATE_IN_PROGRESS"),
            ("Role", "UPDATE_COMPLETE"),
            ("role-stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("role-stack", "UPDATE_ROLLBACK_COMPLETE"),
        ]
        assert "HandlerErrorCode: AccessDenied" in account.reason("Role", "UPDATE_FAILED")

    def test_after_a_rollback_the_stack_has_its_old_template_and_can_be_updated(
        self, account: Account
    ) -> None:
        body = json.dumps(template(Role=role()))
        account.create(body)
        account.operator.denied.add("iam:UpdateAssumeRolePolicy")
        new = template(Role=role(AssumeRolePolicyDocument=trust("second-id")))
        account.update(new)
        assert account.ask("GetTemplate", StackName="role-stack")["TemplateBody"] == body
        account.operator.denied.clear()
        assert account.update(new)["StackStatus"] == "UPDATE_COMPLETE"

    def test_without_rollback_it_stays_failed(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.operator.denied.add("iam:UpdateAssumeRolePolicy")
        new = template(Role=role(AssumeRolePolicyDocument=trust("second-id")))
        assert account.update(new, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
        account.operator.denied.clear()
        assert account.update(new)["StackStatus"] == "UPDATE_COMPLETE"

    def test_a_resource_that_does_not_change_is_not_touched(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.operator.calls.clear()
        account.update(template(Role=role(), Handle=HANDLE))
        assert account.operator.calls == []
        assert ("Role", "UPDATE_IN_PROGRESS") not in account.events()

    def test_another_name_is_another_role(self, account: Account) -> None:
        parameter = ssm_parameter({"Fn::GetAtt": ["Role", "Arn"]})
        account.create(template(Role=role("old"), Parameter=parameter))
        account.update(template(Role=role("new"), Parameter=parameter))
        assert account.roles() == ["new"]
        value = account.operator.client("ssm").get_parameter(Name="/xacct")["Parameter"]["Value"]
        assert value.endswith(":role/new")
        assert account.events()[-4:] == [
            ("role-stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("Role", "DELETE_IN_PROGRESS"),
            ("Role", "DELETE_COMPLETE"),
            ("role-stack", "UPDATE_COMPLETE"),
        ]
        account.delete()
        assert account.roles() == []

    def test_a_replacement_is_put_back(self, account: Account) -> None:
        account.create(template(Role=role("old")))
        failing = {**ssm_parameter("x", Colour="red"), "DependsOn": "Role"}
        updated = account.update(template(Role=role("new"), Bad=failing))
        assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert account.roles() == ["old"]
        account.delete()
        assert account.roles() == []

    def test_a_role_with_a_name_cannot_be_replaced_under_it(self, account: Account) -> None:
        account.create(template(Role=role()))
        assert (
            account.update(template(Role=role(Path="/other/")))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        )
        assert "custom-named resource requires replacing" in account.reason("Role", "UPDATE_FAILED")
        assert account.roles() == ["xacct"]

    def test_what_is_not_declared_any_more_is_removed(self, account: Account) -> None:
        account.create(template(Role=role(), Handle=HANDLE))
        account.update(template(Handle=HANDLE))
        assert account.roles() == []
        resources = account.ask("ListStackResources", StackName="role-stack")["StackResourceSummaries"]
        assert [each["LogicalResourceId"] for each in resources] == ["Handle"]

    def test_a_managed_policy_gets_a_new_version_each_time(self, account: Account) -> None:
        def policy(*actions: str) -> dict[str, Any]:
            properties = {"PolicyDocument": document(*actions), "Roles": [{"Ref": "Role"}]}
            return template(Role=role(), Policy={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties})

        account.create(policy("s3:*"))
        for number in range(7):  # IAM keeps five versions
            assert account.update(policy(f"ec2:Action{number}"))["StackStatus"] == "UPDATE_COMPLETE"
        iam = account.operator.client("iam")
        arn = account.role()["attached"][0]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        text = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        assert text == document("ec2:Action6")
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"
        assert iam.list_policies(Scope="Local")["Policies"] == []

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (ssm_parameter("one"), ssm_parameter("two", Description="new", Tags={"a": "1"})),
            (
                {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "xacct"}},
                {
                    "Type": "AWS::S3::Bucket",
                    "Properties": {"BucketName": "xacct", "Tags": [{"Key": "a", "Value": "1"}]},
                },
            ),
        ],
        ids=["parameter", "bucket"],
    )
    def test_the_other_types_are_changed_too(
        self, account: Account, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        account.create(template(Thing=before))
        assert account.update(template(Thing=after))["StackStatus"] == "UPDATE_COMPLETE"
        assert account.update(template(Thing=before))["StackStatus"] == "UPDATE_COMPLETE"
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"

    def test_tags_alone_are_an_update(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.update(template(Role=role()), Tags=[{"Key": "a", "Value": "1"}])
        assert account.role()["tags"] == {"a": "1"}
        assert account.stack()["Tags"] == [{"Key": "a", "Value": "1"}]


class TestDelete:
    def test_nothing_comes_back_to_life(self, account: Account) -> None:
        stack_id = account.create(WITH_ID, values={"ExternalId": "first-id"})["StackId"]
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"
        assert account.stack(stack_id)["Outputs"] == []
        assert account.stack(stack_id)["DeletionTime"]
        assert account.roles() == []
        with pytest.raises(ServiceFault, match="Stack with id role-stack does not exist"):
            account.stack()
        assert account.ask("DescribeStacks")["Stacks"] == []
        deleted = account.ask("ListStacks", StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
        assert [each["StackId"] for each in deleted] == [stack_id]
        with pytest.raises(ServiceFault, match="is in DELETE_COMPLETE state and can not be updated"):
            account.ask("UpdateStack", StackName=stack_id, TemplateBody=json.dumps(template(Role=role())))

    def test_a_missing_stack_is_no_fault(self, account: Account) -> None:
        assert account.ask("DeleteStack", StackName="none") == {}

    def test_dependents_go_first(self, account: Account) -> None:
        account.create(template(Role=role(), Parameter=ssm_parameter({"Fn::GetAtt": ["Role", "Arn"]})))
        stack_id = account.delete()["StackId"]
        gone = [name for name, status in account.events(stack_id) if status == "DELETE_COMPLETE"]
        assert gone == ["Parameter", "Role", "role-stack"]

    def test_a_resource_that_refuses(self, account: Account) -> None:
        account.create(template(Role=role()))
        # Somebody attached a policy that the stack does not know.
        account.operator.client("iam").attach_role_policy(RoleName="xacct", PolicyArn=account.policy("other"))
        deleted = account.delete()
        assert deleted["StackStatus"] == "DELETE_FAILED"
        assert deleted["StackStatusReason"] == "The following resource(s) failed to delete: [Role]. "
        assert "Service: Iam, Status Code: 409" in account.reason("Role", "DELETE_FAILED")
        assert account.delete(RetainResources=["Role"])["StackStatus"] == "DELETE_COMPLETE"
        assert account.roles() == ["xacct"]

    def test_what_is_gone_already_is_no_fault(self, account: Account) -> None:
        account.create(template(Role=role()))
        account.operator.client("iam").delete_role(RoleName="xacct")
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"

    def test_a_resource_can_be_retained(self, account: Account) -> None:
        account.create(template(Role={**role(), "DeletionPolicy": "Retain"}))
        stack_id = account.delete()["StackId"]
        assert ("Role", "DELETE_SKIPPED") in account.events(stack_id)
        assert account.roles() == ["xacct"]

    def test_termination_protection(self, account: Account) -> None:
        account.create(template(Role=role()), EnableTerminationProtection=True)
        with pytest.raises(ServiceFault, match="cannot be deleted while TerminationProtection is enabled"):
            account.ask("DeleteStack", StackName="role-stack")
        account.ask("UpdateTerminationProtection", StackName="role-stack", EnableTerminationProtection=False)
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"

    def test_while_it_is_still_being_created(self, account: Account) -> None:
        body = json.dumps(template(Role=role()))
        request = {"StackName": "role-stack", "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        stack_id = account.ask("CreateStack", **request)["StackId"]
        account.ask("DeleteStack", StackName="role-stack")
        assert account.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
        assert account.roles() == []


class TestExports:
    def test_an_export_reaches_another_stack(self, account: Account) -> None:
        account.create(WITH_ID, values={"ExternalId": "first-id"})
        account.create(importer(), name="importer")
        value = account.operator.client("ssm").get_parameter(Name="/xacct")["Parameter"]["Value"]
        assert value == f"arn:aws:iam::{ACCOUNT}:role/xacct"

    def test_an_export_in_use_stays(self, account: Account) -> None:
        account.create(WITH_ID, values={"ExternalId": "first-id"})
        account.create(importer(), name="importer")
        with pytest.raises(ServiceFault, match="Export role cannot be deleted as it is in use by importer"):
            account.ask("DeleteStack", StackName="role-stack")
        account.delete("importer")
        assert account.delete()["StackStatus"] == "DELETE_COMPLETE"

    def test_what_nobody_exports(self, account: Account) -> None:
        assert account.create(importer("none"))["StackStatus"] == "ROLLBACK_COMPLETE"
        assert account.reason("Parameter", "CREATE_FAILED") == "No export named none found."

    def test_what_another_stack_exports_already(self, account: Account) -> None:
        exporting = {
            "Resources": {"H": HANDLE},
            "Outputs": {"O": {"Value": "x", "Export": {"Name": "taken"}}},
        }
        account.create(exporting)
        assert account.create(exporting, name="second")["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "Export with name taken is already exported by stack role-stack." in account.reason(
            "second", "ROLLBACK_IN_PROGRESS", "second"
        )


def test_accounts_and_regions_are_apart(account: Account) -> None:
    account.create(template(Handle=HANDLE))
    for place in ({"region": "eu-central-1"}, {"account": "444455556666"}):
        other = type("Other", (type(account.operator),), place)()
        assert account.service.handle("DescribeStacks", {}, other) == {"Stacks": []}


def test_events_come_in_pages_of_a_hundred(account: Account) -> None:
    account.create(template(**{f"Handle{number}": HANDLE for number in range(50)}))
    events: list[dict[str, Any]] = []
    sizes, token = [], {}
    while True:
        answer = account.ask("DescribeStackEvents", StackName="role-stack", **token)
        sizes.append(len(answer["StackEvents"]))
        events += answer["StackEvents"]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert sizes == [100, 52]
    assert len({event["EventId"] for event in events}) == 152
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert events[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"


def test_a_handler_that_breaks_fails_its_resource(account: Account) -> None:
    def broken(_action: str) -> None:
        raise KeyError("a bug")

    account.operator.before_call = broken
    assert account.create(template(Role=role()))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "HandlerErrorCode: InternalFailure" in account.reason("Role", "CREATE_FAILED")


def test_a_template_is_summarised_and_validated(account: Account) -> None:
    body = json.dumps({**WITH_ID, "Description": "onboarding"})
    summary = account.ask("GetTemplateSummary", TemplateBody=body)
    validated = account.ask("ValidateTemplate", TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    for answer in (summary, validated):
        assert answer["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
        assert (
            answer["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
        )
        assert answer["Parameters"][0]["ParameterKey"] == "ExternalId"
        assert answer["Parameters"][0]["NoEcho"] is True


def test_answers_have_the_shapes_of_the_service_model(account: Account) -> None:
    account.create(WITH_ID, values={"ExternalId": "first-id"})
    account.propose(WITH_ID, "UPDATE", values={"ExternalId": "second-id"})
    model = account.operator.client("cloudformation").meta.service_model
    for operation, params in {
        "DescribeChangeSet": {"ChangeSetName": "change", "StackName": "role-stack"},
        "DescribeStackEvents": {"StackName": "role-stack"},
        "DescribeStackResource": {"StackName": "role-stack", "LogicalResourceId": "Role"},
        "DescribeStackResources": {"StackName": "role-stack"},
        "DescribeStacks": {},
        "GetTemplate": {"StackName": "role-stack"},
        "GetTemplateSummary": {"StackName": "role-stack"},
        "ListChangeSets": {"StackName": "role-stack"},
        "ListStackResources": {"StackName": "role-stack"},
        "ListStacks": {},
        "ValidateTemplate": {"TemplateBody": json.dumps(WITH_ID)},
    }.items():
        shape = model.operation_model(operation).output_shape
        _check_shape(account.ask(operation, **params), shape, operation)


def _check_shape(value: Any, shape: Any, place: str) -> None:
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), place
        for name, member in value.items():
            _check_shape(member, shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for item in value:
            _check_shape(item, shape.member, f"{place}[]")
    elif shape.type_name == "string":
        assert isinstance(value, str), place
        assert not shape.enum or value in shape.enum, place
