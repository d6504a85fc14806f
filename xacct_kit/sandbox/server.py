"""Serving the sandbox: an HTTP server on loopback, in this process or in a child of it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from xacct_kit.errors import SandboxError
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import CAPABILITIES, build_template, template_parameters, to_yaml
from xacct_kit.sandbox import organization, scenarios
from xacct_kit.sandbox.gate import Gate, WSGIApplication
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.scenarios import Scenario

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
    scenario = scenarios.find_scenario(layout.scenario)
    _configure_engine()
    gate = Gate(cast(WSGIApplication, DomainDispatcherApplication(create_backend_app)))
    organization.build(layout)
    gate.keyring.add(organization.operator_key(layout.partition))
    for account in layout.members:
        _prepare(gate, layout, scenario, account)
    # Bound here, because werkzeug ends the process when a port is taken.
    with socket.create_server((HOST, port)) as bound:
        return make_server(HOST, port, gate, threaded=True, request_handler=_QuietHandler, fd=bound.fileno())


def _configure_engine() -> None:
    # One account would override every caller's, and buckets would be open across accounts.
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    os.environ["MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS"] = "false"


def _prepare(gate: Gate, layout: Layout, scenario: Scenario, account: str) -> None:
    gate.cost_explorer.set(account, scenario.cost_explorer)
    if not scenario.role_deployed:
        return
    _deploy(gate, layout, account)
    role = iam_backends[account][layout.partition].get_role(layout.role_name)
    role.assume_role_policy_document = scenarios.tampered(role.assume_role_policy_document, scenario)
    for name in scenario.dropped_policies:
        role.delete_policy(name)


def _deploy(gate: Gate, layout: Layout, account: str) -> None:
    """Deploy the role's stack as the account's administrator does."""
    parameters = template_parameters(
        main_account=MAIN_ACCOUNT,
        api_handler_role=layout.api_handler_role,
        workflow_loop_runner_role=layout.workflow_loop_runner_role,
        external_id=layout.external_id,
        role_name=layout.role_name,
    )
    request = {
        "StackName": layout.stack_name,
        "TemplateBody": to_yaml(build_template(load_profile(layout.profile))),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": list(CAPABILITIES),
    }
    caller = gate.acting_as(organization.access_role_session(layout, account), layout.region)
    gate.cloudformation.handle("CreateStack", request, caller)
    described = {"StackStatus": "CREATE_IN_PROGRESS"}
    while described["StackStatus"] == "CREATE_IN_PROGRESS":
        time.sleep(0.002)
        answer = gate.cloudformation.handle("DescribeStacks", {"StackName": layout.stack_name}, caller)
        described = answer["Stacks"][0]
    if described["StackStatus"] != "CREATE_COMPLETE":
        raise SandboxError(f"The sandbox could not deploy the role in {account}: {described}")


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
    """The variables that point an AWS tool at a sandbox, as its operator."""
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{server.port}",
        "AWS_REGION": layout.region,
        "AWS_DEFAULT_REGION": layout.region,
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
    }
