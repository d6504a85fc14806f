"""Offboarding: stack and role are removed, what cannot be is named, and the role is proven to be gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from by_hand import administer, again

import xacct_kit as xk
from xacct_kit.errors import RequestError
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import CAPABILITIES, build_template
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.offboard import confirmed, offboard_account
from xacct_kit.steps.waiting import attempts

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


def there(session: xk.Session, operation: str, **params: Any) -> bool:
    """Whether IAM has what a call reads."""
    caller = session.deployer(MEMBER).caller
    assert caller is not None
    return session.call(caller, "iam", operation, **params).ok


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
        f"There is no stack {STACK}: no stack is removed."
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


def document(effect: str, *actions: str, **more: Any) -> str:
    statement = {"Effect": effect, "Action": list(actions), **(more or {"Resource": "*"})}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


DENY = document("Deny", "sqs:*")


def has_more_policies(session: xk.Session) -> None:
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    administer(session, "iam", "PutRolePolicy", RoleName=ROLE, PolicyName="more", PolicyDocument=DENY)


def is_in_an_instance_profile(session: xk.Session) -> None:
    administer(session, "iam", "CreateInstanceProfile", InstanceProfileName="workers")
    administer(session, "iam", "AddRoleToInstanceProfile", InstanceProfileName="workers", RoleName=ROLE)


def was_retained_by_somebody(session: xk.Session) -> None:
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    administer(session, "cloudformation", "DeleteStack", StackName=STACK)
    settle(session)
    administer(session, "cloudformation", "DeleteStack", StackName=STACK, RetainResources=[ROLE])
    settle(session)
    assert stacks(session) == []


def was_made_by_hand(session: xk.Session) -> None:
    administer(session, "cloudformation", "DeleteStack", StackName=STACK)
    settle(session)
    trusted = {"AWS": session.role_arn("222222222222", "ApiHandlerRole")}
    trust = document("Allow", "sts:AssumeRole", Principal=trusted)
    administer(session, "iam", "CreateRole", RoleName=ROLE, Path="/by/hand/", AssumeRolePolicyDocument=trust)
    has_more_policies(session)
    is_in_an_instance_profile(session)


def settle(session: xk.Session) -> None:
    """Wait for what stacks are at."""
    for _ in attempts(20):
        listed = administer(session, "cloudformation", "DescribeStacks")["Stacks"]
        if not any(stack["StackStatus"].endswith("_IN_PROGRESS") for stack in listed):
            return
    raise AssertionError("a stack is still in progress")


NO_STACK = f"{ROLE} was there, and no stack of the account holds it, in any of its regions."
UNDELETED = f"The stack {STACK} could not delete {ROLE} (AWS::IAM::Role). {ROLE}: "

WAYS: list[tuple[Callable[[xk.Session], None], str, tuple[str, ...]]] = [
    (
        has_more_policies,
        UNDELETED,
        ("must detach all policies first", f"detached: {READ_ONLY}", "inline policies deleted: more"),
    ),
    (
        is_in_an_instance_profile,
        UNDELETED,
        ("must remove roles from instance profile first", "instance profiles, which stay: workers"),
    ),
    (was_retained_by_somebody, NO_STACK, (f"detached: {READ_ONLY}",)),
    (
        was_made_by_hand,
        NO_STACK,
        (f"detached: {READ_ONLY}", "inline policies deleted: more", "which stay: workers"),
    ),
]


@pytest.mark.parametrize(("leave", "how", "said"), WAYS, ids=[leave.__name__ for leave, *_ in WAYS])
def test_a_role_that_its_stack_does_not_take_along_is_removed(
    session: xk.Session, leave: Callable[[xk.Session], None], how: str, said: tuple[str, ...]
) -> None:
    leave(session)
    rows = offboarded(again(session))
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}
    (role,) = rows["role"]
    assert role.why.startswith(how)
    assert "It is removed now (" in role.why
    assert [text for text in said if text not in role.why] == []
    assert stacks(session) == []
    assert not there(session, "GetRole", RoleName=ROLE)

    lines: list[str] = []
    once_more = offboard_account(again(session), MEMBER, lines.append)
    assert {row.verdict for row in once_more} == {Verdict.PASS}
    assert "role" not in {row.probe for row in once_more}
    assert lines == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-north-1"])
def test_a_role_that_another_stack_holds_is_left_to_it_wherever_that_is(
    session: xk.Session, region: str
) -> None:
    offboarded(session)
    theirs = again(session, region=region)
    trust = json.loads(document("Allow", "sts:AssumeRole", Principal={"AWS": MEMBER}))
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": ROLE, "AssumeRolePolicyDocument": trust}}
    made = administer(
        theirs,
        "cloudformation",
        "CreateStack",
        StackName="theirs",
        TemplateBody=json.dumps({"Resources": {"Role": role}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    settle(theirs)
    rows = offboarded(again(session))
    (row,) = rows["role"]
    assert (row.verdict, row.patch) == (Verdict.FAIL, ())
    assert f":cloudformation:{region}:" in made["StackId"]
    assert row.why == f"The stack {made['StackId']} holds {ROLE}, which is not removed."
    assert "delete it and offboard again" in row.fix
    assert verdicts(rows, "role-is-gone") == [Verdict.FAIL]
    assert stacks(theirs) == ["theirs"]


@pytest.mark.parametrize(
    ("regions", "named"),
    [
        (["eu-north-1"], "In eu-north-1: cloudformation:DescribeStackResources: "),
        (["eu-*"], "In eu-central-1, eu-central-2, eu-north-1 and "),
    ],
)
def test_a_region_that_does_not_tell_may_have_the_stack(
    session: xk.Session, regions: list[str], named: str
) -> None:
    was_made_by_hand(session)
    condition = {"StringLike": {"aws:RequestedRegion": regions}}
    denied = document("Deny", "cloudformation:*", Resource="*", Condition=condition)
    policy = {"RoleName": ACCESS_ROLE, "PolicyName": "regions", "PolicyDocument": denied}
    administer(session, "iam", "PutRolePolicy", **policy)
    (row,) = offboarded(again(session))["role"]
    assert row.verdict is Verdict.FAIL
    assert f"Whether a stack holds {ROLE} cannot be told, and it is not removed. {named}" in row.why
    assert there(session, "GetRole", RoleName=ROLE)
    carry_out(session, row)
    assert not there(session, "GetRole", RoleName=ROLE)


def forbidden(session: xk.Session, action: str) -> Callable[[], object]:
    """Forbid something to the access role; what allows it again."""
    policy = {"RoleName": ACCESS_ROLE, "PolicyName": "forbidden"}
    administer(session, "iam", "PutRolePolicy", PolicyDocument=document("Deny", action), **policy)
    return lambda: administer(session, "iam", "DeleteRolePolicy", **policy)


def forbidden_by_scp(session: xk.Session, action: str) -> Callable[[], object]:
    """Forbid something to the whole account; what allows it again."""

    def organize(operation: str, **params: Any) -> Mapping[str, Any]:
        answer = session.call(session.operator, "organizations", operation, **params)
        assert answer.ok, answer.outcome
        return answer.result

    kind = {"Type": "SERVICE_CONTROL_POLICY", "Name": "forbidden", "Description": ""}
    made = organize("CreatePolicy", Content=document("Deny", action), **kind)
    attached = {"PolicyId": made["Policy"]["PolicySummary"]["Id"], "TargetId": MEMBER}
    organize("AttachPolicy", **attached)
    return lambda: organize("DetachPolicy", **attached)


Forbid = Callable[[xk.Session, str], Callable[[], object]]
# How the role is left, how what is forbidden, what is said to forbid it, and whether its policies are kept.
REFUSALS: list[tuple[Callable[[xk.Session], None], Forbid, str, str, bool]] = [
    (was_made_by_hand, forbidden, "iam:DeleteRole", "identity-based policy", False),
    (was_made_by_hand, forbidden_by_scp, "iam:DetachRolePolicy", "service control policy", True),
    (was_made_by_hand, forbidden_by_scp, "iam:DeleteRole", "service control policy", False),
    (was_made_by_hand, forbidden, "iam:ListRolePolicies", "identity-based policy", True),
    (was_made_by_hand, forbidden, "cloudformation:DescribeStackResources", "identity-based policy", True),
    (was_made_by_hand, forbidden, "ec2:DescribeRegions", "identity-based policy", True),
    (has_more_policies, forbidden, "iam:DetachRolePolicy", "identity-based policy", True),
    (has_more_policies, forbidden_by_scp, "iam:DeleteRole", "service control policy", False),
]


@pytest.mark.parametrize(("leave", "forbid", "action", "layer", "kept"), REFUSALS)
def test_whoever_may_not_remove_the_role_is_told_so_with_the_calls_that_are_left(
    session: xk.Session,
    leave: Callable[[xk.Session], None],
    forbid: Forbid,
    action: str,
    layer: str,
    kept: bool,
) -> None:
    leave(session)
    allow = forbid(session, action)
    rows = offboarded(again(session))
    (row,) = rows["role"]
    assert row.verdict is Verdict.FAIL
    assert f"is not authorized to perform: {action}" in row.evidence["message"]
    assert layer in row.evidence["message"]
    assert f"{action}: " in row.why
    assert "the calls of the patch" in row.fix
    assert verdicts(rows, "role-is-gone") == [Verdict.FAIL]
    attached = administer(session, "iam", "ListAttachedRolePolicies", RoleName=ROLE)["AttachedPolicies"]
    assert bool(attached) is kept

    allow()
    if action != "iam:ListRolePolicies":
        carry_out(session, row)
        assert not there(session, "GetRole", RoleName=ROLE)
    assert all(row.verdict.green for row in offboard_account(again(session), MEMBER))


def test_a_stack_that_was_left_half_deleted_is_tried_again(session: xk.Session) -> None:
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    administer(session, "cloudformation", "DeleteStack", StackName=STACK)
    administer(session, "iam", "DetachRolePolicy", RoleName=ROLE, PolicyArn=READ_ONLY)
    rows = offboarded(session)
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}


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


@pytest.fixture
def hardened(session: xk.Session) -> xk.Session:
    """Where the role stands behind a boundary."""
    opened = again(session, profile="hardened")
    assert all(row.verdict.green for row in deploy_account(opened, MEMBER))
    return opened


BOUNDARY = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"


def test_a_boundary_without_a_stack_is_removed_after_its_role_with_all_its_versions(
    hardened: xk.Session,
) -> None:
    offboarded(hardened)
    policy = {"PolicyName": f"{ROLE}-boundary", "Path": "/by/hand/"}
    arn = administer(hardened, "iam", "CreatePolicy", PolicyDocument=DENY, **policy)["Policy"]["Arn"]
    for _ in range(2):
        administer(hardened, "iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DENY)
    trust = document("Allow", "sts:AssumeRole", Principal={"AWS": MEMBER})
    made = {"AssumeRolePolicyDocument": trust, "PermissionsBoundary": arn}
    administer(hardened, "iam", "CreateRole", RoleName=ROLE, **made)
    rows = offboarded(again(hardened))
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}
    (boundary,) = rows["boundary"]
    assert boundary.why.startswith(f"{arn} was there, and no stack of the account holds it")
    assert "It is removed now (versions deleted: v2, v3)." in boundary.why
    assert not there(hardened, "GetPolicy", PolicyArn=arn)


def test_a_boundary_alone_is_removed(hardened: xk.Session) -> None:
    offboarded(hardened)
    administer(hardened, "iam", "CreatePolicy", PolicyName=f"{ROLE}-boundary", PolicyDocument=DENY)
    rows = offboarded(again(hardened))
    assert verdicts(rows, "boundary", "role-is-gone", "boundary-is-gone") == [Verdict.PASS] * 3
    assert "role" not in rows


def test_a_boundary_that_is_attached_besides_goes_with_the_role_and_then_with_the_stack(
    hardened: xk.Session,
) -> None:
    administer(hardened, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=BOUNDARY)
    rows = offboarded(hardened)
    assert {row.verdict for probe in rows for row in rows[probe]} == {Verdict.PASS}
    assert len(rows["role"]) == len(rows["stack"]) == 1
    assert "boundary" not in rows


def test_a_boundary_that_others_have_stays_and_they_are_named(hardened: xk.Session) -> None:
    trust = document("Allow", "sts:AssumeRole", Principal={"AWS": MEMBER})
    administer(hardened, "iam", "CreateRole", RoleName="theirs", AssumeRolePolicyDocument=trust)
    administer(hardened, "iam", "AttachRolePolicy", RoleName="theirs", PolicyArn=BOUNDARY)
    rows = offboarded(hardened)
    (boundary,) = rows["boundary"]
    assert boundary.verdict is Verdict.FAIL
    assert "others have it: role theirs." in boundary.why
    assert verdicts(rows, "role-is-gone", "boundary-is-gone") == [Verdict.PASS, Verdict.FAIL]

    administer(hardened, "iam", "DetachRolePolicy", RoleName="theirs", PolicyArn=BOUNDARY)
    assert all(row.verdict.green for row in offboard_account(again(hardened), MEMBER))


def test_a_boundary_stays_as_long_as_its_role(hardened: xk.Session) -> None:
    has_more_policies(hardened)
    forbidden(hardened, "iam:DeleteRole")
    rows = offboarded(again(hardened))
    assert "boundary" not in rows
    assert verdicts(rows, "role", "stack", "role-is-gone", "boundary-is-gone") == [Verdict.FAIL] * 4
    assert stacks(hardened) == [STACK]
    assert there(hardened, "GetPolicy", PolicyArn=BOUNDARY)


def test_what_somebody_added_to_the_stack_is_retained_and_named_and_the_role_goes(
    session: xk.Session,
) -> None:
    template = build_template(load_profile("documented"))
    trust = json.loads(document("Allow", "sts:AssumeRole", Principal={"AWS": MEMBER}))
    extra = {"RoleName": "added", "AssumeRolePolicyDocument": trust}
    template["Resources"]["Added"] = {"Type": "AWS::IAM::Role", "Properties": extra}
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in template["Parameters"]]
    update = {"StackName": STACK, "TemplateBody": json.dumps(template), "Parameters": kept}
    administer(session, "cloudformation", "UpdateStack", Capabilities=list(CAPABILITIES), **update)
    settle(session)
    for name in (ROLE, "added"):
        administer(session, "iam", "AttachRolePolicy", RoleName=name, PolicyArn=READ_ONLY)
    rows = offboarded(again(session))
    deleted, added = rows["stack"]
    assert (deleted.verdict, added.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert added.why.startswith(f"The stack {STACK} is deleted without added (AWS::IAM::Role). Added: ")
    assert verdicts(rows, "role", "role-is-gone") == [Verdict.PASS, Verdict.PASS]
    assert stacks(session) == []
    assert there(session, "GetRole", RoleName="added")

    carry_out(session, added)
    assert not there(session, "GetRole", RoleName="added")


def test_the_role_by_which_the_kit_acts_is_never_removed(session: xk.Session) -> None:
    rows = offboarded(again(session, role_name=ACCESS_ROLE, stack_name="none"))
    (row,) = rows["role"]
    assert row.verdict is Verdict.FAIL
    assert f"{ACCESS_ROLE} is the role by which the kit acts in {MEMBER}" in row.why
    assert there(session, "GetRole", RoleName=ACCESS_ROLE)


def test_without_access_nothing_is_removed_and_main_still_tries(session: xk.Session) -> None:
    rows = offboarded(again(session, access_role="NoSuchRole"))
    assert verdicts(rows, "stack", "role-is-gone") == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert "Nobody here may act in 333333333333" in rows["stack"][0].why
    assert verdicts(rows, "cannot-be-assumed") == [Verdict.FAIL, Verdict.FAIL, Verdict.SKIPPED]
    assert stacks(session) == [STACK]


def test_an_external_id_that_is_gone_first_holds_nothing_up(session: xk.Session) -> None:
    rows = offboarded(again(session, external_id="ssm:/no-such-parameter"))
    assert verdicts(rows, "stack", "role-is-gone") == [Verdict.PASS, Verdict.PASS]
    # Nobody can send what the role was assumed with, so that it is refused is not proven.
    assert verdicts(rows, "cannot-be-assumed") == [Verdict.UNKNOWN] * 3
    assert stacks(session) == []


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
    assert confirmed(accounts, typed) is None


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
