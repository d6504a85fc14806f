"""Signatures in the query of a URL, which whoever has the URL may use: those of S3 are offered.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from xacct_kit.sandbox.faults import ServiceFault

_LONGEST = 604_800
_EARLY = timedelta(minutes=15)
_CREDENTIAL = re.compile(r"(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/s3/aws4_request")
_SIGNATURE = re.compile(r"(?:^|&)X-Amz-Signature=[^&]*")


def query_signature(environ: Mapping[str, Any]) -> dict[str, str] | None:
    """What a URL says of its signature, by the words behind `X-Amz-`; None where it has none of S3."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    said = {name.removeprefix("X-Amz-"): values[0] for name, values in query.items()}
    match = _CREDENTIAL.fullmatch(said.get("Credential", ""))
    if match is None or said.get("Algorithm") != "AWS4-HMAC-SHA256" or "Signature" not in said:
        return None
    return {"SignedHeaders": "", "Date": "", **said, **match.groupdict()}


def without_signature(url: str) -> str:
    """A URL less the signature, which does not sign itself."""
    path, _, query = url.partition("?")
    return f"{path}?{_SIGNATURE.sub('', query).removeprefix('&')}"


def check_lifetime(date: str, seconds: str) -> None:
    """Refuse a URL that is used outside the time for which it was signed.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html; the words are those that
    S3 was seen to answer: https://github.com/aws/aws-sdk-php/issues/1333, https://github.com/minio/minio/issues/2638

    Parameters:
        date: `X-Amz-Date`, when it was signed.
        seconds: `X-Amz-Expires`, for how many seconds.

    Raises:
        ServiceFault: it is.
    """
    try:
        begin = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lasting = int(seconds)
    except ValueError:
        raise _wrong("X-Amz-Date and X-Amz-Expires must be a time and a number of seconds") from None
    if not 0 <= lasting <= _LONGEST:
        raise _wrong(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {_LONGEST} seconds"
        )
    now = datetime.now(UTC)
    if begin > now + _EARLY:
        raise ServiceFault(403, "AccessDenied", "Request is not yet valid")
    if now > begin + timedelta(seconds=lasting):
        raise ServiceFault(403, "AccessDenied", "Request has expired")


def _wrong(text: str) -> ServiceFault:
    return ServiceFault(400, "AuthorizationQueryParametersError", text)
