"""A server on loopback that answers as AWS does for any account, and keeps who has signed each request."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

OPERATOR_KEY = "AKIAIOSFODNN7EXAMPLE"
OPERATOR = "111111111111"

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_SIGNED = re.compile(r"Credential=(?P<key>\w+)/\d{8}/(?P<region>[^/]+)/(?P<service>\w+)/")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A request, by what matters here.

    Attributes:
        number: how many came before it.
        service: the service that it is signed for.
        region: the region that it is signed for.
        key: the access key that signs it.
        token: the session token that it carries.
        asked: the account that its parameters name; empty where they name none.
        assumes: whether it assumes a role.
        connection: the connection that it came over.
    """

    number: int
    service: str
    region: str
    key: str
    token: str
    asked: str
    assumes: bool
    connection: int

    @property
    def signer(self) -> str:
        """The account whose credentials sign."""
        return OPERATOR if self.key == OPERATOR_KEY else self.key[4:16]


@dataclass(frozen=True)
class Disturbed:
    """Something else than the answer: an error, or nothing at all."""

    status: int | None
    code: str = ""


def undisturbed(_: Signed) -> Disturbed | None:
    """Every request is answered."""
    return None


def an_hour(_: int) -> timedelta:
    """How long credentials last by default."""
    return timedelta(hours=1)


@dataclass
class RecordingAws:
    """What has been asked, and how it is answered.

    Attributes:
        disturb: what a request meets instead of its answer.
        lifetime: how long the credentials last that are given as the so manieth.
        requests: what came.
        given: how many credentials have been given.
        connections: what has been accepted.
        url: where it is served.
    """

    disturb: Callable[[Signed], Disturbed | None] = undisturbed
    lifetime: Callable[[int], timedelta] = an_hour
    requests: list[Signed] = field(default_factory=list)
    given: int = 0
    connections: list[asyncio.BaseTransport] = field(default_factory=list)
    url: str = ""

    def answer(self, connection: int, head: str, body: str) -> bytes | None:
        """The answer to a request; None leaves it unanswered."""
        request = self._kept(connection, head, body)
        met = self.disturb(request)
        if met is not None:
            return None if met.status is None else _response(met.status, *_refusal(request.service, met.code))
        return _response(200, *self._result(request, body))

    def _kept(self, connection: int, head: str, body: str) -> Signed:
        signed = _SIGNED.search(head)
        token = re.search(r"(?im)^x-amz-security-token: *(\S+)", head)
        path = head.partition("\r\n")[0]
        asked = _ACCOUNT.search(unquote(f"{path} {body}"))
        assert signed
        request = Signed(
            number=len(self.requests),
            service=signed["service"],
            region=signed["region"],
            key=signed["key"],
            token=token[1] if token else "",
            asked=asked[0] if asked else "",
            assumes="Action=AssumeRole" in body,
            connection=connection,
        )
        self.requests.append(request)
        return request

    def _result(self, request: Signed, body: str) -> tuple[str, str]:
        if request.assumes:
            return "text/xml", self._credentials(request.asked, unquote(body))
        if request.service == "sts":
            arn = f"arn:aws:iam::{OPERATOR}:user/operator"
            return "text/xml", _result("GetCallerIdentity", f"<Arn>{arn}</Arn>")
        return _RESULTS[request.service](request.asked)

    def _credentials(self, account: str, body: str) -> str:
        self.given += 1
        name = re.search(r"role/(\w+)", body)
        expires = datetime.now(UTC) + self.lifetime(self.given)
        key = f"ASIA{account}{self.given:06}"
        return _result(
            "AssumeRole",
            f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret-of-{key}</SecretAccessKey>"
            f"<SessionToken>token-of-{key}</SessionToken><Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
            f"</Credentials><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:x</AssumedRoleId>"
            f"<Arn>arn:aws:sts::{account}:assumed-role/{name and name[1]}/x</Arn></AssumedRoleUser>",
        )


def _result(operation: str, result: str) -> str:
    return (
        f"<{operation}Response><{operation}Result>{result}</{operation}Result>"
        f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{operation}Response>"
    )


# The account that was asked for comes back in the answer, each in its own protocol.
_RESULTS: dict[str, Callable[[str], tuple[str, str]]] = {
    "iam": lambda account: (
        "text/xml",
        _result("GetRole", f"<Role><RoleName>role-{account}</RoleName></Role>"),
    ),
    "ec2": lambda account: (
        "text/xml",
        "<DescribeKeyPairsResponse><requestId>1</requestId><keySet><item>"
        f"<keyName>key-{account}</keyName></item></keySet></DescribeKeyPairsResponse>",
    ),
    "ssm": lambda account: (
        "application/x-amz-json-1.1",
        f'{{"Parameter": {{"Name": "/{account}"}}}}',
    ),
    "s3": lambda account: (
        "application/xml",
        f"<ListBucketResult><Name>bucket-{account}</Name></ListBucketResult>",
    ),
}


def _refusal(service: str, code: str) -> tuple[str, str]:
    if service == "ssm":
        return "application/x-amz-json-1.1", f'{{"__type": "{code}", "message": "No."}}'
    error = f"<Error><Code>{code}</Code><Message>No.</Message></Error>"
    told = "<RequestId>1</RequestId>"
    whole = {"s3": error, "ec2": f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"}
    return "text/xml", whole.get(service, f"<ErrorResponse>{error}{told}</ErrorResponse>")


def _response(status: int, kind: str, body: str) -> bytes:
    return (
        f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nx-amzn-RequestId: 1\r\nx-amz-request-id: 1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, aws: RecordingAws) -> None:
        self._aws = aws
        self._came = b""

    def connection_made(self, transport: Any) -> None:
        self._aws.connections.append(transport)
        self._number = len(self._aws.connections)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, ended, rest = self._came.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not ended or len(rest) < (size := int(length[1]) if length else 0):
            return
        self._came = rest[size:]
        answer = self._aws.answer(self._number, head.decode(), rest[:size].decode())
        if answer is not None:
            self._transport.write(answer)


@contextmanager
def serving(aws: RecordingAws) -> Iterator[RecordingAws]:
    """Serve it, in a thread, for the time of a `with` block."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: _Connection(aws), "127.0.0.1", 0, backlog=200)
    )
    aws.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield aws
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_close(server, aws.connections))
        loop.close()


async def _close(server: asyncio.Server, connections: list[asyncio.BaseTransport]) -> None:
    server.close()
    for connection in connections:
        connection.close()
    # They are closed in the next turn of the loop.
    await asyncio.sleep(0)
