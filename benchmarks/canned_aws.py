"""AWS on loopback with canned answers and a set latency: what is measured against it is the caller.

It knows what one account needs: identities, roles, and the answers of the calls that probes make. It decides
nothing but who gets in, in a process of its own.

Run as `python benchmarks/canned_aws.py [MILLISECONDS]`; prints its URL, and when its standard input ends what
it was asked and the CPU that it took to answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

ROLE = "CrossAccountExecutionRole"
UNTRUSTED = "NotebookRole"
EXTERNAL_ID = "canned-external-id"
OPERATOR = "arn:aws:iam::111111111111:user/operator"

_REQUEST_ID = "01234567-89ab-cdef-0123-456789abcdef"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_TARGET = re.compile(rb"\r\nx-amz-target: *\S*\.(\w+)", re.I)
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_SCOPE = re.compile(rb"Credential=(\w+)/\d+/[\w-]+/([\w-]+)/")
_ROLE_ARN = re.compile(rb"RoleArn=arn%3Aaws%3Aiam%3A%3A(\d{12})%3Arole%2F([\w-]+)")
_EXTERNAL_ID = re.compile(rb"ExternalId=([\w-]+)")


def _json(answer: object) -> tuple[str, str]:
    return "200 OK", json.dumps(answer)


def _query(operation: str, result: str) -> tuple[str, str]:
    metadata = f"<ResponseMetadata><RequestId>{_REQUEST_ID}</RequestId></ResponseMetadata>"
    body = f"<{operation}Result>{result}</{operation}Result>{metadata}"
    return "200 OK", f"<{operation}Response>{body}</{operation}Response>"


_STACK = (
    "<StackId>arn:aws:cloudformation:us-east-1:333333333333:stack/onboard-account/1</StackId>"
    "<StackName>onboard-account</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
    "<StackStatus>CREATE_COMPLETE</StackStatus>"
)
_GIVEN_ROLE = (
    f"<Path>/</Path><RoleName>{ROLE}</RoleName><RoleId>AROACANNEDROLE000001</RoleId>"
    f"<Arn>arn:aws:iam::333333333333:role/{ROLE}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>"
    "<AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument>"
)
_COST = {
    "ResultsByTime": [
        {
            "TimePeriod": {"Start": "2026-01-01", "End": "2026-01-02"},
            "Total": {"UnblendedCost": {"Amount": "1.25", "Unit": "USD"}},
            "Groups": [],
            "Estimated": True,
        }
    ]
}
_DRY_RUN = (
    "<Response><Errors><Error><Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun "
    f"flag is set.</Message></Error></Errors><RequestID>{_REQUEST_ID}</RequestID></Response>"
)

# What is answered to an operation, whoever asks; what is not here is refused.
_ANSWERS = {
    "DescribeStacks": _query("DescribeStacks", f"<Stacks><member>{_STACK}</member></Stacks>"),
    "GetCostAndUsage": _json(_COST),
    "DescribeInstances": (
        "200 OK",
        f"<DescribeInstancesResponse><requestId>{_REQUEST_ID}</requestId><reservationSet/>"
        "</DescribeInstancesResponse>",
    ),
    "RunInstances": ("412 Precondition Failed", _DRY_RUN),
    "ListClusters": _json({"Clusters": []}),
    "GetRole": _query("GetRole", f"<Role>{_GIVEN_ROLE}</Role>"),
    "ListBuckets": (
        "200 OK",
        "<ListAllMyBucketsResult><Owner><ID>0</ID></Owner><Buckets/></ListAllMyBucketsResult>",
    ),
    "ListNotebookInstances": _json({"NotebookInstances": []}),
    "DescribeParameters": _json({"Parameters": []}),
}


def _message(status: str, body: str) -> bytes:
    """An answer as it goes over the wire."""
    head = f"HTTP/1.1 {status}\r\nx-amzn-requestid: {_REQUEST_ID}\r\nx-amz-request-id: {_REQUEST_ID}\r\n"
    return f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()


_MESSAGES = {operation.encode(): _message(*answer) for operation, answer in _ANSWERS.items()}


class CannedAWS:
    """Who may do what, and who has asked how often."""

    def __init__(self) -> None:
        self.principals: dict[bytes, str] = {}
        self.asked: Counter[bytes] = Counter()

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The answer to a request."""
        scope = _SCOPE.search(head)
        if scope is None:
            return _message("403 Forbidden", _xml_error("MissingAuthenticationToken", "Nobody asks."))
        key, service = scope.groups()
        self.asked[key] += 1
        found = _TARGET.search(head) or _ACTION.search(body)
        operation = found[1] if found else b"ListBuckets"
        if operation == b"AssumeRole":
            return self._assume(key, body)
        if operation == b"GetCallerIdentity":
            return self._identity(key)
        return _MESSAGES.get(operation) or self._refused(key, service.decode(), operation.decode(), head)

    def _arn(self, key: bytes) -> str:
        return self.principals.get(key, OPERATOR)

    def _identity(self, key: bytes) -> bytes:
        arn = self._arn(key)
        result = f"<Arn>{arn}</Arn><UserId>AIDACANNED</UserId><Account>{arn.split(':')[4]}</Account>"
        return _message(*_query("GetCallerIdentity", result))

    def _assume(self, key: bytes, body: bytes) -> bytes:
        """A key that names its account, so that the number of calls made with it can be told."""
        found = _ROLE_ARN.search(body)
        if found is None:
            return _denied(self._arn(key), "sts:AssumeRole", "what is no role")
        account, role = (part.decode() for part in found.groups())
        given, asking = _EXTERNAL_ID.search(body), self._arn(key)
        if role == ROLE and (given is None or given[1].decode() != EXTERNAL_ID or UNTRUSTED in asking):
            return _denied(asking, "sts:AssumeRole", f"resource: arn:aws:iam::{account}:role/{role}")
        issued = f"ASIA{account}{role[:4].upper()}"
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/canned"
        self.principals[issued.encode()] = arn
        expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        result = (
            f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROACANNED:canned</AssumedRoleId>"
            f"</AssumedRoleUser><Credentials><AccessKeyId>{issued}</AccessKeyId><SecretAccessKey>canned"
            f"</SecretAccessKey><SessionToken>{issued}</SessionToken><Expiration>{expiration}</Expiration>"
            "</Credentials>"
        )
        return _message(*_query("AssumeRole", result))

    def _refused(self, key: bytes, service: str, operation: str, head: bytes) -> bytes:
        action = f"{service}:{operation}"
        why = f"resource: * because no identity-based policy allows the {action} action"
        if not _TARGET.search(head):
            return _denied(self._arn(key), action, why)
        said = _refusal(self._arn(key), action, why)
        return _message("400 Bad Request", json.dumps({"__type": "AccessDeniedException", "message": said}))

    def figures(self) -> dict[str, int]:
        """How many requests there were, and what one account's role asked, at least and at most."""
        issued = [n for key, n in self.asked.items() if key.endswith(ROLE[:4].upper().encode())] or [0]
        return {"requests": self.asked.total(), "fewest": min(issued), "most": max(issued)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _refusal(asking: str, action: str, why: str) -> str:
    return f"User: {asking} is not authorized to perform: {action} on {why}"


def _denied(asking: str, action: str, why: str) -> bytes:
    return _message("403 Forbidden", _xml_error("AccessDenied", _refusal(asking, action, why)))


def _xml_error(code: str, message: str) -> str:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"


class Wire(asyncio.Protocol):
    """One connection that is kept alive; answers come late by the latency."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes], latency: float) -> None:
        self._answer, self._latency = answer, latency
        self._later = asyncio.get_running_loop().call_later
        self._came = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        for head, body in self._requests():
            self._later(self._latency, self._send, self._answer(head, body))

    def _requests(self) -> Iterator[tuple[bytes, bytes]]:
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = self._came[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            body, self._came = self._came[end + 4 : whole], self._came[whole:]
            yield head, body

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(latency: float) -> dict[str, float]:
    """Serve until standard input ends.

    Returns:
        How many requests there were, what was asked by one account's role, and seconds of the CPU.
    """
    loop, aws, ended = asyncio.get_running_loop(), CannedAWS(), asyncio.Event()
    server = await loop.create_server(lambda: Wire(aws.answer, latency), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    loop.add_reader(sys.stdin.fileno(), ended.set)
    before = _cpu()
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.close()
    return {**aws.figures(), "cpu": _cpu() - before}


def _run(work: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    return run(work)


@dataclass
class Served:
    """A server that is up.

    Attributes:
        endpoint: its URL.
        figures: what it says of itself; empty until it has ended.
    """

    endpoint: str
    figures: dict[str, float]


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


@contextmanager
def canned_aws(latency: float) -> Iterator[Served]:
    """A server in a child process, with answers that come so many seconds late."""
    command = [sys.executable, __file__, str(latency * 1000)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        served = Served(_line(child.stdout), {})
        try:
            yield served
        finally:
            assert child.stdin is not None
            child.stdin.close()
            served.figures |= json.loads(_line(child.stdout))


if __name__ == "__main__":
    milliseconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    print(json.dumps(_run(serve(milliseconds / 1000))))
