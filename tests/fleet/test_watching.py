"""What a run leaves of its progress: few lines, however many accounts and however long."""

from __future__ import annotations

import io
import re
import sys
import types

import pytest
from report_examples import finding

from xacct_kit.fleet import watching as module
from xacct_kit.fleet.watching import watching

GREEN = finding()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for name in ("JPY_SESSION_NAME", "VOILA_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    return now


def watched(
    accounts: int, seconds: float, clock: list[float], stream: io.StringIO, patch: pytest.MonkeyPatch
) -> list[str]:
    """What stands in the stream when so many accounts have taken so many seconds each."""
    patch.setattr(sys, "stderr", stream)
    with watching(accounts) as watch:
        for _ in range(accounts):
            clock[0] += seconds
            watch([GREEN, GREEN], True)
    return re.findall(r"[^\r\n]+", stream.getvalue())


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_who_is_gone_stops_no_run(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(10, 60.0, clock, Gone(), monkeypatch) == []


@pytest.fixture
def in_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))


@pytest.mark.usefixtures("in_kernel")
def test_a_notebook_in_batch_keeps_one_line(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = watched(1200, 3.0, clock, io.StringIO(), monkeypatch)
    assert lines == ["1,200 of 1,200 accounts after 3600 s: 2,400 pass"]


def test_a_log_has_few_lines_however_long_it_takes(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    lines = watched(1200, 3.0, clock, io.StringIO(), monkeypatch)
    assert lines[0] == "4 of 1,200 accounts after 12 s: 8 pass"
    assert lines[-1] == "1,200 of 1,200 accounts after 3600 s: 2,400 pass"
    assert len(lines) == 9


def test_a_terminal_has_a_bar(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert "100%" in watched(20, 0.0, clock, Terminal(), monkeypatch)[-1]


def test_of_few_accounts_nothing_is_said(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(5, 60.0, clock, io.StringIO(), monkeypatch) == []


def test_a_run_that_is_stopped_says_how_far_it_came(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(KeyboardInterrupt), watching(20):
        raise KeyboardInterrupt
    assert stream.getvalue() == "0 of 20 accounts after 0 s: nothing is known yet\n"
