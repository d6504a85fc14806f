"""The operations on stacks: each takes a request and gives CloudFormation's answer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from xacct_kit.sandbox.cloudformation import descriptions, parameters
from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.engine import Worker
from xacct_kit.sandbox.cloudformation.plan import Known, make_plan
from xacct_kit.sandbox.cloudformation.refusals import invalid
from xacct_kit.sandbox.cloudformation.requests import (
    Params,
    check_name,
    check_updatable,
    definition_of,
    on_failure_of,
    page,
    template_of,
)
from xacct_kit.sandbox.cloudformation.resolution import resolve
from xacct_kit.sandbox.cloudformation.resources import given
from xacct_kit.sandbox.cloudformation.stacks import Stack, Stacks
from xacct_kit.sandbox.cloudformation.template import Template
from xacct_kit.sandbox.cloudformation.types import needed_capabilities
from xacct_kit.sandbox.faults import ServiceFault

_LOG = logging.getLogger(__name__)
_USER_INITIATED = "User Initiated"

Answer = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation of the API.

    Attributes:
        answer: answers a request; it runs under the lock of the stacks.
        offered: the parameters that the sandbox offers; others are refused.
    """

    answer: Callable[[Stacks, Caller, Params], Answer]
    offered: frozenset[str]


def start(stacks: Stacks, stack: Stack, status: str, work: Callable[[], None]) -> None:
    """Begin an operation on a stack: its status says so at once, a thread does the work."""
    stack.set_status(status, _USER_INITIATED)

    def guarded() -> None:
        try:
            work()
        except Exception as error:
            # Nobody waits for the thread: the stack tells what it died of, and is not left in progress.
            _LOG.exception("An operation on the stack %s failed", stack.name)
            with stacks.lock:
                stack.set_status(f"{stack.status.split('_')[0]}_FAILED", f"Internal Failure: {error!r}")

    stack.work = threading.Thread(target=guarded, name=f"cloudformation-{stack.name}", daemon=True)
    stack.work.start()


def _named(stacks: Stacks, caller: Caller, params: Params, missing: str) -> Stack:
    name = params.get("StackName")
    if not name:
        raise invalid(
            "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member "
            "must not be null"
        )
    stack = stacks.find(caller, name)
    if stack is None:
        raise invalid(missing.format(name))
    return stack


_WITH_ID = "Stack with id {} does not exist"
_BRACKETED = "Stack [{}] does not exist"
_QUOTED = "Stack '{}' does not exist"


def named_stack(stacks: Stacks, caller: Caller, params: Params) -> Stack:
    """The stack that a request names.

    Raises:
        ServiceFault: there is none.
    """
    return _named(stacks, caller, params, _WITH_ID)


