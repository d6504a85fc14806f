"""Tasks that an executor does: all of them, so many at a time, and what an interruption leaves."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from xacct_kit.fleet.fan_out import fan_out


class Told:
    """What whoever asks for tasks is told."""

    def __init__(self) -> None:
        self.results: dict[int, int] = {}
        self.stops = 0

    def take(self, key: int, result: int) -> None:
        self.results[key] = result

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def told() -> Told:
    return Told()


def tasks(count: int, do: Callable[[int], int]) -> Iterator[tuple[int, Callable[[], int]]]:
    return ((number, partial(do, number)) for number in range(count))


def test_every_task_is_done_and_its_result_told(told: Told) -> None:
    with ThreadPoolExecutor(4) as executor:
        fan_out(executor, tasks(100, lambda number: number**2), 8, take=told.take, stop=told.stop)
    assert told.results == {number: number**2 for number in range(100)}
    assert told.stops == 0


def test_no_more_are_asked_for_than_may_be_at_a_time(told: Told) -> None:
    asked: list[int] = []

    def noted() -> Iterator[tuple[int, Callable[[], int]]]:
        for number, task in tasks(20, lambda number: number):
            asked.append(number - len(told.results))
            yield number, task

    with ThreadPoolExecutor(2) as executor:
        fan_out(executor, noted(), 3, take=told.take, stop=told.stop)
    assert max(asked) <= 2, "of three that are under way two come before the last"


def test_after_a_fault_nothing_is_begun_and_what_is_under_way_is_taken(told: Told) -> None:
    begun: list[int] = []
    all_there = threading.Barrier(2)

    def do(number: int) -> int:
        begun.append(number)
        if number < 2:
            all_there.wait(timeout=30)
        if number == 0:
            raise ValueError("broken")
        if number == 1:
            time.sleep(0.05)
        return number

    with ThreadPoolExecutor(2) as executor, pytest.raises(ValueError, match="broken"):
        fan_out(executor, tasks(1000, do), 2, take=told.take, stop=told.stop)
    assert told.results[1] == 1
    assert told.stops == 1
    assert len(begun) < 1000


def test_a_fault_of_whoever_takes_the_results_is_told(told: Told) -> None:
    def take(key: int, result: int) -> None:
        raise OSError("the disk is full")

    with ThreadPoolExecutor(2) as executor, pytest.raises(OSError, match="the disk is full"):
        fan_out(executor, tasks(5, lambda number: number), 1, take=take, stop=told.stop)


class Apart(Executor):
    """Does each task at once, in the thread that asks, which must not be the main one."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert threading.current_thread() is not threading.main_thread()
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_the_thread_that_can_be_interrupted_deals_with_no_future(told: Told) -> None:
    """An interruption between the taking of a future's lock and its use would leave it taken forever."""
    takers: list[threading.Thread] = []

    def take(key: int, result: int) -> None:
        takers.append(threading.current_thread())

    fan_out(Apart(), tasks(10, lambda number: number), 3, take=take, stop=told.stop, brought=True)
    assert len(takers) == 10
    assert threading.main_thread() not in takers


@pytest.mark.parametrize("brought", [False, True])
def test_interrupted_at_any_time_it_ends_and_tells_what_was_begun(brought: bool) -> None:
    main = threading.main_thread().ident or 0
    for attempt in range(40):
        told, ended = Told(), list[int]()

        def do(number: int, at: int = attempt, ended: list[int] = ended) -> int:
            if number == at:
                signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.0005)
            ended.append(number)
            return number

        with ThreadPoolExecutor(4) as executor, pytest.raises(KeyboardInterrupt):
            fan_out(executor, tasks(100_000, do), 8, take=told.take, stop=told.stop, brought=brought)
        assert sorted(told.results) == sorted(ended)
        assert attempt in told.results
        assert told.stops == 1


def test_an_executor_that_was_brought_goes_on(told: Told) -> None:
    def broken(number: int) -> int:
        raise ValueError(number)

    with ThreadPoolExecutor(2) as executor:
        with pytest.raises(ValueError, match="0"):
            fan_out(executor, tasks(5, broken), 1, take=told.take, stop=told.stop, brought=True)
        assert executor.submit(lambda: 1).result() == 1
