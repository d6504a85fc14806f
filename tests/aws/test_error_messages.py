"""Messages as AWS, its SDKs and its tools have worded them, and what each means.

The table is `error_messages.jsonl`: a message a line, its kind, the action and the policy that a refusal
names, and where it was met. Account numbers, names and request IDs are replaced.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.aws.envelopes import unwrap
from xacct_kit.aws.errors import classify, classify_line, classify_parts
from xacct_kit.report import OutcomeKind as Kind

TABLE = Path(__file__).with_name("error_messages.jsonl")
MESSAGES: list[dict[str, Any]] = [json.loads(line) for line in TABLE.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row['kind']}-{row['message'][:60]}")
def test_a_message_means(row: dict[str, Any]) -> None:
    said = classify_line(row)
    told = ("kind", "explicit", "action", "policy_arn")
    expected = {"explicit": False, "action": None, "policy_arn": None} | row
    assert {name: said[name] for name in told} == {name: expected[name] for name in told}


def test_this_resource_is_no_name() -> None:
    why = "because no identity-based policy allows the kms:Decrypt action"
    text = f"User: x is not authorized to perform: kms:Decrypt on this resource {why}"
    outcome = classify_parts("s3", "AccessDenied", text)
    assert outcome.resource is None
    assert why in outcome.reason


def test_what_a_tool_wraps_around_an_answer_is_read() -> None:
    envelope = unwrap(
        "aws: [ERROR]: An error occurred (A) when calling the GetX operation (reached max retries: 2): "
        "no (Service: Ec2, Status Code: 400, Request ID: 1) (RequestToken: 2, HandlerErrorCode: B)\n\n"
        "Additional error details:\nType: Sender"
    )
    assert envelope.text == "no"
    assert envelope.codes == ("A", "B")
    assert (envelope.operation, envelope.service, envelope.http_status) == ("GetX", "Ec2", 400)


# What holds of every message

WRAPPINGS = (
    "An error occurred ({code}) when calling the X operation: {message}",
    "aws: [ERROR]: An error occurred ({code}) when calling the X operation (reached max retries: 4): "
    "{message}\n\nAdditional error details:\nType: Sender",
    "Traceback (most recent call last):\nbotocore.exceptions.ClientError: An error occurred ({code}) when "
    "calling the X operation: {message}",
    "operation error Y: X, https response error StatusCode: 400, RequestID: 1, api error {code}: {message}",
    "{message} (Service: Y; Status Code: 400; Error Code: {code}; Request ID: 1; Proxy: null)",
    'Resource handler returned message: "{message} (Service: Y, Status Code: 400, Request ID: 1) '
    '(SDK Attempt Count: 1)" (RequestToken: 1, HandlerErrorCode: {code})',
    "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>",
    '{{"__type":"com.amazon.coral.service#{code}","Message":"{message}"}}',
)
# Answers of a service that nothing is wrapped around yet.
BARE = [
    row
    for row in MESSAGES
    if {"service", "code", "http_status"} <= row.keys()
    and "HandlerErrorCode" not in row["message"]
    and "(Service: " not in row["message"]
]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("named", [True, False], ids=["code given", "code in the text"])
def test_no_wrapping_changes_what_a_message_means(wrapping: str, named: bool) -> None:
    for row in BARE:
        message = wrapping.format(code=row["code"], message=row["message"])
        outcome = classify_parts(row["service"], row["code"] if named else "", message)
        expected = (row["kind"], row.get("action"), row.get("policy_arn"))
        assert (outcome.kind, outcome.action, outcome.policy_arn) == expected, message


WORDS = """access account denied does exist exists forbidden found is key missing no not or permission
    permissions policy refused rejected resource role such the to unauthorized user you your"""


@given(
    st.sampled_from(["NeverSeen", "FooBarException", "CREATE_FAILED", "Unknown", "E1234", "Exception"]),
    st.lists(st.sampled_from(WORDS.split()), min_size=3, max_size=20).map(" ".join),
    st.sampled_from([None, 400, 403, 404, 409]),
)
def test_a_code_that_is_not_known_is_neither_a_denial_nor_something_missing(
    code: str, message: str, status: int | None
) -> None:
    kind = classify_parts("", code, message, http_status=status).kind
    assert not kind.denied
    assert kind not in (Kind.NOT_FOUND, Kind.ALLOWED)


class AnyField(dict[str, Any]):
    """Whatever an exception's text asks for."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, kind in sorted(vars(botocore.exceptions).items())
        if inspect.isclass(kind) and issubclass(kind, botocore.exceptions.BotoCoreError)
    ],
)
def test_an_exception_means_the_same_by_its_class_its_name_and_its_text(name: str) -> None:
    cls = getattr(botocore.exceptions, name)
    error = cls.__new__(cls)
    error.args = (cls.fmt.format_map(AnyField()),)
    kind = classify(error).kind
    assert classify_parts("", name, str(error)).kind is kind
    # A template that is all placeholders says nothing, and some exceptions share one.
    assert classify_parts("", "", str(error)).kind in (kind, Kind.UNKNOWN)
