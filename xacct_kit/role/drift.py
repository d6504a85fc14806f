"""What drift is told in: a role as it is, and one difference between it and what it should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from xacct_kit.role.policy_documents import Document
from xacct_kit.role.repair import KnownPolicy

Call = Mapping[str, Any]
"""A call that mends something: `service`, `operation` and `params`."""

# What CreateRole takes where nothing else is asked for, as the template asks for nothing else.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
SESSION_SECONDS = 3600
PATH = "/"


class Severity(StrEnum):
    """How bad a difference is, worst first."""

    CRITICAL = "CRITICAL"
    """Somebody gets in who must not, or more easily than the definition has it."""
    HIGH = "HIGH"
    """The role can do more than its definition, or what is to work does not."""
    MEDIUM = "MEDIUM"
    """The role can be used in another way than its definition has it, by the same principals."""
    LOW = "LOW"
    """It is written otherwise, and nobody may do more or less for it."""
    INFO = "INFO"
    """The definition says nothing of it."""


class DifferenceKind(StrEnum):
    """What differs."""

    ROLE_MISSING = "role-missing"
    ROLE_PATH = "role-path"
    SESSION_DURATION = "session-duration"
    DESCRIPTION = "description"
    TAG = "tag"
    PRINCIPAL_ADDED = "principal-added"
    PRINCIPAL_NAMED = "principal-named"
    PRINCIPAL_WIDENED = "principal-widened"
    PRINCIPAL_REMOVED = "principal-removed"
    PRINCIPAL_DELETED = "principal-deleted"
    EXTERNAL_ID_MISSING = "external-id-missing"
    EXTERNAL_ID_CHANGED = "external-id-changed"
    EXTERNAL_ID_WEAKENED = "external-id-weakened"
    CONDITION_ADDED = "condition-added"
    CONDITION_REMOVED = "condition-removed"
    TRUST_ACTION = "trust-action"
    TRUST_CHANGED = "trust-changed"
    DENY_ADDED = "deny-added"
    DENY_REMOVED = "deny-removed"
    POLICY_MISSING = "policy-missing"
    POLICY_ADDED = "policy-added"
    POLICY_ATTACHED = "policy-attached"
    POLICY_WIDENED = "policy-widened"
    POLICY_NARROWED = "policy-narrowed"
    POLICY_REWRITTEN = "policy-rewritten"
    BOUNDARY_MISSING = "boundary-missing"
    BOUNDARY_ADDED = "boundary-added"
    BOUNDARY_OTHER = "boundary-other"
    BOUNDARY_WIDENED = "boundary-widened"
    BOUNDARY_NARROWED = "boundary-narrowed"
    BOUNDARY_REWRITTEN = "boundary-rewritten"


class Part(StrEnum):
    """A part of a role that is read on its own, and may be what cannot be read."""

    INLINE = "inline policies"
    ATTACHED = "attached policies"
    BOUNDARY = "permissions boundary"


@dataclass(frozen=True, kw_only=True)
class LiveRole:
    """A role as it is.

    Attributes:
        arn: its ARN, with its path.
        trust: its trust policy.
        description: its description.
        session_seconds: how long a session of it may last.
        tags: its tags.
        inline: its inline policies by name.
        attached: the managed policies that are attached to it.
        boundary: its permissions boundary.
        wanted_boundary: the policy that should be its boundary, as it is; None where there is no such policy.
        spare_versions: the versions of that policy that are not in force, oldest first.
        unread: the parts that could not be read, each with the reason; what they hold counts for nothing.
    """

    arn: str
    trust: Document = field(repr=False)
    description: str = ""
    session_seconds: int = SESSION_SECONDS
    tags: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, Document] = field(default_factory=dict)
    attached: tuple[KnownPolicy, ...] = ()
    boundary: KnownPolicy | None = None
    wanted_boundary: KnownPolicy | None = None
    spare_versions: tuple[str, ...] = ()
    unread: Mapping[Part, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account that it is in."""
        return self.arn.split(":")[4]

    @property
    def name(self) -> str:
        """Its name."""
        return self.arn.rpartition("/")[2]

    @property
    def path(self) -> str:
        """Its path, with the slashes at both ends."""
        return "/" + self.arn.partition(":role/")[2].removesuffix(self.name)

    def policy_arn(self, name: str) -> str:
        """The ARN of a customer managed policy of its account, which has no path."""
        return f"{self.arn.partition(':role/')[0]}:policy/{name}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in which a role is not what it should be.

    Attributes:
        kind: what differs.
        where: the trust policy, a policy's name, the boundary or the role itself.
        severity: how bad that is.
        says: who can do what that the definition does not allow, and what no longer works; no secret.
        fix: what to do; empty where nothing need be done.
        calls: the calls that put it right. They hold the external ID.
    """

    kind: DifferenceKind
    where: str
    severity: Severity
    says: str
    fix: str
    calls: tuple[Call, ...] = field(default=(), repr=False)


TRUST = "trust policy"
BOUNDARY = "permissions boundary"
ROLE = "role"

DEPLOY: Call = {"service": "xacct", "operation": "deploy", "params": {}}
"""What stands for deploying the role's stack anew."""


def iam(operation: str, **params: Any) -> Call:
    """A call of IAM."""
    return {"service": "iam", "operation": operation, "params": params}


def text_of(document: Document) -> str:
    """A policy document as the text that IAM takes."""
    return json.dumps(document)


def named(items: tuple[str, ...] | list[str], shown: int = 3) -> str:
    """The first of some names, and how many there are besides."""
    rest = len(items) - shown
    return ", ".join(items[:shown]) + (f" and {rest} more" if rest > 0 else "")
