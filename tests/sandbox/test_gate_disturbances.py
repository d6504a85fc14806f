"""Too many requests, and answers that are late: what AWS does whatever the policies say."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from botocore.config import Config
from gate_clients import CALLS, Actor, Refusal, outcome, refusal, serving

from xacct_kit.sandbox.layout import Layout

# By IAM's prefixes, as a request's signature names services.
HALF = dict.fromkeys({*CALLS, "elasticmapreduce"}, 0.5)
LATE = {"dynamodb": 0.2, "sqs": 0.3}
ONCE = Config(retries={"total_max_attempts": 1})
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 5})

RATE_EXCEEDED = Refusal("Throttling", 400, "Rate exceeded")
JSON_RATE_EXCEEDED = Refusal("ThrottlingException", 400, "Rate exceeded")
TOO_MANY = {
    "ce": Refusal("LimitExceededException", 400, "Rate limit exceeded"),
    "cloudformation": RATE_EXCEEDED,
    "ec2": Refusal("RequestLimitExceeded", 503, "Request limit exceeded."),
    "emr": JSON_RATE_EXCEEDED,
    "iam": RATE_EXCEEDED,
    "organizations": Refusal(
        "TooManyRequestsException",
        400,
        "You have sent too many requests in too short a period of time. The quota helps protect against "
        "denial-of-service attacks. Try again later.",
    ),
    "s3": Refusal("SlowDown", 503, "Please reduce your request rate."),
    "sagemaker": JSON_RATE_EXCEEDED,
    "ssm": JSON_RATE_EXCEEDED,
    "sts": RATE_EXCEEDED,
}


@pytest.fixture(scope="module")
def busy(no_aws: None) -> Iterator[Actor]:
    """The operator of a sandbox where every second request is one too many, or answers are late."""
    with serving(Layout(throttle=HALF, latency=LATE)) as served:
        yield served.operator


@pytest.mark.parametrize("service", CALLS)
def test_the_share_is_refused_in_the_services_own_words(busy: Actor, service: str) -> None:
    impatient = busy.but(config=ONCE)
    outcomes = [outcome(impatient, service) for _ in range(8)]
    assert outcomes == outcomes[:2] * 4
    assert sorted(outcomes[:2], key=bool) == [None, TOO_MANY[service]]


@pytest.mark.parametrize("service", ["ce", "ec2", "s3", "ssm", "sts"])
def test_a_client_that_tries_again_gets_through(busy: Actor, service: str) -> None:
    patient = busy.but(config=PATIENT)
    assert [outcome(patient, service) for _ in range(2)] == [None, None]


def test_who_is_not_known_is_told_so_first(busy: Actor) -> None:
    stranger = busy.but(secret="not-the-operator's")
    for _ in range(2):
        assert refusal(stranger.client("sts").get_caller_identity).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(("service", "operation"), [("dynamodb", "list_tables"), ("sqs", "list_queues")])
def test_an_answer_is_as_late_as_was_asked(busy: Actor, service: str, operation: str) -> None:
    call = getattr(busy.client(service), operation)
    asked = time.monotonic()
    call()
    assert time.monotonic() - asked >= LATE[service]
