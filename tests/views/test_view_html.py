from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given, settings
from report_examples import (
    HEALTHY,
    RED,
    REFUSED,
    REPORTS,
    SKIPPED,
    THROTTLED,
    TRUSTED_TOO_MUCH,
    finding,
    fleet,
    reports,
)

from xacct_kit.report import OutcomeKind, Report
from xacct_kit.views.html import to_page, to_table

MARKUP = """<img src=x onerror=alert(1)></script></style><script>alert("1")</script>'{{ 7 * 7 }}&amp;"""
TEXT_COLUMNS = ("step", "probe", "account", "region", "caller", "service", "action", "why", "fix")
MARKED = Report.of(
    replace(row, **dict.fromkeys(TEXT_COLUMNS, MARKUP), evidence={MARKUP: MARKUP})
    for row in (REFUSED, SKIPPED)
)
VIEWS = {"page": to_page, "table": to_table}


class Document(HTMLParser):
    """The elements of a document with their attributes, and its text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.hidden = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.hidden = tag in ("style", "script")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        self.text += "" if self.hidden else data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def every(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def stylesheet():
    return (files("xacct_kit.views") / "templates" / "page.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_same_report_gives_the_same_bytes(view, report):
    assert view(report).encode() == view(Report.of(report)).encode()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_markup_in_every_field_stays_text(view):
    document = Document(view(MARKED))
    assert document.all("img") == []
    assert len(document.all("script")) == (1 if view is to_page else 0)
    assert not [name for _, attributes in document.elements for name in attributes if name.startswith("on")]
    assert MARKUP in document.text
    assert "49" not in document.text


@settings(max_examples=25)
@given(reports)
def test_whatever_findings_hold_only_elements_of_the_template_come_out(report):
    made = {tag for tag, _ in Document(to_page(RED)).elements} | {"wbr"}
    assert {tag for tag, _ in Document(to_page(report)).elements} <= made


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_half_a_surrogate_pair_can_be_encoded(view):
    assert view(Report.of([finding(outcome=OutcomeKind.THROTTLED, why="\ud83d")])).encode()


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_page_needs_no_network(report):
    page = to_page(report)
    document = Document(page)
    assert document.every("src") == []
    assert all(link.startswith("#") or link == "data:," for link in document.every("href"))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?:", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_page_can_be_read_by_a_screen_reader(report):
    document = Document(to_page(report))
    assert document.all("html") == [{"lang": "en"}]
    assert [len(document.all(tag)) for tag in ("h1", "main", "title")] == [1, 1, 1]
    assert len(document.all("caption")) == len(document.all("table"))
    assert all(heading.get("scope") == "col" for heading in document.all("th"))
    named = [*document.every("aria-labelledby"), *document.every("aria-describedby")]
    assert set(" ".join(named).split()) <= set(document.every("id"))


def test_headings_never_skip_a_level():
    levels = [int(tag[1]) for tag, _ in Document(to_page(RED)).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tiles_count_by_verdict_with_sign_and_word():
    tiles = re.findall(r'<span class="sign"[^>]*>(.)</span> (\w+)</span></dt><dd>(\d+)</dd>', to_page(RED))
    assert tiles == [
        ("✓", "PASS", "16"),
        ("✗", "FAIL", "2"),
        ("?", "UNKNOWN", "1"),
        ("\N{EN DASH}", "SKIPPED", "1"),
    ]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (RED, "3 of 20 checks in 2 accounts need attention."),
        (Report.of([REFUSED]), "1 of 1 check in 1 account needs attention."),
        (
            HEALTHY,
            "32 checks in 2 accounts: everything is as it should be. AWS charges US$0.02 for the calls.",
        ),
        (Report(), "Nothing was tried: the run has no findings."),
        (Report.of([SKIPPED]), "Nothing was tried: 1 check in 1 account, all skipped."),
    ],
    ids=["red", "one", "healthy", "empty", "skipped"],
)
def test_the_page_opens_with_how_it_stands(report, said):
    assert said in " ".join(Document(to_page(report)).text.split())


def test_what_is_not_green_comes_first_with_why_fix_and_evidence():
    page = to_page(RED)
    attention = page[page.index("Needs attention") : page.index("All checks")]
    for fault in RED.faults:
        assert fault.why in attention
        assert fault.fix in attention
    assert "code: AccessDeniedException\nhttp_status: 400\nmessage: User is not authorized" in attention
    assert SKIPPED.why not in attention
    assert "Needs attention" not in to_page(HEALTHY)


def test_every_finding_has_one_anchor_and_every_link_leads_to_one():
    document = Document(to_page(RED))
    anchors = Counter(document.every("id"))
    assert set(anchors.values()) == {1}
    assert sum(anchor.startswith("f-") for anchor in anchors) == len(RED)
    assert {link.removeprefix("#") for link in document.every("href") if link != "data:,"} <= set(anchors)


def test_an_anchor_stays_when_the_verdict_changes_and_other_findings_come():
    def anchors(report):
        return {anchor for anchor in Document(to_page(report)).every("id") if anchor.startswith("f-")}

    (anchor,) = anchors(Report.of([finding()]))
    assert anchor == "f-333333333333-permissions-emr-list-clusters-crossaccountexecutionrole-" + (
        "elasticmapreduce-listclusters-us-east-1"
    )
    assert anchor in anchors(Report.of([THROTTLED, REFUSED, SKIPPED]))
    assert anchors(Report.of([finding(), finding()])) == {anchor, f"{anchor}--2"}


def test_who_can_assume_the_role_is_drawn_and_said_with_what_is_wrong():
    page = to_page(RED)
    drawn = page[page.index("Who can assume the role") : page.index("All checks")]
    assert drawn.count("<svg") == 2
    assert re.findall(r">(. (?:allowed|refused))<", drawn) == ["✗ allowed", *["✓ allowed", "✓ refused"] * 2]
    assert "NotebookRole, with the external ID: allowed" in drawn
    assert TRUSTED_TOO_MUCH.why in drawn
    assert "Who can assume the role" not in to_page(Report.of([REFUSED]))


def test_many_faults_are_a_folded_list():
    few, many = Document(to_page(fleet(2, red=1))), Document(to_page(fleet(1) + Report.of([REFUSED] * 15)))

    def opened(document, kind):
        return ["open" in each for each in document.all("details") if (each["class"] or "").startswith(kind)]

    assert (opened(few, "fault"), opened(few, "account")) == ([True], [True, True])
    assert opened(many, "fault") == [False] * 15


def test_filters_offer_what_the_report_has():
    page = to_page(RED)
    offered = re.findall(r"<option>(\w+)</option>", page)
    assert offered[:4] == ["PASS", "FAIL", "UNKNOWN", "SKIPPED"]
    assert offered[4:] == sorted({row.service for row in RED})


def _luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["text", "quiet", "link", "pass", "fail", "unknown", "skipped"])
@pytest.mark.parametrize("ground", ["page", "surface", "sunken"])
def test_text_stands_out_from_its_ground_as_wcag_aa_asks(theme, ink, ground):
    palette = dict(re.findall(r"--(\w+): (#\w{6});", stylesheet().split("@media")[theme]))
    lighter, darker = sorted((_luminance(palette[ink]), _luminance(palette[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_fragment_fits_a_notebook():
    fragment = to_table(RED)
    document = Document(fragment)
    assert document.all("script") == document.every("id") == document.every("href") == []
    assert fragment.startswith('<div class="xacct-report">')
    rules = re.findall(r"^(\S.*?) \{", fragment, re.MULTILINE)
    assert rules
    assert all(rule.startswith(".xacct-report") for rule in rules)
    assert "20 checks: 16 pass, 2 fail, 1 unknown, 1 skipped" in document.text
    assert REFUSED.fix in document.text


def test_the_fragment_has_no_durations_costs_or_evidence():
    slow = replace(REFUSED, duration=12.75, cost=0.01, evidence={"request_id": "7d9f"})
    assert to_table(Report.of([slow])) == to_table(Report.of([REFUSED]))


def test_the_fragment_is_readable_where_its_style_sheet_is_taken_away():
    fragment = to_table(RED)
    cells = re.findall(r"<t[hd]\b[^>]*>", fragment)
    assert cells
    assert all('style="text-align:left"' in cell for cell in cells)
    assert ">CrossAccount<wbr>ExecutionRole</td>" in fragment
