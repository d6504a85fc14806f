"""Making, changing and removing one resource, whole or not at all, and telling it in the stack's events."""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from xacct_kit.sandbox.cloudformation.caller import Call, Caller
from xacct_kit.sandbox.cloudformation.refusals import ResourceError, handler_call, handler_message
from xacct_kit.sandbox.cloudformation.resolution import Resolution
from xacct_kit.sandbox.cloudformation.resources import Action, Properties, Request, ResourceType, differences
from xacct_kit.sandbox.cloudformation.stacks import Resource, Reversal, Stack, Stacks
from xacct_kit.sandbox.cloudformation.template import Declaration
from xacct_kit.sandbox.cloudformation.types import RESOURCE_TYPES
from xacct_kit.sandbox.faults import ServiceFault

_LOG = logging.getLogger(__name__)
_RANDOM = string.ascii_uppercase + string.digits
_INITIATED = "Resource creation Initiated"
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


@dataclass
class _Progress:
    """What has been done to a resource so far.

    Attributes:
        call: makes the calls.
        made: the resource, once its base is there.
        undo: the actions that reverse what was done, in the order in which it was done.
    """

    call: Call
    made: Resource | None = None
    undo: list[Action] = field(default_factory=list)

    def carry_out(self, steps: Iterable[tuple[Action, Action]]) -> None:
        """Carry out actions, keeping what reverses them."""
        for action, reverse in steps:
            action(self.call)
            self.undo.append(reverse)

    def reverse(self) -> None:
        """Reverse what was done, last first; what cannot be reversed stays in `undo`."""
        while self.undo:
            self.undo[-1](self.call)
            self.undo.pop()


