"""Accounts that cannot use all of AWS yet: the home region is off, or services are still being set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gate_clients import COSTS, Actor, Organization, Refusal, outcome, refusal, role_arn, serving

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MEMBER_ACCOUNT, Layout

CROSS_ACCOUNT_ROLE = role_arn(MEMBER_ACCOUNT, "CrossAccountExecutionRole")
ACCESS_ROLE = role_arn(MEMBER_ACCOUNT, "OrganizationAccountAccessRole")


# A region that is off.

NOT_VALID = "The security token included in the request is invalid."


@pytest.fixture(scope="module")
def disabled(no_aws: None) -> Iterator[Organization]:
    """A sandbox whose home region, us-east-1, is off in the member account."""
    with serving(Layout(scenario="region-disabled")) as served:
        yield served


@pytest.fixture(scope="module")
def arrived(disabled: Organization) -> Actor:
    """An administrator of the member, by another region."""
    return disabled.operator.but(region="us-west-2").assume(ACCESS_ROLE)


def not_activated(account: str) -> Refusal:
    text = (
        f"STS is not activated in this region for account:{account}. Your account administrator can activate "
        "STS in this region using the IAM Console."
    )
    return Refusal("RegionDisabledException", 403, text)


@pytest.mark.parametrize(
    ("role", "params"), [(ACCESS_ROLE, {}), (CROSS_ACCOUNT_ROLE, {"ExternalId": EXTERNAL_ID})]
)
def test_no_role_can_be_assumed_there(disabled: Organization, role: str, params: dict[str, str]) -> None:
    caller = disabled.operator if role == ACCESS_ROLE else disabled.api_handler
    refused = refusal(caller.client("sts").assume_role, RoleArn=role, RoleSessionName="tester", **params)
    assert refused == not_activated(MEMBER_ACCOUNT)


def test_nor_from_there(disabled: Organization, arrived: Actor) -> None:
    """The caller's account needs the region as well."""
    target = role_arn(MAIN_ACCOUNT, "OrganizationAccountAccessRole")
    sts = arrived.but(region="us-east-1").client("sts")
    refused = refusal(sts.assume_role, RoleArn=target, RoleSessionName="tester")
    assert refused == not_activated(MEMBER_ACCOUNT)


def test_ec2_tells_the_regions_that_are_on(arrived: Actor) -> None:
    ec2 = arrived.client("ec2")
    on = {each["RegionName"] for each in ec2.describe_regions()["Regions"]}
    assert {"us-west-2", "eu-north-1"} <= on
    assert not {"us-east-1", "cn-north-1", "us-gov-west-1"} & on
    assert [each["RegionName"] for each in ec2.describe_regions(RegionNames=["us-west-2"])["Regions"]] == [
        "us-west-2"
    ]
    filters = [{"Name": "region-name", "Values": ["us-west-2"]}]
    assert refusal(ec2.describe_regions, Filters=filters).code == "NotImplemented"


def test_through_another_region_it_can(disabled: Organization) -> None:
    who = disabled.api_handler.but(region="us-west-2").assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID)
    assert who.client("sts").get_caller_identity()["Account"] == MEMBER_ACCOUNT


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("cloudformation", Refusal("InvalidClientTokenId", 403, NOT_VALID)),
        (
            "ec2",
            Refusal("AuthFailure", 401, "AWS was not able to validate the provided access credentials"),
        ),
        ("emr", Refusal("UnrecognizedClientException", 400, NOT_VALID)),
        (
            "s3",
            Refusal(
                "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."
            ),
        ),
        ("sagemaker", Refusal("UnrecognizedClientException", 400, NOT_VALID)),
        ("ssm", Refusal("UnrecognizedClientException", 400, NOT_VALID)),
        ("sts", Refusal("InvalidClientTokenId", 403, NOT_VALID)),
    ],
)
def test_there_the_accounts_credentials_are_not_known(
    arrived: Actor, service: str, expected: Refusal
) -> None:
    assert outcome(arrived.but(region="us-east-1"), service) == expected
    assert outcome(arrived, service) is None


@pytest.mark.parametrize("service", ["ce", "iam"])
def test_services_of_no_region_are_there(arrived: Actor, service: str) -> None:
    assert outcome(arrived.but(region="us-east-1"), service) is None


@pytest.mark.parametrize("service", ["ec2", "s3", "ssm", "sts"])
def test_other_accounts_have_the_region(disabled: Organization, service: str) -> None:
    for who in (disabled.operator, disabled.administrator(MAIN_ACCOUNT)):
        assert outcome(who, service) is None


# An account that is being set up.


@pytest.fixture(scope="module")
def new_account(no_aws: None) -> Iterator[Organization]:
    with serving(Layout(scenario="new-account")) as served:
        yield served


NOT_SIGNED_UP = Refusal("NotSignedUp", 403, "Your account is not signed up for the Amazon S3 service.")
NOT_SUBSCRIBED = Refusal(
    "OptInRequired",
    401,
    "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
)
NOT_YET: list[tuple[str, str, dict[str, Any], Refusal]] = [
    ("s3", "list_buckets", {}, NOT_SIGNED_UP),
    ("s3", "create_bucket", {"Bucket": "wanted"}, NOT_SIGNED_UP),
    ("ec2", "describe_vpcs", {}, NOT_SUBSCRIBED),
    ("ec2", "describe_vpcs", {"DryRun": True}, NOT_SUBSCRIBED),
    ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}, NOT_SUBSCRIBED),
    ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16", "DryRun": True}, NOT_SUBSCRIBED),
]
each_not_yet = pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    NOT_YET,
    ids=[f"{operation}{'-dry-run' * ('DryRun' in params)}" for _, operation, params, _ in NOT_YET],
)


@each_not_yet
def test_what_it_may_not_use_yet_is_told_to_whom_may(
    new_account: Organization, service: str, operation: str, params: dict[str, Any], expected: Refusal
) -> None:
    call = getattr(new_account.administrator().client(service), operation)
    assert refusal(call, **params) == expected


@each_not_yet
def test_who_may_not_is_told_that(
    new_account: Organization, service: str, operation: str, params: dict[str, Any], expected: Refusal
) -> None:
    call = getattr(new_account.somebody().client(service), operation)
    refused = refusal(call, **params)
    assert refused.code == {"s3": "AccessDenied", "ec2": "UnauthorizedOperation"}[service]
    assert "because no identity-based policy allows" in refused.text


@pytest.mark.parametrize("service", ["cloudformation", "emr", "iam", "sagemaker", "ssm", "sts"])
def test_the_rest_is_there(new_account: Organization, service: str) -> None:
    assert outcome(new_account.administrator(), service) is None


def test_its_costs_are_not(new_account: Organization) -> None:
    refused = refusal(new_account.administrator().client("ce").get_cost_and_usage, **COSTS)
    assert (refused.code, refused.status) == ("DataUnavailableException", 400)


@pytest.mark.parametrize("service", ["ce", "ec2", "s3"])
def test_other_accounts_have_all(new_account: Organization, service: str) -> None:
    for who in (new_account.operator, new_account.administrator(MAIN_ACCOUNT)):
        assert outcome(who, service) is None
