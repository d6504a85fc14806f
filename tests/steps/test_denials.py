"""Why a role is denied something, and what a denial shows."""

from __future__ import annotations

import pytest

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection
from xacct_kit.iam import Request
from xacct_kit.params import Params
from xacct_kit.report import Expectation, Outcome, OutcomeKind, Verdict
from xacct_kit.role.repair import Goal
from xacct_kit.steps.callers import execution_role
from xacct_kit.steps.denials import Denial, explain
from xacct_kit.steps.findings import Question, finding

MEMBER, OTHER = "333333333333", "444444444444"


@pytest.mark.parametrize(
    ("action", "resource", "kind", "said"),
    [
        (
            "kms:Decrypt",
            f"arn:aws:kms:us-east-1:{OTHER}:key/k",
            OutcomeKind.DENIED_IDENTITY,
            "none of its identity-based policies allows it",
        ),
        ("s3:GetObject", f"arn:aws:s3:us-east-1:{OTHER}:accesspoint/a", None, "What is left is what cannot"),
        ("iam:GetRole", f"arn:aws:iam::{MEMBER}:role/r", None, "What is left is what cannot"),
    ],
)
def test_the_policy_of_what_is_called_is_not_taken_for_read(
    action: str, resource: str, kind: OutcomeKind | None, said: str
) -> None:
    with xk.connect(Params.load("params/sandbox.yaml")) as session:
        role = execution_role(session, MEMBER)
        request = Request(
            principal=role, action=action, resource=resource, context={"aws:RequestedRegion": "us-east-1"}
        )
        goal = Goal(request=request, role_arn=role, granting={})
        outcome = Outcome(kind=OutcomeKind.DENIED_UNSPECIFIED, reason="It was refused.")
        found = explain(Denial(session=session, account=MEMBER, goal=goal, outcome=outcome))
    assert found.kind is kind
    assert said in found.why
    assert "service control policy allows" not in found.why


@pytest.mark.parametrize(
    ("kind", "action", "verdict"),
    [
        (OutcomeKind.DENIED_IDENTITY, None, Verdict.PASS),
        (OutcomeKind.DENIED_SCP, "dynamodb:listtables", Verdict.PASS),
        (OutcomeKind.DENIED_IDENTITY, "dynamodb:DescribeTable", Verdict.UNKNOWN),
        (OutcomeKind.DENIED_VPCE, "dynamodb:ListTables", Verdict.UNKNOWN),
        (OutcomeKind.NOT_FOUND, None, Verdict.UNKNOWN),
        (OutcomeKind.CREDENTIALS, None, Verdict.UNKNOWN),
        (OutcomeKind.REGION_DISABLED, None, Verdict.UNKNOWN),
        (OutcomeKind.VALIDATION, None, Verdict.UNKNOWN),
    ],
)
def test_what_shows_that_something_is_refused(
    kind: OutcomeKind, action: str | None, verdict: Verdict
) -> None:
    question = Question(
        step="permissions",
        probe="p",
        account=MEMBER,
        caller="c",
        action="dynamodb:ListTables",
        expected=Expectation.DENIED,
    )
    with Session(Params.load("params/sandbox.yaml"), sandbox_connection("http://127.0.0.1:1")) as session:
        found = finding(session, question, Outcome(kind=kind, action=action, fix="Mend it."))
    assert found.verdict is verdict
    assert bool(found.fix) is not verdict.green
