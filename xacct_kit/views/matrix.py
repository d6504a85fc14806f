"""Accounts by services: a cell is the worst verdict, and accounts with the same cells are one row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from xacct_kit.report import Finding, Verdict
from xacct_kit.views import words


@dataclass(frozen=True, kw_only=True)
class Row:
    """Accounts that have the same verdict in every service.

    Attributes:
        accounts: the accounts, ascending.
        cells: the worst verdict of each service of the matrix; None where nothing was asked.
        verdict: the worst of them.
        said: what is not green: `sts FAIL, 9 services UNKNOWN`, or `all green`.
    """

    accounts: tuple[str, ...]
    cells: tuple[Verdict | None, ...]
    verdict: Verdict
    said: str


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Accounts by services.

    Attributes:
        services: the IAM prefixes, in the order of the steps.
        rows: the accounts: green ones first, then those of most accounts.
    """

    services: tuple[str, ...]
    rows: tuple[Row, ...]


class Laying:
    """A matrix in the making."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._worst: defaultdict[str, dict[str, Verdict]] = defaultdict(dict)

    def add(self, finding: Finding) -> None:
        """Take in a finding."""
        service = words.service_of(finding)
        place = words.place_of(finding.step)
        self._columns[service] = min(place, self._columns.get(service, place))
        cells = self._worst[finding.account]
        cells[service] = words.worst(finding.verdict, cells.get(service, finding.verdict))

    def matrix(self) -> Matrix:
        """Accounts by services."""
        services = tuple(sorted(self._columns, key=lambda service: (self._columns[service], service)))
        alike: defaultdict[tuple[Verdict | None, ...], list[str]] = defaultdict(list)
        for account in sorted(self._worst):
            alike[tuple(map(self._worst[account].get, services))].append(account)
        rows = [_row(services, cells, accounts) for cells, accounts in alike.items()]
        rows.sort(key=lambda row: (not row.verdict.green, -len(row.accounts), row.accounts))
        return Matrix(services=services, rows=tuple(rows))


def matrix(findings: Iterable[Finding]) -> Matrix:
    """Lay a report out as accounts by services, going over it once."""
    laying = Laying()
    for finding in findings:
        laying.add(finding)
    return laying.matrix()


def _row(services: tuple[str, ...], cells: tuple[Verdict | None, ...], accounts: list[str]) -> Row:
    asked = [verdict for verdict in cells if verdict]
    bad = [verdict for verdict in words.SEVERITY if verdict in asked and not verdict.green]
    red = (f"{_named(services, cells, verdict)} {verdict}" for verdict in bad)
    verdict = words.worst(*asked)
    green = "all green" if verdict is not Verdict.SKIPPED else "all skipped"
    return Row(accounts=tuple(accounts), cells=cells, verdict=verdict, said=", ".join(red) or green)


def _named(services: tuple[str, ...], cells: tuple[Verdict | None, ...], verdict: Verdict) -> str:
    named = [service for service, cell in zip(services, cells, strict=True) if cell is verdict]
    return ", ".join(named) if len(named) <= words.NAMES_IN_FULL else words.number_of(len(named), "service")
