"""The redactor: a secret is taken out in whatever form it is written, and nothing else is."""

from __future__ import annotations

import html
import json
import pickle
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from xacct_kit.aws.redaction import Redactor, redact

EXTERNAL_ID = "zq7Hb+V3=mK,9t.Wc@2R:Lx/dN-quiet_heron"
TOKEN = "IQoJtR8vXz2LmQ5wNc7KbY4hGs9DfPa1Ue6/Wj3TkVx0+Oq=="

WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON with solidi escaped": lambda text: json.dumps(text).replace("/", r"\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text).replace("/", r"\/")),
    "JSON of code points": lambda text: json.dumps(text).replace("+", r"\u002B").replace("/", r"\u002f"),
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": lambda text: urlencode({"ExternalId": text, "Version": "2011-06-15"}),
    "HTML entities": lambda text: text.replace("+", "&#43;").replace("/", "&#x2F;").replace("=", "&#061;"),
    "HTML of JSON": lambda text: html.escape(json.dumps(text).replace("/", r"\/")),
    "HTML entities twice": lambda text: html.escape(text.replace("/", "&#47;")),
    "Python bytes": lambda text: repr(text.encode() + b"\r\n"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_an_external_id_is_taken_out_in_every_form(writer: str) -> None:
    redactor = Redactor()
    redactor.learn_external_id(EXTERNAL_ID)
    told = redactor(f"before {WRITERS[writer](EXTERNAL_ID)} after")
    assert "${external_id}" in told
    assert "zq7Hb" not in told
    assert "quiet_heron" not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


@pytest.mark.parametrize(
    "names", [("external_id", "management_external_id"), ("management_external_id", "external_id")]
)
def test_of_two_external_ids_one_may_be_a_part_of_the_other(names: tuple[str, str]) -> None:
    secrets = {"external_id": "quiet-heron", "management_external_id": "quiet-heron-amber"}
    redactor = Redactor()
    for name in names:
        redactor.learn_external_id(secrets[name], name)
    told = redactor("quiet-heron, quiet-heron-amber, ${external_id}")
    assert told == "${external_id}, ${management_external_id}, ${external_id}"


@pytest.mark.parametrize("secret", ["id", "external", "management", "ex"])
def test_a_place_for_an_external_id_is_left_as_it_is(secret: str) -> None:
    redactor = Redactor()
    redactor.learn_external_id(secret)
    text = "${external_id} ${management_external_id}"
    assert redactor(text) == text


@pytest.mark.parametrize("writer", WRITERS)
def test_credentials_are_taken_out_in_every_form(writer: str) -> None:
    told = redact.knowing(None, "", TOKEN)(f"before {WRITERS[writer](TOKEN)} after")
    assert "IQoJtR8v" not in told
    assert "****" in told


@pytest.mark.parametrize("pasted", ["{}\r", "{}\n", " {}", "\N{RIGHT DOUBLE QUOTATION MARK}{}"])
def test_what_was_pasted_with_credentials_does_not_hide_them(pasted: str) -> None:
    assert (
        redact.knowing(pasted.format(TOKEN))(f"Invalid header value b'{TOKEN}\\n'")
        == r"Invalid header value b'****\n'"
    )


def test_what_one_call_knows_no_other_has_to() -> None:
    redactor = Redactor()
    redactor.learn_external_id(EXTERNAL_ID)
    assert redactor.knowing(TOKEN)(f"{EXTERNAL_ID} {TOKEN}") == "${external_id} ****"
    assert redactor(TOKEN) == TOKEN


@pytest.mark.parametrize("external_id", ["id", "external", "external_id", "${external_id}"])
def test_redacting_twice_is_redacting_once(external_id: str) -> None:
    redactor = Redactor()
    redactor.learn_external_id(external_id)
    once = redactor(f"It has {external_id}.")
    assert once == "It has ${external_id}."
    assert redactor(once) == once


def test_a_patch_can_be_filled_again() -> None:
    redactor = Redactor()
    redactor.learn_external_id(EXTERNAL_ID)
    document = json.dumps({"Condition": {"StringEquals": {"sts:ExternalId": [EXTERNAL_ID]}}})
    call = {"account": "333333333333", "params": {"Documents": (document,), "SetAsDefault": True}}
    told = redactor.throughout(call)
    assert EXTERNAL_ID not in str(told)
    assert told["params"]["SetAsDefault"] is True
    assert told["params"]["Documents"][0].replace("${external_id}", EXTERNAL_ID) == document


BY_PLACE = {
    "an access key": ("Credential=ASIAQ7ZK2M5XW9RT4VB8/20261125/us-east-1", "ASIAQ7ZK2M5XW9RT4VB8"),
    "a password in a URL": (
        'Could not connect to the endpoint URL: "http://user:Pw8-c@127.0.0.1:9/"',
        "Pw8-c",
    ),
    "a token in a header": (f"x-amz-security-token: {TOKEN}", TOKEN),
    "a token in a URL": (f"?X-Amz-Security-Token={quote(TOKEN, safe='')}&X-Amz-Expires=60", TOKEN[:20]),
    "a token in JSON": (json.dumps({"X-Amz-Security-Token": TOKEN}), TOKEN),
    "what a program says": (
        f"Error when retrieving credentials from custom-process: {TOKEN}\n{TOKEN}",
        TOKEN,
    ),
}


@pytest.mark.parametrize("place", BY_PLACE)
def test_what_is_known_by_its_place_is_taken_out_unlearned(place: str) -> None:
    text, secret = BY_PLACE[place]
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "User: arn:aws:iam::222222222222:role/ApiHandlerRole is not authorized to perform: sts:AssumeRole",
        "The role AROAQ7ZK2M5XW9RT4VB8X was deleted; see https://docs.aws.amazon.com/IAM/latest/UserGuide/",
        "The header x-amz-security-token; authorization is not signed. Ask somebody@example.com.",
    ],
)
def test_nothing_else_is(text: str) -> None:
    redactor = redact.knowing(TOKEN)
    redactor.learn_external_id(EXTERNAL_ID)
    assert redactor(text) == text


def test_a_redactor_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="a Redactor holds credentials and is not pickled"):
        pickle.dumps(redact)
