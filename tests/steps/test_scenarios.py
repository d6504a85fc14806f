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


RED: dict[str, set[Cell]] = {
    "healthy": set(),
    "role-missing": refused(TRUSTED, OutcomeKind.NOT_FOUND),
    "wrong-external-id": refused(TRUSTED, OutcomeKind.DENIED_TRUST),
    "untrusted-main": refused(MAIN_ROLES, OutcomeKind.DENIED_TRUST),
    "missing-emr": {
        ("permissions", "emr-list-clusters", "CrossAccountExecutionRole", OutcomeKind.DENIED_IDENTITY)
    },
    "ce-not-enabled": cost_explorer(OutcomeKind.NOT_ENABLED),
    "ce-data-pending": cost_explorer(OutcomeKind.DATA_PENDING),
}

# In these nobody can assume the role, so that nothing can be said of its permissions.
NOBODY_GETS_IN = frozenset({"role-missing", "wrong-external-id"})

# Words that the reason and the fix of every red cell have to have.
SAID = {
    "role-missing": ("there is no such role", "xacct deploy"),
    "wrong-external-id": ("wants another external ID", "external_id"),
    "untrusted-main": ("does not name", "Add arn:"),
    "missing-emr": ("no identity-based policy allows", "emr"),
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
    assert probed(scenario).ok is (scenario == "healthy")


@EVERY
def test_what_could_not_be_tried_is_unknown_and_never_green(scenario: str) -> None:
    unknown = {row.step for row in probed(scenario) if row.verdict is Verdict.UNKNOWN}
    assert unknown == ({"cost_explorer", "permissions"} if scenario in NOBODY_GETS_IN else set())
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


def test_cost_explorer_is_paid_for_once() -> None:
    costs = [row.cost for row in probed("healthy") if row.service == "ce"]
    assert costs == [0.01, 0.0]
    refusals = [row.cost for row in probed("ce-not-enabled") if row.service == "ce"]
    assert refusals == [0.0, 0.0]
