"""What a new sandbox holds: an organization, its operator, the roles that were always there, a scenario."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import organizations_backends

from xacct_kit.errors import SandboxError
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import CAPABILITIES, build_template, template_parameters, to_yaml
from xacct_kit.sandbox import organization, scenarios, state
from xacct_kit.sandbox.cloudformation.parameters import as_parameters
from xacct_kit.sandbox.gate import Gate
from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.principals import Key, Principal, role_session
from xacct_kit.sandbox.roles import ADMINISTRATOR, LONG_AGO, allowing, create_role, trusting
from xacct_kit.sandbox.scenarios import Scenario

_MAY_ASSUME = allowing("sts:AssumeRole")
_MAY_CREATE_ACCOUNTS = allowing(
    "organizations:CreateAccount",
    "organizations:Describe*",
    "organizations:List*",
    "organizations:MoveAccount",
    "organizations:TagResource",
)


def build(layout: Layout, scenario: Scenario) -> None:
    """Make the accounts, and in the main one the roles that are there before any role is deployed.

    Parameters:
        layout: what the sandbox holds.
        scenario: what is so in the organization.
    """
    _create_organization(layout.partition, (MAIN_ACCOUNT, *layout.members))
    if scenario.scp:
        _attach_scp(layout, scenario.scp)
    _create_operator(layout.partition)
    _create_access_role(layout, MAIN_ACCOUNT)
    for name in (layout.api_handler_role, layout.workflow_loop_runner_role, layout.untrusted_role):
        trust = trusting(
            {
                "Service": "lambda.amazonaws.com",
                "AWS": f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root",
            }
        )
        create_role(layout.partition, MAIN_ACCOUNT, name, trust, _MAY_ASSUME)
    _create_management_role(layout)


def furnish(gate: Gate, layout: Layout, scenario: Scenario, account: str) -> None:
    """Bring into a member account what it holds: the administrator's role, the role's stack, what is wrong.

    Parameters:
        gate: what the stack is deployed through.
        layout: what the sandbox holds.
        scenario: what is wrong.
        account: the account.

    Raises:
        SandboxError: the stack could not be deployed.
    """
    _create_access_role(layout, account)
    if scenario.role_deployed:
        _deploy(gate, layout, account)
        _tamper(layout, scenario, account)
    gate.disturbances.set_not_ready(account, *scenario.not_ready)
    if scenario.region_disabled:
        gate.disturbances.disable_region(account, layout.region)


def _tamper(layout: Layout, scenario: Scenario, account: str) -> None:
    backend = iam_backends[account][layout.partition]
    role = backend.get_role(layout.role_name)
    role.assume_role_policy_document = scenarios.tampered(role.assume_role_policy_document, scenario)
    for name in scenario.dropped_policies:
        role.delete_policy(name)
    if scenario.boundary:
        policy = backend.create_policy(
            description="",
            path="/",
            policy_document=json.dumps(scenario.boundary),
            policy_name="AnalyticsBoundary",
            tags=[],
        )
        role.permissions_boundary_arn = policy.arn
    if not scenario.propagation:
        role.create_date = LONG_AGO


def _attach_scp(layout: Layout, document: dict[str, Any]) -> None:
    backend = organizations_backends[MANAGEMENT_ACCOUNT][layout.partition]
    name = document["Statement"][0]["Sid"]
    backend.create_policy(
        Name=name, Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(document)
    )
    policy = backend.policies[-1]
    policy.id = f"p-{name.lower()}"
    for account in backend.accounts:
        if account.id not in (MANAGEMENT_ACCOUNT, MAIN_ACCOUNT):
            organization.attach(policy, account)


@functools.cache
def _template(profile: str) -> str:
    return to_yaml(build_template(load_profile(profile)))


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
        "TemplateBody": _template(layout.profile),
        "Parameters": as_parameters(parameters),
        "Capabilities": list(CAPABILITIES),
    }
    administrator = state.find_named(layout.partition, account, "role", layout.access_role)
    assert administrator is not None
    caller = gate.acting_as(role_session(administrator, "sandbox"), layout.region)
    gate.cloudformation.handle("CreateStack", request, caller)
    described = {"StackStatus": "CREATE_IN_PROGRESS"}
    while described["StackStatus"] == "CREATE_IN_PROGRESS":
        time.sleep(0.002)
        answer = gate.cloudformation.handle("DescribeStacks", {"StackName": layout.stack_name}, caller)
        described = answer["Stacks"][0]
    if described["StackStatus"] != "CREATE_COMPLETE":
        raise SandboxError(f"The sandbox could not deploy the role in {account}: {described}")


def operator_key(partition: str) -> Key:
    """The key of the organization's administrator."""
    user = iam_backends[MANAGEMENT_ACCOUNT][partition].get_user("operator")
    principal = Principal(account=MANAGEMENT_ACCOUNT, arn=user.arn, user_id=user.id)
    return Key(access_key=OPERATOR_ACCESS_KEY, secret=OPERATOR_SECRET, principal=principal)


def _create_organization(partition: str, members: Iterable[str]) -> None:
    backend = organizations_backends[MANAGEMENT_ACCOUNT][partition]
    backend.create_organization(region=backend.region_name, FeatureSet="ALL")
    backend.enable_policy_type(RootId=backend.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
    for member in members:
        name = "main" if member == MAIN_ACCOUNT else f"member-{member}"
        organization.add_account(backend, member, name, f"{name}@example.com")
    # moto gave the management account a role under the random ID that it had at first.
    iam_backends.clear()


def _create_operator(partition: str) -> None:
    backend = iam_backends[MANAGEMENT_ACCOUNT][partition]
    backend.create_user(region_name=backend.region_name, user_name="operator")
    state.identify_user(partition, MANAGEMENT_ACCOUNT, "operator")
    backend.put_user_policy("operator", "AdministratorAccess", json.dumps(ADMINISTRATOR))


def _create_access_role(layout: Layout, account: str) -> None:
    trust = trusting({"AWS": f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root"})
    create_role(layout.partition, account, layout.access_role, trust, ADMINISTRATOR)


def _create_management_role(layout: Layout) -> None:
    """The role by which main creates accounts, and comes into those that are new."""
    creators = (layout.api_handler_role, layout.workflow_loop_runner_role)
    arns = [f"arn:{layout.partition}:iam::{MAIN_ACCOUNT}:role/{name}" for name in creators]
    trust = trusting({"AWS": arns}, layout.management_external_id)
    entering = allowing("sts:AssumeRole", resource=f"arn:{layout.partition}:iam::*:role/*")
    create_role(
        layout.partition,
        MANAGEMENT_ACCOUNT,
        layout.management_role,
        trust,
        _MAY_CREATE_ACCOUNTS,
        entering,
    )
