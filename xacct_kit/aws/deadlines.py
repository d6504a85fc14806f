"""How long a call may take in all.

A read timeout bounds the wait for each part of an answer, and not for the answer: one that drips has no end,
and neither has the lookup of a name.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_LONGEST_PAUSE = 20.0


def longest(config: Any) -> float:
    """Seconds that a call takes at most whose every attempt times out.

    Parameters:
        config: the configuration of a botocore client.
    """
    attempts = int(config.retries["total_max_attempts"])
    pauses = sum(min(2.0**number, _LONGEST_PAUSE) for number in range(attempts - 1))
    return float(attempts * (config.connect_timeout + config.read_timeout) + pauses)


def within(seconds: float, make: Callable[[], T]) -> T:
    """What a call returns or raises, if it does so in time; if not, it is left to itself.

    Parameters:
        seconds: the bound.
        make: makes the call; it sees the context variables of who asks.

    Raises:
        TimeoutError: it takes longer.
    """
    done: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            done.set_result(context.run(make))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(timeout=seconds)
    except TimeoutError as error:
        if done.done():
            raise
        raise TimeoutError(f"there was no whole answer within {seconds:.0f} s") from error
