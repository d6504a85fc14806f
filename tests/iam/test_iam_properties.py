"""What holds for all policies."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.iam import Decision, Request, decide

MAIN, MEMBER = "222222222222", "333333333333"
PRINCIPALS = [
    f"arn:aws:iam::{MEMBER}:user/ada",
    f"arn:aws:sts::{MEMBER}:assumed-role/Worker/run-1",
    f"arn:aws:iam::{MEMBER}:root",
    f"arn:aws:sts::{MEMBER}:federated-user/ada",
    "lambda.amazonaws.com",
]
NAMED = ["*", MEMBER, f"arn:aws:iam::{MEMBER}:user/ada", f"arn:aws:iam::{MEMBER}:role/Worker", PRINCIPALS[1]]
RESOURCES = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:sqs:eu-west-1:222222222222:q"]
ACTIONS = ["s3:GetObject", "sqs:SendMessage", "sts:AssumeRole"]

conditions = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringNotEqualsIfExists": {"aws:RequestedRegion": ["eu-west-1"]}},
        {"Null": {"aws:RequestedRegion": True}},
    ]
)
permissions = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": st.sampled_from(["*", "s3:*", "s3:Get*", "sqs:SendMessage", "sts:*"]),
        "Resource": st.sampled_from(RESOURCES),
        "Condition": conditions,
    }
)
grants = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": st.sampled_from(["*", "s3:*", "sqs:SendMessage", "sts:*"]),
        "Principal": st.fixed_dictionaries({"AWS": st.lists(st.sampled_from(NAMED), min_size=1, max_size=2)}),
        "Condition": conditions,
    }
)


def documents(statements: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(statements, min_size=1, max_size=3).map(lambda many: {"Statement": many})


policies = st.fixed_dictionaries(
    {
        "identity": st.lists(documents(permissions), max_size=2),
        "boundary": st.none() | documents(permissions),
        "session": st.none() | documents(permissions),
        "scps": st.lists(st.lists(documents(permissions), max_size=2), max_size=2),
        "resource_policy": st.none() | documents(grants),
    }
)
requests = st.builds(
    Request,
    principal=st.sampled_from(PRINCIPALS),
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(["arn:aws:s3:::b/k", f"arn:aws:sqs:eu-west-1:{MAIN}:q", "*"]),
    context=st.sampled_from([{}, {"aws:RequestedRegion": "eu-west-1"}]),
    resource_account=st.sampled_from([None, MAIN, MEMBER]),
)


def appended(given_policies: dict[str, Any], layer: str, statement: dict[str, Any]) -> dict[str, Any]:
    """The policies with a statement more in a layer that is there."""
    document = {"Statement": [statement]}
    if layer == "identity":
        return given_policies | {layer: [*given_policies[layer], document]}
    if layer == "scps":
        return given_policies | {layer: [[*level, document] for level in given_policies[layer]]}
    old = given_policies[layer]
    return (
        given_policies
        if old is None
        else given_policies | {layer: {"Statement": [*old["Statement"], statement]}}
    )


LAYERS = st.sampled_from(["identity", "boundary", "session", "scps", "resource_policy"])


@given(requests, policies, LAYERS, permissions, grants)
def test_a_deny_more_never_allows_more(
    request: Request, many: dict[str, Any], layer: str, permission: dict[str, Any], grant: dict[str, Any]
) -> None:
    statement = (grant if layer == "resource_policy" else permission) | {"Effect": "Deny"}
    if decide(request, **appended(many, layer, statement)).allowed:
        assert decide(request, **many).allowed


@given(requests, policies, LAYERS, permissions, grants)
def test_an_allow_more_never_allows_less(
    request: Request, many: dict[str, Any], layer: str, permission: dict[str, Any], grant: dict[str, Any]
) -> None:
    statement = (grant if layer == "resource_policy" else permission) | {"Effect": "Allow"}
    if decide(request, **many).allowed:
        assert decide(request, **appended(many, layer, statement)).allowed


@given(requests, policies, documents(permissions))
def test_a_boundary_session_policy_or_scp_more_never_allows_more(
    request: Request, many: dict[str, Any], limit: dict[str, Any]
) -> None:
    if "federated-user" not in request.principal:
        without = decide(request, **many | {"session": None})
        assert without.allowed or not decide(request, **many | {"session": limit}).allowed
    assert (
        decide(request, **many | {"boundary": None}).allowed
        or not decide(request, **many | {"boundary": limit}).allowed
    )
    higher = decide(request, **many | {"scps": [[limit], *many["scps"]]})
    assert decide(request, **many).allowed or not higher.allowed


@given(requests, policies)
def test_a_decision_names_what_it_says(request: Request, many: dict[str, Any]) -> None:
    decision = decide(request, **many)
    assert isinstance(decision, Decision)
    assert decision.reason.endswith(".")
    assert request.action in decision.reason
    assert request.resource in decision.reason
    if decision.statement is None:
        assert not decision.explicit
    else:
        assert decision.statement.layer is decision.layer
        assert statement_at(many, str(decision.statement))["Effect"] == (
            "Allow" if decision.allowed else "Deny"
        )


def statement_at(many: dict[str, Any], place: str) -> dict[str, Any]:
    found: Any = many
    for part in place.replace("]", "").replace("[", ".").split("."):
        found = found[int(part) if part.isdigit() else part]
    assert isinstance(found, dict)
    return found
