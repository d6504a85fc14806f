"""Which accounts are chosen in an organization's tree, as the params say it: units, accounts, exclusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from xacct_kit.fleet.organization_tree import Node
from xacct_kit.param_types import WHOLE_ORGANIZATION


class Ticked(StrEnum):
    """Whether a part of the tree is chosen, in the words of `aria-checked`."""

    YES = "true"
    SOME = "mixed"
    NO = "false"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is chosen.

    Attributes:
        units: the roots and units that are chosen with all that is below them.
        accounts: the accounts that are chosen by themselves.
        excluded: the accounts that are left out all the same.
    """

    units: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class AccountChoice:
    """What can be chosen in a tree, and what comes of it.

    Parameters:
        nodes: the tree, each part after the one that it is in.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes: Mapping[str, Node] = {node.id: node for node in nodes}
        self._inside: dict[str, list[str]] = {node.id: [] for node in nodes}
        for node in nodes:
            if node.parent is not None:
                self._inside[node.parent].append(node.id)

    def states(self, choice: Choice) -> dict[str, Ticked]:
        """How each part of the tree is ticked; those that are left out anyway are not."""
        accounts, excluded = set(choice.accounts), set(choice.excluded)
        states: dict[str, Ticked] = {}
        # From below: what is inside comes after what it is in.
        for node in reversed(list(self._nodes.values())):
            covered = self._covered(choice, node.id)
            if node.is_account:
                named = node.id in accounts or (covered and not node.left_out)
                states[node.id] = Ticked.YES if named and node.id not in excluded else Ticked.NO
            else:
                inside = {states[each] for each in self._inside[node.id] if self._counts(each)}
                states[node.id] = _of_unit(inside, covered=covered)
        return states

    def toggled(self, choice: Choice, part: str) -> Choice:
        """The choice when a part of the tree is ticked, or no longer is."""
        node = self._nodes.get(part)
        if node is None or node.left_out:
            return choice
        ticked = self.states(choice)[part] is Ticked.YES
        if node.is_account:
            return self._account(choice, part, on=not ticked)
        return self._unit(choice, part, on=not ticked)

    def _account(self, choice: Choice, account: str, *, on: bool) -> Choice:
        covered = self._covered(choice, account)
        accounts, excluded = _without(choice.accounts, account), _without(choice.excluded, account)
        if on:
            return replace(choice, accounts=accounts if covered else (*accounts, account), excluded=excluded)
        return replace(choice, accounts=accounts, excluded=(*excluded, account) if covered else excluded)

    def _unit(self, choice: Choice, unit: str, *, on: bool) -> Choice:
        below = list(self._below(unit))
        names = self._names(unit)
        # What is below is said by the unit alone.
        cleared = Choice(
            units=_without(choice.units, *names, *below),
            accounts=_without(choice.accounts, *below),
            excluded=_without(choice.excluded, *below),
        )
        covered = self._covered(cleared, unit)
        if on:
            return cleared if covered else replace(cleared, units=(*cleared.units, names[-1]))
        if not covered:
            return cleared
        out = tuple(part for part in below if self._nodes[part].is_account and not self._nodes[part].left_out)
        return replace(cleared, excluded=(*cleared.excluded, *out))

    def _covered(self, choice: Choice, part: str) -> bool:
        """Whether a part is in what a unit stands for, or is that unit."""
        units = set(choice.units)
        return any(not units.isdisjoint(self._names(each)) for each in self._path(part))

    def _path(self, part: str) -> Iterator[str]:
        here: str | None = part
        while here is not None:
            yield here
            here = self._nodes[here].parent

    def _names(self, part: str) -> tuple[str, ...]:
        """What the params can call a part; a root, at last, by the word that every organization has."""
        return (part, WHOLE_ORGANIZATION) if self._nodes[part].parent is None else (part,)

    def _below(self, part: str) -> Iterator[str]:
        for inside in self._inside[part]:
            yield inside
            yield from self._below(inside)

    def _counts(self, part: str) -> bool:
        """Whether a part says something of the unit that it is in."""
        node = self._nodes[part]
        return not node.left_out if node.is_account else any(map(self._counts, self._inside[part]))


def _of_unit(inside: set[Ticked], *, covered: bool) -> Ticked:
    """How a unit is ticked by what is inside; new accounts are meant where it is covered, and else not."""
    if covered:
        return Ticked.YES if inside <= {Ticked.YES} else Ticked.SOME
    return Ticked.NO if inside <= {Ticked.NO} else Ticked.SOME


def _without(names: tuple[str, ...], *gone: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)
