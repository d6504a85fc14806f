"""Why a role is denied something: the policies that are read are told from those that are not."""

from __future__ import annotations

import pytest

import xacct_kit as xk
from xacct_kit.iam import Request
from xacct_kit.params import Params
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.role.repair import Goal
from xacct_kit.steps.callers import execution_role
from xacct_kit.steps.denials import Denial, explain

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
