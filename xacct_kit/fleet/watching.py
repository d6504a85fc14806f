"""How a run is getting on: a bar where somebody looks, few lines in a log, one line in a notebook."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TextIO

from xacct_kit.attended import attended
from xacct_kit.fleet.run import Watch
from xacct_kit.report import Finding, Verdict, in_words

# Seconds until the first line in a log; until the next one it is twice as long each time.
_SECONDS_TO_A_LINE = 10.0

# So few are done before a bar is understood.
_FEW = 5


@contextmanager
def watching(accounts: int, known: int = 0) -> Iterator[Watch]:
    """Show how a run is getting on while it runs: accounts done, time, and verdicts.

    Parameters:
        accounts: how many there are in all.
        known: how many need not be done.
    """
    counted: Counter[Verdict] = Counter()
    if accounts - known <= _FEW:
        yield lambda findings, last: None
        return
    with _bar(accounts, known) as bar:

        def watch(findings: Sequence[Finding], last: bool) -> None:
            counted.update(finding.verdict for finding in findings)
            bar.set_postfix_str(in_words(counted), refresh=False)
            if last:
                bar.update()

        yield watch


def _bar(accounts: int, known: int) -> Any:
    in_kernel = "ipykernel" in sys.modules
    if not (attended() if in_kernel else sys.stderr.isatty()):
        # What a notebook's cell has said stays in the notebook.
        return _Lines(accounts, known, sys.stderr, math.inf if in_kernel else _SECONDS_TO_A_LINE)
    from tqdm.auto import tqdm

    return tqdm(total=accounts, initial=known, unit="account", file=sys.stderr)


class _Lines:
    """In place of a bar, lines that none overwrites: few of them, however long the run; and a last one.

    Parameters:
        accounts: how many there are in all.
        done: how many are done.
        file: where the lines go.
        pause: seconds until the first line.
    """

    def __init__(self, accounts: int, done: int, file: TextIO, pause: float) -> None:
        self._accounts = accounts
        self._done = done
        self._file = file
        self._pause = pause
        self._said = ""
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()

    def set_postfix_str(self, said: str, *, refresh: bool) -> None:
        """Take in what a line says besides."""
        self._said = said

    def update(self) -> None:
        """Take in that another account is done."""
        self._done += 1
        if time.monotonic() - self._last >= self._pause and self._done < self._accounts:
            self._write()
            self._last = time.monotonic()
            self._pause *= 2

    def _write(self) -> None:
        seconds = time.monotonic() - self._begun
        counted = f"{self._done:,} of {self._accounts:,} accounts after {seconds:.0f} s"
        # A reader who is gone stops no run.
        with suppress(OSError):
            self._file.write(f"{counted}: {self._said or 'nothing is known yet'}\n")
            self._file.flush()
