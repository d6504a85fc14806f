"""Waiting for what AWS does late: bounded, and with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

Progress = Callable[[str], None]
"""Is told, in one line each, what a step is doing."""


def silent(line: str) -> None:
    """A progress that tells nobody."""


def attempts(seconds: float, *, first_pause: float = 0.05, longest_pause: float = 5.0) -> Iterator[int]:
    """Count attempts, with pauses between them that double, until a bound is reached.

    Parameters:
        seconds: the bound; there is always a first attempt.
        first_pause: seconds between the first two attempts.
        longest_pause: seconds that a pause may grow to.
    """
    deadline = time.monotonic() + seconds
    pause, count = first_pause, 0
    while True:
        count += 1
        yield count
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * 2, longest_pause)
