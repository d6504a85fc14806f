"""The calls that remove what is left when a stack is gone: for people to make, not made here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_delete.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session

Patch = tuple[Mapping[str, Any], ...]


def removal_calls(session: Session, reader: Caller, resource_type: str, name: str) -> Patch:
    """The calls that remove a resource of a stack, in the order in which IAM takes them.

    What the reader may not list is not in them.

    Parameters:
        session: whose run it is.
        reader: who reads in the resource's account.
        resource_type: its type as CloudFormation names it.
        name: what AWS knows it by.

    Returns:
        The calls, as in `Finding.patch`; none for a type that the role's template does not have.
    """
    calls = _CALLS.get(resource_type)
    return tuple(
        {"account": reader.account, "service": "iam", "operation": operation, "params": params}
        for operation, params in (calls(session, reader, name) if calls else ())
    )


_Calls = Iterator[tuple[str, Mapping[str, str]]]


def _of_role(session: Session, reader: Caller, name: str) -> _Calls:
    role = {"RoleName": name}
    for attached in _listed(session, reader, "ListAttachedRolePolicies", "AttachedPolicies", **role):
        yield "DetachRolePolicy", {**role, "PolicyArn": attached["PolicyArn"]}
    for policy in _listed(session, reader, "ListRolePolicies", "PolicyNames", **role):
        yield "DeleteRolePolicy", {**role, "PolicyName": policy}
    for profile in _listed(session, reader, "ListInstanceProfilesForRole", "InstanceProfiles", **role):
        yield (
            "RemoveRoleFromInstanceProfile",
            {"InstanceProfileName": profile["InstanceProfileName"], **role},
        )
    yield "DeleteRole", role


def _of_policy(session: Session, reader: Caller, arn: str) -> _Calls:
    for version in _listed(session, reader, "ListPolicyVersions", "Versions", PolicyArn=arn):
        if not version["IsDefaultVersion"]:
            yield "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]}
    yield "DeletePolicy", {"PolicyArn": arn}


def _listed(session: Session, reader: Caller, operation: str, items: str, **params: str) -> Iterator[Any]:
    for answer in session.pages(reader, "iam", operation, **params):
        yield from answer.result.get(items, ())


_CALLS: Mapping[str, Callable[[Session, Caller, str], _Calls]] = {
    "AWS::IAM::ManagedPolicy": _of_policy,
    "AWS::IAM::Role": _of_role,
}
