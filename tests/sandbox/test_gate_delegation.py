"""What is asked besides the operation itself: roles handed over, boundaries, who a session really is."""

from __future__ import annotations

from typing import Any

import pytest
from gate_clients import Organization, document, refusal, role_arn, statement, trusting, unique

from xacct_kit.sandbox.layout import MEMBER_ACCOUNT

SERVICE_ROLE = role_arn(MEMBER_ACCOUNT, "ServiceRole")
MODEL = {"ModelName": "m", "ExecutionRoleArn": SERVICE_ROLE}
INSTANCES = {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-12345678", "DryRun": True}
CLUSTER = {
    "Name": "cluster",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1},
    "JobFlowRole": "NoProfile",
    "ServiceRole": SERVICE_ROLE,
}
NOTEBOOK = {"NotebookInstanceName": "n", "InstanceType": "ml.t3.medium", "RoleArn": SERVICE_ROLE}

HANDING_OVER: list[tuple[str, str, dict[str, Any]]] = [
    ("emr", "run_job_flow", CLUSTER),
    ("sagemaker", "create_notebook_instance", NOTEBOOK),
    ("sagemaker", "create_model", MODEL),
]


@pytest.mark.parametrize(("service", "operation", "params"), HANDING_OVER, ids=["emr", "sagemaker", "model"])
class TestPassRole:
    def test_without_it_no_role_is_handed_over(
        self, organization: Organization, service: str, operation: str, params: dict[str, Any]
    ) -> None:
        prefix = {"emr": "elasticmapreduce"}.get(service, service)
        who = organization.somebody(statement("Allow", f"{prefix}:*"))
        refused = refusal(getattr(who.client(service), operation), **params)
        assert (refused.code, refused.status) == ("AccessDeniedException", 400)
        assert "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::" in refused.text

    def test_with_it_the_role_is_handed_over(
        self, organization: Organization, service: str, operation: str, params: dict[str, Any]
    ) -> None:
        prefix = {"emr": "elasticmapreduce"}.get(service, service)
        who = organization.somebody(statement("Allow", f"{prefix}:*"), statement("Allow", "iam:PassRole"))
        answer = getattr(who.client(service), operation)(**params)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("to", "allowed"), [("ec2.amazonaws.com", True), ("sagemaker.amazonaws.com", False)], ids=["ec2", "other"]
)
def test_an_instance_profile_hands_its_role_to_the_named_service_alone(
    organization: Organization, to: str, allowed: bool
) -> None:
    iam = organization.administrator().client("iam")
    profile = unique("profile")
    role = organization.new_role()
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role.rpartition("/")[2])
    condition = {"StringEquals": {"iam:PassedToService": to}}
    passing = statement("Allow", "iam:PassRole", resource=role, Condition=condition)
    who = organization.somebody(statement("Allow", "ec2:*"), passing)
    asked = {**INSTANCES, "IamInstanceProfile": {"Name": profile}}
    refused = refusal(who.client("ec2").run_instances, **asked)
    assert refused.code == ("DryRunOperation" if allowed else "UnauthorizedOperation")


def test_a_user_has_a_boundary_too(organization: Organization) -> None:
    iam = organization.administrator().client("iam")
    policy = document(statement("Allow", "s3:ListAllMyBuckets"))
    boundary = iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=policy)["Policy"]["Arn"]
    who = organization.new_user(statement("Allow", "*"))
    name = who.arn.rpartition("/")[2]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert "Buckets" in who.client("s3").list_buckets()
    refused = refusal(who.client("ssm").describe_parameters)
    assert refused.text.endswith("because no permissions boundary allows the ssm:DescribeParameters action")
    iam.delete_user_permissions_boundary(UserName=name)
    assert "Parameters" in who.client("ssm").describe_parameters()


def test_a_user_can_be_made_with_a_boundary(organization: Organization) -> None:
    iam = organization.administrator().client("iam")
    name = unique("user")
    iam.create_user(UserName=name, PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    policies = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{MEMBER_ACCOUNT}:user/{name}",
        ActionNames=["iam:ListRoles", "iam:CreateRole"],
    )["EvaluationResults"]
    assert [each["EvalDecision"] for each in policies] == ["allowed", "implicitDeny"]


NOWHERE = f"arn:aws:iam::{MEMBER_ACCOUNT}:policy/nowhere"
BOUNDING: list[tuple[str, dict[str, Any]]] = [
    ("create_role", {"AssumeRolePolicyDocument": trusting({"AWS": MEMBER_ACCOUNT})}),
    ("put_role_permissions_boundary", {}),
    ("put_user_permissions_boundary", {}),
    ("create_user", {}),
]


@pytest.mark.parametrize(("operation", "params"), BOUNDING, ids=[name for name, _ in BOUNDING])
def test_a_boundary_that_does_not_exist_is_refused(
    organization: Organization, operation: str, params: dict[str, Any]
) -> None:
    named = {"UserName" if "user" in operation else "RoleName": unique("nobody")}
    call = getattr(organization.administrator().client("iam"), operation)
    refused = refusal(call, PermissionsBoundary=NOWHERE, **named, **params)
    assert (refused.code, refused.status) == ("NoSuchEntity", 404)
    assert refused.text == f"Scope ARN: {NOWHERE} does not exist or is not attachable."


def test_a_session_is_not_one_of_another_role_with_the_same_name(organization: Organization) -> None:
    administrator = organization.administrator()
    iam = administrator.client("iam")
    arn = organization.new_role(statement("Allow", "ssm:*"))
    name = arn.rpartition("/")[2]
    session = administrator.assume(arn)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    trust = trusting({"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName=name, PolicyName="inline", PolicyDocument=document(statement("Allow", "ssm:*"))
    )
    assert refusal(session.client("ssm").describe_parameters).code == "AccessDeniedException"
    assert "Parameters" in administrator.assume(arn).client("ssm").describe_parameters()


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("put_bucket_policy", {"Policy": document(statement("Deny", "s3:*"))}),
        ("put_bucket_acl", {"ACL": "public-read"}),
    ],
    ids=["policy", "acl"],
)
def test_what_would_not_be_enforced_is_not_kept(
    organization: Organization, operation: str, params: dict[str, Any]
) -> None:
    s3 = organization.administrator().client("s3")
    bucket = unique("bucket")
    s3.create_bucket(Bucket=bucket)
    refused = refusal(getattr(s3, operation), Bucket=bucket, **params)
    assert (refused.code, refused.status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"aws:RequestTag/Team": "research"}}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "other"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Cost"]}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}, False),
        ({"Null": {"iam:PermissionsBoundary": "true"}}, True),
    ],
    ids=str,
)
def test_the_condition_keys_of_a_request_count(
    organization: Organization, condition: dict[str, Any], allowed: bool
) -> None:
    who = organization.somebody(
        statement("Allow", "iam:CreateRole", Condition=condition), statement("Allow", "iam:TagRole")
    )
    asked = {
        "RoleName": unique("role"),
        "AssumeRolePolicyDocument": trusting({"AWS": MEMBER_ACCOUNT}),
        "Tags": [{"Key": "Team", "Value": "research"}],
    }
    if allowed:
        assert who.client("iam").create_role(**asked)["Role"]["RoleName"] == asked["RoleName"]
    else:
        refused = refusal(who.client("iam").create_role, **asked)
        assert "because no identity-based policy allows the iam:CreateRole action" in refused.text
