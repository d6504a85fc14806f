"""What somebody does in JupyterLab."""

from __future__ import annotations

from playwright.sync_api import Page, expect

# What JupyterLab shows before its kernel has answered is the same as afterwards.
_WHEN_READY = """async () => {
    const context = window.jupyterapp.shell.currentWidget.sessionContext;
    await context.ready;
    await context.session.kernel.info;
}"""


def open_notebook(page: Page, lab: str, name: str) -> None:
    """Open a notebook in a workspace of its own, when its kernel is ready."""
    page.goto(f"{lab}/{name}.ipynb?reset")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    page.evaluate(_WHEN_READY)


def run_all(page: Page) -> None:
    """Run all cells by the command of the menu, and wait until the last one has ended."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
