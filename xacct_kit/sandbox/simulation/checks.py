"""What is refused because it could not be decided, or not as it is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xacct_kit.errors import PolicyError
from xacct_kit.iam import Layer, decide
from xacct_kit.iam.request import Facts
from xacct_kit.iam.statements import Names, Statement
from xacct_kit.sandbox.simulation.faults import invalid_input, not_offered
from xacct_kit.sandbox.simulation.inputs import Simulation
from xacct_kit.sandbox.simulation.policies import Source
from xacct_kit.sandbox.simulation.texts import context_keys

# Keys that AWS's simulator has by itself and this one may not have: they are not missing, so that a decision
# without them would be wrong. And those that a principal would invent that stands in for the caller.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html#policies_policy-simulator-condition-keys
_UNKNOWN = ("aws:principalid", "aws:type", "aws:userid")
_UNKNOWN_IN_ORGANIZATION = ("aws:principalorgmasteraccountid", "aws:principalorgpaths")
_INVENTED = ("aws:principalarn", "aws:principaltype")

_INSTANCE = ("instance", "image", "security-group", "network-interface")

# The resources that each scenario takes.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
_SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "EC2-VPC-InstanceStore": _INSTANCE,
    "EC2-VPC-InstanceStore-Subnet": (*_INSTANCE, "subnet"),
    "EC2-VPC-EBS": (*_INSTANCE, "volume"),
    "EC2-VPC-EBS-Subnet": (*_INSTANCE, "subnet", "volume"),
}


def check(simulation: Simulation) -> None:
    """Check what one parameter means for another.

    Raises:
        ServiceFault: they cannot be meant, or cannot be honoured.
    """
    _check_actions(simulation)
    _check_keys(simulation)
    _check_resource_owner(simulation)
    if simulation.resource_policy:
        _check_resource_policy(simulation, simulation.resource_policy)
    if simulation.scenario:
        _check_scenario(simulation, simulation.scenario)


def _check_actions(simulation: Simulation) -> None:
    for action in simulation.actions:
        try:
            Facts(simulation.request(action, simulation.resources[0]))
        except PolicyError as error:
            raise invalid_input(str(error)) from error


def _check_keys(simulation: Simulation) -> None:
    policies = (*simulation.sources, *(policy for level in simulation.controls for policy in level))
    used = {key.lower() for policy in policies for key in context_keys(policy.text)}
    context = {key.lower() for key in simulation.context}
    unknown = (
        *_UNKNOWN,
        *(_UNKNOWN_IN_ORGANIZATION if "aws:principalorgid" in context else ()),
        *(_INVENTED if simulation.caller.is_stand_in else ()),
    )
    for key in unknown:
        if key in used - context:
            raise not_offered(f"{key} without a context entry")


def _check_resource_owner(simulation: Simulation) -> None:
    if simulation.resource_policy is None and simulation.resource_owner != simulation.caller.account:
        raise not_offered("a ResourceOwner of another account without its ResourcePolicy")


def _check_resource_policy(simulation: Simulation, policy: Source) -> None:
    if not simulation.caller.kind:
        raise invalid_input("Invalid caller - Caller cannot be null or empty.")
    if simulation.caller.kind != "user":
        raise not_offered(f"a ResourcePolicy for a {simulation.caller.kind}")
    for action in simulation.actions:
        if decide(simulation.request(action, simulation.resources[0])).layer is Layer.TRUST:
            raise not_offered("a role's trust policy")
    for resource in simulation.resources:
        if resource == "*" or not _applicable(policy, simulation, resource):
            raise invalid_input(f"The ResourcePolicy is not applicable to the resource {resource}.")


_EVERY_ACTION = Names(exact=frozenset(), prefixes=("",), patterns=())


def _applicable(policy: Source, simulation: Simulation, resource: str) -> bool:
    facts = Facts(simulation.request(simulation.actions[0], resource))
    statements = (*policy.document.allows, *policy.document.denies)
    return any(_of_resources(statement).applies(facts) for statement in statements)


def _of_resources(statement: Statement) -> Statement:
    """A statement as far as it speaks of resources."""
    return replace(statement, actions=_EVERY_ACTION, not_action=False, principal=None, conditions=())


def _check_scenario(simulation: Simulation, scenario: str) -> None:
    if scenario not in _SCENARIOS:
        raise invalid_input(f"There is no resource handling option {scenario}.")
    for action in simulation.actions:
        if not action.lower().startswith("ec2:"):
            raise invalid_input(f"Action does not support resource handling options: {action}.")
    parts = [resource.split(":", 5) for resource in simulation.resources if resource != "*"]
    present = {part[5].partition("/")[0] for part in parts if part[2] == "ec2"}
    for kind in _SCENARIOS[scenario]:
        if kind not in present:
            raise invalid_input(f"The resource handling option {scenario} takes a resource of type {kind}.")
