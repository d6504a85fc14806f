"""S3 by boto3's defaults: checksums, streams, keys of every kind, and errors without a body."""

from __future__ import annotations

import io
from typing import Any

import pytest
from gate_clients import Organization, Refusal, refusal, statement, unique

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def s3(organization: Organization) -> Any:
    return organization.administrator().client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    return name


KEYS = [
    "plain",
    "a/b/c.txt",
    "with space",
    "ünï/çodé-漢字",
    "plus+sign",
    "per%20cent",
    "a//b",
    "a/../b",
    "/leading",
    "trailing/",
    "question?acl&policy=1",
    "star*~!'()",
]


@pytest.mark.parametrize("key", KEYS)
def test_an_object_is_put_found_read_and_deleted_by_its_key(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=f"body of {key}".encode())
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == f"body of {key}"
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


class Trickle(io.RawIOBase):
    """A stream of known length that cannot be read at once."""

    def __init__(self, content: bytes) -> None:
        self._inside = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inside.seek(offset, whence)

    def tell(self) -> int:
        return self._inside.tell()

    def readinto(self, buffer: Any) -> int:
        part = self._inside.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize(
    "body",
    [b"", b"small", MEGABYTE, io.BytesIO(MEGABYTE), Trickle(MEGABYTE)],
    ids=["empty", "small", "1 MB", "1 MB stream", "1 MB trickle"],
)
@pytest.mark.parametrize("algorithm", [None, "CRC32", "SHA256"])
def test_a_body_comes_back_as_it_was(s3: Any, bucket: str, body: Any, algorithm: str | None) -> None:
    wanted = body if isinstance(body, bytes) else MEGABYTE
    if not isinstance(body, bytes):
        body.seek(0)
    s3.put_object(
        Bucket=bucket, Key="key", Body=body, **({"ChecksumAlgorithm": algorithm} if algorithm else {})
    )
    assert s3.head_object(Bucket=bucket, Key="key")["ContentLength"] == len(wanted)
    answer = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert answer["ContentLength"] == len(wanted)
    assert answer["Body"].read() == wanted


def test_an_upload_in_parts_comes_back_as_one(s3: Any, bucket: str) -> None:
    content = MEGABYTE * 9
    s3.upload_fileobj(io.BytesIO(content), bucket, "parts")
    assert s3.head_object(Bucket=bucket, Key="parts")["ContentLength"] == len(content)
    back = io.BytesIO()
    s3.download_fileobj(bucket, "parts", back)
    assert back.getvalue() == content


def test_a_part_of_an_object_can_be_read(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
    answer = s3.get_object(Bucket=bucket, Key="key", Range="bytes=2-5")
    assert answer["Body"].read() == b"2345"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_what_is_said_of_an_object_is_kept(s3: Any, bucket: str) -> None:
    metadata = {"own_key": "1", "other-key": "two"}
    s3.put_object(Bucket=bucket, Key="key", Body=b"<p>", ContentType="text/html", Metadata=metadata)
    told = s3.head_object(Bucket=bucket, Key="key")
    assert told["ContentType"] == "text/html"
    assert told["Metadata"] == metadata


def test_many_objects_are_listed_in_pages_and_deleted_at_once(s3: Any, bucket: str) -> None:
    keys = [f"many/{number}" for number in range(5)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/", MaxKeys=2)
    assert [each["Key"] for page in pages for each in page["Contents"]] == keys
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert {each["Key"] for each in deleted["Deleted"]} == set(keys)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other"]


def test_a_bucket_can_be_made_in_another_region(organization: Organization) -> None:
    import dataclasses

    who = dataclasses.replace(organization.administrator(), region="eu-west-1", _clients={})
    s3, name = who.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


def test_the_rules_of_a_bucket_are_kept(s3: Any, bucket: str) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("head_object", {"Key": "none"}, Refusal("404", 404, "Not Found")),
        ("get_object", {"Key": "none"}, Refusal("NoSuchKey", 404, "The specified key does not exist.")),
        (
            "get_bucket_cors",
            {},
            Refusal("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"),
        ),
        ("get_bucket_policy", {}, Refusal("NoSuchBucketPolicy", 404, "The bucket policy does not exist")),
        ("head_bucket", {"Bucket": "no-such-bucket"}, Refusal("404", 404, "Not Found")),
        (
            "list_objects_v2",
            {"Bucket": "no-such-bucket"},
            Refusal("NoSuchBucket", 404, "The specified bucket does not exist"),
        ),
    ],
)
def test_what_is_not_there_is_told_apart(
    s3: Any, bucket: str, operation: str, params: dict[str, str], expected: Refusal
) -> None:
    assert refusal(getattr(s3, operation), **({"Bucket": bucket} | params)) == expected


