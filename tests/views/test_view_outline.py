"""What a run would do, what it takes and what it costs, before anything is called."""

from __future__ import annotations

from typing import Any

import pytest

from xacct_kit.params import Params
from xacct_kit.steps.cost_explorer import price_line
from xacct_kit.views.outline import outline_of


def outline(name: str = "account", **values: Any) -> str:
    """The outline as text, in one line."""
    return " ".join(str(outline_of(Params.load(f"params/{name}.yaml", **values))).split())


TOLD: list[tuple[str, dict[str, Any], list[str]]] = [
    ("sandbox", {"sandbox_scenario": "throttled"}, ["scenario throttled; no AWS account is touched."]),
    (
        "account",
        {"access_profile": "mine"},
        ["partition aws, with credentials of the profile mine."],
    ),
    ("account", {}, ["the ordinary AWS chain.", "1 account: 444455556666.", "A check changes nothing."]),
    ("account", {"untrusted_role": None}, ["with a wrong one it must be refused."]),
    ("account", {"probes": "canary"}, ["A check makes canaries in each account", "S3 bucket"]),
    ("organization", {"exclude_accounts": ["777788889999"]}, ["2 accounts: 444455556666, 123456789012."]),
    (
        "organization",
        {"organizational_units": ["root"]},
        [
            "3 accounts:",
            "and every account below root when it is run.",
            "organizations:DescribeOrganization, organizations:ListAccounts on *",
            "an account at $0.01",
        ],
    ),
    ("account", {"profile": "hardened"}, ["its permissions boundary", "iam:CreatePolicyVersion"]),
    (
        "account",
        {"stack_set": "self-managed"},
        ["stack set onboard-account (self-managed)", "CreateStackSet"],
    ),
    ("account", {"external_id": "ssm:/a/b"}, ["ssm:GetParameter on arn:aws:ssm:us-east-1:*:parameter/a/b"]),
    (
        "account",
        {"external_id": "secretsmanager:mine"},
        ["secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:*:secret:mine-??????"],
    ),
    ("china", {}, ["arn:aws-cn:iam::*:role/CrossAccountExecutionRole"]),
    ("govcloud", {}, ["Cost Explorer is not offered in aws-us-gov"]),
]


@pytest.mark.parametrize(("name", "values", "told"), TOLD, ids=[f"{row[0]} {row[1]}" for row in TOLD])
def test_what_is_told(name: str, values: dict[str, Any], told: list[str]) -> None:
    text = outline(name, **values)
    assert all(part in text for part in told), text


def test_many_accounts_are_counted() -> None:
    accounts = [f"{number:012}" for number in range(12)]
    assert "12 accounts: 000000000000, 000000000001, 000000000002 and 9 more." in outline(
        member_accounts=accounts
    )


def test_what_is_not_asked_for_is_not_needed() -> None:
    text = outline()
    assert not any(action in text for action in ("organizations:", "ssm:", "StackSet", "iam:CreatePolicy"))


def test_html_says_what_the_text_says_and_takes_nothing_for_markup() -> None:
    shown = outline_of(Params.load("params/account.yaml", access_profile="<b>"))._repr_html_()
    assert "profile &lt;b&gt;." in shown
    assert "A check changes nothing." in shown
    assert "sandbox-external-id" not in outline("sandbox")


@pytest.mark.parametrize(
    ("accounts", "told"),
    [
        (1, "1 request at $0.01, charged only when it succeeds; at most $0.01 (limit $1.00)."),
        (500, "500 requests at $0.01, charged only when it succeeds; at most $1.00 (limit $1.00)."),
        (
            None,
            "1 request an account at $0.01, charged only when it succeeds; "
            "at most $1.00, which is the limit.",
        ),
    ],
)
def test_the_price(accounts: int | None, told: str) -> None:
    assert price_line(Params.load("params/account.yaml"), accounts) == f"Cost Explorer: {told}"