def _create_stack(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    name = check_name(params["StackName"], "stackName")
    if stacks.find(caller, name) is not None:
        raise ServiceFault(400, "AlreadyExistsException", f"Stack [{name}] already exists")
    stack = stacks.new(caller, name, definition_of(params))
    resolve(stacks, caller, stack, stack.definition, Known(stack))
    stack.on_failure = on_failure_of(params)
    stack.termination_protection = bool(params.get("EnableTerminationProtection"))
    stacks.add(caller, stack)
    worker = Worker(stacks, stack, caller)
    start(stacks, stack, "CREATE_IN_PROGRESS", lambda: worker.create(stack.definition))
    return {"StackId": stack.id}


def _update_stack(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _BRACKETED)
    check_updatable(stack)
    definition = definition_of(params, stack.definition)
    known = Known(stack)
    if make_plan(stack, resolve(stacks, caller, stack, definition, known), known).empty:
        raise invalid("No updates are to be performed.")
    stack.updated = datetime.now(UTC)
    worker = Worker(stacks, stack, caller)
    roll_back = not params.get("DisableRollback")
    start(stacks, stack, "UPDATE_IN_PROGRESS", lambda: worker.update(definition, roll_back=roll_back))
    return {"StackId": stack.id}


def _continue_update_rollback(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _BRACKETED)
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        # What AWS says here is not documented; the operation's own page says which state it takes.
        raise invalid(
            f"Stack:{stack.id} is in {stack.status} state and can not continue rollback: it must be in "
            "UPDATE_ROLLBACK_FAILED state."
        )
    worker = Worker(stacks, stack, caller)
    start(stacks, stack, "UPDATE_ROLLBACK_IN_PROGRESS", worker.continue_rollback)
    return {}


def _delete_stack(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = stacks.find(caller, params["StackName"])
    if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return {}
    if stack.in_progress:
        raise invalid(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    if stack.termination_protection:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    retain = frozenset(params.get("RetainResources") or ())
    if retain and stack.status != "DELETE_FAILED":
        raise invalid("RetainResources can be given only for a stack in the state DELETE_FAILED.")
    exports = [output.export for output in stack.outputs if output.export is not None]
    stacks.check_not_imported(caller, dict.fromkeys(exports, "deleted"))
    worker = Worker(stacks, stack, caller)
    start(stacks, stack, "DELETE_IN_PROGRESS", lambda: worker.delete(retain))
    return {}


def _describe_stacks(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    if params.get("StackName"):
        return {"Stacks": [descriptions.stack_description(_named(stacks, caller, params, _WITH_ID))]}
    live = [stack for stack in stacks.in_place(caller) if stack.live]
    shown, following = page(live, params)
    return {"Stacks": [descriptions.stack_description(stack) for stack in shown], **following}


def _list_stacks(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    wanted = params.get("StackStatusFilter")
    listed = [stack for stack in stacks.in_place(caller) if not wanted or stack.status in wanted]
    shown, following = page(listed, params)
    return {"StackSummaries": [descriptions.stack_summary(stack) for stack in shown], **following}


def _describe_stack_events(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _BRACKETED)
    # The token counts the events from the first, so that those which come meanwhile move nothing.
    total = len(stack.events)
    token, _, offset = (params.get("NextToken") or f"{total}-0").partition("-")
    if not token.isdecimal() or int(token) > total:
        raise invalid("The NextToken is not valid.")
    events = list(reversed(stack.events[: int(token)]))
    shown, following = page(events, {"NextToken": offset})
    return {
        "StackEvents": [descriptions.event_description(stack, event) for event in shown],
        **{name: f"{token}-{value}" for name, value in following.items()},
    }


def _describe_stack_resource(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _QUOTED)
    resource = stack.resources.get(params["LogicalResourceId"])
    if resource is None:
        raise invalid(f"Resource {params['LogicalResourceId']} does not exist for stack {stack.name}")
    return {"StackResourceDetail": descriptions.resource_detail(stack, resource)}


def _describe_stack_resources(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    if params.get("PhysicalResourceId"):
        stack = _holder(stacks, caller, params)
    else:
        stack = _named(stacks, caller, params, _WITH_ID)
    wanted = params.get("LogicalResourceId")
    return {
        "StackResources": [
            descriptions.resource_description(stack, resource)
            for name, resource in stack.resources.items()
            if wanted in (None, name)
        ]
    }


def _holder(stacks: Stacks, caller: Caller, params: Params) -> Stack:
    """The stack that something belongs to, by its physical ID.

    That a stack's name besides it is refused is documented, the texts are not; that there is none is told in
    the words in which people quote AWS. Whether a deleted stack is told is not documented: here it is not.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    """
    physical_id = params["PhysicalResourceId"]
    if params.get("StackName"):
        raise invalid("StackName and PhysicalResourceId cannot be specified together.")
    for stack in stacks.in_place(caller):
        held = (each.physical_id for each in stack.resources.values() if each.exists)
        if stack.live and physical_id in held:
            return stack
    raise invalid(f"Stack for {physical_id} does not exist")


def _list_stack_resources(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _WITH_ID)
    shown, following = page(list(stack.resources.values()), params)
    return {
        "StackResourceSummaries": [descriptions.resource_summary(stack, resource) for resource in shown],
        **following,
    }


def _get_template(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _WITH_ID)
    return {
        "TemplateBody": stack.definition.template.body,
        "StagesAvailable": ["Original", "Processed"],
    }


def _summarised(template: Template) -> Answer:
    needed = needed_capabilities(template)
    return given(
        Description=template.description or None,
        Capabilities=[needed[0]] if needed else [],
        CapabilitiesReason=needed[1] if needed else None,
        DeclaredTransforms=[],
    )


def _get_template_summary(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    if params.get("StackName"):
        template = _named(stacks, caller, params, _WITH_ID).definition.template
    else:
        template = template_of(params, None)
    return {
        **_summarised(template),
        "Parameters": parameters.declarations(template),
        "ResourceTypes": sorted({declared.type for declared in template.resources.values()}),
        **({"Version": template.version} if template.version else {}),
    }


def _validate_template(_stacks: Stacks, _caller: Caller, params: Params) -> Answer:
    template = template_of(params, None)
    members = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
    declared = [
        {name: entry[name] for name in members if name in entry}
        for entry in parameters.declarations(template)
    ]
    return {**_summarised(template), "Parameters": declared}


def _update_termination_protection(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = _named(stacks, caller, params, _BRACKETED)
    if not stack.live:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    stack.termination_protection = bool(params["EnableTerminationProtection"])
    return {"StackId": stack.id}


_DEFINITION = frozenset(
    {"Capabilities", "ClientRequestToken", "Parameters", "StackName", "Tags", "TemplateBody"}
)
_STACK = frozenset({"StackName"})
_PAGED = frozenset({"NextToken", "StackName"})

STACK_OPERATIONS: Mapping[str, Operation] = {
    "ContinueUpdateRollback": Operation(_continue_update_rollback, _STACK | {"ClientRequestToken"}),
    "CreateStack": Operation(
        _create_stack,
        _DEFINITION | {"DisableRollback", "EnableTerminationProtection", "OnFailure", "TimeoutInMinutes"},
    ),
    "DeleteStack": Operation(_delete_stack, _STACK | {"ClientRequestToken", "RetainResources"}),
    "DescribeStackEvents": Operation(_describe_stack_events, _PAGED),
    "DescribeStackResource": Operation(_describe_stack_resource, _STACK | {"LogicalResourceId"}),
    "DescribeStackResources": Operation(
        _describe_stack_resources, _STACK | {"LogicalResourceId", "PhysicalResourceId"}
    ),
    "DescribeStacks": Operation(_describe_stacks, _PAGED),
    "GetTemplate": Operation(_get_template, _STACK | {"TemplateStage"}),
    "GetTemplateSummary": Operation(_get_template_summary, _STACK | {"TemplateBody"}),
    "ListStackResources": Operation(_list_stack_resources, _PAGED),
    "ListStacks": Operation(_list_stacks, frozenset({"NextToken", "StackStatusFilter"})),
    "UpdateStack": Operation(_update_stack, _DEFINITION | {"DisableRollback", "UsePreviousTemplate"}),
    "UpdateTerminationProtection": Operation(
        _update_termination_protection, _STACK | {"EnableTerminationProtection"}
    ),
    "ValidateTemplate": Operation(_validate_template, frozenset({"TemplateBody"})),
}
