"""Ticking an organization's tree, as the params say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.fleet.organization_tree import Node
from xacct_kit.interactive.account_choice import AccountChoice, Choice, Ticked

# r ─ a ─ b ─ 3
#   │    └ 2
#   ├ 1
#   └ m, which is left out
NODES = (
    Node(id="r", name="Root"),
    Node(id="a", name="a", parent="r"),
    Node(id="b", name="b", parent="a"),
    Node(id="3", name="three", parent="b", is_account=True),
    Node(id="2", name="two", parent="a", is_account=True),
    Node(id="1", name="one", parent="r", is_account=True),
    Node(id="m", name="management", parent="r", is_account=True, left_out="it owns the organization"),
)
TREE = AccountChoice(NODES)


def ticked(choice: Choice) -> str:
    """What is ticked, and in brackets what is in part."""
    states = TREE.states(choice)
    shown = {Ticked.YES: "{}", Ticked.SOME: "({})", Ticked.NO: ""}
    return " ".join(shown[states[node.id]].format(node.id) for node in NODES if states[node.id] != "false")


# What is chosen, what is clicked, what is chosen then, and how that looks.
CLICKS: list[tuple[Choice, str, Choice, str]] = [
    (Choice(), "1", Choice(accounts=("1",)), "(r) 1"),
    (Choice(accounts=("1",)), "1", Choice(), ""),
    (Choice(), "a", Choice(units=("a",)), "(r) a b 3 2"),
    (Choice(units=("a",)), "a", Choice(), ""),
    (Choice(), "r", Choice(units=("root",)), "r a b 3 2 1"),
    (Choice(units=("root",)), "r", Choice(), ""),
    (Choice(units=("r",)), "r", Choice(), ""),
    (Choice(units=("a",)), "2", Choice(units=("a",), excluded=("2",)), "(r) (a) b 3"),
    (Choice(units=("a",), excluded=("2",)), "2", Choice(units=("a",)), "(r) a b 3 2"),
    (Choice(units=("a",), excluded=("2",)), "a", Choice(units=("a",)), "(r) a b 3 2"),
    (Choice(units=("root",)), "a", Choice(units=("root",), excluded=("3", "2")), "(r) (a) (b) 1"),
    (Choice(units=("root",), excluded=("3", "2")), "a", Choice(units=("root",)), "r a b 3 2 1"),
    (Choice(accounts=("2", "3")), "a", Choice(units=("a",)), "(r) a b 3 2"),
    (Choice(units=("b",)), "a", Choice(units=("a",)), "(r) a b 3 2"),
    (Choice(accounts=("2", "3")), "1", Choice(accounts=("2", "3", "1")), "(r) (a) (b) 3 2 1"),
    (Choice(), "m", Choice(), ""),
    (Choice(), "nowhere", Choice(), ""),
    (Choice(accounts=("elsewhere",)), "1", Choice(accounts=("elsewhere", "1")), "(r) 1"),
]


@pytest.mark.parametrize(("before", "part", "after", "look"), CLICKS)
def test_a_click(before: Choice, part: str, after: Choice, look: str) -> None:
    assert TREE.toggled(before, part) == after
    assert ticked(after) == look


@given(st.lists(st.sampled_from([node.id for node in NODES])))
def test_a_click_turns_what_it_is_on_and_says_nothing_twice(parts: list[str]) -> None:
    choice = Choice()
    for part in parts:
        was = TREE.states(choice)[part]
        choice = TREE.toggled(choice, part)
        if part != "m":
            assert (TREE.states(choice)[part] is Ticked.YES) == (was is not Ticked.YES)
        assert not set(choice.accounts) & set(choice.excluded)
        assert "m" not in (*choice.accounts, *choice.excluded)
