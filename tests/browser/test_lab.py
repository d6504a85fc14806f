"""The notebooks in JupyterLab."""

from __future__ import annotations

import pytest
from lab_pages import open_notebook, run_all
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("name", ["0_start_here", "3_probe_permissions"])
def test_a_notebook_runs_from_top_to_bottom(page: Page, lab: str, name: str) -> None:
    open_notebook(page, lab, name)
    run_all(page)
    expect(page.locator(".jp-OutputArea-output[data-mime-type*=error]")).to_have_count(0)
