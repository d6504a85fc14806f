"""On what an action is allowed or refused, where that is another thing than the operation names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gate_clients import Actor, Organization, document, refusal, statement, unique

from xacct_kit.sandbox.layout import MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT

Call = Callable[[Actor], tuple[Callable[..., Any], dict[str, Any]]]


def somebody(organization: Organization, *statements: dict[str, Any]) -> Actor:
    """A user of the management account."""
    iam, name = organization.operator.client("iam"), unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return organization.operator.but(access_key=key["AccessKeyId"], secret=key["SecretAccessKey"], arn=arn)


def describe_account(actor: Actor) -> tuple[Callable[..., Any], dict[str, Any]]:
    return actor.client("organizations").describe_account, {"AccountId": MEMBER_ACCOUNT}


def all_stacks(actor: Actor) -> tuple[Callable[..., Any], dict[str, Any]]:
    return actor.client("cloudformation").describe_stacks, {}


def stack_set(actor: Actor) -> tuple[Callable[..., Any], dict[str, Any]]:
    body = '{"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
    values = {"StackSetName": unique("set"), "TemplateBody": body, "Tags": [{"Key": "a", "Value": "b"}]}
    return actor.client("cloudformation").create_stack_set, values


CLOUDFORMATION = f"arn:aws:cloudformation:us-east-1:{MANAGEMENT_ACCOUNT}:"
ACCOUNT = f"arn:aws:organizations::{MANAGEMENT_ACCOUNT}:account/*"

# What is called, by which statements it is refused, for the lack of what, and what more it takes.
ROWS: list[tuple[Call, list[dict[str, Any]], str, dict[str, Any]]] = [
    (
        describe_account,
        [statement("Allow", "organizations:DescribeAccount", resource=ACCOUNT.replace("account/", "ou/"))],
        "organizations:DescribeAccount on resource: arn:aws:organizations::",
        statement("Allow", "organizations:DescribeAccount", resource=ACCOUNT),
    ),
    (
        all_stacks,
        [statement("Allow", "cloudformation:DescribeStacks")],
        "cloudformation:ListStacks",
        statement("Allow", "cloudformation:ListStacks"),
    ),
    (
        stack_set,
        [statement("Allow", "cloudformation:*", resource=f"{CLOUDFORMATION}stackset/*")],
        "cloudformation:CreateStackSet on resource: *",
        statement("Allow", "cloudformation:CreateStackSet"),
    ),
    (
        stack_set,
        [statement("Allow", "cloudformation:CreateStackSet")],
        "cloudformation:TagResource on resource: arn:aws:cloudformation:us-east-1:111111111111:stackset/",
        statement("Allow", "cloudformation:TagResource", resource=f"{CLOUDFORMATION}stackset/*"),
    ),
]


@pytest.mark.parametrize(("call", "statements", "lacking", "more"), ROWS)
def test_what_is_asked_for(
    organization: Organization,
    call: Call,
    statements: list[dict[str, Any]],
    lacking: str,
    more: dict[str, Any],
) -> None:
    asked, params = call(somebody(organization, *statements))
    refused = refusal(asked, **params)
    assert refused.code in ("AccessDenied", "AccessDeniedException")
    assert lacking in refused.text
    asked, params = call(somebody(organization, *statements, more))
    asked(**params)


TYPE = "type/resource/AWS-CloudFormation-WaitConditionHandle"


@pytest.mark.parametrize(
    ("allowed", "lacking"),
    [(["stackset/*", "type/resource/*"], "stackset-target/"), (["stackset/*", "stackset-target/*"], TYPE)],
)
def test_a_stack_set_reaches_the_targets_and_has_the_types_that_are_allowed(
    organization: Organization, allowed: list[str], lacking: str
) -> None:
    create, params = stack_set(organization.operator)
    create(**params)
    arns = [f"arn:aws:cloudformation:*:*:{each}" for each in allowed]
    actor = somebody(organization, *(statement("Allow", "cloudformation:*", resource=each) for each in arns))
    asked = {"StackSetName": params["StackSetName"], "Accounts": [MEMBER_ACCOUNT], "Regions": ["us-east-1"]}
    refused = refusal(actor.client("cloudformation").create_stack_instances, **asked)
    assert lacking in refused.text
