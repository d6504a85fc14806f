"""What requests to StackSets may ask for, and in what form instances are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xacct_kit.sandbox.cloudformation.refusals import invalid, not_offered
from xacct_kit.sandbox.cloudformation.resources import given
from xacct_kit.sandbox.cloudformation.stacks import Definition
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.stack_instances import Answer, Instance, Params, StackSet

if TYPE_CHECKING:
    from xacct_kit.sandbox.caller import Caller


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


def chosen_accounts(found: StackSet, params: Params) -> frozenset[str]:
    """The accounts that a request takes out of a stack set.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html

    Raises:
        ServiceFault: they are not said as the stack set takes them.
    """
    targets = params.get("DeploymentTargets") or {}
    if not found.service_managed:
        if targets or not params.get("Accounts"):
            raise invalid("A self-managed stack set is deployed to Accounts.")
        return frozenset(params["Accounts"])
    units = targets.get("OrganizationalUnitIds")
    if params.get("Accounts") or not units:
        raise invalid("A service-managed stack set is deployed to OrganizationalUnitIds.")
    if targets.get("AccountFilterType", "NONE") not in ("INTERSECTION", "NONE"):
        raise not_offered(f"the AccountFilterType {targets['AccountFilterType']}")
    below = {each.account for each in found.instances.values() if each.unit in units}
    return frozenset(below.intersection(targets.get("Accounts") or below))


def check_reach(
    caller: Caller,
    action: str,
    found: StackSet,
    targets: Iterable[str],
    definition: Definition | None = None,
) -> None:
    """Refuse whoever may not bring the types of the template to the targets.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/security_iam_id-based-policy-examples.html

    Parameters:
        caller: who asks.
        action: the operation.
        found: the stack set, on which the operation is allowed already.
        targets: accounts, or organizational units.
        definition: what its stacks are to be; what they are where it is not given.

    Raises:
        ServiceFault: it is not allowed.
    """
    template = (definition or found.definition).template
    types = {declared.type.replace("::", "-") for declared in template.resources.values()}
    here = f"arn:{caller.partition}:cloudformation:{caller.region}:"
    for target in sorted(targets):
        caller.check("cloudformation", action, f"{here}{caller.account}:stackset-target/{found.id}/{target}")
    for each in sorted(types):
        caller.check("cloudformation", action, f"{here}:type/resource/{each}")


def check_tags(caller: Caller, found: StackSet, params: Params) -> None:
    """Refuse whoever may not tag the stack set as it says, or untag it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html

    Raises:
        ServiceFault: it is not allowed.
    """
    if "Tags" not in params:
        return
    kept = {tag["Key"] for tag in params["Tags"] or ()}
    arn = f"arn:{caller.partition}:cloudformation:{caller.region}:{caller.account}:stackset/{found.id}"
    if kept:
        caller.check("cloudformation", "TagResource", arn)
    if found.definition.tags.keys() - kept:
        caller.check("cloudformation", "UntagResource", arn)
