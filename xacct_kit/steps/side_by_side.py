"""Checks that do not depend on each other, made side by side: together they take as long as the slowest."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")

# Threads of the whole process, besides those that ask; an account has a dozen checks.
_HELPERS = 32
_helpers = threading.BoundedSemaphore(_HELPERS)
_in_sequence: contextvars.ContextVar[bool] = contextvars.ContextVar("in_sequence", default=False)


@contextmanager
def in_sequence() -> Iterator[None]:
    """Make the checks of a `with` block one after another: many accounts are side by side without it."""
    token = _in_sequence.set(True)
    try:
        yield
    finally:
        _in_sequence.reset(token)


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
    if _in_sequence.get() or len(tasks) < 2:
        return [task() for task in tasks]
    results: list[Future[T]] = [Future() for _ in tasks]
    left = deque(zip(tasks, results, strict=True))
    for _ in tasks[1:]:
        if not _helpers.acquire(blocking=False):
            break
        threading.Thread(target=_help, args=(contextvars.copy_context(), left), daemon=True).start()
    try:
        _take_part(left)
        # They are begun in their order: whatever was not begun comes after one that raises.
        return [result.result() for result in results]
    finally:
        left.clear()


def _help(context: contextvars.Context, left: deque[tuple[Callable[[], T], Future[T]]]) -> None:
    try:
        # It is raised where the results are asked for.
        with suppress(BaseException):
            context.run(_take_part, left)
    finally:
        _helpers.release()


def _take_part(left: deque[tuple[Callable[[], T], Future[T]]]) -> None:
    while left:
        try:
            task, result = left.popleft()
        except IndexError:
            return
        try:
            result.set_result(task())
        except BaseException as error:
            left.clear()
            result.set_exception(error)
            if not isinstance(error, Exception):
                raise
