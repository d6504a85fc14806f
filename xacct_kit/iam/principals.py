"""Principals: who asks, and whom a policy names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import lru_cache

from xacct_kit.errors import PolicyError


class PrincipalKind(StrEnum):
    """What kind of principal makes a request."""

    ROOT = "root user"
    USER = "IAM user"
    ROLE = "role"
    ROLE_SESSION = "role session"
    FEDERATED_USER = "federated user"
    PROVIDER = "identity provider"
    SERVICE = "AWS service"


class Grant(IntEnum):
    """How a resource's policy names the principal; the stronger, the less else limits it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """

    NONE = 0
    ACCOUNT = 1
    """The account is named: its identity-based policies decide."""
    ROLE = 2
    """The role is named: its permissions boundary and session policy still limit."""
    DIRECT = 3
    """The user, the session or everyone is named: nothing but an explicit deny limits."""


_ARN = r"arn:(?P<partition>[a-z0-9-]+)"
_SHAPES: tuple[tuple[PrincipalKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(shape))
    for kind, shape in (
        (PrincipalKind.ROOT, _ARN + r":iam::(?P<account>[0-9]{12}):root"),
        (PrincipalKind.USER, _ARN + r":iam::(?P<account>[0-9]{12}):user/(?:[^*?\s]*/)?(?P<name>[^/*?\s]+)"),
        (PrincipalKind.ROLE, _ARN + r":iam::(?P<account>[0-9]{12}):role/(?:[^*?\s]*/)?(?P<name>[^/*?\s]+)"),
        (
            PrincipalKind.ROLE_SESSION,
            _ARN + r":sts::(?P<account>[0-9]{12}):assumed-role/(?P<name>[^/*?\s]+)/[^/*?\s]+",
        ),
        (
            PrincipalKind.FEDERATED_USER,
            _ARN + r":sts::(?P<account>[0-9]{12}):federated-user/(?P<name>[^*?\s]+)",
        ),
        (PrincipalKind.PROVIDER, _ARN + r":iam::(?P<account>[0-9]{12}):(?:saml|oidc)-provider/[^*?\s]+"),
        (
            PrincipalKind.PROVIDER,
            r"accounts\.google\.com|cognito-identity\.amazonaws\.com|graph\.facebook\.com|www\.amazon\.com",
        ),
        (PrincipalKind.SERVICE, r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    )
)

# `aws:PrincipalType` of those that belong to an account.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
_PRINCIPAL_TYPES: Mapping[PrincipalKind, str] = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE: "AssumedRole",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
}


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who makes a request.

    Attributes:
        name: the ARN, or the name of a service or a web identity provider.
        kind: what it is.
        account: its account; empty for an AWS service or an identity provider, which only the policies of
            resources speak of.
        account_arn: the ARN by which policies name that account.
        role: the ARN of the role of a role session, without the role's path.
        keys: the context keys that follow from it, in lower case.
    """

    name: str
    kind: PrincipalKind
    account: str = ""
    account_arn: str = ""
    role: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def parse_principal(text: str) -> Principal:
    """Read the principal of a request.

    Raises:
        PolicyError: it is neither the ARN of a principal nor the name of a service.
    """
    for kind, shape in _SHAPES:
        match = shape.fullmatch(text)
        if match:
            return _principal(text, kind, match.groupdict())
    raise PolicyError(
        "principal",
        f"{text!r} is neither the ARN of a user, role, session, root user or identity provider "
        "nor the name of a service",
    )


def _principal(text: str, kind: PrincipalKind, parts: Mapping[str, str]) -> Principal:
    if kind is PrincipalKind.SERVICE:
        return Principal(name=text, kind=kind, keys={"aws:principalisawsservice": "true"})
    if kind not in _PRINCIPAL_TYPES:
        return Principal(name=text, kind=kind)
    iam = f"arn:{parts['partition']}:iam::{parts['account']}"
    role = f"{iam}:role/{parts['name']}" if kind is PrincipalKind.ROLE_SESSION else ""
    keys = {
        "aws:principalarn": role or text,
        "aws:principalaccount": parts["account"],
        "aws:principaltype": _PRINCIPAL_TYPES[kind],
        "aws:principalisawsservice": "false",
    }
    if kind is PrincipalKind.USER:
        keys["aws:username"] = parts["name"]
    return Principal(
        name=text, kind=kind, account=parts["account"], account_arn=f"{iam}:root", role=role, keys=keys
    )


def told_role(principal: Principal, principal_arn: object) -> str:
    """The ARN of a session's role, with its path, where `aws:PrincipalArn` tells it; else empty.

    A session's ARN has no path. `aws:PrincipalArn` is taken only where it names a role of the same account
    with the same name.
    """
    if not principal.role or not isinstance(principal_arn, str):
        return ""
    return principal_arn if _without_path(principal_arn) == principal.role else ""


@lru_cache(maxsize=4096)
def _without_path(arn: str) -> str:
    account, role, name = arn.partition(":role/")
    return f"{account}{role}{name.rpartition('/')[2]}"


# What may stand under each key of `Principal`; IAM replaces a deleted principal by its unique ID.
_NAMES: Mapping[str, re.Pattern[str]] = {
    "AWS": re.compile(
        r"\*|[0-9]{12}|[A-Z0-9]{16,128}"
        r"|arn:[a-z0-9-]+:iam::[a-z0-9]+:(?:root|(?:user|role)/[^*?\s]+)"
        r"|arn:[a-z0-9-]+:sts::[0-9]{12}:(?:assumed-role/[^/*?\s]+/[^/*?\s]+|federated-user/[^*?\s]+)"
    ),
    "Service": re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
    "Federated": re.compile(r"[^*?\s]+"),
    "CanonicalUser": re.compile(r"[0-9A-Za-z]+"),
}
PRINCIPAL_KEYS = frozenset(_NAMES)


def check_principal_name(key: str, name: str) -> None:
    """Check a name under a key of a `Principal` element.

    Raises:
        ValueError: a policy cannot name a principal so; a wildcard never stands for a part of a name.
    """
    if not _NAMES[key].fullmatch(name):
        raise ValueError(f"{name!r} does not name a principal of the kind {key}")


@dataclass(frozen=True, slots=True)
class PrincipalElement:
    """The value of `Principal` or `NotPrincipal`.

    A canonical user ID names an account in a way that no ARN tells, so it matches no request.

    Attributes:
        names: what stands under each of the keys AWS, Service, Federated and CanonicalUser.
        negated: whether it is `NotPrincipal`.
    """

    names: Mapping[str, frozenset[str]]
    negated: bool

    def grant(self, principal: Principal, role: str, unique_id: str, *, bounded: bool) -> Grant:
        """How the element names a principal.

        Parameters:
            principal: who asks.
            role: the ARN of its role, for a session whose role is told.
            unique_id: the unique ID of its role or user, where the request tells it.
            bounded: whether it has a permissions boundary.
        """
        if self.negated:
            return Grant.NONE if not bounded and self._spares(principal, role) else Grant.DIRECT
        return self._named(principal, role, unique_id)

    def _spares(self, principal: Principal, role: str) -> bool:
        """Whether `NotPrincipal` leaves a principal alone: its account, role and itself must all be named.

        It never does where the principal has a permissions boundary.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        aws = self.names.get("AWS", frozenset())
        if not principal.account or "*" in aws:
            return self._named(principal, role, "") is not Grant.NONE
        itself = principal.kind is PrincipalKind.ROOT or principal.name in aws
        role_too = not principal.role or self._names_role(principal, role)
        return itself and role_too and self._names_account(principal)

    def _names_account(self, principal: Principal) -> bool:
        aws = self.names.get("AWS", frozenset())
        return principal.account in aws or principal.account_arn in aws

    def _names_role(self, principal: Principal, role: str) -> bool:
        """Whether the role of a session is named: by its ARN, or by its name where its path is not told.

        "Role names must be unique within your AWS account", whatever their paths.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html
        """
        aws = self.names.get("AWS", frozenset())
        return role in aws if role else any(_without_path(name) == principal.role for name in aws)

    def _named(self, principal: Principal, role: str, unique_id: str) -> Grant:
        aws = self.names.get("AWS", frozenset())
        if "*" in aws:
            return Grant.DIRECT
        if not principal.account:
            key = "Service" if principal.kind is PrincipalKind.SERVICE else "Federated"
            return Grant.DIRECT if principal.name in self.names.get(key, ()) else Grant.NONE
        if principal.name in aws or (unique_id in aws and not principal.role):
            return _STRENGTHS.get(principal.kind, Grant.DIRECT)
        if principal.role and (unique_id in aws or self._names_role(principal, role)):
            return Grant.ROLE
        return Grant.ACCOUNT if self._names_account(principal) else Grant.NONE


# How strong it is to be named by one's own ARN; the root user's ARN names the account.
_STRENGTHS: Mapping[PrincipalKind, Grant] = {
    PrincipalKind.ROOT: Grant.ACCOUNT,
    PrincipalKind.ROLE: Grant.ROLE,
}
