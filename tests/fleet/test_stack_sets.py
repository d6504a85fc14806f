"""Deploying by StackSets: one operation, every account told, what is not reached deployed to directly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from by_hand import again
from stack_set_sandbox import (
    MANAGEMENT,
    STACK_SET,
    activate,
    administer,
    administration,
    document,
    forbid_operator,
    instances,
    make_role,
    move,
    operations,
    root_of,
    unit_of,
)

import xacct_kit as xk
from xacct_kit.fleet.stack_instances import question_of, told
from xacct_kit.fleet.stack_set_calls import Deployment, PermissionModel, StackSetCalls
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.waiting import attempts, silent

MEMBERS = ("333333333333", "400000000000", "400000000001")
EXECUTION_ROLE = "AWSCloudFormationStackSetExecutionRole"
ROLE = "CrossAccountExecutionRole"
SELF_MANAGED = Deployment(model=PermissionModel.SELF_MANAGED)


def opened(**changes: Any) -> xk.Session:
    values = {"sandbox_scenario": "role-missing", "sandbox_accounts": 3, "member_accounts": list(MEMBERS)}
    return xk.connect(Params.load("params/sandbox.yaml", **{**values, **changes}))


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with opened() as there:
        yield there


def grant(session: xk.Session, accounts: Sequence[str] = MEMBERS, *actions: str) -> None:
    """Make the execution role of self-managed StackSets in accounts."""
    trusted = {"AWS": session.role_arn(MANAGEMENT, ADMINISTRATION_ROLE)}
    for account in accounts:
        make_role(session, account, EXECUTION_ROLE, trusted, *(actions or ("*",)))


def deployed(
    session: xk.Session, deployment: Deployment = SELF_MANAGED, accounts: Sequence[str] = MEMBERS
) -> tuple[dict[str, Finding], list[str]]:
    """The first finding of each account, and what was told meanwhile."""
    lines: list[str] = []
    rows = deploy_stack_set(session, accounts, deployment, lines.append)
    return {row.account: row for row in reversed(rows)}, lines


def verdicts(rows: dict[str, Finding]) -> dict[str, Verdict]:
    return {account: row.verdict for account, row in rows.items()}


@pytest.fixture(scope="module")
def shared(no_aws: None) -> Iterator[xk.Session]:
    """A sandbox that nothing is changed in."""
    with opened() as there:
        yield there


ALL_PASS = dict.fromkeys(MEMBERS, Verdict.PASS)


def test_one_operation_makes_the_role_in_every_account(session: xk.Session) -> None:
    administration(session)
    grant(session)
    rows, lines = deployed(session)
    assert verdicts(rows) == ALL_PASS
    assert {(row.step, row.probe) for row in rows.values()} == {("deploy", "stack-set-instance")}
    assert operations(session) == ["CREATE"]
    assert lines[-1] == "onboard-account: CreateStackInstances is SUCCEEDED"
    for account in MEMBERS:
        assert administer(session, account, "iam", "GetRole", RoleName=ROLE)
        (stack,) = administer(session, account, "cloudformation", "DescribeStacks")["Stacks"]
        assert stack["StackName"].startswith("StackSet-onboard-account-")


def test_accounts_are_deployed_to_at_once_and_a_failure_stops_no_other(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session)
    listed = administer(
        session, MANAGEMENT, "cloudformation", "ListStackSetOperations", StackSetName=STACK_SET
    )
    described = administer(
        session,
        MANAGEMENT,
        "cloudformation",
        "DescribeStackSetOperation",
        StackSetName=STACK_SET,
        OperationId=listed["Summaries"][0]["OperationId"],
    )
    assert described["StackSetOperation"]["OperationPreferences"] == {
        "RegionConcurrencyType": "PARALLEL",
        "FailureTolerancePercentage": 100,
        "MaxConcurrentPercentage": 100,
        "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    }


def test_the_same_again_begins_no_operation(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session)
    rows, lines = deployed(again(session))
    assert verdicts(rows) == ALL_PASS
    assert lines == []
    assert operations(session) == ["CREATE"]


@pytest.mark.parametrize(
    "change",
    [
        {"external_id": "another-external-id"},
        {"role_name": "AnotherRole"},
        {"workflow_loop_runner_role": "ApiHandlerRole"},
        {"stack_tags": {"team": "research"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_asked_for_otherwise_is_updated_everywhere(
    session: xk.Session, change: dict[str, Any]
) -> None:
    administration(session)
    grant(session)
    deployed(session)
    rows, lines = deployed(again(session, **change))
    assert verdicts(rows) == ALL_PASS
    assert operations(session) == ["CREATE", "UPDATE"]
    assert not any("another-external-id" in text for text in (*lines, *map(str, rows.values())))
    if "external_id" in change:
        for account in MEMBERS:
            trust = administer(session, account, "iam", "GetRole", RoleName=ROLE)["Role"]
            assert "another-external-id" in json.dumps(trust["AssumeRolePolicyDocument"])


def test_where_the_external_id_cannot_be_compared_the_stack_set_is_updated(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session)
    rows, lines = deployed(again(session, access_role="NoSuchRole"))
    assert verdicts(rows) == ALL_PASS
    assert operations(session) == ["CREATE", "UPDATE"]
    assert "onboard-account: its external ID cannot be compared, so that it is updated" in lines


@pytest.mark.parametrize(
    "before", [(), MEMBERS[:1]], ids=["never had a stack", "has a suspended account alone"]
)
def test_a_stack_set_without_current_stacks_is_not_believed_to_have_the_external_id(
    session: xk.Session, before: Sequence[str]
) -> None:
    administration(session)
    grant(session)
    older = again(session, external_id="an-older-external-id")
    make_stack_set(older)
    if before:
        administer(session, MANAGEMENT, "organizations", "CloseAccount", AccountId=before[0])
        deployed(older, accounts=before)
    accounts = [account for account in MEMBERS if account not in before]
    rows, lines = deployed(again(session), accounts=accounts)
    assert verdicts(rows) == dict.fromkeys(accounts, Verdict.PASS)
    assert operations(session)[-2:] == ["UPDATE", "CREATE"]
    for account in accounts:
        trust = administer(session, account, "iam", "GetRole", RoleName=ROLE)["Role"]
        assert session.external_id in json.dumps(trust["AssumeRolePolicyDocument"])
    assert not any("external-id" in text for text in (*lines, *map(str, rows.values())))


def make_stack_set(session: xk.Session) -> None:
    """A stack set that nothing has been deployed by yet."""
    managed = {"PermissionModel": "SELF_MANAGED", "ManagedExecution": {"Active": True}}
    request = {**stack_request(session), **managed, "ExecutionRoleName": EXECUTION_ROLE}
    administer(session, MANAGEMENT, "cloudformation", "CreateStackSet", StackSetName=STACK_SET, **request)


def test_an_operation_that_somebody_else_has_begun_is_waited_for(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session)
    keys = ("MainAccount", "ApiHandlerRole", "WorkflowLoopRunnerRole", "ExternalId", "RoleName")
    administer(
        session,
        MANAGEMENT,
        "cloudformation",
        "UpdateStackSet",
        StackSetName=STACK_SET,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in keys],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    rows, _ = deployed(again(session))
    assert verdicts(rows) == ALL_PASS
    assert operations(session) == ["CREATE", "UPDATE"]


def test_a_new_account_is_added_without_touching_the_others(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session, accounts=MEMBERS[:2])
    rows, lines = deployed(again(session))
    assert verdicts(rows) == ALL_PASS
    assert operations(session) == ["CREATE", "CREATE"]
    assert not any("UpdateStackSet" in line for line in lines)


def test_an_account_whose_execution_role_may_not_make_roles_is_one_row_that_says_so(
    session: xk.Session,
) -> None:
    administration(session)
    grant(session, MEMBERS[1:])
    grant(session, MEMBERS[:1], "cloudformation:*", "iam:Get*")
    rows, _ = deployed(session)
    assert verdicts(rows) == {**ALL_PASS, MEMBERS[0]: Verdict.FAIL}
    failed = rows[MEMBERS[0]]
    assert failed.outcome is OutcomeKind.DENIED_IDENTITY
    assert "was refused iam:CreateRole" in failed.why
    assert "Allow iam:CreateRole" in failed.fix

    may = document("Allow", "*", Resource="*")
    administer(
        session,
        MEMBERS[0],
        "iam",
        "PutRolePolicy",
        RoleName=EXECUTION_ROLE,
        PolicyName="may",
        PolicyDocument=may,
    )
    rows, lines = deployed(again(session))
    assert verdicts(rows) == ALL_PASS
    assert "onboard-account: not current in 1 of 3 accounts" in lines


def test_an_account_without_the_execution_role_is_told_which_one(session: xk.Session) -> None:
    administration(session)
    grant(session, MEMBERS[:2])
    rows, _ = deployed(session)
    assert verdicts(rows) == {**ALL_PASS, MEMBERS[2]: Verdict.FAIL}
    assert f"should have '{EXECUTION_ROLE}' role" in rows[MEMBERS[2]].why
    assert "Make that role in the account" in rows[MEMBERS[2]].fix


def test_a_role_that_stands_in_the_way_is_named() -> None:
    with opened(sandbox_scenario="healthy") as session:
        administration(session)
        grant(session)
        rows, _ = deployed(session)
    assert set(verdicts(rows).values()) == {Verdict.FAIL}
    assert all("already exists" in row.why and "Another stack" in row.fix for row in rows.values())


def test_the_access_role_can_be_the_execution_role(session: xk.Session) -> None:
    administration(session)
    rows, _ = deployed(session, replace(SELF_MANAGED, execution_role="OrganizationAccountAccessRole"))
    assert verdicts(rows) == ALL_PASS


def test_without_the_administration_role_nothing_is_made(session: xk.Session) -> None:
    rows, _ = deployed(session)
    assert {(row.verdict, row.outcome) for row in rows.values()} == {(Verdict.FAIL, OutcomeKind.NOT_FOUND)}
    assert all("Make it, trusting cloudformation.amazonaws.com" in row.fix for row in rows.values())
    assert not administer(session, MEMBERS[0], "cloudformation", "ListStacks")["StackSummaries"]


def test_an_operator_who_may_not_is_told_which_action(session: xk.Session) -> None:
    administration(session)
    grant(session)
    forbid_operator(session, "cloudformation:CreateStackSet")
    rows, _ = deployed(session)
    assert {(row.verdict, row.outcome) for row in rows.values()} == {
        (Verdict.FAIL, OutcomeKind.DENIED_IDENTITY)
    }
    assert all("cloudformation:CreateStackSet" in row.why for row in rows.values())


def test_a_suspended_account_is_left_out_by_name(session: xk.Session) -> None:
    administration(session)
    grant(session)
    administer(session, MANAGEMENT, "organizations", "CloseAccount", AccountId=MEMBERS[1])
    rows, _ = deployed(session)
    assert verdicts(rows) == {**ALL_PASS, MEMBERS[1]: Verdict.SKIPPED}
    assert "is suspended" in rows[MEMBERS[1]].why
    deployed(again(session))
    assert operations(session) == ["CREATE"]


def test_the_management_account_is_deployed_to_directly_and_first(session: xk.Session) -> None:
    administration(session)
    grant(session)
    trusted = {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}
    make_role(session, MANAGEMENT, "OrganizationAccountAccessRole", trusted, "*")
    rows = deploy_stack_set(session, (*MEMBERS, MANAGEMENT), SELF_MANAGED)
    assert [(row.account, row.probe) for row in rows[:2]] == [
        (MANAGEMENT, "deploy-stack"),
        (MANAGEMENT, "role-can-be-assumed"),
    ]
    assert {row.verdict for row in rows} == {Verdict.PASS}


def service_managed(*units: str) -> Deployment:
    return Deployment(model=PermissionModel.SERVICE_MANAGED, organizational_units=units)


def test_trusted_access_is_asked_for_and_never_switched_on(session: xk.Session) -> None:
    rows, _ = deployed(session, service_managed(unit_of(session, *MEMBERS)))
    assert {(row.verdict, row.outcome) for row in rows.values()} == {(Verdict.FAIL, OutcomeKind.NOT_ENABLED)}
    assert all("cloudformation:ActivateOrganizationsAccess" in row.fix for row in rows.values())
    access = administer(session, MANAGEMENT, "cloudformation", "DescribeOrganizationsAccess")
    assert access["Status"] == "DISABLED"


def test_units_are_deployed_to_and_what_is_outside_of_them_directly(session: xk.Session) -> None:
    activate(session)
    deployment = service_managed(unit_of(session, *MEMBERS[:2]))
    rows, lines = deployed(session, deployment)
    assert verdicts(rows) == ALL_PASS
    assert [rows[account].probe for account in MEMBERS] == ["stack-set-instance"] * 2 + ["deploy-stack"]
    assert f"{MEMBERS[2]} is not reached by StackSets: it is deployed to directly" in lines
    described = administer(session, MANAGEMENT, "cloudformation", "DescribeStackSet", StackSetName=STACK_SET)[
        "StackSet"
    ]
    assert described["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": True}

    rows, _ = deployed(again(session), deployment)
    assert verdicts(rows) == ALL_PASS
    assert operations(session) == ["CREATE"]


def test_an_account_that_comes_into_a_unit_is_deployed_to_by_itself(session: xk.Session) -> None:
    activate(session)
    unit = unit_of(session, *MEMBERS[:2])
    deployed(session, service_managed(unit), MEMBERS[:2])
    move(session, MEMBERS[2], unit)
    for _ in attempts(30):
        if operations(session) == ["CREATE", "CREATE"] and instances(session).get(MEMBERS[2]) == "CURRENT":
            break
    rows, _ = deployed(again(session), service_managed(unit))
    assert verdicts(rows) == ALL_PASS
    assert {row.probe for row in rows.values()} == {"stack-set-instance"}
    assert operations(session) == ["CREATE", "CREATE"]


def test_accounts_move_though_a_unit_of_the_stack_set_is_gone(session: xk.Session) -> None:
    activate(session)
    unit = unit_of(session, MEMBERS[0])
    deployed(session, service_managed(unit), MEMBERS[:1])
    places = {"SourceParentId": unit, "DestinationParentId": root_of(session)}
    administer(session, MANAGEMENT, "organizations", "MoveAccount", AccountId=MEMBERS[0], **places)
    assert instances(session) == {}
    administer(session, MANAGEMENT, "organizations", "DeleteOrganizationalUnit", OrganizationalUnitId=unit)
    unit_of(session, *MEMBERS[1:])
    assert instances(session) == {}


def test_a_stack_set_of_the_other_permission_model_is_left_alone(session: xk.Session) -> None:
    administration(session)
    grant(session)
    deployed(session)
    activate(session)
    rows, _ = deployed(again(session), service_managed(unit_of(session, *MEMBERS)))
    assert {row.verdict for row in rows.values()} == {Verdict.FAIL}
    assert all("it is SELF_MANAGED" in row.why for row in rows.values())


@pytest.mark.parametrize(
    ("status", "detailed", "verdict"),
    [
        ("CURRENT", "SUCCEEDED", Verdict.PASS),
        ("CURRENT", "", Verdict.PASS),
        ("OUTDATED", "SUCCEEDED", Verdict.FAIL),
        ("OUTDATED", "FAILED", Verdict.FAIL),
        ("OUTDATED", "FAILED_IMPORT", Verdict.FAIL),
        ("INOPERABLE", "INOPERABLE", Verdict.FAIL),
        ("INOPERABLE", "FAILED", Verdict.FAIL),
        ("OUTDATED", "CANCELLED", Verdict.UNKNOWN),
        ("OUTDATED", "PENDING", Verdict.UNKNOWN),
        ("OUTDATED", "RUNNING", Verdict.UNKNOWN),
        ("CURRENT", "RUNNING", Verdict.UNKNOWN),
        ("OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT", Verdict.SKIPPED),
        ("OUTDATED", "A_NEW_STATUS", Verdict.UNKNOWN),
    ],
)
def test_only_what_is_current_is_green(
    shared: xk.Session, status: str, detailed: str, verdict: Verdict
) -> None:
    instance = {
        "Account": MEMBERS[0],
        "Status": status,
        "StackInstanceStatus": {"DetailedStatus": detailed},
        "StatusReason": "for a reason",
    }
    row = told(shared, instance, question_of(shared, MEMBERS[0]))
    assert row.verdict is verdict
    assert "for a reason" in row.why
    assert bool(row.fix) is not verdict.green


@pytest.mark.parametrize(
    ("going_on", "operation", "verdict"),
    [
        (set(), "earlier", Verdict.PASS),
        ({"ours"}, "ours", Verdict.PASS),
        ({"ours"}, "earlier", Verdict.UNKNOWN),
        ({"another"}, "earlier", Verdict.UNKNOWN),
    ],
)
def test_what_is_current_as_before_waits_for_an_operation_that_has_not_ended(
    shared: xk.Session, going_on: set[str], operation: str, verdict: Verdict
) -> None:
    stack_set = StackSetCalls(shared, SELF_MANAGED, silent)
    stack_set.going_on = going_on
    stack_set.operations.add("ours")
    instance = {"Account": MEMBERS[0], "Status": "CURRENT", "LastOperationId": operation}
    row = told(shared, stack_set.as_known(instance), question_of(shared, MEMBERS[0]))
    assert row.verdict is verdict
    assert bool(row.fix) is not verdict.green


def test_the_params_say_that_a_run_deploys_by_a_stack_set(session: xk.Session) -> None:
    """Self-managed, by the operator's access role in each account."""
    administration(session)
    told_lines = list[str]()
    params = again(session, stack_set="self-managed").params
    report = xk.onboard(params, progress=told_lines.append)
    assert report.ok
    deployed = [row for row in report if row.step == "deploy"]
    assert [(row.account, row.probe) for row in deployed] == [
        (account, "stack-set-instance") for account in MEMBERS
    ]
    assert xk.onboard(params).ok


def test_the_params_say_that_it_goes_to_organizational_units(session: xk.Session) -> None:
    activate(session)
    params = Params.load(
        "params/sandbox.yaml",
        member_accounts=[],
        organizational_units=["root"],
        stack_set="service-managed",
        sandbox_endpoint=session.endpoint,
    )
    report = xk.onboard(params)
    assert report.ok
    assert {row.account for row in report if row.probe == "stack-set-instance"} == set(MEMBERS)
