"""The sandbox's Cost Explorer, with made-up costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from xacct_kit.sandbox.faults import ServiceFault, not_offered

_OFFERED = frozenset({"Granularity", "Metrics", "TimePeriod"})


def get_cost_and_usage(account: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `GetCostAndUsage` with costs that depend on the account and the period alone.

    Raises:
        ServiceFault: the request is wrong.
    """
    for name in params.keys() - _OFFERED:
        raise not_offered(f"{name} of GetCostAndUsage")
    granularity = params.get("Granularity", "DAILY")
    if granularity == "HOURLY":
        raise ServiceFault(400, "AccessDeniedException", _HOURLY)
    if granularity not in ("DAILY", "MONTHLY"):
        raise ServiceFault(400, "ValidationException", f"There is no granularity {granularity}.")
    start, end = _period(params)
    metrics = params.get("Metrics") or []
    if not metrics:
        raise ServiceFault(400, "ValidationException", "Metrics must not be empty.")
    results = [
        {
            "TimePeriod": {"Start": first.isoformat(), "End": last.isoformat()},
            "Total": {metric: _amount(account, first, last) for metric in metrics},
            "Groups": [],
            "Estimated": True,
        }
        for first, last in _spans(start, end, granularity)
    ]
    return {"ResultsByTime": results, "DimensionValueAttributes": []}


# Nobody has opted in to it here. The words are those that others were told.
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html
_HOURLY = (
    "Hourly data granularity is an opt-in only feature. You can enable this feature from the PAYER account's "
    "Cost Explorer Settings page."
)


def _period(params: Mapping[str, Any]) -> tuple[date, date]:
    try:
        period = params["TimePeriod"]
        start, end = date.fromisoformat(period["Start"]), date.fromisoformat(period["End"])
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceFault(400, "ValidationException", "TimePeriod needs Start and End as dates.") from error
    if start >= end:
        raise ServiceFault(400, "ValidationException", "Start date (and hour) should be before end date.")
    return start, end


def _spans(start: date, end: date, granularity: str) -> Iterator[tuple[date, date]]:
    first = start
    while first < end:
        following = first + timedelta(days=1)
        if granularity == "MONTHLY":
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        last = min(following, end)
        yield first, last
        first = last


def _amount(account: str, first: date, last: date) -> dict[str, str]:
    daily = 3 + int(account) % 7
    return {"Amount": f"{daily * (last - first).days}.00", "Unit": "USD"}