def test_a_bucket_with_objects_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"")
    assert refusal(s3.delete_bucket, Bucket=bucket).code == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="key")
    s3.delete_bucket(Bucket=bucket)
    assert refusal(s3.head_bucket, Bucket=bucket).status == 404


class TestAuthorisation:
    def test_a_head_that_is_denied_has_no_text(self, organization: Organization, bucket: str) -> None:
        nobody = organization.somebody().client("s3")
        assert refusal(nobody.head_object, Bucket=bucket, Key="key") == Refusal("403", 403, "Forbidden")
        assert refusal(nobody.head_bucket, Bucket=bucket) == Refusal("403", 403, "Forbidden")

    def test_to_head_an_object_is_to_get_it(self, organization: Organization, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="key", Body=b"body")
        reader = organization.somebody(statement("Allow", "s3:GetObject")).client("s3")
        assert reader.head_object(Bucket=bucket, Key="key")["ContentLength"] == 4

    def test_a_prefix_can_be_somebodys_own(self, organization: Organization, bucket: str) -> None:
        own = statement("Allow", "s3:PutObject", "s3:DeleteObject", resource=f"arn:aws:s3:::{bucket}/own/*")
        who = organization.somebody(own).client("s3")
        who.put_object(Bucket=bucket, Key="own/key", Body=b"")
        assert refusal(who.put_object, Bucket=bucket, Key="key", Body=b"").code == "AccessDenied"
        who.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "own/key"}]})
        objects = [{"Key": "own/key"}, {"Key": "key"}]
        assert refusal(who.delete_objects, Bucket=bucket, Delete={"Objects": objects}).code == "AccessDenied"

    def test_to_copy_an_object_is_to_read_it(self, organization: Organization, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="a key", Body=b"body")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "a key"}}
        writer = organization.somebody(statement("Allow", "s3:PutObject")).client("s3")
        refused = refusal(writer.copy_object, **copy)
        assert f's3:GetObject on resource: "arn:aws:s3:::{bucket}/a key"' in refused.text
        both = organization.somebody(statement("Allow", "s3:PutObject", "s3:GetObject")).client("s3")
        both.copy_object(**copy)
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"body"


def test_that_an_object_is_missing_is_told_to_whom_may_list(organization: Organization, bucket: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    reader = organization.somebody(statement("Allow", "s3:GetObject")).client("s3")
    denied = refusal(reader.get_object, Bucket=bucket, Key="missing")
    assert denied.code == "AccessDenied"
    assert f'perform: s3:ListBucket on resource: "arn:aws:s3:::{bucket}" because' in denied.text
    assert refusal(reader.head_object, Bucket=bucket, Key="missing").status == 403
    lister = organization.somebody(statement("Allow", "s3:GetObject", "s3:ListBucket")).client("s3")
    assert refusal(lister.get_object, Bucket=bucket, Key="missing").code == "NoSuchKey"


def test_a_prefix_of_nothing_is_a_prefix(organization: Organization, bucket: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/walkthrough1.html"""
    top = {"StringEquals": {"s3:prefix": ["", "home/"]}}
    s3 = organization.somebody(statement("Allow", "s3:ListBucket", Condition=top)).client("s3")
    for prefix in ("", "home/"):
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
    for other in ({"Prefix": "other/"}, {}):
        assert refusal(s3.list_objects_v2, Bucket=bucket, **other).code == "AccessDenied"
