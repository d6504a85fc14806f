"""A plugin for `pytest --nbval`: notebooks come in any order; the cells of each come in theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Put the cells of each notebook together and in order, where pytest-randomly has mixed them."""
    items[:] = in_order(items)


def in_order(items: Sequence[Any]) -> list[pytest.Item]:
    """The items, a notebook's where its first one stands."""
    places = {item.parent: place for place, item in reversed(list(enumerate(items)))}
    return sorted(items, key=lambda item: (places[item.parent], getattr(item, "cell_num", 0)))
