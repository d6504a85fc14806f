"""Processes of threads: every call comes back, whatever it comes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import pytest

from xacct_kit.fleet.processes import ProcessesOfThreads


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessesOfThreads]:
    with ProcessesOfThreads(1, 2) as there:
        yield there


class Twofold(Exception):
    """An error that pickle takes apart, and cannot put together again."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def refuse() -> None:
    raise ValueError("no")


def refuse_twofold() -> None:
    raise Twofold("this", "that")


def something_local() -> object:
    return lambda: None


def end() -> None:
    os._exit(1)


def test_what_a_call_returns_or_raises_comes_back(executor: ProcessesOfThreads) -> None:
    assert executor.submit(pow, 2, 10).result(timeout=60) == 1024
    with pytest.raises(ValueError, match="no"):
        executor.submit(refuse).result(timeout=60)


def test_an_error_that_cannot_be_sent_comes_back_as_its_words(executor: ProcessesOfThreads) -> None:
    with pytest.raises(RuntimeError, match="Twofold: this and that"):
        executor.submit(refuse_twofold).result(timeout=60)
    assert executor.submit(pow, 2, 3).result(timeout=60) == 8


def test_a_result_that_cannot_be_sent_is_an_error(executor: ProcessesOfThreads) -> None:
    with pytest.raises(Exception, match="something_local"):
        executor.submit(something_local).result(timeout=60)


def test_a_process_that_ends_breaks_what_it_was_asked_for() -> None:
    with ProcessesOfThreads(1, 2) as executor:
        with pytest.raises(BrokenProcessPool):
            executor.submit(end).result(timeout=60)
        with pytest.raises(BrokenProcessPool):
            executor.submit(pow, 2, 3).result(timeout=60)
