"""Canaries whose run is killed, or whose answers are lost: what is left is named, tagged and found again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from by_hand import administer
from faulty_proxy import Ask, Ending, Fault, Meets, Reply, Request, proxied
from held_canaries import MEMBER, held_canaries, names_of, remove_leftovers

import xacct_kit as xk
from xacct_kit.aws.clients import Connection
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.process import SandboxProcess
from xacct_kit.sandbox.protocol import refusal

pytestmark = pytest.mark.slow

_XACCT = "from xacct_kit.cli import main; main()"
NAME = re.compile(r"xacct-canary-\d{8}t\d{6}-[0-9a-f]{6}(-\d{12})?")


def named(operation: str) -> Meets:
    return lambda request: request.operation == operation


def on_s3(method: str, key: str = "") -> Meets:
    """A request to S3 about a canary's bucket, or about the object in it."""
    path = re.compile(rf"/xacct-canary-[^/?]*/?{key}(\?.*)?")
    return lambda request: request.method == method and path.fullmatch(request.path) is not None


MAKING: Mapping[str, Meets] = {
    "CreateStack": named("CreateStack"),
    "CreateSecurityConfiguration": named("CreateSecurityConfiguration"),
    "CreatePolicy": named("CreatePolicy"),
    "CreateBucket": on_s3("PUT"),
    "PutObject": on_s3("PUT", "canary"),
    "CreateNotebookInstanceLifecycleConfig": named("CreateNotebookInstanceLifecycleConfig"),
    "PutParameter": named("PutParameter"),
}
REMOVING: Mapping[str, Meets] = {
    "DeleteStack": named("DeleteStack"),
    "DeleteSecurityConfiguration": named("DeleteSecurityConfiguration"),
    "DeletePolicy": named("DeletePolicy"),
    "DeleteObject": on_s3("DELETE", "canary"),
    "DeleteBucket": on_s3("DELETE"),
    "DeleteNotebookInstanceLifecycleConfig": named("DeleteNotebookInstanceLifecycleConfig"),
    "DeleteParameter": named("DeleteParameter"),
}


@pytest.fixture(scope="module")
def endpoint(no_aws: None) -> Iterator[str]:
    child = SandboxProcess(Layout())
    yield child.endpoint
    child.stop()


def connected(endpoint: str, attempts: int = 1) -> Session:
    params = Params.load("params/sandbox.yaml", probes="canary", wait_seconds=2)
    connection = Connection(
        endpoint=endpoint, access_key=OPERATOR_ACCESS_KEY, secret=OPERATOR_SECRET, max_attempts=attempts
    )
    return Session(params, connection)


@pytest.fixture
def session(endpoint: str) -> Iterator[Session]:
    """A run that nothing happens to; nothing is there before, and nothing is left behind."""
    with connected(endpoint) as opened:
        assert held_canaries(opened) == {}
        yield opened
        assert remove_leftovers(opened).ok
        assert held_canaries(opened) == {}


def killing(child: list[subprocess.Popen[bytes]], *, when_done: bool) -> Fault:
    """Kills the client when it has asked for something, which is done or is not."""

    def happens(_: Request, ask: Ask) -> Reply:
        if when_done:
            ask()
        child[0].send_signal(signal.SIGKILL)
        return Reply(ending=Ending.CLOSED)

    return happens


