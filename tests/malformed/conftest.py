"""A command that is refused: exit code 2, a line that says what and where, and nothing called or written."""

from __future__ import annotations

import io
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xacct_kit import cli

EXTERNAL_ID = "hunter2-hunter2"


@dataclass(frozen=True)
class Said:
    """What the command answered."""

    code: object
    out: str
    err: str


Xacct = Callable[..., Said]


class Listener(socketserver.ThreadingTCPServer):
    """Stands where AWS would be, counts who calls and hangs up."""

    daemon_threads = True
    calls = 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.calls += 1


@pytest.fixture(scope="session")
def listening() -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def aws(listening: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """An operator who can call and has an external ID; the calls arrive at a listener."""
    host, port = listening.server_address[:2]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("XACCT_EXTERNAL_ID", EXTERNAL_ID)
    listening.calls = 0
    return listening


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is run in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def xacct(
    aws: Listener, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Xacct:
    """The command, in this process."""

    def run(*arguments: str, stdin: bytes = b"") -> Said:
        monkeypatch.setattr(sys, "argv", ["xacct", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Said(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(xacct: Xacct, aws: Listener, here: Path, monkeypatch: pytest.MonkeyPatch) -> Xacct:
    """The command, which must refuse; each of `says` stands in the same line."""
    for module, name in ((subprocess, "Popen"), (socket, "create_server")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("a sandbox was started"))

    def run(*arguments: str, stdin: bytes = b"", says: tuple[str, ...]) -> Said:
        before = sorted(here.rglob("*"))
        said = xacct(*arguments, stdin=stdin)
        everything = said.out + said.err
        assert said.code == 2, everything
        assert any(all(part in line for part in says) for line in everything.splitlines()), everything
        assert "Traceback" not in everything
        assert EXTERNAL_ID not in everything
        assert aws.calls == 0
        assert sorted(here.rglob("*")) == before
        return said

    return run
