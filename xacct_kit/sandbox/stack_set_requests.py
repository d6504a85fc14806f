"""What requests to StackSets may ask for, and in what form instances are told."""

from __future__ import annotations

from xacct_kit.sandbox.cloudformation.descriptions import given
from xacct_kit.sandbox.cloudformation.refusals import not_offered
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.stack_instances import Answer, Instance, Params, StackSet


def check_retained(params: Params) -> None:
    """Refuse what the sandbox does not do: to remove the stack of an account that leaves its unit.

    Raises:
        ServiceFault: it would have to.
    """
    deployment = params.get("AutoDeployment") or {}
    if deployment.get("Enabled") and not deployment.get("RetainStacksOnAccountRemoval"):
        raise not_offered("the removal of stacks when an account leaves its unit")


def running(found: StackSet) -> bool:
    """Whether an operation is going on or waits for its turn."""
    return any(each["Status"] in ("RUNNING", "QUEUED") for each in found.operations.values())


def check_free(found: StackSet) -> None:
    """Refuse a second operation, unless operations are queued.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ManagedExecution.html

    Raises:
        ServiceFault: another is in progress.
    """
    if running(found) and not found.managed_execution:
        text = f"Another Operation on StackSet {found.id} is in progress"
        raise ServiceFault(409, "OperationInProgressException", text)


def summary(found: StackSet, instance: Instance) -> Answer:
    """An instance as ListStackInstances shows it."""
    return given(
        StackSetId=found.id,
        Account=instance.account,
        Region=instance.region,
        StackId=instance.stack_id,
        Status=instance.status,
        StatusReason=instance.reason,
        StackInstanceStatus={"DetailedStatus": instance.detailed},
        OrganizationalUnitId=instance.unit,
        LastOperationId=instance.operation_id,
    )


def tolerated(preferences: Params, accounts: int) -> int:
    """How many accounts may fail; a percentage is rounded down.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
    """
    share = int(preferences.get("FailureTolerancePercentage") or 0)
    return int(preferences.get("FailureToleranceCount") or 0) + accounts * share // 100
