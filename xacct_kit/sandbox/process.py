"""A sandbox in a child process, as its owner has it: started, told to lift what disturbs, and stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import tempfile

from xacct_kit.errors import SandboxError
from xacct_kit.sandbox.ancestor import FORKS, Descendant, start
from xacct_kit.sandbox.layout import Layout


class SandboxProcess:
    """A sandbox in a child process.

    Parameters:
        layout: what it holds.

    Attributes:
        endpoint: its URL.

    Raises:
        SandboxError: the child did not start.
    """

    def __init__(self, layout: Layout) -> None:
        # A file, not a pipe: what a server writes of its troubles must never make it wait for a reader.
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115 closed by stop
        try:
            self._child = self._start()
        except BaseException:
            self._errors.close()
            raise
        try:
            self._write(json.dumps(dataclasses.asdict(layout)))
            self.endpoint = self._ready()
        except BaseException:
            # Nobody has a sandbox yet who could stop it, not even whoever is interrupted while it starts.
            self.stop()
            raise

    def _start(self) -> subprocess.Popen[str] | Descendant:
        if FORKS:
            return start(self._errors)
        command = [sys.executable, "-m", "xacct_kit.sandbox.serving"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors, text=True)

    def _ready(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline().strip()
        if not line.startswith("http://"):
            self._child.wait(timeout=5)
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines()[-1:] or ["it ended without a word"]
            raise SandboxError(f"The sandbox did not start: {last[0]}")
        return line

    def lift(self, account: str, service: str) -> None:
        """Lift what disturbs a service of an account: the console's side of what no call can mend.

        Parameters:
            account: the account.
            service: the service, by IAM's prefix.
        """
        assert self._child.stdout is not None
        self._write(f"{account} {service}")
        self._child.stdout.readline()

    def _write(self, line: str) -> None:
        assert self._child.stdin is not None
        # A child that has ended says why on its standard error.
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(f"{line}\n")
            self._child.stdin.flush()

    def stop(self) -> None:
        """End the child."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._errors.close()
