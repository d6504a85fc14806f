"""What each state of a stack means for the account that it is in: the standing, the reason, the next step.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from xacct_kit.report import Verdict


class Standing(StrEnum):
    """How an account stands."""

    NEEDS_ONBOARD = "NEEDS_ONBOARD"
    PENDING = "PENDING"
    CURRENT = "CURRENT"
    NEEDS_UPDATE = "NEEDS_UPDATE"
    ERRORED = "ERRORED"
    UNKNOWN = "UNKNOWN"


# Only what is proven to be current is green; what is under way is not known yet.
VERDICTS: Mapping[Standing, Verdict] = {
    Standing.NEEDS_ONBOARD: Verdict.FAIL,
    Standing.PENDING: Verdict.UNKNOWN,
    Standing.CURRENT: Verdict.PASS,
    Standing.NEEDS_UPDATE: Verdict.FAIL,
    Standing.ERRORED: Verdict.FAIL,
    Standing.UNKNOWN: Verdict.UNKNOWN,
}


@dataclass(frozen=True, kw_only=True)
class StackState:
    """What a state of a stack means.

    Attributes:
        standing: how the account stands.
        reason: what the state says, after "The stack".
        next_step: what to do.
        late: what it means when nothing has happened to the stack for longer than is waited for; None where
            time changes nothing.
        failed: whether an event of the stack tells more of the reason.
        compared: whether the stack has still to be held against what it must be; then `standing` is how the
            account stands where both are the same.
        updatable: whether CloudFormation takes an update of the stack as it is.
    """

    standing: Standing
    reason: str
    next_step: str = ""
    late: StackState | None = None
    failed: bool = False
    compared: bool = False
    updatable: bool = False


_WAIT = "Wait for it to end: xacct status PARAMS --wait."
_DEPLOY = "Deploy: xacct deploy PARAMS."
MEND = "Mend the first failure that is named, and deploy again: xacct deploy PARAMS."
_REPLACE = f"{MEND} The stack is replaced: it can only be deleted."
_CONTINUE = (
    "Mend the failure that is named, and deploy again: xacct deploy PARAMS. It calls "
    "cloudformation:ContinueUpdateRollback before it updates."
)

# What has not moved for so long does not end by itself in the time that is waited for.
# https://repost.aws/knowledge-center/cloudformation-stack-stuck-progress
_STUCK = (
    "{what}, and nothing has happened to it for longer than wait_seconds: it is stuck",
    "Look at the resource that is in progress, in the console of its service and in CloudTrail. {way_out}",
)
_TIME_OUT = "CloudFormation gives up by itself when the resource's own timeout has passed; then deploy again."


def _going_on(what: str, way_out: str = _TIME_OUT) -> StackState:
    reason, next_step = (text.format(what=what, way_out=way_out) for text in _STUCK)
    stuck = StackState(standing=Standing.ERRORED, reason=reason, next_step=next_step, failed=True)
    return StackState(standing=Standing.PENDING, reason=what, next_step=_WAIT, late=stuck)


def _errored(reason: str, next_step: str, *, updatable: bool = False) -> StackState:
    return StackState(
        standing=Standing.ERRORED, reason=reason, next_step=next_step, failed=True, updatable=updatable
    )


def _deployed(reason: str, *, failed: bool = False) -> StackState:
    return StackState(standing=Standing.CURRENT, reason=reason, compared=True, failed=failed, updatable=True)


_CANCEL_UPDATE = (
    "Call cloudformation:CancelUpdateStack, which rolls the update back, or wait: CloudFormation gives up by "
    "itself when the resource's own timeout has passed."
)

NO_STACK = StackState(standing=Standing.NEEDS_ONBOARD, reason="is not there", next_step=_DEPLOY)

STACK_STATES: Mapping[str, StackState] = {
    "CREATE_IN_PROGRESS": _going_on("is being created"),
    "CREATE_FAILED": _errored("could not be created, and what was made of it is kept", _REPLACE),
    "CREATE_COMPLETE": _deployed("is deployed"),
    "ROLLBACK_IN_PROGRESS": _going_on("could not be created, and what was made of it is being removed"),
    "ROLLBACK_FAILED": _errored(
        "could not be created, and not all that was made of it could be removed", _REPLACE
    ),
    "ROLLBACK_COMPLETE": _errored("could not be created, and nothing of it is left but its name", _REPLACE),
    "DELETE_IN_PROGRESS": _going_on("is being deleted"),
    "DELETE_FAILED": _errored(
        "could not be deleted, and resources of it are there still",
        "Mend the failure that is named. Then offboard again (xacct offboard PARAMS), which removes the role "
        "and says what else is retained, or deploy again (xacct deploy PARAMS), which replaces the stack.",
    ),
    "DELETE_COMPLETE": replace(NO_STACK, reason="was deleted"),
    "UPDATE_IN_PROGRESS": _going_on("is being updated", _CANCEL_UPDATE),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": _going_on("was updated, and what was replaced is being removed"),
    "UPDATE_COMPLETE": _deployed("is deployed"),
    "UPDATE_FAILED": _errored(
        "could not be updated, and was not rolled back: part of the update is in force", MEND, updatable=True
    ),
    "UPDATE_ROLLBACK_IN_PROGRESS": _going_on("could not be updated, and is being put back"),
    "UPDATE_ROLLBACK_FAILED": _errored("could not be updated, and could not be put back", _CONTINUE),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _going_on(
        "could not be updated and was put back, and what was made meanwhile is being removed"
    ),
    "UPDATE_ROLLBACK_COMPLETE": _deployed("could not be updated, and was put back", failed=True),
    "REVIEW_IN_PROGRESS": StackState(
        standing=Standing.PENDING,
        reason="has a change set that nobody has executed yet, and no resources",
        next_step="Execute the change set in the account, or deploy: xacct deploy PARAMS.",
        late=StackState(
            standing=Standing.NEEDS_ONBOARD,
            reason="has a change set that nobody executes, and no resources",
            next_step=_DEPLOY,
        ),
    ),
    "IMPORT_IN_PROGRESS": _going_on("takes resources over"),
    "IMPORT_COMPLETE": _deployed("has taken resources over"),
    "IMPORT_ROLLBACK_IN_PROGRESS": _going_on("could not take resources over, and is being put back"),
    "IMPORT_ROLLBACK_FAILED": _errored(
        "could not take resources over, and could not be put back",
        "Mend the failure that is named, and look at the stack in CloudFormation's console: what comes after "
        "this state is not documented.",
    ),
    "IMPORT_ROLLBACK_COMPLETE": _deployed("could not take resources over, and was put back", failed=True),
}

_NOT_KNOWN = StackState(
    standing=Standing.UNKNOWN,
    reason="has a state that is not known",
    next_step="Look at the stack in CloudFormation's console.",
)


def state_of(status: str | None) -> StackState:
    """What the state of a stack means.

    Parameters:
        status: the stack's status; None where there is no stack.
    """
    return NO_STACK if status is None else STACK_STATES.get(status, _NOT_KNOWN)


def state_at(status: str | None, age: float, bound: float) -> StackState:
    """What the state of a stack means when nothing has happened to the stack for some time.

    Parameters:
        status: the stack's status; None where there is no stack.
        age: seconds since anything has happened to the stack.
        bound: seconds after which what has not ended is late.
    """
    state = state_of(status)
    return state.late if state.late is not None and age > bound else state
