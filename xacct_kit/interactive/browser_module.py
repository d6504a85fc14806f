"""The modules that run in a browser: what they share, then each widget's own files."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def browser_module(*files: str) -> str:
    """A widget's module: its files, which are beside this one, after what all of them share."""
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in ("page.js", *files))
