"""A command of `xacct` as a child process: a kernel stays free, and a copied line does just the same."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections import deque

from xacct_kit.interactive.attended import SET_FOR_A_PAGE
from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.owned import environment_of_owned

_LINES_KEPT = 200

# A bar tells nothing that the findings do not tell, but how many accounts there are.
_BAR = re.compile(r"\d+%\|.*?\| [\d.,]+/(?P<accounts>\d+) \[")


class CommandRun:
    """A command that runs.

    It ends when this process does. What it finds is in the journal of its folder.

    Parameters:
        command_line: the command.
    """

    def __init__(self, command_line: CommandLine) -> None:
        self.cancelled = False
        self.accounts: int | None = None
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "xacct_kit", *command_line.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # the report, which is in the folder too
            stderr=subprocess.PIPE,
            env=_environment(),
            text=True,
            encoding="utf-8",
            errors="replace",
            # Who interrupts a kernel does not mean what it watches.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="xacct-progress", daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """What it has said of its progress, or why it ended; the last of it."""
        return list(self._lines)

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        code = self._child.poll()
        if code is None:
            return None
        # What it said last says why.
        self._reader.join(timeout=5)
        return code

    def cancel(self) -> None:
        """Have it stop as by Ctrl-C: it begins nothing more, and ends the steps that it is at."""
        self.cancelled = True
        self._let_go()

    def _let_go(self) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()

    def _read(self) -> None:
        assert self._child.stderr is not None
        with self._child.stderr as said:
            for line in said:
                bar = _BAR.search(line)
                if bar:
                    self.accounts = int(bar["accounts"])
                elif line.strip():
                    self._lines.append(line.strip())
        self._let_go()


def _environment() -> dict[str, str]:
    # Nobody looks at a notebook that the child runs.
    own = {name: value for name, value in os.environ.items() if name not in SET_FOR_A_PAGE}
    return environment_of_owned({**own, "PYTHONIOENCODING": "utf-8"})
