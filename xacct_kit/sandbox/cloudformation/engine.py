"""Carrying out a stack operation: resources are settled in order, and put back when one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.dependencies import in_order
from xacct_kit.sandbox.cloudformation.handling import Handling
from xacct_kit.sandbox.cloudformation.refusals import invalid, listed
from xacct_kit.sandbox.cloudformation.resolution import Resolution, resolve
from xacct_kit.sandbox.cloudformation.stacks import Definition, Resource, Reversal, Rollback, Stack, Stacks
from xacct_kit.sandbox.faults import ServiceFault


class _OperationError(Exception):
    """The operation cannot go on; the text is the stack's reason."""


class Worker:
    """Carries out one operation on one stack, as the principal that asked for it."""

    def __init__(self, stacks: Stacks, stack: Stack, caller: Caller) -> None:
        self._stacks = stacks
        self._stack = stack
        self._caller = caller
        self._handling = Handling(stacks, stack, caller)
        self._reversals: list[Reversal] = []

    def create(self, definition: Definition) -> None:
        """Make the stack's resources; when one fails, do what the stack's `on_failure` says."""
        try:
            self._settle(definition, "create")
        except _OperationError as failure:
            _ON_FAILURE[self._stack.on_failure](self, str(failure))
            return
        self._set_status("CREATE_COMPLETE")

    def update(self, definition: Definition, *, roll_back: bool) -> None:
        """Bring the stack's resources to another definition; when one fails, put all of them back."""
        before = self._stack.definition
        try:
            resolution = self._settle(definition, "update")
        except _OperationError as failure:
            if not roll_back:
                self._set_status("UPDATE_FAILED", str(failure))
                return
            with self._stacks.lock:
                self._stack.definition = before
            self._roll_back_update(str(failure))
            return
        self._set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(resolution)
        self._set_status("UPDATE_COMPLETE")

    def delete(self, retain: frozenset[str] = frozenset()) -> None:
        """Remove the stack's resources, dependents first."""
        failed = self._remove_all(retain)
        if failed:
            self._set_status("DELETE_FAILED", _failed_to("delete", failed))
            return
        with self._stacks.lock:
            self._stack.deleted = datetime.now(UTC)
            self._stack.outputs = ()
            self._stack.imports = frozenset()
            self._stack.set_status("DELETE_COMPLETE")

    def _settle(self, definition: Definition, verb: str) -> Resolution:
        """Make and change resources, then work out the outputs.

        Raises:
            _OperationError: a resource failed, or the definition cannot be worked out.
        """
        with self._stacks.lock:
            self._stack.definition = definition
        try:
            existing = self._handling.existing
            resolution = resolve(self._stacks, self._caller, self._stack, definition, existing)
            for declared in resolution.declarations:
                reversal = self._handling.settle(resolution, declared)
                self._reversals.append(reversal)
                if reversal.failed:
                    raise _OperationError(_failed_to(verb, [declared.logical_id]))
            self._publish(resolution)
        except ServiceFault as fault:
            raise _OperationError(f"{fault.message} ") from fault
        return resolution

    def _publish(self, resolution: Resolution) -> None:
        """Set the stack's outputs.

        Raises:
            ServiceFault: an output cannot be worked out, or an export is another stack's or in use.
        """
        outputs = resolution.outputs()
        exports = {output.export: output.value for output in outputs if output.export is not None}
        with self._stacks.lock:
            for name, _, owner in self._stacks.exporters(self._caller):
                if name in exports and owner is not self._stack:
                    raise invalid(f"Export with name {name} is already exported by stack {owner.name}.")
            fates = {
                output.export: "updated" if output.export in exports else "deleted"
                for output in self._stack.outputs
                if output.export is not None and exports.get(output.export) != output.value
            }
            self._stacks.check_not_imported(self._caller, fates)
            self._stack.outputs = outputs
            self._stack.imports = frozenset(resolution.imports)

    def _roll_back_create(self, reason: str) -> None:
        self._set_status("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
        failed = self._remove_all(rolling_back=True)
        if failed:
            self._set_status("ROLLBACK_FAILED", _failed_to("delete", failed))
        else:
            self._set_status("ROLLBACK_COMPLETE")

    def _stay_failed(self, reason: str) -> None:
        self._set_status("CREATE_FAILED", reason)

    def _delete_failed(self, reason: str) -> None:
        self._set_status("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
        self.delete()

    def _roll_back_update(self, reason: str) -> None:
        self._set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        self._put_back(self._reversals)

    def continue_rollback(self) -> None:
        """Go on with the rollback of an update that could not be put back."""
        rollback = self._stack.rollback
        assert rollback is not None
        self._reversals = list(rollback.reversals)
        self._put_back(rollback.failed)

    def _put_back(self, waiting: Iterable[Reversal]) -> None:
        """Put resources back, last change first; then remove what the update had made."""
        failed = [each for each in reversed(list(waiting)) if not self._handling.put_back(each)]
        reversals = list(reversed(self._reversals))
        with self._stacks.lock:
            self._stack.rollback = (
                Rollback(tuple(self._reversals), tuple(reversed(failed))) if failed else None
            )
        if failed:
            names = [each.after.logical_id for each in failed]
            self._set_status("UPDATE_ROLLBACK_FAILED", _failed_to("update", names))
            return
        self._set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for each in reversals:
            if each.before is None:
                self._handling.remove(each.after)
                self._forget(each.after)
            elif each.replaced:
                self._handling.remove(each.after, keep=False)
        self._set_status("UPDATE_ROLLBACK_COMPLETE")

    def _clean_up(self, resolution: Resolution) -> None:
        """Remove what was replaced and what is not declared any more; what refuses stays."""
        for each in reversed(self._reversals):
            if each.before is not None and each.replaced:
                retained = each.before.declaration.update_replace_policy != "Delete"
                self._handling.remove(each.before, retained=retained, keep=False)
        resources = self._stack.resources
        gone = {name: resource for name, resource in resources.items() if name not in resolution.needs}
        for name in _dependents_first(gone):
            retained = gone[name].declaration.deletion_policy != "Delete"
            self._handling.remove(gone[name], retained=retained)
            self._forget(gone[name])

    def _forget(self, resource: Resource) -> None:
        with self._stacks.lock:
            self._stack.resources.pop(resource.logical_id, None)

    def _remove_all(self, retain: frozenset[str] = frozenset(), *, rolling_back: bool = False) -> list[str]:
        """Remove every resource, dependents first; the names of those that refused."""
        kept = {"Retain"} if rolling_back else {"Retain", "RetainExceptOnCreate"}
        resources = dict(self._stack.resources)
        refused: list[str] = []
        blocked: set[str] = set()
        for name in _dependents_first(resources):
            resource = resources[name]
            retained = resource.exists and (name in retain or resource.declaration.deletion_policy in kept)
            if name in blocked and not retained:
                blocked.update(resource.depends_on)
            elif not resource.exists and resource.status == "DELETE_COMPLETE":
                continue
            elif not self._handling.remove(resource, retained=retained):
                refused.append(name)
                blocked.update(resource.depends_on)
        return sorted(refused)

    def _set_status(self, status: str, reason: str | None = None) -> None:
        with self._stacks.lock:
            self._stack.set_status(status, reason)


_ON_FAILURE: Mapping[str, Callable[[Worker, str], None]] = {
    "DELETE": Worker._delete_failed,
    "DO_NOTHING": Worker._stay_failed,
    "ROLLBACK": Worker._roll_back_create,
}


def _failed_to(verb: str, names: Iterable[str]) -> str:
    return f"The following resource(s) failed to {verb}: {listed(names)}. "


def _dependents_first(resources: Mapping[str, Resource]) -> list[str]:
    needs = {
        name: [other for other in resource.depends_on if other in resources]
        for name, resource in resources.items()
    }
    return list(reversed(in_order(needs, "resources")))
