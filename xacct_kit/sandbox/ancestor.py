"""A process that has loaded what every sandbox needs, and becomes one by forking.

    python -m xacct_kit.sandbox.ancestor

Most of a sandbox's start is loading modules and models of services. All sandboxes of an owner have one
ancestor, so that they are loaded once. It is asked on its standard input, a socket: a byte, with the
descriptors that the new process has for its standard streams and its folder. It ends when its owner does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import IO, NoReturn, TextIO

from xacct_kit.errors import SandboxError

FORKS = sys.platform == "linux"
"""Whether there can be an ancestor: elsewhere a fork without a new program is not safe, or is not there."""


class Descendant:
    """A process that was forked of the ancestor; used as a `subprocess.Popen`."""

    def __init__(self, pid: int, stdin: TextIO, stdout: TextIO) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end, at which nobody holds the other end of its standard output any more.

        Raises:
            subprocess.TimeoutExpired: it has not ended in time.
        """
        if self.stdout.closed:
            return
        ended = select.poll()
        ended.register(self.stdout, 0)
        if not ended.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("sandbox", timeout or 0)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class _Ancestor:
    """The ancestor of this process's sandboxes."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115 closed by close
        self._asking, asked = socket.socketpair()
        with asked:
            command = [sys.executable, "-m", "xacct_kit.sandbox.ancestor"]
            self._process = subprocess.Popen(
                command, stdin=asked.fileno(), stdout=subprocess.DEVNULL, stderr=self._errors
            )
        atexit.register(self.close)

    def fork(self, *descriptors: int) -> int:
        """The ID of a new process with these descriptors; 0 when the ancestor has ended."""
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._asking, [b"+"], descriptors)
            return int.from_bytes(self._asking.recv(8))
        return 0

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["it ended without a word"])[-1]

    def close(self) -> None:
        atexit.unregister(self.close)
        self._asking.close()
        if self.owner == os.getpid():
            self._process.wait()
        self._errors.close()


_lock = threading.Lock()
_ancestors: list[_Ancestor] = []


def start(errors: IO[str]) -> Descendant:
    """Start a process that is to become a sandbox.

    Parameters:
        errors: takes its standard error.

    Raises:
        SandboxError: it cannot be started.
    """
    theirs_in, ours_in = os.pipe()
    ours_out, theirs_out = os.pipe()
    child = Descendant(0, os.fdopen(ours_in, "w"), os.fdopen(ours_out))
    folder = os.open(".", os.O_PATH)
    try:
        child.pid = _fork(theirs_in, theirs_out, errors.fileno(), folder)
    except BaseException:
        child.stdin.close()
        child.stdout.close()
        raise
    finally:
        for descriptor in (theirs_in, theirs_out, folder):
            os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(dict(os.environ)) + "\n")
    return child


def _fork(*descriptors: int) -> int:
    with _lock:
        # A fork of its owner has none yet; one that somebody has ended is replaced.
        if not _ancestors or _ancestors[0].owner != os.getpid() or _ancestors[0].ended:
            for former in _ancestors:
                former.close()
            _ancestors[:] = [_Ancestor()]
        try:
            pid = _ancestors[0].fork(*descriptors)
        except BaseException:
            # Who is interrupted leaves an answer unread, which whoever asks next would take for theirs.
            _ancestors.pop().close()
            raise
        if pid:
            return pid
        raise SandboxError(f"The sandbox did not start: {_ancestors[0].last_words()}")


def main() -> NoReturn:
    """Fork whenever the owner asks."""
    # An interruption is the owner's to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is loaded stays: a collection would look through all of it, again and again.
    gc.disable()
    from xacct_kit.sandbox.server import load_services
    from xacct_kit.sandbox.serving import serve

    asked = socket.socket(fileno=0)
    count = 0
    while True:
        byte, descriptors, _, _ = socket.recv_fds(asked, 1, 4)
        if not byte:
            os._exit(0)
        _bury()
        count += 1
        if count == 2:
            # Who asks for one more will ask for many.
            load_services()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            gc.enable()
            asked.detach()
            _become(*descriptors)
            serve(sys.stdin.readline())
        for descriptor in descriptors:
            os.close(descriptor)
        asked.send(pid.to_bytes(8))


def _bury() -> None:
    """Let those go that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _become(stdin: int, stdout: int, stderr: int, folder: int) -> None:
    """Have what a process has that is started by the owner."""
    os.fchdir(folder)
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
    for descriptor in (stdin, stdout, stderr, folder):
        os.close(descriptor)
    environment = json.loads(sys.stdin.readline())
    os.environ.clear()
    os.environ.update(environment)


if __name__ == "__main__":
    main()
