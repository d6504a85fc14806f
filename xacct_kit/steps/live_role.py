"""A role as it is: read from IAM by whoever may, and what could not be read said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.role.drift import SESSION_SECONDS, LiveRole, Part
from xacct_kit.role.repair import KnownPolicy

T = TypeVar("T")


class Unreadable(Exception):
    """A call that reads something was refused, or failed."""


# What is missing from an answer is a LookupError, and what is not JSON there a ValueError.
NOT_READ = (Unreadable, LookupError, ValueError)


def told(error: Exception) -> str:
    """Why something could not be read."""
    return str(error) if isinstance(error, Unreadable) else f"an answer is not whole ({error!r})."


@dataclass(frozen=True, kw_only=True)
class RoleRead:
    """What came of reading a role.

    Attributes:
        role: the role; None where there is none, or it cannot be read.
        answer: the answer to the question for the role itself.
    """

    role: LiveRole | None
    answer: Answer

    @property
    def absent(self) -> bool:
        """Whether it is certain that there is no such role."""
        return self.answer.absent


def read_role(session: Session, reader: Caller, name: str, *, boundary_name: str | None = None) -> RoleRead:
    """Read a role with all that decides what it is.

    Parameters:
        session: whose run it is.
        reader: who reads, in the role's account.
        name: the role.
        boundary_name: the name of the policy that should be its boundary; None where it should have none.
    """
    answer = session.call(reader, "iam", "GetRole", RoleName=name)
    if not answer.ok:
        return RoleRead(role=None, answer=answer)
    reading = _Reading(session, reader, name)
    return RoleRead(role=reading.role(answer.result["Role"], boundary_name), answer=answer)


class _Reading:
    """The reading of one role, part after part; a part that cannot be read does not hide the others."""

    def __init__(self, session: Session, reader: Caller, name: str) -> None:
        self._session = session
        self._reader = reader
        self._name = name
        self._unread: dict[Part, str] = {}

    def role(self, found: Mapping[str, Any], boundary_name: str | None) -> LiveRole:
        who = (self._session, self._reader)
        inline = self._part(Part.INLINE, lambda: list(inline_policies(*who, self._name)))
        attached = self._part(Part.ATTACHED, lambda: tuple(attached_policies(*who, self._name)))
        boundary = self._part(Part.BOUNDARY, lambda: boundary_of(*who, found))
        live = LiveRole(
            arn=found["Arn"],
            trust=found["AssumeRolePolicyDocument"],
            description=found.get("Description", ""),
            session_seconds=found.get("MaxSessionDuration", SESSION_SECONDS),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
            inline={policy.name: policy.document for policy in inline or ()},
            attached=attached or (),
            boundary=boundary,
        )
        arn = live.policy_arn(boundary_name) if boundary_name else None
        wanted, spare = self._part(Part.BOUNDARY, lambda: self._versions(arn)) or (None, ())
        return replace(live, wanted_boundary=wanted, spare_versions=spare, unread=self._unread)

    def _part(self, part: Part, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except NOT_READ as error:
            self._unread[part] = told(error)
            return None

    def _versions(self, arn: str | None) -> tuple[KnownPolicy | None, tuple[str, ...]]:
        """A policy as it is, and its versions that are not in force, oldest first."""
        if arn is None:
            return None, ()
        if self._session.call(self._reader, "iam", "GetPolicy", PolicyArn=arn).absent:
            return None, ()
        policy = _managed_policy(self._session, self._reader, arn)
        listed = items(self._session, self._reader, "ListPolicyVersions", "Versions", PolicyArn=arn)
        spare = (each["VersionId"] for each in listed if not each["IsDefaultVersion"])
        return policy, tuple(sorted(spare, key=lambda version: int(version.removeprefix("v"))))


def inline_policies(session: Session, reader: Caller, role: str) -> Iterator[KnownPolicy]:
    """The policies that are written into a role.

    Raises:
        Unreadable: they may not be read.
    """
    for name in items(session, reader, "ListRolePolicies", "PolicyNames", RoleName=role):
        held = ask(session, reader, "iam", "GetRolePolicy", RoleName=role, PolicyName=name)
        yield KnownPolicy(name=name, document=held["PolicyDocument"])


def attached_policies(session: Session, reader: Caller, role: str) -> Iterator[KnownPolicy]:
    """The managed policies that are attached to a role.

    Raises:
        Unreadable: they may not be read.
    """
    for attached in items(session, reader, "ListAttachedRolePolicies", "AttachedPolicies", RoleName=role):
        yield _managed_policy(session, reader, attached["PolicyArn"])


def boundary_of(session: Session, reader: Caller, role: Mapping[str, Any]) -> KnownPolicy | None:
    """The permissions boundary of a role, as GetRole tells of it.

    Raises:
        Unreadable: it may not be read.
    """
    found = role.get("PermissionsBoundary")
    return _managed_policy(session, reader, found["PermissionsBoundaryArn"]) if found else None


def _managed_policy(session: Session, reader: Caller, arn: str) -> KnownPolicy:
    """A managed policy with the document that is in force.

    Raises:
        Unreadable: it may not be read.
    """
    policy = ask(session, reader, "iam", "GetPolicy", PolicyArn=arn)["Policy"]
    version = ask(
        session, reader, "iam", "GetPolicyVersion", PolicyArn=arn, VersionId=policy["DefaultVersionId"]
    )
    return KnownPolicy(name=policy["PolicyName"], document=version["PolicyVersion"]["Document"], arn=arn)


def items(
    session: Session, reader: Caller, operation: str, member: str, *, service: str = "iam", **params: Any
) -> Iterator[Any]:
    """The items of all pages of a list.

    Raises:
        Unreadable: it may not be read.
    """
    for answer in session.pages(reader, service, operation, **params):
        if not answer.ok:
            raise Unreadable(answer.outcome.reason)
        yield from answer.result[member]


def ask(session: Session, reader: Caller, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
    """What a call returns.

    Raises:
        Unreadable: it returns nothing.
    """
    answer = session.call(reader, service, operation, **params)
    if not answer.ok:
        raise Unreadable(answer.outcome.reason)
    return answer.result
