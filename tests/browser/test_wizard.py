"""The wizard as somebody uses it, in JupyterLab and as an app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_pages import open_notebook, run_all
from notebook_servers import serving
from playwright.sync_api import Page, expect
from wizard_notebook import written


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wizard")
    written(folder)
    return folder


@pytest.fixture(scope="module")
def wizard_lab(home: Path) -> Iterator[str]:
    settings = ("--ServerApp.root_dir", str(home), "--allow-root", "--expose-app-in-browser")
    with serving("jupyterlab", *settings, home=home) as address:
        yield f"{address}/lab/tree/notebooks"


def test_the_wizard_shows(page: Page, wizard_lab: str) -> None:
    open_notebook(page, wizard_lab, "wizard")
    run_all(page)
    expect(page.get_by_label("Environment")).to_be_visible()
