"""Offboarding: what was made is removed, what cannot be is named, and the role is proven to be gone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest
from by_hand import administer, again

import xacct_kit as xk
from xacct_kit.errors import RequestError
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.offboard import confirmed, offboard_account

MEMBER = "333333333333"
ROLE = "CrossAccountExecutionRole"
ACCESS_ROLE = "OrganizationAccountAccessRole"
STACK = "onboard-account"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TRUSTED = ["ApiHandlerRole", "WorkflowLoopRunnerRole", ACCESS_ROLE]


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with xk.connect(Params.load("params/sandbox.yaml", wait_seconds=30)) as opened:
        yield opened


def offboarded(session: xk.Session) -> dict[str, list[Finding]]:
    """The findings, by probe."""
    rows: dict[str, list[Finding]] = {}
    for row in offboard_account(session, MEMBER):
        assert row.step == "offboard"
        assert bool(row.fix) is not row.verdict.green
        rows.setdefault(row.probe, []).append(row)
    return rows


def verdicts(rows: Mapping[str, list[Finding]], *probes: str) -> list[Verdict]:
    return [row.verdict for probe in probes for row in rows[probe]]


def carry_out(session: xk.Session, row: Finding) -> None:
    """Make the calls of a patch."""
    assert row.patch
    for call in row.patch:
        assert call["account"] == MEMBER
        administer(session, call["service"], call["operation"], **call["params"])


def stacks(session: xk.Session) -> list[str]:
    listed = administer(session, "cloudformation", "DescribeStacks")["Stacks"]
    return [stack["StackName"] for stack in listed]


def test_stack_and_role_are_removed_and_the_role_is_proven_to_be_gone(session: xk.Session) -> None:
    assert xk.check_trust(session).ok  # so that the session knows credentials of the role
    lines: list[str] = []
    rows = offboard_account(session, MEMBER, lines.append)
    assert {row.verdict for row in rows} == {Verdict.PASS}
    tried = [(row.caller, row.outcome) for row in rows if row.probe == "cannot-be-assumed"]
    assert tried == [(name, OutcomeKind.DENIED_TRUST) for name in TRUSTED]
    (gone,) = (row for row in rows if row.probe == "role-is-gone")
    assert f"There is no role {ROLE} in {MEMBER}." in gone.why
    assert "id_roles_use_revoke-sessions" in gone.why
    assert f"  {ROLE} DELETE_COMPLETE" in lines
    assert stacks(session) == []


def test_the_same_again_changes_nothing_and_says_so(session: xk.Session) -> None:
    offboarded(session)
    lines: list[str] = []
    rows = offboard_account(session, MEMBER, lines.append)
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert [row.why for row in rows if row.probe == "stack"] == [
        f"There is no stack {STACK}: nothing is removed."
    ]
    assert lines == []


def test_an_account_can_come_back(session: xk.Session) -> None:
    offboarded(session)
    assert all(row.verdict.green for row in deploy_account(session, MEMBER))
    assert all(row.verdict.green for row in offboard_account(session, MEMBER))


def test_what_is_left_of_canaries_is_removed_too(session: xk.Session) -> None:
    name = "xacct-canary-20200101t000000-abcdef"
    administer(session, "ssm", "PutParameter", Name=name, Value="left", Type="String")
    rows = offboarded(session)
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}
    assert administer(session, "ssm", "DescribeParameters")["Parameters"] == []


def test_a_stack_that_will_not_delete_is_deleted_without_what_it_retains_and_that_is_named(
    session: xk.Session,
) -> None:
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    administer(session, "iam", "PutRolePolicy", RoleName=ROLE, PolicyName="more", PolicyDocument=DENY)
    rows = offboarded(session)
    (stack,), (role,) = rows["stack"], rows["role-is-gone"]
    assert stacks(session) == []
    assert stack.verdict is Verdict.FAIL
    assert f"{ROLE} (AWS::IAM::Role) is retained" in stack.why
    assert "must detach all policies first" in stack.why
    assert role.verdict is Verdict.FAIL
    assert set(verdicts(rows, "cannot-be-assumed")) == {Verdict.FAIL}

    carry_out(session, stack)
    rows = offboarded(again(session))
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}


DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]}
)


def test_a_stack_that_was_left_half_deleted_is_tried_again(session: xk.Session) -> None:
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    administer(session, "cloudformation", "DeleteStack", StackName=STACK)
    administer(session, "iam", "DetachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    rows = offboarded(session)
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}


def test_whoever_may_not_delete_the_role_is_told_so(session: xk.Session) -> None:
    deny = DENY.replace("sqs:*", "iam:DeleteRole")
    administer(
        session, "iam", "PutRolePolicy", RoleName=ACCESS_ROLE, PolicyName="forbidden", PolicyDocument=deny
    )
    (stack,) = offboarded(session)["stack"]
    assert stack.verdict is Verdict.FAIL
    assert "is not authorized to perform: iam:DeleteRole" in stack.why


def test_termination_protection_is_named_and_not_switched_off(session: xk.Session) -> None:
    protect = {"StackName": STACK, "EnableTerminationProtection": True}
    administer(session, "cloudformation", "UpdateTerminationProtection", **protect)
    rows = offboarded(session)
    (stack,), (role,) = rows["stack"], rows["role-is-gone"]
    assert stack.verdict is Verdict.FAIL
    assert "protected against termination" in stack.why
    assert (role.verdict, role.patch) == (Verdict.FAIL, ())
    assert stacks(session) == [STACK]

    carry_out(session, stack)
    assert all(row.verdict.green for row in offboard_account(again(session), MEMBER))


def test_a_role_without_its_stack_is_named_with_the_calls_that_remove_it(session: xk.Session) -> None:
    offboarded(session)
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": session.role_arn("222222222222", "ApiHandlerRole")},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    administer(session, "iam", "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=trust)
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    rows = offboarded(again(session))
    (stack,), (role,) = rows["stack"], rows["role-is-gone"]
    assert (stack.verdict, role.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert "who made it is not known" in role.fix
    assert verdicts(rows, "cannot-be-assumed") == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]

    carry_out(session, role)
    assert all(row.verdict.green for row in offboard_account(again(session), MEMBER))


def test_without_access_nothing_is_removed_and_main_still_tries(session: xk.Session) -> None:
    rows = offboarded(again(session, access_role="NoSuchRole"))
    assert verdicts(rows, "stack", "role-is-gone") == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert "Nobody here may act in 333333333333" in rows["stack"][0].why
    assert verdicts(rows, "cannot-be-assumed") == [Verdict.FAIL, Verdict.FAIL, Verdict.SKIPPED]
    assert stacks(session) == [STACK]


def test_an_account_that_the_stack_set_never_reached_is_offboarded_directly(session: xk.Session) -> None:
    with again(session, stack_set="self-managed") as by_stack_set:
        assert all(row.verdict.green for row in offboard_account(by_stack_set, MEMBER))


@pytest.mark.parametrize(
    ("accounts", "typed"),
    [
        (["333333333333"], ["333333333333"]),
        (["333333333333", "400000000000"], [" 400000000000", "333333333333\n"]),
    ],
)
def test_the_accounts_that_are_typed_again_are_confirmed(accounts: list[str], typed: list[str]) -> None:
    confirmed(accounts, typed)


@pytest.mark.parametrize(
    ("accounts", "typed", "told"),
    [
        (["333333333333"], [], "333333333333 is to be offboarded, and was not typed again"),
        (["333333333333"], ["y"], "'y' was typed, and is not to be offboarded"),
        (["333333333333"], ["333333333333", "400000000000"], "'400000000000' was typed"),
        (["333333333333", "400000000000"], ["333333333333"], "400000000000 is to be offboarded"),
        ([], [], "no account is named"),
    ],
)
def test_anything_else_is_refused_and_says_what(accounts: list[str], typed: list[str], told: str) -> None:
    with pytest.raises(RequestError, match="Nothing is removed: ") as refused:
        confirmed(accounts, typed)
    assert told in str(refused.value)
