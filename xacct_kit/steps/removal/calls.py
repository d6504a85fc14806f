"""The calls that remove a role or a managed policy, in the order in which IAM takes them; none is made here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_delete.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.role.template import POLICY_TYPE, ROLE_TYPE
from xacct_kit.steps.findings import Patch

Told = tuple[str, Answer]
"""An operation of IAM, and what it answered."""


@dataclass(frozen=True, kw_only=True)
class RemovalPlan:
    """What it takes to remove something.

    Attributes:
        calls: the calls, as in `Finding.patch`; none for a type that the role's template does not have.
        used_by: who else has it, as far as it is a policy; who has it loses it with its removal.
        unlisted: the first listing that was not answered: the calls may not be all.
    """

    calls: Patch
    used_by: tuple[str, ...] = ()
    unlisted: Told | None = None


def plan_removal(session: Session, reader: Caller, resource_type: str, name: str) -> RemovalPlan:
    """Find out what it takes to remove a resource of a stack.

    Parameters:
        session: whose run it is.
        reader: who reads in the resource's account.
        resource_type: its type as CloudFormation names it.
        name: what AWS knows it by.
    """
    reading, found = _Reading(session, reader), _CALLS.get(resource_type)
    calls = tuple(
        {"account": reader.account, "service": "iam", "operation": operation, "params": params}
        for operation, params in (found(reading, name) if found else ())
    )
    used_by = tuple(_users(reading, name)) if resource_type == POLICY_TYPE else ()
    return RemovalPlan(calls=calls, used_by=used_by, unlisted=reading.unlisted)


class _Reading:
    """Lists of IAM as one caller reads them.

    Attributes:
        unlisted: the first listing that was not answered; that there is nothing to list is an answer.
    """

    def __init__(self, session: Session, reader: Caller) -> None:
        self.unlisted: Told | None = None
        self._session = session
        self._reader = reader

    def listed(self, operation: str, items: str, **params: str) -> Iterator[Any]:
        """The items of a listing."""
        for answer in self.pages(operation, **params):
            yield from answer.get(items, ())

    def pages(self, operation: str, **params: str) -> Iterator[Mapping[str, Any]]:
        """The pages of a listing."""
        for answer in self._session.pages(self._reader, "iam", operation, **params):
            if not answer.ok and not answer.absent:
                self.unlisted = self.unlisted or (operation, answer)
            yield answer.result


_Calls = Iterator[tuple[str, Mapping[str, str]]]


def _of_role(reading: _Reading, name: str) -> _Calls:
    role = {"RoleName": name}
    for attached in reading.listed("ListAttachedRolePolicies", "AttachedPolicies", **role):
        yield "DetachRolePolicy", {**role, "PolicyArn": attached["PolicyArn"]}
    for policy in reading.listed("ListRolePolicies", "PolicyNames", **role):
        yield "DeleteRolePolicy", {**role, "PolicyName": policy}
    for profile in reading.listed("ListInstanceProfilesForRole", "InstanceProfiles", **role):
        yield (
            "RemoveRoleFromInstanceProfile",
            {"InstanceProfileName": profile["InstanceProfileName"], **role},
        )
    yield "DeleteRole", role


def _of_policy(reading: _Reading, arn: str) -> _Calls:
    for version in reading.listed("ListPolicyVersions", "Versions", PolicyArn=arn):
        if not version["IsDefaultVersion"]:
            yield "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]}
    yield "DeletePolicy", {"PolicyArn": arn}


def _users(reading: _Reading, arn: str) -> Iterator[str]:
    """Whoever has a policy attached or as permissions boundary.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
    """
    for page in reading.pages("ListEntitiesForPolicy", PolicyArn=arn):
        for kind in ("Role", "User", "Group"):
            for owner in page.get(f"Policy{kind}s", ()):
                yield f"{kind.lower()} {owner[f'{kind}Name']}"


_CALLS: Mapping[str, Callable[[_Reading, str], _Calls]] = {POLICY_TYPE: _of_policy, ROLE_TYPE: _of_role}
