"""One CloudFormation stack as it can be read: what it is, its events, and why it failed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, Verdict
from xacct_kit.steps.propagation import told_time

Event = Mapping[str, Any]

# With these events of the stack itself an operation begins; a rollback is the second half of one.
_BEGINNINGS = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"}
)
_ROLLBACKS = frozenset({"ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS"})


class StackFailure(Exception):
    """A stack could not be read, or is not what it was to become.

    Attributes:
        why: one sentence.
        fix: what to do.
        outcome: the answer that settled it.
        verdict: whether the failure is known for certain.
    """

    def __init__(self, why: str, fix: str, outcome: Outcome, verdict: Verdict) -> None:
        super().__init__(why)
        self.why = why
        self.fix = fix
        self.outcome = outcome
        self.verdict = verdict


class StackView:
    """A stack as one caller reads it.

    Parameters:
        session: whose run it is.
        caller: who reads.
        name: the stack's name or ID.

    Attributes:
        now: the time by AWS's clock, when it answered last.
    """

    def __init__(self, session: Session, caller: Caller, name: str) -> None:
        self.name = name
        self.now = datetime.now(UTC)
        self._session = session
        self._caller = caller

    def _call(self, operation: str, **params: Any) -> Answer:
        answer = self._session.call(self._caller, "cloudformation", operation, **params)
        self.now = told_time(answer)
        return answer

    def _ask(self, operation: str, **params: Any) -> Mapping[str, Any]:
        answer = self._call(operation, **params)
        if not answer.ok:
            raise refused(operation, answer)
        return answer.result

    def _listed(self, operation: str, items: str) -> Iterator[Any]:
        """What is told of the stack page after page; the SDK has no paginator for all of it."""
        token: dict[str, str] = {}
        while True:
            page = self._ask(operation, StackName=self.name, **token)
            yield from page[items]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def describe(self) -> Mapping[str, Any] | None:
        """The stack as DescribeStacks tells it; None where there is none.

        Raises:
            StackFailure: it cannot be read.
        """
        answer = self._call("DescribeStacks", StackName=self.name)
        if answer.absent:
            return None
        if not answer.ok:
            raise refused("DescribeStacks", answer)
        described: Mapping[str, Any] = answer.result["Stacks"][0]
        return described

    def status(self) -> str | None:
        """The stack's status; None where there is no stack."""
        described = self.describe()
        return str(described["StackStatus"]) if described else None

    def template(self) -> Any:
        """The stack's template as it was given: text, or what botocore reads of one in JSON."""
        return self._ask("GetTemplate", StackName=self.name, TemplateStage="Original")["TemplateBody"]

    def resources(self) -> list[Mapping[str, Any]]:
        """The stack's resources; those that were deleted are told for a while too."""
        found: list[Mapping[str, Any]] = self._ask("DescribeStackResources", StackName=self.name)[
            "StackResources"
        ]
        return found

    def events(self) -> Iterator[Event]:
        """The stack's events, newest first, as many as are taken."""
        return self._listed("DescribeStackEvents", "StackEvents")

    def last_event(self) -> datetime | None:
        """When anything happened to the stack last."""
        newest = next(self.events(), None)
        return newest["Timestamp"] if newest else None

    def failures(self, status: str) -> list[Event]:
        """The failed events of the newest operation, oldest first.

        Parameters:
            status: the stack's status; where it is the rollback that failed, the events are those of the
                rollback.
        """
        ends = _BEGINNINGS | (_ROLLBACKS if status.endswith("ROLLBACK_FAILED") else frozenset())
        failed = []
        for event in self.events():
            if event["ResourceStatus"].endswith("_FAILED"):
                failed.append(event)
            if event["PhysicalResourceId"] == event["StackId"] and event["ResourceStatus"] in ends:
                break
        return failed[::-1]

    def first_failure(self, status: str) -> str:
        """The first failure of the newest operation, as a sentence; empty when there is none."""
        failed = self.failures(status)
        return failure_of(failed[0]) if failed else ""


def failure_of(event: Event) -> str:
    """A failed event as a sentence."""
    reason = event.get("ResourceStatusReason", "CloudFormation gives no reason.")
    return f"{event['LogicalResourceId']}: {reason}"


def refused(operation: str, answer: Answer) -> StackFailure:
    """The failure that an answer of CloudFormation is; only a refusal is certain."""
    verdict = Verdict.FAIL if answer.outcome.kind.denied else Verdict.UNKNOWN
    why = f"cloudformation:{operation}: {answer.outcome.reason}"
    return StackFailure(why, answer.outcome.fix, answer.outcome, verdict)
