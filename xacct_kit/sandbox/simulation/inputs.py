"""What a simulation is asked: the parameters of IAM's two operations, read.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xacct_kit.iam import Request
from xacct_kit.iam.request import ContextValue
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.simulation import policies
from xacct_kit.sandbox.simulation.context import given_context, populated_context
from xacct_kit.sandbox.simulation.faults import invalid_input, not_offered, validation_error
from xacct_kit.sandbox.simulation.policies import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who makes the simulated calls.

    Attributes:
        principal: the principal of the requests. A role stands in for a group, and for nobody in particular.
        account: its account.
        kind: `user`, `role` or `group`; empty where no caller is named.
    """

    principal: str
    account: str
    kind: str

    @property
    def is_stand_in(self) -> bool:
        """Whether the principal is not who calls."""
        return self.kind not in ("user", "role")


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """What is simulated.

    Attributes:
        caller: who makes the calls.
        context: the condition keys of every call.
        actions: what is called, in the order of the results.
        resources: on what; only `*` where no resource is named.
        identity: the identity-based policies.
        boundary: the permissions boundary.
        controls: the levels of service control policies, root first.
        resource_policy: the policy of every resource.
        resource_owner: the account of the resources whose ARNs do not tell it.
        scenario: the value of ResourceHandlingOption.
        start: the number of the action that the results begin with.
        limit: how many actions the results may cover.
    """

    caller: Caller
    context: Mapping[str, ContextValue]
    actions: Sequence[str]
    resources: Sequence[str]
    identity: Sequence[Source]
    boundary: Source | None
    controls: Sequence[Sequence[Source]]
    resource_policy: Source | None
    resource_owner: str
    scenario: str | None
    start: int
    limit: int

    @property
    def sources(self) -> tuple[Source, ...]:
        """The policies whose statements and condition keys results tell; those of SCPs they keep back."""
        single = (source for source in (self.boundary, self.resource_policy) if source)
        return (*self.identity, *single)

    def request(self, action: str, resource: str) -> Request:
        """One of the calls.

        Whose a resource is matters together with its policy alone.
        """
        owner = self.caller.account
        if self.resource_policy:
            told = _OWNED.match(resource)
            owner = told["account"] if told else self.resource_owner
        return Request(
            principal=self.caller.principal,
            action=action,
            resource=resource,
            context=self.context,
            resource_account=owner,
        )


_PARAMETERS = frozenset(
    {
        "ActionNames",
        "CallerArn",
        "ContextEntries",
        "Marker",
        "MaxItems",
        "PermissionsBoundaryPolicyInputList",
        "PolicyInputList",
        "ResourceArns",
        "ResourceHandlingOption",
        "ResourceOwner",
        "ResourcePolicy",
    }
)


def read_principal_simulation(account: str, partition: str, params: Mapping[str, Any]) -> Simulation:
    """Read the parameters of SimulatePrincipalPolicy.

    Parameters:
        account: the account that asks, whose principal it is.
        partition: its partition.
        params: the parameters by their names.

    Raises:
        ServiceFault: they cannot be meant, or cannot be honoured.
    """
    _check_offered(params, _PARAMETERS | {"PolicySourceArn"})
    arn = str(_required(params, "PolicySourceArn"))
    attached = policies.attached_policies(account, partition, _kind_of_source(account, partition, arn), arn)
    if attached is None:
        raise ServiceFault(404, "NoSuchEntity", f"{arn} cannot be found.")
    caller = _caller(account, partition, params.get("CallerArn") or arn)
    if caller.account != account:
        raise not_offered("a CallerArn of another account than the policies'")
    return _simulation(
        params,
        caller=caller,
        identity=(*attached, *policies.given_identity(params)),
        boundary=policies.given_boundary(params) or policies.attached_boundary(arn),
        controls=policies.attached_controls(account),
    )


def read_custom_simulation(account: str, partition: str, params: Mapping[str, Any]) -> Simulation:
    """Read the parameters of SimulateCustomPolicy.

    Parameters:
        account: the account that asks.
        partition: its partition.
        params: the parameters by their names.

    Raises:
        ServiceFault: they cannot be meant, or cannot be honoured.
    """
    _check_offered(params, _PARAMETERS | {"OrderedOrganizationPolicyInputList"})
    if params.get("PolicyInputList") is None:
        raise validation_error("PolicyInputList", "Member must not be null")
    return _simulation(
        params,
        caller=_caller(account, partition, params.get("CallerArn")),
        identity=policies.given_identity(params),
        boundary=policies.given_boundary(params),
        controls=policies.given_controls(params),
    )


