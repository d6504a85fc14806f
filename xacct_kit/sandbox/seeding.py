"""What a new sandbox holds: an organization, its operator, the roles that were always there, a scenario."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import FakeAccount, organizations_backends

from xacct_kit.errors import SandboxError
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import CAPABILITIES, build_template, template_parameters, to_yaml
from xacct_kit.sandbox import scenarios, state
from xacct_kit.sandbox.gate import Gate
from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.principals import Key, Principal
from xacct_kit.sandbox.scenarios import Scenario

# When the roles were made that are not new: moto's times have no time zone.
_LONG_AGO = datetime(2020, 1, 1)

_ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
}


def build(layout: Layout, scenario: Scenario) -> None:
    """Make the accounts, and in the main one the roles that are there before any role is deployed."""
    _create_organization(layout.partition, (MAIN_ACCOUNT, *layout.members))
    if scenario.scp:
        _attach_scp(layout, scenario.scp)
    _create_operator(layout.partition)
    _create_access_role(layout, MAIN_ACCOUNT)
    for name in (layout.api_handler_role, layout.workflow_loop_runner_role, layout.untrusted_role):
        trust = _trust(
            Service="lambda.amazonaws.com", AWS=f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root"
        )
        _create_role(layout.partition, MAIN_ACCOUNT, name, trust, _MAY_ASSUME)


def furnish(gate: Gate, layout: Layout, scenario: Scenario, account: str) -> None:
    """Bring into a member account what it holds: the administrator's role, the role's stack, what is wrong.

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
        role.create_date = _LONG_AGO


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
            _attach(policy, account)


def _attach(policy: Any, account: Any) -> None:
    """Do what moto does after looking at every account there is."""
    account.attached_policies.append(policy)
    policy.attachments.append(account)


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
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": list(CAPABILITIES),
    }
    caller = gate.acting_as(access_role_session(layout, account), layout.region)
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


def access_role_session(layout: Layout, account: str) -> Principal:
    """A session of the administrator's role in a member account."""
    role = iam_backends[account][layout.partition].get_role(layout.access_role)
    return Principal(
        account=account,
        arn=f"arn:{layout.partition}:sts::{account}:assumed-role/{role.name}/sandbox",
        user_id=f"{role.id}:sandbox",
        role_arn=role.arn,
    )


def _create_organization(partition: str, members: Iterable[str]) -> None:
    backend = organizations_backends[MANAGEMENT_ACCOUNT][partition]
    backend.create_organization(region=backend.region_name, FeatureSet="ALL")
    backend.enable_policy_type(RootId=backend.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
    for member in members:
        _add_account(backend, partition, member)
    # moto gave each account a role under the random ID that it had at first.
    iam_backends.clear()


def _add_account(backend: Any, partition: str, account_id: str) -> None:
    """Add an account with an ID of our choice; moto would choose one at random."""
    name = "main" if account_id == MAIN_ACCOUNT else f"member-{account_id}"
    account = FakeAccount(backend.org, AccountName=name, Email=f"{name}@example.com")
    account.id = account_id
    backend.accounts.append(account)
    for policy in backend.policies:
        _attach(policy, account)
    organizations_backends.master_accounts[account_id] = (MANAGEMENT_ACCOUNT, partition)


def _create_operator(partition: str) -> None:
    backend = iam_backends[MANAGEMENT_ACCOUNT][partition]
    backend.create_user(region_name=backend.region_name, user_name="operator")
    state.identify_user(partition, MANAGEMENT_ACCOUNT, "operator")
    backend.put_user_policy("operator", "AdministratorAccess", json.dumps(_ADMINISTRATOR))


def _create_access_role(layout: Layout, account: str) -> None:
    trust = _trust(AWS=f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root")
    _create_role(layout.partition, account, layout.access_role, trust, _ADMINISTRATOR)


def _create_role(
    partition: str, account: str, name: str, trust: dict[str, Any], policy: dict[str, Any]
) -> None:
    backend = iam_backends[account][partition]
    role = backend.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(trust),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    role.create_date = _LONG_AGO
    backend.put_role_policy(name, "permissions", json.dumps(policy))


def _trust(**principals: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
