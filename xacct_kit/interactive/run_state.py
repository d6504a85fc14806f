"""How a run stands, in a word and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class RunState(StrEnum):
    """How a run stands."""

    READY = "ready"
    RUNNING = "running"
    STOPPING = "stopping"
    GREEN = "green"
    RED = "red"
    WRONG_REQUEST = "wrong request"
    UNFINISHED = "unfinished"
    STOPPED = "stopped"

    @property
    def under_way(self) -> bool:
        """Whether something is being done."""
        return self in (RunState.RUNNING, RunState.STOPPING)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self is not RunState.READY and not self.under_way


IN_WORDS: Mapping[RunState, str] = {
    RunState.READY: "Not started yet.",
    RunState.RUNNING: "Running.",
    RunState.STOPPING: "Stopping: no other account is begun; those that are worked on end their step.",
    RunState.GREEN: "Done: every verdict is green.",
    RunState.RED: "Done: not every verdict is green.",
    RunState.WRONG_REQUEST: "The request was wrong, and nothing was called.",
    RunState.UNFINISHED: "The run could not finish. What is known is kept; Resume does what is missing.",
    RunState.STOPPED: "Stopped. What is known is kept; Resume does what is missing.",
}

# Exit codes of `xacct`; and what its parser ends with when it is interrupted outside of a run:
# https://github.com/fastapi/typer/blob/master/typer/core.py
_OF_EXIT_CODE = {0: RunState.GREEN, 1: RunState.RED, 2: RunState.WRONG_REQUEST}
_INTERRUPTED = (3, 130)


def state_after(exit_code: int, *, cancelled: bool) -> RunState:
    """How a run stands when its command has ended.

    Parameters:
        exit_code: what the command ended with; negative where a signal ended it.
        cancelled: whether it was told to stop.
    """
    if cancelled and exit_code in _INTERRUPTED:
        return RunState.STOPPED
    return _OF_EXIT_CODE.get(exit_code, RunState.UNFINISHED)
