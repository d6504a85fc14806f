"""The summary of a CI job: short, bounded, and nothing in it is markup that somebody else wrote."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from report_examples import EMPTY, HEALTHY, RED, REFUSED, SKIPPED, THROTTLED, finding, findings, fleet

from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.views.markdown import to_markdown

GITHUB = MarkdownIt("gfm-like", {"linkify": False, "html": True})
MOST = 1024 * 1024


def cells(text: str) -> list[list[str]]:
    """The rows of the tables, as they are shown."""
    rows, tokens = list[list[str]](), GITHUB.parse(text)
    for before, token in pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        if before.type == "td_open":
            assert {each.type for each in token.children or ()} <= {"text", "text_special"}
            rows[-1].append("".join(each.content for each in token.children or ()))
    return [row for row in rows if row]


def headings(text: str) -> list[str]:
    return [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]


@pytest.mark.parametrize(
    ("report", "first", "tally"),
    [
        (HEALTHY, "✓ Everything is as it should be in 2 accounts", "32 checks: 32 pass"),
        (RED, "✗ Not as it should be: 1 of 2 accounts", "20 checks: 16 pass, 2 fail, 1 unknown, 1 skipped"),
        (Report.of([THROTTLED]), "? Not as it should be: 1 of 1 account", "1 check: 1 unknown"),
        (EMPTY, "? Nothing was tried", "0 checks: nothing was tried"),
        (Report.of([SKIPPED]), "? Nothing was tried", "1 check: 1 skipped"),
    ],
    ids=["green", "red", "unknown", "empty", "skipped"],
)
def test_the_heading_says_how_it_went(report: Report, first: str, tally: str) -> None:
    text = to_markdown(report)
    assert headings(text)[0] == first
    assert text.splitlines()[2] == tally
    assert ("By cause" in headings(text)) is any(not row.verdict.green for row in report)


def test_causes_come_first_and_then_the_checks() -> None:
    text = to_markdown(fleet(12, red=4))
    assert headings(text)[1:] == ["By cause", "Checks"]
    cause, *checks = cells(text)
    assert cause[:3] == [
        "✗ FAIL",
        "elasticmapreduce:ListClusters denied by a service control policy",
        "4: 400000000000, 400000000001, 400000000002 and 1 more",
    ]
    assert [row[1] for row in checks] == [f"40000000000{number}" for number in range(4)]


def test_a_check_says_who_what_why_and_the_fix() -> None:
    _, row = cells(to_markdown(Report.of([REFUSED])))
    assert row == [
        "✗ FAIL",
        "333333333333",
        "us-east-1",
        "emr-list-clusters",
        "CrossAccountExecutionRole",
        "elasticmapreduce:ListClusters",
        REFUSED.why,
        REFUSED.fix,
    ]


HOSTILE = [
    "a | b",
    "a \\| b",
    "line\nline\r\nline",
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt;",
    "`code` ``more``",
    "**bold** _leaning_ ~~gone~~",
    "[text](https://example.com) ![image](https://example.com/x.png)",
    "$E=mc^2$",
    "\\",
    "trailing \\",
    "arn:aws:iam::333333333333:role/*",
]


@pytest.mark.parametrize("said", HOSTILE, ids=ascii)
def test_what_is_said_is_shown_as_it_is_and_stays_in_its_cell(said: str) -> None:
    row = finding(outcome=OutcomeKind.DENIED_SCP, why=said, fix=said, caller=said)
    _, shown = cells(to_markdown(Report.of([row])))
    line = " ".join(said.split())
    assert [shown[4], *shown[6:]] == [line] * 3


@given(findings)
def test_a_finding_that_is_not_green_is_one_row_whatever_it_says(row) -> None:
    shown = cells(to_markdown(Report.of([row])))
    assert [len(each) for each in shown] == ([] if row.verdict.green else [5, 8])


def test_a_fleet_that_is_red_all_over_fits_on_the_page() -> None:
    text = to_markdown(fleet(500, red=500))
    assert len(cells(text)) == 1 + 300
    assert text.endswith("And 200 checks more: see report.csv\n")


def test_no_text_is_too_long_for_the_page() -> None:
    long = "<\N{SNOWMAN}|" * 400
    rows = [
        finding(verdict=Verdict.FAIL, caller=long, action=long, why=f"{long}{number}", fix=long, probe=long)
        for number in range(400)
    ]
    text = to_markdown(Report.of(rows))
    assert len(text.encode()) < MOST
    assert text.endswith("There is more than a summary may hold: see report.html\n")
    assert all(len(row) in (5, 8) for row in cells(text))
