"""How often AWS lets an account ask: calls that would be too many wait before they are made.

Only the limits that AWS documents, or its support has named, are here; all others are met when AWS says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STS = (600.0, 600.0)

# Service and operation: calls a second, and how many may come at once; of one account in one region.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/making_api_requests.html
# https://github.com/boto/botocore/issues/1820 (Cost Explorer)
_LIMITS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("ce", "GetCostAndUsage"): (10.0, 10.0),
    ("emr", "ListClusters"): (0.5, 20.0),
    ("organizations", "CreateAccount"): (0.1, 3.0),
    ("organizations", "DescribeAccount"): (20.0, 30.0),
    ("organizations", "DescribeCreateAccountStatus"): (2.0, 2.0),
    ("organizations", "ListAccounts"): (8.0, 12.0),
    ("organizations", "ListAccountsForParent"): (5.0, 8.0),
    ("organizations", "ListCreateAccountStatus"): (5.0, 8.0),
    ("organizations", "ListParents"): (5.0, 8.0),
    ("organizations", "MoveAccount"): (2.0, 3.0),
    ("sts", "AssumeRole"): _STS,
    ("sts", "GetCallerIdentity"): _STS,
}


@dataclass
class _Bucket:
    """Tokens that come back at a rate; a call takes one, and waits for it if there is none."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take a token, and say how many seconds to wait until it is there."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate) - 1
        self.at = now
        return max(0.0, -self.tokens / self.rate)


class Budgets:
    """The budgets of every account that calls; safe under threads.

    Parameters:
        clock: seconds that only grow.
        sleep: waits for seconds.
        share: what part of them is for this process.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        share: float = 1.0,
    ) -> None:
        self._share = share
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._lock = threading.Lock()

    def wait(self, account: str, region: str, service: str, operation: str) -> None:
        """Wait until an account may make a call.

        Parameters:
            account: whose credentials sign: the call counts in its budget.
            region: where it is made.
            service: botocore's name of the service.
            operation: the operation as AWS spells it.
        """
        limit = _LIMITS.get((service, operation))
        if limit is None:
            return
        with self._lock:
            now = self._clock()
            seconds = self._bucket((account, region, service, operation), limit, now).take(now)
        if seconds:
            self._sleep(seconds)

    def forget(self, account: str) -> None:
        """Keep nothing of an account that will not call for long."""
        with self._lock:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[0] != account}

    def _bucket(self, key: tuple[str, ...], limit: tuple[float, float], now: float) -> _Bucket:
        if key not in self._buckets:
            rate, burst = limit[0] * self._share, max(1.0, limit[1] * self._share)
            self._buckets[key] = _Bucket(rate, burst, tokens=burst, at=now)
        return self._buckets[key]
