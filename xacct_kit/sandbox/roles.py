"""Roles that are simply there: made in the state engine, without a call and without a stack."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends

from xacct_kit.sandbox import state

Document = dict[str, Any]

# When the roles were made that are not new: moto's times have no time zone.
LONG_AGO = datetime(2020, 1, 1)


def allowing(*actions: str, resource: str = "*") -> Document:
    """A permission policy of one statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


ADMINISTRATOR = allowing("*")


def trusting(principals: Document, external_id: str | None = None) -> Document:
    """A trust policy of one statement."""
    statement: Document = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def create_role(
    partition: str, account: str, name: str, trust: Document, *policies: Document, new: bool = False
) -> None:
    """Make a role.

    Parameters:
        partition: the account's partition.
        account: where.
        name: its name.
        trust: its trust policy.
        policies: its inline policies.
        new: whether it is made now; otherwise it was always there.
    """
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
    if not new:
        role.create_date = LONG_AGO
    for number, policy in enumerate(policies):
        backend.put_role_policy(name, f"permissions{number or ''}", json.dumps(policy))


def ensure_service_role(partition: str, account: str, name: str, service: str) -> state.Entity:
    """The administrator's role that an AWS service keeps in an account; it is made if it is not there.

    The service waits for its own role to be known everywhere, so that it was always there.
    """
    if state.find_named(partition, account, "role", name) is None:
        create_role(partition, account, name, trusting({"Service": service}), ADMINISTRATOR)
    role = state.find_named(partition, account, "role", name)
    assert role is not None
    return role
