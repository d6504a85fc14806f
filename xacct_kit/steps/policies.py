"""The policies that decide what a role may do, as far as they may be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.iam import Policies
from xacct_kit.role.repair import EVERYTHING, KnownPolicy
from xacct_kit.steps.live_role import (
    NOT_READ,
    Unreadable,
    ask,
    attached_policies,
    boundary_of,
    inline_policies,
    items,
    told,
)


@dataclass(frozen=True, kw_only=True)
class RolePolicies:
    """What is known of the policies of a role.

    Attributes:
        policies: those that could be read; what could not be may allow everything.
        unread: what could not be read, and why: a sentence each.
    """

    policies: Policies[KnownPolicy]
    unread: tuple[str, ...] = ()


def read_policies(session: Session, account: str, role: str, reader: Caller | None) -> RolePolicies:
    """Read the policies of a role, and the service control policies above its account.

    Parameters:
        session: whose run it is.
        account: the role's account.
        role: its name.
        reader: who reads in that account; None where nobody may.
    """
    unread: list[str] = []
    identity: list[KnownPolicy] = []
    boundary = None
    scps: tuple[tuple[KnownPolicy, ...], ...] = ()
    try:
        if reader is None:
            raise Unreadable(f"nobody here may act in {account}.")
        found = ask(session, reader, "iam", "GetRole", RoleName=role)["Role"]
        boundary = boundary_of(session, reader, found)
        identity.extend(inline_policies(session, reader, role))
        identity.extend(attached_policies(session, reader, role))
    except NOT_READ as error:
        identity.append(EVERYTHING)
        unread.append(f"The policies of {role} cannot be read: {told(error)}")
    try:
        scps = tuple(_control_levels(session, account))
    except NOT_READ as error:
        unread.append(f"The organization's service control policies cannot be read: {told(error)}")
    return RolePolicies(
        policies=Policies(identity=identity, boundary=boundary, scps=scps), unread=tuple(unread)
    )


def _control_levels(session: Session, account: str) -> Iterator[tuple[KnownPolicy, ...]]:
    """The levels of SCPs above an account, root first; none above the management account.

    "Every root, OU, and account must have at least one SCP attached": one that has none is of an organization
    that does not use them.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html
    """
    reader = session.operator
    organization = ask(session, reader, "organizations", "DescribeOrganization")["Organization"]
    if account == organization["MasterAccountId"]:
        return
    listed = partial(items, session, reader, service="organizations")
    targets = [account]
    while not targets[0].startswith("r-"):
        parents = list(listed("ListParents", "Parents", ChildId=targets[0]))
        targets.insert(0, parents[0]["Id"])
    for target in targets:
        attached = listed("ListPoliciesForTarget", "Policies", TargetId=target, Filter=_SCP)
        level = tuple(_control(session, reader, summary) for summary in attached)
        if level:
            yield level


_SCP = "SERVICE_CONTROL_POLICY"


def _control(session: Session, reader: Caller, summary: Mapping[str, Any]) -> KnownPolicy:
    described = ask(session, reader, "organizations", "DescribePolicy", PolicyId=summary["Id"])
    return KnownPolicy(
        name=summary["Name"], document=json.loads(described["Policy"]["Content"]), arn=summary["Arn"]
    )
