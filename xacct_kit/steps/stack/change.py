"""One CloudFormation stack: planned, created, updated or deleted, and watched until it has settled.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.steps.findings import NOT_KNOWN
from xacct_kit.steps.stack.states import MEND, state_of
from xacct_kit.steps.stack.view import Event, StackFailure, StackView, refused
from xacct_kit.steps.waiting import Progress, attempts

_CHANGE_SET = "xacct-kit"
# A plan has a name of its own: what it leaves when it is killed is not executed by mistake.
_PLAN = "xacct-kit-plan"

# A stack that never came into being has to go before another can take its name.
DEAD = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_NEW = frozenset({"REVIEW_IN_PROGRESS"})
_DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})

# What CloudFormation says of a change set that would change nothing.
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")

_SKIP = (
    "Mend the first failure that is named, and deploy again. What cannot be mended can be skipped: "
    "cloudformation:ContinueUpdateRollback with ResourcesToSkip {names} leaves it as it is."
)


class Stack(StackView):
    """A stack as one caller changes it.

    Parameters:
        session: whose run it is.
        caller: who deploys.
        name: the stack's name or ID.
        progress: is told of every event.

    Attributes:
        touched: whether it may have been changed.
    """

    def __init__(self, session: Session, caller: Caller, name: str, progress: Progress) -> None:
        super().__init__(session, caller, name)
        self.touched = False
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
        if status == "UPDATE_ROLLBACK_FAILED":
            status = self._continue_rollback()
        if status in DEAD:
            self._progress(f"{self.name} is {status}: it is replaced")
            status = self.delete()
            if status == "DELETE_FAILED":
                raise self._failed(status)
            status = None
        self._note_events()
        change_set = self._create_change_set(_kind(status), request, _CHANGE_SET)
        if change_set is None:
            return False
        self._show_plan(change_set)
        self._execute()
        self._watch()
        return True

    def plan(self, request: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """Ask CloudFormation what `deploy` would change; nothing is.

        A change set is made, read and deleted again, and with it the stack without resources that it makes
        where there is none.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html

        Parameters:
            request: as in `deploy`.

        Returns:
            The `ResourceChange` of each resource that would be changed.

        Raises:
            StackFailure: CloudFormation does not say.
        """
        status = self.status()
        try:
            change_set = self._create_change_set(_kind(status), request, _PLAN)
        finally:
            if self.status() is not None:
                self._discard_change_set(_PLAN)
                if status is None:
                    self._delete_empty()
        changes = change_set.get("Changes", ()) if change_set else ()
        return tuple(change["ResourceChange"] for change in changes)

    def delete(self, retain: Collection[str] = ()) -> str | None:
        """Delete the stack once whatever is going on has ended.

        Parameters:
            retain: the logical IDs of resources that outlive it, of a stack that is DELETE_FAILED.

        Returns:
            DELETE_COMPLETE or DELETE_FAILED; None where there is no stack.

        Raises:
            StackFailure: it cannot be told what became of it.
        """
        self._settled_status()
        described = self.describe()
        if described is None or described["StackStatus"] == "DELETE_COMPLETE":
            return None
        # A deleted stack is known by its ID alone.
        known = Stack(self._session, self._caller, described["StackId"], self._tell)
        known._note_events()
        # Of all that is no result only a refusal is certain to have begun nothing.
        answer = known._call(
            "DeleteStack", StackName=known.name, **({"RetainResources": list(retain)} if retain else {})
        )
        self.touched = self.touched or not answer.outcome.kind.denied
        if not answer.ok:
            raise refused("DeleteStack", answer)
        return known._settle("the stack to be deleted")

    def _delete_empty(self) -> None:
        """Delete the stack that a change set made; one that somebody has begun to create is not touched."""
        described = self.describe()
        if described and described["StackStatus"] in _NEW:
            self._ask("DeleteStack", StackName=described["StackId"])
            self._wait("the stack that the plan made to be deleted", lambda: (self.status() is None, None))

    def _execute(self) -> None:
        answer = self._call("ExecuteChangeSet", StackName=self.name, ChangeSetName=_CHANGE_SET)
        # Of all that is no result only a refusal is certain to have begun nothing.
        self.touched = self.touched or not answer.outcome.kind.denied
        if not answer.ok:
            raise refused("ExecuteChangeSet", answer)

    def _continue_rollback(self) -> str | None:
        """Put back what an update that failed has left; only then another update is taken.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
        """
        self._progress(f"{self.name} is UPDATE_ROLLBACK_FAILED: its rollback is continued first")
        self._note_events()
        self.touched = True
        self._ask("ContinueUpdateRollback", StackName=self.name)
        status = self._settle("the rollback")
        if status == "UPDATE_ROLLBACK_FAILED":
            raise self._failed(status)
        return status

    def _settled_status(self) -> str | None:
        """The status once whatever is going on has ended."""

        def settled() -> tuple[bool, str | None]:
            status = self.status()
            return _has_settled(status), status

        status: str | None = self._wait("another operation on the stack", settled)
        return status

    def _wait(self, what: str, look: Callable[[], tuple[bool, Any]]) -> Any:
        """Look until it is done, and give what was seen; bounded by the params.

        A look that fails in passing does not end the waiting: what is waited for goes on.
        """
        seconds = self._session.params.wait_seconds
        failure = StackFailure(
            f"Waited {seconds} s for {what}, and it has not ended.",
            "Look at the stack's events in the console; raise wait_seconds and run again.",
            NOT_KNOWN,
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

    def _create_change_set(
        self, kind: str, request: Mapping[str, Any], name: str
    ) -> Mapping[str, Any] | None:
        """A change set that can be executed; None when nothing would change."""
        if kind == "UPDATE" or self.status() is not None:
            self._discard_change_set(name)
        self._ask("CreateChangeSet", StackName=self.name, ChangeSetName=name, ChangeSetType=kind, **request)

        def made() -> tuple[bool, Mapping[str, Any]]:
            described = self._ask("DescribeChangeSet", StackName=self.name, ChangeSetName=name)
            return described["Status"] in ("CREATE_COMPLETE", "FAILED"), described

        change_set: Mapping[str, Any] = self._wait("the change set", made)
        if change_set["Status"] == "CREATE_COMPLETE":
            return change_set
        reason = change_set.get("StatusReason", "")
        self._discard_change_set(name)
        if any(text in reason for text in _NO_CHANGE):
            return None
        raise StackFailure(
            f"CloudFormation did not accept the change set: {reason}",
            "Mend what it says and deploy again.",
            Outcome(kind=OutcomeKind.VALIDATION, evidence={"message": reason}),
            Verdict.FAIL,
        )

    def _discard_change_set(self, name: str) -> None:
        """Remove a change set of ours that an earlier run left; that there is none is fine."""
        answer = self._call("DeleteChangeSet", StackName=self.name, ChangeSetName=name)
        if not answer.ok and not answer.absent:
            raise refused("DeleteChangeSet", answer)

    def _show_plan(self, change_set: Mapping[str, Any]) -> None:
        self._progress(f"plan for {self.name}:")
        for change in change_set.get("Changes", []):
            resource = change["ResourceChange"]
            replaced = " (replaced)" if resource.get("Replacement") == "True" else ""
            what = f"{resource['LogicalResourceId']} ({resource['ResourceType']}){replaced}"
            self._progress(f"  {resource['Action'].lower()} {what}")

    def _settle(self, what: str) -> str:
        """Tell every event until the stack has settled, and give its status."""

        def settled() -> tuple[bool, str]:
            status = self.status() or "DELETE_COMPLETE"
            self._tell_events()
            return _has_settled(status) and status not in _NEW, status

        status: str = self._wait(what, settled)
        return status

    def _watch(self) -> None:
        """Wait until the stack is deployed."""
        status = self._settle("the stack")
        if status not in _DEPLOYED:
            # A creation that was rolled back has left nothing.
            self.touched = status != "ROLLBACK_COMPLETE"
            raise self._failed(status)

    def _new_events(self) -> list[Event]:
        """Events that were not seen before, oldest first."""
        events = []
        for event in self.events():
            if event["EventId"] in self._seen:
                break
            events.append(event)
        self._seen.update(event["EventId"] for event in events)
        return events[::-1]

    def _note_events(self) -> None:
        """Take the events that are there already as seen."""
        if self.status() is not None:
            self._new_events()

    def _tell_events(self) -> None:
        for event in self._new_events():
            reason = f": {event['ResourceStatusReason']}" if event.get("ResourceStatusReason") else ""
            self._progress(f"  {event['LogicalResourceId']} {event['ResourceStatus']}{reason}")

    def _failed(self, status: str) -> StackFailure:
        """What became of the stack in place of what it was to become, and why."""
        first = self.first_failure(status)
        fix = state_of(status).next_step or MEND
        if status == "UPDATE_ROLLBACK_FAILED":
            names = dict.fromkeys(
                event["LogicalResourceId"]
                for event in self.failures(status)
                if event["PhysicalResourceId"] != event["StackId"]
            )
            fix = _SKIP.format(names=", ".join(names))
        return StackFailure(
            f"The stack {state_of(status).reason}: it is {status}. {first}".rstrip(),
            fix,
            Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": status, "message": first}),
            Verdict.FAIL,
        )


def _kind(status: str | None) -> str:
    """The type of the change set that brings a stack of a status to what it must be."""
    return "CREATE" if status is None or status in _NEW or status == "DELETE_COMPLETE" else "UPDATE"


def _has_settled(status: str | None) -> bool:
    return status is None or status in _NEW or not status.endswith("_IN_PROGRESS")
