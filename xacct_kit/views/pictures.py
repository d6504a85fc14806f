"""Pictures of a report: verdicts, causes, cost and time, the way from run to run, and who trusts whom.

Each says the same in words, too, for those who do not see it and where no picture can be shown. None grows
with the accounts: those that are alike are one row, and what is left out is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from typing import TYPE_CHECKING

from xacct_kit.report import Finding, Report, Verdict, in_words
from xacct_kit.views import drawing, words
from xacct_kit.views.causes import Cause
from xacct_kit.views.lines import BADGE, clean
from xacct_kit.views.matrix import Row
from xacct_kit.views.matrix import matrix as laid_out
from xacct_kit.views.picture import Picture
from xacct_kit.views.summary import summarise
from xacct_kit.views.trust_diagram import Diagram, diagrams
from xacct_kit.views.trust_layout import layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOTHING = "Nothing was tried."
_ROWS, _CAUSES, _SERVICES, _RUNS, _DIAGRAMS, _REASONS = 20, 10, 20, 20, 4, 4


def matrix(report: Iterable[Finding]) -> Picture:
    """Accounts by services: the worst verdict of each service, a row for accounts that are alike.

    Parameters:
        report: a report, or any findings.
    """
    title = "Verdicts by account and service"
    found = laid_out(report)
    if not found.rows:
        return _message(title, _NOTHING)
    rows, rest = found.rows[:_ROWS], sum(len(row.accounts) for row in found.rows[_ROWS:])
    more = f"and {words.number_of(rest, 'account')} with other patterns" if rest else ""
    cells = [(_whose(row), row.cells) for row in rows]
    lines = [f"{_badge(row.verdict)} {_whose(row)}: {row.said}" for row in rows]
    draw = partial(drawing.grid, title, found.services, cells, more)
    return _picture(title, [*lines, f"Services: {', '.join(found.services)}", more], draw)


def causes(report: Iterable[Finding]) -> Picture:
    """Why checks are not green: a bar for each cause, as long as it has checks.

    Parameters:
        report: a report, or any findings.
    """
    title = "What is not green, by cause"
    found = summarise(report)
    if not found.causes:
        return _message(title, "Everything is as it should be." if found.tried else _NOTHING)
    shown, rest = found.causes[:_CAUSES], found.causes[_CAUSES:]
    more = ""
    if rest:
        checks = words.number_of(sum(cause.checks for cause in rest), "check")
        more = f"and {words.number_of(len(rest), 'cause')} more, of {checks}"
    bars = [(cause.what, cause.checks, _how_much(cause), cause.verdict) for cause in shown]
    lines = [f"{_badge(verdict)} {what}: {said}" for what, _, said, verdict in bars]
    return _picture(title, [*lines, more], partial(drawing.bars, title, bars, more))


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the calls to a service took.

    Attributes:
        service: the IAM prefix, or the step where no service was called.
        checks: how many checks were made.
        seconds: how long they took, one after the other.
        cost: US dollars that AWS charges for them.
    """

    service: str
    checks: int
    seconds: float
    cost: float


def spent(findings: Iterable[Finding]) -> list[Spent]:
    """What the calls to each service took, in the order of the steps; what was skipped took nothing."""
    rows: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    places: dict[str, int] = {}
    for finding in findings:
        if finding.verdict is not Verdict.SKIPPED:
            service = words.service_of(finding)
            place = words.place_of(finding.step)
            places[service] = min(place, places.get(service, place))
            rows[service].append((finding.duration, finding.cost))
    return [
        Spent(
            service=service, checks=len(took), seconds=fsum(s for s, _ in took), cost=fsum(c for _, c in took)
        )
        for service, took in sorted(rows.items(), key=lambda item: (places[item[0]], item[0]))
    ]


