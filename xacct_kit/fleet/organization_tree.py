"""An organization as a tree: its roots and units, and the accounts in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.fleet.organization_reading import (
    IS_MAIN,
    IS_MANAGEMENT,
    OrganizationReader,
    why_not_working,
)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A root, a unit or an account.

    Attributes:
        id: its ID.
        name: its name.
        parent: ID of the root or unit that it is in; None for a root.
        is_account: whether it is an account.
        left_out: why an account is in no run that does not name it; empty where it is in one.
    """

    id: str
    name: str
    parent: str | None = None
    is_account: bool = False
    left_out: str = ""


def read_tree(session: Session) -> tuple[Node, ...]:
    """Read the whole organization of the operator; nothing is changed.

    Parameters:
        session: whose run it is.

    Returns:
        Its parts, each after the one that it is in; within one, units come before accounts, by their names.

    Raises:
        AccessError: the operator may not read the organization.
        RunError: it cannot be read whole.
    """
    reader = OrganizationReader.of(session)
    return tuple(
        node
        for root in [*reader.listed("Roots", "ListRoots")]
        for node in _below(reader, Node(id=root["Id"], name=root.get("Name", "Root")))
    )


def _below(reader: OrganizationReader, node: Node) -> Iterator[Node]:
    yield node
    inside = {"ParentId": node.id}
    # Each of these calls comes after one that waits for its rate.
    units = [*reader.listed("OrganizationalUnits", "ListOrganizationalUnitsForParent", **inside)]
    for unit in sorted(units, key=_by_name):
        yield from _below(reader, Node(id=unit["Id"], name=unit.get("Name", ""), parent=node.id))
    for account in sorted(reader.listed("Accounts", "ListAccountsForParent", **inside), key=_by_name):
        yield Node(
            id=account["Id"],
            name=account.get("Name", ""),
            parent=node.id,
            is_account=True,
            left_out=_why_not(reader, account),
        )


def _why_not(reader: OrganizationReader, account: Mapping[str, Any]) -> str:
    if account["Id"] == reader.management:
        return IS_MANAGEMENT
    if account["Id"] == reader.session.params.main_account:
        return IS_MAIN
    return why_not_working(account)


def _by_name(part: Mapping[str, Any]) -> tuple[str, str]:
    return str(part.get("Name", "")).lower(), str(part["Id"])
