"""A sandbox in a child process: it ends with its owner, and says why when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from gate_clients import Organization

from xacct_kit.errors import SandboxError
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess

ROLE_MISSING = Layout(scenario="role-missing")

OWNER = """
import time
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess
child = SandboxProcess(Layout(scenario="role-missing"))
print(child.endpoint, flush=True)
time.sleep(600)
"""


def listening(endpoint: str) -> bool:
    place = urlsplit(endpoint)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=1).close()
    except OSError:
        return False
    return True


def closes(endpoint: str) -> bool:
    """Whether a port closes; the bound is only there so that a failure ends."""
    end = time.monotonic() + 20
    while listening(endpoint):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_it_ends_when_its_owner_does(owner: subprocess.Popen[str], how: signal.Signals) -> None:
    assert owner.stdout is not None
    endpoint = owner.stdout.readline().strip()
    assert listening(endpoint)
    os.kill(owner.pid, how)
    owner.wait()
    assert closes(endpoint)


def test_it_ends_when_it_is_stopped() -> None:
    child = SandboxProcess(ROLE_MISSING)
    assert listening(child.endpoint)
    child.stop()
    assert not listening(child.endpoint)


def test_it_listens_on_loopback_alone(organization: Organization) -> None:
    assert urlsplit(organization.endpoint).hostname == "127.0.0.1"


@pytest.mark.parametrize(
    ("layout", "why"),
    [(Layout(scenario="no-such"), "no-such"), (Layout(profile="no-such"), "no-such")],
    ids=["scenario", "profile"],
)
def test_what_it_cannot_hold_is_named(layout: Layout, why: str) -> None:
    with pytest.raises(SandboxError, match=f"The sandbox did not start: .*{why}"):
        SandboxProcess(layout)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = (
            "from xacct_kit.sandbox import server, layout; "
            f"server.serve(layout.Layout(accounts=0), {port}, print)"
        )
        ended = subprocess.run([sys.executable, "-c", serving], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"xacct_kit.errors.SandboxError: The sandbox cannot listen on port {port}: ")


def test_accounts_are_the_same_in_every_sandbox(organization: Organization) -> None:
    arn = organization.operator.client("sts").get_caller_identity()["Arn"]
    child = SandboxProcess(ROLE_MISSING)
    try:
        again = Organization(child.endpoint).operator.client("sts").get_caller_identity()["Arn"]
    finally:
        child.stop()
    assert again == arn
