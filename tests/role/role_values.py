"""The values of one account, which the tests of profiles fill in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xacct_kit.role.profile import RoleValues

MAIN, MEMBER = "222222222222", "333333333333"
EXTERNAL_ID = "sandbox-external-id"

_VALUES = RoleValues(
    partition="aws",
    region="us-east-1",
    main_account=MAIN,
    member_account=MEMBER,
    api_handler_role="ApiHandlerRole",
    workflow_loop_runner_role="WorkflowLoopRunnerRole",
    external_id=EXTERNAL_ID,
    role_name="CrossAccountExecutionRole",
    stack_name="onboard-account",
)


def values(**changes: Any) -> RoleValues:
    return replace(_VALUES, **changes)
