"""A sandbox in a child process: it ends with its owner, and says why when it cannot start."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gate_clients import Organization, serving

from xacct_kit.errors import SandboxError
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, Layout
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


# Somebody is interrupted while the ancestor loads, and has another sandbox then, which is killed.
INTERRUPTED = """
import signal
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    SandboxProcess(Layout(scenario="role-missing"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
child = SandboxProcess(Layout(scenario="role-missing"))
child._child.kill()
print(child.endpoint, flush=True)
input()
"""


# The first requests to a service come at once.
AT_ONCE = """
import io, sys, threading
from moto.core.routing import get_service_router
from xacct_kit.sandbox.protocol import recognise
get_service_router("s3")
sys.setswitchinterval(1e-6)
start, recognised = threading.Barrier(16), []
def ask():
    start.wait()
    place = {"HTTP_HOST": "localhost", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "PATH_INFO": "/"}
    request = {"REQUEST_METHOD": "GET", "QUERY_STRING": "", "RAW_URI": "/", "wsgi.url_scheme": "http"}
    recognised.append(recognise("s3", {**place, **request, "wsgi.input": io.BytesIO()}).name)
threads = [threading.Thread(target=ask) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*recognised)
"""


OWN_PROFILE = """
name: own
description: Reads data.
trust: {Version: "2012-10-17", Statement: {
  Effect: Allow, Principal: {AWS: "arn:${Partition}:iam::${MainAccount}:root"}, Action: "sts:AssumeRole",
  Condition: {StringEquals: {"sts:ExternalId": "${ExternalId}"}}}}
permissions:
  data: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}
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


def ancestors_of_sandboxes() -> set[int]:
    """Those of this process."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        # Many a process ends while it is looked at.
        with contextlib.suppress(OSError):
            command = status.with_name("cmdline").read_text()
            if f"PPid:\t{os.getpid()}\n" in status.read_text() and "xacct_kit.sandbox.ancestor" in command:
                found.add(int(status.parent.name))
    return found


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


def test_it_can_be_stopped_twice() -> None:
    child = SandboxProcess(ROLE_MISSING)
    child.stop()
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


def test_its_folder_and_its_variables_are_those_of_its_owner_when_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SandboxProcess(ROLE_MISSING).stop()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SandboxError, match=re.escape("own.yaml")):
        SandboxProcess(Layout(profile="own.yaml"))
    (tmp_path / "own.yaml").write_text(OWN_PROFILE, encoding="utf-8")
    SandboxProcess(Layout(profile="own.yaml")).stop()
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    with serving(ROLE_MISSING) as served:
        found = served.operator.client("iam").list_policies(Scope="AWS")
    assert found["Policies"]


def test_two_sandboxes_give_nothing_the_same_id() -> None:
    with serving(ROLE_MISSING) as one, serving(ROLE_MISSING) as other:
        keys = [served.new_user(account=MAIN_ACCOUNT) for served in (one, other)]
        roles = [
            served.administrator().client("iam").get_role(RoleName="OrganizationAccountAccessRole")["Role"]
            for served in (one, other)
        ]
    assert keys[0].access_key != keys[1].access_key
    assert keys[0].secret != keys[1].secret
    assert roles[0]["RoleId"] != roles[1]["RoleId"]


def test_when_the_ancestor_of_all_has_been_ended_there_is_another() -> None:
    SandboxProcess(ROLE_MISSING).stop()
    former = ancestors_of_sandboxes()
    for process in former:
        os.kill(process, signal.SIGKILL)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    child = SandboxProcess(ROLE_MISSING)
    assert listening(child.endpoint)
    child.stop()
    assert former
    assert not former & ancestors_of_sandboxes()


def test_the_ancestor_of_all_has_no_thread_that_a_fork_would_lose() -> None:
    # Of the second one it loads the services too; Python 3.12 deprecates to fork where there are threads.
    for _ in range(3):
        SandboxProcess(ROLE_MISSING).stop()
    alone = ["Threads:\t1\n" in Path(f"/proc/{each}/status").read_text() for each in ancestors_of_sandboxes()]
    assert alone == [True]


def test_whoever_is_interrupted_while_it_starts_can_start_and_end_another() -> None:
    command, pipe = [sys.executable, "-c", INTERRUPTED], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        endpoint = process.stdout.readline().strip()
        assert said == "interrupted"
        assert closes(endpoint)
        process.communicate("\n")
    assert process.returncode == 0


def test_it_can_be_a_program_of_its_own() -> None:
    described = json.dumps(dataclasses.asdict(ROLE_MISSING))
    command = [sys.executable, "-m", "xacct_kit.sandbox.serving"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{described}\n")
        process.stdin.flush()
        endpoint = process.stdout.readline().strip()
        assert listening(endpoint)
        process.stdin.close()
        assert process.wait() == 0
    assert not listening(endpoint)


def test_the_images_of_aws_are_there_when_somebody_looks(organization: Organization) -> None:
    client = organization.operator.client("ec2")
    assert client.describe_instances()["Reservations"] == []
    images = client.describe_images()["Images"]
    assert len(images) > 100
    assert len(client.describe_snapshots()["Snapshots"]) == len(images)


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


@pytest.mark.parametrize("attempt", range(2))
def test_requests_that_come_at_once_are_read_alike(attempt: int) -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["ListBuckets"] * 16, "")
