"""The policies that decide what a role may do, as far as they may be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.session import Caller, Session
from xacct_kit.iam import Policies
from xacct_kit.role.repair import EVERYTHING, KnownPolicy


class _Unreadable(Exception):
    """A call that reads policies was refused, or failed."""


# What is missing from an answer is a LookupError, and what is not JSON there a ValueError.
_NOT_READ = (_Unreadable, LookupError, ValueError)


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
            raise _Unreadable(f"nobody here may act in {account}.")
        boundary = _boundary(session, reader, role)
        identity.extend(_identity(session, reader, role))
    except _NOT_READ as error:
        identity.append(EVERYTHING)
        unread.append(f"The policies of {role} cannot be read: {_told(error)}")
    try:
        scps = tuple(_control_levels(session, account))
    except _NOT_READ as error:
        unread.append(f"The organization's service control policies cannot be read: {_told(error)}")
    return RolePolicies(
        policies=Policies(identity=identity, boundary=boundary, scps=scps), unread=tuple(unread)
    )


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, _Unreadable) else f"an answer is not whole ({error!r})."


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
            raise _Unreadable(answer.outcome.reason)
        yield from answer.result[items]


def _ask(session: Session, reader: Caller, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
    answer = session.call(reader, service, operation, **params)
    if not answer.ok:
        raise _Unreadable(answer.outcome.reason)
    return answer.result
