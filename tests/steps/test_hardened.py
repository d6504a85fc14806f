"""The boundary of the hardened role, by live calls: what it shuts, and what analytics still can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.role.escalation import ESCALATIONS
from xacct_kit.steps.callers import role_access

MEMBER, ROLE = "333333333333", "CrossAccountExecutionRole"
BOUNDARY = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"
EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
ADMINISTRATOR = f"arn:aws:iam::{MEMBER}:role/Administrator"
POLICY = f"arn:aws:iam::{MEMBER}:policy/Somebodys"

ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
SERVICES = ["ec2.amazonaws.com", "elasticmapreduce.amazonaws.com", "sagemaker.amazonaws.com"]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": [*SERVICES, "cloudformation.amazonaws.com"], "AWS": MEMBER},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
STACK = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
INSTANCES = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
METADATA = f"<EntityDescriptor>{'a' * 1000}</EntityDescriptor>"

# What is in an account that has been in use for a while.
FURNITURE: list[tuple[str, dict[str, Any]]] = [
    ("CreateUser", {"UserName": "Somebody"}),
    ("CreateGroup", {"GroupName": "Administrators"}),
    ("CreateRole", {"RoleName": "Administrator", "AssumeRolePolicyDocument": TRUST}),
    ("AttachRolePolicy", {"RoleName": "Administrator", "PolicyArn": EVERYTHING}),
    ("CreateInstanceProfile", {"InstanceProfileName": "Administrator"}),
    ("AddRoleToInstanceProfile", {"InstanceProfileName": "Administrator", "RoleName": "Administrator"}),
    ("CreateInstanceProfile", {"InstanceProfileName": "Analytics"}),
    ("CreatePolicy", {"PolicyName": "Somebodys", "PolicyDocument": ALLOW_ALL}),
    ("CreatePolicyVersion", {"PolicyArn": POLICY, "PolicyDocument": ALLOW_ALL, "SetAsDefault": False}),
    ("CreateSAMLProvider", {"Name": "Directory", "SAMLMetadataDocument": METADATA}),
]

Call = tuple[str, str, dict[str, Any]]

# The ways of the table as calls: service, operation and parameters.
CALLS: dict[str, list[Call]] = {
    "create-access-key": [("iam", "CreateAccessKey", {"UserName": "Somebody"})],
    "create-login-profile": [
        ("iam", "CreateLoginProfile", {"UserName": "Somebody", "Password": "Sandbox-0-only"})
    ],
    "update-login-profile": [
        ("iam", "UpdateLoginProfile", {"UserName": "Somebody", "Password": "Sandbox-1-only"})
    ],
    "create-user": [
        ("iam", "CreateUser", {"UserName": "Newcomer"}),
        ("iam", "AttachUserPolicy", {"UserName": "Newcomer", "PolicyArn": EVERYTHING}),
        ("iam", "CreateAccessKey", {"UserName": "Newcomer"}),
    ],
    "attach-user-policy": [("iam", "AttachUserPolicy", {"UserName": "Somebody", "PolicyArn": EVERYTHING})],
    "put-user-policy": [
        ("iam", "PutUserPolicy", {"UserName": "Somebody", "PolicyName": "a", "PolicyDocument": ALLOW_ALL})
    ],
    "add-user-to-group": [("iam", "AddUserToGroup", {"UserName": "Somebody", "GroupName": "Administrators"})],
    "put-group-policy": [
        (
            "iam",
            "PutGroupPolicy",
            {"GroupName": "Administrators", "PolicyName": "a", "PolicyDocument": ALLOW_ALL},
        )
    ],
    "create-policy-version": [
        ("iam", "CreatePolicyVersion", {"PolicyArn": POLICY, "PolicyDocument": ALLOW_ALL})
    ],
    "set-default-policy-version": [
        ("iam", "SetDefaultPolicyVersion", {"PolicyArn": POLICY, "VersionId": "v2"})
    ],
    "attach-role-policy": [("iam", "AttachRolePolicy", {"RoleName": ROLE, "PolicyArn": EVERYTHING})],
    "put-role-policy": [
        ("iam", "PutRolePolicy", {"RoleName": ROLE, "PolicyName": "a", "PolicyDocument": ALLOW_ALL})
    ],
    "update-assume-role-policy": [
        (
            "iam",
            "UpdateAssumeRolePolicy",
            {"RoleName": "OrganizationAccountAccessRole", "PolicyDocument": TRUST},
        )
    ],
    "delete-permissions-boundary": [("iam", "DeleteRolePermissionsBoundary", {"RoleName": ROLE})],
    "put-permissions-boundary": [
        ("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE, "PermissionsBoundary": EVERYTHING})
    ],
    "boundary-policy-version": [
        (
            "iam",
            "CreatePolicyVersion",
            {"PolicyArn": BOUNDARY, "PolicyDocument": ALLOW_ALL, "SetAsDefault": True},
        )
    ],
    "create-role": [
        ("iam", "CreateRole", {"RoleName": "Newcomer", "AssumeRolePolicyDocument": TRUST}),
        ("iam", "AttachRolePolicy", {"RoleName": "Newcomer", "PolicyArn": EVERYTHING}),
    ],
    "update-saml-provider": [
        (
            "iam",
            "UpdateSAMLProvider",
            {
                "SAMLProviderArn": f"arn:aws:iam::{MEMBER}:saml-provider/Directory",
                "SAMLMetadataDocument": METADATA,
            },
        )
    ],
    "add-role-to-instance-profile": [
        (
            "iam",
            "AddRoleToInstanceProfile",
            {"InstanceProfileName": "Analytics", "RoleName": "Administrator"},
        )
    ],
    "pass-role-to-ec2": [
        (
            "ec2",
            "RunInstances",
            {
                "DryRun": True,
                "ImageId": "ami-12c6146b",
                "MinCount": 1,
                "MaxCount": 1,
                "IamInstanceProfile": {"Name": "Administrator"},
            },
        )
    ],
    "pass-role-to-sagemaker": [
        (
            "sagemaker",
            "CreateNotebookInstance",
            {"NotebookInstanceName": "newcomer", "InstanceType": "ml.t3.medium", "RoleArn": ADMINISTRATOR},
        ),
    ],
    "pass-role-to-elasticmapreduce": [
        (
            "emr",
            "RunJobFlow",
            {
                "Name": "newcomer",
                "ReleaseLabel": "emr-7.0.0",
                "Instances": INSTANCES,
                "JobFlowRole": "Administrator",
                "ServiceRole": "Administrator",
            },
        )
    ],
    "pass-role-to-cloudformation": [
        (
            "cloudformation",
            "CreateStack",
            {"StackName": "newcomer", "TemplateBody": STACK, "RoleARN": ADMINISTRATOR},
        )
    ],
}
# Opening a notebook and running commands take what the sandbox has none of: a machine.
BY_ENGINE_ALONE = {"ssm-send-command"}

# The sandbox lets these pass its gate, and then says that it cannot carry them out.
NOT_CARRIED_OUT = "does not offer the parameter RoleARN of CreateStack"

REFUSED = (OutcomeKind.DENIED_BOUNDARY, OutcomeKind.DENIED_EXPLICIT)


class Account:
    """A member account in a sandbox, with its role and its administrator."""

    def __init__(self, session: Session) -> None:
        self.session = session
        administrator, role = session.deployer(MEMBER).caller, role_access(session, MEMBER).caller
        assert administrator is not None and role is not None
        self.administrator, self.role = administrator, role
        for operation, params in FURNITURE:
            assert session.call(administrator, "iam", operation, **params).ok, operation

    def as_role(self, service: str, operation: str, **params: Any) -> Answer:
        return self.session.call(self.role, service, operation, **params)


@pytest.fixture(scope="module")
def accounts() -> Iterator[Any]:
    """An account by the profile of its role; each is started when it is first asked for."""
    opened: list[Session] = []

    @cache
    def account(profile: str) -> Account:
        opened.append(xk.connect(Params.load("params/sandbox.yaml", profile=profile, wait_seconds=5)))
        return Account(opened[-1])

    yield account
    for session in opened:
        session.close()


@pytest.fixture
def hardened(accounts: Any) -> Account:
    found: Account = accounts("hardened")
    return found


def test_every_way_is_in_the_table() -> None:
    assert CALLS.keys() | BY_ENGINE_ALONE == {way.name for way in ESCALATIONS}


def assert_passed(outcome: Outcome) -> None:
    message = outcome.evidence.get("message", "")
    assert outcome.kind is OutcomeKind.ALLOWED or NOT_CARRIED_OUT in message, outcome


@pytest.mark.parametrize("way", CALLS)
def test_the_documented_role_goes_every_way(accounts: Any, way: str) -> None:
    for service, operation, params in CALLS[way]:
        outcome = accounts("documented").as_role(service, operation, **params).outcome
        assert_passed(outcome)


@pytest.mark.parametrize("way", CALLS)
def test_the_hardened_role_is_stopped_by_its_boundary_at_the_first_call(accounts: Any, way: str) -> None:
    (service, operation, params), *_ = CALLS[way]
    outcome = accounts("hardened").as_role(service, operation, **params).outcome
    assert outcome.kind in REFUSED, outcome


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("iam", "DeleteRole", {"RoleName": ROLE}),
        ("iam", "DeleteRolePolicy", {"RoleName": ROLE, "PolicyName": "s3"}),
        ("iam", "UpdateAssumeRolePolicy", {"RoleName": ROLE, "PolicyDocument": TRUST}),
        ("iam", "DeletePolicy", {"PolicyArn": BOUNDARY}),
        ("iam", "DetachRolePolicy", {"RoleName": "Administrator", "PolicyArn": EVERYTHING}),
        ("cloudformation", "DeleteStack", {"StackName": "onboard-account"}),
        ("organizations", "LeaveOrganization", {}),
        ("organizations", "DescribeOrganization", {}),
        ("sts", "AssumeRole", {"RoleArn": ADMINISTRATOR, "RoleSessionName": "escalating"}),
        (
            "iam",
            "CreateRole",
            {"RoleName": "Other", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": EVERYTHING},
        ),
    ],
)
def test_it_cannot_touch_itself_its_stack_or_others(
    hardened: Account, service: str, operation: str, params: dict[str, Any]
) -> None:
    assert hardened.as_role(service, operation, **params).outcome.kind.denied


# What analytics need


def made_worker(account: Account, name: str) -> str:
    """A role behind the boundary, with an instance profile, as the hardened role makes them; its ARN."""
    made = account.as_role(
        "iam",
        "CreateRole",
        RoleName=name,
        Path=f"/{ROLE}/",
        AssumeRolePolicyDocument=TRUST,
        PermissionsBoundary=BOUNDARY,
        Tags=[{"Key": "purpose", "Value": "analytics"}],
    )
    assert made.ok, made.outcome
    for operation, params in (
        ("AttachRolePolicy", {"RoleName": name, "PolicyArn": EVERYTHING}),
        ("PutRolePolicy", {"RoleName": name, "PolicyName": "data", "PolicyDocument": ALLOW_ALL}),
        ("UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": TRUST}),
        ("CreateInstanceProfile", {"InstanceProfileName": name}),
        ("AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": name}),
    ):
        answer = account.as_role("iam", operation, **params)
        assert answer.ok, answer.outcome
    arn: str = made.result["Role"]["Arn"]
    return arn


@pytest.mark.parametrize("service", ["ec2", "emr", "sagemaker", "cloudformation"])
def test_a_role_that_it_makes_can_be_handed_to_the_services_of_analytics(
    hardened: Account, service: str
) -> None:
    name = f"worker-{service}"
    arn = made_worker(hardened, name)
    way = {"emr": "elasticmapreduce"}.get(service, service)
    ((_, operation, params),) = CALLS[f"pass-role-to-{way}"]
    text = json.dumps(params).replace(ADMINISTRATOR, arn).replace("Administrator", name)
    outcome = hardened.as_role(service, operation, **json.loads(text.replace("newcomer", name))).outcome
    assert_passed(outcome)


def test_a_role_that_it_makes_is_no_administrator_whatever_is_attached_to_it(hardened: Account) -> None:
    arn = made_worker(hardened, "bounded")
    worker = hardened.session.assume(hardened.administrator, arn).caller
    assert isinstance(worker, Caller)
    expected = {
        ("s3", "ListBuckets"): False,
        ("emr", "ListClusters"): False,
        ("dynamodb", "ListTables"): True,
        ("iam", "CreateUser"): True,
        ("organizations", "DescribeOrganization"): True,
    }
    for (service, operation), refused in expected.items():
        params = {"UserName": "Other"} if operation == "CreateUser" else {}
        outcome = hardened.session.call(worker, service, operation, **params).outcome
        assert outcome.kind.denied is refused, outcome


def test_what_it_has_made_it_can_remove(hardened: Account) -> None:
    made_worker(hardened, "removed")
    for operation, params in (
        ("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "removed", "RoleName": "removed"}),
        ("DeleteInstanceProfile", {"InstanceProfileName": "removed"}),
        ("DetachRolePolicy", {"RoleName": "removed", "PolicyArn": EVERYTHING}),
        ("DeleteRolePolicy", {"RoleName": "removed", "PolicyName": "data"}),
        ("DeleteRole", {"RoleName": "removed"}),
    ):
        answer = hardened.as_role("iam", operation, **params)
        assert answer.ok, answer.outcome


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_every_probe_and_canary_passes_behind_the_boundary(partition: str) -> None:
    region = {"aws": "us-east-1", "aws-cn": "cn-north-1"}[partition]
    params = Params.load(
        "params/sandbox.yaml",
        profile="hardened",
        probes="canary",
        partition=partition,
        region=region,
        sandbox_scenario="role-missing",
    )
    report = xk.onboard(params)
    assert [row for row in report if row.verdict is not Verdict.PASS] == []
