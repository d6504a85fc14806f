"""report.html as a file on somebody's disk: sorted, filtered, linked to, printed, on a phone, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from axe import grave_findings
from playwright.sync_api import Locator, Page, expect
from report_examples import EMPTY, HEALTHY, RED, REFUSED, THROTTLED, fleet, healthy

from xacct_kit.report import Report

pytestmark = pytest.mark.slow

FLEET = fleet(20, red=8) + Report.of([replace(THROTTLED, account="400000000015")])
REPORTS = {
    "one": Report.of([*healthy(), REFUSED]),
    "red": RED,
    "green": HEALTHY,
    "empty": EMPTY,
    "fleet": FLEET,
    "fleet-green": fleet(7),
}
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 1000}

LINKED = "f-333333333333-permissions-iam-get-role-crossaccountexecutionrole-iam-getrole-us-east-1"
GREEN = "f-400000000000-permissions-iam-get-role-crossaccountexecutionrole-iam-getrole-us-east-1"

each_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)

Opening = Callable[..., None]


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Opening:
    """Opens a report's page from a file, at a fragment where one is named."""

    def opening(report: Report, fragment: str = "") -> None:
        report.save(tmp_path)
        page.goto(f"{(tmp_path / 'report.html').as_uri()}{fragment}")

    return opening


def column(page: Page, number: int) -> list[str]:
    """What stands in a column of the first table of checks, in the rows that are shown."""
    cells = page.locator("details.account").first.locator(f"tbody tr:visible td:nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


def shown(page: Page) -> Locator:
    """The rows of checks that are shown."""
    return page.locator("details.account tbody tr:visible")


# For everybody


@each_report
def test_nobody_is_kept_out(page: Page, opened: Opening, report: Report) -> None:
    opened(report)
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert grave_findings(page) == []


@each_report
def test_on_a_phone_nothing_is_beside_the_page(page: Page, opened: Opening, report: Report) -> None:
    page.set_viewport_size(PHONE)
    opened(report)
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    beyond = (
        "[...document.querySelectorAll('td, dd, h3')].filter((e) => e.getBoundingClientRect().right > 390)"
    )
    assert page.evaluate(f"{beyond}.map((e) => e.outerHTML)") == []


def test_on_a_phone_a_check_says_what_each_of_its_values_is(page: Page, opened: Opening) -> None:
    page.set_viewport_size(PHONE)
    opened(RED)
    label = "(cell) => getComputedStyle(cell, '::before').content"
    cells = shown(page).first.locator("td").all()
    assert [cell.evaluate(label).strip('"') for cell in cells[1:]] == [
        *("Step", "Probe", "Caller", "Action", "Outcome")
    ]


def test_the_first_tab_leads_past_the_head(page: Page, opened: Opening) -> None:
    opened(RED)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to all checks")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#checks$"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Text")).to_be_focused()


# Sorted


def test_a_column_is_sorted_by_its_heading_and_by_keyboard(page: Page, opened: Opening) -> None:
    opened(RED)
    heading = page.get_by_role("columnheader", name="Probe").first
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, 3) == sorted(column(page, 3))
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    assert column(page, 3) == sorted(column(page, 3), reverse=True)
    expect(heading).to_have_attribute("aria-sort", "descending")


def test_verdicts_are_sorted_worst_first_and_one_column_at_a_time(page: Page, opened: Opening) -> None:
    opened(RED)
    page.get_by_role("columnheader", name="Caller").first.get_by_role("button").click()
    page.get_by_role("columnheader", name="Verdict").first.get_by_role("button").click()
    assert [text.split()[-1] for text in column(page, 1)] == ["FAIL", "FAIL", "UNKNOWN", "SKIPPED"]
    expect(page.locator("[aria-sort]")).to_have_count(1)


def test_steps_are_sorted_in_the_order_of_a_run(page: Page, opened: Opening) -> None:
    opened(Report.of(healthy()))
    page.get_by_role("columnheader", name="Probe").get_by_role("button").click()
    page.get_by_role("columnheader", name="Step").get_by_role("button").click()
    assert list(dict.fromkeys(column(page, 2))) == [
        *("Preflight", "Deploy", "Trust", "Cost Explorer", "Permissions")
    ]


def test_on_a_phone_the_order_is_chosen_for_all_accounts(page: Page, opened: Opening) -> None:
    page.set_viewport_size(PHONE)
    opened(HEALTHY)
    as_run = column(page, 3)
    page.get_by_role("combobox", name="Order").select_option("Probe")
    assert column(page, 3) == sorted(as_run) != as_run
    page.get_by_role("button", name="Clear").click()
    expect(shown(page).first).to_contain_text(as_run[0])
    assert column(page, 3) == as_run


def test_accounts_that_are_alike_are_sorted_by_a_service_or_by_their_number(
    page: Page, opened: Opening
) -> None:
    opened(FLEET)
    rows = page.locator("table.matrix tbody th strong")
    page.get_by_role("columnheader", name="elasticmapreduce").get_by_role("button").click()
    expect(rows).to_have_text(["8 accounts", "11 accounts", "1 account"])
    page.get_by_role("columnheader", name="Accounts").get_by_role("button").click()
    expect(rows).to_have_text(["1 account", "8 accounts", "11 accounts"])


# Filtered


