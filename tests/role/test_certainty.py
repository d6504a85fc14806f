"""A decision is certain only where it does not hang on what nobody here can know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.iam import Request, decide
from xacct_kit.role.certainty import certainly

ROLE = "arn:aws:iam::333333333333:role/Analytics"
OBJECT = "arn:aws:s3:::data/here"
OFFICE = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
HERE = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", **elements}


def left_out(effect: str, *resources: str) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "NotResource": list(resources)}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def request(**context: str) -> Request:
    given = {"aws:RequestedRegion": "us-east-1", **context}
    return Request(principal=ROLE, action="s3:GetObject", resource=OBJECT, context=given)


ALLOW, DENY = statement(), statement("Deny")


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        pytest.param([ALLOW], True, id="allowed"),
        pytest.param([DENY, ALLOW], False, id="denied"),
        pytest.param([statement(Action="s3:PutObject")], False, id="something else is allowed"),
        pytest.param([statement(Condition=HERE)], True, id="a condition that is known"),
        pytest.param([statement(Condition=OFFICE)], None, id="allowed from an address"),
        pytest.param([statement(Condition=OFFICE), ALLOW], True, id="allowed from anywhere besides"),
        pytest.param([statement("Deny", Condition=OFFICE), ALLOW], None, id="denied from an address"),
        pytest.param([statement("Deny", Condition=OFFICE), DENY, ALLOW], False, id="denied besides"),
        pytest.param(
            [statement(Action="s3:PutObject", Condition=OFFICE)], False, id="another call from there"
        ),
        pytest.param(
            [statement(Condition={**OFFICE, "StringEquals": {"aws:RequestedRegion": "eu-west-1"}})],
            False,
            id="from an address, elsewhere",
        ),
        pytest.param(
            [statement(Resource="arn:aws:s3:::data/${aws:PrincipalTag/team}")], None, id="a tag in a resource"
        ),
        pytest.param(
            [statement(Resource="arn:aws:s3:::logs/${aws:PrincipalTag/team}")],
            False,
            id="a tag in another resource",
        ),
        pytest.param(
            [left_out("Deny", "arn:aws:s3:::data/${aws:PrincipalTag/team}"), ALLOW],
            None,
            id="denied but for a tag",
        ),
        pytest.param(
            [left_out("Deny", "arn:aws:s3:::data/${aws:PrincipalTag/team}", OBJECT), ALLOW],
            True,
            id="denied but for a tag and for this",
        ),
        pytest.param(
            [left_out("Allow", "arn:aws:s3:::data/${aws:PrincipalTag/team}")],
            None,
            id="allowed but for a tag",
        ),
        pytest.param(
            [statement(Condition={"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalTag/owner}"}})],
            None,
            id="a tag in a condition",
        ),
        pytest.param(
            [statement(Condition={"StringEquals": {"iam:PermissionsBoundary": "a"}})],
            False,
            id="a key that the call would bring",
        ),
    ],
)
def test_what_is_certain(statements: list[dict[str, Any]], allowed: bool | None) -> None:
    assert certainly(request(), identity=[document(*statements)]) is allowed


@pytest.mark.parametrize("layer", ["boundary", "scps"])
def test_every_layer_can_leave_it_open(layer: str) -> None:
    doubtful = document(statement(Condition=OFFICE))
    limits: dict[str, Any] = {layer: doubtful if layer == "boundary" else [[doubtful]]}
    assert certainly(request(), identity=[document(ALLOW)], **limits) is None


@pytest.mark.parametrize(
    ("context", "allowed"),
    [
        pytest.param({}, False, id="a key that the call would bring"),
        pytest.param({"sts:ExternalId": "right"}, True, id="the right external ID"),
        pytest.param({"sts:ExternalId": "wrong"}, False, id="a wrong one"),
    ],
)
def test_an_external_id_is_known_whether_it_is_sent_or_not(context: dict[str, str], allowed: bool) -> None:
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "222222222222"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "right"}},
        }
    )
    caller = "arn:aws:iam::222222222222:role/ApiHandlerRole"
    asked = Request(principal=caller, action="sts:AssumeRole", resource=ROLE, context=context)
    may = document(statement(Action="sts:AssumeRole"))
    assert certainly(asked, identity=[may], resource_policy=trust) is allowed


keys = st.sampled_from(["aws:SourceIp", "aws:RequestedRegion", "aws:MultiFactorAuthPresent"])
resources = st.sampled_from(
    ["*", OBJECT, "arn:aws:s3:::data/${aws:PrincipalTag/team}", "arn:aws:s3:::logs/${aws:PrincipalTag/team}"]
)


def about(element: str, resource: str, **elements: Any) -> dict[str, Any]:
    rest = {name: value for name, value in statement(**elements).items() if name != "Resource"}
    return {**rest, element: resource}


statements = st.builds(
    about,
    st.sampled_from(["Resource", "NotResource"]),
    resources,
    effect=st.sampled_from(["Allow", "Deny"]),
    Action=st.sampled_from(["s3:GetObject", "s3:*", "s3:PutObject"]),
    Condition=st.dictionaries(
        st.sampled_from(["StringEquals", "StringNotEquals", "StringEqualsIfExists"]),
        st.dictionaries(keys, st.sampled_from(["true", "us-east-1"]), min_size=1),
        max_size=2,
    ),
)


@given(
    st.lists(statements, min_size=1, max_size=4),
    st.dictionaries(
        st.sampled_from(["aws:SourceIp", "aws:MultiFactorAuthPresent", "aws:PrincipalTag/team"]),
        st.sampled_from(["true", "us-east-1", "here"]),
    ),
)
def test_what_is_certain_holds_whatever_turns_out(
    held: list[dict[str, Any]], turns_out: dict[str, str]
) -> None:
    found = certainly(request(), identity=[document(*held)])
    really = decide(request(**turns_out), identity=[document(*held)]).allowed
    assert found in (None, really)
