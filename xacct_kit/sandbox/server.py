"""Serving the sandbox: an HTTP server on loopback, in this process or in a child of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from xacct_kit.errors import SandboxError
from xacct_kit.role.profile import load_profile
from xacct_kit.sandbox import additions, seeding
from xacct_kit.sandbox.authority import Authority
from xacct_kit.sandbox.disturbances import Disturbances
from xacct_kit.sandbox.gate import Gate, WSGIApplication
from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.members import Members
from xacct_kit.sandbox.new_accounts import NewAccounts
from xacct_kit.sandbox.protocol import model_of
from xacct_kit.sandbox.scenarios import Scenario, find_scenario

HOST = "127.0.0.1"


class _QuietHandler(MotoRequestHandler):
    """Speaks HTTP/1.1, so that a client may ask before it sends a body, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, *args: Any, **kwargs: Any) -> None:
        pass


def make_sandbox(layout: Layout, port: int = 0) -> BaseWSGIServer:
    """A server of a new sandbox, listening on loopback; `serve_forever` makes it answer.

    There can be one sandbox in a process: its state is the process's.

    Parameters:
        layout: what the sandbox holds.
        port: where it listens; 0 chooses a free port.

    Raises:
        ParamsError: the scenario or the profile is not known.
        OSError: the port is taken.
    """
    scenario = find_scenario(layout.scenario)
    load_profile(layout.profile)
    _configure_engine()
    gate = _make_gate(layout, scenario)
    seeding.build(layout, scenario)
    gate.keyring.add(seeding.operator_key(layout.partition))
    gate.new_accounts = NewAccounts(layout)
    gate.members = Members(layout.members, partial(seeding.furnish, gate, layout, scenario))
    # Bound here, because werkzeug ends the process when a port is taken.
    with socket.create_server((HOST, port)) as bound:
        return make_server(HOST, port, gate, threaded=True, request_handler=_QuietHandler, fd=bound.fileno())


def _configure_engine() -> None:
    # One account would override every caller's, and buckets would be open across accounts.
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    os.environ["MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS"] = "false"
    additions.spare_images()


def _make_gate(layout: Layout, scenario: Scenario) -> Gate:
    propagation = scenario.propagation if layout.propagation is None else layout.propagation
    disturbances = Disturbances(throttle={**scenario.throttle, **layout.throttle}, latency=layout.latency)
    return Gate(_engine, Authority(propagation), disturbances)


_engine = cast(Callable[[str], WSGIApplication], cache(create_backend_app))


# What the kit asks moto for. moto's CloudFormation, which is not asked, would load every service there is.
_ASKED = ("ec2", "emr", "iam", "organizations", "s3", "sagemaker", "secretsmanager", "ssm")


def load_services() -> None:
    """Load what a sandbox otherwise loads of a service at the first request to it."""
    _configure_engine()
    for service in (*_ASKED, "ce", "cloudformation", "sts"):
        model_of(service)
    for service in _ASKED:
        _engine(service)


def serve(layout: Layout, port: int, announce: Callable[[Mapping[str, str]], None]) -> None:
    """Serve a sandbox in this process until it is interrupted.

    Parameters:
        layout: what the sandbox holds.
        port: where it listens; 0 chooses a free port.
        announce: is given the environment that points an AWS tool at it.

    Raises:
        SandboxError: the port is taken.
    """
    try:
        server = make_sandbox(layout, port)
    except OSError as error:
        raise SandboxError(f"The sandbox cannot listen on port {port}: {error.strerror}") from error
    announce(environment(server, layout))
    try:
        server.serve_forever(poll_interval=0.05)
    finally:
        server.server_close()


def environment(server: BaseWSGIServer, layout: Layout) -> dict[str, str]:
    """The variables that point an AWS tool at a sandbox, as its operator.

    Parameters:
        server: what `make_sandbox` made.
        layout: what it was made of.
    """
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{server.port}",
        "AWS_REGION": layout.region,
        "AWS_DEFAULT_REGION": layout.region,
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
    }
