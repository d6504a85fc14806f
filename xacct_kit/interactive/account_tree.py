"""The tree of an organization, in which units and accounts are ticked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget

from xacct_kit.fleet.organization_tree import Node
from xacct_kit.interactive.account_choice import Ticked
from xacct_kit.interactive.browser_module import browser_module

_HERE = Path(__file__).parent


class AccountTree(AnyWidget):
    """A tree of check boxes that arrow keys walk through and the space bar ticks.

    It only shows: what comes of a tick is decided by whoever is told of it.

    Parameters:
        nodes: the organization, each part after the one that it is in.
        on_toggle: is told which part is to be ticked, or no longer is.
    """

    _esm = browser_module("account_tree.js")
    _css = _HERE / "account_tree.css"

    label = traitlets.Unicode("Units and accounts of the organization").tag(sync=True)
    nodes: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    ticked = traitlets.Dict().tag(sync=True)

    def __init__(self, nodes: Sequence[Node], on_toggle: Callable[[str], None], **traits: Any) -> None:
        super().__init__(nodes=[_shown(node) for node in nodes], **traits)
        self._on_toggle = on_toggle
        self.on_msg(self._told)

    def show(self, states: Mapping[str, Ticked]) -> None:
        """Show how the parts are ticked."""
        self.ticked = {part: str(state) for part, state in states.items() if state is not Ticked.NO}

    def _told(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        if isinstance(content.get("toggle"), str):
            self._on_toggle(content["toggle"])


def _shown(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "parent": node.parent,
        "account": node.is_account,
        "leftOut": node.left_out,
    }
