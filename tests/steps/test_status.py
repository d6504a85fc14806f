"""How an account stands: live where the sandbox gets there, with the reason, the age and the next step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from by_hand import administer, again

import xacct_kit as xk
from xacct_kit.aws.answers import Answer
from xacct_kit.params import Params
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.assessment import in_words
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.propagation import told_time
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.stack.states import VERDICTS, Standing
from xacct_kit.steps.status import check_account, wait_until_onboarded
from xacct_kit.steps.waiting import attempts

MEMBER = "333333333333"
ROLE = "CrossAccountExecutionRole"
ACCESS_ROLE = "OrganizationAccountAccessRole"
STACK = "onboard-account"
HANDLE = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
NOBODY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def opened(scenario: str, **changes: Any) -> xk.Session:
    return xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario=scenario, **changes))


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with opened("role-missing") as there:
        yield there


@pytest.fixture
def onboarded() -> Iterator[xk.Session]:
    with opened("healthy") as there:
        yield there


def settled(session: xk.Session, name: str = STACK) -> str:
    for _ in attempts(30):
        described = administer(session, "cloudformation", "DescribeStacks", StackName=name)["Stacks"][0]
        if not described["StackStatus"].endswith("_IN_PROGRESS"):
            break
    return str(described["StackStatus"])


def make_role(session: xk.Session) -> None:
    administer(session, "iam", "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(NOBODY))


def forbid(session: xk.Session, *actions: str) -> None:
    """Forbid whoever deploys some actions."""
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    administer(
        session,
        "iam",
        "PutRolePolicy",
        RoleName=ACCESS_ROLE,
        PolicyName="forbidden",
        PolicyDocument=json.dumps(document),
    )


def update(session: xk.Session, change: Callable[[dict[str, Any]], None], **params: Any) -> str:
    """Update the stack past the kit with a template that is changed."""
    request = {**stack_request(session), **params}
    template = yaml.safe_load(request["TemplateBody"])
    change(template)
    request["TemplateBody"] = json.dumps(template)
    administer(session, "cloudformation", "UpdateStack", StackName=STACK, **request)
    return settled(session)


def rename_policy(template: dict[str, Any]) -> None:
    template["Resources"][ROLE]["Properties"]["Policies"][0]["PolicyName"] = "other"


def trust_nobody(template: dict[str, Any]) -> None:
    template["Resources"][ROLE]["Properties"]["AssumeRolePolicyDocument"] = NOBODY


def standing(session: xk.Session) -> Finding:
    (row,) = check_account(session, MEMBER)
    assert (row.step, row.probe) == ("status", "standing")
    assert row.verdict is VERDICTS[Standing(row.evidence["standing"])]
    assert row.why.startswith(row.evidence["standing"])
    assert bool(row.fix) is not row.verdict.green
    if "since" in row.evidence:
        assert re.search(
            r"Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ (second|minute|hour|day)s? ago\.", row.why
        )
        assert float(row.evidence["age_seconds"]) >= 0
    return row


def nothing(_: xk.Session) -> None:
    """What role-missing is anyway."""


def role_alone(session: xk.Session) -> None:
    make_role(session)


def rolled_back(session: xk.Session) -> None:
    make_role(session)
    deploy_account(session, MEMBER)


def not_rolled_back(session: xk.Session) -> None:
    make_role(session)
    request = stack_request(session)
    administer(session, "cloudformation", "CreateStack", StackName=STACK, OnFailure="DO_NOTHING", **request)
    settled(session)


def not_executed(session: xk.Session) -> None:
    change_set = {"StackName": STACK, "ChangeSetName": "theirs", "ChangeSetType": "CREATE"}
    administer(session, "cloudformation", "CreateChangeSet", **change_set, **stack_request(session))


def rollback_failed(session: xk.Session) -> None:
    # The half-made role can neither be finished nor removed.
    forbid(session, "iam:PutRolePolicy", "iam:DeleteRole")
    request = stack_request(session)
    administer(session, "cloudformation", "CreateStack", StackName=STACK, **request)
    settled(session)


def deployed(session: xk.Session) -> None:
    assert all(row.verdict.green for row in deploy_account(session, MEMBER))


def drifted(session: xk.Session) -> None:
    deployed(session)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {"PolicyName": "more", "PolicyDocument": json.dumps(document)}
    administer(session, "iam", "PutRolePolicy", RoleName=ROLE, **policy)


def delete_failed(session: xk.Session) -> None:
    deployed(session)
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    administer(session, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=arn)
    administer(session, "cloudformation", "DeleteStack", StackName=STACK)
    settled(session)


def update_failed(session: xk.Session) -> None:
    deployed(session)
    forbid(session, "iam:DeleteRolePolicy")
    update(session, rename_policy, DisableRollback=True)


def update_rollback_failed(session: xk.Session) -> None:
    deployed(session)
    forbid(session, "iam:DeleteRolePolicy")
    update(session, rename_policy)


def update_rolled_back(session: xk.Session) -> None:
    deployed(session)
    forbid(session, "iam:UpdateAssumeRolePolicy")
    update(session, trust_nobody)


# What came before, the stack's state, the standing, and what the reason must tell.
LIVE: list[tuple[Callable[[xk.Session], None], str, Standing, str]] = [
    (nothing, "", Standing.NEEDS_ONBOARD, "is not there, and there is no role"),
    (role_alone, "", Standing.ERRORED, "is not there, but there is a role"),
    (not_executed, "REVIEW_IN_PROGRESS", Standing.PENDING, "nobody has executed yet"),
    (rolled_back, "ROLLBACK_COMPLETE", Standing.ERRORED, "already exists"),
    (not_rolled_back, "CREATE_FAILED", Standing.ERRORED, "already exists"),
    (rollback_failed, "ROLLBACK_FAILED", Standing.ERRORED, "is not authorized to perform: iam:DeleteRole"),
    (deployed, "CREATE_COMPLETE", Standing.CURRENT, "what they must be"),
    (delete_failed, "DELETE_FAILED", Standing.ERRORED, "must detach all policies first"),
    (update_failed, "UPDATE_FAILED", Standing.ERRORED, "is not authorized to perform: iam:DeleteRolePolicy"),
    (
        update_rollback_failed,
        "UPDATE_ROLLBACK_FAILED",
        Standing.ERRORED,
        "is not authorized to perform: iam:DeleteRolePolicy",
    ),
    (
        update_rolled_back,
        "UPDATE_ROLLBACK_COMPLETE",
        Standing.CURRENT,
        "could not be updated, and was put back",
    ),
]


@pytest.mark.parametrize(
    ("before", "status", "expected", "told"), LIVE, ids=[f"{row[0].__name__}" for row in LIVE]
)
def test_a_state_is_told_live(
    session: xk.Session, before: Callable[[xk.Session], None], status: str, expected: Standing, told: str
) -> None:
    before(session)
    row = standing(again(session))
    assert row.evidence.get("stack_status", "") == status
    assert row.evidence["standing"] == expected
    assert told in row.why


def test_what_nobody_goes_on_with_is_told_when_the_bound_is_passed(session: xk.Session) -> None:
    not_executed(session)
    hasty = again(session, wait_seconds=1)
    for _ in attempts(10):
        row = standing(hasty)
        if row.evidence["standing"] != Standing.PENDING:
            break
    assert row.evidence["standing"] == Standing.NEEDS_ONBOARD
    assert "xacct deploy" in row.fix


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"workflow_loop_runner_role": "OtherRole"}, "Its parameter WorkflowLoopRunnerRole is "),
        ({"stack_tags": {"owner": "lab"}}, "Its tags differ: owner."),
    ],
)
def test_what_the_params_say_otherwise_needs_an_update(
    onboarded: xk.Session, changes: dict[str, Any], told: str
) -> None:
    row = standing(again(onboarded, **changes))
    assert (row.evidence["standing"], row.verdict) == (Standing.NEEDS_UPDATE, Verdict.FAIL)
    assert told in row.why
    assert "xacct deploy" in row.fix


def test_another_template_needs_an_update_and_the_place_is_told(onboarded: xk.Session) -> None:
    assert update(onboarded, rename_policy) == "UPDATE_COMPLETE"
    row = standing(onboarded)
    assert row.evidence["standing"] == Standing.NEEDS_UPDATE
    assert f"Resources.{ROLE}.Properties.Policies.other" in row.why


def test_another_external_id_needs_an_update_and_is_not_told(onboarded: xk.Session) -> None:
    row = standing(again(onboarded, external_id="another-external-id"))
    assert row.evidence["standing"] == Standing.NEEDS_UPDATE
    assert "another-external-id" not in str(row)
    assert onboarded.external_id not in str(row)


def test_an_external_id_that_the_stack_does_not_hide_is_not_told_either(onboarded: xk.Session) -> None:
    def show(template: dict[str, Any]) -> None:
        del template["Parameters"]["ExternalId"]["NoEcho"]

    update(again(onboarded, external_id="an-external-id-of-before"), show)
    row = standing(onboarded)
    assert row.evidence["standing"] == Standing.NEEDS_UPDATE
    assert "Its parameter ExternalId is another than it must be, and is not hidden" in row.why
    assert "an-external-id-of-before" not in str(row)
    assert onboarded.external_id not in str(row)


def test_a_template_that_is_written_otherwise_is_current(onboarded: xk.Session) -> None:
    def rewrite(template: dict[str, Any]) -> None:
        template["Description"] = "The same in other words."
        template["Resources"][ROLE]["Properties"]["Policies"].reverse()
        template["Metadata"] = {"note": "none"}

    update(onboarded, rewrite, Tags=[])
    assert standing(onboarded).evidence["standing"] == Standing.CURRENT


def test_a_role_that_was_deleted_past_its_stack_is_missed(onboarded: xk.Session) -> None:
    for name in administer(onboarded, "iam", "ListRolePolicies", RoleName=ROLE)["PolicyNames"]:
        administer(onboarded, "iam", "DeleteRolePolicy", RoleName=ROLE, PolicyName=name)
    administer(onboarded, "iam", "DeleteRole", RoleName=ROLE)
    row = standing(onboarded)
    assert row.evidence["standing"] == Standing.NEEDS_UPDATE
    assert "xacct drift" in row.fix


class TestAnAccountThatNobodyHereMayRead:
    """An invited account: the operator has no access of its own."""

    def test_the_role_itself_reads_what_it_may_and_what_it_may_not_is_told(
        self, onboarded: xk.Session
    ) -> None:
        row = standing(again(onboarded, access_role="NoSuchRole"))
        assert (row.evidence["standing"], row.caller) == (Standing.UNKNOWN, ROLE)
        assert "cloudformation:GetTemplate" in row.why
        assert row.evidence["proven"] == "the role can be assumed"

    def test_the_role_itself_proves_what_it_may_read(self, onboarded: xk.Session) -> None:
        document = {"Statement": [{"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}]}

        def allow(template: dict[str, Any]) -> None:
            policies = template["Resources"][ROLE]["Properties"]["Policies"]
            policies.append({"PolicyName": "more", "PolicyDocument": {"Version": "2012-10-17", **document}})

        update(onboarded, allow)
        row = standing(again(onboarded, access_role="NoSuchRole"))
        assert (row.evidence["standing"], row.caller) == (Standing.NEEDS_UPDATE, ROLE)
        assert "Policies.more" in row.why

    def test_a_role_that_may_not_read_itself_is_proven_to_be_assumable_and_no_more(
        self, onboarded: xk.Session
    ) -> None:
        document = {"Statement": [{"Effect": "Deny", "Action": "cloudformation:*", "Resource": "*"}]}
        administer(
            onboarded,
            "iam",
            "PutRolePolicy",
            RoleName=ROLE,
            PolicyName="deny",
            PolicyDocument=json.dumps({"Version": "2012-10-17", **document}),
        )
        row = standing(again(onboarded, access_role="NoSuchRole"))
        assert (row.evidence["standing"], row.verdict) == (Standing.UNKNOWN, Verdict.UNKNOWN)
        assert "ApiHandlerRole and WorkflowLoopRunnerRole can assume" in row.why
        assert "cloudformation:DescribeStacks" in row.why

    def test_a_role_that_is_not_there_cannot_be_told_from_one_that_refuses(self, session: xk.Session) -> None:
        row = standing(again(session, access_role="NoSuchRole"))
        assert (row.evidence["standing"], row.verdict) == (Standing.NEEDS_ONBOARD, Verdict.FAIL)
        assert "Either there is no such role yet, or it does not trust" in row.why

    @pytest.mark.parametrize("profile", ["documented", "swb-6.2.2"])
    def test_one_of_mains_roles_that_is_shut_out_is_named(self, onboarded: xk.Session, profile: str) -> None:
        trust = administer(onboarded, "iam", "GetRole", RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
        text = json.dumps(trust).replace("WorkflowLoopRunnerRole", "NotebookRole")
        administer(onboarded, "iam", "UpdateAssumeRolePolicy", RoleName=ROLE, PolicyDocument=text)
        row = standing(again(onboarded, access_role="NoSuchRole", profile=profile))
        assert row.evidence["standing"] == Standing.NEEDS_UPDATE
        assert "WorkflowLoopRunnerRole is refused" in row.why

    def test_whom_the_operator_cannot_become_nothing_is_told_of(self, onboarded: xk.Session) -> None:
        blind = {"api_handler_role": "NoSuchApi", "workflow_loop_runner_role": "NoSuchLoop"}
        row = standing(again(onboarded, access_role="NoSuchRole", **blind))
        assert (row.evidence["standing"], row.outcome) == (Standing.UNKNOWN, OutcomeKind.UNKNOWN)
        assert "Nobody here may act in 333333333333" in row.why


class TestWaiting:
    def test_it_ends_when_the_account_is_current_and_tells_each_change(self, session: xk.Session) -> None:
        lines: list[str] = []

        def progress(line: str) -> None:
            lines.append(line)
            if len(lines) == 1:
                request = stack_request(session)
                administer(session, "cloudformation", "CreateStack", StackName=STACK, **request)

        (row,) = wait_until_onboarded(again(session, wait_seconds=60), MEMBER, progress)
        assert row.verdict is Verdict.PASS
        assert lines[0].startswith(f"{MEMBER}: NEEDS_ONBOARD: ")
        assert lines[-1].startswith(f"{MEMBER}: CURRENT: ")
        assert len(lines) == len(set(lines))

    def test_it_ends_when_the_role_is_proven_although_no_more_can_be_read(
        self, onboarded: xk.Session
    ) -> None:
        lines: list[str] = []
        (row,) = wait_until_onboarded(again(onboarded, access_role="NoSuchRole"), MEMBER, lines.append)
        assert row.verdict is Verdict.UNKNOWN
        assert "Waited" not in row.why
        assert len(lines) == 1

    @pytest.mark.parametrize(
        ("before", "expected"), [(rolled_back, Standing.ERRORED), (drifted, Standing.NEEDS_UPDATE)]
    )
    def test_it_ends_where_nothing_is_under_way(
        self, session: xk.Session, before: Callable[[xk.Session], None], expected: Standing
    ) -> None:
        before(session)
        hasty = again(session, wait_seconds=3)
        for _ in attempts(60):
            if float(standing(hasty).evidence["age_seconds"]) > hasty.params.wait_seconds:
                break
        lines: list[str] = []
        (row,) = wait_until_onboarded(hasty, MEMBER, lines.append)
        assert (row.evidence["standing"], row.verdict) == (expected, Verdict.FAIL)
        assert "Waited" not in row.why
        assert len(lines) == 1

    def test_a_role_that_was_changed_just_now_may_be_told_of_as_it_was(self, session: xk.Session) -> None:
        drifted(session)
        lines: list[str] = []

        def progress(line: str) -> None:
            lines.append(line)
            if len(lines) == 1:
                administer(session, "iam", "DeleteRolePolicy", RoleName=ROLE, PolicyName="more")

        (row,) = wait_until_onboarded(again(session, wait_seconds=60), MEMBER, progress)
        assert row.verdict is Verdict.PASS
        assert [line.split(": ")[1] for line in lines] == ["NEEDS_UPDATE", "CURRENT"]

    def test_it_is_bounded_and_says_so(self, session: xk.Session) -> None:
        (row,) = wait_until_onboarded(again(session, wait_seconds=1), MEMBER)
        assert row.verdict is Verdict.FAIL
        assert "Waited 1 s (wait_seconds)." in row.why


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 seconds"),
        (1.9, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7_300, "2 hours"),
        (86_400, "1 day"),
        (1e9, "11,574 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_the_time_that_an_answer_tells_is_in_gmt(zone: str) -> None:
    headers = {"date": f"Sat, 28 Nov 2026 10:00:00 {zone}"}
    answer = Answer(
        Outcome(kind=OutcomeKind.ALLOWED), returned={"ResponseMetadata": {"HTTPHeaders": headers}}
    )
    assert told_time(answer) == datetime(2026, 11, 28, 10, tzinfo=UTC)
