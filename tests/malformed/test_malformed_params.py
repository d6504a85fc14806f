"""Params files and `-p` that cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

COMMANDS = ("onboard", "probe", "deploy", "template")

GOOD = {
    "environment": "aws",
    "main_account": '"222222222222"',
    "member_accounts": '["333333333333"]',
    "external_id": "env:XACCT_EXTERNAL_ID",
}


def text_of(**changed: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in {**GOOD, **changed}.items())


def command_for(case: object) -> str:
    """Any command that takes params, the same one for the same case."""
    return COMMANDS[sum(repr(case).encode()) % len(COMMANDS)]


def cases(rows: list[tuple[Any, ...]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "row", rows, ids=[f"{number}-{row[0]!s:.30}" for number, row in enumerate(rows)]
    )


def test_the_same_params_without_a_fault_make_a_call(xacct: Any, aws: Any, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text_of(), encoding="utf-8")
    assert xacct("probe", str(file)).code == 3
    assert aws.calls > 0


# What stands in the file, the line of the fault, and what is said of it.
TEXTS: list[tuple[Any, ...]] = [
    ("", None, "does not hold keys and values"),
    ("# nothing\n", None, "does not hold keys and values"),
    ("null\n", None, "does not hold keys and values"),
    ("- environment: aws\n", None, "does not hold keys and values"),
    ("just text\n", None, "does not hold keys and values"),
    ("42\n", None, "does not hold keys and values"),
    ("!!set {environment, region}\n", None, "does not hold keys and values"),
    (b"\x7fELF\x02\x01\x01\x00\x00", 1, "the character U+007F is not allowed"),
    (b"PK\x03\x04", 1, "the character U+0003 is not allowed"),
    (b"\x89PNG\r\n", 1, "is not text in UTF-8"),
    (text_of().encode() + b"role_name: caf\xe9\n", 5, "is not text in UTF-8"),
    (text_of().encode("utf-16-le"), 1, "the character U+0000 is not allowed"),
    (b"\xff\xfe" + text_of().encode("utf-16-le") + b"\x00", None, "is not text in UTF-16"),
    (text_of() + "region: us-\x1b[31m\n", 5, "the character U+001B is not allowed"),
    (text_of() + "region: a\x00b\n", 5, "the character U+0000 is not allowed"),
    (text_of() + "main_account: '222222222222'\n", 5, "main_account is given twice"),
    (text_of() + '"a\\nb": x\n"a\\nb": x\n', 6, "'a\\nb' is given twice"),
    (text_of() + "stack_tags: {a: b,\n  a: c}\n", 6, "a is given twice"),
    (text_of() + "\tregion: us-east-1\n", 5, "found character '\\t'"),
    (text_of() + "stack_tags:\n\ta: b\n", 6, "found character '\\t'"),
    (text_of() + "region us-east-1\n", 6, "could not find expected ':'"),
    (text_of() + "  region: us-east-1\n", 5, "mapping values are not allowed here"),
    (text_of() + "region: 'us-east-1\n", 6, "found unexpected end of stream"),
    (text_of() + "region: [us-east-1\n", 6, "expected ',' or ']'"),
    (text_of() + "region: {us-east-1\n", 6, "expected ',' or '}'"),
    (text_of() + "region: @home\n", 5, "cannot start any token"),
    (text_of() + "region: *home\n", 5, "undefined alias"),
    (text_of() + 'region: "\\q"\n', 5, "unknown escape character"),
    (text_of() + 'region: "\\UFFFFFFFF"\n', 5, "cannot be read as YAML"),
    (text_of() + "---\n" + text_of(), 5, "found another document"),
    ("%YAML 3.0\n---\n" + text_of(), 1, "incompatible YAML document"),
    (text_of() + "<<: {region: us-east-1}\n", 5, "a key must be plain text"),
    ("base: &base {region: us-east-1}\n" + text_of() + "<<: *base\n", 6, "a key must be plain text"),
    (text_of() + "1: x\n", 5, "a key must be plain text"),
    (text_of() + "null: x\n", 5, "a key must be plain text"),
    (text_of() + "~: x\n", 5, "a key must be plain text"),
    (text_of() + "yes: x\n", 5, "a key must be plain text"),
    (text_of() + "1.5: x\n", 5, "a key must be plain text"),
    (text_of() + "2024-01-01: x\n", 5, "a key must be plain text"),
    (text_of() + "? [a]\n: x\n", 5, "a key must be plain text"),
    (text_of() + "? {a: b}\n: x\n", 5, "a key must be plain text"),
    (text_of() + "stack_tags: {2024: x}\n", 5, "a key must be plain text"),
    (text_of() + "region: !!python/object/apply:os.system [id]\n", 5, "could not determine a constructor"),
    (text_of() + "region: !Ref Home\n", 5, "could not determine a constructor"),
    (text_of() + "sandbox_accounts: !!bool maybe\n", 5, "is no bool"),
    (text_of() + "region: !!timestamp soon\n", 5, "is no timestamp"),
    (text_of() + "region: 2024-13-45\n", 5, "is no timestamp"),
    (text_of() + "wait_seconds: !!float five\n", 5, "is no float"),
    (text_of() + "region: !!binary a\n", 5, "failed to decode base64"),
    (text_of(external_id='"hunter2-hunter2\\ud800"'), 4, "is no str"),
    (text_of(external_id="!!int hunter2-hunter2"), 4, "is no int"),
    (text_of() + "wait_seconds: !!int ''\n", 5, "a number has up to 40 digits"),
    (text_of() + "wait_seconds: 0300\n", 5, "a number has up to 40 digits, no leading zero"),
    (text_of() + "wait_seconds: 1:30\n", 5, "a number has up to 40 digits, no leading zero and no colon"),
    (text_of() + f"wait_seconds: {'9' * 5000}\n", 5, "a number has up to 40 digits"),
    (text_of() + f"wait_seconds: 0x{'f' * 5000}\n", 5, "a number has up to 40 digits"),
    (text_of(main_account="012345670123"), 2, "put it in quotes"),
    (text_of() + f"region: {'[' * 5000}\n", 5, "is nested too deeply"),
    (text_of() + f"region: {'{a: ' * 100}\n", 5, "is nested too deeply"),
    ("- " * 3000, 1, "is nested too deeply"),
]


@cases(TEXTS)
def test_a_file_that_cannot_be_read(refused: Any, tmp_path: Path, row: tuple[Any, ...]) -> None:
    text, line, fault = row
    file = tmp_path / "params.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    place = str(file) if line is None else f"{file}, line {line}: "
    said = refused(command_for(text), str(file), says=(place, fault))
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


ROLE = "is not a role's name"

# A key, how its value is written, and what is said of it; alone, after its name.
VALUES: list[tuple[Any, ...]] = [
    ("environment", "AWS", "must be 'sandbox' or 'aws', not 'AWS'"),
    ("environment", "prod", "must be 'sandbox' or 'aws', not 'prod'"),
    ("environment", "null", "is empty"),
    ("environment", "[aws]", "must be 'sandbox' or 'aws'"),
    ("environment", "true", "not True"),
    ("partition", "aws-iso", "must be 'aws', 'aws-cn' or 'aws-us-gov'"),
    ("partition", "1", "not 1"),
    ("region", "us-east", "is not a region of partition aws"),
    ("region", "US-EAST-1", "is not a region of partition aws"),
    ("region", "cn-north-1", "is not a region of partition aws"),
    ("region", "us-east-1a", "is not a region of partition aws"),
    ("region", "' us-east-1'", "is not a region of partition aws"),
    ("region", '"us-east-1\\n"', "'us-east-1\\n' is not a region"),
    ("region", "us-east-\u0661", "is not a region of partition aws"),
    ("region", "2024-01-01", "is not text"),
    ("region", "no", "is not text"),
    ("region", "x" * 5000, "xxx…"),
    ("main_account", "222222222222", "is a number"),
    ("main_account", "222222222222.0", "is a number"),
    ("main_account", "'22222222222'", "is not an account ID"),
    ("main_account", "'2222222222222'", "is not an account ID"),
    ("main_account", "2222-2222-2222", "is not an account ID"),
    ("main_account", "'222222222222 '", "is not an account ID"),
    ("main_account", '"222222222222\\r"', "is not an account ID"),
    ("main_account", '"' + "٢" * 12 + '"', "is not an account ID"),
    ("main_account", "arn:aws:iam::222222222222:root", "is not an account ID"),
    ("main_account", "0o17", "is not an account ID"),
    ("main_account", "{a: b}", "is not text"),
    ("main_account", "", "is empty"),
    ("member_accounts", "[]", "an empty list never means all accounts"),
    ("member_accounts", "''", "names no account"),
    ("member_accounts", "null", "is empty"),
    ("member_accounts", "{a: b}", "is not a list"),
    ("member_accounts", "333333333333", "is a number"),
    ("member_accounts", "all", "is not an account ID"),
    ("member_accounts", "'333333333333,'", "is not an account ID"),
    ("member_accounts", "['333333333333', '333333333333']", "names more than once: 333333333333"),
    ("member_accounts", "&all [*all]", "is not text"),
    ("api_handler_role", "role/ApiHandlerRole", ROLE),
    ("api_handler_role", "''", ROLE),
    ("workflow_loop_runner_role", "Rôle", ROLE),
    ("workflow_loop_runner_role", "[a, b]", "is not text"),
    ("untrusted_role", "a b", ROLE),
    ("untrusted_role", "ApiHandlerRole", "is api_handler_role too"),
    ("untrusted_role", "workflowlooprunnerrole", "is workflow_loop_runner_role too"),
    ("external_id", "hunter2-hunter2", "a literal is for the sandbox only"),
    ("external_id", "vault:secret", "a literal is for the sandbox only"),
    ("external_id", "ENV:XACCT_EXTERNAL_ID", "a literal is for the sandbox only"),
    ("external_id", "'env:'", "begins like a reference but is not env:NAME"),
    ("external_id", "env:1ST", "begins like a reference but is not env:NAME"),
    ("external_id", "'file:'", "begins like a reference but is not file:path"),
    ("external_id", "ssm:a b", "begins like a reference but is not ssm:/path"),
    ("external_id", "'secretsmanager:'", "begins like a reference but is not secretsmanager:"),
    ("external_id", "12345", "is not text"),
    ("external_id", "{hunter2-hunter2: 1}", "is not text"),
    ("role_name", "x" * 65, ROLE),
    ("role_name", "null", "is empty"),
    ("stack_name", "1st", "is not a stack's name"),
    ("stack_name", "on_board", "is not a stack's name"),
    ("stack_tags", "[a, b]", "is not made of keys and values"),
    ("stack_tags", "{'aws:a': b}", "kept for AWS"),
    ("stack_tags", "{a: ''}", "a key has 1 to 128 characters"),
    ("stack_tags", "{" + ",".join(f"k{n}: v" for n in range(51)) + "}", "has 51 tags"),
    ("profile", "nonsense", "there is no 'nonsense'"),
    ("profile", "' documented'", "is not a name"),
    ("access_role", "3", "is not text"),
    ("access_role", "arn:aws:iam::333333333333:role/A", ROLE),
    ("max_cost_usd", "-1", "must be greater than or equal to 0, not -1"),
    ("max_cost_usd", ".nan", "must be a finite number, not nan"),
    ("max_cost_usd", ".inf", "must be a finite number, not inf"),
    ("max_cost_usd", "$1", "must be a valid number, not '$1'"),
    ("max_cost_usd", "yes", "must be a valid number, not True"),
    ("wait_seconds", "0", "must be greater than or equal to 1"),
    ("wait_seconds", "3601", "must be less than or equal to 3600"),
    ("wait_seconds", "1.5", "must be a valid integer"),
    ("wait_seconds", "5m", "must be a valid integer, not '5m'"),
    ("sandbox_accounts", "0", "must be greater than or equal to 1"),
    ("sandbox_accounts", "50001", "must be less than or equal to 50000"),
    ("sandbox_accounts", "2", "means nothing in environment aws"),
    ("sandbox_scenario", "missing-emr", "means nothing in environment aws"),
    ("sandbox_endpoint", "http://127.0.0.1:5000", "means nothing in environment aws"),
    ("sandbox_endpoint", "http://192.0.2.1:5000", "must be the URL of a server on this machine"),
    ("out", "''", "is not a name"),
    ("out", "[runs]", "is not text"),
    ("regoin", "us-east-1", "is no key of params; did you mean region?"),
    ("Region", "us-east-1", "is no key of params; did you mean region?"),
    ("MEMBER_ACCOUNTS", "[]", "is no key of params"),
    ("''", "x", "is no key of params"),
]


@cases(VALUES)
def test_a_value_that_cannot_be_meant(refused: Any, tmp_path: Path, row: tuple[Any, ...]) -> None:
    key, value, fault = row
    file = tmp_path / "params.yaml"
    file.write_text(text_of(**{key: value}), encoding="utf-8")
    said = refused(command_for(row), str(file), says=(f"{key}", fault))
    assert said.err.startswith(key)
    assert len(said.err.splitlines()) == 1
    assert max(map(len, said.err.splitlines())) < 250


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        (text_of(member_accounts="['333333333333', 444444444444]"), "member_accounts[1]: ", "is a number"),
        (text_of(member_accounts="[[]]"), "member_accounts[0]: ", "is not text"),
        (text_of(stack_tags="{Team: 1}"), "stack_tags.Team: ", "is not text"),
        (text_of(stack_tags="{Team: [a]}"), "stack_tags.Team: ", "is not text"),
        (text_of() + '"a\\nb": x\n', "'a\\nb': ", "is no key of params"),
        (text_of() + f'"{"k" * 500}": x\n', "kkk…: ", "is no key of params"),
        ("environment: aws\n", "main_account: ", "is missing"),
        ("main_account: '222222222222'\n", "external_id: ", "is missing"),
        (text_of().replace("\n", "\r\n") + "regoin: x\r\n", "regoin: ", "did you mean region?"),
        ("\ufeff" + text_of(region="x"), "region: ", "is not a region"),
    ],
)
def test_the_place_of_a_fault_is_told(
    refused: Any, tmp_path: Path, text: str, place: str, fault: str
) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(text.encode())
    refused(command_for(text), str(file), says=(place, fault))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("nowhere.yaml", "No such file or directory"),
        ("folder", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("file/params.yaml", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_opened(
    refused: Any, tmp_path: Path, command: str, name: str, fault: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    refused(command, str(tmp_path / name), says=(str(tmp_path / name), fault))


def test_a_file_that_grows_as_it_is_read_is_refused_at_once(refused: Any, tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    file = tmp_path / "params.yaml"
    file.write_text(text_of() + "\n".join(levels), encoding="utf-8")
    refused("onboard", str(file), says=("a14: ", "is no key of params"))


# What is given with `-p`, the place, and what is said of it.
OVERRIDES: list[tuple[Any, ...]] = [
    (["region"], "-p number 1: ", "has no '='"),
    (["region=us-east-1", "hunter2-hunter2"], "-p number 2: ", "has no '='"),
    ([""], "-p number 1: ", "has no '='"),
    (["=x"], "'': ", "is no key of params"),
    (["region=us-east-1", "region=us-east-1"], "region: ", "is given twice"),
    (["regoin=us-east-1"], "regoin: ", "did you mean region?"),
    (["Region=us-east-1"], "Region: ", "did you mean region?"),
    (["region =us-east-1"], "region : ", "is no key of params"),
    (["--region=us-east-1"], "--region: ", "is no key of params"),
    (["region="], "region: ", "'' is not a region"),
    (["wait_seconds="], "wait_seconds: ", "is empty"),
    (["wait_seconds=abc"], "wait_seconds: ", "must be a valid integer, not 'abc'"),
    (["wait_seconds=010"], "wait_seconds, line 1: ", "no leading zero"),
    (["wait_seconds=1e3"], "wait_seconds: ", "must be a valid integer"),
    (["wait_seconds=٣"], "wait_seconds: ", "must be a valid integer"),
    (["max_cost_usd=-0.01"], "max_cost_usd: ", "must be greater than or equal to 0"),
    (["max_cost_usd=.nan"], "max_cost_usd: ", "must be a finite number"),
    (["max_cost_usd=1,5"], "max_cost_usd: ", "must be a valid number"),
    (["sandbox_accounts=[1]"], "sandbox_accounts: ", "must be a valid integer"),
    (["stack_tags={a"], "stack_tags, line 1: ", "expected ',' or '}'"),
    (["stack_tags={a: b, a: c}"], "stack_tags, line 1: ", "a is given twice"),
    (["stack_tags=a"], "stack_tags: ", "is not made of keys and values"),
    (["stack_tags=" + "[" * 999], "stack_tags, line 1: ", "is nested too deeply"),
    (["main_account=2222"], "main_account: ", "is not an account ID"),
    (["member_accounts=333333333333,,"], "member_accounts[1]: ", "is not an account ID"),
    (["member_accounts=333333333333,333333333333"], "member_accounts: ", "names more than once"),
    (["member_accounts=['333333333333']"], "member_accounts[0]: ", "is not an account ID"),
    (["external_id=hunter2-hunter2"], "external_id: ", "a literal is for the sandbox only"),
    (["environment=sandbox", "external_id=hunter2 hunter2"], "external_id: ", "must be 2 to 1224"),
    (["partition=aws-cn"], "region: ", "is not a region of partition aws-cn"),
    (["untrusted_role=ApiHandlerRole"], "untrusted_role: ", "is api_handler_role too"),
    (["profile=nonsense"], "profile: ", "there is no 'nonsense'"),
]


@cases(OVERRIDES)
def test_an_override_that_cannot_be_meant(refused: Any, tmp_path: Path, row: tuple[Any, ...]) -> None:
    given, place, fault = row
    file = tmp_path / "params.yaml"
    file.write_text(text_of(), encoding="utf-8")
    options = [part for override in given for part in ("-p", override)]
    refused(command_for(given), str(file), *options, says=(place, fault))
