"""Connections that keep to the deadline of the call they serve, whatever comes over them."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from xacct_kit.aws.deadlines import apart, time_left

if TYPE_CHECKING:
    from collections.abc import Mapping


def keep_deadlines(client: Any) -> None:
    """Let a botocore client, which has made no call yet, connect so."""
    # A subclass of its HTTP session would have to be given all that it knows of proxies and certificates.
    client._endpoint.http_session._pool_classes_by_scheme.update(_pools())


class _Socket:
    """A socket on which nothing is sent, and nothing is waited for, when the call is overdue."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Any) -> None:
        time_left()
        self._sock.sendall(data)

    def makefile(self, mode: str, buffering: int = -1) -> io.RawIOBase | io.BufferedReader:
        reader = _Reader(self._sock, self._sock.makefile(mode, 0))
        return reader if buffering == 0 else io.BufferedReader(reader)


class _Reader(io.RawIOBase):
    """What comes over a socket, each part waited for as long as its timeout, and the call, allow."""

    def __init__(self, sock: Any, raw: Any) -> None:
        self._sock, self._raw = sock, raw
        # Another one is set before the next request.
        self._patience = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        left = time_left()
        if self._patience is not None and left >= self._patience:
            return self._raw.readinto(buffer)  # type: ignore[no-any-return]
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)  # type: ignore[no-any-return]
        except TimeoutError:
            time_left()
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()


@cache
def _pools() -> Mapping[str, Any]:
    from botocore import awsrequest

    class Bounded:
        """Mixed into a connection of botocore."""

        sock: Any

        def connect(self) -> None:
            # Looks up a name, and may speak with a proxy.
            apart(super().connect)  # type: ignore[misc]
            self.sock = _Socket(self.sock)

    class Connection(Bounded, awsrequest.AWSHTTPConnection):  # type: ignore[misc]
        pass

    class SecureConnection(Bounded, awsrequest.AWSHTTPSConnection):  # type: ignore[misc]
        pass

    class Pool(awsrequest.AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Connection

    class SecurePool(awsrequest.AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
