"""What Cost Explorer answers in each state that an account can be in, and what things cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gate_clients import Organization, Refusal, refusal, statement

from xacct_kit.sandbox.cost_explorer import get_cost_and_usage
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.layout import MEMBER_ACCOUNT, Layout
from xacct_kit.sandbox.process import SandboxProcess

QUARTER = {"Start": "2026-01-01", "End": "2026-04-01"}
ASKED = {"TimePeriod": QUARTER, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}

NOT_ENABLED = Refusal("AccessDeniedException", 400, "User not enabled for cost explorer access")
DATA_PENDING = Refusal(
    "DataUnavailableException",
    400,
    "Data is not available. Please try to adjust the time period. If just enabled Cost Explorer, data might "
    "not be ingested yet",
)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Organization]:
    child = SandboxProcess(Layout(scenario=request.param))
    yield Organization(child.endpoint)
    child.stop()


@pytest.mark.parametrize(
    ("served", "expected"),
    [("ce-not-enabled", NOT_ENABLED), ("ce-data-pending", DATA_PENDING)],
    indirect=["served"],
)
def test_a_scenario_decides_what_members_are_told(served: Organization, expected: Refusal) -> None:
    ask = served.administrator().client("ce").get_cost_and_usage
    assert refusal(ask, **ASKED) == expected
    # Who may not ask is told so first, and other accounts have their own Cost Explorer.
    nobody = served.somebody().client("ce")
    assert "no identity-based policy" in refusal(nobody.get_cost_and_usage, **ASKED).text
    assert served.operator.client("ce").get_cost_and_usage(**ASKED)["ResultsByTime"]


def test_when_it_is_on_every_month_has_its_costs(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "ce:GetCostAndUsage"))
    results = who.client("ce").get_cost_and_usage(**ASKED)["ResultsByTime"]
    assert [(each["TimePeriod"]["Start"], each["TimePeriod"]["End"]) for each in results] == [
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
    ]
    assert {each["Total"]["UnblendedCost"]["Unit"] for each in results} == {"USD"}


def test_what_would_be_answered_otherwise_is_refused(organization: Organization) -> None:
    ask = organization.administrator().client("ce").get_cost_and_usage
    hourly = refusal(ask, **ASKED | {"Granularity": "HOURLY"})
    assert (hourly.code, hourly.status) == ("AccessDeniedException", 400)
    assert "opt-in only feature" in hourly.text
    by_service = [{"Type": "DIMENSION", "Key": "SERVICE"}]
    assert refusal(ask, **ASKED, GroupBy=by_service).code == "NotImplemented"


def costs(account: str = MEMBER_ACCOUNT, **asked: Any) -> list[float]:
    results = get_cost_and_usage(account, ASKED | asked)["ResultsByTime"]
    return [float(each["Total"]["UnblendedCost"]["Amount"]) for each in results]


def test_costs_are_the_same_whenever_they_are_asked_for() -> None:
    assert costs() == costs()
    assert all(amount > 0 for amount in costs())


def test_accounts_have_costs_of_their_own() -> None:
    assert costs("333333333333") != costs("400000000000")


def test_the_days_add_up_to_the_months() -> None:
    assert sum(costs(Granularity="DAILY")) == sum(costs())
    assert len(costs(Granularity="DAILY")) == 90


def test_a_month_that_was_begun_costs_as_many_days_as_it_has() -> None:
    begun = costs(TimePeriod={"Start": "2026-01-31", "End": "2026-02-02"})
    assert len(begun) == 2
    assert begun[0] == begun[1]


@pytest.mark.parametrize(
    "asked",
    [
        {"TimePeriod": {"Start": "2026-02-01", "End": "2026-02-01"}},
        {"TimePeriod": {"Start": "2026-02-02", "End": "2026-02-01"}},
        {"TimePeriod": {"Start": "yesterday", "End": "2026-02-01"}},
        {"TimePeriod": {}},
        {"TimePeriod": None},
        {"Metrics": []},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ServiceFault) as caught:
        costs(**asked)
    assert (caught.value.status, caught.value.code) == (400, "ValidationException")
