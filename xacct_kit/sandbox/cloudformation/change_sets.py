"""The operations on change sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from xacct_kit.sandbox.cloudformation import descriptions
from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.engine import Worker
from xacct_kit.sandbox.cloudformation.operations import Answer, Operation, start
from xacct_kit.sandbox.cloudformation.plan import Known, make_plan
from xacct_kit.sandbox.cloudformation.refusals import invalid, not_offered
from xacct_kit.sandbox.cloudformation.requests import (
    Params,
    check_name,
    check_updatable,
    definition_of,
    page,
)
from xacct_kit.sandbox.cloudformation.resolution import resolve
from xacct_kit.sandbox.cloudformation.stacks import ChangeSet, Definition, Stack, Stacks, new_id
from xacct_kit.sandbox.faults import ServiceFault

_LOG = logging.getLogger(__name__)

_NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def _create_change_set(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    name = check_name(params["ChangeSetName"], "changeSetName")
    kind = params.get("ChangeSetType") or "UPDATE"
    stack = stacks.find(caller, params["StackName"])
    if stack is not None and name in stack.change_sets:
        raise ServiceFault(400, "AlreadyExistsException", f"ChangeSet {name} already exists")
    if kind == "CREATE":
        stack, definition = _stack_to_create(stacks, caller, stack, params)
    elif kind == "UPDATE":
        stack, definition = _stack_to_update(stack, params)
    else:
        raise not_offered(f"change sets of the type {kind}")
    change_set = ChangeSet(
        id=new_id(caller, "changeSet", name),
        name=name,
        type=kind,
        description=params.get("Description"),
        definition=definition,
        on_failure=params.get("OnStackFailure") or "ROLLBACK",
        created=datetime.now(UTC),
    )
    stack.change_sets[name] = change_set
    work = threading.Thread(target=_work_out, args=(stacks, caller, stack, change_set), daemon=True)
    work.start()
    return {"Id": change_set.id, "StackId": stack.id}


def _stack_to_create(
    stacks: Stacks, caller: Caller, stack: Stack | None, params: Params
) -> tuple[Stack, Definition]:
    definition = definition_of(params)
    if stack is None:
        stack = stacks.new(caller, check_name(params["StackName"], "stackName"), definition)
        resolve(stacks, caller, stack, definition, Known(stack))
        stacks.add(caller, stack)
        stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
    elif stack.status != "REVIEW_IN_PROGRESS":
        raise invalid(
            f"Stack [{stack.name}] already exists and cannot be created again with the changeSet "
            f"[{params['ChangeSetName']}]."
        )
    return stack, definition


def _stack_to_update(stack: Stack | None, params: Params) -> tuple[Stack, Definition]:
    if stack is None:
        raise invalid(f"Stack [{params['StackName']}] does not exist")
    check_updatable(stack)
    return stack, definition_of(params, stack.definition)


def _work_out(stacks: Stacks, caller: Caller, stack: Stack, change_set: ChangeSet) -> None:
    """Find what the change set would change."""
    with stacks.lock:
        known = Known(stack)
        try:
            resolution = resolve(stacks, caller, stack, change_set.definition, known)
            plan = make_plan(stack, resolution, known)
        except ServiceFault as fault:
            change_set.status, change_set.reason = "FAILED", fault.message
            return
        except Exception as error:
            # Nobody waits for the thread: the change set tells what it died of, and is not left pending.
            _LOG.exception("The change set %s failed", change_set.name)
            change_set.status, change_set.reason = "FAILED", f"Internal Failure: {error!r}"
            return
        if plan.empty:
            change_set.status, change_set.reason = "FAILED", _NO_CHANGES
            return
        change_set.changes = tuple({"Type": "Resource", "ResourceChange": each} for each in plan.changes)
        change_set.status, change_set.execution = "CREATE_COMPLETE", "AVAILABLE"


def _find(stacks: Stacks, caller: Caller, params: Params) -> tuple[Stack, ChangeSet]:
    wanted = params["ChangeSetName"]
    for stack in _candidates(stacks, caller, params):
        for change_set in stack.change_sets.values():
            if wanted == change_set.id or (wanted == change_set.name and params.get("StackName")):
                return stack, change_set
    raise ServiceFault(404, "ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist")


def _candidates(stacks: Stacks, caller: Caller, params: Params) -> list[Stack]:
    if not params.get("StackName"):
        if not params["ChangeSetName"].startswith("arn:"):
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        return [stack for stack in stacks.in_place(caller) if stack.live]
    return [_stack(stacks, caller, params)]


def _stack(stacks: Stacks, caller: Caller, params: Params) -> Stack:
    stack = stacks.find(caller, params["StackName"])
    if stack is None or not stack.live:
        raise invalid(f"Stack [{params['StackName']}] does not exist")
    return stack


def _describe_change_set(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack, change_set = _find(stacks, caller, params)
    shown, following = page(change_set.changes, params)
    return {
        **descriptions.change_set_description(stack, change_set),
        "Changes": list(shown),
        **following,
    }


def _execute_change_set(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack, change_set = _find(stacks, caller, params)
    if change_set.execution != "AVAILABLE":
        raise ServiceFault(
            400,
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}]",
        )
    if change_set.type == "UPDATE":
        check_updatable(stack)
        stack.updated = datetime.now(UTC)
    stack.change_set_id = change_set.id
    # The other change sets were worked out against a stack that will not be there any more.
    stack.change_sets = {change_set.name: change_set}
    change_set.execution = "EXECUTE_IN_PROGRESS"
    roll_back = not params.get("DisableRollback")
    stack.on_failure = change_set.on_failure if roll_back else "DO_NOTHING"

    def work() -> None:
        worker = Worker(stacks, stack, caller)
        if change_set.type == "CREATE":
            worker.create(change_set.definition)
        else:
            worker.update(change_set.definition, roll_back=roll_back)
        with stacks.lock:
            done = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            change_set.execution = "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED"

    start(stacks, stack, f"{change_set.type}_IN_PROGRESS", work)
    return {}


def _delete_change_set(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    try:
        stack, change_set = _find(stacks, caller, params)
    except ServiceFault as fault:
        if fault.code == "ChangeSetNotFound":
            return {}
        raise
    if change_set.execution == "EXECUTE_IN_PROGRESS":
        raise ServiceFault(
            400,
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be deleted in its current execution status of "
            f"[{change_set.execution}]",
        )
    del stack.change_sets[change_set.name]
    return {}


def _list_change_sets(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _stack(stacks, caller, params)
    waiting = [each for each in stack.change_sets.values() if not each.execution.startswith("EXECUTE")]
    shown, following = page(waiting, params)
    return {"Summaries": [descriptions.change_set_summary(stack, each) for each in shown], **following}


_CHANGE_SET = frozenset({"ChangeSetName", "StackName"})

CHANGE_SET_OPERATIONS: Mapping[str, Operation] = {
    "CreateChangeSet": Operation(
        _create_change_set,
        _CHANGE_SET
        | {
            "Capabilities",
            "ChangeSetType",
            "ClientToken",
            "Description",
            "OnStackFailure",
            "Parameters",
            "Tags",
            "TemplateBody",
            "UsePreviousTemplate",
        },
    ),
    "DeleteChangeSet": Operation(_delete_change_set, _CHANGE_SET),
    "DescribeChangeSet": Operation(_describe_change_set, _CHANGE_SET | {"NextToken"}),
    "ExecuteChangeSet": Operation(
        _execute_change_set, _CHANGE_SET | {"ClientRequestToken", "DisableRollback"}
    ),
    "ListChangeSets": Operation(_list_change_sets, frozenset({"NextToken", "StackName"})),
}
