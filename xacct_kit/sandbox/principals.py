"""Who is calling: principals, the credentials that the sandbox has handed out, and their signatures.

A request is known by its access key and proven by its signature, never by what it says of itself.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.utilities.utils import get_partition

from xacct_kit.sandbox import state
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.presigned import check_lifetime, query_signature, without_signature
from xacct_kit.sandbox.state import Entity, Policy


@dataclass(frozen=True, kw_only=True)
class Principal:
    """An authenticated principal.

    Attributes:
        account: the account that it belongs to.
        arn: as `GetCallerIdentity` tells it.
        user_id: its unique ID, with the session name for a role session.
        role_arn: the role, when it is a role session.
        session_policies: the policies that were passed when the role was assumed.
        session_tags: the tags that were passed then.
        source_identity: the source identity that was set then, or before in a chain of roles.
        issued: when its credentials were issued, in ISO 8601; empty for long-term keys.
    """

    account: str
    arn: str
    user_id: str
    role_arn: str | None = None
    session_policies: tuple[Policy, ...] = ()
    session_tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str = ""
    issued: str = ""

    @property
    def partition(self) -> str:
        """The partition of its account."""
        return self.arn.split(":", 2)[1]


def role_session(role: Entity, name: str) -> Principal:
    """A session of a role, as it is called when nothing was passed on assuming it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html

    Parameters:
        role: the role.
        name: the name of the session.
    """
    return Principal(
        account=role.account,
        arn=f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/{name}",
        user_id=f"{role.id}:{name}",
        role_arn=role.arn,
    )


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Key:
    """An access key with its secret.

    Attributes:
        access_key: its ID.
        secret: the secret access key.
        principal: whose it is.
        token: the session token; empty for long-term keys.
        expires: until when it can be used.
    """

    access_key: str
    secret: str
    principal: Principal
    token: str = ""
    expires: datetime = _NEVER


class Keyring:
    """The access keys that the sandbox knows."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._lock = threading.Lock()

    def add(self, key: Key) -> None:
        """Let a key be used from now on."""
        with self._lock:
            self._keys[key.access_key] = key

    def issue(self, principal: Principal, seconds: int) -> Key:
        """Make temporary credentials for a principal, as STS does; they last for so many seconds."""
        key = Key(
            access_key="ASIA" + _random(string.ascii_uppercase + string.digits, 16),
            secret=_random(string.ascii_letters + string.digits, 40),
            token=_random(string.ascii_letters + string.digits, 200),
            principal=principal,
            expires=datetime.now(UTC) + timedelta(seconds=seconds),
        )
        self.add(key)
        return key

    def find(self, access_key: str) -> Key | None:
        """The key with an ID: one that was issued, or an IAM user's."""
        with self._lock:
            known = self._keys.get(access_key)
        return known or _long_term(access_key)


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _long_term(access_key: str) -> Key | None:
    found = state.find_long_term_key(access_key)
    if found is None:
        return None
    principal = Principal(account=found.account, arn=found.user_arn, user_id=found.user_id)
    return Key(access_key=access_key, secret=found.secret, principal=principal)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What the `Authorization` header of a request says, or the query of a presigned URL.

    Attributes:
        expires: the seconds for which a URL was presigned; None for a signature in the header.
    """

    access_key: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    date: str
    token: str
    expires: str | None = None


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)


def read_signature(environ: Mapping[str, Any]) -> Signature:
    """Read who a request claims to be from.

    Raises:
        ServiceFault: the request is not signed in its headers, and is no URL of S3 that was presigned.
    """
    match = _AUTHORIZATION.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        return _presigned(environ)
    return Signature(
        access_key=match["key"],
        region=match["region"],
        service=match["service"],
        signed_headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
        date=_header(environ, "x-amz-date"),
        token=_header(environ, "x-amz-security-token"),
    )


def _presigned(environ: Mapping[str, Any]) -> Signature:
    said = query_signature(environ)
    if said is None:
        raise ServiceFault(403, "MissingAuthenticationToken", "Missing Authentication Token")
    return Signature(
        access_key=said["key"],
        region=said["region"],
        service="s3",
        signed_headers=tuple(said["SignedHeaders"].split(";")),
        signature=said["Signature"],
        date=said["Date"],
        token=said.get("Security-Token", ""),
        expires=said.get("Expires", ""),
    )


_BAD_TOKEN = "The security token included in the request is invalid."
_BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


def authenticate(
    keyring: Keyring, signature: Signature, environ: Mapping[str, Any], body: bytes
) -> Principal:
    """The principal that really signed a request.

    Raises:
        ServiceFault: the key is not known, has expired, or did not make the signature.
    """
    key = keyring.find(signature.access_key)
    if key is None or key.principal.partition != get_partition(signature.region):
        raise ServiceFault(403, "InvalidClientTokenId", _BAD_TOKEN)
    if not hmac.compare_digest(key.token.encode(), signature.token.encode()):
        raise ServiceFault(403, "InvalidToken", _BAD_TOKEN)
    if key.expires <= datetime.now(UTC):
        raise ServiceFault(403, "ExpiredToken", "The security token included in the request is expired")
    if signature.expires is not None:
        check_lifetime(signature.date, signature.expires)
    if not _signed_by(key, signature, environ, body):
        raise ServiceFault(403, "SignatureDoesNotMatch", _BAD_SIGNATURE)
    return key.principal


def _signed_by(key: Key, signature: Signature, environ: Mapping[str, Any], body: bytes) -> bool:
    try:
        expected = _expected_signature(key, signature, environ, body)
    except ValueError:
        # The host is none, so that nobody can have signed for it.
        return False
    return hmac.compare_digest(expected, signature.signature)


def _expected_signature(key: Key, signature: Signature, environ: Mapping[str, Any], body: bytes) -> str:
    url = f"http://{environ.get('HTTP_HOST', '')}{environ.get('RAW_URI') or environ['PATH_INFO']}"
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=url if signature.expires is None else without_signature(url),
        headers={name: _header(environ, name) for name in signature.signed_headers},
        data=body,
    )
    request.context["timestamp"] = signature.date
    credentials = Credentials(key.access_key, key.secret, key.token or None)
    signer = _signer_of(signature)(credentials, signature.service, signature.region)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def _signer_of(signature: Signature) -> Any:
    if signature.expires is not None:
        return S3SigV4QueryAuth
    return S3SigV4Auth if signature.service == "s3" else SigV4Auth


def _header(environ: Mapping[str, Any], name: str) -> str:
    variable = name.upper().replace("-", "_")
    plain = variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"
    return str(environ.get(plain, ""))
