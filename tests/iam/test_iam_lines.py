"""Requests by the line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xacct_kit.errors import PolicyError
from xacct_kit.iam import decide_line

ALLOW = {"Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}
LINE: dict[str, Any] = {
    "principal": "arn:aws:iam::333333333333:user/ada",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::amzn-s3-demo-bucket/key",
    "resource_account": None,
    "context": {"aws:SourceIp": "203.0.113.7"},
    "identity": [ALLOW],
    "boundary": None,
    "session": None,
    "scps": [[ALLOW]],
    "resource_policy": None,
}


def test_a_decision_is_plain_json() -> None:
    answer = decide_line(LINE)
    assert json.loads(json.dumps(answer)) == {
        "allowed": True,
        "layer": "IDENTITY",
        "explicit": False,
        "statement": "identity[0].Statement[0] (All)",
        "reason": (
            "identity[0].Statement[0] (All) allows s3:GetObject on arn:aws:s3:::amzn-s3-demo-bucket/key "
            "to arn:aws:iam::333333333333:user/ada."
        ),
    }


def test_all_but_the_request_itself_may_be_left_out() -> None:
    answer = decide_line({key: LINE[key] for key in ("principal", "action", "resource")})
    assert (answer["allowed"], answer["layer"], answer["statement"]) == (False, "IDENTITY", None)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"user": "x"}, "user"),
        ({"principal": None}, "principal"),
        ({"action": 5}, "action"),
        ({"resource": ["*"]}, "resource"),
        ({"resource_account": 333333333333}, "resource_account"),
        ({"context": None}, "context"),
        ({"context": [1]}, "context"),
        ({"identity": ALLOW}, "identity"),
        ({"identity": None}, "identity"),
        ({"scps": [ALLOW]}, "scps[0]"),
        ({"identity": ["{}"]}, ""),
        ({"boundary": {"Statement": [{}]}}, "Statement[0].Effect"),
    ],
    ids=str,
)
def test_a_line_that_cannot_be_read_is_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(PolicyError) as error:
        decide_line(LINE | change)
    assert error.value.place == place


@pytest.mark.parametrize("key", ["principal", "action", "resource"])
def test_the_request_itself_may_not_be_left_out(key: str) -> None:
    with pytest.raises(PolicyError, match="is missing"):
        decide_line({name: value for name, value in LINE.items() if name != key})


def test_a_line_is_an_object() -> None:
    with pytest.raises(PolicyError, match="object"):
        decide_line([LINE])  # type: ignore[arg-type]
