from __future__ import annotations

import pytest
from report_examples import REPORTS, SKIPPED, finding, fleet

from xacct_kit.report import Expectation, OutcomeKind, Report, Verdict
from xacct_kit.views import words

DENIED = Expectation.DENIED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "allowed"),
        ({"verdict": Verdict.FAIL}, "not as it should be"),
        ({"outcome": OutcomeKind.DENIED_SCP}, "denied by a service control policy"),
        ({"outcome": OutcomeKind.THROTTLED}, "throttled"),
        ({"expected": DENIED, "outcome": OutcomeKind.DENIED_BOUNDARY}, "denied, as it should be"),
        (
            {"expected": DENIED, "outcome": OutcomeKind.DENIED_TRUST, "verdict": Verdict.UNKNOWN},
            "denied, which proves nothing",
        ),
        ({"expected": DENIED}, "allowed, but should be denied"),
        ({"expected": DENIED, "outcome": OutcomeKind.NETWORK}, "no connection, but should be denied"),
        ({"outcome": OutcomeKind.UNKNOWN, "verdict": Verdict.SKIPPED}, "not tried"),
        ({"outcome": OutcomeKind.DATA_PENDING, "verdict": Verdict.SKIPPED}, "data not ready yet"),
        ({"outcome": OutcomeKind.UNKNOWN, "evidence": {"code": "Odd"}}, "answer not known"),
        ({"outcome": OutcomeKind.UNKNOWN}, "not tried"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_came_back_is_said_against_what_should(changes, said):
    assert words.came_back(finding(**changes)) == said


@pytest.mark.parametrize("kind", OutcomeKind)
def test_every_outcome_has_words_of_its_own_and_only_a_denial_is_called_denied(kind):
    phrases = {other: words.came_back(finding(outcome=other)) for other in OutcomeKind}
    assert list(phrases.values()).count(phrases[kind]) == 1
    assert phrases[kind].startswith("denied") is kind.denied


def test_every_verdict_has_a_sign_of_its_own():
    assert len({words.SIGNS[verdict] for verdict in Verdict}) == len(Verdict)


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (REPORTS["healthy"], "32 checks: 32 pass"),
        (REPORTS["red"], "20 checks: 16 pass, 2 fail, 1 unknown, 1 skipped"),
        (Report.of([SKIPPED]), "1 check: 1 skipped"),
        (fleet(100), "1,600 checks: 1,600 pass"),
        (REPORTS["empty"], "0 checks: nothing was tried"),
    ],
    ids=["healthy", "red", "one", "many", "empty"],
)
def test_one_line_counts(report, line):
    assert words.count_line(report) == line


def test_accounts_ascend_steps_follow_the_run_and_a_step_keeps_its_order():
    rows = [
        finding(account="400000000000", step="permissions", probe="b"),
        finding(account="400000000000", step="unheard_of", probe="c"),
        finding(account="333333333333"),
        finding(account="400000000000", step="permissions", probe="a"),
        finding(account="400000000000", step="preflight", probe="d"),
    ]
    grouped = words.by_account(Report.of(rows))
    assert list(grouped) == ["333333333333", "400000000000"]
    assert [row.probe for row in grouped["400000000000"]] == ["d", "b", "a", "c"]


def test_a_step_that_the_table_does_not_name_has_a_heading():
    assert words.step_title("cost_explorer") == "Cost Explorer"
    assert words.step_title("left_over") == "Left over"


def test_asked_names_the_region_only_where_there_is_one():
    assert words.asked(finding()).endswith("in 333333333333, us-east-1")
    assert words.asked(finding(region="")).endswith("in 333333333333")


def test_asked_names_the_step_where_no_action_was_asked_for():
    assert (
        words.asked(finding(step="cost_explorer", action="")).split(" in ")[0].endswith("for Cost Explorer")
    )
