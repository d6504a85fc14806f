"""One CloudFormation stack: created or updated by a change set, watched until it has settled.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xacct_kit.aws.session import Answer, Caller, Session
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.steps.waiting import Progress, attempts

_CHANGE_SET = "xacct-kit"

# A stack that never came into being has to go before another can take its name.
_DEAD = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_NEW = frozenset({"REVIEW_IN_PROGRESS"})
_DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})

# What CloudFormation says of a change set that would change nothing.
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")


class StackFailure(Exception):
    """A stack was not deployed.

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


class Stack:
    """A stack as one caller sees it.

    Parameters:
        session: whose run it is.
        caller: who deploys.
        name: the stack's name.
        progress: is told of every event.

    Attributes:
        touched: whether it may have been changed.
    """

    def __init__(self, session: Session, caller: Caller, name: str, progress: Progress) -> None:
        self.name = name
        self.touched = False
        self._session = session
        self._caller = caller
        self._tell = progress
        self._seen: set[str] = set()

    def _progress(self, line: str) -> None:
        self._tell(self._session.redact(line))

    def deploy(self, request: Mapping[str, Any]) -> bool:
        """Bring the stack to a template and its parameters.

        Parameters:
            request: `TemplateBody`, `Parameters`, `Capabilities` and `Tags`.

        Returns:
            Whether anything was changed.

        Raises:
            StackFailure: it did not get there.
        """
        status = self._settled_status()
        if status in _DEAD:
            self._progress(f"{self.name} is {status}: it is replaced")
            self._delete()
            status = None
        self._note_events()
        kind = "CREATE" if status is None or status in _NEW else "UPDATE"
        change_set = self._create_change_set(kind, request)
        if change_set is None:
            return False
        self._show_plan(change_set)
        self._execute()
        self._watch()
        return True

    def _execute(self) -> None:
        answer = self._call("ExecuteChangeSet", StackName=self.name, ChangeSetName=_CHANGE_SET)
        # Of all that is no result only a refusal is certain to have begun nothing.
        self.touched = not answer.outcome.kind.denied
        if not answer.ok:
            raise refused("ExecuteChangeSet", answer)

    def _call(self, operation: str, **params: Any) -> Answer:
        return self._session.call(self._caller, "cloudformation", operation, **params)

    def _ask(self, operation: str, **params: Any) -> Mapping[str, Any]:
        answer = self._call(operation, **params)
        if not answer.ok:
            raise refused(operation, answer)
        return answer.result

    def _describe(self) -> Mapping[str, Any] | None:
        answer = self._call("DescribeStacks", StackName=self.name)
        if answer.absent:
            return None
        if not answer.ok:
            raise refused("DescribeStacks", answer)
        described: Mapping[str, Any] = answer.result["Stacks"][0]
        return described

    def _status(self) -> str | None:
        described = self._describe()
        return str(described["StackStatus"]) if described else None

    def _settled_status(self) -> str | None:
        """The status once whatever is going on has ended."""

        def settled() -> tuple[bool, str | None]:
            status = self._status()
            return status is None or status in _NEW or not status.endswith("_IN_PROGRESS"), status

        status: str | None = self._wait("another operation on the stack", settled)
        return status

    def _wait(self, what: str, look: Callable[[], tuple[bool, Any]]) -> Any:
        """Look until it is done, and give what was seen; bounded by the params.

        A look that fails in passing does not end the waiting: what is waited for goes on.
        """
        seconds = self._session.params.wait_seconds
        failure = StackFailure(
            f"Waited {seconds} s for {what}, and it has not ended.",
            "Look at the stack's events in the console; raise wait_seconds and deploy again.",
            Outcome(kind=OutcomeKind.UNKNOWN),
            Verdict.UNKNOWN,
        )
        for _ in attempts(seconds):
            try:
                done, seen = look()
            except StackFailure as passing:
                failure = passing
                if not passing.outcome.retryable:
                    break
            else:
                if done:
                    return seen
        raise failure

    def _delete(self) -> None:
        described = self._describe()
        if described is None:
            return
        # A deleted stack is known by its ID alone.
        stack_id = described["StackId"]
        self.touched = True
        self._ask("DeleteStack", StackName=stack_id)

        def gone() -> tuple[bool, str]:
            status = self._ask("DescribeStacks", StackName=stack_id)["Stacks"][0]["StackStatus"]
            return status != "DELETE_IN_PROGRESS", status

        status = self._wait("the stack to be deleted", gone)
        if status != "DELETE_COMPLETE":
            raise self._failed(status)

    def _create_change_set(self, kind: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A change set that can be executed; None when nothing would change."""
        if kind == "UPDATE" or self._status() is not None:
            self._discard_change_set()
        self._ask(
            "CreateChangeSet",
            StackName=self.name,
            ChangeSetName=_CHANGE_SET,
            ChangeSetType=kind,
            **request,
        )

        def made() -> tuple[bool, Mapping[str, Any]]:
            described = self._ask("DescribeChangeSet", StackName=self.name, ChangeSetName=_CHANGE_SET)
            return described["Status"] in ("CREATE_COMPLETE", "FAILED"), described

        change_set: Mapping[str, Any] = self._wait("the change set", made)
        if change_set["Status"] == "CREATE_COMPLETE":
            return change_set
        reason = change_set.get("StatusReason", "")
        self._discard_change_set()
        if any(text in reason for text in _NO_CHANGE):
            return None
        raise StackFailure(
            f"CloudFormation did not accept the change set: {reason}",
            "Mend what it says and deploy again.",
            Outcome(kind=OutcomeKind.VALIDATION, evidence={"message": reason}),
            Verdict.FAIL,
        )

    def _discard_change_set(self) -> None:
        """Remove a change set of ours that an earlier run left; that there is none is fine."""
        answer = self._call("DeleteChangeSet", StackName=self.name, ChangeSetName=_CHANGE_SET)
        if not answer.ok and not answer.absent:
            raise refused("DeleteChangeSet", answer)

    def _show_plan(self, change_set: Mapping[str, Any]) -> None:
        self._progress(f"plan for {self.name}:")
        for change in change_set.get("Changes", []):
            resource = change["ResourceChange"]
            replaced = " (replaced)" if resource.get("Replacement") == "True" else ""
            what = f"{resource['LogicalResourceId']} ({resource['ResourceType']}){replaced}"
            self._progress(f"  {resource['Action'].lower()} {what}")

    def _watch(self) -> None:
        """Tell every event until the stack has settled."""

        def settled() -> tuple[bool, str]:
            status = self._status() or "DELETE_COMPLETE"
            self._tell_events()
            return status not in _NEW and not status.endswith("_IN_PROGRESS"), status

        status = self._wait("the stack", settled)
        if status not in _DEPLOYED:
            # A creation that was rolled back has left nothing.
            self.touched = status != "ROLLBACK_COMPLETE"
            raise self._failed(status)

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """The stack's events, newest first, page after page."""
        token: dict[str, str] = {}
        while True:
            page = self._ask("DescribeStackEvents", StackName=self.name, **token)
            yield from page["StackEvents"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _new_events(self) -> list[Mapping[str, Any]]:
        """Events that were not seen before, oldest first."""
        events = []
        for event in self._events():
            if event["EventId"] in self._seen:
                break
            events.append(event)
        self._seen.update(event["EventId"] for event in events)
        return events[::-1]

    def _note_events(self) -> None:
        """Take the events that are there already as seen."""
        if self._status() is not None:
            self._new_events()

    def _tell_events(self) -> None:
        for event in self._new_events():
            reason = f": {event['ResourceStatusReason']}" if event.get("ResourceStatusReason") else ""
            self._progress(f"  {event['LogicalResourceId']} {event['ResourceStatus']}{reason}")

    def _failed(self, status: str) -> StackFailure:
        event = self._first_failure()
        reason = event.get("ResourceStatusReason", "CloudFormation gives no reason.") if event else ""
        what = f"{event['LogicalResourceId']}: " if event else ""
        return StackFailure(
            f"The stack is {status}. {what}{reason}",
            "Mend the first failure that is named, and deploy again.",
            Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": status, "message": reason}),
            Verdict.FAIL,
        )

    def _first_failure(self) -> Mapping[str, Any] | None:
        """The oldest failed event of the newest operation on the stack."""
        first = None
        for event in self._events():
            if event["ResourceStatus"].endswith("_FAILED"):
                first = event
            if event["PhysicalResourceId"] == event["StackId"] and event["ResourceStatus"] in (
                "CREATE_IN_PROGRESS",
                "UPDATE_IN_PROGRESS",
                "DELETE_IN_PROGRESS",
            ):
                break
        return first


def refused(operation: str, answer: Answer) -> StackFailure:
    """The failure that an answer of CloudFormation is; only a refusal is certain."""
    verdict = Verdict.FAIL if answer.outcome.kind.denied else Verdict.UNKNOWN
    why = f"cloudformation:{operation}: {answer.outcome.reason}"
    return StackFailure(why, answer.outcome.fix, answer.outcome, verdict)
