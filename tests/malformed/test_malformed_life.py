"""Commands on the life of an account that cannot be meant: each says what to write, and calls nobody."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path
from typing import Any

import pytest

from xacct_kit import cli

MEMBER, OTHER = "333333333333", "444444444444"
IN_AWS = f"""\
environment: aws
main_account: "222222222222"
member_accounts: ["{MEMBER}"]
external_id: env:XACCT_EXTERNAL_ID
"""

# What each command is given that takes accounts as far as their organization; and nothing is wrong with it.
NEW = ["--name", "laboratory", "--email", "laboratory@example.com"]
GOOD: dict[str, list[str]] = {
    "status": [],
    "plan": [],
    "drift": [],
    "handover": [],
    "offboard": ["--confirm", MEMBER],
    "invite": ["--bucket", "templates"],
    "create-account": NEW,
}
each_command = pytest.mark.parametrize("command", GOOD)
each_list = pytest.mark.parametrize("command", [name for name in GOOD if name != "create-account"])


@pytest.fixture
def params(tmp_path: Path) -> str:
    file = tmp_path / "params.yaml"
    file.write_text(IN_AWS, encoding="utf-8")
    return str(file)


def one_line(said: Any) -> str:
    """What was said, if it is one line and no result."""
    assert said.out == ""
    (line,) = said.err.splitlines()
    return str(line)


@each_command
def test_without_a_fault_a_call_is_made(xacct: Any, aws: Any, params: str, command: str) -> None:
    assert xacct(command, params, *GOOD[command]).code == 3
    assert aws.calls > 0


# What all of them have


@pytest.mark.parametrize("command", [*GOOD, "new-external-id"])
@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", [], ("does not hold keys and values",)),
        ("- a\n", [], ("does not hold keys and values",)),
        (f"{IN_AWS}regoin: us-east-1\n", [], ("regoin: ", "did you mean region?")),
        (IN_AWS, ["-p", "region"], ("-p number 1: ", "has no '='")),
        (IN_AWS, ["-p", "member_accounts=1"], ("member_accounts[0]: ", "is not an account ID")),
        (IN_AWS, ["-p", "external_id=hunter2-hunter2"], ("external_id: ", "a literal is for the sandbox")),
    ],
    ids=lambda value: repr(value)[-30:],
)
def test_params_that_cannot_be_meant(
    refused: Any, tmp_path: Path, command: str, text: str, options: list[str], says: tuple[str, ...]
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")
    one_line(refused(command, str(file), *GOOD.get(command, ()), *options, says=says))


@each_command
@pytest.mark.parametrize(
    ("out", "fault"), [("file", "Not a directory"), ("new/" + "x" * 300, "File name too long")]
)
def test_a_folder_that_cannot_be_made(
    refused: Any, here: Path, params: str, command: str, out: str, fault: str
) -> None:
    (here / "file").touch()
    one_line(
        refused(
            command, params, *GOOD[command], "--out", out, says=(f"out: {out}: no report can be saved", fault)
        )
    )


ACCOUNTS: list[tuple[bytes, str]] = [
    (b"", "names no account"),
    (b"\xef\xbb\xbf\r\n\r\n", "names no account"),
    (b"account_id\r\n", "names no account"),
    (b"name,email\na,a@example.com\n", "line 1: no column is named account_id"),
    (b"account_id\r\n33333333333\r\n", "line 2: 33333333333 has 11 digits"),
    (b"account_id;name\n3,33333E+11;x\n", "line 2: '3,33333E+11' is a number that a spreadsheet has rounded"),
    (b"333333333333\n\x00\n", "line 2: the character U+0000 is in no text; save the list as CSV in UTF-8"),
    ("account_id\n333333333333\n".encode("utf-16-le"), "line 1: the character U+0000 is in no text"),
    (b"\xff\xfe" + "account_id\n1\n".encode("utf-16-le"), "line 2: 1 has 1 digits"),
    (b"account_id\n\xff\n", "line 2: is not text in UTF-8"),
    (b"account_id\n" + b"333333333333\n" * 100_000 + b"x\n", "line 100002: 'x' is not an account ID"),
    (b'account_id\n"333333333333\n', "line 2: cannot be read as CSV"),
]


@each_list
@pytest.mark.parametrize(("data", "fault"), ACCOUNTS, ids=lambda value: repr(value)[:30])
def test_a_list_of_accounts_that_cannot_be_meant(
    refused: Any, tmp_path: Path, params: str, command: str, data: bytes, fault: str
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_bytes(data)
    options = [*GOOD[command], "--accounts"]
    one_line(refused(command, params, *options, str(file), says=(str(file), fault)))
    one_line(refused(command, params, *options, "-", stdin=data, says=("standard input", fault)))


@each_list
def test_accounts_that_are_named_twice_or_by_no_file(refused: Any, params: str, command: str) -> None:
    twice = ["-p", f"member_accounts={MEMBER}", "--accounts", "-"]
    says = ("member_accounts: is given by -p and by --accounts",)
    one_line(refused(command, params, *GOOD[command], *twice, stdin=MEMBER.encode(), says=says))
    one_line(refused(command, params, *GOOD[command], "--accounts", "", says=("write that of a file, or -",)))


# Which accounts are let go

OFFBOARD: list[tuple[list[str], tuple[str, ...]]] = [
    ([], ("Nothing is removed: write --confirm ACCOUNT for each account",)),
    (["--confirm", ""], ("Nothing is removed: --confirm: '' is not an account ID",)),
    (["--confirm", " \t"], ("Nothing is removed: --confirm: '' is not an account ID",)),
    (["--confirm", "y"], ("'y' is not an account ID",)),
    (["--confirm", "all"], ("'all' is not an account ID",)),
    (["--confirm", f"{MEMBER},{OTHER}"], (f"'{MEMBER},{OTHER}' is not an account ID",)),
    (["--confirm", "٣" * 12], ("is not an account ID",)),
    (["--confirm", OTHER], (f"{MEMBER} is to be offboarded", f"'{OTHER}' was typed, and is not to be")),
    (["--confirm", MEMBER, "--confirm", OTHER], (f"'{OTHER}' was typed, and is not to be offboarded",)),
    (["--confirm", OTHER, "--confirm", OTHER], (f"{MEMBER} is to be offboarded, and was not typed again",)),
    (["--confirm", MEMBER, "-p", f"exclude_accounts={OTHER}", "--confirm", OTHER], (f"'{OTHER}' was typed",)),
    (["--confirm", MEMBER, "--canaries"], ("--confirm: --canaries lets go of no account",)),
]


@pytest.mark.parametrize(("options", "says"), OFFBOARD, ids=lambda value: repr(value)[:40])
def test_accounts_that_are_not_confirmed(
    refused: Any, params: str, options: list[str], says: tuple[str, ...]
) -> None:
    one_line(refused("offboard", params, *options, says=says))


def test_accounts_of_a_unit_are_asked_for_by_no_call_when_nobody_confirms(refused: Any, params: str) -> None:
    unit = ["-p", "organizational_units=ou-abcd-12345678"]
    one_line(refused("offboard", params, *unit, says=("Nothing is removed: write --confirm ACCOUNT",)))
    one_line(
        refused("offboard", params, *unit, "--confirm", "ou-abcd-12345678", says=("is not an account ID",))
    )


@pytest.mark.parametrize("options", [["--confirm", f" {MEMBER} "], ["--confirm", MEMBER] * 2])
def test_white_space_and_repetition_are_no_fault(
    xacct: Any, aws: Any, params: str, options: list[str]
) -> None:
    assert xacct("offboard", params, *options).code == 3
    assert aws.calls > 0


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (b"\x04", f"{MEMBER} is to be offboarded, and was not typed again"),
        (b"\n", f"{MEMBER} is to be offboarded, and was not typed again"),
        (b"yes\n", "'yes' was typed, and is not to be offboarded"),
        (f"{OTHER}, {MEMBER}\n".encode(), f"'{OTHER}' was typed"),
    ],
)
def test_in_a_terminal_the_accounts_are_typed_again(
    aws: Any,
    here: Path,
    params: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: bytes,
    says: str,
) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, typed)
    monkeypatch.setattr(sys, "argv", ["xacct", "offboard", params])
    with os.fdopen(terminal, encoding="utf-8") as stdin, pytest.raises(SystemExit) as ended:
        monkeypatch.setattr(sys, "stdin", stdin)
        cli.main()
    os.close(keyboard)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    asked, prompt, fault = err.splitlines()
    assert asked.startswith(f"To be offboarded: {MEMBER}.")
    assert prompt == "Type each account ID again:"
    assert says in fault
    assert (aws.calls, list(here.iterdir())) == (0, [])


# Which accounts are created

CREATE: list[tuple[list[str], str]] = [
    ([], "which accounts is not said; write --name and --email, or --list FILE"),
    (["--name", "laboratory"], "write --name and --email, or --list FILE"),
    (["--email", "laboratory@example.com"], "write --name and --email, or --list FILE"),
    (["--unit", "ou-abcd-12345678"], "write --name and --email, or --list FILE"),
    ([*NEW, "--list", "-"], "--list: says it all; leave --name, --email and --unit out"),
    (["--unit", "ou-abcd-12345678", "--list", "-"], "leave --name, --email and --unit out"),
    (["--list", ""], "write that of a file, or - for standard input"),
    (["--list", "nowhere.csv"], "nowhere.csv: No such file or directory"),
    (["--list", "."], ".: Is a directory"),
    (["--list", "-"], "standard input: names no account; below the header"),
    ([*NEW, "--name", ""], "name: '' is not 1 to 50 ASCII characters"),
    ([*NEW, "--name", " laboratory"], "name: ' laboratory' is not 1 to 50 ASCII characters"),
    ([*NEW, "--name", "a\nb"], "name: 'a\\nb' is not 1 to 50 ASCII characters"),
    ([*NEW, "--name", "x" * 51], "is not 1 to 50 ASCII characters"),
    ([*NEW, "--email", ""], "email: '' is no e-mail address"),
    (
        [*NEW, "--email", "laboratory"],
        "email: 'laboratory' is no e-mail address that AWS accepts: one has one @",
    ),
    ([*NEW, "--email", "laboratory@example.com\n"], "is no e-mail address"),
    ([*NEW, "--email", "x" * 60 + "@example.com"], "one has 6 to 64 characters"),
    ([*NEW, "--unit", ""], "organizational_unit: '' is not the ID of an organizational unit, ou-..."),
    ([*NEW, "--unit", "Research"], "organizational_unit: 'Research' is not the ID"),
    ([*NEW, "--unit", "ou-1"], "organizational_unit: 'ou-1' is not the ID"),
    ([*NEW, "--resume"], "--resume, --retry: which run to go on with is not said; write --out FOLDER"),
    ([*NEW, "--retry", "red"], "--resume, --retry: which run to go on with is not said; write --out FOLDER"),
]


@pytest.mark.parametrize(("options", "fault"), CREATE, ids=lambda value: repr(value)[-40:])
def test_new_accounts_that_cannot_be_meant(refused: Any, params: str, options: list[str], fault: str) -> None:
    one_line(refused("create-account", params, *options, says=(fault,)))


COLUMNS = "the first line names them: name, email, ou, billing, role and tags"
HEADER = b"name,email,ou\n"
MANY = b"".join(b"a%d,a%d@example.com,\n" % (number, number) for number in range(100_000))
NEW_ACCOUNTS: list[tuple[bytes, str]] = [
    (b"", "names no account; below the header name,email there is a line for each"),
    (b"\xef\xbb\xbf", "names no account"),
    (b"# none\r\n\r\n", "names no account"),
    (HEADER, "names no account"),
    (b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n"), "names no account"),
    (b"account_id\n333333333333\n", COLUMNS),
    (b"333333333333\n", COLUMNS),
    (b"- name: a\n  email: a@example.com\n", COLUMNS),
    (b'[{"name": "a"}]', COLUMNS),
    (b"a,a@example.com\n", COLUMNS),
    (b"name|email\na|a@example.com\n", COLUMNS),
    (b"<html>\n", COLUMNS),
    (b"name,mail\na,a@example.com\n", "line 1: the column 'mail' is not known; did you mean email?"),
    (b"name,email,owner\na,a@example.com,b\n", "line 1: the column 'owner' is not known"),
    (b"name,name,email\na,a,a@example.com\n", "line 1: two columns say name"),
    (HEADER + b"a\x00,a@example.com,\n", "line 2: the character U+0000 is in no text; save the list as CSV"),
    (b"PK\x03\x04\x14\x00", "line 1: the character U+0000 is in no text; save the list as CSV in UTF-8"),
    (HEADER.decode().encode("utf-16-le"), "line 1: the character U+0000 is in no text"),
    (b"\xff\xfe\x00", "is not text in UTF-16-LE"),
    (b"\xff\xfe" + "name,email\na,x\n".encode("utf-16-le"), "line 2: email: 'x' is no e-mail address"),
    (HEADER + b"caf\xe9,a@example.com,\n", "line 2: is not text in UTF-8"),
    (HEADER + "café,a@example.com,\n".encode(), "line 2: name: 'café' is not 1 to 50 ASCII characters"),
    (HEADER + b"\x1b[31ma,a@example.com,\n", "line 2: name: '\\x1b[31ma' is not"),
    (
        b"\xef\xbb\xbfname;email\r\na;a@example.com\r\n\r\nb;A@example.com\r\n",
        "line 4: email: 'A@example.com' is on line 2 too; an address is for one account",
    ),
    (HEADER + MANY + b"a,a7@example.com,\n", "line 100002: email: 'a7@example.com' is on line 9 too"),
    (HEADER + b"a,a@example.com,Research\n", "line 2: organizational_unit: 'Research' is not the ID"),
    (HEADER + b"a,a@example.com,ou-1\n", "line 2: organizational_unit: 'ou-1' is not the ID"),
    (HEADER + b"a,a@example.com,ou-abcd-12345678,x\n", "line 2: has 4 cells, the header 3"),
    (HEADER + b"a\n", "line 2: email: '' is no e-mail address"),
    (HEADER + b",a@example.com\n", "line 2: name: '' is not 1 to 50 ASCII characters"),
    (HEADER + b'"a,a@example.com\n', "line 2: cannot be read as CSV"),
    (HEADER + b"a" * 200_000 + b",a@example.com\n", "line 2: cannot be read as CSV: field larger than"),
    (b"name,email,billing\na,a@example.com,yes\n", "line 2: billing: 'yes' is neither allow nor deny"),
    (b"name,email,tags\na,a@example.com,team\n", "line 2: tags: 'team' has no '='; write key=value"),
    (b"name,email,role\na,a@example.com,a b\n", "line 2: role_name: 'a b' is not 1 to 64 letters"),
]


@pytest.mark.parametrize(("data", "fault"), NEW_ACCOUNTS, ids=lambda value: repr(value)[:40])
def test_a_list_of_new_accounts_that_cannot_be_meant(
    refused: Any, tmp_path: Path, params: str, data: bytes, fault: str
) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(data)
    one_line(refused("create-account", params, "--list", str(file), says=(str(file), fault)))


def test_a_hundred_thousand_faults_are_not_all_told(refused: Any, tmp_path: Path, params: str) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(HEADER + MANY.replace(b"@", b""))
    says = (str(file), "and 99980 more")
    said = refused("create-account", params, "--list", str(file), says=says)
    assert len(said.err.splitlines()) == 21


# Who is invited

INVITE: list[tuple[list[str], tuple[str, ...]]] = [
    ([], ("Missing option '--bucket'",)),
    (["--bucket", ""], ("bucket: '' is not the name of a bucket, which is 3 to 63 lowercase letters",)),
    (["--bucket", "ab"], ("bucket: 'ab' is not the name of a bucket",)),
    (["--bucket", "s3://templates"], ("bucket: 's3://templates' is not the name of a bucket",)),
    (["--bucket", "templates/role"], ("bucket: 'templates/role' is not the name of a bucket",)),
    (["--bucket", "my templates"], ("bucket: 'my templates' is not the name of a bucket",)),
    (["--bucket", "templates\n"], ("bucket: 'templates\\n' is not the name of a bucket",)),
    (["--bucket", "téméraire"], ("is not the name of a bucket",)),
    (["--bucket", "arn:aws:s3:::templates"], ("is not the name of a bucket",)),
    (["--bucket", "x" * 256], ("is not the name of a bucket",)),
    *(
        (["--bucket", "templates", "--hours", hours], ("Invalid value for '--hours'",))
        for hours in ("0", "-1", "0.01", "168.1", "nan", "inf", "-inf", "1e999", "", "one", "12h", "1,5")
    ),
]


@pytest.mark.parametrize(("options", "says"), INVITE, ids=lambda value: repr(value)[:40])
def test_an_invitation_that_cannot_be_meant(
    refused: Any, params: str, options: list[str], says: tuple[str, ...]
) -> None:
    assert refused("invite", params, *options, says=says).out == ""


# Where an external ID is kept

KEPT: list[tuple[str, str]] = [
    ("env:XACCT_EXTERNAL_ID", "nothing can be kept at env:XACCT_EXTERNAL_ID"),
    ("file:kept", "there is one at file:kept already, and it is not overwritten; rotate it"),
    ("file:", "begins like a reference but is not file:path"),
    ("ssm:a b", "begins like a reference but is not ssm:/path"),
    ("secretsmanager:", "begins like a reference but is not secretsmanager:"),
    ("hunter2-hunter2", "a literal is for the sandbox only"),
]


@pytest.mark.parametrize(("reference", "fault"), KEPT)
def test_an_external_id_that_cannot_be_kept(
    refused: Any, here: Path, params: str, reference: str, fault: str
) -> None:
    (here / "kept").write_text("hunter2-hunter2\n", encoding="utf-8")
    options = ["-p", f"external_id={reference}"]
    one_line(refused("new-external-id", params, *options, says=("external_id: ", fault)))


def test_a_literal_of_the_sandbox_is_kept_nowhere(refused: Any, params: str) -> None:
    literal = ["-p", "environment=sandbox", "-p", "external_id=hunter2-hunter2"]
    says = ("external_id: is a literal; keep it at ssm:/path, secretsmanager:name or file:path",)
    one_line(refused("new-external-id", params, *literal, says=says))


@pytest.mark.parametrize(
    "options", [["--out", "out"], ["--format", "json"], ["--workers", "2"]], ids=" ".join
)
def test_an_external_id_that_is_only_made_has_no_report(
    refused: Any, params: str, options: list[str]
) -> None:
    made = ["-p", "external_id=file:made"]
    one_line(refused("new-external-id", params, *made, *options, says=("only --rotate has --out",)))


# Usage

USAGE: list[tuple[list[str], str]] = [
    (["status", "{params}", "--workers", "0"], "--workers"),
    (["status", "{params}", "--wait=yes"], "--wait"),
    (["status", "{params}", "--resume"], "--resume"),
    (["plan", "{params}", "--processes", "65"], "--processes"),
    (["plan", "{params}", "--retry", "green"], "--retry"),
    (["drift", "{params}", "--repair", "yes"], "yes"),
    (["drift"], "PARAMS"),
    (["offboard", "{params}", "--confirm"], "--confirm"),
    (["offboard", "{params}", MEMBER], MEMBER),
    (["create-account", "{params}", "--accounts", "x"], "--accounts"),
    (["invite", "{params}", "--bucket", "templates", "--tell-external-id=no"], "--tell-external-id"),
    (["handover", "{params}", "--format", "csv"], "--format"),
    (["new-external-id", "{params}", "--rotate=file"], "--rotate"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[" ".join(row[0]) for row in USAGE])
def test_a_command_line_that_cannot_be_read(
    refused: Any, params: str, arguments: list[str], says: str
) -> None:
    refused(*(argument.format(params=params) for argument in arguments), says=("Error: ", says))
