from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.errors import NotGreen, RunError
from xacct_kit.report import COLUMNS, Expectation, Finding, OutcomeKind, Report, Verdict, judge

ALLOWED, DENIED = Expectation.ALLOWED, Expectation.DENIED
DENIALS = [kind for kind in OutcomeKind if kind.name.startswith("DENIED_")]
UNSETTLED = [
    OutcomeKind.CREDENTIALS,
    OutcomeKind.THROTTLED,
    OutcomeKind.VALIDATION,
    OutcomeKind.NETWORK,
    OutcomeKind.SERVICE_ERROR,
    OutcomeKind.UNKNOWN,
]
NOT_WORKING = [kind for kind in OutcomeKind if kind not in (OutcomeKind.ALLOWED, *DENIALS, *UNSETTLED)]


def finding(verdict: Verdict = Verdict.PASS, **changes: Any) -> Finding:
    row: dict[str, Any] = {
        "step": "permissions",
        "probe": "s3-list-buckets",
        "account": "333333333333",
        "region": "us-east-1",
        "caller": "CrossAccountExecutionRole",
        "service": "s3",
        "action": "s3:ListAllMyBuckets",
        "expected": ALLOWED,
        "outcome": OutcomeKind.ALLOWED,
        "why": "The role may list the buckets.",
        "evidence": {"code": "none"},
        **changes,
    }
    return Finding(verdict=verdict, **row)


@pytest.mark.parametrize(
    ("expected", "kinds", "verdict"),
    [
        (ALLOWED, [OutcomeKind.ALLOWED], Verdict.PASS),
        (ALLOWED, DENIALS, Verdict.FAIL),
        (ALLOWED, NOT_WORKING, Verdict.FAIL),
        (ALLOWED, UNSETTLED, Verdict.UNKNOWN),
        (DENIED, [OutcomeKind.ALLOWED], Verdict.FAIL),
        (DENIED, DENIALS, Verdict.PASS),
        (DENIED, NOT_WORKING, Verdict.UNKNOWN),
        (DENIED, UNSETTLED, Verdict.UNKNOWN),
    ],
    ids=[
        "allowed as expected",
        "denied though allowed is expected",
        "not working though allowed is expected",
        "nothing settled though allowed is expected",
        "allowed though a denial is expected",
        "denied as expected",
        "not working says nothing of a denial",
        "nothing settled says nothing of a denial",
    ],
)
def test_an_outcome_is_held_against_its_expectation(expected, kinds, verdict):
    assert {kind: judge(expected, kind) for kind in kinds} == dict.fromkeys(kinds, verdict)


@pytest.mark.parametrize("kind", OutcomeKind)
def test_only_a_denial_is_denied(kind):
    assert kind.denied is (kind in DENIALS)


@pytest.mark.parametrize(
    ("verdict", "green"),
    [(Verdict.PASS, True), (Verdict.SKIPPED, True), (Verdict.FAIL, False), (Verdict.UNKNOWN, False)],
)
def test_pass_and_skipped_are_green(verdict, green):
    assert verdict.green is green
    assert Report.of([finding(), finding(verdict)]).ok is green


def test_an_empty_report_is_not_ok():
    assert not Report().ok
    assert len(Report()) == 0


def test_counts_name_every_verdict_and_faults_are_those_that_are_not_green():
    report = Report.of(
        finding(verdict) for verdict in [Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL]
    )
    assert report.counts == {Verdict.PASS: 1, Verdict.FAIL: 2, Verdict.UNKNOWN: 1, Verdict.SKIPPED: 0}
    assert [row.verdict for row in report.faults] == [Verdict.FAIL, Verdict.UNKNOWN, Verdict.FAIL]


@given(st.lists(st.sampled_from(Verdict)), st.lists(st.sampled_from(Verdict)))
def test_reports_add_up_in_order(first, second):
    added = Report.of(map(finding, first)) + Report.of(map(finding, second))
    assert [row.verdict for row in added] == first + second
    assert sum(added.counts.values()) == len(added)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_finding_survives_json(verdict):
    row = finding(verdict, outcome=OutcomeKind.DENIED_SCP, duration=0.25, cost=0.01)
    assert Finding.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_a_row_has_the_columns_in_order_and_plain_values():
    row = finding().to_dict()
    assert tuple(row) == COLUMNS
    assert {type(value) for value in row.values()} == {str, dict, float, list}


def test_a_row_does_not_share_its_evidence():
    row = finding()
    row.to_dict()["evidence"]["code"] = "changed"
    assert row.evidence == {"code": "none"}


@pytest.mark.parametrize("rows", [[], [finding(), finding(Verdict.FAIL)]], ids=["empty", "two"])
def test_the_frame_has_a_row_a_finding_and_every_column(rows):
    frame = Report.of(rows).to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["verdict"]) == [row.verdict.value for row in rows]


def test_save_writes_the_same_files_each_time(tmp_path):
    report = Report.of([finding(), finding(Verdict.FAIL)])
    first, second = report.save(tmp_path / "runs" / "first"), report.save(str(tmp_path / "second"))
    names = ["findings.jsonl", "junit.xml", "report.csv", "report.html", "report.json", "summary.md"]
    assert sorted(path.name for path in first.iterdir()) == names
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]
    assert len((first / "findings.jsonl").read_text(encoding="utf-8").splitlines()) == len(report)


def test_a_report_that_is_saved_again_replaces_its_files_as_a_whole(tmp_path):
    Report.of([finding(why="x" * 10_000)]).save(tmp_path)
    with (tmp_path / "report.json").open(encoding="utf-8") as reading:
        begun = reading.read(100)
        Report.of([finding(Verdict.FAIL)]).save(tmp_path)
        assert "x" * 10_000 in begun + reading.read()
    assert not json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["ok"]


def test_a_report_that_cannot_be_written_leaves_what_was_there(tmp_path):
    Report.of([finding()]).save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TypeError):
        Report.of([finding(account=None)]).save(tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert after["report.html"] == before["report.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no largest size")
def test_a_disk_that_is_full_is_told_with_the_folder(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(RunError, match=f"The report cannot be saved: {tmp_path}: File too large"):
            Report.of([finding(why="x" * 10_000)]).save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_green_report_is_as_required_and_any_other_ends_in_one_line():
    Report.of([finding(), finding(Verdict.SKIPPED)]).require_green()
    for red, said in (
        (Report(), "0 checks: nothing was tried"),
        (
            Report.of([finding(), finding(Verdict.FAIL, outcome=OutcomeKind.DENIED_SCP, why="a\nb")]),
            "2 checks: 1 pass, 1 fail; s3:ListAllMyBuckets denied by a service control policy: 1 account",
        ),
        (
            Report.of([finding(Verdict.UNKNOWN, service="a\n"), finding(Verdict.FAIL, service="b")]),
            "2 checks: 1 fail, 1 unknown; s3:ListAllMyBuckets not as it should be: 1 account; and 1 cause "
            "more",
        ),
    ):
        with pytest.raises(NotGreen) as stopped:
            red.require_green()
        assert str(stopped.value) == said
        assert stopped.value._render_traceback_() == [said]


def test_a_report_shows_itself_as_text_and_in_a_notebook():
    report = Report.of([finding(Verdict.FAIL, why="A policy denies it.")])
    assert str(report) == repr(report)
    assert str(report).endswith("1 check: 1 fail")
    assert "A policy denies it." in report._repr_html_()
