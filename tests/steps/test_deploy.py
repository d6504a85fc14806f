"""Deploying: created, updated, unchanged, rolled back, replaced; each told as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from by_hand import administer, again

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.waiting import attempts

MEMBER = "333333333333"
ROLE = "CrossAccountExecutionRole"
STACK = "onboard-account"


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario="role-missing")) as opened:
        yield opened


def deployed(session: xk.Session) -> tuple[list[Finding], list[str]]:
    lines: list[str] = []
    return deploy_account(session, MEMBER, lines.append), lines


def stack_status(session: xk.Session) -> str:
    return str(
        administer(session, "cloudformation", "DescribeStacks", StackName=STACK)["Stacks"][0]["StackStatus"]
    )


def occupy(session: xk.Session) -> None:
    """Make a role by hand that stands in the stack's way."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    administer(session, "iam", "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))


def test_a_new_stack_is_created_and_the_role_proven(session: xk.Session) -> None:
    rows, lines = deployed(session)
    assert [(row.probe, row.verdict) for row in rows] == [
        ("deploy-stack", Verdict.PASS),
        ("role-can-be-assumed", Verdict.PASS),
    ]
    assert lines[:2] == [f"plan for {STACK}:", f"  add {ROLE} (AWS::IAM::Role)"]
    assert f"  {ROLE} CREATE_COMPLETE" in lines


def test_the_same_again_changes_nothing_and_says_so(session: xk.Session) -> None:
    deployed(session)
    rows, lines = deployed(again(session))
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert "has not changed" in rows[0].why
    assert lines == [rows[0].why]
    assert stack_status(session) == "CREATE_COMPLETE"


def test_another_external_id_updates_the_role(session: xk.Session) -> None:
    deployed(session)
    rows, lines = deployed(again(session, external_id="another-external-id"))
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert f"  modify {ROLE} (AWS::IAM::Role)" in lines
    assert stack_status(session) == "UPDATE_COMPLETE"
    assert not any("another-external-id" in line for line in lines)


def test_the_first_failure_is_told_and_the_dead_stack_is_replaced_next_time(session: xk.Session) -> None:
    occupy(session)
    rows, _ = deployed(session)
    (failed,) = rows
    assert failed.verdict is Verdict.FAIL
    assert "ROLLBACK_COMPLETE" in failed.why
    assert "already exists" in failed.why
    assert stack_status(session) == "ROLLBACK_COMPLETE"

    administer(session, "iam", "DeleteRole", RoleName=ROLE)
    rows, lines = deployed(again(session))
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert f"{STACK} is ROLLBACK_COMPLETE: it is replaced" in lines


