from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from report_examples import REFUSED, REPORTS, finding, reports

from xacct_kit.errors import RequestError
from xacct_kit.fleet.journal import read_journal
from xacct_kit.report import COLUMNS, Report, Verdict
from xacct_kit.views.files import csv_parts, jsonl_parts, to_json


def line(**changes):
    """A line of a journal; a column set to `...` is left out."""
    row = {**finding().to_dict(), **changes}
    return json.dumps({name: value for name, value in row.items() if value is not ...})


def to_jsonl(report):
    return "".join(jsonl_parts(report))


def to_csv(report):
    return "".join(csv_parts(report))


def read(text):
    """The report of a journal with this text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "findings.jsonl"
        path.write_bytes(text.encode())
        return Report.of(read_journal(path))


def rows_of(text):
    return list(csv.DictReader(StringIO(text, newline="")))


@given(reports)
def test_the_journal_gives_back_what_was_written(report):
    assert read(to_jsonl(report)) == report


@given(reports)
def test_the_journal_has_a_line_a_finding_whatever_the_findings_hold(report):
    assert len(to_jsonl(report).splitlines()) == len(report)


def test_a_journal_line_is_compact_and_in_column_order():
    (written,) = to_jsonl(Report.of([REFUSED])).splitlines()
    assert list(json.loads(written)) == list(COLUMNS)
    assert '"evidence":{"code":"AccessDeniedException","http_status":"400",' in written


def test_half_a_surrogate_pair_can_be_written_to_every_file():
    report = Report.of([finding(why="\ud83d", evidence={"message": "\ud83d"})])
    assert read(to_jsonl(report).encode().decode()) == report
    assert to_csv(report).encode()
    assert to_json(report).encode()


def test_empty_lines_and_windows_line_ends_are_passed_over():
    assert read(f"\n{line()}\r\n\n{line()}\n") == Report.of([finding(), finding()])


def test_columns_with_a_default_may_be_left_out():
    assert read(f"{line(fix=..., evidence=..., duration=..., cost=...)}\n") == Report.of([finding()])


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ('{"step": "trust', "Unterminated string"),
        ("[1]", "not an object"),
        (line(account=...), "no value: account"),
        (line(verdict=...), "no value: verdict"),
        (line(colour="red"), "no such column: colour"),
        (line(verdict="GREEN"), "'GREEN' is not a valid Verdict"),
        (line(account=333333333333), "wrong type: account"),
        (line(evidence="denied"), "wrong type: evidence"),
        (line(evidence={"http_status": 403}), "wrong type: evidence"),
        (line(duration="long"), "wrong type: duration"),
        (line(cost=True), "wrong type: cost"),
        (line(cost=float("nan")), "wrong type: cost"),
        (line(duration=float("inf")), "wrong type: duration"),
        (line(duration=10**400), "wrong type: duration"),
        ("[" * 100_000, "recursion"),
    ],
    ids=lambda value: value[:24],
)
def test_a_line_that_cannot_be_read_is_named(broken, fault):
    with pytest.raises(RequestError, match="Line 2 of the journal") as raised:
        read(f"{line()}\n{broken}\n{line()}\n")
    assert fault in str(raised.value)


@given(reports)
def test_the_csv_has_a_row_a_finding_and_no_cell_is_a_formula(report):
    written = rows_of(to_csv(report))
    assert len(written) == len(report)
    for row in written:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_formula_becomes_text(start):
    formula = f'{start}HYPERLINK("https://example.com")'
    (row,) = rows_of(to_csv(Report.of([finding(why=formula)])))
    assert row["why"] == f"'{formula}"


def test_the_csv_keeps_columns_numbers_and_evidence():
    (row,) = rows_of(to_csv(Report.of([REFUSED])))
    assert list(row) == list(COLUMNS)
    assert json.loads(row["evidence"]) == dict(REFUSED.evidence)
    assert (row["account"], row["duration"], row["verdict"]) == ("333333333333", "0.0", "FAIL")


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_json_says_whether_all_is_well_and_how_many(report):
    document = json.loads(to_json(report))
    assert list(document) == ["schema", "ok", "counts", "findings"]
    assert (document["schema"], document["ok"]) == (1, report.ok)
    assert document["counts"] == {verdict.value: report.counts[verdict] for verdict in Verdict}
    assert document["findings"] == [row.to_dict() for row in report]
