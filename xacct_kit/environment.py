"""Where calls go: the sandbox or AWS. No step knows which."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from xacct_kit.aws.clients import Connection
from xacct_kit.aws.configuration import check_configuration
from xacct_kit.aws.references import needs_call, resolve
from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError
from xacct_kit.role.profile import load_profile

if TYPE_CHECKING:
    from xacct_kit.params import Params
    from xacct_kit.sandbox.layout import Layout
    from xacct_kit.sandbox.process import SandboxProcess


def connect(params: Params) -> Session:
    """Open a session where the params say.

    In the sandbox a child process serves a new organization until the session is closed, unless the params
    name the endpoint of one that is served already.

    Parameters:
        params: what the user asked for.

    Returns:
        The session; a context manager that closes itself.

    Raises:
        ParamsError: there is no such profile or external ID, or the sandbox has no such scenario.
        SandboxError: the sandbox did not start.
    """
    load_profile(params.profile, anew=True)
    if params.environment == "aws":
        return _to_aws(params)
    if params.sandbox_endpoint:
        return Session(params, sandbox_connection(params.sandbox_endpoint))
    child = start_sandbox(params)
    return Session(params, sandbox_connection(child.endpoint), on_close=child.stop)


def _to_aws(params: Params) -> Session:
    check_configuration(params.access_profile)
    session = Session(params, Connection(profile=params.access_profile))
    # Missing, they are a fault of the request, and nothing must have been called.
    if not needs_call(params.external_id):
        _ = session.external_id
    if not needs_call(params.management_external_id or ""):
        _ = session.management_external_id
    return session


def start_sandbox(params: Params) -> SandboxProcess:
    """Start a sandbox that holds what the params say, in a child process.

    Raises:
        ParamsError: there is no such scenario or external ID, or main is another account than the sandbox's.
        SandboxError: the sandbox did not start.
    """
    from xacct_kit.sandbox.layout import MAIN_ACCOUNT
    from xacct_kit.sandbox.process import SandboxProcess
    from xacct_kit.sandbox.scenarios import find_scenario

    find_scenario(params.sandbox_scenario)
    if params.main_account != MAIN_ACCOUNT:
        raise ParamsError([f"main_account: the sandbox's main account is {MAIN_ACCOUNT}"])
    return SandboxProcess(sandbox_layout(params))


def sandbox_values() -> dict[str, Any]:
    """The params of any sandbox: its main account, its first member and its external ID."""
    from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MEMBER_ACCOUNT

    return {
        "main_account": MAIN_ACCOUNT,
        "member_accounts": [MEMBER_ACCOUNT],
        "external_id": EXTERNAL_ID,
    }


def scenarios() -> dict[str, str]:
    """What a sandbox can hold: each scenario's name, and what is so in it."""
    from xacct_kit.sandbox.scenarios import SCENARIOS

    return {name: scenario.about for name, scenario in SCENARIOS.items()}


def sandbox_layout(params: Params) -> Layout:
    """What the sandbox of the params holds.

    Raises:
        ParamsError: there is no external ID at its reference, or one that a call would have to read.
    """
    from xacct_kit.sandbox.layout import MANAGEMENT_EXTERNAL_ID, Layout

    management = params.management_external_id
    return Layout(
        scenario=params.sandbox_scenario,
        accounts=params.sandbox_accounts,
        partition=params.partition,
        region=params.region,
        external_id=_external_id("external_id", params.external_id),
        api_handler_role=params.api_handler_role,
        workflow_loop_runner_role=params.workflow_loop_runner_role,
        untrusted_role=params.untrusted_role or Layout.untrusted_role,
        access_role=params.access_role or Layout.access_role,
        management_role=params.management_role or Layout.management_role,
        management_external_id=(
            _external_id("management_external_id", management) if management else MANAGEMENT_EXTERNAL_ID
        ),
        role_name=params.role_name,
        stack_name=params.stack_name,
        profile=params.profile,
    )


def _external_id(key: str, value: str) -> str:
    return resolve(value, partial(_no_store, key), key)


def _no_store(key: str, service: str, operation: str, **params: str) -> NoReturn:
    raise ParamsError(
        [f"{key}: a new sandbox has nothing in {service}; use env:NAME, file:PATH or a literal"]
    )


def sandbox_connection(endpoint: str) -> Connection:
    """A connection as the operator of a sandbox."""
    from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET

    return Connection(endpoint=endpoint, access_key=OPERATOR_ACCESS_KEY, secret=OPERATOR_SECRET)
