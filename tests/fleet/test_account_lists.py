"""Lists of accounts in files: what is read, and that every fault is told with its line."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xacct_kit.errors import ParamsError
from xacct_kit.fleet import account_lists
from xacct_kit.fleet.account_lists import read_accounts

ONE, TWO = "012345678901", "444455556666"
BOTH = (ONE, TWO)

# What the console of AWS Organizations exports.
EXPORTED = (
    "Account ID,ARN,Email,Name,State,Joined method,Joined timestamp\n"
    f"{ONE},arn:x,one@example.com,One,ACTIVE,CREATED,2024-01-01T00:00:00.000Z\n"
    f'{TWO},arn:x,two@example.com,"Two, or\nthree",ACTIVE,INVITED,2024-01-01T00:00:00.000Z\n'
)

ids = st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), min_size=1)


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "accounts"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def faults(path: str | Path) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        read_accounts(path)
    return [fault.replace(f"{path}", "accounts") for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ONE}\n{TWO}\n", id="a line each"),
        pytest.param(f"{ONE}\r\n\r\n{TWO}", id="line ends of Windows"),
        pytest.param(f"# ours, all\n  {ONE}  # first, and best\n\n{TWO}\n", id="comments"),
        pytest.param(f"{ONE}\n{TWO}\n{ONE}\n", id="one twice"),
        pytest.param(f'"{ONE}"\n"{TWO}"\n', id="quotes"),
        pytest.param(f"\ufeff{ONE}\n{TWO}\n", id="byte order mark"),
        pytest.param(f"{ONE}\n{TWO}\n".encode("utf-16"), id="UTF-16"),
        pytest.param(f"- '{ONE}'\n- {TWO}\n", id="YAML"),
        pytest.param(f"# ours\n---\n- '{ONE}'\n- '{TWO}'\n", id="YAML with a comment"),
        pytest.param(f'["{ONE}", "{TWO}"]\n', id="JSON"),
        pytest.param(f"member_accounts:\n- '{ONE}'\n- '{TWO}'\n", id="YAML with a key"),
        pytest.param(f"region: us-east-1\nmember_accounts: ['{ONE}', '{TWO}']\n", id="params"),
        pytest.param(EXPORTED, id="exported by the console"),
        pytest.param(f"\ufeff{EXPORTED}".encode("utf-16-le"), id="exported, in UTF-16"),
        pytest.param(EXPORTED.replace(",", ";"), id="semicolons"),
        pytest.param(EXPORTED.replace(",", "\t"), id="tabs"),
        pytest.param(f"account_id\n{ONE}\n{TWO}\n", id="one column"),
        pytest.param(f"name,account\na,{ONE}\n#b,c\n,\nb, {TWO} \n", id="empty rows and comments"),
        pytest.param(f"id,account_id\n1,{ONE}\n2,{TWO}\n", id="the column that says more"),
    ],
)
def test_a_list_is_read(listing: Callable[[str | bytes], Path], text: str | bytes) -> None:
    assert read_accounts(listing(text)) == BOTH


@pytest.mark.parametrize("name", ["account", "Account", "account_id", "AccountId", "ID", "Account ID"])
def test_a_column_of_accounts_may_be_called(listing: Callable[[str | bytes], Path], name: str) -> None:
    assert read_accounts(listing(f"owner,{name}\nus,{ONE}\nthem,{TWO}\n")) == BOTH


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", ["accounts: names no account"], id="empty"),
        pytest.param("# none\n\n", ["accounts: names no account"], id="comments alone"),
        pytest.param("[]", ["accounts: names no account"], id="empty list"),
        pytest.param("account_id\n", ["accounts: names no account"], id="header alone"),
        pytest.param(f"{ONE}\nnobody\n", ["accounts, line 2: 'nobody' is not an account ID"], id="word"),
        pytest.param("12345678901\n", ["accounts, line 1: 12345678901 has 11 digits"], id="zero lost"),
        pytest.param(f"{ONE}\n\n4444-5555-6666", ["accounts, line 3: '4444-5555-6666' is"], id="hyphens"),
        pytest.param("a,id\nb,1.23E+11\n", ["accounts, line 2: '1.23E+11' is a number"], id="rounded"),
        pytest.param(f"- '{ONE}'\n- 12345678901\n", ["accounts, line 2: 12345678901 has 11"], id="YAML zero"),
        pytest.param(
            f"- '{ONE}'\n-\n- [a]\n", ["line 2: has no account", "line 3: has no acc"], id="no text"
        ),
        pytest.param("- 01234567\n", ["accounts, line 1: a number has"], id="YAML octal"),
        pytest.param("- 'a\n", ["accounts, line 2: "], id="not YAML"),
        pytest.param("region: us-east-1\n", ["holds neither a list nor one under member_acc"], id="no key"),
        pytest.param("member_accounts: all\n", ["holds neither a list nor one under"], id="no list"),
        pytest.param(f"{ONE},{TWO}\n", ["accounts, line 1: no column is named account_id"], id="no header"),
        pytest.param(
            "name,email\na,b\n", ["accounts, line 1: no column is named account_id"], id="no column"
        ),
        pytest.param(f"name,id\na,{ONE}\nb\n", ["accounts, line 3: has no account ID"], id="short row"),
        pytest.param(
            f'name,id\n"a\nb",{ONE}\nc,x\n', ["accounts, line 4: 'x' is not"], id="row of two lines"
        ),
        pytest.param(f'name,id\n"a,{ONE}\n', ["accounts, line 2: cannot be read as CSV"], id="open quote"),
        pytest.param(
            b"\x7fELF\x02\x01\x00", ["accounts, line 1: the character U+0000 is in no text"], id="program"
        ),
        pytest.param(b"012345678901\n\xe9\n", ["accounts, line 2: is not text in UTF-8"], id="Latin-1"),
        pytest.param(b"\xff\xfe\x00", ["accounts, line 1: is not text in UTF-16"], id="half of UTF-16"),
        pytest.param(b"id,a\n\x00,\x00\n", ["accounts, line 2: the character U+0000"], id="null characters"),
    ],
)
def test_what_is_no_list_of_accounts_is_told_with_its_line(
    listing: Callable[[str | bytes], Path], text: str | bytes, told: list[str]
) -> None:
    said = faults(listing(text))
    assert [part in fault for part, fault in zip(told, said, strict=True)] == [True] * len(told), said


def test_all_faults_are_told_but_not_thousands(listing: Callable[[str | bytes], Path]) -> None:
    said = faults(listing("x\n" * 1000))
    assert said[:2] == [
        f"accounts, line {line}: 'x' is not an account ID, which is 12 digits and nothing else"
        for line in (1, 2)
    ]
    assert said[20:] == ["accounts: and 980 more"]


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path / "nowhere") == ["accounts: No such file or directory"]
    assert faults(tmp_path) == ["accounts: Is a directory"]


def test_what_is_far_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_lists, "_MOST_BYTES", 1000)
    (fault,) = faults("/dev/zero")
    assert fault == "accounts: has more than 1,000 bytes; a list of accounts is smaller"


def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{ONE}\n{TWO}\nx\n".encode())))
    with pytest.raises(ParamsError, match=r"^standard input, line 3: 'x' is not an account ID"):
        read_accounts("-")


FORMS: dict[str, Callable[[list[str]], str]] = {
    "lines": "\n".join,
    "YAML": lambda accounts: "\n".join(f"- '{account}'" for account in accounts),
    "JSON": lambda accounts: "[" + ",".join(f'"{account}"' for account in accounts) + "]",
    "CSV": lambda accounts: "Name,Account ID\n" + "\n".join(f"a,{account}" for account in accounts),
}


@pytest.mark.parametrize("form", FORMS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accounts=ids)
def test_every_form_gives_the_same_accounts_each_once(
    listing: Callable[[str | bytes], Path], form: str, accounts: list[str]
) -> None:
    assert read_accounts(listing(FORMS[form](accounts))) == tuple(dict.fromkeys(accounts))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary() | st.text(alphabet="0123456789-,;\"'#\n\r: []{}&*aé\t").map(str.encode))
def test_whatever_is_in_a_file_it_is_accounts_or_faults(
    listing: Callable[[str | bytes], Path], text: bytes
) -> None:
    try:
        accounts = read_accounts(listing(text))
    except ParamsError as error:
        assert error.faults
    else:
        assert accounts
        assert all(len(account) == 12 and account.isdigit() for account in accounts)
