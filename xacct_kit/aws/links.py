"""Links to an object of S3: made with somebody's credentials, and tried as whoever has nothing but the link.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from xacct_kit.aws.redaction import InProcess
from xacct_kit.report import Outcome, OutcomeKind

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from xacct_kit.aws.clients import Clients
    from xacct_kit.aws.redaction import Redactor

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
LONGEST_SECONDS = 604_800

_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")


@dataclass(frozen=True, kw_only=True)
class Link(InProcess):
    """A link that lets whoever has it read one object.

    It carries the access key and the session token of who signed it, though not what signs, and so it is
    handed on by those who asked for it alone.

    Attributes:
        url: the link.
        expires: when it ends at the latest.
        with_credentials: whether that is because the credentials end that signed it.
        certain: whether it lasts until then: credentials may end of which it is not known when.
    """

    url: str = field(repr=False)
    expires: datetime
    with_credentials: bool
    certain: bool


def presigned(
    clients: Clients, credentials: Credentials, region: str, bucket: str, key: str, seconds: int
) -> Link:
    """A link to an object. One that is signed with temporary credentials ends with them.

    https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration

    Parameters:
        clients: by which it is signed.
        credentials: who signs; whoever has the link reads as they do.
        region: the bucket's.
        bucket: the bucket.
        key: the object.
        seconds: how long it is to last.

    Raises:
        AccessError: the machine's configuration gives no way to S3.
    """
    begin = datetime.now(UTC).replace(microsecond=0)
    url = clients.presign(credentials, "s3", region, "GetObject", {"Bucket": bucket, "Key": key}, seconds)
    wanted = begin + timedelta(seconds=seconds)
    # botocore has no public name for it.
    end: datetime | None = getattr(credentials, "_expiry_time", None)
    sooner = end is not None and end < wanted
    return Link(
        url=url,
        expires=end.astimezone(UTC).replace(microsecond=0) if end and sooner else wanted,
        with_credentials=sooner,
        certain=end is not None or "X-Amz-Security-Token" not in url,
    )


def opened(clients: Clients, url: str, region: str, redactor: Redactor) -> tuple[Outcome, bytes | None]:
    """What comes of opening a URL of S3 without credentials: the answer, classified, and what was read.

    Parameters:
        clients: whose connections it goes over.
        url: the URL.
        region: the region in which it is signed.
        redactor: knows the secrets that the answer may repeat.
    """
    from botocore.exceptions import ClientError

    from xacct_kit.aws.errors import classify
    from xacct_kit.aws.genuine import unreadable

    redactor = redactor.knowing(*_credentials(url))
    try:
        response = clients.fetch("s3", region, url)
    except Exception as error:
        return classify(error, "s3", redactor), None
    if not response.headers.get("x-amz-request-id"):
        evidence = {"code": "ForeignAnswer", "http_status": str(response.status_code)}
        return unreadable("s3:GetObject", region, "it has no request ID", evidence), None
    if response.status_code >= 300:
        return classify(ClientError(_error(response), "GetObject"), "s3", redactor), None
    return Outcome(kind=OutcomeKind.ALLOWED), bytes(response.content)


def _credentials(url: str) -> Iterator[str]:
    """What a URL holds by which whoever has it is let in."""
    query = parse_qs(urlsplit(url).query)
    for name in ("X-Amz-Security-Token", "X-Amz-Signature"):
        yield from query.get(name, ())


def _error(response: Any) -> Any:
    found = {
        name: pattern.search(response.content) for name, pattern in (("Code", _CODE), ("Message", _MESSAGE))
    }
    told = {name: match[1].decode("utf-8", "replace") for name, match in found.items() if match}
    return {
        "Error": told or {"Code": str(response.status_code), "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": response.status_code},
    }
