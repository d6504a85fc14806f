"""The sandbox's STS: who am I, and assuming a role.

The permission to assume is decided before; here is what STS checks of the request itself.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xacct_kit.sandbox import state
from xacct_kit.sandbox.documents import read_document
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Keyring, Principal

_CHAINED_SECONDS = 3600
_DEFAULT_SECONDS = 3600

# Parameter, pattern and length of what the request carries in text.
_CONSTRAINTS = (
    ("RoleArn", r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF]+", 20, 2048),
    ("RoleSessionName", r"[\w+=,.@-]*", 2, 64),
    ("ExternalId", r"[\w+=,.@:\/-]*", 2, 1224),
)


def get_caller_identity(principal: Principal) -> dict[str, Any]:
    """Answer `GetCallerIdentity`."""
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def check_assume_role(params: Mapping[str, Any]) -> None:
    """Refuse an `AssumeRole` request that is wrong in itself.

    Raises:
        ServiceFault: a parameter is missing or violates its constraint.
    """
    for name, pattern, shortest, longest in _CONSTRAINTS:
        value = params.get(name)
        if value is None and name == "ExternalId":
            continue
        if value is None or not shortest <= len(value) <= longest or not re.fullmatch(pattern, value):
            raise _violation(name)
    if not 900 <= int(params.get("DurationSeconds") or _DEFAULT_SECONDS) <= 43200:
        raise _violation("DurationSeconds")
    _session_policy(params)


def assume_role(keyring: Keyring, principal: Principal, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer an `AssumeRole` request that has been allowed.

    Raises:
        ServiceFault: the session would last longer than the role or role chaining permits.
    """
    role = state.find_role(params["RoleArn"])
    if role is None:
        raise ServiceFault(403, "AccessDenied", "The role was deleted while it was being assumed.")
    seconds = int(params.get("DurationSeconds") or _DEFAULT_SECONDS)
    _check_duration(seconds, role.max_session_duration, chained=principal.role_arn is not None)
    name = params["RoleSessionName"]
    session = Principal(
        account=role.account,
        arn=f"arn:{principal.partition}:sts::{role.account}:assumed-role/{role.name}/{name}",
        user_id=f"{role.role_id}:{name}",
        role_arn=role.arn,
        session_policy=_session_policy(params),
    )
    key = keyring.issue(session, seconds)
    return {
        "Credentials": {
            "AccessKeyId": key.access_key,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Expiration": key.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }


def _check_duration(seconds: int, longest: int, *, chained: bool) -> None:
    if chained and seconds > _CHAINED_SECONDS:
        raise ServiceFault(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.",
        )
    if seconds > longest:
        raise ServiceFault(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )


def _session_policy(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if params.get("PolicyArns"):
        raise ServiceFault(501, "NotImplemented", "The sandbox does not offer PolicyArns of AssumeRole.")
    text = params.get("Policy")
    if not text:
        return None
    return read_document(text)


def _violation(name: str) -> ServiceFault:
    return ServiceFault(
        400,
        "ValidationError",
        f"1 validation error detected: Value at '{name[0].lower()}{name[1:]}' failed to satisfy constraint",
    )