def _check_offered(params: Mapping[str, Any], offered: frozenset[str]) -> None:
    for name in sorted(set(params) - offered):
        raise not_offered(f"the parameter {name}")


def _required(params: Mapping[str, Any], name: str) -> Any:
    if not params.get(name):
        raise validation_error(name, "Member must not be null")
    return params[name]


def _simulation(
    params: Mapping[str, Any],
    *,
    caller: Caller,
    identity: Sequence[Source],
    boundary: Source | None,
    controls: Sequence[Sequence[Source]],
) -> Simulation:
    return Simulation(
        caller=caller,
        context=populated_context(caller.principal, caller.account) | given_context(params),
        actions=list(_required(params, "ActionNames")),
        resources=_resources(params),
        identity=identity,
        boundary=boundary,
        controls=controls,
        resource_policy=policies.given_resource_policy(params),
        resource_owner=_resource_owner(params) or caller.account,
        scenario=params.get("ResourceHandlingOption"),
        start=_start(params),
        limit=_limit(params),
    )


_ENTITY = re.compile(
    r"arn:(?P<partition>[^:]+):iam::(?P<account>\d{12}):(?P<kind>user|group|role)/(?:[^*?]*/)?[^/*?]+"
)
_RESOURCE = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_OWNED = re.compile(r"arn:[^:]+:[^:]+:[^:]*:(?P<account>[0-9]{12}):")
_ACCOUNT = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):root")


def _kind_of_source(account: str, partition: str, arn: str) -> str:
    match = _ENTITY.fullmatch(arn)
    if match is None or match["partition"] != partition:
        raise invalid_input(f"Invalid ARN provided in the request: {arn}")
    if match["account"] != account:
        raise invalid_input(
            f"Invalid Policy Source Arn: caller's account {account} does not have access to policies in "
            f"account {match['account']}."
        )
    return match["kind"]


def _caller(account: str, partition: str, arn: str | None) -> Caller:
    match = _ENTITY.fullmatch(arn or "")
    if arn and (match is None or match["partition"] != partition):
        raise invalid_input("Invalid caller - Caller must be an IAM user, role or group in this context.")
    kind, account = (match["kind"], match["account"]) if match else ("", account)
    named = arn if arn and kind != "group" else None
    return Caller(
        principal=named or f"arn:{partition}:iam::{account}:role/simulated", account=account, kind=kind
    )


def _resources(params: Mapping[str, Any]) -> Sequence[str]:
    resources = list(params.get("ResourceArns") or ["*"])
    for resource in resources:
        if resources != ["*"] and not _RESOURCE.fullmatch(resource):
            raise invalid_input(f"ResourceNames are not in a valid ARN format: {resource}.")
    return resources


def _resource_owner(params: Mapping[str, Any]) -> str | None:
    """The account in ResourceOwner, as an ARN: so the examples of both operations have it."""
    owner = params.get("ResourceOwner")
    match = _ACCOUNT.fullmatch(owner or "")
    if owner and match is None:
        raise invalid_input(f"'{owner}' is not a valid as a Resource Owner.")
    return match["account"] if match else None


_MOST_ITEMS, _USUAL_ITEMS = 1000, 100
_MARKER = re.compile(r"simulation:(\d{1,9})")


def marker(start: int) -> str:
    """The marker of the results that begin with the action of a number."""
    return base64.b64encode(f"simulation:{start}".encode()).decode()


def _start(params: Mapping[str, Any]) -> int:
    given = params.get("Marker")
    if not given:
        return 0
    try:
        match = _MARKER.fullmatch(base64.b64decode(given, validate=True).decode())
    except ValueError:
        match = None
    if match is None:
        raise invalid_input("Invalid marker for pagination.")
    return int(match[1])


def _limit(params: Mapping[str, Any]) -> int:
    given = params.get("MaxItems")
    items = _USUAL_ITEMS if given is None else int(given)
    if not 1 <= items <= _MOST_ITEMS:
        raise validation_error("MaxItems", f"Member must have value from 1 to {_MOST_ITEMS}")
    return items
