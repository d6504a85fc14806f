"""What patterns match."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.iam.match import (
    arn_tokens,
    exact_tokens,
    glob_matcher,
    glob_tokens,
    pattern,
    resource_tokens,
)

TAGS = {"aws:username": "ada", "aws:principaltag/team": "a:b/*"}
BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"


def resource_matches(text: str, value: str, *, variables: bool = True) -> bool:
    return pattern(resource_tokens(text, variables=variables))(value, TAGS.get)


def arn_like(text: str, value: str) -> bool:
    return pattern(arn_tokens(text, variables=True))(value, TAGS.get)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
@pytest.mark.parametrize(
    ("key", "matches"),
    [
        ("1/test/object.jpg", True),
        ("1/2/test/object.jpg", True),
        ("1/2/test/3/object.jpg", True),
        ("1/2/3/test/4/object.jpg", True),
        ("1///test///object.jpg", True),
        ("1/test/.jpg", True),
        ("/test/object.jpg", True),
        ("1/test/", True),
        ("a:b/test/c:d", True),
        ("1-test/object.jpg", False),
        ("test/object.jpg", False),
        ("1/2/test.jpg", False),
    ],
)
def test_a_resource_wildcard_spans_slashes(key: str, matches: bool) -> None:
    assert resource_matches(f"{BUCKET}/*/test/*", f"{BUCKET}/{key}") is matches


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        pytest.param("*", "anything:at/all", True, id="a star alone"),
        pytest.param("arn:aws:s3:*", f"{BUCKET}/key", True, id="a star at the end spans colons"),
        pytest.param("arn:aws:iam::*:role/x", "arn:aws:iam::222222222222:role/x", True, id="a component"),
        pytest.param("arn:aws:*:role/x", "arn:aws:iam::222222222222:role/x", True, id="star before a colon"),
        pytest.param("arn:aws:s*3:::b", "arn:aws:sqs:a:3:::b", False, id="an inner star stays inside"),
        pytest.param("arn:aws:s?:::b", "arn:aws:s::::b", False, id="a question mark is no colon"),
        pytest.param(
            "arn:aws:s3:::b?", "arn:aws:s3:::b:", True, id="but any character of the last component"
        ),
        pytest.param(BUCKET, BUCKET.upper(), False, id="case counts"),
        pytest.param(
            "arn:aws:sagemaker:us-east-1:*:notebook-instance/?asic?otebook?nstance-*",
            "arn:aws:sagemaker:us-east-1:333333333333:notebook-instance/BasicNotebookInstance-7",
            True,
            id="question marks",
        ),
    ],
)
def test_resources(text: str, value: str, matches: bool) -> None:
    assert resource_matches(text, value) is matches


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("${aws:username}", "ada", True),
        ("${AWS:UserName}", "ada", True),
        ("${aws:username}", "bob", False),
        ("${aws:PrincipalTag/cost, 'none'}", "none", True),
        ("${aws:PrincipalTag/cost}", "", False),
        ("${aws:PrincipalTag/cost}", "${aws:PrincipalTag/cost}", False),
        ("${aws:PrincipalTag/team}", "a:b/*", True),
        ("${aws:PrincipalTag/team}", "a:b/anything", False),
        ("${aws:PrincipalTag/cost center, 'none'}", "none", True),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("${?}${$}", "?$", True),
        ("*${*}*", "a*b", True),
        ("*${*}*", "ab", False),
    ],
)
def test_variables(text: str, value: str, matches: bool) -> None:
    assert resource_matches(f"{BUCKET}/{text}", f"{BUCKET}/{value}") is matches


def test_without_variables_their_text_is_literal() -> None:
    text = f"{BUCKET}/${{aws:username}}"
    assert resource_matches(text, text, variables=False)
    assert not resource_matches(text, f"{BUCKET}/ada", variables=False)


@pytest.mark.parametrize("text", ["a${aws:username", "a${}", "a${aws:username, none}", "a${a b}"])
def test_a_broken_variable_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        exact_tokens(text, variables=True)


def test_a_variable_may_not_stand_before_the_fifth_colon() -> None:
    with pytest.raises(ValueError, match="fifth colon"):
        resource_tokens("arn:aws:s3::${aws:PrincipalAccount}:b", variables=True)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        pytest.param(
            "arn:aws:someservice:*:111111111111:finance/*",
            "arn:aws:someservice:us-east-2:222222222222:store/abc:111111111111:finance/document.txt",
            False,
            id="a wildcard stays in its component",
        ),
        pytest.param(
            "arn:*:iam::*:role/*", "arn:aws-cn:iam::111111111111:role/a/b:c", True, id="all of them"
        ),
        pytest.param(
            "arn:aws:iam::*", "arn:aws:iam::111111111111:role/x", False, id="a component is missing"
        ),
        pytest.param("arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/ada", True, id="a variable"),
    ],
)
def test_arn_like(text: str, value: str, matches: bool) -> None:
    assert arn_like(text, value) is matches


def by_definition(text: str, value: str) -> bool:
    """What wildcards mean, by every way of cutting the value; exponential, so for short texts only."""
    if not text:
        return not value
    if text[0] == "*":
        return any(by_definition(text[1:], value[cut:]) for cut in range(len(value) + 1))
    return bool(value) and text[0] in ("?", value[0]) and by_definition(text[1:], value[1:])


@given(st.text("ab:*?", max_size=8), st.text("ab:*?", max_size=8))
def test_globs_mean_what_wildcards_mean(text: str, value: str) -> None:
    assert glob_matcher(text)(value) is by_definition(text, value)


@given(st.text("ab:*?", max_size=8), st.text("ab:", max_size=8), st.data())
def test_a_wider_pattern_never_matches_less(text: str, value: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    wider = f"{text[:at]}*{text[at + data.draw(st.integers(0, 1)) :]}"
    assert glob_matcher(wider)(value) or not glob_matcher(text)(value)


@given(st.text("a:*?", max_size=12), st.text("a:", max_size=12))
def test_what_stays_in_components_matches_less_than_a_glob(text: str, value: str) -> None:
    anywhere = pattern(glob_tokens(text, variables=False))(value, TAGS.get)
    resource = resource_matches(text, value, variables=False)
    assert anywhere or not resource
    assert resource or not arn_like(text, value)


@pytest.mark.parametrize("text", ["a*" * 100 + "b", "*a?" * 100 + "b", "?*" * 100 + "b"])
def test_many_wildcards_are_not_slow(text: str) -> None:
    matches = glob_matcher(text)
    value = "a" * 10_000
    started = time.process_time()
    assert not any(matches(value) for _ in range(3))
    assert time.process_time() - started < 0.1