def spending(report: Iterable[Finding]) -> Picture:
    """Time and cost of the calls by service; the time is in the picture alone, since it differs each time.

    Parameters:
        report: a report, or any findings.
    """
    title = "Time and cost by service"
    found = spent(report)
    if not found:
        return _message(title, _NOTHING)
    shown = _folded(found)
    panels = [
        ("Seconds, one call after the other", [each.seconds for each in shown], "{:,.1f}"),
        ("US$ that AWS charges", [each.cost for each in shown], "{:,.2f}"),
    ]
    lines = [f"{each.service}: {_price(each.checks, each.cost)}" for each in shown]
    lines.append(f"In all: {_price(sum(each.checks for each in found), fsum(each.cost for each in found))}")
    return _picture(title, lines, partial(drawing.sums, title, [each.service for each in shown], panels))


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the accounts stood after a run.

    Attributes:
        name: which run it is.
        accounts: how many accounts have each verdict as their worst.
    """

    name: str
    accounts: Mapping[Verdict, int]


def runs(reports: Sequence[Report] | Mapping[str, Report]) -> list[Run]:
    """How the accounts stood after each of some runs, in their order."""
    named = reports if isinstance(reports, Mapping) else _by_folder(reports)
    return [Run(name=name, accounts=_standing(report)) for name, report in named.items()]


def trend(reports: Sequence[Report] | Mapping[str, Report]) -> Picture:
    """How many accounts are green and how many are not, from run to run.

    Parameters:
        reports: the runs' reports in the order of time, or these by name. One that was read from a run's
            folder, by `xk.read_journal`, has its name.
    """
    title = "Accounts from run to run"
    found = runs(reports)
    shown = found[-_RUNS:]
    if not any(run.accounts for run in shown):
        return _message(title, _NOTHING)
    earlier = len(found) - len(shown)
    lines = [f"before: {words.number_of(earlier, 'run')}"] if earlier else []
    for run in shown:
        accounts = words.number_of(sum(run.accounts.values()), "account")
        counts = {verdict: run.accounts.get(verdict, 0) for verdict in Verdict}
        lines.append(f"{run.name}: {accounts}: {in_words(counts) or 'nothing was tried'}")
    draw = partial(drawing.stacks, title, [(run.name, run.accounts) for run in shown], "accounts")
    return _picture(title, lines, draw)


def trust(report: Iterable[Finding]) -> Picture:
    """Who can assume the role and who is kept out: main's roles, the role, the member account's root.

    A way that is not as it should be is thick and dashed and has the sign of a failure; why, stands below.

    Parameters:
        report: a report, or any findings.
    """
    title = "Who can assume the role"
    found = diagrams(report)
    if not found:
        return _message(title, "Nobody tried to assume the role.")
    shown, rest = found[:_DIAGRAMS], sum(len(each.accounts) for each in found[_DIAGRAMS:])
    more = f"and {words.number_of(rest, 'account')} with other patterns" if rest else ""
    lines = [line for each in shown for line in _told(each)]
    drawn = [(each.title, layout(each), each.reasons[:_REASONS]) for each in shown]
    return _picture(title, [*lines, more], partial(drawing.ways, title, drawn, more))


def _picture(title: str, lines: Sequence[str], draw: Callable[[], Figure]) -> Picture:
    return Picture(title=title, lines=tuple(clean(line) for line in lines if line), draw=draw)


def _message(title: str, text: str) -> Picture:
    return _picture(title, [text], partial(drawing.message, title, text))


def _badge(verdict: Verdict) -> str:
    return words.badge(verdict).ljust(BADGE)


def _whose(row: Row) -> str:
    return row.accounts[0] if len(row.accounts) == 1 else words.number_of(len(row.accounts), "account")


def _how_much(cause: Cause) -> str:
    checks = words.number_of(cause.checks, "check")
    return f"{checks} in {words.number_of(len(cause.accounts), 'account')}"


def _price(checks: int, cost: float) -> str:
    return words.number_of(checks, "check") + (f", US${cost:,.2f}" if cost else "")


def _folded(found: Sequence[Spent]) -> list[Spent]:
    """The services that take most by themselves, and the others in one."""
    if len(found) <= _SERVICES:
        return list(found)
    most = sorted(found, key=lambda each: (-each.checks, each.service))[: _SERVICES - 1]
    rest = [each for each in found if each not in most]
    other = Spent(
        service=words.number_of(len(rest), "other service"),
        checks=sum(each.checks for each in rest),
        seconds=fsum(each.seconds for each in rest),
        cost=fsum(each.cost for each in rest),
    )
    return [*(each for each in found if each in most), other]


def _by_folder(reports: Sequence[Report]) -> dict[str, Report]:
    named: dict[str, Report] = {}
    for number, report in enumerate(reports, start=1):
        folder = report.journal.resolve().parent.name if report.journal else ""
        named[folder if folder and folder not in named else f"run {number}"] = report
    return named


def _standing(report: Report) -> dict[Verdict, int]:
    accounts: dict[str, Verdict] = {}
    for finding in report:
        accounts[finding.account] = words.worst(
            finding.verdict, accounts.get(finding.account, finding.verdict)
        )
    return dict(Counter(accounts.values()))


def _told(diagram: Diagram) -> list[str]:
    return [
        diagram.title,
        *(f"  {_badge(verdict)} {sentence}" for verdict, sentence in diagram.sentences),
        *(f"  {_badge(verdict)} {reason}" for verdict, reason in diagram.reasons[:_REASONS]),
    ]
