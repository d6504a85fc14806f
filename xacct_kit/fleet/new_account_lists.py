"""Lists of accounts that are to be created, as CSV. A fault is told with its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xacct_kit.errors import ParamsError
from xacct_kit.fleet.account_lists import (
    lines_of,
    place_of,
    plain_name,
    read_text,
    refuse,
    says_something,
    table_rows,
)
from xacct_kit.param_types import shown
from xacct_kit.steps.creation.new_account import ACCESS_ROLE, NewAccount

# What a column may be called, letters and digits alone, and what it says of an account.
_COLUMNS: Mapping[str, str] = {
    "name": "name",
    "accountname": "name",
    "email": "email",
    "emailaddress": "email",
    "ou": "organizational_unit",
    "organizationalunit": "organizational_unit",
    "billing": "billing_access",
    "billingaccess": "billing_access",
    "iamuseraccesstobilling": "billing_access",
    "role": "role_name",
    "rolename": "role_name",
    "tags": "tags",
}
_NEEDED = ("name", "email")
_OFFERED = "name, email, ou, billing, role and tags"


def read_new_accounts(file: str | Path, *, role_name: str = ACCESS_ROLE) -> tuple[NewAccount, ...]:
    """Read a list of accounts that are to be created.

    It is CSV with a header. Columns are `name` and `email`, and where they are wanted `ou` (the ID of an
    organizational unit), `billing` (allow or deny), `role` and `tags` (`key=value; key=value`); an empty cell
    says nothing. A line that begins with # is a comment.

    Parameters:
        file: the file; `-` is standard input.
        role_name: the administrator's role, where the list names none.

    Returns:
        The accounts in the order of the list.

    Raises:
        ParamsError: the file cannot be read, a column is not known, an address is there twice, or AWS would
            not accept an account.
    """
    place = place_of(file)
    lines = lines_of(read_text(file, place))
    if not any(map(says_something, lines)):
        raise _empty(place)
    rows = table_rows(lines, place)
    number, header = next(rows, (1, []))
    if not header:
        raise _empty(place)
    columns = _columns(header, f"{place}, line {number}")
    accounts: list[NewAccount] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        try:
            account = NewAccount(**{"role_name": role_name, **dict(_values(columns, row))})
            _check_once(seen, account.email, line)
            accounts.append(account)
        except ParamsError as error:
            faults.extend(f"{place}, line {line}: {fault}" for fault in error.faults)
    refuse(faults, place)
    if not accounts:
        raise _empty(place)
    return tuple(accounts)


def _empty(place: str) -> ParamsError:
    return ParamsError([f"{place}: names no account; below the header name,email there is a line for each"])


def _columns(header: list[str], place: str) -> list[str]:
    """What each column says."""
    names = [_COLUMNS.get(plain_name(cell), "") for cell in header]
    if not any(names):
        raise ParamsError([f"{place}: no column is known; the first line names them: {_OFFERED}"])
    unknown = {cell.strip(): _near(cell) for cell, name in zip(header, names, strict=True) if not name}
    faults = [f"{place}: {_unknown(cell, near)}" for cell, near in unknown.items()]
    faults += [
        f"{place}: two columns say {name}" for name in dict.fromkeys(names) if name and names.count(name) > 1
    ]
    # What a misspelt column was meant to be is said of it.
    meant = {*names, *map(_COLUMNS.get, unknown.values())}
    faults += [f"{place}: no column is named {name}" for name in _NEEDED if name not in meant]
    refuse(faults, place)
    return names


def _near(cell: str) -> str:
    """The column that a name may be meant for; empty where there is none."""
    return next(iter(difflib.get_close_matches(plain_name(cell), _COLUMNS, n=1)), "")


def _unknown(cell: str, near: str) -> str:
    hint = f"did you mean {near}?" if near else f"there are {_OFFERED}"
    return f"the column {shown(cell)} is not known; {hint}"


def _values(columns: list[str], row: list[str]) -> Iterator[tuple[str, Any]]:
    """What a row says of an account; of what is needed, that it is empty too."""
    if len(row) > len(columns):
        raise ParamsError(
            [f"has {len(row)} cells, the header {len(columns)}; put what has a separator in it in quotes"]
        )
    cells = [cell.strip() for cell in row] + [""] * (len(columns) - len(row))
    for name, cell in zip(columns, cells, strict=True):
        if cell or name in _NEEDED:
            yield name, _READERS.get(name, str)(cell)


def _billing(cell: str) -> bool:
    known = {"allow": True, "deny": False}
    if cell.lower() not in known:
        raise ParamsError([f"billing: {shown(cell)} is neither allow nor deny"])
    return known[cell.lower()]


def _tags(cell: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in filter(None, map(str.strip, cell.split(";"))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or key in tags:
            fault = "has no '='; write key=value; key=value" if not equals else "is there twice"
            raise ParamsError([f"tags: {shown(part if not equals else key)} {fault}"])
        tags[key] = value
    return tags


_READERS: Mapping[str, Callable[[str], Any]] = {"billing_access": _billing, "tags": _tags}


def _check_once(seen: dict[str, int], email: str, line: int) -> None:
    first = seen.setdefault(email.lower(), line)
    if first != line:
        raise ParamsError([f"email: {shown(email)} is on line {first} too; an address is for one account"])
