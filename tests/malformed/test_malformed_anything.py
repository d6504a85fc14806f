"""Whatever is given is answered, or refused by an error of the request; nothing else is ever raised."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xacct_kit import strict_json, strict_yaml
from xacct_kit.aws.errors import classify_line
from xacct_kit.errors import ParamsError, RequestError
from xacct_kit.iam import decide_line
from xacct_kit.params import Params, parse_overrides

bounded = settings(max_examples=300)

EXAMPLE = (Path(__file__).parents[2] / "params" / "sandbox.yaml").read_text(encoding="utf-8")

texts = st.text(max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
keys_of_params = st.sampled_from([*Params.model_fields, "regoin"])


def refused_at_most(load: Any, *given_: Any, **more: Any) -> None:
    with suppress(ParamsError):
        assert isinstance(load(*given_, **more), Params)


@bounded
@given(
    st.binary(max_size=200)
    | texts.map(str.encode)
    | st.text("{}[]:,-&*!?|>'\"%@#~<. \nax0", max_size=60).map(str.encode)
)
def test_any_bytes_as_yaml(data: bytes) -> None:
    with suppress(ParamsError):
        assert repr(strict_yaml.parse(data, "file")) == repr(strict_yaml.parse(data, "file"))


@bounded
@given(st.data())
def test_a_params_file_with_anything_put_in(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(EXAMPLE)))
    until = data.draw(st.integers(at, min(at + 30, len(EXAMPLE))))
    file = tmp_path_factory.getbasetemp() / "anything.yaml"
    file.write_bytes((EXAMPLE[:at] + data.draw(texts) + EXAMPLE[until:]).encode("utf-8", "replace"))
    refused_at_most(Params.load, file)


@bounded
@given(st.dictionaries(keys_of_params, values, max_size=5))
def test_any_values_as_params(changed: dict[str, Any]) -> None:
    good = {"main_account": "222222222222", "member_accounts": ["333333333333"], "external_id": "a-b"}
    refused_at_most(Params.of, **{**good, **changed})


@bounded
@given(
    st.lists(
        st.builds("{}{}{}".format, keys_of_params | texts, st.sampled_from(["=", ""]), texts), max_size=4
    )
)
def test_any_overrides(arguments: list[str]) -> None:
    with suppress(ParamsError):
        assert isinstance(parse_overrides(arguments), dict)


@bounded
@given(st.binary(max_size=100) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_as_json(data: bytes) -> None:
    with suppress(RequestError):
        assert json.dumps(strict_json.parse(data), ensure_ascii=False).encode()


def answered(answer: Any, line: object) -> None:
    with suppress(RequestError):
        json.dumps(answer(line))


STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
REQUEST: dict[str, Any] = {
    "principal": "arn:aws:iam::333333333333:role/Analyst",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::amzn-s3-demo-bucket/key",
}
OPERATORS = st.sampled_from(
    [
        "StringEquals",
        "StringLike",
        "NumericEquals",
        "DateLessThan",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "ArnLike",
        "Null",
    ]
)
conditions = st.dictionaries(
    OPERATORS | texts, st.dictionaries(texts, values, max_size=2) | values, max_size=2
)
statements = st.dictionaries(
    st.sampled_from(["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "Condition"]),
    values,
    max_size=3,
).map(lambda changed: STATEMENT | changed) | conditions.map(lambda found: STATEMENT | {"Condition": found})


@bounded
@given(
    values | st.dictionaries(st.sampled_from([*REQUEST, "context", "identity", "boundary", "scps"]), values)
)
def test_any_line_to_decide(line: Any) -> None:
    answered(decide_line, line)
    answered(decide_line, REQUEST | line if isinstance(line, dict) else line)


@bounded
@given(
    statements,
    st.dictionaries(texts, scalars | st.lists(scalars), max_size=3),
    st.sampled_from(["2012-10-17", "2008-10-17"]),
)
def test_any_statement_to_decide_by(statement: dict[str, Any], context: dict[str, Any], version: str) -> None:
    document = {"Version": version, "Statement": [statement]}
    answered(decide_line, REQUEST | {"context": context, "identity": [document], "resource_policy": document})


@bounded
@given(
    values
    | st.dictionaries(st.sampled_from(["service", "operation", "code", "http_status", "message"]), scalars)
)
def test_any_line_to_classify(line: Any) -> None:
    answered(classify_line, line)
