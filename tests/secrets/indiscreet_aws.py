"""AWS as it may be met: a server before the sandbox that keeps what is handed out, and can be made to tell.

It stands on loopback between the kit and the sandbox. What it passes on is what was sent; what it answers is
the sandbox's answer, unless a disturbance has something else to say.
"""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from leaks import Secret

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/[^/]*/(?P<service>[^/]+)/aws4_request")
_HOP_BY_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """What the kit sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def service(self) -> str:
        match = _SCOPE.search(self.headers.get("authorization") or unquote(self.path))
        return match["service"] if match else ""

    @cached_property
    def query(self) -> dict[str, str]:
        """What is asked for behind the path; a link is signed there."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def token(self) -> str:
        """The session token of who signed."""
        return self.headers.get("x-amz-security-token") or self.query.get("X-Amz-Security-Token", "")

    @cached_property
    def operation(self) -> str:
        target = self.headers.get("x-amz-target", "")
        named = parse_qs(self.body.decode("utf-8", "replace")).get("Action", [""])[0]
        return target.rpartition(".")[2] or named

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Those of a request in AWS's query protocol."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass(frozen=True)
class Response:
    """What the kit gets; without a status, nothing but the end of the connection."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Disturbance = Callable[[Request, Response], Response]


class IndiscreetAws:
    """The server, which listens until it is closed.

    Parameters:
        sandbox: URL of the sandbox behind it.
        store: what Secrets Manager holds, by name; the sandbox has no Secrets Manager.

    Attributes:
        url: where it listens.
        issued: every credential that was handed out, and the signature of every link that was opened.
    """

    def __init__(self, sandbox: str, store: Mapping[str, str] = {}) -> None:
        self._sandbox = urlsplit(sandbox).netloc
        self._store = store
        self._lock = Lock()
        self._disturbance: Disturbance | None = None
        self.issued: list[Secret] = []
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def disturbed(self, disturbance: Disturbance) -> Iterator[None]:
        """Answer otherwise for a while."""
        self._disturbance = disturbance
        try:
            yield
        finally:
            self._disturbance = None

    def answer(self, request: Request) -> Response:
        with self._lock:
            self.asked.append(f"{request.service}:{request.operation}")
        self._issue("a link's signature", request.query.get("X-Amz-Signature", ""))
        response = self._of_the_store(request) or self._of_the_sandbox(request)
        self._keep(response)
        if self._disturbance:
            response = self._disturbance(request, response)
            self._keep(response)
        return response

    def _of_the_sandbox(self, request: Request) -> Response:
        connection = http.client.HTTPConnection(self._sandbox, timeout=30)
        # The host was signed; the sandbox has to see what the client sent.
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name not in ("content-length", "transfer-encoding", "connection", "expect"):
                connection.putheader(name, value)
        connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        body = answer.read()
        connection.close()
        return Response(answer.status, headers, body)

    def _of_the_store(self, request: Request) -> Response | None:
        if (request.service, request.operation) != ("secretsmanager", "GetSecretValue"):
            return None
        name = json.loads(request.body)["SecretId"]
        body = json.dumps({"Name": name, "SecretString": self._store[name]}).encode()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": str(uuid.uuid4())}
        return Response(200, headers, body)

    def _keep(self, response: Response) -> None:
        """Remember the credentials in an answer."""
        for element in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
            for value in re.findall(rf"<{element}>([^<]+)</{element}>".encode(), response.body):
                self._issue(f"an assumed role's {element}", value.decode())

    def _issue(self, name: str, value: str) -> None:
        with self._lock:
            if value and value not in {secret.value for secret in self.issued}:
                self.issued.append(Secret(name, value))


def _handler(aws: IndiscreetAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # In one packet: a second one would wait until the first is acknowledged.
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            response = aws.answer(Request(self.command, self.path, headers, body))
            if not response.status:
                self.close_connection = True
                return
            self.send_response(response.status)
            for name, value in response.headers.items():
                if name not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 the names are http.server's

        def log_request(self, *arguments: object) -> None:
            pass

    return Handler
