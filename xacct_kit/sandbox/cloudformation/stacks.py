"""The state: stacks with their resources, events and change sets, by account and region."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.refusals import invalid
from xacct_kit.sandbox.cloudformation.resources import Action
from xacct_kit.sandbox.cloudformation.template import Declaration, Template


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a stack is to be.

    Attributes:
        template: what is declared.
        values: the value of every parameter, as text.
        tags: the stack's tags.
        capabilities: what the request acknowledged.
    """

    template: Template
    values: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack as it is.

    Attributes:
        declaration: how the template declares it.
        physical_id: what AWS knows it by; empty as long as there is none.
        properties: its properties, worked out, with what `NoEcho` hides.
        attributes: what `Fn::GetAtt` gives.
        depends_on: the resources that it needs, by logical ID.
        exists: whether it has been made and not removed.
        status: its status.
        reason: why it has that status, where there is something to say.
        updated: when the status was set.
    """

    declaration: Declaration
    updated: datetime
    physical_id: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    exists: bool = False
    status: str = ""
    reason: str | None = None

    @property
    def logical_id(self) -> str:
        """Its name in the template."""
        return self.declaration.logical_id


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of a stack."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    time: datetime
    reason: str | None = None
    properties: str | None = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """An output of a stack."""

    key: str
    value: str
    description: str | None = None
    export: str | None = None


@dataclass(kw_only=True)
class ChangeSet:
    """A change that has been worked out and not carried out."""

    id: str
    name: str
    type: str
    description: str | None
    definition: Definition
    on_failure: str
    created: datetime
    status: str = "CREATE_PENDING"
    reason: str | None = None
    execution: str = "UNAVAILABLE"
    changes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResourceDrift:
    """What the last detection found of one resource.

    Attributes:
        resource: the resource.
        status: IN_SYNC, MODIFIED, DELETED or UNKNOWN.
        time: when it was looked at.
        reason: why it could not be told, where it could not.
        expected: the properties that the template sets, as they may be shown.
        actual: the same properties as they are.
        differences: the properties that differ, as CloudFormation shows them.
    """

    resource: Resource
    status: str
    time: datetime
    reason: str | None = None
    expected: Mapping[str, Any] | None = None
    actual: Mapping[str, Any] | None = None
    differences: tuple[dict[str, str], ...] = ()


@dataclass(kw_only=True)
class DriftDetection:
    """A detection of a stack's drift, under way or ended."""

    id: str
    begun: datetime
    status: str = "DETECTION_IN_PROGRESS"
    reason: str | None = None
    stack_status: str | None = None
    drifted: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """What an operation did to one resource, and how it is put back.

    Attributes:
        after: the resource as the operation left it.
        before: the resource as it was; None when there was none.
        actions: what reverses the changes to a resource that was kept, first change first.
        touched: whether anything was done to it at all.
    """

    after: Resource
    before: Resource | None = None
    actions: tuple[Action, ...] = ()
    touched: bool = True

    @property
    def failed(self) -> bool:
        """Whether the operation failed on this resource."""
        return self.after.status.endswith("_FAILED")

    @property
    def replaced(self) -> bool:
        """Whether there is another resource now than before."""
        return self.before is not None and self.before.physical_id != self.after.physical_id


@dataclass(frozen=True)
class Rollback:
    """The rollback of an update that could not be done to its end.

    Attributes:
        reversals: what the update did to each resource, first change first.
        failed: those of them that could not be put back.
    """

    reversals: tuple[Reversal, ...]
    failed: tuple[Reversal, ...]


