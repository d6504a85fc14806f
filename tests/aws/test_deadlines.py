"""A call ends in time whatever it waits for, over TLS too, and is not tried again when it is overdue."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xacct_kit.aws.clients import Clients, Connection
from xacct_kit.aws.deadlines import apart, time_left, within
from xacct_kit.aws.redaction import Redactor

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret-of-operator")

RESULT = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account>"
    b"</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    b"</GetCallerIdentityResponse>"
)
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(RESULT), RESULT)

# What comes at once, and what comes then now and again, for ever.
DRIPS = {
    "status line": (b"", b" "),
    "headers": (b"HTTP/1.1 200 OK\r\nx-a: ", b"a"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@dataclass
class Server:
    """Says to every request the same, and then something more now and again.

    Attributes:
        said: what it says at once.
        more: what it goes on with.
        tls: how it is served over TLS, where it is.
        requests: how many came.
    """

    said: bytes
    more: bytes = b""
    tls: ssl.SSLContext | None = None
    requests: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL, for the time of a `with` block."""
        with closing(socket.create_server(("127.0.0.1", 0))) as listening:
            thread = threading.Thread(target=self._serve, args=(listening,))
            thread.start()
            try:
                yield f"{'https' if self.tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                self._over.set()
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _serve(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with closing(connection), suppress(OSError), closing(self._secured(connection)) as secured:
                    self._answer(secured)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection

    def _answer(self, connection: socket.socket) -> None:
        while came := connection.recv(65536):
            # The body may come by itself.
            if came.startswith(b"POST"):
                self.requests += 1
                connection.sendall(self.said)
                while self.more and not self._over.wait(0.02):
                    connection.sendall(self.more)


def identity(endpoint: str, credentials: Any = KEYS) -> Any:
    """Ask who calls."""
    clients = Clients(Connection(endpoint=endpoint))
    return clients.call(credentials, "sts", "us-east-1", "GetCallerIdentity", {}, Redactor())


def given_up(endpoint: str, credentials: Any = KEYS) -> None:
    """Ask, and get no answer in the time that there is, which is shorter than any of the timeouts."""
    with pytest.raises(TimeoutError, match="no whole answer within"):
        within(0.6, lambda: identity(endpoint, credentials))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(pem))
    return path


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    """How to serve, and be trusted."""
    if request.param == "http":
        return None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_an_answer_in_time_is_the_answer(tls: ssl.SSLContext | None) -> None:
    with Server(WHOLE, tls=tls).serving() as url:
        assert identity(url)["Account"] == "111111111111"


@pytest.mark.parametrize("drip", DRIPS)
def test_an_answer_that_drips_is_given_up_and_not_asked_for_again(
    tls: ssl.SSLContext | None, drip: str
) -> None:
    server = Server(*DRIPS[drip], tls=tls)
    with server.serving() as url:
        given_up(url)
    # None where the machine is too slow to come so far.
    assert server.requests <= 1


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait() and [])
    given_up("http://127.0.0.1:9")
    over.set()


def test_credentials_that_are_renewed_for_ever_are_given_up() -> None:
    over = threading.Event()
    credentials = RefreshableCredentials(
        "AKIAIOSFODNN7EXAMPLE", "a-secret", None, datetime.now(UTC), lambda: over.wait() and {}, "program"
    )
    server = Server(WHOLE)
    with server.serving() as url:
        given_up(url, credentials)
    assert server.requests == 0
    over.set()


def test_a_call_within_a_call_has_no_more_time_than_the_outer_one() -> None:
    outer = within(10.0, lambda: within(1000.0, time_left))
    assert outer <= 10.0
    assert within(1000.0, lambda: within(10.0, time_left)) <= 10.0


@pytest.mark.parametrize("ask", [time_left, lambda: apart(pytest.fail)])
def test_nothing_is_begun_when_the_time_is_over(ask: Callable[[], object]) -> None:
    with pytest.raises(TimeoutError, match="no whole answer within 0 s"):
        within(0.0, ask)


@pytest.mark.parametrize("seconds", [None, 100.0])
def test_what_is_done_apart_returns_and_raises_as_it_does_itself(seconds: float | None) -> None:
    def broken() -> None:
        raise TimeoutError("its own")

    def made(make: Callable[[], Any]) -> Any:
        return within(seconds, lambda: apart(make)) if seconds else apart(make)

    assert made(lambda: 7) == 7
    with pytest.raises(TimeoutError, match="its own"):
        made(broken)