def test_filters_narrow_what_is_shown_and_say_how_much(page: Page, opened: Opening) -> None:
    opened(RED)
    expect(page.get_by_role("status")).to_have_text("20 checks")
    page.get_by_role("searchbox", name="Text").fill("400000000000 Role trust")
    expect(page.get_by_role("status")).to_have_text("4 of 20 checks")
    expect(shown(page)).to_have_count(4)
    page.get_by_role("combobox", name="Verdict").select_option("FAIL")
    expect(shown(page)).to_have_count(0)
    page.get_by_role("searchbox", name="Text").fill("")
    page.get_by_role("combobox", name="Service").select_option("sts")
    expect(shown(page)).to_have_count(1)
    expect(shown(page)).to_contain_text("assume-as-untrusted-role")
    page.get_by_role("button", name="Clear").click()
    expect(shown(page)).to_have_count(20)


# Linked to


@pytest.mark.parametrize("anchor", [LINKED, GREEN], ids=["red", "green"])
def test_a_link_leads_to_its_finding(page: Page, opened: Opening, anchor: str) -> None:
    opened(RED, f"#{anchor}")
    expect(page.locator(f"#{anchor}")).to_be_in_viewport()


def test_a_link_unfolds_what_is_folded(page: Page, opened: Opening) -> None:
    opened(fleet(1) + Report.of([replace(REFUSED, probe=f"probe-{number}") for number in range(15)]))
    fault = page.locator("details.fault").nth(9)
    expect(fault.get_by_text(REFUSED.fix)).to_be_hidden()
    page.evaluate("(anchor) => { location.hash = anchor }", fault.get_attribute("id"))
    expect(fault.get_by_text(REFUSED.fix)).to_be_in_viewport()
    expect(fault.locator("> summary")).to_be_focused()


def test_a_link_leads_to_one_of_many_accounts(page: Page, opened: Opening) -> None:
    anchor = GREEN.replace("400000000000", "400000000015")
    opened(FLEET, f"#{anchor}")
    expect(page.locator(f"#{anchor}")).to_be_in_viewport()


def test_a_link_clears_a_filter_that_hides_its_finding(page: Page, opened: Opening) -> None:
    opened(RED, f"#{GREEN}")
    page.get_by_role("combobox", name="Verdict").select_option("FAIL")
    expect(page.locator(f"#{GREEN}")).to_be_hidden()
    page.evaluate("location.hash = ''")
    page.evaluate("(anchor) => { location.hash = anchor }", GREEN)
    expect(page.locator(f"#{GREEN}")).to_be_in_viewport()
    expect(page.get_by_role("combobox", name="Verdict")).to_have_value("")


# Who can assume the role


def test_who_can_assume_the_role_is_a_picture_and_on_a_phone_a_list(page: Page, opened: Opening) -> None:
    opened(RED)
    picture = page.get_by_role("img", name="Who can assume the role Account 333333333333")
    expect(picture.get_by_text("✗ allowed")).to_be_visible()
    expect(picture).to_have_accessible_description("✗ FAIL NotebookRole, with the external ID: allowed")
    page.set_viewport_size(PHONE)
    expect(picture).to_be_hidden()
    expect(page.get_by_text("NotebookRole, with the external ID: allowed")).to_be_visible()
    page.emulate_media(media="print")
    expect(picture).to_be_visible()


def test_a_broken_way_differs_from_a_whole_one_by_more_than_its_colour(page: Page, opened: Opening) -> None:
    opened(RED)
    dashes = "(way) => getComputedStyle(way).strokeDasharray"
    lines = page.locator("svg .way > path:first-child")
    assert [line.evaluate(dashes) for line in lines.all()] == ["8px, 5px", *["none"] * 4]


# Printed


def test_on_paper_the_reasons_are_unfolded_and_the_controls_are_gone(page: Page, opened: Opening) -> None:
    many = Report.of([replace(REFUSED, probe=f"probe-{number}") for number in range(15)])
    opened(many + Report.of(healthy("400000000000")))
    reasons = page.get_by_text(REFUSED.fix)
    expect(reasons.first).to_be_hidden()
    page.emulate_media(media="print", color_scheme="dark")
    for number in range(15):
        expect(reasons.nth(number)).to_be_visible()
    expect(page.locator("form :is(label, button):visible, .link:visible, .skip:visible")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_on_paper_accounts_that_are_alike_are_counted_and_every_service_has_room(
    page: Page, opened: Opening
) -> None:
    opened(FLEET)
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print")
    expect(page.locator("table.matrix").get_by_text("400000000019")).to_be_hidden()
    right = "(table) => table.getBoundingClientRect().right"
    assert page.locator("table.matrix").evaluate(right) <= 718


def test_what_was_unfolded_to_be_printed_is_folded_again(page: Page, opened: Opening) -> None:
    opened(Report.of([replace(REFUSED, probe=f"probe-{number}") for number in range(15)]))
    count = "window.folded = document.querySelectorAll('details:not([open])').length"
    page.evaluate(f"addEventListener('beforeprint', () => {{ {count} }})")
    assert page.pdf(print_background=True).startswith(b"%PDF")
    assert page.evaluate("window.folded") == 0
    expect(page.locator("details.fault[open]")).to_have_count(0)


def test_a_filter_that_leaves_checks_out_is_told_on_paper(page: Page, opened: Opening) -> None:
    opened(RED)
    page.emulate_media(media="print")
    expect(page.get_by_text("20 checks", exact=True)).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("combobox", name="Verdict").select_option("FAIL")
    page.emulate_media(media="print")
    expect(page.get_by_text("2 of 20 checks", exact=True)).to_be_visible()
