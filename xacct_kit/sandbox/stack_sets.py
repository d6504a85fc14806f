"""The sandbox's StackSets: operations that make real stacks in other accounts.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xacct_kit.sandbox import organization
from xacct_kit.sandbox.cloudformation.parameters import shown
from xacct_kit.sandbox.cloudformation.refusals import invalid, not_offered
from xacct_kit.sandbox.cloudformation.requests import check_name, check_offered, definition_of, page
from xacct_kit.sandbox.cloudformation.resources import as_tags, given
from xacct_kit.sandbox.cloudformation.stacks import Definition
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.stack_instances import (
    ADMINISTRATION_ROLE,
    EXECUTION_ROLE,
    Answer,
    Instance,
    Params,
    StackSet,
    carried_out,
)
from xacct_kit.sandbox.stack_set_requests import (
    check_free,
    check_reach,
    check_retained,
    check_tags,
    chosen_accounts,
    running,
    summary,
    tolerated,
)

if TYPE_CHECKING:
    from xacct_kit.sandbox.caller import Caller


class StackSets:
    """Every stack set of the sandbox, behind the operations of the API."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sets: dict[tuple[str, str, str], StackSet] = {}
        self._trusted: set[str] = set()

    def handle(self, operation: str, params: Params, caller: Caller) -> Answer:
        """Answer a request that has been authorised; stacks are made in a thread after the answer.

        Raises:
            ServiceFault: the request is refused.
        """
        answer, offered = OPERATIONS[operation]
        check_offered(operation, params, offered)
        if params.get("CallAs", "SELF") != "SELF":
            raise not_offered("delegated administrators of StackSets")
        with self._lock:
            return answer(self, caller, params)

    def activate(self, caller: Caller, _params: Params) -> Answer:
        """Let StackSets act in the organization."""
        _check_management(caller)
        self._trusted.add(caller.account)
        return {}

    def deactivate(self, caller: Caller, _params: Params) -> Answer:
        """Let StackSets act in the organization no more."""
        _check_management(caller)
        self._trusted.discard(caller.account)
        return {}

    def describe_access(self, caller: Caller, _params: Params) -> Answer:
        """Tell whether StackSets may act in the organization."""
        _check_management(caller)
        return {"Status": "ENABLED" if caller.account in self._trusted else "DISABLED"}

    def create(self, caller: Caller, params: Params) -> Answer:
        """Make a stack set, which has no stacks yet."""
        name = check_name(params["StackSetName"], "stackSetName")
        if _place(caller, name) in self._sets:
            raise ServiceFault(409, "NameAlreadyExistsException", f"The Name {name} already exists.")
        service_managed = params.get("PermissionModel") == "SERVICE_MANAGED"
        if service_managed:
            self._check_trusted(caller)
        if service_managed != bool(params.get("AutoDeployment")):
            raise invalid("AutoDeployment goes with the permission model SERVICE_MANAGED, and with it alone.")
        check_retained(params)
        made = StackSet(
            name=name,
            definition=definition_of(params),
            service_managed=service_managed,
            execution_role=None if service_managed else params.get("ExecutionRoleName") or EXECUTION_ROLE,
            auto_deployment=params.get("AutoDeployment"),
            managed_execution=bool((params.get("ManagedExecution") or {}).get("Active")),
            id=f"{name}:{uuid.uuid4()}",
        )
        check_tags(caller, made, params)
        self._sets[_place(caller, name)] = made
        return {"StackSetId": made.id}

    def _check_trusted(self, caller: Caller) -> None:
        _check_management(caller)
        if caller.account not in self._trusted:
            raise invalid("You must enable organizations access to operate a service managed stack set")

    def _named(self, caller: Caller, params: Params) -> StackSet:
        name = params["StackSetName"].partition(":")[0]
        found = self._sets.get(_place(caller, name))
        if found is None:
            raise ServiceFault(404, "StackSetNotFoundException", f"StackSet {name} not found")
        return found

    def describe(self, caller: Caller, params: Params) -> Answer:
        """Describe a stack set; what its template hides is hidden."""
        found = self._named(caller, params)
        definition = found.definition
        role = f"arn:{caller.partition}:iam::{caller.account}:role/{ADMINISTRATION_ROLE}"
        described = given(
            StackSetName=found.name,
            StackSetId=found.id,
            StackSetARN=f"arn:{caller.partition}:cloudformation:{caller.region}:{caller.account}:stackset/{found.id}",
            Status="ACTIVE",
            TemplateBody=definition.template.body,
            Parameters=shown(definition.template, definition.values),
            Capabilities=list(definition.capabilities),
            Tags=as_tags(definition.tags),
            PermissionModel="SERVICE_MANAGED" if found.service_managed else "SELF_MANAGED",
            AdministrationRoleARN=None if found.service_managed else role,
            ExecutionRoleName=found.execution_role,
            AutoDeployment=found.auto_deployment,
            ManagedExecution={"Active": found.managed_execution},
            OrganizationalUnitIds=list(found.units),
        )
        return {"StackSet": described}

    def update(self, caller: Caller, params: Params) -> Answer:
        """Change a stack set, and begin to bring every stack of it to what it is now."""
        found = self._named(caller, params)
        check_retained(params)
        definition = definition_of(params, found.definition)
        model = "SERVICE_MANAGED" if found.service_managed else "SELF_MANAGED"
        if params.get("PermissionModel", model) != model:
            raise invalid("The permission model of a stack set that has stack instances cannot be changed.")
        check_free(found)
        check_tags(caller, found, params)
        instances = list(found.instances.values())
        check_reach(
            caller, "UpdateStackSet", found, {each.unit or each.account for each in instances}, definition
        )
        return self._begin(found, caller, "UPDATE", params, instances, definition)

    def create_instances(self, caller: Caller, params: Params) -> Answer:
        """Begin to make stacks in accounts, or in every account of organizational units."""
        found = self._named(caller, params)
        check_free(found)
        named = (params.get("DeploymentTargets") or {}).get("OrganizationalUnitIds") or params.get("Accounts")
        check_reach(caller, "CreateStackInstances", found, named or ())
        targets = dict(self._targets(found, caller, params))
        for account, unit in targets.items():
            for region in params["Regions"]:
                found.regions.setdefault(region)
                instance = Instance(account=account, region=region, unit=unit)
                found.instances.setdefault((account, region), instance)
        chosen = [each for each in found.instances.values() if each.account in targets]
        return self._begin(found, caller, "CREATE", params, chosen)

    def delete_instances(self, caller: Caller, params: Params) -> Answer:
        """Begin to take accounts out of a stack set, with their stacks or without."""
        found = self._named(caller, params)
        check_free(found)
        accounts = chosen_accounts(found, params)
        chosen = [
            each
            for each in found.instances.values()
            if each.account in accounts and each.region in params["Regions"]
        ]
        check_reach(caller, "DeleteStackInstances", found, {each.unit or each.account for each in chosen})
        return self._begin(found, caller, "DELETE", params, chosen)

    def _targets(self, found: StackSet, caller: Caller, params: Params) -> Iterator[tuple[str, str | None]]:
        targets = params.get("DeploymentTargets") or {}
        units, accounts = targets.get("OrganizationalUnitIds"), params.get("Accounts")
        if found.service_managed:
            if accounts or not units or set(targets) != {"OrganizationalUnitIds"}:
                raise invalid("A service-managed stack set is deployed to OrganizationalUnitIds.")
            self._check_trusted(caller)
            found.units.extend(unit for unit in units if unit not in found.units)
            for unit in units:
                yield from ((account, unit) for account in organization.accounts_below(caller.account, unit))
        elif units or not accounts:
            raise invalid("A self-managed stack set is deployed to Accounts.")
        else:
            yield from ((account, None) for account in accounts)

    def moved(self, caller: Caller, account: str) -> None:
        """Deploy to an account that came into the units of stack sets, and let go of one that left them.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
        """
        with self._lock:
            for (owner, region, _), found in self._sets.items():
                if caller.account == owner != account and (found.auto_deployment or {}).get("Enabled"):
                    self._follow(found, replace(caller, region=region), account)

    def _follow(self, found: StackSet, caller: Caller, account: str) -> None:
        # A unit that was deleted is above nobody.
        above = organization.units_above(account)
        unit = next((each for each in found.units if each in above), None)
        for region in found.regions:
            place = (account, region)
            if unit is None:
                found.instances.pop(place, None)
            elif place not in found.instances:
                found.instances[place] = Instance(account=account, region=region, unit=unit)
                self._begin(found, caller, "CREATE", {}, [found.instances[place]])

    def _begin(
        self,
        found: StackSet,
        caller: Caller,
        action: str,
        params: Params,
        instances: list[Instance],
        definition: Definition | None = None,
    ) -> Answer:
        operation_id = params.get("OperationId") or str(uuid.uuid4())
        operation = {
            "OperationId": operation_id,
            "StackSetId": found.id,
            "Action": action,
            "Status": "QUEUED" if running(found) else "RUNNING",
            "OperationPreferences": params.get("OperationPreferences") or {},
            **({"RetainStacks": bool(params.get("RetainStacks"))} if action == "DELETE" else {}),
            "CreationTimestamp": datetime.now(UTC),
        }
        found.operations[operation_id] = operation

        def work() -> None:
            with found.turn:
                self._start(found, params, operation, instances, definition)
                self._carry_out(found, caller, operation, instances)

        threading.Thread(target=work, name=f"stack-set-{found.name}", daemon=True).start()
        return {"OperationId": operation_id}

    def _start(
        self,
        found: StackSet,
        params: Params,
        operation: Answer,
        instances: list[Instance],
        definition: Definition | None,
    ) -> None:
        with self._lock:
            operation["Status"] = "RUNNING"
            if definition is not None:
                found.definition = definition
                found.execution_role = params.get("ExecutionRoleName") or found.execution_role
                found.auto_deployment = params.get("AutoDeployment") or found.auto_deployment
            for each in instances:
                each.detailed, each.operation_id = "PENDING", operation["OperationId"]
                each.status = "OUTDATED"

    def _carry_out(
        self, found: StackSet, caller: Caller, operation: Answer, instances: list[Instance]
    ) -> None:
        """Deploy to one account after the other, until more have failed than may."""
        most = tolerated(operation["OperationPreferences"], len(instances))
        failures = 0
        for instance in instances:
            if failures > most:
                self._tell(instance, "CANCELLED", "Cancelled since failure tolerance has exceeded")
                continue
            self._tell(instance, "RUNNING", None)
            detailed, reason = carried_out(found, caller, operation, instance)
            failures += detailed in ("FAILED", "INOPERABLE")
            self._tell(instance, detailed, reason)
            if operation["Action"] == "DELETE" and detailed == "SUCCEEDED":
                with self._lock:
                    found.instances.pop((instance.account, instance.region), None)
        with self._lock:
            operation["Status"] = "FAILED" if failures > most else "SUCCEEDED"
            operation["EndTimestamp"] = datetime.now(UTC)

    def _tell(self, instance: Instance, detailed: str, reason: str | None) -> None:
        with self._lock:
            instance.detailed, instance.reason = detailed, reason
            instance.status = _STATUSES.get(detailed, "OUTDATED")

    def describe_operation(self, caller: Caller, params: Params) -> Answer:
        """Describe an operation."""
        operation = self._named(caller, params).operations.get(params["OperationId"])
        if operation is None:
            text = f"Operation {params['OperationId']} not found"
            raise ServiceFault(404, "OperationNotFoundException", text)
        return {"StackSetOperation": dict(operation)}

    def list_operations(self, caller: Caller, params: Params) -> Answer:
        """List the operations, newest first."""
        operations = list(self._named(caller, params).operations.values())[::-1]
        listed, following = page(operations, params)
        names = ("OperationId", "Action", "Status", "CreationTimestamp", "EndTimestamp")
        summaries = [{name: each[name] for name in names if name in each} for each in listed]
        return {"Summaries": summaries, **following}

    def list_instances(self, caller: Caller, params: Params) -> Answer:
        """List the instances."""
        found = self._named(caller, params)
        wanted = (params.get("StackInstanceAccount"), params.get("StackInstanceRegion"))
        instances = [
            each
            for each in found.instances.values()
            if wanted[0] in (None, each.account) and wanted[1] in (None, each.region)
        ]
        listed, following = page(instances, params)
        return {"Summaries": [summary(found, each) for each in listed], **following}