def forbid(session: xk.Session, action: str) -> None:
    """Forbid whoever deploys one action; the next time another."""
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    administer(
        session,
        "iam",
        "PutRolePolicy",
        RoleName="OrganizationAccountAccessRole",
        PolicyName="forbidden",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def rename_policy(session: xk.Session) -> None:
    """Update the stack past the kit, so that a policy of the role has another name."""
    request = stack_request(session)
    template = yaml.safe_load(request["TemplateBody"])
    template["Resources"][ROLE]["Properties"]["Policies"][0]["PolicyName"] = "renamed"
    request["TemplateBody"] = json.dumps(template)
    administer(session, "cloudformation", "UpdateStack", StackName=STACK, **request)
    for _ in attempts(30):
        if not stack_status(session).endswith("_IN_PROGRESS"):
            break


def test_an_update_that_is_rolled_back_says_why_and_what_the_stack_is_now(session: xk.Session) -> None:
    deployed(session)
    forbid(session, "iam:UpdateAssumeRolePolicy")
    (failed,), _ = deployed(again(session, external_id="another-external-id"))
    assert failed.verdict is Verdict.FAIL
    assert "could not be updated, and was put back: it is UPDATE_ROLLBACK_COMPLETE" in failed.why
    assert "is not authorized to perform: iam:UpdateAssumeRolePolicy" in failed.why
    assert failed.fix

    forbid(session, "sqs:*")
    rows, _ = deployed(again(session, external_id="another-external-id"))
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert stack_status(session) == "UPDATE_COMPLETE"


def test_a_rollback_that_failed_is_continued_and_then_the_stack_is_updated(session: xk.Session) -> None:
    deployed(session)
    forbid(session, "iam:DeleteRolePolicy")
    rename_policy(session)
    assert stack_status(session) == "UPDATE_ROLLBACK_FAILED"
    (failed,), _ = deployed(again(session, external_id="another-external-id"))
    assert failed.verdict is Verdict.FAIL
    assert "could not be put back: it is UPDATE_ROLLBACK_FAILED" in failed.why
    assert "is not authorized to perform: iam:DeleteRolePolicy" in failed.why
    assert f"ResourcesToSkip {ROLE}" in failed.fix

    forbid(session, "sqs:*")
    rows, lines = deployed(again(session, external_id="another-external-id"))
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert lines[0] == f"{STACK} is UPDATE_ROLLBACK_FAILED: its rollback is continued first"
    assert stack_status(session) == "UPDATE_COMPLETE"
    names = administer(session, "iam", "ListRolePolicies", RoleName=ROLE)["PolicyNames"]
    assert "renamed" not in names


def test_a_change_set_that_an_earlier_run_left_is_no_hindrance(session: xk.Session) -> None:
    left = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    administer(
        session,
        "cloudformation",
        "CreateChangeSet",
        StackName=STACK,
        ChangeSetName="xacct-kit",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(left),
    )
    rows, _ = deployed(again(session))
    assert {row.verdict for row in rows} == {Verdict.PASS}


def test_without_access_to_the_account_nothing_is_said_of_it(session: xk.Session) -> None:
    rows, _ = deployed(again(session, access_role="NoSuchRole"))
    (row,) = rows
    assert (row.verdict, row.outcome) == (Verdict.UNKNOWN, OutcomeKind.UNKNOWN)
    assert "Nobody here may act in 333333333333" in row.why
    assert row.fix


@pytest.mark.parametrize(
    ("partition", "region", "skipped"),
    [("aws-cn", "cn-north-1", set()), ("aws-us-gov", "us-gov-west-1", {"ce"})],
)
def test_every_partition_is_onboarded_and_what_is_not_offered_is_left_out(
    partition: str, region: str, skipped: set[str]
) -> None:
    params = Params.load(
        "params/sandbox.yaml", partition=partition, region=region, sandbox_scenario="role-missing"
    )
    report = xk.onboard(params)
    assert report.ok
    assert {row.service for row in report if row.verdict is Verdict.SKIPPED} == skipped


def test_one_account_that_cannot_be_reached_neither_stops_the_run_nor_hides_in_it() -> None:
    params = Params.load("params/sandbox.yaml", member_accounts=["499999999999", MEMBER])
    report = xk.onboard(params)
    assert [row.verdict.green for row in report if row.account == MEMBER].count(False) == 0
    missing = {row.step for row in report if row.account == "499999999999" and not row.verdict.green}
    assert missing == {"preflight", "deploy", "trust", "cost_explorer", "permissions"}


def test_a_used_up_budget_is_told_and_nothing_is_asked() -> None:
    params = Params.load("params/sandbox.yaml", max_cost_usd=0)
    with xk.connect(params) as session:
        (row,) = xk.check_cost_explorer(session)
    assert (row.verdict, row.cost) == (Verdict.UNKNOWN, 0.0)
    assert "max_cost_usd" in row.fix


def test_waiting_is_bounded_and_tries_at_least_once() -> None:
    assert list(attempts(0)) == [1]
    assert len(list(attempts(0.2, first_pause=0.05))) in range(2, 6)


def test_what_was_true_a_moment_ago_is_asked_again() -> None:
    with xk.connect(Params.load("params/sandbox.yaml")) as session:
        assert xk.check_trust(session).ok
        nobody = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
        administer(session, "iam", "UpdateAssumeRolePolicy", RoleName=ROLE, PolicyDocument=json.dumps(nobody))
        refused = [row.caller for row in xk.check_trust(session) if row.verdict is Verdict.FAIL]
    assert refused == ["ApiHandlerRole", "WorkflowLoopRunnerRole", "OrganizationAccountAccessRole"]
