"""The notebooks in JupyterLab."""

from __future__ import annotations

import pytest
from conftest import ROOT
from lab_pages import open_notebook, run_all
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(page: Page, lab: str, name: str) -> None:
    open_notebook(page, lab, name)
    run_all(page)
    expect(page.locator(".jp-OutputArea-output[data-mime-type*=error]")).to_have_count(0)