class Handling:
    """Handles the resources of one stack, as the principal that asked for the operation."""

    def __init__(self, stacks: Stacks, stack: Stack, caller: Caller) -> None:
        self._stacks = stacks
        self._stack = stack
        self._caller = caller
        self._call = handler_call(caller)

    def existing(self, name: str) -> Resource | None:
        """The stack's resource of a name, if it has been made."""
        resource = self._stack.resources.get(name)
        return resource if resource is not None and resource.exists else None

    def settle(self, resolution: Resolution, declared: Declaration) -> Reversal:
        """Make or change a resource so that it is as declared; one that is so already is not touched."""
        current = self.existing(declared.logical_id)
        needs = resolution.needs[declared.logical_id]
        wanted = Resource(declaration=declared, depends_on=needs, updated=datetime.now(UTC))
        try:
            wanted = replace(wanted, properties=resolution.properties(declared))
            shown = resolution.properties(declared, hide=True)
        except ServiceFault as fault:
            status = "CREATE_FAILED" if current is None else "UPDATE_FAILED"
            return Reversal(after=self.tell(current or wanted, status, fault.message), before=current)
        if current is None:
            return self._create(wanted, shown)
        changed = _changed(current.properties, wanted.properties)
        if not changed:
            return self._leave(current, wanted)
        if changed & RESOURCE_TYPES[declared.type].replacing:
            return self._replace(current, wanted, shown)
        return self._change(current, wanted, shown)

    def put_back(self, reversal: Reversal) -> bool:
        """Bring a resource that was there before back to what it was; whether that went well."""
        before = reversal.before
        if before is None:
            return True
        if not reversal.touched:
            with self._stacks.lock:
                self._stack.resources[before.logical_id] = before
            return True
        self.tell(before, "UPDATE_IN_PROGRESS")
        progress = _Progress(self._call, undo=list(reversal.actions))
        reason = self._attempt(before, progress.reverse)
        self.tell(before, "UPDATE_FAILED" if reason else "UPDATE_COMPLETE", reason)
        return reason is None

    def remove(self, resource: Resource, *, retained: bool = False, keep: bool = True) -> bool:
        """Remove a resource.

        Parameters:
            resource: the resource.
            retained: whether it is to outlive the stack.
            keep: whether it is the resource of its name that the stack has.

        Returns:
            Whether it is gone from the stack.
        """
        gone = replace(resource, exists=False)
        if retained:
            self.tell(gone, "DELETE_SKIPPED", keep=keep)
            return True
        if not resource.exists:
            self.tell(gone, "DELETE_COMPLETE", keep=keep)
            return True
        self.tell(resource, "DELETE_IN_PROGRESS", keep=keep)
        reason = self._attempt(resource, lambda: self._take_apart(resource))
        if reason is not None:
            self.tell(resource, "DELETE_FAILED", reason, keep=keep)
            return False
        self.tell(gone, "DELETE_COMPLETE", keep=keep)
        return True

    def tell(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        *,
        shown: Properties | None = None,
        keep: bool = True,
    ) -> Resource:
        """Change a resource's status and tell it in an event: see `Stack.tell`."""
        with self._stacks.lock:
            return self._stack.tell(resource, status, reason, shown=shown, keep=keep)

    def _attempt(self, resource: Resource, work: Callable[[], object]) -> str | None:
        """Do something to a resource; the reason when it failed."""
        try:
            work()
        except ResourceError as error:
            return str(error)
        except Exception as error:
            # A stack must not stay in progress for ever: what is not an answer of AWS is told and logged.
            _LOG.exception("The handler of %s failed", resource.declaration.type)
            return handler_message(f"{type(error).__name__}: {error}", "InternalFailure")
        return None

    def _try(self, resource: Resource, progress: _Progress, work: Callable[[], object]) -> str | None:
        """Do something to a resource; when it fails, reverse what was done of it."""
        reason = self._attempt(resource, work)
        if reason is not None:
            self._attempt(resource, progress.reverse)
        return reason

    def _leave(self, current: Resource, wanted: Resource) -> Reversal:
        after = replace(current, declaration=wanted.declaration, depends_on=wanted.depends_on)
        with self._stacks.lock:
            self._stack.resources[after.logical_id] = after
        return Reversal(after=after, before=current, touched=False)

    def _create(self, wanted: Resource, shown: Properties) -> Reversal:
        self.tell(wanted, "CREATE_IN_PROGRESS", shown=shown)
        progress = _Progress(self._call)
        reason = self._try(wanted, progress, lambda: self._make(wanted, "CREATE_IN_PROGRESS", progress))
        made = progress.made or wanted
        if reason is None:
            return Reversal(after=self.tell(made, "CREATE_COMPLETE", shown=shown))
        left_over = replace(made, exists=bool(progress.undo))
        return Reversal(after=self.tell(left_over, "CREATE_FAILED", reason, shown=shown))

    def _replace(self, current: Resource, wanted: Resource, shown: Properties) -> Reversal:
        self.tell(current, "UPDATE_IN_PROGRESS", _REPLACING, shown=shown)
        progress = _Progress(self._call)

        def work() -> None:
            _check_new_name(current, wanted)
            self._make(wanted, "UPDATE_IN_PROGRESS", progress)

        reason = self._try(current, progress, work)
        if reason is None and progress.made is not None:
            return Reversal(after=self.tell(progress.made, "UPDATE_COMPLETE", shown=shown), before=current)
        failed = self.tell(current, "UPDATE_FAILED", reason, shown=shown)
        left_over = (
            replace(progress.made, status="UPDATE_FAILED") if progress.made and progress.undo else failed
        )
        return Reversal(after=left_over, before=current)

    def _change(self, current: Resource, wanted: Resource, shown: Properties) -> Reversal:
        self.tell(current, "UPDATE_IN_PROGRESS", shown=shown)
        kind = RESOURCE_TYPES[wanted.declaration.type]
        progress = _Progress(self._call)

        def work() -> None:
            kind.check(wanted.logical_id, wanted.properties)
            before = kind.parts(current.physical_id, current.properties)
            progress.carry_out(differences(before, kind.parts(current.physical_id, wanted.properties)))

        reason = self._try(current, progress, work)
        if reason is None:
            attributes = {**current.attributes, **self._derived(kind, current.physical_id, wanted)}
            changed = replace(wanted, physical_id=current.physical_id, attributes=attributes, exists=True)
            after = self.tell(changed, "UPDATE_COMPLETE", shown=shown)
        else:
            after = self.tell(current, "UPDATE_FAILED", reason, shown=shown)
        return Reversal(after=after, before=current, actions=tuple(progress.undo))

    def _make(self, wanted: Resource, status: str, progress: _Progress) -> None:
        kind = RESOURCE_TYPES[wanted.declaration.type]
        kind.check(wanted.logical_id, wanted.properties)
        made = kind.make(
            Request(
                call=self._call,
                caller=self._caller,
                properties=wanted.properties,
                generated_name=self._generated_name(wanted.logical_id),
            )
        )
        name = made.physical_id
        progress.undo.append(lambda call: kind.remove(call, name, wanted.properties))
        attributes = {**made.attributes, **self._derived(kind, name, wanted)}
        progress.made = replace(wanted, physical_id=name, attributes=attributes, exists=True)
        self.tell(progress.made, status, _INITIATED, keep=status.startswith("CREATE"))
        parts = kind.parts(name, wanted.properties).values()
        progress.carry_out((part.put, part.remove) for part in parts if not part.with_base)
        kind.confirm(self._call, name, wanted.properties)

    def _derived(self, kind: ResourceType, physical_id: str, wanted: Resource) -> dict[str, str]:
        return dict(kind.attributes(physical_id, wanted.properties, self._caller))

    def _generated_name(self, logical_id: str) -> str:
        random = "".join(secrets.choice(_RANDOM) for _ in range(12))
        return f"{self._stack.name[:24]}-{logical_id[:24]}-{random}"

    def _take_apart(self, resource: Resource) -> None:
        kind = RESOURCE_TYPES[resource.declaration.type]
        parts = list(kind.parts(resource.physical_id, resource.properties).values())
        for part in reversed(parts):
            if not part.with_base:
                part.remove(self._call)
        kind.remove(self._call, resource.physical_id, resource.properties)


def _changed(before: Properties, after: Properties) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _check_new_name(current: Resource, wanted: Resource) -> None:
    """Refuse a replacement that would need the name of the resource that it replaces."""
    name_property = RESOURCE_TYPES[wanted.declaration.type].name_property or ""
    name = wanted.properties.get(name_property)
    if name is not None and name == current.properties.get(name_property):
        raise ResourceError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )
