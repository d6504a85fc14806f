"""What is known of a run while it runs: accounts by services, causes, totals, and how far each step is.

It holds of a finding no more than a matrix shows, and tells what has changed since it was last asked, in
values that JSON has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from xacct_kit.fleet.journal import Line
from xacct_kit.fleet.run import AccountStep, name_of
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.views import causes, words

# A step of a run whose findings bear other names too.
_PART_OF = {"probes": "permissions", "canaries": "permissions", "leftovers": "permissions"}

# What a run leaves out is in the matrix, and goes through no step.
_LEFT_OUT = "targets"

_NOTHING = "."


def step_words(steps: Sequence[AccountStep], params: Params | None = None) -> tuple[str, ...]:
    """The steps of a run as findings name them, in the order in which accounts go through them."""
    named = tuple(_PART_OF.get(name, name) for name in map(name_of, steps))
    if params is None or params.stack_set == "none":
        return named
    # A stack set goes to all accounts before anything is done in one.
    return tuple(sorted(named, key=lambda step: step != "deploy"))


@dataclass
class _Cell:
    """An account in a service."""

    verdict: Verdict
    causes: set[int] = field(default_factory=set)


@dataclass
class _Account:
    """What is known of an account, by the numbers of the services."""

    cells: dict[int, _Cell] = field(default_factory=dict)
    counts: Counter[Verdict] = field(default_factory=Counter)
    steps: set[str] = field(default_factory=set)

    def add(self, service: int, finding: Finding, cause: int | None) -> None:
        cell = self.cells.setdefault(service, _Cell(finding.verdict))
        cell.verdict = words.worst(finding.verdict, cell.verdict)
        if cause is not None:
            cell.causes.add(cause)
        self.counts[finding.verdict] += 1
        self.steps.add(_PART_OF.get(finding.step, finding.step))


class Board:
    """What is known of a run.

    As in the journal, an account that is done again stands as it was until it is done.

    Parameters:
        steps: the steps of the run, as findings name them.
    """

    def __init__(self, steps: Sequence[str] = ()) -> None:
        self._steps = steps
        self._done: dict[str, _Account] = {}
        self._begun: dict[str, _Account] = {}
        self._services: dict[str, int] = {}
        self._places: list[int] = []
        self._numbers: dict[causes.Key, int] = {}
        self._gatherings: list[causes.Gathering] = []
        self._actions: set[tuple[int, str]] = set()
        self._changed_accounts: set[str] = set()
        self._changed_causes: set[int] = set()

    def add(self, line: Line) -> None:
        """Take in the next line of the journal."""
        finding, account = line.finding, line.finding.account
        if line.first or account not in self._begun:
            self._begun[account] = _Account()
        self._begun[account].add(self._service(finding), finding, self._cause(finding))
        if line.last:
            self._done[account] = self._begun.pop(account)
        self._changed_accounts.add(account)

    def changes(self, *, whole: bool = False) -> dict[str, Any]:
        """What has changed since the last call.

        Parameters:
            whole: everything, changed or not.

        Returns:
            `services`: their names in the order of columns, each with its number. `rows`: an account, a digit
            for each service by its number (the place of the worst verdict in `words.SEVERITY`; a dot where
            nothing was asked), and the causes by the service's number. `causes`: a number, the digit of the
            verdict, and the words.
        """
        accounts = {**self._begun, **self._done} if whole else self._changed_accounts
        numbers = range(len(self._gatherings)) if whole else sorted(self._changed_causes)
        told = {
            "services": self._columns(),
            "rows": [self._row(account) for account in accounts],
            "causes": [self._words_of(number) for number in numbers],
        }
        if not whole:
            self._changed_accounts, self._changed_causes = set(), set()
        return told

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many findings have each verdict."""
        counted: Counter[Verdict] = Counter()
        for standing in self._standings():
            counted.update(standing.counts)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def left_out(self) -> frozenset[str]:
        """The accounts that the run is not for."""
        return frozenset(account for account, each in self._done.items() if each.steps == {_LEFT_OUT})

    def progress(self) -> tuple[int, dict[str, int]]:
        """How many accounts have findings, and how many of them are through each step."""
        known = [standing for standing in self._standings() if standing.steps != {_LEFT_OUT}]
        done = {id(standing) for standing in self._done.values()}
        through = {
            step: sum(step in standing.steps or id(standing) in done for standing in known)
            for step in self._steps
        }
        return len(known), through

    def _standings(self) -> Iterator[_Account]:
        yield from self._done.values()
        yield from (standing for account, standing in self._begun.items() if account not in self._done)

    def _service(self, finding: Finding) -> int:
        name, place = words.service_of(finding), words.place_of(finding.step)
        number = self._services.setdefault(name, len(self._services))
        if number == len(self._places):
            self._places.append(place)
        self._places[number] = min(place, self._places[number])
        return number

    def _columns(self) -> list[tuple[str, int]]:
        return sorted(self._services.items(), key=lambda item: (self._places[item[1]], item[0]))

    def _cause(self, finding: Finding) -> int | None:
        if finding.verdict.green:
            return None
        number = self._numbers.setdefault(causes.key(finding), len(self._numbers))
        if number == len(self._gatherings):
            self._gatherings.append(causes.Gathering())
        self._gatherings[number].add(finding, under=True)
        # The words name the actions; another account with the same ones changes nothing of them.
        if (number, finding.action) not in self._actions:
            self._actions.add((number, finding.action))
            self._changed_causes.add(number)
        return number

    def _words_of(self, number: int) -> tuple[int, int, str]:
        (cause,) = self._gatherings[number].causes()
        return number, words.SEVERITY.index(cause.verdict), cause.what

    def _row(self, account: str) -> tuple[str, str, dict[int, list[int]]]:
        cells = (self._done.get(account) or self._begun[account]).cells
        found = (cells.get(number) for number in range(len(self._services)))
        digits = [_NOTHING if cell is None else str(words.SEVERITY.index(cell.verdict)) for cell in found]
        why = {number: sorted(cell.causes) for number, cell in cells.items() if cell.causes}
        return account, "".join(digits), why
