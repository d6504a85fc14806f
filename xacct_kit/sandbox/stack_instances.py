"""Making the stack of one account of a stack set, as the role that AWS takes for it.

A self-managed set assumes its execution role through the administration role, and is refused as anybody is; a
service-managed one acts as the role that StackSets itself keeps in every account of the organizational units.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from xacct_kit.sandbox import organization, state
from xacct_kit.sandbox.cloudformation.parameters import as_parameters
from xacct_kit.sandbox.cloudformation.resources import as_tags
from xacct_kit.sandbox.cloudformation.stacks import Definition
from xacct_kit.sandbox.roles import ensure_service_role

if TYPE_CHECKING:
    from xacct_kit.sandbox.caller import Caller

_LOG = logging.getLogger(__name__)

ADMINISTRATION_ROLE = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION_ROLE = "AWSCloudFormationStackSetExecutionRole"
_SERVICE_ROLE = "stacksets-exec-sandbox"
_SERVICE = "cloudformation.amazonaws.com"

Params = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(kw_only=True)
class Instance:
    """What a stack set has in one account and region.

    Attributes:
        account, region: where.
        unit: the organizational unit that it came by; None where the account was named.
        status, detailed: its status and its detailed status.
        reason: why, where there is something to say.
        stack_id: its stack; None as long as there is none.
        operation_id: the operation that it was last part of.
    """

    account: str
    region: str
    unit: str | None = None
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str | None = None
    stack_id: str | None = None
    operation_id: str = ""


@dataclass(kw_only=True)
class StackSet:
    """A stack set; it is read and changed under the lock of its `StackSets`.

    Attributes:
        name, id: its name and its ID.
        definition: what its stacks are to be.
        service_managed: whether AWS has the roles; otherwise they are the accounts' own.
        execution_role: the role that makes the stacks in the accounts; None where AWS has it.
        auto_deployment: what becomes of accounts that come into its units or leave them.
        managed_execution: whether operations wait for each other.
        units: the organizational units that it is deployed to.
        regions: the regions, in the order in which they were named.
        instances: what it has, by account and region.
        operations: what was done with it, by ID.
        turn: held by the operation that is going on.
    """

    name: str
    definition: Definition
    service_managed: bool
    execution_role: str | None
    auto_deployment: Mapping[str, Any] | None
    managed_execution: bool
    id: str = ""
    units: list[str] = field(default_factory=list)
    regions: dict[str, None] = field(default_factory=dict)
    instances: dict[tuple[str, str], Instance] = field(default_factory=dict)
    operations: dict[str, Answer] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)


class _Failure(Exception):
    """A stack instance did not become what it was to be; the text is its reason.

    Attributes:
        unstable: whether it was to be deleted and is now left out of every update.
    """

    def __init__(self, reason: str, *, unstable: bool = False) -> None:
        super().__init__(reason)
        self.unstable = unstable


def carried_out(
    found: StackSet, caller: Caller, operation: Answer, instance: Instance
) -> tuple[str, str | None]:
    """The detailed status of an instance after its stack was made, updated or deleted, and the reason.

    Parameters:
        found: the stack set.
        caller: who asked for the operation.
        operation: the operation, as DescribeStackSetOperation tells it.
        instance: the instance.
    """
    deleting = operation["Action"] == "DELETE"
    if deleting and operation["RetainStacks"]:
        return "SUCCEEDED", None
    if organization.is_suspended(instance.account):
        return "SKIPPED_SUSPENDED_ACCOUNT", "The account is suspended."
    try:
        executing = _acting_for(found, caller, instance)
        if deleting:
            _delete(executing, instance)
        else:
            _deploy(found, executing, instance)
    except _Failure as failure:
        return "INOPERABLE" if failure.unstable else "FAILED", str(failure)
    except Exception as error:
        # Nobody waits for the thread: the instance tells what it died of.
        _LOG.exception("An operation of the stack set %s failed", found.name)
        return "FAILED", f"Internal Failure: {error!r}"
    return "SUCCEEDED", None


def _acting_for(found: StackSet, caller: Caller, instance: Instance) -> Caller:
    """Who makes the stack of an instance.

    Parameters:
        found: the stack set.
        caller: who asked for the operation.
        instance: the instance.

    Raises:
        _Failure: nobody can.
    """
    account, partition = instance.account, caller.partition
    caller.gate.members.enter(account)
    if found.service_managed:
        role = ensure_service_role(partition, account, _SERVICE_ROLE, _SERVICE)
        return caller.session_of(role, instance.region)
    administration = state.find_named(partition, caller.account, "role", ADMINISTRATION_ROLE)
    if administration is None or not state.trusts_service(administration, _SERVICE):
        raise _Failure(
            f"Account {caller.account} should have '{ADMINISTRATION_ROLE}' role with trust to {_SERVICE}."
        )
    arn = f"arn:{partition}:iam::{account}:role/{found.execution_role}"
    try:
        return caller.session_of(administration, instance.region).assume(arn)
    except ClientError as error:
        raise _Failure(
            f"Account {account} should have '{found.execution_role}' role with trust relationship to Role "
            f"'{ADMINISTRATION_ROLE}'."
        ) from error


def _deploy(found: StackSet, executing: Caller, instance: Instance) -> None:
    """Make or update the stack of an instance, and wait until it has settled.

    Parameters:
        found: the stack set.
        executing: who makes the stack.
        instance: the instance.

    Raises:
        _Failure: it did not come to be.
    """
    definition = found.definition
    request = {
        "TemplateBody": definition.template.body,
        "Parameters": as_parameters(definition.values),
        "Capabilities": list(definition.capabilities),
        "Tags": as_tags(definition.tags),
    }
    before = _stack(executing, instance.stack_id)
    try:
        if before is None:
            name = f"StackSet-{found.name[:80]}-{uuid.uuid4()}"
            new = {"StackName": name, "OnFailure": "DELETE", **request}
            instance.stack_id = executing.call("cloudformation", "CreateStack", new)["StackId"]
        else:
            executing.call("cloudformation", "UpdateStack", {"StackName": instance.stack_id, **request})
    except ClientError as error:
        told: Any = error.response
        if "No updates are to be performed" in told["Error"]["Message"]:
            return
        raise _Failure(told["Error"]["Message"]) from error
    stack_id = str(instance.stack_id)
    if _settled(executing, stack_id) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise _Failure(_first_failure(executing, stack_id, _DEPLOYING))


def _delete(executing: Caller, instance: Instance) -> None:
    """Delete the stack of an instance, and wait until it is gone.

    Parameters:
        executing: who deletes the stack.
        instance: the instance.

    Raises:
        _Failure: it is not.
    """
    if _stack(executing, instance.stack_id) is None:
        return
    try:
        executing.call("cloudformation", "DeleteStack", {"StackName": instance.stack_id})
    except ClientError as error:
        told: Any = error.response
        raise _Failure(told["Error"]["Message"], unstable=True) from error
    if _settled(executing, str(instance.stack_id)) != "DELETE_COMPLETE":
        raise _Failure(_first_failure(executing, str(instance.stack_id), _DELETING), unstable=True)


def _stack(executing: Caller, stack_id: str | None) -> Params | None:
    """The description of a stack that is not deleted."""
    if stack_id is None:
        return None
    asked = {"StackName": stack_id}
    described: Params = executing.gate.cloudformation.handle("DescribeStacks", asked, executing)["Stacks"][0]
    return None if described["StackStatus"] == "DELETE_COMPLETE" else described


def _settled(executing: Caller, stack_id: str) -> str:
    """The status of a stack once it has settled."""
    while True:
        described = _stack(executing, stack_id)
        status = str(described["StackStatus"]) if described else "DELETE_COMPLETE"
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.002)


def _first_failure(executing: Caller, stack_id: str, begun: tuple[str, ...]) -> str:
    """The first failure of a stack's latest operation, in the words of a stack instance's reason."""
    first = None
    asked = {"StackName": stack_id}
    for event in executing.gate.cloudformation.handle("DescribeStackEvents", asked, executing)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            first = event
        if event["PhysicalResourceId"] == stack_id and event["ResourceStatus"] in begun:
            break
    if first is None:
        return "The stack has failed."
    return (
        f"ResourceLogicalId:{first['LogicalResourceId']}, ResourceType:{first['ResourceType']}, "
        f"ResourceStatusReason:{first.get('ResourceStatusReason', '')}."
    )


# A creation that fails goes on as a deletion.
_DEPLOYING = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
_DELETING = ("DELETE_IN_PROGRESS",)
