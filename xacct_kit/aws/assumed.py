"""Assumed roles: the credentials that STS gives, and what becomes of a call when it gives no new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from xacct_kit.aws.answers import Answer, Assumption, Caller
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


def assumption_by(ask: Callable[[], Answer], role_arn: str, region: str) -> Assumption:
    """What comes of assuming a role; the credentials of the caller that it gives renew themselves.

    Parameters:
        ask: makes the call.
        role_arn: the role that is asked for.
        region: where it is asked for.
    """
    answer = ask()
    if not answer.ok:
        return Assumption(None, answer)
    try:
        first = _credentials(answer.result, role_arn)
    except ForeignAnswer as error:
        return Assumption(None, Answer(error.outcome("sts:AssumeRole", region), answer.seconds))

    def renew() -> dict[str, str]:
        again = ask()
        if not again.ok:
            raise NotRenewed(role_arn, again.outcome)
        return _credentials(again.result, role_arn)

    from botocore.credentials import RefreshableCredentials

    credentials = RefreshableCredentials.create_from_metadata(
        first, refresh_using=renew, method="assume-role"
    )
    caller = Caller(name_of(role_arn), answer.result["AssumedRoleUser"]["Arn"], credentials)
    # What was given is the caller's alone.
    return Assumption(caller, replace(answer, returned={}))


def _credentials(result: Mapping[str, Any], role_arn: str) -> dict[str, str]:
    """The credentials in what AssumeRole returned, as botocore renews them.

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
