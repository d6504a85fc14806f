"""The sandbox's STS: who am I, and assuming a role.

The permission to assume is decided before; here is what STS checks of the request itself.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from xacct_kit.iam import Document
from xacct_kit.sandbox import state
from xacct_kit.sandbox.documents import read_document
from xacct_kit.sandbox.faults import ServiceFault, not_offered
from xacct_kit.sandbox.principals import Keyring, Principal, role_session
from xacct_kit.sandbox.state import Entity, Policy

_CHAINED_SECONDS = 3600
_DEFAULT_SECONDS = 3600

# Parameter, pattern and length of what the request carries in text.
_CONSTRAINTS = (
    ("RoleArn", r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF]+", 20, 2048),
    ("RoleSessionName", r"[\w+=,.@-]*", 2, 64),
    ("ExternalId", r"[\w+=,.@:\/-]*", 2, 1224),
    ("SourceIdentity", r"[\w+=,.@-]*", 2, 64),
)
_REQUIRED = ("RoleArn", "RoleSessionName")
_SESSION_POLICY_CHARACTERS = 2048
_SESSION_POLICY_ARNS = 10
_SESSION_TAGS = 50
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_NOT_OFFERED = ("ProvidedContexts", "SerialNumber", "TokenCode", "TransitiveTagKeys")


def get_caller_identity(principal: Principal) -> dict[str, Any]:
    """Answer `GetCallerIdentity`."""
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def check_assume_role(params: Mapping[str, Any]) -> None:
    """Refuse an `AssumeRole` request that is wrong in itself.

    Raises:
        ServiceFault: a parameter is missing or violates its constraint.
    """
    for name in _NOT_OFFERED:
        if params.get(name):
            raise not_offered(f"{name} of AssumeRole")
    for name, pattern, shortest, longest in _CONSTRAINTS:
        value = params.get(name)
        if value is None and name not in _REQUIRED:
            continue
        if value is None or not shortest <= len(value) <= longest or not re.fullmatch(pattern, value):
            raise _violation(name)
    if not 900 <= int(params.get("DurationSeconds") or _DEFAULT_SECONDS) <= 43200:
        raise _violation("DurationSeconds")
    _check_session(params)


def _check_session(params: Mapping[str, Any]) -> None:
    if params.get("Policy"):
        if len(params["Policy"]) > _SESSION_POLICY_CHARACTERS:
            raise _violation("Policy")
        _check_arns(read_document(params["Policy"]))
    for name, most in (("PolicyArns", _SESSION_POLICY_ARNS), ("Tags", _SESSION_TAGS)):
        if len(params.get(name) or ()) > most:
            raise _violation(name)
    _check_tags(params.get("Tags") or ())


def _check_tags(tags: Sequence[Mapping[str, str]]) -> None:
    for number, tag in enumerate(tags, start=1):
        for part, shortest, longest in (("Key", 1, 128), ("Value", 0, 256)):
            text = tag.get(part, "")
            if not shortest <= len(text) <= longest or not _TAG.fullmatch(text):
                raise _violation(f"tags.{number}.member.{part.lower()}")
    if len({tag["Key"].lower() for tag in tags}) < len(tags):
        text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise ServiceFault(400, "InvalidParameterValue", text)


def chained(principal: Principal, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of an `AssumeRole` request with the source identity that its caller has.

    It persists in a chain of roles, which takes the permission to set it each time, and cannot be changed.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html

    Raises:
        ServiceFault: the request would change it.
    """
    own = principal.source_identity
    if not own:
        return params
    if params.get("SourceIdentity") not in (None, own):
        # That the value cannot be changed is documented; the words of the refusal are not.
        text = f"User: {principal.arn} is not authorized to perform: sts:SetSourceIdentity on resource: "
        raise ServiceFault(403, "AccessDenied", text + params["RoleArn"])
    return {**params, "SourceIdentity": own}


def assume_role(keyring: Keyring, principal: Principal, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer an `AssumeRole` request that has been allowed.

    Parameters:
        keyring: takes the credentials.
        principal: who asks.
        params: the parameters of the request.

    Raises:
        ServiceFault: the session would last longer than the role or role chaining permits.
    """
    role = state.find_entity(params["RoleArn"])
    if role is None:
        raise ServiceFault(403, "AccessDenied", "The role was deleted while it was being assumed.")
    seconds = int(params.get("DurationSeconds") or _DEFAULT_SECONDS)
    _check_duration(seconds, role.max_session_seconds, chained=principal.role_arn is not None)
    session = replace(
        role_session(role, params["RoleSessionName"]),
        session_policies=tuple(_session_policies(role, principal.partition, params)),
        session_tags={tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()},
        source_identity=params.get("SourceIdentity") or "",
        issued=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    key = keyring.issue(session, seconds)
    answer = {
        "Credentials": {
            "AccessKeyId": key.access_key,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Expiration": key.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }
    return answer | ({"SourceIdentity": session.source_identity} if session.source_identity else {})


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


def _session_policies(role: Entity, partition: str, params: Mapping[str, Any]) -> Iterator[Policy]:
    if params.get("Policy"):
        yield Policy(name="session", text=params["Policy"])
    for descriptor in params.get("PolicyArns") or ():
        arn = descriptor["arn"]
        found = state.find_managed_policy(partition, role.account, arn)
        if found is None:
            # That the request fails is documented; its words are not.
            raise ServiceFault(
                400, "ValidationError", f"Policy {arn} does not exist in account {role.account}."
            )
        _check_arns(found.document)
        yield found


def _check_arns(document: Document) -> None:
    """Refuse a session policy with an ARN that is not complete.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    if document.incomplete_arn:
        text = f"The policy document cannot be read: {document.incomplete_arn} is not a complete ARN"
        raise ServiceFault(400, "MalformedPolicyDocument", text)


def _violation(name: str) -> ServiceFault:
    return ServiceFault(
        400,
        "ValidationError",
        f"1 validation error detected: Value at '{name[0].lower()}{name[1:]}' failed to satisfy constraint",
    )
