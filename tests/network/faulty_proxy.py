"""A reverse proxy on loopback that passes requests to a sandbox, and does to some of them what networks do.

Which requests a fault meets depends on what they are and on how many came before, never on a clock. What is
passed on is passed on unchanged, since a signature covers the Host header too.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_SERVICE = re.compile(r"Credential=[^/]+/\d{8}/[^/]*/(?P<service>[^/]+)/aws4_request")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
# Of one hop only, or said anew by the server.
_OWN_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent.

    Attributes:
        call: how many calls came before the one that it is an attempt of.
        attempt: the how manieth attempt it is, from 1.
        number: how many requests came before it.
    """

    call: int
    attempt: int
    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def service(self) -> str:
        """The name that it is signed for, which is IAM's prefix."""
        match = _SERVICE.search(self.headers.get("authorization", ""))
        return match["service"] if match else ""

    @cached_property
    def operation(self) -> str:
        """The operation as AWS spells it; empty where only the path tells."""
        match = _ACTION.search(self.body)
        return match[1].decode() if match else self.headers.get("x-amz-target", "").rpartition(".")[2]


class Ending(Enum):
    """What becomes of the connection when there is nothing more to be sent."""

    KEPT = auto()
    CLOSED = auto()
    RESET = auto()
    # The client hears nothing more until it gives up.
    STALLED = auto()
    # The client hears a little now and then, for ever.
    DRIPPING = auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a client gets.

    Attributes:
        status: HTTP status; None where nothing at all is answered.
        sent: the share of the body that is sent of what was promised.
        chunked: whether the body is promised in chunks, and not by `Content-Length`.
        ending: what becomes of the connection then.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: float = 1.0
    chunked: bool = False
    ending: Ending = Ending.KEPT


Ask = Callable[[], Reply]
Fault = Callable[[Request, Ask], Reply]
"""Is given a request and the way to the sandbox, and says what the client gets."""

Meets = Callable[[Request], bool]
"""Whether a fault meets a request."""


def everything(_: Request) -> bool:
    """Nothing gets through."""
    return True


def nothing(_: Request) -> bool:
    """All is well."""
    return False


def all_but_identity(request: Request) -> bool:
    """Nothing gets through, once the operator knows who it is."""
    return request.operation != "GetCallerIdentity"


def all_but_sts(request: Request) -> bool:
    """Every role can be assumed, and nothing else answers."""
    return request.service != "sts"


def of_service(name: str) -> Meets:
    """One service does not answer, and all others do; who the operator is, is told all the same."""
    return lambda request: all_but_identity(request) and request.service == name


def first_attempts(request: Request) -> bool:
    """Whatever is tried again gets through."""
    return request.attempt == 1


def half_of_requests(seed: str) -> Meets:
    """Every other request on average, so that a call may get through when it is tried again."""
    return lambda request: all_but_identity(request) and _heads(seed, request.number)


def half_of_calls(seed: str) -> Meets:
    """Every other call on average, however often it is tried."""
    return lambda request: all_but_identity(request) and _heads(seed, request.call)


def _heads(seed: str, number: int) -> bool:
    return random.Random(f"{seed} {number}").random() < 0.5


class FaultyProxy:
    """The proxy, which listens from now until it is closed.

    Parameters:
        upstream: URL of the sandbox.
        fault: what happens to a request.
        meets: to which requests it happens; all others are passed on.

    Attributes:
        url: where it listens.
        requests: what has reached it.
        met: what of it the fault has met.
    """

    def __init__(self, upstream: str, fault: Fault, meets: Meets) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._fault = fault
        self._meets = meets
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.met: list[Request] = []
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def calls(self) -> int:
        """How many calls have been made, however often each was tried."""
        return len({request.call for request in self.requests})

    def close(self) -> None:
        """Stop listening, and end what is still open."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def reply(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What a client gets for a request."""
        with self._lock:
            request = self._counted(method, path, headers, body)
            met = self._meets(request)
            self.requests.append(request)
            self.met += [request] if met else []

        def ask() -> Reply:
            return _passed_on(self._upstream, request)

        return self._fault(request, ask) if met else ask()

    def _counted(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
        # botocore gives all attempts of a call one ID.
        invocation = headers["amz-sdk-invocation-id"]
        earlier = [r for r in self.requests if r.headers["amz-sdk-invocation-id"] == invocation]
        return Request(
            call=earlier[0].call if earlier else self.calls,
            attempt=len(earlier) + 1,
            number=len(self.requests),
            method=method,
            path=path,
            headers=headers,
            body=body,
        )


@contextmanager
def proxied(upstream: str, fault: Fault, meets: Meets) -> Iterator[FaultyProxy]:
    """A proxy for the time of a `with` block."""
    proxy = FaultyProxy(upstream, fault, meets)
    try:
        yield proxy
    finally:
        proxy.close()


def _passed_on(upstream: str, request: Request) -> Reply:
    connection = HTTPConnection(upstream)
    try:
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(request.body)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN_HEADERS}
    return Reply(status=answer.status, headers=headers, body=body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: FaultyProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # No polite end, which would come before a reset.
        self._open.discard(request)
        self.close_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Its client was faster.
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.proxy.reply(self.command, self.path, headers, body)
        if reply.status is not None:
            self._send(reply, reply.status)
        self._end(reply.ending)

    def _send(self, reply: Reply, status: int) -> None:
        self.send_response_only(status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        framing = (
            ("Transfer-Encoding", "chunked") if reply.chunked else ("Content-Length", str(len(reply.body)))
        )
        self.send_header(*framing)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"%x\r\n" % len(reply.body) if reply.chunked else b"")
            self.wfile.write(reply.body[: int(len(reply.body) * reply.sent)])

    def _end(self, ending: Ending) -> None:
        self.close_connection = ending is not Ending.KEPT
        if ending is Ending.DRIPPING:
            self._drip()
        if ending is Ending.STALLED:
            self.rfile.read(1)
        if ending is Ending.RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _drip(self) -> None:
        """Send a byte at a time until the client has gone, or the proxy ends."""
        self.connection.settimeout(0.05)
        try:
            while self._silent():
                self.wfile.write(b" ")
        except OSError:
            # Nobody listens any more.
            return

    def _silent(self) -> bool:
        try:
            return bool(self.connection.recv(1))
        except TimeoutError:
            return True

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815 http.server's names