@dataclass(kw_only=True)
class Stack:
    """A stack. It is read and changed under the lock of its `Stacks`."""

    id: str
    name: str
    created: datetime
    definition: Definition
    status: str = ""
    reason: str | None = None
    updated: datetime | None = None
    deleted: datetime | None = None
    on_failure: str = "ROLLBACK"
    termination_protection: bool = False
    change_set_id: str | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outputs: tuple[Output, ...] = ()
    imports: frozenset[str] = frozenset()
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    rollback: Rollback | None = None
    work: threading.Thread | None = None
    detections: dict[str, DriftDetection] = field(default_factory=dict)
    drifts: dict[str, ResourceDrift] = field(default_factory=dict)
    drift_status: str = "NOT_CHECKED"
    drift_checked: datetime | None = None

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Change the stack's status and tell it in an event."""
        self.status, self.reason = status, reason
        self._add_event(
            id=str(uuid.uuid4()),
            logical_id=self.name,
            physical_id=self.id,
            type="AWS::CloudFormation::Stack",
            status=status,
            reason=reason,
        )

    def tell(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        *,
        shown: Mapping[str, Any] | None = None,
        keep: bool = True,
    ) -> Resource:
        """Change a resource's status and tell it in an event.

        Parameters:
            resource: the resource.
            status: its new status.
            reason: why, where there is something to say.
            shown: its properties, as they may be shown.
            keep: whether it is the resource of this name that the stack has.

        Returns:
            The resource with that status.
        """
        told = replace(resource, status=status, reason=reason, updated=datetime.now(UTC))
        if keep:
            self.resources[told.logical_id] = told
        self._add_event(
            id=f"{told.logical_id}-{status}-{uuid.uuid4()}",
            logical_id=told.logical_id,
            physical_id=told.physical_id,
            type=told.declaration.type,
            status=status,
            reason=reason,
            properties=None if shown is None else json.dumps(shown),
        )
        return told

    def _add_event(self, **members: Any) -> None:
        self.events.append(Event(time=datetime.now(UTC), **members))

    @property
    def in_progress(self) -> bool:
        """Whether something is being done to it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def live(self) -> bool:
        """Whether it has not been deleted."""
        return self.status != "DELETE_COMPLETE"


class Stacks:
    """Every stack of every account and region, with the lock that guards them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._places: dict[tuple[str, str], dict[str, Stack]] = {}

    def in_place(self, caller: Caller) -> list[Stack]:
        """The stacks of the caller's account and region, newest first, deleted ones too."""
        return list(reversed(self._place(caller).values()))

    def _place(self, caller: Caller) -> dict[str, Stack]:
        return self._places.setdefault((caller.account, caller.region), {})

    def find(self, caller: Caller, name_or_id: str) -> Stack | None:
        """A stack by its ID, or by its name as long as it is not deleted."""
        if name_or_id.startswith("arn:"):
            return self._place(caller).get(name_or_id)
        return next(
            (each for each in self._place(caller).values() if each.name == name_or_id and each.live), None
        )

    def new(self, caller: Caller, name: str, definition: Definition) -> Stack:
        """A new stack, which is not kept before `add`."""
        stack_id = new_id(caller, "stack", name)
        return Stack(id=stack_id, name=name, created=datetime.now(UTC), definition=definition)

    def add(self, caller: Caller, stack: Stack) -> None:
        """Keep a stack in the caller's account and region."""
        self._place(caller)[stack.id] = stack

    def exporters(self, caller: Caller) -> Iterator[tuple[str, str, Stack]]:
        """Each export of the caller's account and region: name, value and stack."""
        for stack in self._place(caller).values():
            for output in stack.outputs if stack.live else ():
                if output.export is not None:
                    yield output.export, output.value, stack

    def importer(self, caller: Caller, export: str) -> Stack | None:
        """A stack that imports an export."""
        return next(
            (each for each in self._place(caller).values() if each.live and export in each.imports), None
        )

    def check_not_imported(self, caller: Caller, names: Mapping[str, str]) -> None:
        """Refuse that exports go or change while another stack imports them.

        Parameters:
            caller: in whose account and region.
            names: the exports, each with what would happen to it: `deleted` or `updated`.

        Raises:
            ServiceFault: an export is in use.
        """
        for name, fate in names.items():
            user = self.importer(caller, name)
            if user is not None:
                raise invalid(f"Export {name} cannot be {fate} as it is in use by {user.name}")


def new_id(caller: Caller, kind: str, name: str) -> str:
    """The ARN of a new stack or change set."""
    return (
        f"arn:{caller.partition}:cloudformation:{caller.region}:{caller.account}:{kind}/{name}/{uuid.uuid4()}"
    )
