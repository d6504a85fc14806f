"""A run that is watched: its command as a child process, its journal as it grows, and how it stands."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xacct_kit.errors import RequestError, XacctError
from xacct_kit.fleet.journal import NAME, Tail
from xacct_kit.interactive.board import Board, step_words
from xacct_kit.interactive.command_line import COMMANDS, CommandLine
from xacct_kit.interactive.command_run import CommandRun
from xacct_kit.interactive.run_state import IN_WORDS, RunState, state_after
from xacct_kit.interactive.step_clock import StepClock
from xacct_kit.params import Params
from xacct_kit.report import Finding, Report, Verdict, all_well
from xacct_kit.views import words
from xacct_kit.views.outline import known_accounts

Changes = dict[str, Any]
"""What has changed, in values that JSON has: of the board as it says, and how the run stands."""

_SECONDS_BETWEEN_LOOKS = 0.2

# So many findings are told at a time, so that the first of a long journal are soon seen.
_FINDINGS_A_LOOK = 5_000

# Of what a command said last, so many lines say why it ended.
_LINES_SHOWN = 20


class LiveRun:
    """A run that is watched.

    Parameters:
        out: its folder.
        command_line: what is run; None for a run that has ended, whose command is not known.
        tell: is told what has changed, from another thread.
    """

    def __init__(
        self,
        out: Path,
        command_line: CommandLine | None,
        tell: Callable[[Changes], None] = lambda changes: None,
    ) -> None:
        self.out = out
        self.command_line = command_line
        self.state = RunState.READY
        self._tell = tell
        self._lock = threading.RLock()
        self._board, self._tail = Board(), Tail(out / NAME, replaced=command_line is not None)
        self._command: CommandRun | None = None
        self._thread: threading.Thread | None = None
        self._clock: StepClock | None = None
        self._steps: tuple[str, ...] = ()
        self._named: frozenset[str] = frozenset()
        self._failure: tuple[str, ...] = ()

    def start(self, *, resume: bool = False) -> None:
        """Start the command; without a command, read what is there.

        Parameters:
            resume: whether it goes on with what is in its folder.

        Raises:
            RequestError: it runs already.
        """
        with self._lock:
            if self.state.under_way:
                raise RequestError("The run is under way already; wait for it, or cancel it.")
            if self.command_line is not None:
                self._run(replace(self.command_line, resume=resume))
            self.state, self._failure = RunState.RUNNING, ()
        self._thread = threading.Thread(target=self._look_until_end, name="xacct-watch", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Have it stop cleanly; a run that does not run stays as it is."""
        with self._lock:
            if self._command is not None and self.state is RunState.RUNNING:
                self._command.cancel()
                self.state = RunState.STOPPING

    def wait(self) -> Report:
        """Wait for its end; who interrupts the wait cancels the run.

        Returns:
            What is known then.
        """
        try:
            while self._thread is not None and self._thread.is_alive():
                self._thread.join(timeout=1.0)
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self.report

    @property
    def report(self) -> Report:
        """What is known by now."""
        with self._lock:
            return self._tail.report()

    def findings(self, account: str, service: str | None) -> list[Finding]:
        """The findings of an account in a service, or in all of them, in the order of a run."""
        with self._lock:
            report = self._tail.report([account])
        found = (row for row in report if service in (None, words.service_of(row)))
        return sorted(found, key=lambda row: words.place_of(row.step))

    def tell_all(self, tell: Callable[[Changes], None]) -> None:
        """Tell somebody all that is known, before anything newer is told."""
        with self._lock:
            tell({"whole": True, **self._board.changes(whole=True), **self._standing()})

    def _run(self, command_line: CommandLine) -> None:
        self._plan(command_line)
        if not command_line.resume:
            self._board, self._tail = Board(self._steps), Tail(self.out / NAME, replaced=True)
        self._command, self._clock = CommandRun(command_line), StepClock()

    def _plan(self, command_line: CommandLine) -> None:
        """What can be known of the run before it is made; the command itself tells what is wrong."""
        steps, self._named = COMMANDS[command_line.command], frozenset()
        self._steps = step_words(steps)
        with contextlib.suppress(XacctError):
            params = Params.load(command_line.params_file)
            self._steps, self._named = step_words(steps, params), known_accounts(params)

    def _look_until_end(self) -> None:
        before: Changes = {}
        while not self.state.ended:
            # Asked first: what was written before the end is read after it.
            code = self._command.exit_code if self._command is not None else None
            # What is told in the lock is told in the order in which it became so.
            with self._lock:
                lines, changes = self._look(code)
                standing = _without_clocks(changes)
                if standing != before:
                    before = standing
                    self._tell(changes)
            if lines < _FINDINGS_A_LOOK and not self.state.ended:
                time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _look(self, code: int | None) -> tuple[int, Changes]:
        """Take in what is new; how many lines that is, and what has changed."""
        try:
            lines = self._tail.read(_FINDINGS_A_LOOK)
        except (XacctError, OSError) as error:
            self._give_up(str(error).splitlines())
            return 0, self._standing()
        for line in lines:
            self._board.add(line)
        if not lines and (code is not None or self._command is None):
            self._end(code)
        return len(lines), {**self._board.changes(), **self._standing()}

    def _end(self, code: int | None) -> None:
        if self._command is None or code is None:
            self.state = _state_of(self._board.counts)
            if self._tail.unfinished:
                self.state = RunState.UNFINISHED
            return
        self.state = state_after(code, cancelled=self._command.cancelled)
        if self.state in (RunState.WRONG_REQUEST, RunState.UNFINISHED):
            self._failure = tuple(self._command.lines[-_LINES_SHOWN:])

    def _give_up(self, why: Iterable[str]) -> None:
        self._failure, self.state = tuple(why), RunState.UNFINISHED
        if self._command is not None:
            self._command.cancel()

    def _accounts(self, known: int) -> int:
        """How many accounts there are; 0 where that is not known yet."""
        named = len(self._named - self._board.left_out)
        told = self._command.accounts if self._command is not None else None
        return told or named or (known if self.state.ended else 0)

    def _standing(self) -> Changes:
        """How the run stands, as a view shows it."""
        known, through = self._board.progress()
        counts = self._board.counts
        told: Changes = {
            "state": self.state.value,
            "told": IN_WORDS[self.state],
            "failure": list(self._failure),
            "counts": [counts[verdict] for verdict in words.SEVERITY],
            "accounts": known,
            "resumable": self.command_line is not None,
        }
        if self._command is not None and self._clock is not None:
            if self.state.ended:
                self._clock.stop()
            told["elapsed"] = self._clock.elapsed
            told["steps"] = self._clock.steps(self._steps, through, self._accounts(known))
            told["now"] = "" if self.state.ended else "".join(self._command.lines[-1:])
        return told


def _state_of(counts: Mapping[Verdict, int]) -> RunState:
    """What a report with these verdicts ends with."""
    found = (verdict for verdict, count in counts.items() if count)
    return RunState.GREEN if all_well(found) else RunState.RED


def _without_clocks(changes: Changes) -> Changes:
    steps = [{**step, "elapsed": None} for step in changes.get("steps", ())]
    return {**changes, "elapsed": None, "steps": steps}
