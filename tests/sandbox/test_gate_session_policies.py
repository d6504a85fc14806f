"""Policies that are passed when a role is assumed: they limit the session, and give nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from gate_clients import (
    Actor,
    Organization,
    Refusal,
    document,
    refusal,
    role_arn,
    statement,
    told,
    trusting,
    unique,
)

from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MEMBER_ACCOUNT

ADMINISTRATOR = role_arn(MEMBER_ACCOUNT, "OrganizationAccountAccessRole")
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LONGEST = 2048

BUCKETS = statement("Allow", "s3:ListAllMyBuckets")
PARAMETERS = statement("Allow", "ssm:DescribeParameters")
ROLES = statement("Allow", "iam:ListRoles")


def arns(*policies: str) -> list[dict[str, str]]:
    return [{"arn": policy} for policy in policies]


def limited(organization: Organization, **session: Any) -> Actor:
    """A session of an administrator, limited by policies."""
    return organization.operator.assume(ADMINISTRATOR, **session)


def not_assumed(organization: Organization, **session: Any) -> Refusal:
    assume_role = organization.operator.client("sts").assume_role
    return refusal(assume_role, RoleArn=ADMINISTRATOR, RoleSessionName="tester", **session)


def allowed(who: Actor) -> set[str]:
    """Which of three services answer somebody; the others blame the session's policies."""
    calls = {
        "buckets": ("s3:ListAllMyBuckets", who.client("s3").list_buckets),
        "parameters": ("ssm:DescribeParameters", who.client("ssm").describe_parameters),
        "roles": ("iam:ListRoles", who.client("iam").list_roles),
    }
    answered = set()
    for name, (action, call) in calls.items():
        try:
            call()
        except ClientError as error:
            reason = f"because no session policy allows the {action} action"
            assert told(error).text.endswith(reason)
        else:
            answered.add(name)
    return answered


@pytest.mark.parametrize(
    ("inline", "managed", "expected"),
    [
        pytest.param(None, [], {"buckets", "parameters", "roles"}, id="none"),
        pytest.param(BUCKETS, [], {"buckets"}, id="inline"),
        pytest.param(None, [PARAMETERS], {"parameters"}, id="managed"),
        pytest.param(BUCKETS, [PARAMETERS], {"buckets", "parameters"}, id="inline and managed"),
        pytest.param(None, [PARAMETERS, ROLES], {"parameters", "roles"}, id="two managed"),
        pytest.param(BUCKETS, [PARAMETERS, ROLES], {"buckets", "parameters", "roles"}, id="three"),
    ],
)
def test_a_session_may_what_any_of_its_policies_allows(
    organization: Organization,
    inline: dict[str, Any] | None,
    managed: list[dict[str, Any]],
    expected: set[str],
) -> None:
    session: dict[str, Any] = {"Policy": document(inline)} if inline else {}
    if managed:
        session["PolicyArns"] = arns(*(organization.new_policy(each) for each in managed))
    assert allowed(limited(organization, **session)) == expected


def test_a_policy_of_aws_limits_as_well(organization: Organization) -> None:
    who = limited(organization, PolicyArns=arns(READ_ONLY))
    assert allowed(who) == {"buckets", "parameters", "roles"}
    refused = refusal(who.client("iam").create_user, UserName=unique("user"))
    assert refused.text.endswith("because no session policy allows the iam:CreateUser action")


@pytest.mark.parametrize("managed", [False, True], ids=["inline", "managed"])
def test_they_give_nothing_that_the_role_may_not(organization: Organization, managed: bool) -> None:
    everything = statement("Allow", "*")
    session: dict[str, Any] = {"Policy": document(everything)}
    if managed:
        session = {"PolicyArns": arns(organization.new_policy(everything))}
    who = organization.administrator().assume(organization.new_role(PARAMETERS), **session)
    assert "Parameters" in who.client("ssm").describe_parameters()
    refused = refusal(who.client("s3").list_buckets)
    assert refused.text.endswith("because no identity-based policy allows the s3:ListAllMyBuckets action")


def test_an_explicit_deny_of_one_outweighs_the_others(organization: Organization) -> None:
    policy = organization.new_policy(statement("Deny", "ssm:*"))
    who = limited(organization, Policy=document(statement("Allow", "*")), PolicyArns=arns(policy))
    assert "Buckets" in who.client("s3").list_buckets()
    refused = refusal(who.client("ssm").describe_parameters)
    assert refused.text.endswith(f" with an explicit deny in a session policy: {policy}")


