"""How long a run, and each of its steps, has taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xacct_kit.views import words


class StepClock:
    """A clock that starts with a run.

    Parameters:
        now: seconds of a clock that goes evenly.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._ended: float | None = None
        self._begun: dict[str, float] = {}
        self._through: dict[str, float] = {}

    def stop(self) -> None:
        """Stop: the run has ended."""
        self._ended = self._ended or self._now()

    @property
    def elapsed(self) -> float:
        """Seconds since the start, until the end."""
        return round((self._ended or self._now()) - self._started, 1)

    def steps(self, steps: Sequence[str], through: Mapping[str, int], accounts: int) -> list[dict[str, Any]]:
        """Each step: its title, how many accounts are through it, and how long it has taken so far.

        Parameters:
            steps: the steps, in the order of the run.
            through: how many accounts are through each.
            accounts: how many there are; 0 where that is not known yet.
        """
        before, told = 1, []
        for step in steps:
            # It begins when the first account is through the step before.
            if before and self._ended is None:
                self._begun.setdefault(step, self._now())
            before = through.get(step, 0)
            if accounts and before >= accounts:
                self._through.setdefault(step, self._now())
            told.append(
                {
                    "title": words.step_title(step),
                    "done": before,
                    "accounts": accounts,
                    "elapsed": self._of(step),
                    "running": step in self._begun and step not in self._through and self._ended is None,
                }
            )
        return told

    def _of(self, step: str) -> float | None:
        begun = self._begun.get(step)
        until = self._through.get(step) or self._ended or self._now()
        return None if begun is None else round(until - begun, 1)
