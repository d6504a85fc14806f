"""Calls that would be too many wait, each account's for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.aws.budgets import Budgets

MEMBER, OTHER = "333333333333", "400000000000"
SLOW = ("emr", "ListClusters")
RATE, BURST = 0.5, 20


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(clock: Clock, budgets: Budgets, account: str = MEMBER, call: tuple[str, str] = SLOW) -> float:
    before = clock.now
    budgets.wait(account, "us-east-1", *call)
    return clock.now - before


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    budgets = Budgets(lambda: clock.now, clock.sleep)
    waits = [waited(clock, budgets) for _ in range(BURST + 3)]
    assert waits == [0.0] * BURST + [pytest.approx(1 / RATE)] * 3


@given(pauses=st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_in_no_span_are_there_more_calls_than_the_limit_allows(pauses: list[float]) -> None:
    clock = Clock()
    budgets = Budgets(lambda: clock.now, clock.sleep)
    made = []
    for pause in pauses:
        clock.now += pause
        budgets.wait(MEMBER, "us-east-1", *SLOW)
        made.append(clock.now)
    for first, start in enumerate(made):
        for last in range(first, len(made)):
            assert last - first + 1 <= BURST + RATE * (made[last] - start) + 1e-6


def test_accounts_regions_and_calls_do_not_wait_for_each_other() -> None:
    clock = Clock()
    budgets = Budgets(lambda: clock.now, clock.sleep)
    for _ in range(BURST):
        waited(clock, budgets)
    assert waited(clock, budgets, OTHER) == 0
    assert waited(clock, budgets, call=("ce", "GetCostAndUsage")) == 0
    assert waited(clock, budgets, call=("s3", "ListBuckets")) == 0
    budgets.wait(MEMBER, "eu-west-1", *SLOW)
    assert waited(clock, budgets) > 0


# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
@pytest.mark.parametrize(
    ("operation", "rate", "burst"),
    [
        ("CreateAccount", 0.1, 3),
        ("DescribeCreateAccountStatus", 2.0, 2),
        ("ListCreateAccountStatus", 5.0, 8),
        ("MoveAccount", 2.0, 3),
    ],
)
def test_accounts_are_created_no_faster_than_aws_allows(operation: str, rate: float, burst: int) -> None:
    clock = Clock()
    budgets = Budgets(lambda: clock.now, clock.sleep)
    waits = [waited(clock, budgets, call=("organizations", operation)) for _ in range(burst + 2)]
    assert waits == [0.0] * burst + [pytest.approx(1 / rate)] * 2
