"""How long a call may take in all.

A read timeout bounds the wait for each part of an answer, and not for the answer: one that drips has no end,
and neither has the lookup of a name, or a program that is asked for credentials. A call is made where it is
asked for, and keeps its deadline by what it waits for; a thread for each would cost as much as the call.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_LONGEST_PAUSE = 20.0

_FOR_EVER = float("inf")
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=_FOR_EVER)


class _Overdue(BaseException):
    """The time of a call is over. It is no `Exception`, which botocore would take for a fault that passes."""


def longest(config: Any) -> float:
    """Seconds that a call takes at most whose every attempt times out.

    Parameters:
        config: the configuration of a botocore client.
    """
    attempts = int(config.retries["total_max_attempts"])
    pauses = sum(min(2.0**number, _LONGEST_PAUSE) for number in range(attempts - 1))
    return float(attempts * (config.connect_timeout + config.read_timeout) + pauses)


def within(seconds: float, make: Callable[[], T]) -> T:
    """What a call returns or raises, if it does so in time; whatever it waits for asks for `time_left`.

    Parameters:
        seconds: the bound; a call within a call has no more than is left of the outer one.
        make: makes the call.

    Raises:
        TimeoutError: it takes longer.
    """
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        return make()
    except _Overdue:
        pass
    finally:
        _deadline.reset(token)
    raise TimeoutError(f"there was no whole answer within {seconds:.0f} s")


def time_left() -> float:
    """Seconds that are left of the call at hand; where they are over, the call ends here."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise _Overdue
    return left


def apart(make: Callable[[], T]) -> T:
    """Do what has no bound of its own in a thread, which is left to itself when the call is overdue.

    Parameters:
        make: does it; it sees the context variables of who asks.
    """
    left = time_left()
    if left == _FOR_EVER:
        return make()
    done: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            done.set_result(context.run(make))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(timeout=left)
    except TimeoutError:
        if done.done():
            raise
        raise _Overdue from None
