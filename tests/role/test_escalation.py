"""The known ways from iam:* to everything: open in the documented role, shut in the hardened one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from role_values import MEMBER, values

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.iam import Request
from xacct_kit.role.certainty import certainly
from xacct_kit.role.escalation import ESCALATIONS, Escalation, EscalationValues, is_open, requests_of
from xacct_kit.role.profile import RoleDefinition, load_profile

ROLE = "CrossAccountExecutionRole"

# What is in the account already keeps the permissions that it has, whatever is put around this role.
LENT = {"ssm-send-command"}

each_partition = pytest.mark.parametrize("partition", PARTITIONS)
each_way = pytest.mark.parametrize("way", ESCALATIONS, ids=[way.name for way in ESCALATIONS])


def role_of(profile: str, partition: str = "aws") -> RoleDefinition:
    return load_profile(profile).role(values(partition=partition))


def open_in(profile: str, way: Escalation, partition: str = "aws") -> bool | None:
    role = role_of(profile, partition)
    boundary = f"arn:{partition}:iam::{MEMBER}:policy/{role.boundary_name}" if role.boundary else ""
    asked = EscalationValues(
        partition=partition,
        region="us-east-1",
        account=MEMBER,
        role_name=ROLE,
        administrator_role="OrganizationAccountAccessRole",
        boundary_arn=boundary,
    )
    return is_open(way, asked, identity=list(role.policies.values()), boundary=role.boundary)


def test_there_are_many_and_each_has_a_name_and_a_source() -> None:
    assert len({way.name for way in ESCALATIONS}) == len(ESCALATIONS) >= 14
    assert all(way.source.startswith("https://docs.aws.amazon.com/") for way in ESCALATIONS)
    assert {way.name for way in ESCALATIONS if not way.administrator} == LENT


@each_way
@each_partition
def test_a_way_is_open_in_the_documented_role(way: Escalation, partition: str) -> None:
    assert open_in("documented", way, partition) is True


@each_way
@each_partition
def test_a_way_is_shut_in_the_hardened_role(way: Escalation, partition: str) -> None:
    assert open_in("hardened", way, partition) is (way.name in LENT)


@each_way
def test_a_way_is_shut_in_the_role_of_service_workbench(way: Escalation) -> None:
    assert open_in("swb-6.2.2", way) is False


@each_way
def test_nothing_is_left_to_be_filled_in(way: Escalation) -> None:
    asked = EscalationValues(
        partition="aws-cn", region="cn-north-1", account=MEMBER, role_name="R", administrator_role="A"
    )
    for request in requests_of(way, asked):
        assert not re.search(
            r"[{}]|arn:aws:", " ".join([request.resource, *map(str, request.context.values())])
        )


# What the boundary leaves


OWN = f"role/{ROLE}/worker"
BOUNDARY = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"
BEHIND_IT = {"iam:PermissionsBoundary": BOUNDARY}
BEHIND_ANOTHER = {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
TO_EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("iam:CreateRole", OWN, BEHIND_IT, True),
        ("iam:CreateRole", "role/any", BEHIND_IT, True),
        ("iam:CreateRole", OWN, BEHIND_ANOTHER, False),
        ("iam:CreateRole", OWN, {}, False),
        ("iam:AttachRolePolicy", OWN, BEHIND_IT, True),
        ("iam:AttachRolePolicy", OWN, {}, False),
        ("iam:PutRolePolicy", OWN, BEHIND_IT, True),
        ("iam:PutRolePolicy", OWN, {}, False),
        ("iam:DetachRolePolicy", "role/Administrator", {}, False),
        ("iam:DeleteRolePolicy", "role/Administrator", {}, False),
        ("iam:PutRolePermissionsBoundary", "role/Administrator", BEHIND_IT, False),
        ("iam:DeleteRolePermissionsBoundary", OWN, BEHIND_IT, False),
        ("iam:PassRole", OWN, TO_EC2, True),
        ("iam:PassRole", "role/Administrator", TO_EC2, False),
        ("iam:PassRole", f"role/{ROLE}", TO_EC2, False),
        ("iam:UpdateAssumeRolePolicy", OWN, {}, True),
        ("iam:UpdateAssumeRolePolicy", f"role/{ROLE}", {}, False),
        ("iam:DeleteRole", OWN, {}, True),
        ("iam:DeleteRole", f"role/{ROLE}", {}, False),
        ("iam:TagRole", f"role/{ROLE}", {}, False),
        ("iam:UpdateRole", f"role/{ROLE}", {}, False),
        ("iam:GetRole", f"role/{ROLE}", {}, True),
        ("iam:ListRolePolicies", f"role/{ROLE}", {}, True),
        ("iam:GetPolicyVersion", f"policy/{ROLE}-boundary", {}, True),
        ("iam:DeletePolicy", f"policy/{ROLE}-boundary", {}, False),
        ("iam:DeletePolicyVersion", f"policy/{ROLE}-boundary", {}, False),
        ("iam:SetDefaultPolicyVersion", f"policy/{ROLE}-boundary", {}, False),
        ("iam:CreatePolicy", "policy/data", {}, True),
        ("iam:DeletePolicy", "policy/data", {}, True),
        ("iam:CreateInstanceProfile", "instance-profile/worker", {}, True),
        ("iam:CreateServiceLinkedRole", "role/aws-service-role/elasticmapreduce.amazonaws.com/*", {}, True),
        ("iam:CreateSAMLProvider", "saml-provider/Directory", {}, False),
        ("iam:CreateOpenIDConnectProvider", "oidc-provider/example.com", {}, False),
        ("iam:UpdateAccountPasswordPolicy", "*", {}, False),
    ],
)
def test_the_hardened_role_manages_what_is_behind_its_boundary(
    action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    where = resource if resource == "*" else f"arn:aws:iam::{MEMBER}:{resource}"
    assert bounded(action, where, load_profile("hardened").permissions, context) is allowed


EVERYTHING = {"all": {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("elasticmapreduce:RunJobFlow", True),
        ("logs:PutLogEvents", True),
        ("s3:GetObject", True),
        ("account:CloseAccount", False),
        ("iam:CreateUser", False),
        ("lambda:CreateFunction", False),
        ("organizations:LeaveOrganization", False),
        ("secretsmanager:GetSecretValue", False),
        ("sts:AssumeRole", False),
    ],
)
def test_a_role_that_it_makes_has_no_more_than_analytics_need(action: str, allowed: bool) -> None:
    """Whatever is attached to a role behind the boundary, AdministratorAccess too."""
    assert bounded(action, "*", EVERYTHING) is allowed


@pytest.mark.parametrize(
    ("action", "stack", "allowed"),
    [
        ("cloudformation:CreateStack", "analytics", True),
        ("cloudformation:DeleteStack", "analytics", True),
        ("cloudformation:DescribeStacks", "onboard-account", True),
        ("cloudformation:DeleteStack", "onboard-account", False),
        ("cloudformation:UpdateStack", "onboard-account", False),
        ("cloudformation:UpdateStack", "analytics", False),
    ],
)
def test_the_stack_of_the_role_is_out_of_its_reach(action: str, stack: str, allowed: bool) -> None:
    arn = f"arn:aws:cloudformation:us-east-1:{MEMBER}:stack/{stack}/0a1b"
    assert bounded(action, arn, load_profile("hardened").permissions) is allowed


def bounded(
    action: str, resource: str, permissions: Any, context: dict[str, str] | None = None
) -> bool | None:
    request = Request(
        principal=f"arn:aws:iam::{MEMBER}:role/{ROLE}",
        action=action,
        resource=resource,
        context={"aws:RequestedRegion": "us-east-1", **(context or {})},
    )
    boundary = role_of("hardened").boundary
    return certainly(request, identity=list(permissions.values()), boundary=boundary)
