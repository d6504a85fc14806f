"""Planning: what a deployment would change is told by its meaning, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from by_hand import administer, again

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.plan import change_in_words, check_account

MEMBER = "333333333333"
ROLE = "CrossAccountExecutionRole"
STACK = "onboard-account"


def opened(scenario: str) -> xk.Session:
    return xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario=scenario))


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with opened("role-missing") as there:
        yield there


@pytest.fixture
def onboarded() -> Iterator[xk.Session]:
    with opened("healthy") as there:
        yield there


def seen(session: xk.Session) -> Any:
    """All that there is of stacks, change sets and roles."""
    stacks = administer(session, "cloudformation", "DescribeStacks")["Stacks"]
    return (
        stacks,
        [
            administer(session, "cloudformation", "ListChangeSets", StackName=stack["StackName"])["Summaries"]
            for stack in stacks
        ],
        [role["RoleName"] for role in administer(session, "iam", "ListRoles")["Roles"]],
    )


def planned(session: xk.Session) -> dict[str, list[Finding]]:
    """The findings by probe; that nothing is changed is checked."""
    before = seen(session)
    rows = check_account(session, MEMBER)
    assert seen(session) == before
    assert {row.step for row in rows} == {"plan"}
    found: dict[str, list[Finding]] = {}
    for row in rows:
        assert bool(row.fix) is not row.verdict.green
        found.setdefault(row.probe, []).append(row)
    return found


def test_where_there_is_no_stack_what_will_be_made_is_told(session: xk.Session) -> None:
    rows = planned(again(session, stack_tags={"owner": "lab"}))
    assert list(rows) == ["change-set", "role", "policies", "tags"]
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.FAIL}
    assert f"CloudFormation would add {ROLE} (AWS::IAM::Role)" in rows["change-set"][0].why
    assert "arn:aws:iam::222222222222:role/ApiHandlerRole" in rows["role"][0].why
    assert "owner=lab" in rows["tags"][0].why


def test_a_change_set_of_somebody_else_is_left_alone(session: xk.Session) -> None:
    body = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    theirs = {"StackName": STACK, "ChangeSetName": "theirs", "ChangeSetType": "CREATE"}
    administer(session, "cloudformation", "CreateChangeSet", TemplateBody=body, **theirs)
    assert "role" in planned(session)


def test_where_nothing_would_change_that_is_told_and_is_green(onboarded: xk.Session) -> None:
    rows = planned(onboarded)
    assert [(probe, row.verdict) for probe in rows for row in rows[probe]] == [("plan", Verdict.PASS)]
    assert "Nothing would change" in rows["plan"][0].why
    assert "ExternalId is hidden" in rows["plan"][0].why


def test_another_parameter_is_told_with_what_it_changes(onboarded: xk.Session) -> None:
    rows = planned(again(onboarded, workflow_loop_runner_role="NotebookRole", untrusted_role=None))
    assert "Its parameter WorkflowLoopRunnerRole is WorkflowLoopRunnerRole" in rows["stack"][0].why
    assert "AssumeRolePolicyDocument (by WorkflowLoopRunnerRole)" in rows["change-set"][0].why


def test_another_external_id_is_told_and_no_value_of_it(onboarded: xk.Session) -> None:
    rows = planned(again(onboarded, external_id="another-external-id"))
    assert "AssumeRolePolicyDocument (by ExternalId)" in rows["change-set"][0].why
    assert "another-external-id" not in str(rows)
    assert onboarded.external_id not in str(rows)


def test_another_role_name_is_told_to_replace_the_role(onboarded: xk.Session) -> None:
    rows = planned(again(onboarded, role_name="OtherRole"))
    assert "by one that takes its place" in rows["change-set"][0].why


def test_a_role_that_was_changed_past_its_stack_is_not_said_to_be_put_right(onboarded: xk.Session) -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    administer(onboarded, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=arn)
    rows = planned(onboarded)
    (row,) = rows["policy-attached"]
    assert row.verdict is Verdict.FAIL
    assert row.fix.startswith("Deploying does not change it")
    assert "plan" not in rows


def test_a_stack_that_never_came_to_be_would_be_replaced(session: xk.Session) -> None:
    nobody = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    administer(session, "iam", "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=trust)
    (taken,) = planned(session)["role"]
    assert "a deployment would fail on it" in taken.why
    assert not all(row.verdict.green for row in deploy_account(session, MEMBER))
    assert "it would be deleted, and made anew" in planned(session)["stack"][0].why


def test_without_access_nothing_is_told(onboarded: xk.Session) -> None:
    (row,) = check_account(again(onboarded, access_role="NoSuchRole"), MEMBER)
    assert row.verdict is Verdict.UNKNOWN
    assert "Nobody here may act in 333333333333" in row.why


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Action": "Remove"}, "CloudFormation would remove Role (AWS::IAM::Role)."),
        (
            {
                "Action": "Modify",
                "Replacement": "Conditional",
                "Details": [{"Target": {"Attribute": "Tags"}}],
            },
            "CloudFormation would modify Role (AWS::IAM::Role), which may be replaced: Tags.",
        ),
    ],
)
def test_a_change_is_told_in_a_sentence(change: dict[str, Any], words: str) -> None:
    assert change_in_words({"LogicalResourceId": "Role", "ResourceType": "AWS::IAM::Role", **change}) == words
