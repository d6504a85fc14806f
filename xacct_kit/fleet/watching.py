"""How a run is getting on: a bar in a terminal, a widget in a notebook, a line now and then in a log."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xacct_kit.fleet.run import Watch
from xacct_kit.report import Finding, Verdict, in_words

_SECONDS_BETWEEN_LINES = 10.0

# So few are done before a bar is understood.
_FEW = 5


@contextmanager
def watching(accounts: int, known: int = 0) -> Iterator[Watch]:
    """Show how a run is getting on while it runs: accounts done, rate, time left, and verdicts.

    Parameters:
        accounts: how many there are in all.
        known: how many need not be done.
    """
    counted: Counter[Verdict] = Counter()
    with _bar(accounts, known) as bar:

        def watch(findings: Sequence[Finding], last: bool) -> None:
            counted.update(finding.verdict for finding in findings)
            bar.set_postfix_str(in_words(counted), refresh=False)
            if last:
                bar.update()

        yield watch


def _bar(accounts: int, known: int) -> Any:
    from tqdm.auto import tqdm

    interactive = sys.stderr.isatty() or "ipykernel" in sys.modules
    kind = tqdm if interactive else _line_bar()
    return kind(
        total=accounts,
        initial=known,
        unit="account",
        mininterval=0.1 if interactive else _SECONDS_BETWEEN_LINES,
        file=sys.stderr,
        disable=accounts - known <= _FEW,
    )


def _line_bar() -> Any:
    from tqdm import tqdm

    class LineBar(tqdm):  # type: ignore[type-arg]
        """A bar that writes lines, none of which overwrites another."""

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            if self.n:
                self.fp.write(f"{msg or self}\n")

    return LineBar
