"""Lists of accounts in files: YAML, CSV or one account a line. A fault is told with its line."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xacct_kit import strict_yaml
from xacct_kit.errors import ParamsError
from xacct_kit.param_types import account_fault, shown

_STANDARD_INPUT = "-"

# Ten thousand accounts with all that the console exports of them are some megabytes.
_MOST_BYTES = 64 * 1024 * 1024
_MOST_FAULTS = 20

_KEY = "member_accounts"
_YAML = re.compile(r"(?:-[ \t]|-$|[\[{&!]|---|%YAML|[A-Za-z_]\w*:(?:\s|$))")
_ACCOUNT_ALONE = re.compile(r"[\"']?[0-9]+[\"']?\s*(?:#|$)")
_DELIMITERS = ",;\t"

# What a column of account IDs is called, letters and digits alone; the first that is there counts. The first
# is the one that the console of AWS Organizations exports.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_export.html
_COLUMNS = (
    "accountid",
    "awsaccountid",
    "accountnumber",
    "awsaccount",
    "account",
    "id",
    "memberaccounts",
    "memberaccount",
)

_Entries = Iterable[tuple[int, str | None]]


def read_accounts(file: str | Path) -> tuple[str, ...]:
    """Read a list of accounts.

    It is YAML (a list, or one under `member_accounts`), CSV (with a header that names a column of account
    IDs, as AWS's console exports it) or has one account a line; what follows a # is a comment.

    Parameters:
        file: the file; `-` is standard input.

    Returns:
        The accounts in the order of the list, each once.

    Raises:
        ParamsError: the file cannot be read, or holds something else than account IDs, or none.
    """
    place = place_of(file)
    return _parsed(read_text(file, place), place)


def parse_accounts(contents: bytes, place: str) -> tuple[str, ...]:
    """The accounts of a list that has been read, as `read_accounts` gives them.

    Parameters:
        contents: the list.
        place: what a fault calls it.

    Raises:
        ParamsError: it holds something else than account IDs, or none.
    """
    return _parsed(_text(contents, place), place)


def _parsed(text: str, place: str) -> tuple[str, ...]:
    accounts: dict[str, None] = {}
    faults: list[str] = []
    for line, written in _entries(text, place):
        fault = _fault(written)
        if fault:
            faults.append(f"{place}, line {line}: {fault}")
        elif written:
            accounts[written] = None
    refuse(faults, place)
    if not accounts:
        raise ParamsError([f"{place}: names no account; an empty list never means all accounts"])
    return tuple(accounts)


def place_of(file: str | Path) -> str:
    """What a file is called in a fault."""
    return "standard input" if str(file) == _STANDARD_INPUT else str(file)


def refuse(faults: Sequence[str], place: str) -> None:
    """Refuse a list that has faults, naming the first of them.

    Parameters:
        faults: what is wrong, each with its place.
        place: what the list is called.

    Raises:
        ParamsError: it has any.
    """
    if faults:
        more = len(faults) - _MOST_FAULTS
        raise ParamsError([*faults[:_MOST_FAULTS], *([f"{place}: and {more} more"] if more > 0 else [])])


def read_text(file: str | Path, place: str) -> str:
    """The text of a file, or of standard input.

    Parameters:
        file: the file; `-` is standard input.
        place: what a fault calls it.

    Raises:
        ParamsError: it cannot be read, is no text, or is too big for a list of accounts.
    """
    return _text(_contents(file, place), place)


def lines_of(text: str) -> list[str]:
    """The lines of a text, on whatever system it was written."""
    return re.split(r"\r\n|\r|\n", text)


def says_something(line: str) -> bool:
    """Whether a line is neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _text(contents: bytes, place: str) -> str:
    text = strict_yaml.decode(contents, place)
    before, binary, _ = text.partition("\0")
    if binary:
        # So begins a workbook, and so reads UTF-16 without the mark that says so.
        line = before.count("\n") + 1
        fault = "the character U+0000 is in no text; save the list as CSV in UTF-8"
        raise ParamsError([f"{place}, line {line}: {fault}"])
    return text


def _contents(file: str | Path, place: str) -> bytes:
    if not str(file):
        raise ParamsError(["the name of a list is empty; write that of a file, or - for standard input"])
    try:
        if str(file) == _STANDARD_INPUT:
            read = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                read = opened.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ParamsError([f"{place}: {reason}"]) from error
    if len(read) > _MOST_BYTES:
        raise ParamsError([f"{place}: has more than {_MOST_BYTES:,} bytes; a list of accounts is smaller"])
    return read


def _entries(text: str, place: str) -> _Entries:
    lines = lines_of(text)
    first = next(filter(says_something, lines), "")
    if _YAML.match(first.lstrip()):
        return strict_yaml.parse_list(text, place, _KEY)
    if _ACCOUNT_ALONE.match(first.lstrip()):
        return _of_lines(lines)
    if any(delimiter in first for delimiter in _DELIMITERS) or plain_name(first) in _COLUMNS:
        return _of_table(lines, place)
    return _of_lines(lines)


def _of_lines(lines: Iterable[str]) -> _Entries:
    for number, line in enumerate(lines, start=1):
        written = line.partition("#")[0].strip()
        if written:
            yield number, written.strip("\"'")


def _of_table(lines: list[str], place: str) -> _Entries:
    rows = table_rows(lines, place)
    number, header = next(rows, (1, []))
    names = [plain_name(cell) for cell in header]
    column = next((names.index(name) for name in _COLUMNS if name in names), None)
    if column is None:
        raise ParamsError(
            [f"{place}, line {number}: no column is named account_id; the first line must name the columns"]
        )
    for number, row in rows:
        yield number, row[column].strip() if column < len(row) else ""


def table_rows(lines: list[str], place: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that are not empty and no comment, each with its first line.

    Parameters:
        lines: the table, in which some line says something.
        place: what a fault calls it.

    Raises:
        ParamsError: it is not CSV.
    """
    header = next(filter(says_something, lines))
    # Where the decimal sign is a comma, spreadsheets write semicolons.
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ParamsError([f"{place}, line {begins}: cannot be read as CSV: {error}"]) from error


def plain_name(cell: str) -> str:
    """The letters and digits of a column's name, by which columns are known."""
    return re.sub(r"[^a-z0-9]", "", cell.lower())


def _fault(written: str | None) -> str:
    """What is wrong with an account ID; empty when nothing is."""
    if written is None or not written:
        return "has no account ID"
    if re.fullmatch(r"[0-9]{1,11}", written):
        return (
            f"{written} has {len(written)} digits, an account ID has 12; a spreadsheet drops leading zeros: "
            "write them again, and make the column one of text"
        )
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", written, re.IGNORECASE):
        return f"{shown(written)} is a number that a spreadsheet has rounded; make the column one of text"
    return account_fault(written)
