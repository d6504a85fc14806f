"""A field: a control with its label, what is said below it, and what is wrong with what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget

from xacct_kit.interactive.browser_module import browser_module
from xacct_kit.interactive.wizard_fields import Kind, refusals
from xacct_kit.params import REFERENCES, split_reference

_HERE = Path(__file__).parent


class Field(AnyWidget):
    """A control with its label.

    A reference to a secret is checked where it is typed: what is none never reaches the kernel.
    """

    _esm = browser_module("field.js")
    _css = _HERE / "field.css"

    kind = traitlets.Unicode(Kind.TEXT.value).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    help = traitlets.Unicode().tag(sync=True)
    # Not echoed to other pages: what somebody types is sent once.
    value = traitlets.Unicode().tag(sync=True, echo_update=False)
    message = traitlets.Unicode().tag(sync=True)
    options: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    references = traitlets.Dict().tag(sync=True)
    refusals = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        if traits.get("kind") == Kind.REFERENCE:
            shapes = {kind: shape for kind, (shape, _) in REFERENCES.items()}
            traits = {"references": shapes, "refusals": refusals(), **traits}
        super().__init__(**traits)

    @traitlets.validate("value")
    def _no_secret(self, proposal: Any) -> str:
        text = str(proposal["value"])
        if self.kind != Kind.REFERENCE or not text or split_reference(text):
            return text
        self.message = self.refusals[""]
        return ""

    @property
    def shown(self) -> bool:
        """Whether the field can be seen."""
        return str(self.layout.display) != "none"

    @shown.setter
    def shown(self, shown: bool) -> None:
        self.layout.display = "" if shown else "none"

    def focus(self) -> None:
        """Put the cursor into the field."""
        self.send({"focus": True})
