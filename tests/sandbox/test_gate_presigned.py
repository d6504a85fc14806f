"""Presigned URLs of S3: who has one reads one object, while it lasts, as whoever signed it may."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from gate_clients import Actor, Organization, statement, unique

# By default botocore presigns by version 2, which S3's newer regions do not know, and the sandbox neither.
VERSION_4 = Config(signature_version="s3v4")


@pytest.fixture(scope="module")
def who(organization: Organization) -> Actor:
    return organization.administrator().but(config=VERSION_4)


@pytest.fixture(scope="module")
def bucket(who: Actor) -> str:
    name = unique("bucket")
    s3 = who.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/b c.yaml", Body=b"template")
    s3.put_object(Bucket=name, Key="other", Body=b"other")
    return name


def presigned(who: Actor, bucket: str, seconds: int = 60, key: str = "a/b c.yaml") -> str:
    url = who.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
    )
    return str(url)


def opened(url: str, method: str = "GET") -> tuple[int, str]:
    """Open a URL as somebody does who has nothing else."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_whoever_has_the_url_reads_the_object_more_than_once(who: Actor, bucket: str) -> None:
    url = presigned(who, bucket)
    assert [opened(url), opened(url)] == [(200, "template")] * 2


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ({"a/b%20c.yaml": "other"}, "SignatureDoesNotMatch"),
        ({"X-Amz-Expires=60": "X-Amz-Expires=6000"}, "SignatureDoesNotMatch"),
        ({"%2Fus-east-1%2F": "%2Feu-west-1%2F"}, "SignatureDoesNotMatch"),
        ({"X-Amz-Security-Token=": "X-Amz-Security-Token=x"}, "InvalidToken"),
        ({"X-Amz-Credential=": "X-Amz-Credential=X"}, "InvalidAccessKeyId"),
        ({"X-Amz-Signature=": "X-Amz-Other="}, "AccessDenied"),
        ({"X-Amz-Expires=60": "X-Amz-Expires=soon"}, "AuthorizationQueryParametersError"),
        ({"AWS4-HMAC-SHA256": "AWS4-HMAC-MD5"}, "AccessDenied"),
        ({"%2Fs3%2F": "%2Fssm%2F"}, "AccessDenied"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_url_that_was_changed_is_refused(
    who: Actor, bucket: str, instead: dict[str, str], said: str
) -> None:
    url = presigned(who, bucket)
    for old, new in instead.items():
        assert old in url
        url = url.replace(old, new)
    status, text = opened(url)
    assert status in (400, 403)
    assert f"<Code>{said}</Code>" in text
    assert "template" not in text.replace("a/b c.yaml", "")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_it_is_for_the_method_alone_that_was_signed(who: Actor, bucket: str, method: str) -> None:
    url = presigned(who, bucket)
    assert opened(url, method)[0] == 403
    assert opened(url) == (200, "template")


def test_it_ends(who: Actor, bucket: str) -> None:
    url = presigned(who, bucket, seconds=1)
    assert opened(url)[0] == 200
    time.sleep(2.1)
    status, text = opened(url)
    assert status == 403
    assert "<Message>Request has expired</Message>" in text


def test_it_lasts_a_week_at_most(who: Actor, bucket: str) -> None:
    assert opened(presigned(who, bucket, seconds=604_800))[0] == 200
    status, text = opened(presigned(who, bucket, seconds=604_801))
    assert (status, "X-Amz-Expires must be less than a week" in text) == (400, True)


def test_it_gives_no_more_than_who_signed_it_may_do(organization: Organization, bucket: str) -> None:
    other = statement("Allow", "s3:GetObject", resource=f"arn:aws:s3:::{bucket}/other")
    stranger = organization.somebody(other).but(config=VERSION_4)
    assert opened(presigned(stranger, bucket, key="other")) == (200, "other")
    status, text = opened(presigned(stranger, bucket))
    assert status == 403
    assert "is not authorized to perform: s3:GetObject" in text


def test_without_its_query_nothing_is_given(who: Actor, bucket: str) -> None:
    status, text = opened(presigned(who, bucket).partition("?")[0])
    assert (status, "<Code>AccessDenied</Code>" in text) == (403, True)
