"""CloudFormation as one object: every stack of the sandbox, behind the operations of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.change_sets import CHANGE_SET_OPERATIONS
from xacct_kit.sandbox.cloudformation.drift import DRIFT_OPERATIONS
from xacct_kit.sandbox.cloudformation.operations import STACK_OPERATIONS, Operation
from xacct_kit.sandbox.cloudformation.refusals import not_offered
from xacct_kit.sandbox.cloudformation.requests import check_offered
from xacct_kit.sandbox.cloudformation.stacks import Stacks

_OPERATIONS: Mapping[str, Operation] = {
    **STACK_OPERATIONS,
    **CHANGE_SET_OPERATIONS,
    **DRIFT_OPERATIONS,
}


class CloudFormation:
    """The CloudFormation of every account and region of the sandbox."""

    def __init__(self) -> None:
        self._stacks = Stacks()

    def handle(self, operation: str, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Answer a request that has been authorised.

        Stack operations go on in a thread after the answer, as the caller.

        Parameters:
            operation: its name, such as `CreateStack`.
            params: its parameters, as boto3 takes them.
            caller: the principal that asks, in its account and region.

        Returns:
            The result, as boto3 gives it.

        Raises:
            ServiceFault: the request is refused.
        """
        known = _OPERATIONS.get(operation)
        if known is None:
            raise not_offered(f"the operation {operation}")
        check_offered(operation, params, known.offered)
        if operation == "DeleteStack":
            self._await_creation(params["StackName"], caller)
        with self._stacks.lock:
            return known.answer(self._stacks, caller, params)

    def _await_creation(self, name: str, caller: Caller) -> None:
        """Let a creation come to its end: AWS accepts the deletion of a stack that is still being created."""
        with self._stacks.lock:
            stack = self._stacks.find(caller, name)
            creating = stack is not None and stack.status in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
            work = stack.work if stack is not None and creating else None
        if work is not None:
            work.join()
