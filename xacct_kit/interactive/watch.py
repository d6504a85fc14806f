"""A run that somebody watches where somebody is looking, and that is run all the same where nobody is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xacct_kit.attended import attended
from xacct_kit.fleet.journal import NAME, Tail
from xacct_kit.fleet.run import AccountStep
from xacct_kit.interactive.board import Board, step_words
from xacct_kit.interactive.command_line import COMMANDS, CommandLine
from xacct_kit.interactive.params_file import save_params
from xacct_kit.interactive.run_state import RunState
from xacct_kit.params import Params
from xacct_kit.report import Report
from xacct_kit.runs import carry_out
from xacct_kit.steps import cost_explorer
from xacct_kit.views import words
from xacct_kit.views.outline import known_accounts

if TYPE_CHECKING:
    from xacct_kit.interactive.run_view import RunView

_SECONDS_BETWEEN_LOOKS = 0.2


class PlainRun:
    """A run that has ended and that nobody watched: its report, under the names that a `RunView` has.

    Attributes:
        report: what was found.
        state: how it ended.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.state = RunState.GREEN if report.ok else RunState.RED

    def wait(self) -> Report:
        """What was found."""
        return self.report

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def __repr__(self) -> str:
        return str(self.report)


def watch(params: Params, command: str = "onboard", *, out: str | Path | None = None) -> RunView | PlainRun:
    """Run a command in every account of the params, and show how it gets on.

    In JupyterLab and Voilà the run is a process of its own, and what is returned is shown as a view that
    fills as findings arrive. In batch it runs here, tells a line a step, and what is returned is shown as the
    report. Either has `wait()`, which gives the report.

    Parameters:
        params: what the user asked for.
        command: onboard, probe, plan or deploy.
        out: folder for what is found, and for the params of a run that is watched; that of the params when
            not given.

    Returns:
        The run that is watched, or in batch the one that has ended.

    Raises:
        RequestError: there is no such command; in batch also what a run raises.
        RunError: the folder cannot be written to; in batch also what a run raises.
    """
    folder = Path(params.out if out is None else out)
    file = folder / "params.yaml"
    command_line = CommandLine(command=command, params_file=file, out=folder)
    if not attended():
        return PlainRun(_run_here(params, command_line))
    save_params(params, file)
    from xacct_kit.interactive.run_view import RunView

    view = RunView(file, command, folder)
    view.start()
    return view


def _run_here(params: Params, command_line: CommandLine) -> Report:
    steps = COMMANDS[command_line.command]
    lines = _StepLines(params, steps, command_line.out, _say)
    with lines:
        # Of what is told on the way, what it costs comes first; the rest is told of each account.
        tell = lines.first if cost_explorer.check_account in steps else None
        report = carry_out(params, steps, progress=tell, out=command_line.out)
    report.save(command_line.out)
    return report


class _StepLines:
    """Tells, in a line, that all accounts are through a step."""

    def __init__(
        self, params: Params, steps: Sequence[AccountStep], out: Path, say: Callable[[str], None]
    ) -> None:
        self._steps = list(step_words(steps, params))
        self._named = known_accounts(params)
        self._board, self._tail = Board(self._steps), Tail(out / NAME, replaced=True)
        self._say = say
        self._told_first = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_until_end, name="xacct-lines", daemon=True)

    def first(self, line: str) -> None:
        """Tell the first line, and no other."""
        if not self._told_first:
            self._told_first = True
            self._say(line)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if kind is None:
            self._look(ended=True)

    def _look_until_end(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self, *, ended: bool = False) -> None:
        for line in self._tail.read(sys.maxsize):
            self._board.add(line)
        known, through = self._board.progress()
        accounts = known if ended else len(self._named - self._board.left_out)
        while self._steps and accounts and through[self._steps[0]] >= accounts:
            step = self._steps.pop(0)
            self._say(f"{words.step_title(step)}: {words.number_of(accounts, 'account')}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
