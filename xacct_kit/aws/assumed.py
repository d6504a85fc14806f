"""Assumed roles: what STS tells of them, and what becomes of a call when one can no longer be assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct_kit.aws.genuine import ForeignAnswer
from xacct_kit.errors import AccessError
from xacct_kit.report import Outcome


class NotRenewed(AccessError):
    """Credentials end, and there are no new ones.

    Attributes:
        outcome: why there are none.
    """

    def __init__(self, role_arn: str, outcome: Outcome) -> None:
        super().__init__(f"{role_arn} can no longer be assumed. {outcome.reason}")
        self.outcome = outcome


def name_of(arn: str) -> str:
    """What people call a principal: the name of the role or the user."""
    return role_of(arn) or arn.rsplit("/", 1)[-1]


def role_of(arn: str) -> str | None:
    """The role that a session is of; None where the ARN is not one of a session."""
    path = arn.split(":", 5)[5].split("/")
    return path[1] if path[0] == "assumed-role" else None


def credentials_of(result: Mapping[str, Any], role_arn: str) -> dict[str, str]:
    """The credentials of an assumed role, as botocore renews them.

    Parameters:
        result: what AssumeRole returned.
        role_arn: the role that was asked for.

    Raises:
        ForeignAnswer: there are none, or they are those of another role.
    """
    found: dict[str, str] = {}
    try:
        of_it = _role_at(result["AssumedRoleUser"]["Arn"]) == _role_at(role_arn)
        credentials = result["Credentials"]
        found = {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
    except (LookupError, AttributeError):
        of_it = False
    if not of_it or not all(found.values()):
        raise ForeignAnswer(f"there are no credentials of {role_arn} in it", 200)
    return found


def _role_at(arn: str) -> tuple[str, str]:
    """The account and the name of a role, or of the role that a session is of."""
    return arn.split(":")[4], name_of(arn)
