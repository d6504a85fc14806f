"""Renew docs/reference/: what the documentation says of the code, made from the code.

python tests/docs/renew_reference.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from commands_page import commands_page
from outcomes_page import outcomes_page
from params_page import params_page
from policies_page import policies_page
from probes_page import probes_page

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "operator-policies.md": policies_page,
    "outcomes.md": outcomes_page,
    "params.md": params_page,
    "probes.md": probes_page,
}


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name, made in PAGES.items():
        (REFERENCE / name).write_text(made(), encoding="utf-8")
        sys.stdout.write(f"renewed {name}\n")
