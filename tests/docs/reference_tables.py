"""What the pages of the reference are put together of."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

_NO_BREAK = "\N{NO-BREAK SPACE}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what a cell says is neither a border nor HTML."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def fenced(document: Any) -> str:
    """A document as JSON that can be pasted."""
    return f"```json\n{json.dumps(document, indent=2)}\n```\n"


def page(*parts: str) -> str:
    """Parts of a page, with a line between them; what is told in words is wrapped."""
    return "\n".join(f"{_wrapped(part.strip())}\n" for part in parts)


def _wrapped(part: str) -> str:
    if part.startswith(("#", "|", "- ", "```")):
        return part
    # A blank within a code span is no place to break.
    whole = re.sub(r"`[^`]+`", lambda span: span[0].replace(" ", _NO_BREAK), " ".join(part.split()))
    filled = textwrap.fill(whole, 110, break_long_words=False, break_on_hyphens=False)
    return filled.replace(_NO_BREAK, " ")
