"""Offboarding by StackSets: one operation lets go of accounts, and what it leaves is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stack_set_sandbox import (
    MANAGEMENT,
    STACK_SET,
    activate,
    administer,
    administration,
    forbid_role,
    instances,
    root_of,
)

import xacct_kit as xk
from xacct_kit.fleet.run import run
from xacct_kit.fleet.stack_set_calls import Deployment, PermissionModel
from xacct_kit.fleet.stack_set_removal import remove_stack_instances
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.steps import plan, status
from xacct_kit.steps.offboard import offboard_account
from xacct_kit.steps.waiting import attempts

MEMBERS = ("333333333333", "400000000000")
ACCESS_ROLE = "OrganizationAccountAccessRole"
ROLE = "CrossAccountExecutionRole"
# The administrator's role is the execution role too.
SELF_MANAGED = Deployment(model=PermissionModel.SELF_MANAGED, execution_role=ACCESS_ROLE)


@pytest.fixture
def opened() -> Iterator[xk.Session]:
    params = Params.load(
        "params/sandbox.yaml",
        sandbox_scenario="role-missing",
        sandbox_accounts=2,
        member_accounts=list(MEMBERS),
        stack_set="self-managed",
        wait_seconds=60,
    )
    with xk.connect(params) as there:
        yield there


@pytest.fixture
def session(opened: xk.Session) -> xk.Session:
    """Where a stack set has made the role in both accounts."""
    administration(opened)
    rows = deploy_stack_set(opened, MEMBERS, SELF_MANAGED)
    assert all(row.verdict.green for row in rows)
    return opened


def test_the_stack_that_a_stack_set_has_made_is_the_one_that_status_and_plan_look_at(
    session: xk.Session,
) -> None:
    (standing,) = status.check_account(session, MEMBERS[0])
    assert standing.evidence["standing"] == "CURRENT"
    (nothing,) = plan.check_account(session, MEMBERS[0])
    assert nothing.verdict is Verdict.PASS


def test_one_account_goes_with_its_stack_and_the_other_stays(session: xk.Session) -> None:
    lines: list[str] = []
    (row,) = remove_stack_instances(session, MEMBERS[:1], SELF_MANAGED, lines.append)
    assert (row.step, row.verdict) == ("offboard", Verdict.PASS)
    assert list(instances(session)) == [MEMBERS[1]]
    assert administer(session, MEMBERS[0], "cloudformation", "DescribeStacks")["Stacks"] == []
    assert administer(session, MEMBERS[1], "iam", "GetRole", RoleName=ROLE)
    assert lines[-1] == f"{STACK_SET}: DeleteStackInstances is SUCCEEDED"
    assert remove_stack_instances(session, MEMBERS[:1], SELF_MANAGED) == []


def test_a_run_lets_go_of_all_accounts_at_once_and_proves_that_the_roles_are_gone(
    session: xk.Session,
) -> None:
    report = run(session, [offboard_account], stack_set=SELF_MANAGED)
    assert report.ok
    probes = {row.probe for row in report if row.account == MEMBERS[0]}
    assert {"stack-set-instance", "stack", "role-is-gone", "cannot-be-assumed"} <= probes
    assert list(instances(session)) == []
    again = run(session, [offboard_account], stack_set=SELF_MANAGED)
    assert again.ok
    assert "stack-set-instance" not in {row.probe for row in again}


def test_a_stack_that_will_not_delete_is_named_and_the_others_go(session: xk.Session) -> None:
    (stack,) = administer(session, MEMBERS[0], "cloudformation", "DescribeStacks")["Stacks"]
    protect = {"StackName": stack["StackId"], "EnableTerminationProtection": True}
    administer(session, MEMBERS[0], "cloudformation", "UpdateTerminationProtection", **protect)
    rows = {row.account: row for row in remove_stack_instances(session, MEMBERS, SELF_MANAGED)}
    assert {account: row.verdict for account, row in rows.items()} == {
        MEMBERS[0]: Verdict.FAIL,
        MEMBERS[1]: Verdict.PASS,
    }
    assert "TerminationProtection is enabled" in rows[MEMBERS[0]].why
    assert stack["StackId"] in rows[MEMBERS[0]].fix

    found = {row.probe: row for row in offboard_account(session, MEMBERS[0])}
    assert found["stack"].verdict is Verdict.UNKNOWN
    assert "has not let go of it" in found["stack"].why
    assert (found["role-is-gone"].verdict, found["role-is-gone"].patch) == (Verdict.FAIL, ())


READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_a_role_that_a_stack_could_not_delete_is_removed_and_the_stack_set_lets_go(
    session: xk.Session,
) -> None:
    administer(session, MEMBERS[0], "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    (stack,) = administer(session, MEMBERS[0], "cloudformation", "DescribeStacks")["Stacks"]
    lines: list[str] = []
    rows = remove_stack_instances(session, MEMBERS, SELF_MANAGED, lines.append)
    assert {row.verdict for row in rows} == {Verdict.PASS}
    told = [(row.account, row.probe) for row in rows]
    assert told == [
        (MEMBERS[0], "role"),
        (MEMBERS[0], "stack-set-instance"),
        (MEMBERS[1], "stack-set-instance"),
    ]
    assert rows[0].why.startswith(f"The stack {stack['StackId']} could not delete {ROLE} (AWS::IAM::Role).")
    assert f"It is removed now (detached: {READ_ONLY})." in rows[0].why
    assert lines.count(f"{STACK_SET}: DeleteStackInstances has begun") == 2
    assert list(instances(session)) == []
    assert administer(session, MEMBERS[0], "cloudformation", "DescribeStacks")["Stacks"] == []


def test_a_role_that_cannot_be_removed_either_stays_with_its_stack_and_is_said(session: xk.Session) -> None:
    administer(session, MEMBERS[0], "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    forbid_role(session, MEMBERS[0], ACCESS_ROLE, "iam:DetachRolePolicy")
    rows = remove_stack_instances(session, MEMBERS, SELF_MANAGED)
    verdicts = {(row.account, row.probe): row.verdict for row in rows}
    assert verdicts == {
        (MEMBERS[0], "role"): Verdict.FAIL,
        (MEMBERS[0], "stack-set-instance"): Verdict.FAIL,
        (MEMBERS[1], "stack-set-instance"): Verdict.PASS,
    }
    assert [call["operation"] for call in rows[0].patch] == ["DetachRolePolicy", "DeleteRole"]
    assert list(instances(session)) == [MEMBERS[0]]


def test_a_stack_that_outlived_its_stack_set_holds_the_role_and_is_named(
    session: xk.Session,
) -> None:
    (stack,) = administer(session, MEMBERS[0], "cloudformation", "DescribeStacks")["Stacks"]
    retained = {"Accounts": [MEMBERS[0]], "Regions": ["us-east-1"], "RetainStacks": True}
    administer(
        session, MANAGEMENT, "cloudformation", "DeleteStackInstances", StackSetName=STACK_SET, **retained
    )
    await_operations(session)
    found = offboarded(session)
    assert found["role"].verdict is Verdict.FAIL
    assert found["role"].why == f"The stack {stack['StackId']} holds {ROLE}, which is not removed."

    administer(session, MEMBERS[0], "cloudformation", "DeleteStack", StackName=stack["StackId"])
    found = offboarded(session)
    assert all(row.verdict.green for row in found.values())


def await_operations(session: xk.Session) -> None:
    """Wait for what the stack set is at."""
    for _ in attempts(20):
        listed = administer(
            session, MANAGEMENT, "cloudformation", "ListStackSetOperations", StackSetName=STACK_SET
        )
        if not {each["Status"] for each in listed["Summaries"]} & {"QUEUED", "RUNNING"}:
            return
    raise AssertionError("an operation is still going on")


def offboarded(session: xk.Session) -> dict[str, Finding]:
    """The findings of the first account, which has been let go of, by probe."""
    assert remove_stack_instances(session, MEMBERS[:1], SELF_MANAGED) == []
    return {row.probe: row for row in offboard_account(session, MEMBERS[0])}


def test_accounts_of_units_go_by_their_units_and_no_other_account_does(opened: xk.Session) -> None:
    activate(opened)
    managed = Deployment(model=PermissionModel.SERVICE_MANAGED, organizational_units=(root_of(opened),))
    rows = deploy_stack_set(opened, MEMBERS, managed)
    assert all(row.verdict.green for row in rows)
    before = list(instances(opened))
    (row,) = remove_stack_instances(opened, MEMBERS[:1], managed)
    assert row.verdict is Verdict.PASS
    assert list(instances(opened)) == [account for account in before if account != MEMBERS[0]]


def test_where_there_is_no_stack_set_there_is_nothing_to_let_go(opened: xk.Session) -> None:
    assert remove_stack_instances(opened, MEMBERS, SELF_MANAGED) == []
