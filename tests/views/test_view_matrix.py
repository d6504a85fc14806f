from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from report_examples import RED, REFUSED, SKIPPED, finding, findings, fleet

from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.views.matrix import matrix


def said(report):
    return [(len(row.accounts), row.said) for row in matrix(report).rows]


def test_accounts_with_the_same_verdicts_are_one_row_green_ones_first():
    assert said(fleet(999, red=12)) == [(987, "all green"), (12, "elasticmapreduce FAIL")]


def test_services_stand_in_the_order_of_the_steps():
    assert matrix(RED).services == (
        *("sts", "cloudformation", "ce"),
        *("ec2", "elasticmapreduce", "iam", "s3", "sagemaker", "ssm"),
    )


def test_a_cell_is_the_worst_verdict_of_its_service():
    skipped = matrix([SKIPPED, finding(action="ce:Other")]).rows[0]
    failed = matrix([finding(), REFUSED, finding(outcome=OutcomeKind.THROTTLED)]).rows[0]
    assert (skipped.cells, failed.cells) == ((Verdict.PASS,), (Verdict.FAIL,))


def test_what_was_not_asked_is_an_empty_cell():
    layout = matrix([finding(), finding(account="400000000000", action="s3:ListAllMyBuckets")])
    assert layout.services == ("elasticmapreduce", "s3")
    assert [row.cells for row in layout.rows] == [(Verdict.PASS, None), (None, Verdict.PASS)]


def test_many_services_are_counted():
    down = [finding(action=f"s{number}:Call", outcome=OutcomeKind.THROTTLED) for number in range(9)]
    assert said(Report.of([REFUSED, *down])) == [(1, "elasticmapreduce FAIL, 9 services UNKNOWN")]


def test_a_step_that_broke_off_has_a_column_of_its_own():
    assert matrix([finding(action="", step="trust")]).services == ("Trust",)


@given(st.lists(findings, max_size=8))
def test_every_account_is_in_one_row_and_a_row_is_as_bad_as_its_worst_finding(rows):
    layout = matrix(rows)
    held = [account for row in layout.rows for account in row.accounts]
    assert sorted(held) == sorted({row.account for row in rows})
    red = {row.account for row in rows if not row.verdict.green}
    assert {account for row in layout.rows if not row.verdict.green for account in row.accounts} == red
