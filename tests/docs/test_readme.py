"""What the README promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import Verdict
from xacct_kit.steps.operator.actions import Task, Who
from xacct_kit.steps.operator.policies import needed_for

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def operators_policy(task: Task) -> dict[str, list[dict[str, object]]]:
    """What the operator's role in the member must be allowed for a task."""
    needed = needed_for(task, Params.load("params/account.yaml"))
    (document,) = [each.document for each in needed if each.principal is Who.ACCESS_ROLE]
    return document


def with_onboarder(session: xk.Session, policy: object) -> Params:
    """Params of an operator whose role in the member has one policy."""
    member = session.params.member_accounts[0]
    administrator = session.deployer(member).caller
    assert administrator is not None
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    for operation, params in (
        ("CreateRole", {"AssumeRolePolicyDocument": json.dumps(trust)}),
        ("PutRolePolicy", {"PolicyName": "onboard", "PolicyDocument": json.dumps(policy)}),
    ):
        assert session.call(administrator, "iam", operation, RoleName="Onboarder", **params).ok
    return session.params.model_copy(
        update={"access_role": "Onboarder", "sandbox_endpoint": session.endpoint}
    )


def test_what_probing_alone_takes_is_that_of_the_package() -> None:
    policy = operators_policy(Task.PROBE)
    actions = [f"`{action}`" for statement in policy["Statement"] for action in listed(statement["Action"])]
    told = " ".join(README.split())
    assert f"Probing without deploying needs only {', '.join(actions[:-1])} and {actions[-1]}." in told


def listed(actions: object) -> list[str]:
    assert isinstance(actions, list)
    return actions


NEEDED = [
    "cloudformation:CreateChangeSet",
    "cloudformation:ExecuteChangeSet",
    "iam:CreateRole",
    "iam:PutRolePolicy",
]


@pytest.mark.parametrize("action", NEEDED)
def test_without_one_of_its_actions_the_deployment_is_red_and_names_it(action: str) -> None:
    policy = operators_policy(Task.ONBOARD)
    for statement in policy["Statement"]:
        statement["Action"] = [each for each in listed(statement["Action"]) if each != action]
    params, told = Params.load("params/sandbox.yaml", sandbox_scenario="role-missing"), list[str]()
    with xk.connect(params) as session:
        report = xk.onboard(with_onboarder(session, policy), progress=told.append)
    (deployed,) = [row for row in report if row.probe == "deploy-stack"]
    assert deployed.verdict is Verdict.FAIL
    assert action in deployed.why
    assert not [line for line in told if "is new" in line], "a role that was not made is not waited for"
