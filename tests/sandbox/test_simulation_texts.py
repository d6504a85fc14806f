"""What a policy's text tells besides its meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from gate_clients import document, statement
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.sandbox.simulation.texts import context_keys, statement_positions

BUCKET = "arn:aws:s3:::bucket"
GET = statement("Allow", "s3:GetObject")
ALLOW = '{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Sid":"First"}'
DENY = '{"Effect":"Deny","Action":"s3:PutObject","Resource":"*","Sid":"Second"}'
COMPACT = f'{{"Version":"2012-10-17","Statement":[{ALLOW},{DENY}]}}'
SINGLE = f'{{"Statement": {ALLOW}}}'
TWICE = f'{{"Statement":\n[ ] , "Statement" : [{ALLOW} ]}}'
INDENTED = json.dumps(json.loads(COMPACT), indent=2)


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        (COMPACT, [((1, 38), (1, 109)), ((1, 109), (1, 181))]),
        (INDENTED, [((3, 17), (9, 6)), ((9, 6), (15, 6))]),
        (" \r\n" + INDENTED.replace("\n", "\r\n"), [((4, 17), (10, 6)), ((10, 6), (16, 6))]),
        (SINGLE, [((1, 16), (1, 86))]),
        (TWICE, [((2, 22), (2, 93))]),
    ],
    ids=["compact", "indented", "CRLF", "single", "twice"],
)
def test_a_statement_stands_where_its_reader_was(text: str, positions: list[Any]) -> None:
    found = [tuple((place["Line"], place["Column"]) for place in pair) for pair in statement_positions(text)]
    assert found == positions


LETTERS = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cs"]), max_size=8)
STATEMENTS = st.lists(st.dictionaries(LETTERS, LETTERS | st.lists(LETTERS)), min_size=1, max_size=4)


@given(STATEMENTS, st.sampled_from([None, 0, 1, 4]), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_between_its_positions_is_the_statement(
    statements: list[dict[str, Any]], indent: int | None, line_end: str, ascii_only: bool
) -> None:
    plain = json.dumps({"Id": "[{", "Statement": statements}, indent=indent, ensure_ascii=ascii_only)
    text = plain.replace("\n", line_end)
    lines = text.split(line_end)

    def offset(place: Mapping[str, int]) -> int:
        return sum(len(line) + len(line_end) for line in lines[: place["Line"] - 1]) + place["Column"] - 1

    found = [text[offset(start) : offset(end)].lstrip(", \r\n") for start, end in statement_positions(text)]
    assert [json.loads(each) for each in found] == statements


@pytest.mark.parametrize(
    ("statements", "keys"),
    [
        ([GET], ()),
        ([{**GET, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}], ("aws:SecureTransport",)),
        ([{**GET, "Resource": f"{BUCKET}/${{aws:username, 'x'}}/${{*}}"}], ("aws:username",)),
        ([{**GET, "Condition": {"StringLike": {"a:b": ["${c:d}", "${A:B}"]}}}], ("a:b", "c:d")),
    ],
)
def test_keys_are_spelled_as_in_the_policy(statements: list[dict[str, Any]], keys: tuple[str, ...]) -> None:
    assert context_keys(document(*statements)) == keys


def test_without_its_version_a_policy_has_no_variables() -> None:
    assert context_keys(json.dumps({"Statement": {**GET, "Resource": f"{BUCKET}/${{aws:username}}"}})) == ()
