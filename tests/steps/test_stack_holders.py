"""Which stack holds something, by what CloudFormation tells of the one that it found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.report import Verdict
from xacct_kit.steps.stack.holders import holding
from xacct_kit.steps.stack.view import StackFailure

ROLE = ("AWS::IAM::Role", "CrossAccountExecutionRole")
STACK = "arn:aws:cloudformation:us-east-1:333333333333:stack/theirs/1"

STATUSES = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_FAILED",
    "IMPORT_COMPLETE",
)
LET_GO = ("DELETE_COMPLETE", "DELETE_SKIPPED")


def resource(type_: str, name: str | None, status: str) -> dict[str, Any]:
    named = {} if name is None else {"PhysicalResourceId": name}
    return {"StackId": STACK, "ResourceType": type_, "ResourceStatus": status, **named}


others = st.builds(
    resource,
    st.sampled_from(["AWS::IAM::InstanceProfile", "AWS::IAM::ManagedPolicy"]),
    st.sampled_from([None, ROLE[1], "other"]),
    st.sampled_from([*STATUSES, *LET_GO]),
)


@given(st.lists(others), st.sampled_from(STATUSES), st.lists(others))
def test_a_stack_holds_what_it_has_not_let_go_of(
    before: list[dict[str, Any]], status: str, after: list[dict[str, Any]]
) -> None:
    assert holding([*before, resource(*ROLE, status), *after], *ROLE) == STACK


@given(st.lists(others), st.sampled_from(LET_GO))
def test_a_stack_does_not_hold_what_it_has_let_go_of(more: list[dict[str, Any]], status: str) -> None:
    assert holding([*more, resource(*ROLE, status)], *ROLE) is None


@given(st.lists(others))
def test_a_stack_that_was_found_by_something_else_tells_nothing(more: list[dict[str, Any]]) -> None:
    with pytest.raises(StackFailure) as untold:
        holding(more, *ROLE)
    assert untold.value.verdict is Verdict.UNKNOWN
    assert (STACK in untold.value.why) is bool(more)
