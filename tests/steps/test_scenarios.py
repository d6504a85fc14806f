"""What each scenario of the sandbox turns red, and nothing else."""

from __future__ import annotations

from functools import cache

import pytest

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.sandbox.scenarios import SCENARIOS

MAIN_ROLES = ("ApiHandlerRole", "WorkflowLoopRunnerRole")
TRUSTED = (*MAIN_ROLES, "OrganizationAccountAccessRole")

Cell = tuple[str, str, str, OutcomeKind]


def refused(callers: tuple[str, ...], outcome: OutcomeKind) -> set[Cell]:
    return {("trust", "assume-with-external-id", caller, outcome) for caller in callers}


def cost_explorer(outcome: OutcomeKind) -> set[Cell]:
    caller = "CrossAccountExecutionRole"
    return {(step, "ce-get-cost-and-usage", caller, outcome) for step in ("cost_explorer", "permissions")}


def permission(probe: str, outcome: OutcomeKind) -> Cell:
    return ("permissions", probe, "CrossAccountExecutionRole", outcome)


RED: dict[str, set[Cell]] = {
    "healthy": set(),
    "slow-propagation": set(),
    "role-missing": refused(TRUSTED, OutcomeKind.NOT_FOUND),
    "wrong-external-id": refused(TRUSTED, OutcomeKind.DENIED_TRUST),
    "untrusted-main": refused(MAIN_ROLES, OutcomeKind.DENIED_TRUST),
    "recreated-principal": refused(("ApiHandlerRole",), OutcomeKind.DENIED_TRUST),
    "missing-emr": {permission("emr-list-clusters", OutcomeKind.DENIED_IDENTITY)},
    "scp-denies-emr": {permission("emr-list-clusters", OutcomeKind.DENIED_SCP)},
    "boundary-blocks-s3": {permission("s3-list-buckets", OutcomeKind.DENIED_BOUNDARY)},
    "throttled": set(),
    "region-disabled": {
        ("preflight", "access-to-account", "operator", OutcomeKind.REGION_DISABLED),
        *refused(TRUSTED, OutcomeKind.REGION_DISABLED),
    },
    "new-account": {
        permission("s3-list-buckets", OutcomeKind.NOT_ENABLED),
        permission("ec2-describe-instances", OutcomeKind.NOT_ENABLED),
        permission("ec2-run-instances-dry-run", OutcomeKind.NOT_ENABLED),
        *cost_explorer(OutcomeKind.DATA_PENDING),
    },
    "ce-not-enabled": cost_explorer(OutcomeKind.NOT_ENABLED),
    "ce-data-pending": cost_explorer(OutcomeKind.DATA_PENDING),
}

# In these nobody can assume the role, so that nothing can be said of its permissions.
NOBODY_GETS_IN = frozenset({"role-missing", "wrong-external-id", "region-disabled"})

# The steps in which something could not be found out.
UNKNOWN: dict[str, set[str]] = {
    "role-missing": {"trust", "cost_explorer", "permissions"},
    "wrong-external-id": {"cost_explorer", "permissions"},
    "region-disabled": {"preflight", "trust", "cost_explorer", "permissions"},
    "throttled": {"permissions"},
}

# Words that the reason and the fix of every red cell have to have.
SAID = {
    "role-missing": ("there is no such role", "xacct deploy"),
    "wrong-external-id": ("wants another external ID", "external_id"),
    "untrusted-main": ("does not name", "Add arn:"),
    "recreated-principal": ("the unique ID of a role that was deleted", "Save the trust policy"),
    "missing-emr": ("none of its identity-based policies allows it", "its policy emr"),
    "scp-denies-emr": ("service_control_policy/p-noclusters", "no Allow overrides it"),
    "boundary-blocks-s3": ("permissions boundary AnalyticsBoundary", "policy/AnalyticsBoundary"),
    "region-disabled": ("not enabled", "Enable the Region"),
    "ce-not-enabled": ("not enabled", "management account"),
    "ce-data-pending": ("no data yet", "24 hours"),
}

EVERY = pytest.mark.parametrize("scenario", SCENARIOS)


def params(scenario: str) -> Params:
    return Params.load("params/sandbox.yaml", sandbox_scenario=scenario)


@cache
def probed(scenario: str) -> Report:
    return xk.onboard(params(scenario), deploying=False)


def test_every_scenario_is_in_the_table() -> None:
    assert set(RED) == set(SCENARIOS)


@EVERY
def test_exactly_what_the_scenario_breaks_is_red(scenario: str) -> None:
    red = {
        (row.step, row.probe, row.caller, row.outcome)
        for row in probed(scenario)
        if row.verdict is Verdict.FAIL
    }
    assert red == RED[scenario]
    assert probed(scenario).ok is not bool(RED[scenario] or scenario in UNKNOWN)


@EVERY
def test_what_could_not_be_tried_is_unknown_and_never_green(scenario: str) -> None:
    unknown = {row.step for row in probed(scenario) if row.verdict is Verdict.UNKNOWN}
    assert unknown == UNKNOWN.get(scenario, set())
    if scenario in NOBODY_GETS_IN:
        permissions = [row for row in probed(scenario) if row.step == "permissions"]
        assert {row.verdict for row in permissions} == {Verdict.UNKNOWN}


@pytest.mark.parametrize("scenario", SAID)
def test_every_red_cell_says_why_and_what_to_do(scenario: str) -> None:
    why, fix = SAID[scenario]
    for row in probed(scenario):
        if row.verdict is Verdict.FAIL:
            assert why in row.why
            assert fix in row.fix


@EVERY
def test_the_external_id_is_in_no_finding(scenario: str) -> None:
    assert params(scenario).external_id not in "".join(str(row.to_dict()) for row in probed(scenario))


def test_a_refusal_of_what_must_be_refused_is_a_pass() -> None:
    negative = {
        row.probe: (row.verdict, row.outcome) for row in probed("healthy") if row.expected == "DENIED"
    }
    assert negative == {
        "assume-without-external-id": (Verdict.PASS, OutcomeKind.DENIED_TRUST),
        "assume-with-wrong-external-id": (Verdict.PASS, OutcomeKind.DENIED_TRUST),
        "assume-as-untrusted-role": (Verdict.PASS, OutcomeKind.DENIED_TRUST),
        "cloudformation-list-stacks": (Verdict.PASS, OutcomeKind.DENIED_IDENTITY),
        "dynamodb-list-tables": (Verdict.PASS, OutcomeKind.DENIED_IDENTITY),
    }


def test_what_is_throttled_to_the_end_is_unknown_not_denied() -> None:
    throttled = {row.probe: row.outcome for row in probed("throttled") if not row.verdict.green}
    assert throttled == {"emr-list-clusters": OutcomeKind.THROTTLED}


def test_cost_explorer_is_paid_for_once() -> None:
    costs = [row.cost for row in probed("healthy") if row.service == "ce"]
    assert costs == [0.01, 0.0]
    refusals = [row.cost for row in probed("ce-not-enabled") if row.service == "ce"]
    assert refusals == [0.0, 0.0]
