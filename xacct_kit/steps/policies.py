"""The policies that decide what a role may do, as far as they may be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.session import Answer, Caller, Session
from xacct_kit.iam import Policies
from xacct_kit.role.repair import KnownPolicy


class _Unreadable(Exception):
    """A call that reads policies was refused, or failed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.outcome.reason)


@dataclass(frozen=True, kw_only=True)
class RolePolicies:
    """What is known of the policies of a role.

    Attributes:
        policies: those that could be read.
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
    identity: tuple[KnownPolicy, ...] = ()
    boundary = None
    scps: tuple[tuple[KnownPolicy, ...], ...] = ()
    try:
        if reader is None:
            unread.append(f"Nobody here may read the policies of {role}.")
        else:
            boundary = _boundary(session, reader, role)
            identity = tuple(_identity(session, reader, role))
    except _Unreadable as error:
        unread.append(f"The policies of {role} cannot be read: {error}")
    try:
        scps = tuple(_control_levels(session, account))
    except _Unreadable as error:
        unread.append(f"The organization's service control policies cannot be read: {error}")
    return RolePolicies(
        policies=Policies(identity=identity, boundary=boundary, scps=scps), unread=tuple(unread)
    )


def _boundary(session: Session, reader: Caller, role: str) -> KnownPolicy | None:
    found = _ask(session, reader, "iam", "GetRole", RoleName=role)["Role"].get("PermissionsBoundary")
    return _managed(session, reader, found["PermissionsBoundaryArn"]) if found else None


def _identity(session: Session, reader: Caller, role: str) -> Iterator[KnownPolicy]:
    for name in _pages(session, reader, "ListRolePolicies", "PolicyNames", RoleName=role):
        held = _ask(session, reader, "iam", "GetRolePolicy", RoleName=role, PolicyName=name)
        yield KnownPolicy(name=name, document=held["PolicyDocument"])
    for attached in _pages(session, reader, "ListAttachedRolePolicies", "AttachedPolicies", RoleName=role):
        yield _managed(session, reader, attached["PolicyArn"])


def _managed(session: Session, reader: Caller, arn: str) -> KnownPolicy:
    policy = _ask(session, reader, "iam", "GetPolicy", PolicyArn=arn)["Policy"]
    version = _ask(
        session, reader, "iam", "GetPolicyVersion", PolicyArn=arn, VersionId=policy["DefaultVersionId"]
    )
    return KnownPolicy(name=policy["PolicyName"], document=version["PolicyVersion"]["Document"], arn=arn)


def _control_levels(session: Session, account: str) -> Iterator[tuple[KnownPolicy, ...]]:
    """The levels of SCPs above an account, root first; none above the management account."""
    reader = session.operator
    organization = _ask(session, reader, "organizations", "DescribeOrganization")["Organization"]
    if account == organization["MasterAccountId"]:
        return
    targets = [account]
    while not targets[0].startswith("r-"):
        parents = _ask(session, reader, "organizations", "ListParents", ChildId=targets[0])["Parents"]
        targets.insert(0, parents[0]["Id"])
    for target in targets:
        yield tuple(_controls(session, reader, target))


def _controls(session: Session, reader: Caller, target: str) -> Iterator[KnownPolicy]:
    listed = _ask(
        session,
        reader,
        "organizations",
        "ListPoliciesForTarget",
        TargetId=target,
        Filter="SERVICE_CONTROL_POLICY",
    )
    for summary in listed["Policies"]:
        described = _ask(session, reader, "organizations", "DescribePolicy", PolicyId=summary["Id"])
        yield KnownPolicy(
            name=summary["Name"], document=json.loads(described["Policy"]["Content"]), arn=summary["Arn"]
        )


def _pages(session: Session, reader: Caller, operation: str, items: str, **params: Any) -> Iterator[Any]:
    """The items of all pages of one of IAM's lists."""
    for answer in session.pages(reader, "iam", operation, **params):
        if not answer.ok:
            raise _Unreadable(answer)
        yield from answer.result[items]


def _ask(session: Session, reader: Caller, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
    answer = session.call(reader, service, operation, **params)
    if not answer.ok:
        raise _Unreadable(answer)
    return answer.result
