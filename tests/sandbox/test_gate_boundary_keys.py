"""What a request on a role carries of permissions boundaries, paths and roles that are handed over."""

from __future__ import annotations

from typing import Any

import pytest
from gate_clients import MEMBER_ACCOUNT, Actor, Organization, document, refusal, statement, trusting, unique

TRUST = trusting({"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def bounded_by(boundary: str) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}}


@pytest.fixture
def boundary(organization: Organization) -> str:
    return organization.new_policy(statement("Allow", "*"))


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("attach_role_policy", {"PolicyArn": READ_ONLY}),
        ("detach_role_policy", {"PolicyArn": READ_ONLY}),
        ("put_role_policy", {"PolicyName": "a", "PolicyDocument": "{}"}),
        ("delete_role_policy", {"PolicyName": "inline"}),
        ("delete_role_permissions_boundary", {}),
    ],
)
def test_a_request_on_a_role_carries_the_boundary_that_the_role_has(
    organization: Organization, boundary: str, operation: str, params: dict[str, Any]
) -> None:
    who = organization.somebody(statement("Allow", "iam:*", **bounded_by(boundary))).client("iam")
    bare = organization.new_role().rpartition("/")[2]
    told = refusal(getattr(who, operation), RoleName=bare, **params)
    assert (told.code, told.status) == ("AccessDenied", 403)
    behind = organization.new_role(statement("Allow", "s3:*"), PermissionsBoundary=boundary)
    name = behind.rpartition("/")[2]
    if operation == "detach_role_policy":
        who.attach_role_policy(RoleName=name, **params)
    if operation == "put_role_policy":
        params = {"PolicyName": "a", "PolicyDocument": document(statement("Allow", "s3:*"))}
    getattr(who, operation)(RoleName=name, **params)


def test_a_request_to_make_a_role_carries_the_boundary_that_it_is_to_have(
    organization: Organization, boundary: str
) -> None:
    who = organization.somebody(statement("Allow", "iam:CreateRole", **bounded_by(boundary))).client("iam")
    made = {"RoleName": unique("role"), "AssumeRolePolicyDocument": TRUST}
    assert refusal(who.create_role, **made).code == "AccessDenied"
    assert refusal(who.create_role, **made, PermissionsBoundary=READ_ONLY).code == "AccessDenied"
    who.create_role(**made, PermissionsBoundary=boundary)


def limited(organization: Organization, action: str, resource: str, *more: str) -> Actor:
    arn = f"arn:aws:iam::{MEMBER_ACCOUNT}:{resource}"
    return organization.somebody(
        statement("Allow", action, resource=arn), statement("Allow", *more or ("s3:*",))
    )


def test_what_is_made_under_a_path_is_authorised_under_it(organization: Organization) -> None:
    who = limited(organization, "iam:CreateRole", "role/analytics/*").client("iam")
    name = unique("role")
    assert refusal(who.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST).code == "AccessDenied"
    made = who.create_role(RoleName=name, Path="/analytics/", AssumeRolePolicyDocument=TRUST)
    assert made["Role"]["Arn"] == f"arn:aws:iam::{MEMBER_ACCOUNT}:role/analytics/{name}"


def test_a_role_that_is_put_into_an_instance_profile_is_handed_over(organization: Organization) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html"""
    profile, name = unique("profile"), organization.new_role().rpartition("/")[2]
    organization.administrator().client("iam").create_instance_profile(InstanceProfileName=profile)
    put = {"InstanceProfileName": profile, "RoleName": name}
    without = limited(organization, "iam:PassRole", "role/other", "iam:AddRoleToInstanceProfile")
    told = refusal(without.client("iam").add_role_to_instance_profile, **put)
    assert "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::" in told.text
    allowed = limited(organization, "iam:PassRole", f"role/{name}", "iam:AddRoleToInstanceProfile")
    allowed.client("iam").add_role_to_instance_profile(**put)
