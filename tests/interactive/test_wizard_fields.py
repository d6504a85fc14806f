"""What the wizard asks, and what is said of what was entered: the params have the word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.interactive.wizard_fields import (
    AWS,
    BOTH,
    FIELDS,
    OWN_FILE,
    SANDBOX,
    begun,
    check,
    refusals,
    split_list,
)
from xacct_kit.params import REFERENCES, Params

SANDBOX_PARAMS = Params.load("params/sandbox.yaml")
COMPLETE = {"main_account": "111122223333", "member_accounts": "444455556666", "external_id": "env:NAME"}


def checked(environment: str, **entered: str) -> Any:
    first, kept = begun(SANDBOX_PARAMS, environment)
    return check({**first, **entered}, kept)


def on_aws(**entered: str) -> Any:
    return checked(AWS, **{**COMPLETE, **entered})


def test_each_field_is_about_a_key_of_the_params() -> None:
    keys = [asked.key for asked in FIELDS]
    assert len(keys) == len(set(keys))
    assert set(keys) - {"profile_file"} <= set(Params.model_fields)


SEPARATED = [
    "444455556666 777788889999",
    "444455556666,777788889999;",
    "444455556666\r\n\t777788889999\n",
    '["444455556666", "777788889999"]',
    "- '444455556666'\n- '777788889999'",
    "4444-5555-6666|7777-8888-9999",
    "444455556666/777788889999 444455556666",
]


@pytest.mark.parametrize("text", SEPARATED)
def test_accounts_are_read_with_whatever_stands_between_them(text: str) -> None:
    assert split_list(text) == ["444455556666", "777788889999"]
    assert on_aws(member_accounts=text).params.member_accounts == ("444455556666", "777788889999")


@given(
    st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), unique=True),
    st.text(alphabet=" ,;|\t\n\r/'\"[](){}", min_size=1),
)
def test_accounts_survive_any_separator(accounts: list[str], between: str) -> None:
    assert split_list(between.join(accounts)) == accounts


WRONG: list[tuple[str, dict[str, str], dict[str, str]]] = [
    (AWS, {"main_account": ""}, {"main_account": "is missing"}),
    (AWS, {"main_account": "1111"}, {"main_account": "'1111' is not an account ID"}),
    (AWS, {"member_accounts": ""}, {"member_accounts": "say which accounts to onboard"}),
    (AWS, {"member_accounts": "12 444455556666"}, {"member_accounts": "'12' is not an account ID"}),
    (AWS, {"member_accounts": "1 2 3 4 5"}, {"member_accounts": "and 2 more"}),
    (AWS, {"organizational_units": "unit"}, {"organizational_units": "is not an organizational unit"}),
    (AWS, {"exclude_accounts": "444455556666"}, {"exclude_accounts": "leaves none of member_accounts"}),
    (AWS, {"external_id": ""}, {"external_id": "is missing"}),
    (AWS, {"external_id": "env:1"}, {"external_id": "begins like a reference but is not env:NAME"}),
    (AWS, {"region": "cn-north-1"}, {"region": "is not a region of partition aws"}),
    (AWS, {"partition": "aws-cn"}, {"region": "is not a region of partition aws-cn, such as cn-north-1"}),
    (AWS, {"api_handler_role": ""}, {"api_handler_role": "is not a role's name"}),
    (AWS, {"untrusted_role": "apihandlerrole"}, {"untrusted_role": "must get in"}),
    (AWS, {"stack_name": "1"}, {"stack_name": "is not a stack's name"}),
    (AWS, {"stack_set": "service-managed"}, {"stack_set": "there are none"}),
    (AWS, {"max_cost_usd": "-1"}, {"max_cost_usd": "must be greater than or equal to 0"}),
    (AWS, {"max_cost_usd": "much"}, {"max_cost_usd": "must be a valid number"}),
    (AWS, {"profile": OWN_FILE, "profile_file": ""}, {"profile_file": ""}),
    (AWS, {"profile": OWN_FILE, "profile_file": "none.yaml"}, {"profile_file": "none.yaml: No such file"}),
    (SANDBOX, {"sandbox_accounts": "0"}, {"sandbox_accounts": "must be greater than or equal to 1"}),
    (SANDBOX, {"sandbox_accounts": "two"}, {"sandbox_accounts": "must be a valid integer"}),
    (AWS, {"region": "", "main_account": ""}, {"region": "is not a region", "main_account": "is missing"}),
]


@pytest.mark.parametrize(("environment", "entered", "told"), WRONG, ids=[str(row[1]) for row in WRONG])
def test_what_is_wrong_is_said_beside_its_field(
    environment: str, entered: dict[str, str], told: dict[str, str]
) -> None:
    found = checked(environment, **{**(COMPLETE if environment == AWS else {}), **entered})
    assert found.params is None
    assert found.messages.keys() == told.keys()
    for key, part in told.items():
        assert part in found.messages[key]


def test_what_is_complete_gives_the_params() -> None:
    found = on_aws(untrusted_role="", access_role="", access_profile="", max_cost_usd="2.5")
    assert (found.messages, found.faults) == ({}, ())
    params = found.params
    assert (params.environment, params.member_accounts) == ("aws", ("444455556666",))
    assert (params.untrusted_role, params.access_role, params.access_profile) == (None, None, None)
    assert params.max_cost_usd == 2.5


def test_a_profile_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine", encoding="utf-8")
    assert "trust: is missing" in on_aws(profile=OWN_FILE, profile_file=str(file)).messages["profile_file"]


@pytest.mark.parametrize("environment", BOTH)
def test_no_external_id_stands_in_a_field(environment: str) -> None:
    entered, _ = begun(SANDBOX_PARAMS, environment)
    assert SANDBOX_PARAMS.external_id not in entered.values()
    assert SANDBOX_PARAMS.management_external_id not in entered.values()


def test_the_sandbox_has_its_external_id_all_the_same() -> None:
    assert checked(SANDBOX).params == SANDBOX_PARAMS
    there = Params.load("params/account.yaml")
    entered, kept = begun(there, SANDBOX)
    assert check(entered, kept).params.environment == "sandbox"  # type: ignore[union-attr]


FILES = ["account", "china", "govcloud", "organization", "sandbox"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_changed_stays_as_it_is(name: str) -> None:
    params = Params.load(f"params/{name}.yaml")
    assert check(*begun(params, params.environment)).params == params


def test_every_refusal_is_the_params_own() -> None:
    told = refusals()
    assert told.keys() == {"", *REFERENCES}
    assert "a literal is for the sandbox only" in told[""]
    assert all(form in told[kind] for kind, (_, form) in REFERENCES.items())
