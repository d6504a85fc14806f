"""What axe-core finds on a page, for those who do not see it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

_CORE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
_MISSING = "There is no axe-core; `make browser` installs it"
_GRAVE = ("serious", "critical")


def grave_findings(page: Page) -> list[str]:
    """The rules that a page breaks so that somebody cannot use it, each with the first element that does."""
    if not _CORE.exists():
        (pytest.fail if "CI" in os.environ else pytest.skip)(_MISSING)
    # Not as a script element: a page may forbid those of others.
    page.evaluate(_CORE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{rule['id']}: {rule['nodes'][0]['html']}: {rule['nodes'][0]['failureSummary']}"
        for rule in found
        if rule["impact"] in _GRAVE
    ]
