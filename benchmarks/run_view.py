"""How soon the matrix of a run is there, and how fast it scrolls and filters, by the number of accounts.

Run as `python benchmarks/run_view.py [ACCOUNTS …]`. It needs a Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from chromium import launched
from lab_pages import open_notebook
from notebook_servers import serving_lab
from playwright.sync_api import Page, sync_playwright
from run_notebooks import ended_run, opening, write_notebook

# From the cell's start until every account is in the matrix; milliseconds.
_APPEARS = """async (accounts) => {
    const started = performance.now();
    window.jupyterapp.commands.execute('notebook:run-all-cells');
    const there = () => document.querySelector(`.xacct-run [aria-rowcount="${accounts + 1}"]`);
    while (!there()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""

# The longest of a hundred, until the next frame is drawn; milliseconds.
_LONGEST = """async (kind) => {
    const grid = document.querySelector('.xacct-run .grid');
    const red = document.querySelector('.xacct-run .filters input');
    const key = (name) => document.querySelector('.xacct-run .body [tabindex="0"]').dispatchEvent(
        new KeyboardEvent('keydown', {key: name, bubbles: true}));
    const acts = {
        scroll: (turn) => { grid.scrollTop = grid.scrollHeight * turn / 100; },
        filter: () => red.click(),
        arrow: () => key('ArrowDown'),
        page: () => key('PageDown'),
    };
    let longest = 0;
    for (let turn = 0; turn < 100; turn++) {
        const started = performance.now();
        acts[kind](turn);
        await new Promise(requestAnimationFrame);
        longest = Math.max(longest, performance.now() - started);
    }
    return longest;
}"""


def measure(page: Page, lab: str, accounts: int) -> str:
    """What a page of JupyterLab takes for a run over so many accounts."""
    open_notebook(page, lab, f"run{accounts}")
    appears = page.evaluate(_APPEARS, accounts) / 1000
    told = [
        f"{kind} {page.evaluate(_LONGEST, kind):4.0f} ms" for kind in ("scroll", "filter", "arrow", "page")
    ]
    rows = page.locator(".xacct-run .body .row").count()
    longest = ", ".join(told)
    return f"{accounts:6,} accounts x 9: there in {appears:.2f} s; at most {longest}; {rows} rows in the page"


def main(sizes: list[int]) -> None:
    """Print the figures of a run of each size."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        for accounts in sizes:
            write_notebook(home, f"run{accounts}", *opening(f"runs/{accounts}"))
            ended_run(home / "notebooks" / "runs" / str(accounts), accounts)
        browser = launched(playwright)
        with serving_lab(home) as lab:
            for accounts in sizes:
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                print(measure(page, lab, accounts), flush=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [100, 1_000, 10_000])
