"""Checks that do not depend on each other, made side by side: together they take as long as the slowest."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

# Threads of the whole process, besides those that ask: a dozen checks of each account that is worked on.
# They stay, because to start one costs as much as a tenth of a call.
_HELPERS = 48
_to_be_started = threading.BoundedSemaphore(_HELPERS)
_asked: SimpleQueue[Callable[[], None]] = SimpleQueue()

# Tasks that are not begun yet, by number; and of those that have ended what they returned or raised.
_Left = deque[tuple[int, Callable[[], T]]]
_Ended = SimpleQueue[tuple[int, T | None, BaseException | None]]


def side_by_side(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do tasks side by side, as far as there are threads to be had; the thread that asks does its share.

    So a task can have tasks of its own, and none waits for a thread. Each sees the context variables of who
    asks. When the asking thread is interrupted, none is begun any more, and those under way are left alone.

    Parameters:
        tasks: what to do.

    Returns:
        What they return, in their order.

    Raises:
        BaseException: what the first that fails raises, as if they were done in their order.
    """
    if len(tasks) < 2:
        return [task() for task in tasks]
    left: _Left[T] = deque(enumerate(tasks))
    ended: _Ended[T] = SimpleQueue()
    for _ in tasks[1:]:
        _ask_for_help(partial(contextvars.copy_context().run, _take_part, left, ended))
    try:
        _take_part(left, ended)
        return _in_order(ended, len(tasks))
    finally:
        left.clear()


def _in_order(ended: _Ended[T], tasks: int) -> list[T]:
    """What the tasks returned; what was not begun comes after one that raised."""
    results: dict[int, T | None] = {}
    errors: dict[int, BaseException] = {}
    for number in range(tasks):
        while number not in results:
            which, results[which], error = ended.get()
            if error is not None:
                errors[which] = error
        if number in errors:
            raise errors[number]
    return [results[number] for number in range(tasks)]  # type: ignore[misc]


def _ask_for_help(task: Callable[[], None]) -> None:
    """Have a task done by whoever is idle; where nobody is, and nobody can be, it is done late or in vain."""
    _asked.put(task)
    if not _asked.empty() and _to_be_started.acquire(blocking=False):
        threading.Thread(target=_help, daemon=True).start()


def _help() -> None:
    while True:
        # What it raises is told where the results are asked for.
        with suppress(BaseException):
            _asked.get()()


def _take_part(left: _Left[T], ended: _Ended[T]) -> None:
    while left:
        try:
            number, task = left.popleft()
        except IndexError:
            return
        try:
            ended.put((number, task(), None))
        except BaseException as error:
            left.clear()
            ended.put((number, None, error))
            if not isinstance(error, Exception):
                raise
