"""The results of a simulation, as IAM gives them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResourceSpecificResult.html
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from xacct_kit.sandbox.simulation.checks import check
from xacct_kit.sandbox.simulation.evaluation import (
    ALLOWED,
    IMPLICIT_DENY,
    Outcome,
    evaluate,
    most_restrictive,
)
from xacct_kit.sandbox.simulation.inputs import (
    Simulation,
    marker,
    read_custom_simulation,
    read_principal_simulation,
)
from xacct_kit.sandbox.simulation.policies import Source
from xacct_kit.sandbox.simulation.texts import statement_positions

T = TypeVar("T", bound=Hashable)


def simulate_principal_policy(account: str, partition: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer SimulatePrincipalPolicy.

    Parameters:
        account: the account that asks, whose user, group or role is simulated.
        partition: its partition.
        params: the operation's parameters by their names.

    Returns:
        The result as boto3 gives it.

    Raises:
        ServiceFault: the request is refused.
    """
    return _results(read_principal_simulation(account, partition, params))


def simulate_custom_policy(account: str, partition: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer SimulateCustomPolicy.

    Parameters:
        account: the account that asks.
        partition: its partition.
        params: the operation's parameters by their names.

    Returns:
        The result as boto3 gives it.

    Raises:
        ServiceFault: the request is refused.
    """
    return _results(read_custom_simulation(account, partition, params))


def _results(simulation: Simulation) -> dict[str, Any]:
    check(simulation)
    end = simulation.start + simulation.limit
    actions = simulation.actions[simulation.start : end]
    results: dict[str, Any] = {
        "EvaluationResults": [_evaluation_result(simulation, action) for action in actions],
        "IsTruncated": end < len(simulation.actions),
    }
    return results | ({"Marker": marker(end)} if results["IsTruncated"] else {})


def _evaluation_result(simulation: Simulation, action: str) -> dict[str, Any]:
    """The one result of an action: "the aggregate decision across all requested resources"."""
    outcomes = [evaluate(simulation, action, resource) for resource in simulation.resources]
    decision = most_restrictive([outcome.decision for outcome in outcomes])
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _resource_name(simulation.resources),
        "EvalDecision": decision,
        "MatchedStatements": _statements(_decisive(outcomes, decision)),
        "MissingContextValues": _unique(key for outcome in outcomes for key in outcome.missing),
        **_organizations_detail(outcomes),
        **_boundary_detail(outcomes),
    }
    if simulation.resources != ["*"]:
        result |= _decision_details(outcomes)
        pairs = zip(simulation.resources, outcomes, strict=True)
        result["ResourceSpecificResults"] = [_resource_result(*pair) for pair in pairs]
    return result


def _resource_result(resource: str, outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "EvalResourceName": resource,
        "EvalResourceDecision": outcome.decision,
        "MatchedStatements": _statements(outcome.matched),
        "MissingContextValues": list(outcome.missing),
        **_boundary_detail([outcome]),
    }
    return result | ({"EvalDecisionDetails": dict(outcome.by_type)} if outcome.by_type else {})


def _resource_name(resources: Sequence[str]) -> str:
    """The resource where there is but one, as in AWS's examples.

    Of several it is "the ARN template for the simulated resource type, [...] or * if no ARN format is defined
    for the action"; the sandbox defines none.
    """
    return resources[0] if len(resources) == 1 else "*"


def _decisive(outcomes: Iterable[Outcome], decision: str) -> list[tuple[Source, int]]:
    """What matched on any resource; where one is denied explicitly, what denies."""
    deciding = [outcome for outcome in outcomes if decision in (outcome.decision, ALLOWED, IMPLICIT_DENY)]
    return [match for outcome in deciding for match in outcome.matched]


def _statements(matched: Iterable[tuple[Source, int]]) -> list[dict[str, Any]]:
    return [_statement(source, index) for source, index in _unique(matched)]


def _statement(source: Source, index: int) -> dict[str, Any]:
    start, end = statement_positions(source.text)[index]
    return {
        "SourcePolicyId": source.id,
        "SourcePolicyType": source.type.value,
        "StartPosition": dict(start),
        "EndPosition": dict(end),
    }


def _organizations_detail(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    allowed = [outcome.by_organization for outcome in outcomes if outcome.by_organization is not None]
    return {"OrganizationsDecisionDetail": {"AllowedByOrganizations": all(allowed)}} if allowed else {}


def _boundary_detail(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    allowed = [outcome.by_boundary for outcome in outcomes if outcome.by_boundary is not None]
    detail = {"AllowedByPermissionsBoundary": all(allowed)}
    return {"PermissionsBoundaryDecisionDetail": detail} if allowed else {}


def _decision_details(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The most restrictive decision per policy type; empty in one account, missing where SCPs end it all."""
    reached = [outcome.by_type or {} for outcome in outcomes if outcome.by_organization is not False]
    if not reached:
        return {}
    types = _unique(policy_type for said in reached for policy_type in said)
    restrictive = {
        policy_type: most_restrictive([said[policy_type] for said in reached if policy_type in said])
        for policy_type in types
    }
    return {"EvalDecisionDetails": restrictive}


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
