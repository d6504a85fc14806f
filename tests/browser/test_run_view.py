"""A run that is watched, as somebody sees and works it: in JupyterLab and in Voilà."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe import grave_findings
from conftest import SCREENSHOTS
from lab_pages import open_notebook, run_all
from notebook_servers import serving_app, serving_lab
from playwright.sync_api import Locator, Page, expect
from run_notebooks import RED_EVERY, ended_run, opening, watching, write_notebook

pytestmark = pytest.mark.slow

_NOT_GREEN = "Done: not every verdict is green."
_DARK = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"

# As ipykernel loses what a page that is loaded anew asks first.
_LOSE_THE_FIRST = """
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        if (!window.lost && text.includes('"ask":"all"')) window.lost = true;
        else send.call(this, data);
    };
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run_lab(home: Path) -> Iterator[str]:
    with serving_lab(home) as address:
        yield address


def run_notebook(page: Page, lab: str, name: str) -> Locator:
    """Run a notebook's cells; the view that it shows."""
    open_notebook(page, lab, name)
    run_all(page)
    view = page.locator(".xacct-run")
    expect(view).to_be_visible()
    return view


@contextmanager
def leaving(page: Page) -> Iterator[None]:
    """Leave whatever page is open in the end."""
    try:
        yield
    finally:
        page.goto("about:blank")


def photograph(page: Page, view: Locator, name: str) -> None:
    view.scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_a_run_fills_and_a_red_cell_says_why(page: Page, run_lab: str, home: Path) -> None:
    path = write_notebook(home, "red", *watching("runs/red", sandbox_scenario="missing-emr"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = run_notebook(page, run_lab, "red")
    expect(view.get_by_text(_NOT_GREEN)).to_be_visible()
    expect(view.get_by_text("1 FAIL")).to_be_visible()
    expect(view.get_by_role("listitem").filter(has_text="Permissions")).to_contain_text("1 of 1 account")

    red, detail = view.get_by_role("gridcell", name="elasticmapreduce: FAIL"), view.locator(".detail")
    red.click()
    for told in (
        "was refused elasticmapreduce:ListClusters",
        "Give CrossAccountExecutionRole its policy emr",
    ):
        expect(detail.get_by_text(told)).to_be_visible()
    expect(detail.get_by_label("Evidence", exact=True)).to_contain_text("AccessDenied")
    expect(detail.get_by_label("Calls that mend it", exact=True)).to_contain_text("PutRolePolicy")
    photograph(page, view, "run-view-light")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(red).to_be_focused()

    page.keyboard.press("ArrowLeft")
    expect(red).not_to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(detail.get_by_role("heading", name="elasticmapreduce in 333333333333")).to_be_focused()

    view.get_by_role("button", name="Copy command").click()
    expect(view.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "xacct probe runs/red/params.yaml --out runs/red"

    page.evaluate(_DARK)
    expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    photograph(page, view, "run-view-dark")
    assert [each for each in grave_findings(page) if "xacct" in each] == []

    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    saved = path.read_text(encoding="utf-8")
    assert "widget-view+json" in saved
    for own in ("widget-state", "sandbox-external-id", "AccessDenied", str(Path.home())):
        assert own not in saved


def test_many_accounts_are_looked_through(page: Page, run_lab: str, home: Path) -> None:
    ended_run(home / "notebooks" / "runs" / "many", 1_000)
    write_notebook(home, "many", *opening("runs/many"))
    view = run_notebook(page, run_lab, "many")
    grid, rows, shown = view.get_by_role("grid"), view.locator(".body .row"), view.locator("output")
    expect(grid).to_have_attribute("aria-rowcount", "1001")
    expect(shown).to_have_text("1,000 of 1,000 accounts")
    assert rows.count() < 40

    view.get_by_role("rowheader", name="400000000000").focus()
    page.keyboard.press("Control+End")
    expect(view.get_by_role("gridcell", name="sts: PASS").last).to_be_focused()
    expect(rows.last).to_have_attribute("aria-rowindex", "1001")
    assert rows.count() < 40
    page.keyboard.press("PageUp")
    page.keyboard.press("Home")
    expect(view.locator(".body .row > :focus")).to_have_attribute("role", "rowheader")

    red = -(-1_000 // RED_EVERY)
    view.get_by_label("Only what is not green").check()
    expect(shown).to_have_text(f"{red} of 1,000 accounts")
    view.get_by_label("Service", exact=True).select_option("s3")
    expect(shown).to_have_text("0 of 1,000 accounts")
    view.get_by_role("button", name="Show all").click()
    expect(shown).to_have_text("1,000 of 1,000 accounts")
    view.get_by_label("Cause", exact=True).select_option(index=1)
    expect(shown).to_have_text(f"{red} of 1,000 accounts")
    view.get_by_label("Account", exact=True).fill("400000000007")
    expect(shown).to_have_text("1 of 1,000 accounts")
    view.get_by_role("gridcell", name="elasticmapreduce: FAIL").click()
    expect(view.get_by_text("Give the role its policy.")).to_be_visible()


def test_what_is_lost_on_the_way_to_the_kernel_is_asked_again(page: Page, run_lab: str, home: Path) -> None:
    page.add_init_script(_LOSE_THE_FIRST)
    ended_run(home / "notebooks" / "runs" / "lost", 1_000)
    imports, opened = opening("runs/lost")
    # Shown when all is told, so that nothing but an answer tells anything.
    write_notebook(home, "lost", imports, f"{opened.removesuffix('view')}_ = view.wait()", "view")
    view = run_notebook(page, run_lab, "lost")
    expect(view.locator("output")).to_have_text("1,000 of 1,000 accounts", timeout=20_000)
    assert page.evaluate("window.lost")


def test_a_run_is_cancelled_and_resumed(page: Page, run_lab: str, home: Path) -> None:
    cells = watching("runs/long", sandbox_accounts=60, organizational_units=["root"])
    write_notebook(home, "long", *cells)
    view = run_notebook(page, run_lab, "long")
    expect(view.locator(".body .row").nth(3)).to_be_visible()
    view.get_by_role("button", name="Cancel").click()
    expect(view.get_by_text("Stopped. What is known is kept")).to_be_visible()
    view.get_by_role("button", name="Resume").click()
    expect(view.get_by_text("Done: every verdict is green.")).to_be_visible(timeout=120_000)
    expect(view.locator("output")).to_have_text("62 of 62 accounts")


def test_in_an_app_nothing_grave_is_found(page: Page, home: Path) -> None:
    ended_run(home / "notebooks" / "runs" / "app", 50)
    notebook = write_notebook(home, "app", *opening("runs/app"))
    # Left before its server is gone, whatever has come of it.
    with (
        serving_app(notebook, home=home) as address,
        leaving(page),
    ):
        page.goto(address)
        view = page.locator(".xacct-run")
        expect(view.get_by_text(_NOT_GREEN)).to_be_visible()
        view.get_by_role("gridcell", name="elasticmapreduce: FAIL").first.click()
        expect(view.get_by_text("Give the role its policy.")).to_be_visible()
        assert grave_findings(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        photograph(page, view, "run-view-phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert grave_findings(page) == []
