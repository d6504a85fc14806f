"""Whatever happens on the way to AWS and back, a run ends, loses no finding and gives no wrong verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from faulted_runs import Run, Sandboxes, excessive, faulted, lost, untold, wrong
from faulty_proxy import (
    Meets,
    all_but_identity,
    all_but_sts,
    everything,
    first_attempts,
    half_of_calls,
    half_of_requests,
    of_service,
)
from network_faults import FAULTS

from xacct_kit.errors import AccessError
from xacct_kit.report import Verdict

pytestmark = pytest.mark.slow

# What is red in each scenario where nothing happens on the way.
FAULTLESS: Mapping[str, set[str]] = {
    "healthy": set(),
    "missing-emr": {"emr-list-clusters"},
    "wrong-external-id": {"assume-with-external-id"},
}

EACH_FAULT = pytest.mark.parametrize("fault", FAULTS)

# Each in its own protocol, or with an answer that the kit goes on to read.
SERVICES = ("sts", "iam", "cloudformation", "ec2", "s3", "ce", "dynamodb")

# Tried once: botocore waits up to a second before it repeats what was throttled, and a stall takes a while.
STALLS = frozenset({"stalled", "stalled amid the answer"})
ONCE = STALLS | {"throttled"}

# One of each kind.
KINDS = frozenset(
    {
        "throttled",
        "clock late",
        "answer lost",
        "closed amid the answer",
        "503 page",
        "200 page with an ID",
        "403 page",
        "403 JSON with an ID",
        "404 page",
        "cut late",
        "emptied",
        "answer to another",
        "refusal of another",
    }
)


def harmless(
    sandboxes: Sandboxes, scenario: str, fault: str, meets: Meets, *, patient: bool = False, **how: bool
) -> Run:
    """A run under a fault that is as it has to be."""
    happening, faultless = FAULTS[fault], sandboxes.faultless(scenario, **how)
    attempts = 1 if fault in ONCE and not patient else 2
    run = faulted(sandboxes.endpoint(scenario), happening, meets, attempts=attempts, **how)
    assert run.met
    assert not [*wrong(run, faultless)]
    assert not lost(run, faultless)
    assert not [*untold(run, faultless, happening.said)]
    assert not [*excessive(run, faultless)]
    return run


@pytest.mark.parametrize(("scenario", "faults"), FAULTLESS.items())
def test_the_proxy_itself_changes_nothing(sandboxes: Sandboxes, scenario: str, faults: set[str]) -> None:
    run = sandboxes.faultless(scenario)
    assert {row.probe for row in run.report if row.verdict is Verdict.FAIL} == faults
    assert len(run.requests) == run.calls


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        *(("missing-emr", fault) for fault in FAULTS if fault not in STALLS),
        *((scenario, fault) for scenario in ("healthy", "wrong-external-id") for fault in sorted(KINDS)),
    ],
)
def test_where_half_of_the_calls_fail_findings_are_unknown_and_never_wrong(
    sandboxes: Sandboxes, scenario: str, fault: str
) -> None:
    harmless(sandboxes, scenario, fault, half_of_calls(f"{scenario} {fault}"))


@pytest.mark.parametrize(
    "fault", [name for name in FAULTS if name not in STALLS and not FAULTS[name].partial]
)
def test_where_only_roles_can_be_assumed_no_permission_is_granted_or_refused(
    sandboxes: Sandboxes, fault: str
) -> None:
    run = harmless(sandboxes, "missing-emr", fault, all_but_sts)
    permissions = [row for row in run.report if row.step in ("cost_explorer", "permissions")]
    assert {row.verdict for row in permissions} == {Verdict.UNKNOWN}


@EACH_FAULT
def test_where_only_the_operator_is_known_everything_else_is_unknown(
    sandboxes: Sandboxes, fault: str
) -> None:
    run = harmless(sandboxes, "healthy", fault, all_but_identity)
    known = {row.probe for row in run.report if row.verdict is not Verdict.UNKNOWN}
    assert known == {"who-am-i"}


@EACH_FAULT
def test_where_nothing_gets_through_the_run_says_why_it_cannot_begin(
    sandboxes: Sandboxes, fault: str
) -> None:
    with pytest.raises(AccessError) as caught:
        faulted(sandboxes.endpoint("healthy"), FAULTS[fault], everything)
    assert re.search(FAULTS[fault].said, str(caught.value))


@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.passes])
def test_what_gets_through_at_the_second_attempt_costs_no_verdict(sandboxes: Sandboxes, fault: str) -> None:
    run = harmless(sandboxes, "missing-emr", fault, first_attempts)
    assert len(run.requests) == 2 * run.calls
    before = [(row.probe, row.verdict, row.why) for row in sandboxes.faultless("missing-emr").report]
    assert [(row.probe, row.verdict, row.why) for row in run.report] == before


def test_throttling_of_half_of_the_requests_is_met_with_patience(sandboxes: Sandboxes) -> None:
    run = harmless(sandboxes, "healthy", "throttled", half_of_requests("patience"), patient=True)
    assert max(request.attempt for request in run.requests) == run.attempts


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("fault", ["403 page with an ID", "emptied"])
def test_what_one_service_does_not_say_is_said_wrong_by_nothing_else(
    sandboxes: Sandboxes, fault: str, service: str
) -> None:
    harmless(sandboxes, "missing-emr", fault, of_service(service))


@pytest.mark.parametrize("fault", sorted(KINDS))
def test_a_deployment_is_not_said_to_be_done_or_refused_for_a_fault(sandboxes: Sandboxes, fault: str) -> None:
    harmless(sandboxes, "healthy", fault, half_of_calls(fault), deploying=True)


@pytest.mark.parametrize(
    ("fault", "blamed"), [("clock late", True), ("stalled", False), ("throttled", False), ("503 page", False)]
)
def test_the_credentials_are_blamed_for_nothing_else(sandboxes: Sandboxes, fault: str, blamed: bool) -> None:
    with pytest.raises(AccessError) as caught:
        faulted(sandboxes.endpoint("healthy"), FAULTS[fault], everything, attempts=1)
    assert ("does not accept" in str(caught.value)) is blamed
