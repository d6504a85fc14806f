"""The app: 0_start_here without its code."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_app_shows_no_code(page: Page, app: str) -> None:
    page.goto(app)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible()
    expect(page.get_by_text("import xacct_kit")).to_have_count(0)
