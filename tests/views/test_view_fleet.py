from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from report_examples import REFUSED, SKIPPED, THROTTLED, finding, fleet
from test_view_html import MARKED, MARKUP, VIEWS, Document

from xacct_kit.report import Finding, OutcomeKind, Report
from xacct_kit.views.html import to_page, to_table
from xacct_kit.views.summary import summarise
from xacct_kit.views.text import to_text

RED = fleet(1_000, red=212) + Report.of([replace(THROTTLED, account="400000000500")])
FLEETS = {"red": RED, "green": fleet(1_000), "six": fleet(6, red=1)}


class ReadAgain(Sequence[Finding]):
    """Findings that are made each time they are asked for, as if they were read from disk."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def __iter__(self) -> Iterator[Finding]:
        return (replace(row) for row in self.report)

    def __len__(self) -> int:
        return len(self.report)

    def __getitem__(self, index):
        raise AssertionError("a view goes over the findings and takes none out")


@pytest.mark.parametrize("view", [*VIEWS.values(), to_text], ids=[*VIEWS, "text"])
@pytest.mark.parametrize("report", FLEETS.values(), ids=FLEETS)
def test_a_view_goes_over_findings_that_are_not_in_memory(view, report):
    assert view(Report(ReadAgain(report))) == view(report)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            RED,
            "213 of 1,000 accounts need attention, for 2 causes: 213 of 16,213 checks. AWS charges US$10.00",
        ),
        (fleet(6, red=1), "1 of 6 accounts needs attention, for 1 cause: 1 of 97 checks."),
        (fleet(1_000), "16,000 checks in 1,000 accounts: everything is as it should be."),
        (
            Report.of(replace(SKIPPED, account=f"{number:012}") for number in range(6)),
            "Nothing was tried: 6 checks in 6 accounts, all skipped.",
        ),
    ],
    ids=["red", "one", "green", "skipped"],
)
def test_the_page_opens_with_how_many_accounts_and_causes(report, said):
    assert said in " ".join(Document(to_page(report)).text.split())


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_markup_in_every_field_stays_text(view):
    rows = [replace(row, account=f"{MARKUP}{number}") for number in range(7) for row in MARKED]
    document = Document(view(Report.of(rows)))
    assert document.all("img") == []
    assert len(document.all("script")) == (1 if view is to_page else 0)
    assert not [name for _, attributes in document.elements for name in attributes if name.startswith("on")]
    assert MARKUP in document.text
    assert "49" not in document.text


@pytest.mark.parametrize("report", FLEETS.values(), ids=FLEETS)
def test_the_page_needs_no_network(report):
    page = to_page(report)
    document = Document(page)
    assert document.every("src") == []
    assert all(link.startswith("#") or link == "data:," for link in document.every("href"))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?:", page)


@pytest.mark.parametrize("report", FLEETS.values(), ids=FLEETS)
def test_the_page_can_be_read_by_a_screen_reader(report):
    document = Document(to_page(report))
    assert [len(document.all(tag)) for tag in ("h1", "main", "title")] == [1, 1, 1]
    assert len(document.all("caption")) == len(document.all("table"))
    assert all(heading.get("scope") in ("col", "row") for heading in document.all("th"))
    assert set(document.every("aria-labelledby")) <= set(document.every("id"))
    assert len(document.every("id")) == len(set(document.every("id")))
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_cell_is_a_sign_that_is_read_out_as_its_word():
    cells = re.findall(
        r'<td[^>]*><span class="fail" role="img" aria-label="FAIL" title="FAIL">(.)</span>', to_page(RED)
    )
    assert cells == ["✗"]


def test_every_account_can_be_found_on_the_page():
    page = to_page(RED)
    assert all(row.account in page for row in RED)


def test_each_cause_is_told_once_with_its_accounts_counted():
    page = to_page(RED)
    attention = page[page.index("Needs attention") : page.index("Accounts by service")]
    assert attention.count('<details class="fault"') == 2
    assert "elasticmapreduce:ListClusters denied by a service control policy</span>" in attention
    assert "<strong>212 accounts</strong> · 212 checks · Permissions" in attention
    assert THROTTLED.fix in attention


def test_only_some_checks_are_shown_some_of_each_cause_and_the_page_says_where_the_rest_is():
    page = to_page(RED)
    checks = page[page.index("Checks that need attention") :]
    assert checks.count("<tr id=") == 50
    assert (
        "50 of 213, in 50 accounts: some of each cause. All checks are in <code>report.csv</code>." in checks
    )
    assert "iam-get-role" in checks


def test_a_filter_says_that_it_looks_at_a_part_only():
    assert 'data-where=" that this page holds; look for others in report.csv"' in to_page(RED)
    assert "data-where" not in to_page(FLEETS["six"])


def test_a_filter_says_what_it_does_not_narrow():
    page = to_page(RED)
    filters = page[page.index('<form id="filters"') : page.index("</form>")]
    assert 'aria-describedby="narrowed"' in filters
    assert "The filter narrows the checks below it; causes and accounts by service stay whole." in filters
    assert page.index("Accounts by service") < page.index(filters)
    assert "narrowed" not in to_page(Report.of([THROTTLED]))


def test_a_page_does_not_grow_with_the_checks():
    down = Report.of(
        finding(account=f"{number:012}", probe=f"probe-{probe}", outcome=OutcomeKind.QUOTA)
        for number in range(100)
        for probe in range(30)
    )
    assert to_page(down).count("<tr id=") == 300


def test_a_page_of_a_thousand_causes_shows_the_first_and_counts_the_others():
    odd = [
        finding(account=f"{number:012}", why=f"Reason {number}x.", outcome=OutcomeKind.QUOTA)
        for number in range(1_000)
    ]
    page = to_page(Report.of(odd))
    assert page.count('<details class="fault"') == 100
    assert "900 causes of fewer accounts: see <code>report.csv</code>" in page


def test_accounts_of_a_pattern_unfold_in_a_notebook_without_script():
    fragment = to_table(RED)
    document = Document(fragment)
    assert document.all("script") == document.every("id") == document.every("href") == []
    assert fragment.startswith('<div class="xacct-report">')
    rules = re.findall(r"^(\S.*?) \{", fragment, re.MULTILINE)
    assert all(rule.startswith(".xacct-report") for rule in rules)
    assert "212 accounts elasticmapreduce FAIL" in " ".join(document.text.split())
    assert "and 112 more" in document.text
    assert len(fragment) < 20_000


def test_the_fragment_has_no_durations_costs_or_evidence():
    def of(row):
        return to_table(Report.of(replace(row, account=f"{number:012}") for number in range(9)))

    assert of(replace(REFUSED, duration=12.75, cost=0.01, evidence={"request_id": "7d9f"})) == of(REFUSED)


def test_examples_are_the_first_account_of_each_cause_and_then_the_second():
    assert summarise(RED).examples(3) == ["400000000000", "400000000500", "400000000001"]
