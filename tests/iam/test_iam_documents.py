"""Documents that can be read, and those that cannot."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import pytest

from xacct_kit.errors import PolicyError
from xacct_kit.iam import DocumentKind, Request, compile_document, decide

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
TRUST: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": "111111111111"},
    "Action": "sts:AssumeRole",
}


def without(element: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != element}


MALFORMED = [
    # the statement, the place of the fault, a word of the message
    (without("Effect"), "Statement[1].Effect", "missing"),
    (GOOD | {"Effect": "allow"}, "Statement[1].Effect", "neither Allow nor Deny"),
    (GOOD | {"Effect": ["Allow"]}, "Statement[1].Effect", "neither Allow nor Deny"),
    (GOOD | {"NotAction": "s3:*"}, "Statement[1]", "both Action and NotAction"),
    (without("Action"), "Statement[1]", "neither Action nor NotAction"),
    (GOOD | {"NotResource": "*"}, "Statement[1]", "both Resource and NotResource"),
    (without("Resource"), "Statement[1]", "neither Resource nor NotResource"),
    (GOOD | {"Action": []}, "Statement[1].Action", "empty"),
    (GOOD | {"Action": 5}, "Statement[1].Action", "a number, not a text"),
    (GOOD | {"Action": ["s3:*", None]}, "Statement[1].Action[1]", "null"),
    (GOOD | {"Action": "s3"}, "Statement[1].Action", "an action such as"),
    (GOOD | {"Action": ["s3:*", "s3:"]}, "Statement[1].Action[1]", "an action such as"),
    (GOOD | {"Resource": "bucket"}, "Statement[1].Resource", "neither an ARN"),
    (GOOD | {"Resource": ["*", {}]}, "Statement[1].Resource[1]", "an object, not a text"),
    (GOOD | {"Resource": "arn:aws:s3:::${x"}, "Statement[1].Resource", "not closed"),
    (GOOD | {"Principal": "*"}, "Statement[1].Principal", "not an element of a permissions policy"),
    (GOOD | {"NotPrincipal": "*"}, "Statement[1].NotPrincipal", "not an element of a permissions policy"),
    (GOOD | {"Conditions": {}}, "Statement[1].Conditions", "not an element"),
    (GOOD | {"action": "s3:*"}, "Statement[1].action", "not an element"),
    (GOOD | {"Sid": 1}, "Statement[1].Sid", "a number"),
    ("Allow", "Statement[1]", "a text"),
    (GOOD | {"Condition": []}, "Statement[1].Condition", "a list"),
    (
        GOOD | {"Condition": {"StringMatches": {"a:b": "c"}}},
        "Statement[1].Condition.StringMatches",
        "no condition operator",
    ),
    (
        GOOD | {"Condition": {"NullIfExists": {"a:b": "true"}}},
        "Statement[1].Condition.NullIfExists",
        "no condition operator",
    ),
    (
        GOOD | {"Condition": {"ForAllValues:NullIfExists": {"a:b": "true"}}},
        "Statement[1].Condition.ForAllValues:NullIfExists",
        "no condition operator",
    ),
    (
        GOOD | {"Condition": {"ForSomeValues:Bool": {"a:b": "true"}}},
        "Statement[1].Condition.ForSomeValues:Bool",
        "no condition operator",
    ),
    (
        GOOD | {"Condition": {"StringEquals": "x"}},
        "Statement[1].Condition.StringEquals",
        "an object, not a text",
    ),
    (GOOD | {"Condition": {"StringEquals": {"a:b": []}}}, "Statement[1].Condition.StringEquals.a:b", "empty"),
    (
        GOOD | {"Condition": {"StringEquals": {"a:b": ["x", None]}}},
        "Statement[1].Condition.StringEquals.a:b[1]",
        "null",
    ),
]
MALFORMED += [
    (GOOD | {"Condition": {operator: {"a:b": value}}}, f"Statement[1].Condition.{operator}.a:b", word)
    for operator, value, word in [
        ("NumericEquals", "ten", "not a number"),
        ("NumericEquals", "NaN", "not a number"),
        ("NumericLessThan", "${aws:x}", "not a number"),
        ("DateLessThan", "2026-13-01", "neither a date"),
        ("DateLessThan", "tomorrow", "neither a date"),
        ("Bool", "yes", "neither true nor false"),
        ("Null", "maybe", "neither true nor false"),
        ("BinaryEquals", "!", "not base64"),
        ("IpAddress", "203.0.113.0/33", "203.0.113.0/33"),
        ("StringEquals", "${}", "not a policy variable"),
    ]
]


@pytest.mark.parametrize(
    ("statement", "place", "word"),
    MALFORMED,
    ids=[f"{n}-{place}" for n, (_, place, _) in enumerate(MALFORMED)],
)
def test_a_malformed_statement_is_named_with_its_place(statement: Any, place: str, word: str) -> None:
    with pytest.raises(PolicyError) as error:
        compile_document({"Version": "2012-10-17", "Statement": [GOOD, statement]})
    assert error.value.place == place
    assert word in error.value.fault


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({}, "Statement"),
        ({"Version": "2012-10-17"}, "Statement"),
        ({"Statement": []}, "Statement"),
        ({"Statement": None}, "Statement"),
        ({"Statement": without("Effect")}, "Statement.Effect"),
        ({"Version": "2012-10-18", "Statement": GOOD}, "Version"),
        ({"Version": None, "Statement": GOOD}, "Version"),
        ({"Version": [], "Statement": GOOD}, "Version"),
        ({"Id": 7, "Statement": GOOD}, "Id"),
        ({"Statements": GOOD}, "Statements"),
        ({1: GOOD}, ""),
        ("{}", ""),
        (None, ""),
        ([GOOD], ""),
    ],
    ids=str,
)
def test_a_malformed_document_is_named_with_its_place(document: Any, place: str) -> None:
    with pytest.raises(PolicyError) as error:
        compile_document(document)
    assert error.value.place == place


@pytest.mark.parametrize(
    ("statement", "kind", "place"),
    [
        (GOOD, DocumentKind.RESOURCE, "Statement"),
        (TRUST | {"Resource": "*"}, DocumentKind.TRUST, "Statement.Resource"),
        (TRUST | {"NotPrincipal": "*"}, DocumentKind.RESOURCE, "Statement"),
        (
            {"Effect": "Deny", "NotPrincipal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"},
            DocumentKind.TRUST,
            "Statement.NotPrincipal",
        ),
        (TRUST | {"Principal": {}}, DocumentKind.TRUST, "Statement.Principal"),
        (TRUST | {"Principal": "111111111111"}, DocumentKind.TRUST, "Statement.Principal"),
        (TRUST | {"Principal": {"aws": "*"}}, DocumentKind.TRUST, "Statement.Principal.aws"),
        (TRUST | {"Principal": {"AWS": []}}, DocumentKind.TRUST, "Statement.Principal.AWS"),
        (TRUST | {"Principal": {"AWS": ["*", 1]}}, DocumentKind.TRUST, "Statement.Principal.AWS[1]"),
        (TRUST | {"Principal": {"AWS": "alice"}}, DocumentKind.TRUST, "Statement.Principal.AWS"),
        (
            TRUST | {"Principal": {"AWS": "arn:aws:iam::111111111111:role/*"}},
            DocumentKind.TRUST,
            "Statement.Principal.AWS",
        ),
        (
            TRUST | {"Principal": {"AWS": "arn:aws:iam::111111111111:group/g"}},
            DocumentKind.TRUST,
            "Statement.Principal.AWS",
        ),
        (TRUST | {"Principal": {"Service": "*"}}, DocumentKind.TRUST, "Statement.Principal.Service"),
    ],
)
def test_who_is_named_is_checked_where_principals_belong(
    statement: dict[str, Any], kind: DocumentKind, place: str
) -> None:
    with pytest.raises(PolicyError) as error:
        compile_document({"Statement": statement}, kind)
    assert error.value.place == place


@pytest.mark.parametrize(
    ("kind", "readable"), [(kind, kind is DocumentKind.RESOURCE) for kind in DocumentKind]
)
def test_a_statement_id_stands_once_in_policies_of_iam(kind: DocumentKind, readable: bool) -> None:
    statement = GOOD if kind is DocumentKind.PERMISSIONS else TRUST
    document = {"Statement": [statement | {"Sid": sid} for sid in ("", "A", "", "a", "A")]}
    if readable:
        compile_document(document, kind)
        return
    with pytest.raises(PolicyError) as error:
        compile_document(document, kind)
    assert error.value.place == "Statement[4].Sid"


def test_an_error_says_which_document_it_is_in() -> None:
    request = Request(principal="arn:aws:iam::111111111111:user/u", action="s3:GetObject", resource="*")
    good, bad = {"Statement": GOOD}, {"Statement": without("Effect")}
    for policies, name in [
        ({"identity": [good, bad]}, "identity[1]"),
        ({"boundary": bad}, "boundary"),
        ({"session": bad}, "session"),
        ({"scps": [[good], [good, bad]]}, "scps[1][1]"),
        ({"resource_policy": bad}, "resource_policy"),
    ]:
        with pytest.raises(PolicyError, match=r"Statement\.Effect: is missing") as error:
            decide(request, **policies)  # type: ignore[arg-type]
        assert f"(in {name})" in str(error.value)


def test_a_changed_dict_is_read_anew() -> None:
    request = Request(principal="arn:aws:iam::111111111111:user/u", action="s3:GetObject", resource="*")
    document = {"Statement": dict(GOOD)}
    assert decide(request, identity=[document]).allowed
    document["Statement"]["Effect"] = "Deny"
    assert not decide(request, identity=[document]).allowed


def test_a_document_is_not_changed_and_its_order_does_not_matter() -> None:
    document = {"Version": "2012-10-17", "Statement": [dict(GOOD)]}
    before = copy.deepcopy(document)
    request = Request(principal="arn:aws:iam::111111111111:user/u", action="s3:GetObject", resource="*")
    turned = OrderedDict(reversed(document.items()))
    assert decide(request, identity=[document]) == decide(request, identity=[turned])
    assert document == before


def test_a_compiled_document_stands_for_its_dict_and_keeps_its_kind() -> None:
    request = Request(principal="arn:aws:iam::111111111111:user/u", action="s3:GetObject", resource="*")
    document = {"Statement": GOOD}
    compiled = compile_document(document)
    assert decide(request, identity=[compiled]) == decide(request, identity=[document])
    with pytest.raises(PolicyError, match="compiled as a permissions policy"):
        decide(request, resource_policy=compiled)
