"""Checks that do not depend on each other run side by side, and come out as if they had not."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.aws.clients import Connection
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.steps.catalogue import PROBES
from xacct_kit.steps.probes import probe_account
from xacct_kit.steps.side_by_side import side_by_side

PATIENCE = 30.0
MEMBER = "333333333333"


class Failed(Exception):
    """What a task raises."""


def task(number: int, fails: bool) -> int:
    if fails:
        raise Failed(number)
    return number


def outcome(make: Callable[[], list[int]]) -> list[int] | str:
    try:
        return make()
    except Failed as error:
        return str(error)


def meeting(tasks: int) -> list[Callable[[], int]]:
    """Tasks of which none ends before all have begun."""
    barrier = threading.Barrier(tasks)
    return [partial(barrier.wait, PATIENCE) for _ in range(tasks)]


@given(fails=st.lists(st.booleans(), max_size=8))
def test_they_return_and_raise_as_in_their_order(fails: list[bool]) -> None:
    tasks = [partial(task, number, failing) for number, failing in enumerate(fails)]
    assert outcome(lambda: side_by_side(tasks)) == outcome(lambda: [each() for each in tasks])


def test_all_are_under_way_at_once_time_after_time() -> None:
    for _ in range(20):
        assert sorted(side_by_side(meeting(12))) == list(range(12))


def test_tasks_have_tasks_of_their_own_whether_or_not_there_are_threads_for_them() -> None:
    def counted(depth: int) -> int:
        return sum(side_by_side([partial(counted, depth - 1)] * 5)) if depth else 1

    assert counted(4) == 5**4


def test_each_sees_the_context_of_who_asks() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("asking")
    barrier = threading.Barrier(3)

    def seen() -> str:
        barrier.wait(PATIENCE)
        return variable.get()

    assert side_by_side([seen] * 3) == ["asking"] * 3


def test_an_interruption_waits_for_nobody() -> None:
    asking, under_way, over = threading.get_ident(), threading.Barrier(2), threading.Event()
    begun = []

    def interrupted() -> None:
        begun.append(1)
        under_way.wait(PATIENCE)
        if threading.get_ident() == asking:
            raise KeyboardInterrupt
        over.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([interrupted] * 2)
    assert len(begun) == 2
    assert not over.is_set()
    over.set()


@contextmanager
def gathering(calls: int) -> Iterator[tuple[str, threading.Event]]:
    """A server that answers nobody but STS until so many calls are waiting, and its URL."""
    gathered, lock, waiting = threading.Event(), threading.Lock(), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked = parse_qs(self.rfile.read(length).decode())
            if asked.get("Action", [""])[0] in ("AssumeRole", "GetCallerIdentity"):
                self._tell(200, _of_sts(asked["Action"][0], asked.get("RoleArn", [""])[0]))
            else:
                self._gather()
                self._tell(500, "")

        def do_GET(self) -> None:
            self.do_POST()

        def _gather(self) -> None:
            with lock:
                waiting.append(self)
                if len(waiting) == calls:
                    gathered.set()
            gathered.wait(PATIENCE)

        def _tell(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", gathered
        finally:
            server.shutdown()
            thread.join()


def _of_sts(operation: str, role: str) -> str:
    account, name = role.split(":")[4] if role else "", role.rpartition("/")[2]
    told = {
        "GetCallerIdentity": "<Arn>arn:aws:iam::111111111111:user/operator</Arn>",
        "AssumeRole": "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>a-secret"
        "</SecretAccessKey><SessionToken>a-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        f"</Credentials><AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/{name}/x</Arn>"
        "</AssumedRoleUser>",
    }[operation]
    return (
        f"<{operation}Response><{operation}Result>{told}</{operation}Result><ResponseMetadata>"
        f"<RequestId>1</RequestId></ResponseMetadata></{operation}Response>"
    )


def test_the_probes_of_an_account_are_all_under_way_at_once() -> None:
    params = Params.load("params/sandbox.yaml")
    with gathering(len(PROBES)) as (url, gathered):
        connection = Connection(endpoint=url, access_key="AKIAEXAMPLE", secret="a-secret", max_attempts=1)
        with Session(params, connection) as session:
            findings = probe_account(session, MEMBER)
        assert gathered.is_set()
    assert [row.probe for row in findings] == [probe.name for probe in PROBES]
