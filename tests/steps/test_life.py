"""The life of an account from its first deployment to its end: each step sees what the last one has done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.steps import deploy, drift_repair, offboard, plan, status
from xacct_kit.steps.stack_states import Standing

MEMBER = "333333333333"
ROLE = "CrossAccountExecutionRole"


@pytest.fixture
def session() -> Iterator[xk.Session]:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario="role-missing")) as opened:
        yield opened


def again(session: xk.Session, **changes: Any) -> xk.Session:
    """A later run, perhaps of other params, in the same sandbox."""
    return xk.connect(session.params.model_copy(update={**changes, "sandbox_endpoint": session.endpoint}))


def stands(session: xk.Session) -> tuple[str, bool]:
    """The standing, and whether a plan says that nothing would change."""
    (row,) = status.check_account(session, MEMBER)
    return row.evidence["standing"], all(row.verdict.green for row in plan.check_account(session, MEMBER))


def test_an_account_is_looked_after_from_its_first_deployment_to_its_end(session: xk.Session) -> None:
    assert stands(session) == (Standing.NEEDS_ONBOARD, False)
    assert all(row.verdict.green for row in deploy.deploy_account(session, MEMBER))
    assert stands(session) == (Standing.CURRENT, True)

    caller = session.deployer(MEMBER).caller
    assert caller is not None
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert session.call(caller, "iam", "AttachRolePolicy", RoleName=ROLE, PolicyArn=arn).ok
    assert stands(again(session)) == (Standing.NEEDS_UPDATE, False)
    assert all(row.verdict.green for row in drift_repair.repair_account(again(session), MEMBER))
    assert stands(again(session)) == (Standing.CURRENT, True)

    rotated = again(session, external_id="another-external-id")
    assert stands(rotated) == (Standing.NEEDS_UPDATE, False)
    assert all(row.verdict.green for row in deploy.deploy_account(rotated, MEMBER))
    assert stands(rotated) == (Standing.CURRENT, True)

    hardened = again(session, external_id="another-external-id", profile="hardened")
    assert stands(hardened) == (Standing.NEEDS_UPDATE, False)
    assert all(row.verdict.green for row in deploy.deploy_account(hardened, MEMBER))
    assert stands(hardened) == (Standing.CURRENT, True)

    for _ in range(2):
        assert all(row.verdict.green for row in offboard.offboard_account(again(hardened), MEMBER))
        assert stands(again(hardened)) == (Standing.NEEDS_ONBOARD, False)
