"""The organization that a new sandbox holds: accounts, the operator, and the roles that were always there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import FakeAccount, organizations_backends

from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.principals import Key, Principal

_ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
}


def build(layout: Layout) -> None:
    """Make the accounts and the roles that are there before any role is deployed."""
    _create_organization(layout.partition, (MAIN_ACCOUNT, *layout.members))
    _create_operator(layout.partition)
    for account in (MAIN_ACCOUNT, *layout.members):
        trust = _trust(AWS=f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root")
        _create_role(layout.partition, account, layout.access_role, trust, _ADMINISTRATOR)
    for name in (layout.api_handler_role, layout.workflow_loop_runner_role, layout.untrusted_role):
        trust = _trust(
            Service="lambda.amazonaws.com", AWS=f"arn:{layout.partition}:iam::{MANAGEMENT_ACCOUNT}:root"
        )
        _create_role(layout.partition, MAIN_ACCOUNT, name, trust, _MAY_ASSUME)


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
        backend.attach_policy(PolicyId=policy.id, TargetId=account_id)
    organizations_backends.master_accounts[account_id] = (MANAGEMENT_ACCOUNT, partition)


def _create_operator(partition: str) -> None:
    backend = iam_backends[MANAGEMENT_ACCOUNT][partition]
    backend.create_user(region_name=backend.region_name, user_name="operator")
    backend.put_user_policy("operator", "AdministratorAccess", json.dumps(_ADMINISTRATOR))


def _create_role(
    partition: str, account: str, name: str, trust: dict[str, Any], policy: dict[str, Any]
) -> None:
    backend = iam_backends[account][partition]
    backend.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(trust),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    backend.put_role_policy(name, "permissions", json.dumps(policy))


def _trust(**principals: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
