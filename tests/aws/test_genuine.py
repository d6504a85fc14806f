"""What AWS cannot have answered is told from what it has."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict

from xacct_kit.aws.genuine import ForeignAnswer, refuse_foreign
from xacct_kit.steps.catalogue import PROBES

Case = tuple[str, str, int, bytes]

# One of each protocol, as AWS gives them.
RESULTS: tuple[Case, ...] = (
    (
        "iam",
        "ListRolePolicies",
        200,
        b'<?xml version="1.0"?><ListRolePoliciesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<ListRolePoliciesResult><PolicyNames><member>emr</member></PolicyNames></ListRolePoliciesResult>"
        b"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></ListRolePoliciesResponse>",
    ),
    (
        "ec2",
        "DescribeInstances",
        200,
        b"<DescribeInstancesResponse><requestId>1</requestId><reservationSet/></DescribeInstancesResponse>",
    ),
    ("s3", "ListBuckets", 200, b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"),
    ("emr", "ListClusters", 200, b'{"Clusters": [{"Id": "j-1"}]}'),
)
REFUSALS: tuple[Case, ...] = (
    (
        "iam",
        "ListRolePolicies",
        403,
        b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>No.</Message></Error></ErrorResponse>",
    ),
    (
        "ec2",
        "DescribeInstances",
        403,
        b"<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
    ),
    ("s3", "ListBuckets", 403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
    ("emr", "ListClusters", 400, b'{"__type": "AccessDeniedException", "Message": "No."}'),
)
EACH_ANSWER = pytest.mark.parametrize("case", RESULTS + REFUSALS, ids=lambda case: f"{case[0]} {case[2]}")


@cache
def model(service: str, operation: str) -> Any:
    return botocore.session.Session().get_service_model(service).operation_model(operation)


def refused(case: Case, **headers: str) -> bool:
    service, operation, status, body = case
    response = {"status_code": status, "headers": HeadersDict(headers), "body": body}
    try:
        refuse_foreign(operation_model=model(service, operation), response_dict=response)
    except ForeignAnswer:
        return True
    return False


@EACH_ANSWER
def test_an_answer_of_aws_is_let_through(case: Case) -> None:
    assert not refused(case, **{"Content-Length": str(len(case[3]))})


@pytest.mark.parametrize("place", ["", "eu-central-1"])
def test_where_a_bucket_is_is_told_by_the_root_itself(place: str) -> None:
    text = f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{place}</LocationConstraint>'
    assert not refused(("s3", "GetBucketLocation", 200, text.encode()))


@EACH_ANSWER
def test_an_answer_that_is_cut_anywhere_is_refused(case: Case) -> None:
    *call, body = case
    assert all(refused((*call, body[:length])) for length in range(len(body)))  # type: ignore[arg-type]


@EACH_ANSWER
def test_an_answer_that_is_longer_than_what_came_is_refused(case: Case) -> None:
    assert refused(case, **{"content-length": str(len(case[3]) + 1)})


@EACH_ANSWER
def test_an_answer_under_the_status_of_another_is_refused(case: Case) -> None:
    service, operation, status, body = case
    assert refused((service, operation, 200 if status >= 300 else 403, body))


@pytest.mark.parametrize("service", [case[0] for case in RESULTS])
@pytest.mark.parametrize("other", [case[0] for case in RESULTS])
def test_an_answer_to_another_call_is_refused(service: str, other: str) -> None:
    calls = {case[0]: case for case in RESULTS}
    mixed = (*calls[service][:3], calls[other][3])
    assert refused(mixed) is (service != other)


@EACH_ANSWER
def test_the_text_of_a_refused_answer_is_in_no_message(case: Case) -> None:
    *call, body = case
    response = {"status_code": call[2], "headers": HeadersDict(), "body": b"SECRET" + body}
    with pytest.raises(ForeignAnswer) as caught:
        refuse_foreign(operation_model=model(*call[:2]), response_dict=response)
    assert "SECRET" not in str(caught.value.outcome("a:B", "us-east-1"))


def test_a_page_of_a_server_that_is_down_is_taken_off() -> None:
    response = {"status_code": 503, "headers": HeadersDict(), "body": b"upstream connect error"}
    refuse_foreign(operation_model=model("emr", "ListClusters"), response_dict=response)
    assert response["body"] == b""


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_no_probe_is_answered_by_just_anything(probe: Any) -> None:
    for status in (200, 403):
        for body in (b"", b"{}", b"<html/>", b"[]", b"OK"):
            assert refused((probe.service, probe.operation, status, body))
