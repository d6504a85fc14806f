"""The service control policies above an account, as AWS Organizations may list them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from listing_aws import listing

from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection
from xacct_kit.params import Params
from xacct_kit.steps.policies import RolePolicies, read_policies

MEMBER, UNIT, ROOT = "333333333333", "ou-exam-12345678", "r-exam"
PARENTS = {MEMBER: UNIT, UNIT: ROOT}
ALLOW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def no_accounts(_: Mapping[str, Any]) -> tuple[int, Any]:
    return 200, {"Accounts": []}


def parent(asked: Mapping[str, Any]) -> tuple[int, Any]:
    return 200, {"Parents": [{"Id": PARENTS[asked["ChildId"]], "Type": "ROOT"}]}


def described(asked: Mapping[str, Any]) -> tuple[int, Any]:
    return 200, {"Policy": {"PolicySummary": {"Id": asked["PolicyId"]}, "Content": json.dumps(ALLOW)}}


def read(attached: Mapping[str, list[list[str]]]) -> RolePolicies:
    """The policies of a role that nobody may read, above which these are listed, page by page."""

    def page(asked: Mapping[str, Any]) -> tuple[int, Any]:
        pages, number = attached.get(asked["TargetId"], [[]]), int(asked.get("NextToken", "0"))
        policies = [{"Id": name, "Name": name, "Arn": name} for name in pages[number]]
        following = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        return 200, {"Policies": policies, **following}

    answers = {"ListParents": parent, "ListPoliciesForTarget": page, "DescribePolicy": described}
    params = Params.load("params/sandbox.yaml")
    with (
        listing(no_accounts, **answers) as endpoint,
        Session(params, sandbox_connection(endpoint)) as session,
    ):
        return read_policies(session, MEMBER, "SomeRole", None)


@pytest.mark.parametrize(
    ("attached", "levels"),
    [
        pytest.param(
            {ROOT: [["p-1"]], UNIT: [["p-1", "p-2"]], MEMBER: [["p-1"]]},
            [["p-1"], ["p-1", "p-2"], ["p-1"]],
            id="root first",
        ),
        pytest.param(
            {ROOT: [[], ["p-1"], ["p-2"]], UNIT: [["p-1"], []], MEMBER: [["p-1"]]},
            [["p-1", "p-2"], ["p-1"], ["p-1"]],
            id="pages, and empty ones",
        ),
        pytest.param({}, [], id="an organization that does not use them"),
    ],
)
def test_the_levels_above_an_account(attached: dict[str, list[list[str]]], levels: list[list[str]]) -> None:
    found = read(attached)
    assert [[policy.name for policy in level] for level in found.policies.scps] == levels
    assert found.unread == ("The policies of SomeRole cannot be read: nobody here may act in 333333333333.",)
