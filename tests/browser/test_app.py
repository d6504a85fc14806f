"""The app: 0_start_here without its code."""

from __future__ import annotations

import pytest
from axe import grave_findings
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow


def test_the_app_shows_no_code(page: Page, app: str) -> None:
    page.goto(app)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible()
    expect(page.get_by_role("heading", name="Choose")).to_be_visible()
    expect(page.get_by_text("import xacct_kit")).to_have_count(0)
    expect(page.get_by_text("Change them here")).to_have_count(0)


def test_a_run_is_chosen_begun_and_looked_into(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 2600})
    page.goto(app)
    page.get_by_label("Scenario").select_option("missing-emr: the role has lost its EMR policy")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("Done: not every verdict is green.")).to_be_visible()
    page.get_by_role("gridcell", name="elasticmapreduce: FAIL").click()
    expect(page.get_by_text("Give CrossAccountExecutionRole its policy emr")).to_be_visible()
    assert not grave_findings(page)


def test_a_run_is_stopped(page: Page, app: str) -> None:
    page.goto(app)
    page.get_by_label("Scenario").select_option(
        "healthy: the role is as the profile wants it, and Cost Explorer is on"
    )
    page.get_by_label("Accounts in the sandbox").fill("40")
    page.get_by_label("Organizational units").fill("root")
    page.get_by_label("Name of the params").fill("stopped")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
