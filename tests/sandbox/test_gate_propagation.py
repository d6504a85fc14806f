"""A new role is not there at once, and what it may is known later still; what stands is not delayed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from gate_clients import Organization, Refusal, document, refusal, role_arn, serving, statement, told

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MEMBER_ACCOUNT, Layout

CROSS_ACCOUNT_ROLE = role_arn(MEMBER_ACCOUNT, "CrossAccountExecutionRole")


DELAY = 0.5


def refused_until_answered(call: Callable[[], Any]) -> tuple[set[Refusal], Any]:
    """Make a call until it is answered: the refusals, and the answer; the bound is there to end a failure."""
    refusals: set[Refusal] = set()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return refusals, call()
        except ClientError as error:
            refusals.add(told(error))
            time.sleep(0.02)
    raise AssertionError(f"it is still refused: {refusals}")


def test_a_new_role_is_there_after_a_while_and_its_permissions_after_another(no_aws: None) -> None:
    with serving(Layout(propagation=DELAY)) as served:
        administrator, begun = served.administrator(), time.monotonic()
        role = served.new_role(statement("Allow", "ssm:DescribeParameters"))
        refusals, who = refused_until_answered(lambda: administrator.assume(role))
        assert time.monotonic() - begun >= DELAY
        text = f"User: {administrator.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
        assert refusals <= {Refusal("AccessDenied", 403, text)}

        refusals, answer = refused_until_answered(who.client("ssm").describe_parameters)
        assert time.monotonic() - begun >= 2 * DELAY
        assert "Parameters" in answer
        text = (
            f"User: {who.arn} is not authorized to perform: ssm:DescribeParameters on resource: * because no "
            "identity-based policy allows the ssm:DescribeParameters action"
        )
        assert refusals <= {Refusal("AccessDeniedException", 400, text)}


@pytest.fixture(scope="module")
def slow(no_aws: None) -> Iterator[Organization]:
    """A sandbox where nothing that is new is there yet."""
    with serving(Layout(propagation=3600)) as served:
        yield served


def test_a_new_role_cannot_be_told_from_a_missing_one(slow: Organization) -> None:
    assume_role, role = slow.administrator().client("sts").assume_role, slow.new_role()
    new = refusal(assume_role, RoleArn=role, RoleSessionName="tester")
    missing = refusal(assume_role, RoleArn=f"{role}-missing", RoleSessionName="tester")
    assert (new.code, new.status, f"{new.text}-missing") == ("AccessDenied", 403, missing.text)


def test_it_can_be_read_at_once(slow: Organization) -> None:
    role = slow.new_role()
    iam = slow.administrator().client("iam")
    assert iam.get_role(RoleName=role.rpartition("/")[2])["Role"]["Arn"] == role


@pytest.mark.parametrize("name", ["ApiHandlerRole", "WorkflowLoopRunnerRole"])
def test_standing_roles_are_not_delayed(slow: Organization, name: str) -> None:
    who = slow.session(MAIN_ACCOUNT, name).assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID)
    assert "Clusters" in who.client("emr").list_clusters()


def test_neither_are_users(slow: Organization) -> None:
    user = slow.new_user(statement("Allow", "iam:ListRoles"))
    assert "Roles" in user.client("iam").list_roles()


def test_a_changed_policy_of_a_standing_role_counts_at_once(slow: Organization) -> None:
    iam = slow.administrator().client("iam")
    who = slow.api_handler.assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID)
    place = {"RoleName": "CrossAccountExecutionRole", "PolicyName": "deny"}
    iam.put_role_policy(**place, PolicyDocument=document(statement("Deny", "*")))
    try:
        assert "explicit deny" in refusal(who.client("emr").list_clusters).text
    finally:
        iam.delete_role_policy(**place)
