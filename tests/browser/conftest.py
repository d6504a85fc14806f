"""Pages as people see them: a real Chromium, JupyterLab and Voilà, all on loopback."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import installed, launched
from notebook_servers import serving_app, serving_lab
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"

_MISSING = "There is no Chromium; apt-get install chromium, or brew install --cask chromium, and run again"

# Milliseconds; a kernel takes its time on a machine that has other work.
_PATIENCE = 60_000


# Of a module, because as long as it is there no other loop of asyncio runs in the process.
@pytest.fixture(scope="module")
def chromium(no_aws: None) -> Iterator[Browser]:
    if installed() is None:
        # Where everything must hold, a browser that is not there is a fault.
        (pytest.fail if "CI" in os.environ else pytest.skip)(_MISSING)
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that keeps to this machine, tells its errors, and is photographed when the test ends."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(_PATIENCE)
    # Refused here and not by the page's own errors, so that a test can say what was asked for.
    asked_elsewhere: list[str] = []
    context.route(
        re.compile(r"^https?://(?!127\.0\.0\.1|localhost)"),
        lambda route: (asked_elsewhere.append(route.request.url), route.abort()),
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{_file_name(request.node.name)}.png")
    context.close()
    assert not asked_elsewhere
    assert not faults


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, no_aws: None) -> Iterator[str]:
    """The address of a JupyterLab with copies of the notebooks and the params."""
    folder = _copies(tmp_path_factory.mktemp("lab"))
    _refuse_news(folder)
    with serving_lab(folder) as address:
        yield address


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, no_aws: None) -> Iterator[str]:
    """The address of 0_start_here as an app, without its code."""
    folder = _copies(tmp_path_factory.mktemp("app"))
    with serving_app(folder / "notebooks" / "0_start_here.ipynb", home=folder) as address:
        yield address


def _copies(folder: Path) -> Path:
    for name in ("notebooks", "params"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("runs", ".ipynb_checkpoints")
        )
    return folder


def _refuse_news(home: Path) -> None:
    """Answer beforehand what JupyterLab asks of everybody who is new to it."""
    answers = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    answers.mkdir(parents=True)
    (answers / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def _file_name(test: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", test.removeprefix("test_").lower()).strip("-")
