"""A report on many accounts in a few words, from going over it once, so that it need not be in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import fsum

from xacct_kit.report import Finding, Verdict
from xacct_kit.views import words
from xacct_kit.views.causes import Cause, Gathering
from xacct_kit.views.lines import clean
from xacct_kit.views.matrix import Laying, Matrix


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a report says, without its findings.

    Attributes:
        counts: how many findings have each verdict.
        cost: US dollars that AWS charges for all calls.
        matrix: accounts by services.
        causes: why checks are not green.
    """

    counts: Mapping[Verdict, int]
    cost: float
    matrix: Matrix
    causes: list[Cause]

    @property
    def checks(self) -> int:
        """How many findings there are."""
        return sum(self.counts.values())

    @property
    def faults(self) -> int:
        """How many findings are not green."""
        return sum(count for verdict, count in self.counts.items() if not verdict.green)

    @property
    def tried(self) -> bool:
        """Whether anything was tried."""
        return any(count for verdict, count in self.counts.items() if verdict is not Verdict.SKIPPED)

    @cached_property
    def accounts(self) -> int:
        """How many accounts there are."""
        return sum(len(row.accounts) for row in self.matrix.rows)

    @cached_property
    def red_accounts(self) -> int:
        """How many accounts are not green."""
        return sum(len(row.accounts) for row in self.matrix.rows if not row.verdict.green)

    def examples(self, number: int) -> list[str]:
        """Some accounts that are not green: the first of each cause, then the second of each, and so on."""
        ranks: dict[str, tuple[int, int]] = {}
        for place, cause in enumerate(self.causes):
            for rank, account in enumerate(cause.accounts[:number]):
                ranks[account] = min((rank, place), ranks.get(account, (rank, place)))
        return sorted(ranks, key=ranks.__getitem__)[:number]


def to_line(findings: Iterable[Finding]) -> str:
    """A report in one line: how many checks have each verdict, and the first cause that is not green."""
    summary = summarise(findings)
    first = [clean(cause.title) for cause in summary.causes[:1]]
    rest = len(summary.causes) - 1
    more = [f"and {words.number_of(rest, 'cause')} more"] if rest > 0 else []
    return "; ".join((words.tally(summary.counts), *first, *more))


def summarise(findings: Iterable[Finding]) -> Summary:
    """Go over a report once, and hold no more of it than is shown."""
    counts: Counter[Verdict] = Counter()
    costs: list[float] = []
    laying, gathering = Laying(), Gathering()
    for finding in findings:
        counts[finding.verdict] += 1
        if finding.cost:
            costs.append(finding.cost)
        laying.add(finding)
        if not finding.verdict.green:
            gathering.add(finding)
    return Summary(
        counts={verdict: counts[verdict] for verdict in Verdict},
        cost=fsum(costs),
        matrix=laying.matrix(),
        causes=gathering.causes(),
    )
