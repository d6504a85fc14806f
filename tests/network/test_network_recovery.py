"""What a fault leads to later: in waiting, in explaining, in credentials that end, and in the next run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from faulted_runs import Sandboxes, faulted, lost, untold, wrong
from faulty_proxy import Ask, Ending, Fault, Reply, Request, half_of_calls, nothing
from network_faults import FAULTS

from xacct_kit.report import Verdict
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess

RESET = FAULTS["reset before the answer"]


@contextmanager
def sandbox_of_its_own(layout: Layout) -> Iterator[str]:
    """URL of a sandbox that a test may change."""
    child = SandboxProcess(layout)
    try:
        yield child.endpoint
    finally:
        child.stop()


def reads_of_roles(request: Request) -> bool:
    return request.operation == "GetRole"


def calls_of_iam(request: Request) -> bool:
    return request.service == "iam"


def assumptions(request: Request) -> bool:
    return request.operation == "AssumeRole"


def test_a_role_whose_age_cannot_be_read_is_not_taken_for_an_old_one() -> None:
    with sandbox_of_its_own(Layout(scenario="slow-propagation", propagation=2.0)) as endpoint:
        run = faulted(endpoint, RESET, reads_of_roles, wait_seconds=6)
    assert run.met
    assert [row.why for row in run.report if row.verdict is Verdict.FAIL] == []


def an_hour_behind(_: Request, ask: Ask) -> Reply:
    """Whoever answers has a clock that is an hour behind that of the client."""
    reply, then = ask(), datetime.now(UTC) - timedelta(hours=1)
    body = re.sub(rb"(?<=<CreateDate>)[^<]+", then.isoformat().encode(), reply.body)
    return replace(reply, body=body, headers={**reply.headers, "Date": format_datetime(then, usegmt=True)})


def test_a_role_is_as_old_as_it_is_by_the_clock_of_aws() -> None:
    with sandbox_of_its_own(Layout(scenario="slow-propagation", propagation=2.0)) as endpoint:
        run = faulted(endpoint, replace(RESET, happens=an_hour_behind), reads_of_roles, wait_seconds=6)
    assert run.met
    assert [row.why for row in run.report if row.verdict is Verdict.FAIL] == []


def test_a_denial_is_not_explained_by_policies_that_could_not_be_read(sandboxes: Sandboxes) -> None:
    run = faulted(sandboxes.endpoint("missing-emr"), RESET, calls_of_iam)
    assert not [*wrong(run, sandboxes.faultless("missing-emr"))]
    (denied,) = [row for row in run.report if row.verdict is Verdict.FAIL]
    assert "cannot be read" in denied.why
    assert "it has none" not in denied.why


def ending_soon(reply: Reply) -> Reply:
    """Credentials that botocore renews before it signs with them."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    return replace(reply, body=re.sub(rb"(?<=<Expiration>)[^<]+", soon.isoformat().encode(), reply.body))


def lapsing(calls: int) -> Fault:
    """Credentials end soon, and after so many calls there are no more of them."""

    def happens(request: Request, ask: Ask) -> Reply:
        return ending_soon(ask()) if request.call < calls else Reply(ending=Ending.RESET)

    return happens


@pytest.mark.parametrize("calls", [4, 8, 12, 20, 40])
def test_credentials_that_cannot_be_renewed_cost_no_finding(sandboxes: Sandboxes, calls: int) -> None:
    fault, faultless = replace(RESET, happens=lapsing(calls)), sandboxes.faultless("healthy")
    run = faulted(sandboxes.endpoint("healthy"), fault, assumptions)
    assert not [*wrong(run, faultless)]
    assert not lost(run, faultless)
    assert not [*untold(run, faultless, fault.said)]


def renewed_for_another(request: Request, ask: Ask) -> Reply:
    """Every role can be assumed once, and then gives the credentials of another."""
    reply = ending_soon(ask())
    renewed = re.sub(rb"(?<=assumed-role/)\w+", b"SomebodyElse", reply.body)
    return replace(reply, body=renewed) if request.call > 20 else reply


def test_credentials_of_another_role_are_not_taken(sandboxes: Sandboxes) -> None:
    fault, faultless = replace(RESET, happens=renewed_for_another), sandboxes.faultless("healthy")
    run = faulted(sandboxes.endpoint("healthy"), fault, assumptions)
    assert not [*wrong(run, faultless)]
    assert not lost(run, faultless)
    assert Verdict.UNKNOWN in {row.verdict for row in run.report}


@pytest.mark.parametrize("fault", ["throttled", "answer lost"])
def test_a_deployment_that_was_disturbed_is_done_by_the_next_run(fault: str) -> None:
    with sandbox_of_its_own(Layout(scenario="role-missing")) as endpoint:
        disturbed = faulted(endpoint, FAULTS[fault], half_of_calls(fault), attempts=1, deploying=True)
        undisturbed = faulted(endpoint, FAULTS[fault], nothing, deploying=True)
    assert disturbed.met
    assert undisturbed.report.ok
