"""A command that ends with whoever started it: both ends of the pipe that says so.

The owner holds the command's standard input open. When it is closed, because the owner says so or is gone in
whatever way, the command is interrupted as by Ctrl-C: it begins nothing more, ends the steps that it is at,
and saves what is known. A signal would do so only as long as there is somebody to send it.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping

from xacct_kit.errors import RunError

_OWNED = "XACCT_OWNED"

# A step that waits for AWS may wait for long; a canary is removed much sooner than that.
_SECONDS_TO_END = 120.0


def environment_of_owned(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command whose standard input its owner holds open."""
    return {**environment, _OWNED: "1"}


def end_with_owner() -> None:
    """Have this process interrupted when its owner closes its standard input; nothing where it has none."""
    if os.environ.pop(_OWNED, None):
        threading.Thread(target=_watch, name="xacct-owner", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _interrupt()
    time.sleep(_SECONDS_TO_END)
    os._exit(RunError.exit_code)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        # A signal to the process may reach another thread, and wakes the main one of no wait.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()  # Windows
