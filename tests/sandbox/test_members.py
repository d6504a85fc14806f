"""Member accounts, of which there can be many: each is furnished when it is first entered or named."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from gate_clients import Actor, Organization, role_arn, serving, trusting

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MEMBER_ACCOUNT, Layout
from xacct_kit.sandbox.members import Members

ACCOUNTS = ("333333333333", "400000000000", "400000000001")
FIRST, SECOND, THIRD = ACCOUNTS
THREADS = 32


@pytest.fixture
def furnished() -> Counter[str]:
    """How often each account was furnished."""
    return Counter()


@pytest.fixture
def members(furnished: Counter[str]) -> Members:
    return Members(ACCOUNTS, lambda account: furnished.update([account]))


def test_nothing_is_furnished_at_first(members: Members, furnished: Counter[str]) -> None:
    assert not furnished


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([FIRST], {FIRST}),
        ([f"arn:aws:iam::{SECOND}:role/Role"], {SECOND}),
        ([f"{{'RoleArn': 'arn:aws:iam::{THIRD}:role/{FIRST}'}}"], {FIRST, THIRD}),
        ([f"assume {FIRST}", f"from {SECOND}"], {FIRST, SECOND}),
        ([f"{FIRST}{SECOND}"], set()),
        ([f"{FIRST}0", f"0{SECOND}", THIRD[:-1]], set()),
        (["999999999999"], set()),
        ([""], set()),
        ([], set()),
    ],
)
def test_those_that_are_named_are_furnished(
    members: Members, furnished: Counter[str], texts: list[str], expected: set[str]
) -> None:
    members.enter(*texts)
    assert furnished == Counter(expected)


def test_each_is_furnished_once(members: Members, furnished: Counter[str]) -> None:
    for _ in range(3):
        members.enter(FIRST, f"{FIRST} and {FIRST}")
    members.enter_all()
    members.enter_all()
    members.enter(*ACCOUNTS)
    assert furnished == Counter(ACCOUNTS)


def test_one_that_could_not_be_furnished_is_furnished_the_next_time() -> None:
    attempts: list[str] = []

    def stumble_once(account: str) -> None:
        attempts.append(account)
        if len(attempts) == 1:
            raise RuntimeError("not yet")

    members = Members(ACCOUNTS, stumble_once)
    with pytest.raises(RuntimeError):
        members.enter(FIRST)
    members.enter(FIRST)
    members.enter(FIRST)
    assert attempts == [FIRST, FIRST]


def test_however_many_enter_at_once_each_is_furnished_once_and_before_anybody_is_in() -> None:
    ready, begun, done = threading.Barrier(THREADS), Counter[str](), set[str]()

    def furnish(account: str) -> None:
        begun[account] += 1
        # Others get the time to come in too early.
        threading.Event().wait(0.01)
        done.add(account)

    members = Members(ACCOUNTS, furnish)

    def enter(number: int) -> bool:
        ready.wait()
        if number % 4 == 0:
            members.enter_all()
            return done == set(ACCOUNTS)
        account = ACCOUNTS[number % 3]
        members.enter(account)
        return account in done

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(enter, range(THREADS)))
    assert begun == Counter(ACCOUNTS)


# A sandbox of many accounts.

LARGE = Layout(accounts=200)
UNTOUCHED = iter(LARGE.members[1:-1])


@pytest.fixture(scope="module")
def large(no_aws: None) -> Iterator[Organization]:
    with serving(LARGE) as served:
        yield served


def trust_of(who: Actor, role: str) -> list[str]:
    """The AWS principals that a role trusts, as IAM tells it."""
    told = who.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return list(told["Statement"][0]["Principal"]["AWS"])


def test_every_account_is_listed(large: Organization) -> None:
    pages = large.operator.client("organizations").get_paginator("list_accounts").paginate()
    listed = {account["Id"] for page in pages for account in page["Accounts"]}
    assert listed >= set(LARGE.members)
    assert len(listed) == 202


def test_the_last_is_there_when_it_is_entered(large: Organization) -> None:
    last = LARGE.members[-1]
    administrator = large.administrator(last)
    stacks = administrator.client("cloudformation").describe_stacks()["Stacks"]
    assert [(each["StackName"], each["StackStatus"]) for each in stacks] == [
        ("onboard-account", "CREATE_COMPLETE")
    ]
    arrived = large.api_handler.assume(role_arn(last, "CrossAccountExecutionRole"), ExternalId=EXTERNAL_ID)
    assert arrived.account == last
    assert "Buckets" in arrived.client("s3").list_buckets()


def test_one_can_be_entered_by_the_cross_account_role_first(large: Organization) -> None:
    account = next(UNTOUCHED)
    role = role_arn(account, "CrossAccountExecutionRole")
    assert large.api_handler.assume(role, ExternalId=EXTERNAL_ID).account == account


def test_a_role_of_one_that_nobody_has_entered_can_be_trusted(large: Organization) -> None:
    trusted = role_arn(next(UNTOUCHED), "CrossAccountExecutionRole")
    large.new_role(AssumeRolePolicyDocument=trusting({"AWS": trusted}), account=MAIN_ACCOUNT)


def test_one_can_be_entered_by_many_at_once(large: Organization) -> None:
    account = next(UNTOUCHED)
    role = role_arn(account, "OrganizationAccountAccessRole")
    with ThreadPoolExecutor(8) as pool:
        arrived = [*pool.map(large.operator.assume, [role] * 8)]
    assert {who.account for who in arrived} == {account}
    cloudformation = arrived[0].client("cloudformation")
    events = cloudformation.describe_stack_events(StackName="onboard-account")["StackEvents"]
    stack = [each["ResourceStatus"] for each in events if each["PhysicalResourceId"] == each["StackId"]]
    assert stack == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]


# A trusted role that goes before anybody has entered the accounts that trust it.


def test_all_accounts_keep_the_unique_id_of_a_trusted_role_that_was_deleted(no_aws: None) -> None:
    layout = Layout(accounts=4)
    with serving(layout) as served:
        iam = served.administrator(MAIN_ACCOUNT).client("iam")
        served.administrator(MEMBER_ACCOUNT)
        former = iam.get_role(RoleName="ApiHandlerRole")["Role"]["RoleId"]
        iam.delete_role_policy(RoleName="ApiHandlerRole", PolicyName="permissions")
        iam.delete_role(RoleName="ApiHandlerRole")
        for account in layout.members:
            trusted = trust_of(served.administrator(account), "CrossAccountExecutionRole")
            assert former in trusted
            assert role_arn(MAIN_ACCOUNT, "WorkflowLoopRunnerRole") in trusted
            assert role_arn(MAIN_ACCOUNT, "ApiHandlerRole") not in trusted
