"""Processes of threads: an executor for calls that mostly wait, and are too many for one process."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")

# What a child is told instead of a call.
_END, _DROP = "end", "drop"


class ProcessesOfThreads(Executor):
    """An executor whose processes each run several calls at a time; every result comes back by itself.

    One that has ended by itself breaks the calls that it was asked for: `BrokenProcessPool`.

    Parameters:
        processes: number of child processes.
        threads: calls that each of them runs at a time.
    """

    def __init__(self, processes: int, threads: int) -> None:
        self._children = [_Child(threads) for _ in range(processes)]
        self._turns = itertools.cycle(self._children)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a call made by the child that has the fewest to make."""
        child = min(itertools.islice(self._turns, len(self._children)), key=lambda each: each.waiting)
        next(self._turns)
        return child.submit(partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Have the children end, each after the calls that it is making, or that it was asked to make."""
        for child in self._children:
            child.stop(dropping=cancel_futures)
        if wait:
            for child in self._children:
                child.join()


class _Child:
    """A process, and what it has been asked for."""

    def __init__(self, threads: int) -> None:
        # A fork would take along locks that are held by threads which it does not have.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._futures: dict[int, Future[Any]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def waiting(self) -> int:
        return len(self._futures)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            number = next(self._numbers)
            self._futures[number] = future
            try:
                self._connection.send((number, call))
            except OSError:
                self._break()
        return future

    def stop(self, *, dropping: bool) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._connection.send(_DROP if dropping else _END)

    def join(self) -> None:
        self._process.join()
        self._reader.join()
        self._connection.close()

    def _read(self) -> None:
        while True:
            try:
                number, result, error = self._connection.recv()
            except (EOFError, OSError):
                with self._lock:
                    self._break()
                return
            with self._lock:
                future = self._futures.pop(number, None)
            if future is None:
                continue  # broken already, by whoever found out first that the process has ended
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _break(self) -> None:
        for number in list(self._futures):
            self._futures.pop(number).set_exception(BrokenProcessPool("a worker process has ended"))


def _serve(connection: Connection, threads: int) -> None:
    """What a child does: answer until it is told to stop, or its parent is gone."""
    # Who stops is the parent, which is interrupted too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = threading.Lock()

    def answer(number: int, call: Callable[[], Any]) -> None:
        try:
            reply = pickle.dumps((number, call(), None))
        except Exception as error:
            reply = pickle.dumps((number, None, _portable(error)))
        with lock, contextlib.suppress(OSError):
            connection.send_bytes(reply)

    executor, asked = ThreadPoolExecutor(threads), _DROP
    with contextlib.suppress(EOFError, OSError):
        while (asked := connection.recv()) not in (_END, _DROP):
            executor.submit(answer, *asked)
    executor.shutdown(cancel_futures=asked != _END)


def _portable(error: Exception) -> Exception:
    """An error as the parent can read it; an answer that it cannot read is one that it waits for forever."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