def killed(endpoint: str, meets: Meets, folder: Path, *, when_done: bool) -> None:
    """A run of the command that is killed at a request."""
    child: list[subprocess.Popen[bytes]] = []
    root = Path(__file__).resolve().parents[2]
    with proxied(endpoint, killing(child, when_done=when_done), meets) as proxy:
        params = ("-p", f"sandbox_endpoint={proxy.url}", "-p", "probes=canary")
        command = [sys.executable, "-c", _XACCT, "probe", str(root / "params" / "sandbox.yaml"), *params]
        child.append(
            subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        assert child[0].wait() == -signal.SIGKILL
        assert proxy.met


def leftovers(session: Session) -> dict[str, Finding]:
    return {row.probe: row for row in xk.probe_permissions(session) if row.step == "leftovers"}


def assert_named_and_tagged(session: Session) -> None:
    """What is left has a canary's name, carries it as a tag, and is told by the next run."""
    held = held_canaries(session)
    rows = leftovers(session)
    told = {probe for probe, row in rows.items() if not row.verdict.green}
    assert told == {kind for kind, _ in held}
    for (kind, name), tags in held.items():
        assert NAME.fullmatch(name)
        assert tags in (None, {"xacct-kit": name})
        assert name in rows[kind].why


@pytest.mark.parametrize("when_done", [True, False], ids=["when it is done", "before it is done"])
@pytest.mark.parametrize("request_of", [*MAKING, *REMOVING])
def test_a_killed_run_leaves_at_most_what_the_next_one_names(
    session: Session, endpoint: str, tmp_path: Path, request_of: str, when_done: bool
) -> None:
    killed(endpoint, {**MAKING, **REMOVING}[request_of], tmp_path, when_done=when_done)
    # A stack that was being deleted may take a moment to go.
    if request_of != "DeleteStack":
        left = request_of in MAKING and (when_done or request_of == "PutObject")
        left = left or (request_of in REMOVING and (not when_done or request_of == "DeleteObject"))
        assert bool(held_canaries(session)) is left
    assert_named_and_tagged(session)


def interrupting(_: Request, ask: Ask) -> Reply:
    """Ctrl-C, as soon as the sandbox has done what is asked."""
    reply = ask()
    signal.raise_signal(signal.SIGINT)
    return reply


@pytest.mark.parametrize("request_of", MAKING)
def test_an_interrupted_run_removes_what_it_made(session: Session, endpoint: str, request_of: str) -> None:
    with (
        proxied(endpoint, interrupting, MAKING[request_of]) as proxy,
        connected(proxy.url) as run,
        pytest.raises(KeyboardInterrupt),
    ):
        xk.probe_permissions(run)
    assert proxy.met
    assert held_canaries(session) == {}


def answer_lost(_: Request, ask: Ask) -> Reply:
    ask()
    return Reply(ending=Ending.RESET)


def flown(endpoint: str, fault: Fault, meets: Meets, attempts: int) -> dict[str, Finding]:
    """The canaries of a run through a proxy that has a fault."""
    with proxied(endpoint, fault, meets) as proxy, connected(proxy.url, attempts) as run:
        rows = {row.probe: row for row in xk.probe_permissions(run) if row.step == "canaries"}
        assert proxy.met
    assert len(rows) == 19
    return rows


@pytest.mark.parametrize("request_of", [*MAKING, *REMOVING])
def test_what_was_made_without_an_answer_is_removed_and_nothing_is_green_that_was_not_heard_of(
    session: Session, endpoint: str, request_of: str
) -> None:
    meets = {**MAKING, **REMOVING}[request_of]
    rows = flown(endpoint, answer_lost, meets, attempts=1)
    unsure = {row.action.partition(":")[2] for row in rows.values() if row.verdict is Verdict.UNKNOWN}
    assert request_of in unsure
    assert {row.verdict for row in rows.values()} == {Verdict.PASS, Verdict.UNKNOWN}
    assert held_canaries(session) == {}


def first_attempts_of(meets: Meets) -> Meets:
    return lambda request: request.attempt == 1 and meets(request)


@pytest.mark.parametrize("request_of", MAKING)
def test_what_is_there_already_at_the_second_attempt_is_used_and_removed(
    session: Session, endpoint: str, request_of: str
) -> None:
    rows = flown(endpoint, answer_lost, first_attempts_of(MAKING[request_of]), attempts=2)
    assert {row.verdict for row in rows.values()} <= {Verdict.PASS, Verdict.UNKNOWN}
    assert held_canaries(session) == {}


def without_tags(request: Request, ask: Ask) -> Reply:
    """CloudFormation as it would be if it asked for a permission to tag that no document gives."""
    if b"Tags.member" not in request.body:
        return ask()
    text = (
        f"User: arn:aws:sts::{MEMBER}:assumed-role/CrossAccountExecutionRole/xacct-kit is not authorized to "
        "perform: cloudformation:TagResource on resource: * because no identity-based policy allows the "
        "cloudformation:TagResource action"
    )
    response = refusal("cloudformation", ServiceFault(403, "AccessDenied", text))
    return Reply(status=response.status, headers=response.headers, body=response.body)


def test_what_may_not_be_tagged_is_made_without_tags(session: Session, endpoint: str) -> None:
    rows = flown(endpoint, without_tags, named("CreateStack"), attempts=1)
    assert {row.verdict for row in rows.values()} == {Verdict.PASS}


def test_nothing_of_others_is_taken_for_a_canary(session: Session) -> None:
    administer(session, "ssm", "PutParameter", Name="xacct-canary", Value="v", Type="String")
    assert names_of(held_canaries(session)) == set()
    assert all(row.verdict.green for row in leftovers(session).values())
