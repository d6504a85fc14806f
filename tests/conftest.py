"""No test reaches AWS: there are no credentials to use and no way out of this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that has other work.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Well-formed, so that a call which is signed by mistake gets as far as the wall around the sockets.
NO_AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session", autouse=True)
def no_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take away whatever the machine knows of AWS, for child processes too, and wall in the sockets."""
    nowhere = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "XACCT_"))]:
            patch.delenv(name)
        for name, value in NO_AWS.items():
            patch.setenv(name, value)
        patch.setenv("AWS_CONFIG_FILE", str(nowhere / "no-config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "no-credentials"))
        # A proxy would take the calls to the sandbox along.
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        patch.setattr(socket, "getaddrinfo", _walled_lookup(socket.getaddrinfo))
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _walled_connect(getattr(socket.socket, method)))
        yield


def _walled_lookup(lookup: Any) -> Any:
    def walled(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host:
            _stay_on_loopback(host.decode() if isinstance(host, bytes) else host, port)
        return lookup(host, port, *rest, **options)

    return walled


def _walled_connect(connect: Any) -> Any:
    def walled(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _stay_on_loopback(*address[:2])
        return connect(self, address)

    return walled


def _stay_on_loopback(host: str, port: Any) -> None:
    try:
        loopback = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        # Not an OSError: the code under test must not take it for a network that is down.
        pytest.fail(f"a test tried to reach {host}:{port}; tests stay on loopback")