def test_they_limit_which_roles_can_be_assumed_from_the_session(organization: Organization) -> None:
    target, other = organization.new_role(), organization.new_role()
    who = limited(organization, Policy=document(statement("Allow", "sts:AssumeRole", resource=target)))
    assert who.assume(target).account == MEMBER_ACCOUNT
    refused = refusal(who.client("sts").assume_role, RoleArn=other, RoleSessionName="tester")
    assert refused.text.endswith("because no session policy allows the sts:AssumeRole action")


def test_they_limit_even_where_the_role_is_trusted_by_its_arn(organization: Organization) -> None:
    """A session's role that a trust policy names is not free of the session's policies."""
    caller = organization.new_role(statement("Allow", "sts:AssumeRole"))
    target = organization.new_role(AssumeRolePolicyDocument=trusting({"AWS": caller}))
    administrator = organization.administrator()
    assert administrator.assume(caller).assume(target).account == MEMBER_ACCOUNT
    who = administrator.assume(caller, Policy=document(BUCKETS))
    refused = refusal(who.client("sts").assume_role, RoleArn=target, RoleSessionName="tester")
    assert refused.text.endswith("because no session policy allows the sts:AssumeRole action")


def test_they_are_the_sessions_own(organization: Organization) -> None:
    """The next session of a chain has the limits that are passed to it, and no others."""
    target = organization.new_role(statement("Allow", "*"))
    first = limited(organization, Policy=document(statement("Allow", "sts:AssumeRole")))
    assert allowed(first.assume(target)) == {"buckets", "parameters", "roles"}


# What can be passed.


def test_ten_managed_policies_can_be_passed(organization: Organization) -> None:
    policies = [organization.new_policy(BUCKETS) for _ in range(9)] + [organization.new_policy(ROLES)]
    assert allowed(limited(organization, PolicyArns=arns(*policies))) == {"buckets", "roles"}


def test_eleven_cannot(organization: Organization) -> None:
    policies = [organization.new_policy(BUCKETS) for _ in range(11)]
    refused = not_assumed(organization, PolicyArns=arns(*policies))
    assert (refused.code, refused.status) == ("ValidationError", 400)
    assert "'policyArns'" in refused.text


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{MEMBER_ACCOUNT}:policy/NoSuchPolicy",
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        ADMINISTRATOR,
        "this-is-no-arn-at-all",
    ],
)
def test_one_that_does_not_exist_cannot_be_passed(organization: Organization, arn: str) -> None:
    refused = not_assumed(organization, PolicyArns=arns(READ_ONLY, arn))
    assert (refused.code, refused.status) == ("ValidationError", 400)
    assert arn in refused.text


def test_one_of_another_account_than_the_roles_cannot_be_passed(organization: Organization) -> None:
    """Not even the caller's."""
    policy = organization.new_policy(BUCKETS, account=MAIN_ACCOUNT)
    caller = organization.administrator(MAIN_ACCOUNT)
    trust = trusting({"AWS": f"arn:aws:iam::{MAIN_ACCOUNT}:root"})
    target = organization.new_role(AssumeRolePolicyDocument=trust)
    asked = {"RoleArn": target, "RoleSessionName": "tester", "PolicyArns": arns(policy)}
    refused = refusal(caller.client("sts").assume_role, **asked)
    assert (refused.code, refused.status) == ("ValidationError", 400)
    assert policy in refused.text


def test_whether_one_exists_is_not_told_to_whom_may_not_come_in(organization: Organization) -> None:
    policy = f"arn:aws:iam::{MEMBER_ACCOUNT}:policy/NoSuchPolicy"
    asked = {"RoleArn": ADMINISTRATOR, "RoleSessionName": "tester", "PolicyArns": arns(policy)}
    refused = refusal(organization.api_handler.client("sts").assume_role, **asked)
    assert (refused.code, refused.status) == ("AccessDenied", 403)
    assert policy not in refused.text


def padded(length: int) -> str:
    text = document(BUCKETS)
    return text + " " * (length - len(text))


def test_an_inline_one_of_2048_characters_can_be_passed(organization: Organization) -> None:
    assert allowed(limited(organization, Policy=padded(LONGEST))) == {"buckets"}


def test_a_longer_one_cannot(organization: Organization) -> None:
    refused = not_assumed(organization, Policy=padded(LONGEST + 1))
    assert (refused.code, refused.status) == ("ValidationError", 400)
    assert "'policy'" in refused.text


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "[]",
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}',
        trusting({"AWS": "*"}),
        document({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}),
    ],
    ids=["no JSON", "no object", "no effect", "trust policy", "principal"],
)
def test_an_inline_one_must_be_a_permissions_policy(organization: Organization, policy: str) -> None:
    refused = not_assumed(organization, Policy=policy)
    assert (refused.code, refused.status) == ("MalformedPolicyDocument", 400)
