"""A stack set as its administrator calls it: operations that are begun and waited for, and its instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from xacct_kit.aws.answers import Answer
from xacct_kit.aws.session import Session
from xacct_kit.fleet.stack_instances import Instance
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.steps.stack.view import StackFailure, refused
from xacct_kit.steps.waiting import Progress, attempts


class PermissionModel(StrEnum):
    """Who makes the roles that StackSets act by."""

    SELF_MANAGED = "SELF_MANAGED"
    SERVICE_MANAGED = "SERVICE_MANAGED"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How a stack set is deployed.

    Attributes:
        model: who makes the roles that it acts by.
        organizational_units: IDs of the units or the root that a service-managed stack set goes to.
        execution_role: name of the role in each account that a self-managed one acts by; AWS's name when it
            is not given. The params' access_role may be one.
    """

    model: PermissionModel
    organizational_units: tuple[str, ...] = ()
    execution_role: str = "AWSCloudFormationStackSetExecutionRole"

    @property
    def service_managed(self) -> bool:
        """Whether StackSets makes the roles itself."""
        return self.model is PermissionModel.SERVICE_MANAGED


# By default one account is deployed to at a time, and the first failure ends the operation in a region.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
_PREFERENCES: Mapping[str, Any] = {
    "RegionConcurrencyType": "PARALLEL",
    "FailureTolerancePercentage": 100,
    "MaxConcurrentPercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}

_GOING_ON = frozenset({"QUEUED", "RUNNING", "STOPPING"})


class StackSetCalls:
    """The stack set as the operator sees it.

    Parameters:
        session: whose run it is; its operator administers the stack set.
        deployment: how the stack set is deployed.
        progress: is told each operation that is waited for.

    Attributes:
        session: whose run it is.
        operations: IDs of the operations that this run has begun.
        going_on: IDs of operations that were waited for in vain: they go on, as far as is known.
    """

    def __init__(self, session: Session, deployment: Deployment, progress: Progress) -> None:
        self.session = session
        self.operations: set[str] = set()
        self.going_on: set[str] = set()
        self._deployment = deployment
        self._progress = progress
        self._name = session.params.stack_name
        self._region = session.params.region

    @property
    def ended(self) -> bool:
        """Whether every operation that was waited for has ended."""
        return not self.going_on

    def knows(self, instance: Instance) -> bool:
        """Whether the status of an instance is of the stack set as it is now, and not of before."""
        return self.ended or instance.get("LastOperationId") in self.operations

    def as_known(self, instance: Instance) -> Instance:
        """An instance; one that is current as it was before an operation still waits for that."""
        if instance["Status"] != "CURRENT" or self.knows(instance):
            return instance
        return {**instance, "StackInstanceStatus": {"DetailedStatus": "PENDING"}}

    def _call(self, operation: str, **params: Any) -> Answer:
        named = {} if operation == "DescribeOrganizationsAccess" else {"StackSetName": self._name}
        return self.session.call(self.session.operator, "cloudformation", operation, **named, **params)

    def _ask(self, operation: str, **params: Any) -> Mapping[str, Any]:
        answer = self._call(operation, **params)
        if not answer.ok:
            raise refused(operation, answer)
        return answer.result

    def _describe(self) -> Mapping[str, Any] | None:
        """The stack set as it is; None where there is none."""
        answer = self._call("DescribeStackSet")
        if answer.absent:
            return None
        if not answer.ok:
            raise refused("DescribeStackSet", answer)
        described: Mapping[str, Any] = answer.result["StackSet"]
        if described.get("PermissionModel") != self._deployment.model:
            raise StackFailure(
                f"There is a stack set {self._name} already, and it is {described.get('PermissionModel')}.",
                "Choose another stack_name, or deploy by the permission model that it has.",
                Outcome(kind=OutcomeKind.VALIDATION),
                Verdict.FAIL,
            )
        return described

    def _operate(self, operation: str, **params: Any) -> None:
        begun = self._ask(operation, OperationPreferences=dict(_PREFERENCES), **params)
        operation_id = str(begun["OperationId"])
        self.operations.add(operation_id)
        self._progress(f"{self._name}: {operation} has begun")
        self._watch(operation, operation_id)

    def _await_earlier(self) -> None:
        """Wait for operations that were begun before: what they have not come to yet is not known to fail."""
        for summary in list(self._summaries("ListStackSetOperations")):
            if summary["Status"] in _GOING_ON:
                self._watch(f"an earlier {summary['Action']}", summary["OperationId"])

    def _watch(self, operation: str, operation_id: str) -> None:
        """Wait for the end of an operation; where the bound is hit, the instances tell how far it came."""
        last = ""
        seconds = self.session.params.wait_seconds
        self.going_on.add(operation_id)
        for _ in attempts(seconds):
            try:
                described = self._ask("DescribeStackSetOperation", OperationId=operation_id)[
                    "StackSetOperation"
                ]
            except StackFailure as failure:
                if failure.outcome.retryable:
                    continue
                raise
            status = str(described["Status"])
            if status != last:
                self._progress(f"{self._name}: {operation} is {status}")
                last = status
            if status not in _GOING_ON:
                self.going_on.discard(operation_id)
                return
        self._progress(f"{self._name}: {operation} has not ended after {seconds} s")

    def _instances(self) -> dict[str, Instance]:
        """The instances in the params' region, by account."""
        return {each["Account"]: each for each in self._everywhere() if each["Region"] == self._region}

    def _everywhere(self) -> Iterator[Instance]:
        """The instances in every region."""
        return self._summaries("ListStackInstances")

    def _summaries(self, operation: str) -> Iterator[Mapping[str, Any]]:
        """What an operation lists, on all of its pages."""
        session, named = self.session, {"StackSetName": self._name}
        for answer in session.pages(session.operator, "cloudformation", operation, **named):
            if not answer.ok:
                raise refused(operation, answer)
            yield from answer.result.get("Summaries", ())
