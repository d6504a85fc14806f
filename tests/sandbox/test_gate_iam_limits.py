"""What IAM refuses of names, sizes and policies of AWS, though moto would take it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config
from gate_clients import (
    MEMBER_ACCOUNT,
    Organization,
    Refusal,
    document,
    refusal,
    statement,
    trusting,
    unique,
)

ROOT = {"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"}
TRUST = trusting(ROOT)


def of_size(count: int) -> str:
    """A policy of about a hundred characters for each of its actions."""
    return document(statement("Allow", *(f"s3:Get{number:0>94}" for number in range(count))))


@pytest.fixture
def iam(organization: Organization) -> Any:
    careless = Config(parameter_validation=False)
    return organization.administrator().but(config=careless).client("iam")


def too_long(text: str) -> Refusal:
    return Refusal("LimitExceeded", 409, text)


def test_a_policy_that_is_too_long_is_refused(iam: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    name, size = unique("long"), "Cannot exceed quota for PolicySize: 6144"
    assert refusal(iam.create_policy, PolicyName=name, PolicyDocument=of_size(65)) == too_long(size)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=of_size(50))["Policy"]["Arn"]
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=of_size(65)) == too_long(size)

    accounts = trusting({"AWS": [f"arn:aws:iam::{100_000_000_000 + each}:root" for each in range(60)]})
    role = {"RoleName": name, "AssumeRolePolicyDocument": accounts}
    assert refusal(iam.create_role, **role) == too_long("Cannot exceed quota for ACLSizePerRole: 2048")


def test_inline_policies_of_one_role_count_together_and_white_space_does_not(
    organization: Organization, iam: Any
) -> None:
    name = organization.new_role().rpartition("/")[2]
    spaced = json.dumps(json.loads(of_size(60)), indent=100)
    for _ in range(2):
        iam.put_role_policy(RoleName=name, PolicyName="first", PolicyDocument=spaced)
    second = {"RoleName": name, "PolicyName": "second", "PolicyDocument": of_size(60)}
    exceeded = f"Maximum policy size of 10240 bytes exceeded for role {name}"
    assert refusal(iam.put_role_policy, **second) == too_long(exceeded)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        (
            {"RoleName": "x" * 65},
            "'roleName' failed to satisfy constraint: Member must have length less than",
        ),
        (
            {"RoleName": "a b"},
            "'roleName' failed to satisfy constraint: Member must satisfy regular expression",
        ),
        ({"Path": "research"}, "'path' failed to satisfy constraint: Member must satisfy regular expression"),
        ({"Description": "研究"}, "'description' failed to satisfy constraint: Member must satisfy regular"),
        (
            {"MaxSessionDuration": 43_201},
            "'maxSessionDuration' failed to satisfy constraint: Member must have",
        ),
        (
            {"MaxSessionDuration": 900},
            "'maxSessionDuration' failed to satisfy constraint: Member must have value",
        ),
    ],
)
def test_what_breaks_its_constraint_is_named(iam: Any, changes: dict[str, Any], constraint: str) -> None:
    role = {"RoleName": unique("role"), "AssumeRolePolicyDocument": TRUST, **changes}
    told = refusal(iam.create_role, **role)
    assert (told.code, told.status) == ("ValidationError", 400)
    assert constraint in told.text


def test_names_are_not_distinguished_by_case(organization: Organization, iam: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    name = organization.new_role().rpartition("/")[2]
    other = {"RoleName": name.upper(), "AssumeRolePolicyDocument": TRUST}
    taken = Refusal("EntityAlreadyExists", 409, f"Role with name {name} already exists.")
    assert refusal(iam.create_role, **other) == taken


def test_a_policy_of_aws_is_nobody_elses_to_change(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    everything = document(statement("Allow", "*"))
    new = {"PolicyArn": arn, "PolicyDocument": everything, "SetAsDefault": True}
    assert refusal(iam.create_policy_version, **new).code == "AccessDenied"
    assert refusal(iam.delete_policy, PolicyArn=arn).code == "AccessDenied"


def test_what_is_given_twice_in_a_policy_is_a_fault(iam: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html"""
    twice = document(statement("Allow", "*")).replace('"Effect"', '"Effect": "Deny", "Effect"')
    told = refusal(iam.create_policy, PolicyName=unique("twice"), PolicyDocument=twice)
    assert told.code == "MalformedPolicyDocument"
    assert "Effect: is given twice" in told.text


@pytest.mark.parametrize(
    ("action", "taken"),
    [
        ("sts:AssumeRole", True),
        ("sts:Assume*", True),
        ("STS:TagSession", True),
        ("sts:TagSessions", False),
        ("sts:GetCallerIdentity", False),
        ("s3:GetObject", False),
    ],
)
def test_a_trust_policy_has_the_actions_by_which_roles_are_assumed(
    iam: Any, action: str, taken: bool
) -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/32872"""
    role = {"RoleName": unique("role"), "AssumeRolePolicyDocument": trusting(ROOT, action=action)}
    if taken:
        assert iam.create_role(**role)["Role"]
    else:
        text = "AssumeRole policy may only specify STS AssumeRole actions."
        assert refusal(iam.create_role, **role) == Refusal("MalformedPolicyDocument", 400, text)


def test_who_names_no_user_means_oneself(organization: Organization, iam: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html"""
    own = statement("Allow", "iam:*", resource="arn:aws:iam::*:user/${aws:username}")
    user = organization.new_user(own)
    assert user.client("iam").get_user()["User"]["Arn"] == user.arn
    (key,) = user.client("iam").list_access_keys()["AccessKeyMetadata"]
    assert key["AccessKeyId"] == user.access_key
    no_user = "Must specify userName when calling with non-User credentials"
    assert refusal(iam.get_user) == Refusal("ValidationError", 400, no_user)
