"""The wizard as somebody uses it, in JupyterLab and as an app."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import grave_findings
from lab_pages import open_notebook
from notebook_servers import serving_app, serving_lab
from playwright.sync_api import Page, WebSocket, expect
from wizard_notebook import written

from xacct_kit.params import Params

pytestmark = pytest.mark.slow

SECRET = "agreed-with-nobody-0815"
PHONE = {"width": 390, "height": 844}
TALL = {"width": 1280, "height": 2400}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wizard")
    written(folder)
    return folder


@pytest.fixture(scope="module")
def wizard_lab(home: Path) -> Iterator[str]:
    with serving_lab(home) as address:
        yield address


@pytest.fixture(scope="module")
def wizard_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("wizard-app")
    with serving_app(written(home), home=home) as address:
        yield address


def show(page: Page, wizard_lab: str) -> None:
    """Run the notebook; it is done too soon for a sign that it runs to be waited for."""
    open_notebook(page, wizard_lab, "wizard")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.get_by_label("Environment")).to_be_visible()


@pytest.fixture
def wizard(page: Page, wizard_lab: str) -> Page:
    """The wizard in a JupyterLab."""
    show(page, wizard_lab)
    page.set_viewport_size(TALL)
    return page


def described(page: Page, label: str) -> str:
    """What a field is described by, to those who do not see it."""
    names = page.get_by_label(label, exact=True).get_attribute("aria-describedby") or ""
    return "\n".join(page.locator(f"#{name}").inner_text() for name in names.split())


def test_it_is_filled_in_wrongly_and_then_rightly_and_saved(wizard: Page, home: Path) -> None:
    accounts = wizard.get_by_label("Member accounts", exact=True)
    accounts.fill("3333")
    expect(accounts).to_have_attribute("aria-invalid", "true")
    assert "'3333' is not an account ID" in described(wizard, "Member accounts")
    expect(wizard.get_by_text("Not complete yet:")).to_be_visible()
    wizard.get_by_role("button", name="Save params").click()
    expect(wizard.get_by_text("Not saved: what is marked above")).to_be_visible()
    expect(accounts).to_be_focused()
    accounts.fill("333333333333\n400000000000")
    expect(accounts).to_have_attribute("aria-invalid", "false")
    wizard.get_by_label("Accounts in the sandbox").fill("2")
    wizard.get_by_label("Scenario").select_option("missing-emr")
    expect(wizard.get_by_text("2 accounts: 333333333333, 400000000000.")).to_be_visible()
    wizard.get_by_label("Name of the params").fill("filled-in")
    wizard.get_by_role("button", name="Save params").click()
    expect(wizard.get_by_label("The same on a command line")).to_have_value(
        "xacct probe ../params/filled-in.local.yaml"
    )
    saved = Params.load(home / "params" / "filled-in.local.yaml")
    assert (saved.sandbox_scenario, saved.sandbox_accounts) == ("missing-emr", 2)
    assert saved.member_accounts == ("333333333333", "400000000000")


def test_it_is_used_by_keyboard_alone(wizard: Page, home: Path) -> None:
    wizard.get_by_label("Environment").focus()
    wizard.keyboard.press("Tab")
    expect(wizard.get_by_label("Scenario")).to_be_focused()
    wizard.keyboard.type("missing")
    wizard.keyboard.press("Tab")
    expect(wizard.get_by_label("Accounts in the sandbox")).to_be_focused()
    wizard.keyboard.type("3")
    until_focused(wizard, "Choose in the organization")
    wizard.keyboard.press("Enter")
    expect(wizard.get_by_role("tree")).to_be_visible()
    wizard.keyboard.press("Tab")
    expect(wizard.get_by_role("treeitem", name="Root")).to_be_focused()
    wizard.keyboard.press("End")
    wizard.keyboard.press("Space")
    last = wizard.get_by_role("treeitem", name="400000000001")
    expect(last).to_be_focused()
    expect(last).to_have_attribute("aria-checked", "true")
    expect(wizard.get_by_label("Member accounts", exact=True)).to_have_value("333333333333\n400000000001")
    wizard.keyboard.press("Home")
    wizard.keyboard.press("Enter")
    expect(wizard.get_by_role("treeitem", name="Root")).to_have_attribute("aria-checked", "true")
    expect(wizard.get_by_label("Organizational units")).to_have_value("root")
    wizard.keyboard.press("ArrowLeft")
    expect(last).to_be_hidden()
    until_focused(wizard, "Save params")
    wizard.keyboard.press("Enter")
    expect(wizard.get_by_text("Saved: ../params/sandbox.local.yaml")).to_be_visible()
    saved = Params.load(home / "params" / "sandbox.local.yaml")
    assert (saved.sandbox_scenario, saved.organizational_units) == ("missing-emr", ("root",))


def until_focused(page: Page, button: str) -> None:
    """Go on with the tab key until a button is reached."""
    wanted = page.get_by_role("button", name=button)
    for _ in range(40):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{button} is not reached by the tab key")


def text_of(frame: str | bytes) -> str:
    return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")


def test_a_secret_never_leaves_its_field(page: Page, wizard_lab: str, home: Path) -> None:
    sent: list[str] = []

    def watch(socket: WebSocket) -> None:
        for event in ("framesent", "framereceived"):
            socket.on(
                event, lambda frame: sent.append(frame if isinstance(frame, str) else frame.decode("latin-1"))
            )

    page.on("websocket", watch)
    show(page, wizard_lab)
    page.get_by_label("Environment").select_option("aws")
    field = page.get_by_label("External ID")
    expect(field).to_be_visible()
    field.press_sequentially(SECRET)
    expect(page.get_by_text("a literal is for the sandbox only")).to_be_visible()
    field.press("Tab")
    expect(field).to_have_value("")
    assert "a literal is for the sandbox only" in described(page, "External ID")
    field.press_sequentially(f"env:{SECRET}")
    field.press("Enter")
    expect(field).to_have_value("")
    assert "begins like a reference but is not env:NAME" in described(page, "External ID")
    field.fill("env:XACCT_EXTERNAL_ID")
    field.press("Tab")
    expect(field).to_have_attribute("aria-invalid", "false")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("Not saved: what is marked above")).to_be_visible()
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert any("XACCT_EXTERNAL_ID" in frame for frame in sent), "what is sent is seen here"
    saved = (home / "notebooks" / "wizard.ipynb").read_text(encoding="utf-8")
    for shown in (page.content(), saved, *sent):
        assert SECRET not in shown
    assert "sandbox-external-id" not in page.content() + saved
    assert "widgets" not in json.loads(saved)["metadata"]


def test_a_check_is_begun_and_watched(wizard: Page) -> None:
    wizard.get_by_label("Name of the params").fill("watched")
    wizard.get_by_label("Scenario").select_option("missing-emr")
    wizard.get_by_role("button", name="Check", exact=True).click()
    expect(wizard.get_by_role("grid")).to_be_visible()
    expect(wizard.get_by_label("The same on a command line")).to_have_value(
        re.compile(r"xacct probe \.\./params/watched\.local\.yaml --out runs/watched-\w+")
    )
    expect(wizard.get_by_role("gridcell", name="elasticmapreduce: FAIL")).to_be_visible()
    expect(wizard.get_by_text("Done: not every verdict is green.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [TALL, PHONE], ids=["desk", "phone"])
def test_nobody_is_shut_out_of_the_app(page: Page, wizard_app: str, theme: str, size: dict[str, int]) -> None:
    page.goto(f"{wizard_app}/?theme={theme}")
    page.get_by_label("Environment").select_option("aws")
    expect(page.get_by_label("Main account")).to_be_visible()
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.get_by_role("button", name="Save params").click()
    expect(page.get_by_label("Main account")).to_have_attribute("aria-invalid", "true")
    assert not grave_findings(page)
    page.get_by_label("Environment").select_option("sandbox")
    page.get_by_role("button", name="Choose in the organization").click()
    expect(page.get_by_role("tree")).to_be_visible()
    page.get_by_text("Permissions to deploy and check").click()
    assert not grave_findings(page)
    for part in ("html", ".xacct-outline", ".xacct-tree"):
        right = page.locator(part).evaluate("part => part.getBoundingClientRect().left + part.scrollWidth")
        assert right <= size["width"], f"{part} is cut off"