def _check_management(caller: Caller) -> None:
    if not organization.is_management_account(caller.account):
        raise invalid("You must be the management account or delegated admin account of an organization.")


def _place(caller: Caller, name: str) -> tuple[str, str, str]:
    return caller.account, caller.region, name


# The status of an instance by its detailed status; any other is not current.
_STATUSES: Mapping[str, str] = {"SUCCEEDED": "CURRENT", "INOPERABLE": "INOPERABLE"}


_COMMON = frozenset({"CallAs", "StackSetName"})
_DEFINED = frozenset(
    {"Capabilities", "ExecutionRoleName", "ManagedExecution", "Parameters", "PermissionModel"}
)
_SET = _COMMON | _DEFINED | {"AutoDeployment", "ClientRequestToken", "Tags", "TemplateBody"}
_RUN = frozenset({"OperationId", "OperationPreferences"})
_PAGED = _COMMON | {"NextToken"}

_Operation = tuple[Callable[[StackSets, "Caller", Params], Answer], frozenset[str]]

OPERATIONS: Mapping[str, _Operation] = {
    "ActivateOrganizationsAccess": (StackSets.activate, frozenset()),
    "CreateStackInstances": (
        StackSets.create_instances,
        _COMMON | _RUN | {"Accounts", "DeploymentTargets", "Regions"},
    ),
    "CreateStackSet": (StackSets.create, _SET),
    "DeactivateOrganizationsAccess": (StackSets.deactivate, frozenset()),
    "DeleteStackInstances": (
        StackSets.delete_instances,
        _COMMON | _RUN | {"Accounts", "DeploymentTargets", "Regions", "RetainStacks"},
    ),
    "DescribeOrganizationsAccess": (StackSets.describe_access, frozenset({"CallAs"})),
    "DescribeStackSet": (StackSets.describe, _COMMON),
    "DescribeStackSetOperation": (StackSets.describe_operation, _COMMON | {"OperationId"}),
    "ListStackInstances": (
        StackSets.list_instances,
        _PAGED | {"StackInstanceAccount", "StackInstanceRegion"},
    ),
    "ListStackSetOperations": (StackSets.list_operations, _PAGED),
    "UpdateStackSet": (StackSets.update, (_SET - {"ClientRequestToken"}) | _RUN | {"UsePreviousTemplate"}),
}
