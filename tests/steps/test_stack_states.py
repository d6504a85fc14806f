"""Every state of a stack has its meaning, and those that the sandbox reaches are told of live."""

from __future__ import annotations

import botocore.session
import pytest

from xacct_kit.report import Verdict
from xacct_kit.steps.stack.states import STACK_STATES, VERDICTS, Standing, state_at, state_of

NEEDS_ONBOARD, PENDING, CURRENT = Standing.NEEDS_ONBOARD, Standing.PENDING, Standing.CURRENT
ERRORED, UNKNOWN = Standing.ERRORED, Standing.UNKNOWN

# State, standing, and standing when nothing has happened for longer than is waited for.
ROWS = [
    (None, NEEDS_ONBOARD, NEEDS_ONBOARD),
    ("CREATE_IN_PROGRESS", PENDING, ERRORED),
    ("CREATE_FAILED", ERRORED, ERRORED),
    ("CREATE_COMPLETE", CURRENT, CURRENT),
    ("ROLLBACK_IN_PROGRESS", PENDING, ERRORED),
    ("ROLLBACK_FAILED", ERRORED, ERRORED),
    ("ROLLBACK_COMPLETE", ERRORED, ERRORED),
    ("DELETE_IN_PROGRESS", PENDING, ERRORED),
    ("DELETE_FAILED", ERRORED, ERRORED),
    ("DELETE_COMPLETE", NEEDS_ONBOARD, NEEDS_ONBOARD),
    ("UPDATE_IN_PROGRESS", PENDING, ERRORED),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", PENDING, ERRORED),
    ("UPDATE_COMPLETE", CURRENT, CURRENT),
    ("UPDATE_FAILED", ERRORED, ERRORED),
    ("UPDATE_ROLLBACK_IN_PROGRESS", PENDING, ERRORED),
    ("UPDATE_ROLLBACK_FAILED", ERRORED, ERRORED),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", PENDING, ERRORED),
    ("UPDATE_ROLLBACK_COMPLETE", CURRENT, CURRENT),
    ("REVIEW_IN_PROGRESS", PENDING, NEEDS_ONBOARD),
    ("IMPORT_IN_PROGRESS", PENDING, ERRORED),
    ("IMPORT_COMPLETE", CURRENT, CURRENT),
    ("IMPORT_ROLLBACK_IN_PROGRESS", PENDING, ERRORED),
    ("IMPORT_ROLLBACK_FAILED", ERRORED, ERRORED),
    ("IMPORT_ROLLBACK_COMPLETE", CURRENT, CURRENT),
    ("A_STATE_OF_TOMORROW", UNKNOWN, UNKNOWN),
]
BOUND = 300.0


@pytest.mark.parametrize(("status", "young", "late"), ROWS, ids=[str(row[0]) for row in ROWS])
def test_a_state_has_a_standing_a_reason_and_a_next_step(
    status: str | None, young: Standing, late: Standing
) -> None:
    assert state_at(status, BOUND, BOUND).standing is young
    assert state_at(status, BOUND + 1, BOUND).standing is late
    for age in (0, BOUND + 1):
        state = state_at(status, age, BOUND)
        assert state.reason
        assert state.next_step or state.compared


def test_no_state_of_cloudformation_is_left_out() -> None:
    model = botocore.session.get_session().get_service_model("cloudformation")
    assert set(STACK_STATES) == set(model.shape_for("StackStatus").enum)
    assert {row[0] for row in ROWS} == {*STACK_STATES, None, "A_STATE_OF_TOMORROW"}


def test_what_goes_on_is_the_states_whose_names_say_so() -> None:
    pending = {status for status, state in STACK_STATES.items() if state.standing is PENDING}
    assert pending == {status for status in STACK_STATES if status.endswith("_IN_PROGRESS")}
    assert all(state_of(status).late for status in pending)


def test_only_what_is_current_is_green() -> None:
    assert {standing for standing, verdict in VERDICTS.items() if verdict.green} == {CURRENT}
    assert set(VERDICTS) == set(Standing)
    assert VERDICTS[PENDING] is Verdict.UNKNOWN
