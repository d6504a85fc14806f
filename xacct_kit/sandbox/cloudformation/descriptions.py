"""Stacks, resources, events and change sets in the shapes of CloudFormation's answers."""

from __future__ import annotations

from typing import Any

from xacct_kit.sandbox.cloudformation.parameters import shown
from xacct_kit.sandbox.cloudformation.resources import as_tags, given
from xacct_kit.sandbox.cloudformation.stacks import ChangeSet, Event, Output, Resource, Stack


def stack_description(stack: Stack) -> dict[str, Any]:
    """A stack as DescribeStacks shows it."""
    definition = stack.definition
    return given(
        StackId=stack.id,
        StackName=stack.name,
        ChangeSetId=stack.change_set_id,
        Description=definition.template.description or None,
        Parameters=shown(definition.template, definition.values),
        CreationTime=stack.created,
        LastUpdatedTime=stack.updated,
        DeletionTime=stack.deleted,
        RollbackConfiguration={},
        StackStatus=stack.status,
        StackStatusReason=stack.reason,
        DisableRollback=stack.on_failure == "DO_NOTHING",
        NotificationARNs=[],
        Capabilities=list(definition.capabilities),
        Outputs=[_output(output) for output in stack.outputs],
        Tags=as_tags(definition.tags),
        EnableTerminationProtection=stack.termination_protection,
        DriftInformation=_drift(stack),
    )


def _drift(stack: Stack) -> dict[str, Any]:
    return given(StackDriftStatus=stack.drift_status, LastCheckTimestamp=stack.drift_checked)


def _output(output: Output) -> dict[str, Any]:
    return given(
        OutputKey=output.key,
        OutputValue=output.value,
        Description=output.description,
        ExportName=output.export,
    )


def stack_summary(stack: Stack) -> dict[str, Any]:
    """A stack as ListStacks shows it."""
    return given(
        StackId=stack.id,
        StackName=stack.name,
        TemplateDescription=stack.definition.template.description or None,
        CreationTime=stack.created,
        LastUpdatedTime=stack.updated,
        DeletionTime=stack.deleted,
        StackStatus=stack.status,
        StackStatusReason=stack.reason,
        DriftInformation=_drift(stack),
    )


def event_description(stack: Stack, event: Event) -> dict[str, Any]:
    """An event as DescribeStackEvents shows it."""
    return given(
        StackId=stack.id,
        EventId=event.id,
        StackName=stack.name,
        LogicalResourceId=event.logical_id,
        PhysicalResourceId=event.physical_id,
        ResourceType=event.type,
        Timestamp=event.time,
        ResourceStatus=event.status,
        ResourceStatusReason=event.reason,
        ResourceProperties=event.properties,
    )


def resource_description(stack: Stack, resource: Resource) -> dict[str, Any]:
    """A resource as DescribeStackResources shows it."""
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        **_resource(stack, resource),
        "Timestamp": resource.updated,
    }


def resource_detail(stack: Stack, resource: Resource) -> dict[str, Any]:
    """A resource as DescribeStackResource shows it."""
    return {"StackName": stack.name, "StackId": stack.id, **resource_summary(stack, resource)}


def resource_summary(stack: Stack, resource: Resource) -> dict[str, Any]:
    """A resource as ListStackResources shows it."""
    return {**_resource(stack, resource), "LastUpdatedTimestamp": resource.updated}


def _resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    drift = stack.drifts.get(resource.logical_id)
    return given(
        LogicalResourceId=resource.logical_id,
        PhysicalResourceId=resource.physical_id or None,
        ResourceType=resource.declaration.type,
        ResourceStatus=resource.status,
        ResourceStatusReason=resource.reason,
        DriftInformation=given(
            StackResourceDriftStatus=drift.status if drift else "NOT_CHECKED",
            LastCheckTimestamp=drift.time if drift else None,
        ),
    )


def change_set_summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    """A change set as ListChangeSets shows it."""
    return given(
        StackId=stack.id,
        StackName=stack.name,
        ChangeSetId=change_set.id,
        ChangeSetName=change_set.name,
        ExecutionStatus=change_set.execution,
        Status=change_set.status,
        StatusReason=change_set.reason,
        CreationTime=change_set.created,
        Description=change_set.description,
        IncludeNestedStacks=False,
    )


def change_set_description(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    """A change set as DescribeChangeSet shows it, without its changes."""
    definition = change_set.definition
    return {
        **change_set_summary(stack, change_set),
        "Parameters": shown(definition.template, definition.values),
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Capabilities": list(definition.capabilities),
        "Tags": as_tags(definition.tags),
        "OnStackFailure": change_set.on_failure,
    }
