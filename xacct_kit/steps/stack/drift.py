"""What CloudFormation itself says of the drift of a stack.

It compares, for each resource, the values of the properties that the template sets; it "only determines drift
for property values that are explicitly set".
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Verdict
from xacct_kit.steps.findings import NOT_KNOWN
from xacct_kit.steps.stack.view import StackFailure, StackView, refused
from xacct_kit.steps.waiting import Progress, attempts

# "You can perform drift detection on stacks with the following statuses", as the page above says.
_DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
)


@dataclass(frozen=True, kw_only=True)
class DriftedProperty:
    """A property that is not as the template has it. Its values may be secrets and are not kept.

    Attributes:
        resource: the resource's logical ID.
        path: where it stands among the resource's properties, such as `/Policies/0/PolicyName`.
        type: whether it was added, removed or changed, in CloudFormation's words.
    """

    resource: str
    path: str
    type: str

    @property
    def name(self) -> str:
        """The property at the beginning of the path."""
        return self.path.strip("/").split("/")[0]

    def __str__(self) -> str:
        return f"{self.resource}{self.path} ({self.type})"


@dataclass(frozen=True, kw_only=True)
class StackDrift:
    """What CloudFormation says of a stack.

    Attributes:
        stack: the stack's name or ID.
        status: IN_SYNC, DRIFTED or another status of its drift; None where there is no stack.
        properties: the properties that are not as the template has them.
        deleted: the resources that are gone, by logical ID.
    """

    stack: str
    status: str | None
    properties: tuple[DriftedProperty, ...] = ()
    deleted: tuple[str, ...] = ()


def stack_drift(session: Session, caller: Caller, stack: str, progress: Progress) -> StackDrift:
    """Have CloudFormation detect the drift of a stack, and wait for it, bounded by the params.

    Parameters:
        session: whose run it is.
        caller: who asks; it needs to read what is in the stack, too.
        stack: the stack's name or ID.
        progress: is told what is waited for.

    Raises:
        StackFailure: it cannot be told.
    """
    return _Detection(session, caller, stack).drift(progress)


class _Detection(StackView):
    """A stack whose drift is asked for."""

    def drift(self, progress: Progress) -> StackDrift:
        status = self.status()
        if status is None or status == "DELETE_COMPLETE":
            return StackDrift(stack=self.name, status=None)
        if status not in _DETECTABLE:
            raise _untold(
                f"The stack {self.name} is {status}, and CloudFormation detects no drift then.",
                "See xacct status for what to do about the stack.",
            )
        detected = self._detected(self._ask("DetectStackDrift", StackName=self.name), progress)
        drifts = list(self._listed("DescribeStackResourceDrifts", "StackResourceDrifts"))
        return StackDrift(
            stack=self.name,
            status=str(detected.get("StackDriftStatus", "UNKNOWN")),
            properties=tuple(each for drift in drifts for each in _properties(drift)),
            deleted=tuple(
                drift["LogicalResourceId"]
                for drift in drifts
                if drift["StackResourceDriftStatus"] == "DELETED"
            ),
        )

    def _detected(self, begun: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
        """The detection once it has ended."""
        seconds, failure = self._session.params.wait_seconds, None
        progress(f"waiting for CloudFormation to detect the drift of {self.name}, at most {seconds} s")
        for _ in attempts(seconds):
            answer = self._call(
                "DescribeStackDriftDetectionStatus", StackDriftDetectionId=begun["StackDriftDetectionId"]
            )
            # A look that fails in passing does not end the waiting.
            failure = None if answer.ok else refused("DescribeStackDriftDetectionStatus", answer)
            if failure is not None and not answer.outcome.retryable:
                raise failure
            if answer.result.get("DetectionStatus") == "DETECTION_COMPLETE":
                return answer.result
            if answer.result.get("DetectionStatus") == "DETECTION_FAILED":
                reason = answer.result.get("DetectionStatusReason", "It gives no reason.")
                raise _untold(
                    f"CloudFormation could not detect the drift of {self.name}: {reason}",
                    "Let the deployer read every resource of the stack, and ask again.",
                )
        raise failure or _untold(
            f"Waited {seconds} s for CloudFormation to detect the drift of {self.name}.",
            "Raise wait_seconds, and ask again.",
        )


def _properties(drift: Mapping[str, Any]) -> Iterator[DriftedProperty]:
    for difference in drift.get("PropertyDifferences", ()):
        yield DriftedProperty(
            resource=drift["LogicalResourceId"],
            path=difference["PropertyPath"],
            type=difference["DifferenceType"],
        )


def _untold(why: str, fix: str) -> StackFailure:
    return StackFailure(why, fix, NOT_KNOWN, Verdict.UNKNOWN)
