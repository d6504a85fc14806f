"""Drift detection: whether a stack's resources are what its template says.

"Only resource properties explicitly defined in the stack template are checked for drift." What is looked at
is read as the principal that asks, which needs "read permission for each resource that supports drift
detection".
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
The wording of refusals is not documented.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.operations import Answer, Operation, named_stack
from xacct_kit.sandbox.cloudformation.plan import Known
from xacct_kit.sandbox.cloudformation.property_differences import property_differences
from xacct_kit.sandbox.cloudformation.refusals import (
    HandlerError,
    ResourceError,
    handler_call,
    invalid,
    listed,
    not_offered,
)
from xacct_kit.sandbox.cloudformation.requests import Params, page
from xacct_kit.sandbox.cloudformation.resolution import resolve
from xacct_kit.sandbox.cloudformation.resources import GONE, Properties, given
from xacct_kit.sandbox.cloudformation.stacks import DriftDetection, Resource, ResourceDrift, Stack, Stacks
from xacct_kit.sandbox.cloudformation.types import RESOURCE_TYPES

_LOG = logging.getLogger(__name__)

_DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
)

# Types whose drift AWS detects and the sandbox does not.
_NOT_OFFERED = ("AWS::S3::Bucket", "AWS::SSM::Parameter")


class _Detector:
    """Looks at the resources of one stack, as the principal that asks."""

    def __init__(self, stacks: Stacks, stack: Stack, caller: Caller) -> None:
        self._stacks = stacks
        self._stack = stack
        self._call = handler_call(caller)
        resolution = resolve(stacks, caller, stack, stack.definition, Known(stack))
        # What the stack made is there with what it was made of; what may be shown is worked out anew.
        self._shown = {
            name: resolution.properties(resource.declaration, hide=True)
            for name, resource in stack.resources.items()
            if resource.exists and name in resolution.needs
        }
        self.resources = [stack.resources[name] for name in self._shown]

    def run(self, detection: DriftDetection, names: frozenset[str]) -> None:
        """Look at the resources of some names, or at all, and note what came of it."""
        try:
            self._run(detection, names)
        except Exception as error:
            # Nobody waits for the thread: the detection tells what it died of, and is not left in progress.
            _LOG.exception("The drift detection of the stack %s failed", self._stack.name)
            with self._stacks.lock:
                detection.reason, detection.status = f"Internal Failure: {error!r}", "DETECTION_FAILED"

    def _run(self, detection: DriftDetection, names: frozenset[str]) -> None:
        found = [drift for each in self._supported(names) if (drift := self.look(each)) is not None]
        unknown = [drift for drift in found if drift.status == "UNKNOWN"]
        drifted = sum(drift.status in ("MODIFIED", "DELETED") for drift in found)
        with self._stacks.lock:
            self._stack.drifts.update({drift.resource.logical_id: drift for drift in found})
            self._stack.drift_checked = detection.begun
            self._stack.drift_status = "DRIFTED" if drifted else "UNKNOWN" if unknown else "IN_SYNC"
            detection.stack_status, detection.drifted = self._stack.drift_status, drifted
            detection.reason = _reason(unknown)
            detection.status = "DETECTION_FAILED" if unknown else "DETECTION_COMPLETE"

    def _supported(self, names: frozenset[str]) -> list[Resource]:
        return [each for each in self.resources if not names or each.logical_id in names]

    def look(self, resource: Resource) -> ResourceDrift | None:
        """What a resource has become; None where CloudFormation does not look."""
        read = RESOURCE_TYPES[resource.declaration.type].read
        if read is None:
            return None
        now = datetime.now(UTC)
        try:
            actual = read(self._call, resource.physical_id)
        except HandlerError as error:
            if error.code in GONE:
                return ResourceDrift(resource=resource, status="DELETED", time=now)
            return ResourceDrift(resource=resource, status="UNKNOWN", time=now, reason=str(error))
        except ResourceError as error:
            return ResourceDrift(resource=resource, status="UNKNOWN", time=now, reason=str(error))
        return self._compared(
            resource, {name: actual[name] for name in resource.properties if name in actual}
        )

    def _compared(self, resource: Resource, actual: Properties) -> ResourceDrift:
        shown = self._shown[resource.logical_id]
        differences = property_differences(resource.properties, shown, actual)
        return ResourceDrift(
            resource=resource,
            status="MODIFIED" if differences else "IN_SYNC",
            time=datetime.now(UTC),
            expected=shown,
            actual=actual,
            differences=differences,
        )


def _reason(unknown: list[ResourceDrift]) -> str | None:
    if not unknown:
        return None
    names = listed(drift.resource.logical_id for drift in unknown)
    return f"Failed to detect drift on resource {names}. {unknown[0].reason}"


def _detector(stacks: Stacks, caller: Caller, stack: Stack) -> _Detector:
    if stack.status not in _DETECTABLE:
        raise invalid(f"Drift detection cannot be performed on stack [{stack.id}] in {stack.status} state")
    detector = _Detector(stacks, stack, caller)
    lacking = sorted({each.declaration.type for each in detector.resources} & set(_NOT_OFFERED))
    if lacking:
        raise not_offered(f"drift detection of {', '.join(lacking)}")
    return detector


def _detect_stack_drift(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = named_stack(stacks, caller, params)
    detector = _detector(stacks, caller, stack)
    names = frozenset(params.get("LogicalResourceIds") or ())
    for name in sorted(names - set(stack.resources)):
        raise invalid(f"Resource {name} does not exist for stack {stack.name}")
    detection = DriftDetection(id=str(uuid.uuid4()), begun=datetime.now(UTC))
    stack.detections[detection.id] = detection
    threading.Thread(target=detector.run, args=(detection, names), daemon=True).start()
    return {"StackDriftDetectionId": detection.id}


def _detect_stack_resource_drift(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = named_stack(stacks, caller, params)
    name = params["LogicalResourceId"]
    detector = _detector(stacks, caller, stack)
    resource = next((each for each in detector.resources if each.logical_id == name), None)
    if resource is None:
        raise invalid(f"Resource {name} does not exist for stack {stack.name}")
    drift = detector.look(resource)
    if drift is None:
        raise invalid(f"Drift detection is not supported for resource type {resource.declaration.type}")
    stack.drifts[name], stack.drift_checked = drift, drift.time
    return {"StackResourceDrift": _shown(stack, drift)}


def _describe_detection(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    wanted = params["StackDriftDetectionId"]
    for stack in stacks.in_place(caller):
        if wanted in stack.detections:
            found = stack.detections[wanted]
            return given(
                StackId=stack.id,
                StackDriftDetectionId=found.id,
                StackDriftStatus=found.stack_status,
                DetectionStatus=found.status,
                DetectionStatusReason=found.reason,
                DriftedStackResourceCount=found.drifted,
                Timestamp=found.begun,
            )
    raise invalid(f"Stack drift detection with id {wanted} does not exist")


def _describe_resource_drifts(stacks: Stacks, caller: Caller, params: Params) -> Answer:
    stack = named_stack(stacks, caller, params)
    statuses = params.get("StackResourceDriftStatusFilters")
    found = [
        drift
        for name, drift in stack.drifts.items()
        if name in stack.resources and (not statuses or drift.status in statuses)
    ]
    drifts, following = page(found, params)
    return {"StackResourceDrifts": [_shown(stack, drift) for drift in drifts], **following}


def _shown(stack: Stack, drift: ResourceDrift) -> dict[str, Any]:
    return given(
        StackId=stack.id,
        LogicalResourceId=drift.resource.logical_id,
        PhysicalResourceId=drift.resource.physical_id,
        ResourceType=drift.resource.declaration.type,
        ExpectedProperties=_json(drift.expected),
        ActualProperties=_json(drift.actual),
        PropertyDifferences=list(drift.differences) if drift.differences else None,
        StackResourceDriftStatus=drift.status,
        DriftStatusReason=drift.reason,
        Timestamp=drift.time,
    )


def _json(properties: Properties | None) -> str | None:
    return None if properties is None else json.dumps(properties)


DRIFT_OPERATIONS: Mapping[str, Operation] = {
    "DescribeStackDriftDetectionStatus": Operation(_describe_detection, frozenset({"StackDriftDetectionId"})),
    "DescribeStackResourceDrifts": Operation(
        _describe_resource_drifts, frozenset({"NextToken", "StackName", "StackResourceDriftStatusFilters"})
    ),
    "DetectStackDrift": Operation(_detect_stack_drift, frozenset({"LogicalResourceIds", "StackName"})),
    "DetectStackResourceDrift": Operation(
        _detect_stack_resource_drift, frozenset({"LogicalResourceId", "StackName"})
    ),
}
