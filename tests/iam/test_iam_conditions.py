"""What conditions ask of a request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.iam import Request, decide

USER = "arn:aws:iam::111111111111:user/team/ada"


def holds(condition: dict[str, Any], context: dict[str, Any], version: str | None = "2012-10-17") -> bool:
    """Whether a statement with this condition applies, seen through a decision."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    document = {"Statement": statement} | ({"Version": version} if version else {})
    request = Request(principal=USER, action="s3:GetObject", resource="*", context=context)
    return decide(request, identity=[document]).allowed


NOON = "2026-01-02T12:00:00Z"
OPERATORS = [
    # operator, policy values, a request value that fulfils it, one that does not
    ("StringEquals", "a", "a", "A"),
    ("StringEquals", ["a", "b"], "b", "c"),
    ("StringEquals", "a*", "a*", "ab"),
    ("StringNotEquals", ["a", "b"], "c", "b"),
    ("StringEqualsIgnoreCase", "Ab", "aB", "b"),
    ("StringNotEqualsIgnoreCase", "Ab", "b", "aB"),
    ("StringLike", "a?c*", "abcde", "Abcde"),
    ("StringLike", ["", "home/"], "", "x"),
    ("StringNotLike", ["a*", "b*"], "ca", "ab"),
    ("NumericEquals", "10", 10, 11),
    ("NumericEquals", 10, "10.0", "ten"),
    ("NumericNotEquals", ["10", "11"], 12, 11),
    ("NumericLessThan", 10, 9.5, 10),
    ("NumericLessThanEquals", 10, 10, 11),
    ("NumericGreaterThan", "9007199254740992", "9007199254740993", "9007199254740992"),
    ("NumericGreaterThanEquals", 10, 10, 9),
    ("DateEquals", NOON, "2026-01-02T13:00:00+01:00", "2026-01-02"),
    ("DateNotEquals", NOON, "2026-01-02", NOON),
    ("DateLessThan", NOON, "2026-01-02T11:59:59.999Z", NOON),
    ("DateLessThanEquals", NOON, NOON, "2026-01-03"),
    ("DateGreaterThan", "2026", "2026-01-01T00:00:01Z", "2026-01-01"),
    ("DateGreaterThan", "2026-02", "2026-02-01T00:00:01Z", "2026-01-31"),
    ("DateGreaterThanEquals", "1767355200", NOON, "2026-01-02T11:59:59Z"),
    ("DateLessThan", NOON, 1767355199, "not a date"),
    ("Bool", "true", True, "false"),
    ("Bool", False, "False", "true"),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "QmluYXJZ"),
    ("IpAddress", "203.0.113.0/24", "203.0.113.9", "203.0.114.1"),
    ("IpAddress", ["198.51.100.7", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1", "198.51.100.8"),
    ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "192.0.2.1", "198.51.100.1"),
    ("ArnEquals", "arn:aws:sns:*:1:t", "arn:aws:sns:eu-west-1:1:t", "arn:aws:sns:x:y:1:t"),
    ("ArnLike", "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/a/b", "arn:aws:iam::1:user/a"),
    ("ArnNotEquals", "arn:aws:iam::*:role/*", "arn:aws:iam::1:user/a", "arn:aws:iam::1:role/a"),
    ("ArnNotLike", ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"], "c", "arn:aws:iam::1:role/b"),
]
IDS = [f"{operator}-{number}" for number, (operator, *_) in enumerate(OPERATORS)]


@pytest.mark.parametrize(("operator", "wanted", "good", "bad"), OPERATORS, ids=IDS)
def test_operators(operator: str, wanted: Any, good: Any, bad: Any) -> None:
    assert holds({operator: {"svc:key": wanted}}, {"svc:key": good})
    assert not holds({operator: {"svc:key": wanted}}, {"svc:key": bad})


@pytest.mark.parametrize(("operator", "wanted", "good", "bad"), OPERATORS, ids=IDS)
def test_a_missing_key_fulfils_negated_operators_and_if_exists_only(
    operator: str, wanted: Any, good: Any, bad: Any
) -> None:
    assert holds({operator: {"svc:key": wanted}}, {}) is ("Not" in operator)
    assert holds({f"{operator}IfExists": {"svc:key": wanted}}, {})
    assert holds({f"{operator}IfExists": {"svc:key": wanted}}, {"svc:key": good})
    assert not holds({f"{operator}IfExists": {"svc:key": wanted}}, {"svc:key": bad})


@pytest.mark.parametrize(("operator", "wanted", "good", "bad"), OPERATORS, ids=IDS)
def test_operator_and_key_names_have_no_case(operator: str, wanted: Any, good: Any, bad: Any) -> None:
    assert holds({operator.lower(): {"SVC:Key": wanted}}, {"svc:kEY": good})
    assert not holds({operator.upper(): {"svc:key": wanted}}, {"Svc:key": bad})


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAllValues:StringEquals", None, True),
        ("ForAllValues:StringEquals", [], True),
        ("ForAllValues:StringEquals", "", True),
        ("ForAnyValue:StringEquals", ["a", "c"], True),
        ("ForAnyValue:StringEquals", ["c", "d"], False),
        ("ForAnyValue:StringEquals", None, False),
        ("ForAnyValue:StringEquals", "", False),
        ("ForAnyValue:StringEqualsIfExists", None, True),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "c"], False),
        ("ForAllValues:StringNotEquals", None, True),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("ForAnyValue:StringNotEquals", None, False),
        ("StringEquals", ["c", "a"], True),
        ("StringNotEquals", ["c", "a"], False),
    ],
)
def test_keys_with_several_values(operator: str, values: list[str] | str | None, expected: bool) -> None:
    assert holds({operator: {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": values}) is expected


@pytest.mark.parametrize(
    ("wanted", "context", "expected"),
    [
        ("true", {}, True),
        (True, {"aws:TokenIssueTime": None}, True),
        ("true", {"aws:TokenIssueTime": NOON}, False),
        ("false", {"aws:TokenIssueTime": NOON}, True),
        ("false", {}, False),
        (["true", "false"], {}, True),
    ],
)
def test_null(wanted: Any, context: dict[str, Any], expected: bool) -> None:
    assert holds({"Null": {"aws:TokenIssueTime": wanted}}, context) is expected


# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("context", [{}, {"aws:TagKeys": ["a"]}, {"aws:TagKeys": [""]}])
def test_null_with_a_set_operator_is_always_the_same(wanted: bool, context: dict[str, Any]) -> None:
    assert holds({"ForAllValues:Null": {"aws:TagKeys": wanted}}, context)
    assert not holds({"ForAnyValue:Null": {"aws:TagKeys": wanted}}, context)


def test_all_keys_of_all_operators_must_hold() -> None:
    condition = {"StringEquals": {"svc:a": "1", "svc:b": "2"}, "Bool": {"svc:c": "true"}}
    whole = {"svc:a": "1", "svc:b": "2", "svc:c": True}
    assert holds(condition, whole)
    for key in whole:
        assert not holds(condition, whole | {key: "other"})
    assert holds({}, {})


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
@pytest.mark.parametrize(
    ("operator", "value", "context", "expected"),
    [
        ("StringEquals", "${aws:username}", {"svc:key": "ada"}, True),
        ("StringLike", "${aws:username}/*", {"svc:key": "ada/x"}, True),
        ("StringEqualsIgnoreCase", "${aws:username}", {"svc:key": "ADA"}, True),
        ("ArnLike", "arn:*:iam::*:user/*/${aws:username}", {"svc:key": USER}, True),
        ("Bool", "${svc:flag}", {"svc:key": True, "svc:flag": "true"}, True),
        ("StringEquals", "${svc:none}", {"svc:key": ""}, False),
        ("StringNotEquals", "${svc:none}", {"svc:key": "x"}, True),
        ("StringEquals", "${svc:empty}", {"svc:key": "", "svc:empty": ""}, False),
        ("StringLike", "${svc:empty}*", {"svc:key": "x", "svc:empty": ""}, False),
        ("StringNotEquals", "${svc:empty}", {"svc:key": "", "svc:empty": ""}, True),
        ("StringEquals", "${svc:empty, 'x'}", {"svc:key": "x", "svc:empty": ""}, True),
        ("StringEquals", "${svc:many}", {"svc:key": "a", "svc:many": ["a"]}, False),
        ("StringEquals", "${*}", {"svc:key": "*"}, True),
        ("StringLike", "${*}x", {"svc:key": "yx"}, False),
    ],
)
def test_variables_in_conditions(operator: str, value: str, context: dict[str, Any], expected: bool) -> None:
    assert holds({operator: {"svc:key": value}}, context) is expected


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_older_documents_have_no_variables(version: str | None) -> None:
    condition = {"StringEquals": {"svc:key": "${aws:username}"}}
    assert not holds(condition, {"svc:key": "ada"}, version)
    assert holds(condition, {"svc:key": "${aws:username}"}, version)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", USER),
        ("aws:PrincipalAccount", "111111111111"),
        ("aws:PrincipalType", "User"),
        ("aws:username", "ada"),
    ],
)
def test_keys_that_follow_from_the_principal(key: str, value: str) -> None:
    condition = {"StringEquals": {key: value}}
    assert holds(condition, {})
    assert not holds(condition, {key: "given"})


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), max_size=3))
def test_set_operators_are_sets(wanted: list[str], values: list[str]) -> None:
    def by(operator: str) -> bool:
        return holds({operator: {"svc:key": wanted}}, {"svc:key": values})

    assert by("ForAllValues:StringEquals") is (set(values) <= set(wanted))
    assert by("ForAnyValue:StringEquals") is bool(set(values) & set(wanted))
    assert by("ForAllValues:StringNotEquals") is not (set(values) & set(wanted))
    assert by("ForAnyValue:StringNotEquals") is bool(set(values) - set(wanted))
