"""Tasks that an executor does, and what an interruption does to them.

Python interrupts the main thread wherever it is: also where it has just taken a lock of a future, which then
nobody gives back, so that whoever does the task waits for it forever. So the main thread deals with no
future: another one does, and the main thread waits for that.
https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


def fan_out(
    executor: Executor,
    tasks: Iterable[tuple[K, Callable[[], T]]],
    most: int,
    *,
    take: Callable[[K, T], None],
    stop: Callable[[], None] = lambda: None,
    brought: bool = False,
) -> None:
    """Have an executor do tasks, no more than so many at a time; nothing waits for the slowest.

    After a fault or an interruption no other task is begun, and what is under way is waited for.

    Parameters:
        executor: does them.
        tasks: what each is called by, and the task.
        most: how many are asked for at a time.
        take: is given what each task returned, one at a time.
        stop: is called when no other task is begun any more.
        brought: whether the executor goes on to serve others; otherwise it ends with a fault.

    Raises:
        KeyboardInterrupt: it was interrupted.
        BaseException: what the first task that failed, the executor or `take` raised.
    """
    work = _Work(executor, iter(tasks), most, take, stop, brought)
    try:
        # A daemon, because its start can be interrupted, too.
        threading.Thread(target=work.do, name="xacct-fan-out", daemon=True).start()
        work.wait()
    except BaseException:
        work.stop()
        work.wait()
        if isinstance(work.fault, _Stopped | None):
            raise
    if work.fault is not None:
        raise work.fault


class _Stopped(Exception):
    """Whoever asked for the tasks wants no more of them."""


class _Work(Generic[K, T]):
    """The work of one `fan_out`.

    Attributes:
        fault: what ended it early.
    """

    def __init__(
        self,
        executor: Executor,
        tasks: Iterator[tuple[K, Callable[[], T]]],
        most: int,
        take: Callable[[K, T], None],
        stop: Callable[[], None],
        brought: bool,
    ) -> None:
        self.fault: BaseException | None = None
        self._executor, self._tasks, self._most = executor, tasks, most
        self._take, self._tell, self._brought = take, stop, brought
        self._pending: dict[Future[Any], K] = {}
        # The futures that have ended, and None when it is to stop.
        self._events: SimpleQueue[Future[Any] | None] = SimpleQueue()
        self._begun, self._going_on = threading.Lock(), threading.Lock()
        self._going_on.acquire()
        self._over = False

    def do(self) -> None:
        """Have all tasks done, or those that are begun ended."""
        if self._begun.acquire(blocking=False):
            try:
                self._do()
            except BaseException as error:
                self.fault = error
            finally:
                self._over = True
                self._going_on.release()

    def stop(self) -> None:
        """Have no other task begun."""
        self._events.put(None)
        # Where the thread has not begun, it does not any more.
        if self._begun.acquire(blocking=False):
            self._tell()
            self._over = True

    def wait(self) -> None:
        """Wait until all is done; where that is interrupted, it can be waited for again.

        `Thread.join` cannot: interrupted, it takes a thread that goes on for one that has ended.
        """
        while not self._over:
            self._going_on.acquire()

    def _do(self) -> None:
        try:
            while self._begin():
                self._end_one()
        except BaseException:
            self._abandon()
            raise

    def _begin(self) -> bool:
        """Ask for as many tasks as there may be at a time; whether there are any."""
        for key, task in islice(self._tasks, self._most - len(self._pending)):
            future = self._executor.submit(task)
            self._pending[future] = key
            future.add_done_callback(self._events.put)
        return bool(self._pending)

    def _end_one(self) -> None:
        future = self._events.get()
        if future is None:
            raise _Stopped
        self._take(self._pending.pop(future), future.result())

    def _abandon(self) -> None:
        """Begin nothing more, and take what comes of what was begun."""
        self._tell()
        for future in list(self._pending):
            future.cancel()
        if not self._brought:
            self._executor.shutdown(cancel_futures=True)
        while self._pending:
            ended = self._events.get()
            if ended is None:
                continue
            key = self._pending.pop(ended)
            if not ended.cancelled() and ended.exception() is None:
                self._take(key, ended.result())
