from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from report_examples import REFUSED, REPORTS, SKIPPED, finding, fleet, healthy, reports
from rich.cells import cell_len
from rich.console import Console

from xacct_kit.report import OutcomeKind, Report
from xacct_kit.views.text import WIDTH, to_rich, to_text


def painted(report, width, **options):
    console = Console(file=StringIO(), width=width, legacy_windows=False, **options)
    console.print(to_rich(report))
    return console.file.getvalue()


def test_a_healthy_account_reads_as_a_table_by_step():
    assert to_text(Report.of(healthy())) == (
        "Account 333333333333: 16 checks: 16 pass\n"
        "  Preflight as OrganizationAccountAccessRole: sts:AssumeRole\n"
        "    ✓ PASS     reach  The role may list the clusters.\n"
        "\n"
        "  Deploy as OrganizationAccountAccessRole: cloudformation:CreateChangeSet\n"
        "    ✓ PASS     stack  The stack is as the template says; nothing was changed.\n"
        "\n"
        "  Trust: sts:AssumeRole\n"
        "    ✓ PASS     assume-with-external-id     ApiHandlerRole          allowed\n"
        "    ✓ PASS     assume-with-external-id     WorkflowLoopRunnerRole  allowed\n"
        "    ✓ PASS     assume-without-external-id  ApiHandlerRole          denied, as it should be\n"
        "    ✓ PASS     assume-as-untrusted-role    NotebookRole            denied, as it should be\n"
        "\n"
        "  Cost Explorer as CrossAccountExecutionRole: ce:GetCostAndUsage\n"
        "    ✓ PASS     enabled  The role may list the clusters.\n"
        "\n"
        "  Permissions as CrossAccountExecutionRole\n"
        "    ✓ PASS     emr-list-clusters                  elasticmapreduce:ListClusters    allowed\n"
        "    ✓ PASS     sagemaker-list-notebook-instances  sagemaker:ListNotebookInstances  allowed\n"
        "    ✓ PASS     s3-list-buckets                    s3:ListAllMyBuckets              allowed\n"
        "    ✓ PASS     ce-get-cost-and-usage              ce:GetCostAndUsage               allowed\n"
        "    ✓ PASS     cloudformation-describe-stacks     cloudformation:DescribeStacks    allowed\n"
        "    ✓ PASS     ec2-describe-instances             ec2:DescribeInstances            allowed\n"
        "    ✓ PASS     iam-get-role                       iam:GetRole                      allowed\n"
        "    ✓ PASS     ssm-describe-parameters            ssm:DescribeParameters           allowed\n"
        "    ✓ PASS     sts-get-caller-identity            sts:GetCallerIdentity            allowed\n"
        "\n"
        "16 checks: 16 pass"
    )


def test_what_is_not_green_is_told_below_the_table_with_why_and_fix():
    assert to_text(Report.of([REFUSED])).splitlines() == [
        "Account 333333333333: 1 check: 1 fail",
        "  Permissions as CrossAccountExecutionRole: elasticmapreduce:ListClusters",
        "    ✗ FAIL     emr-list-clusters  denied by a service control policy",
        "",
        "✗ FAIL     emr-list-clusters: CrossAccountExecutionRole asked for elasticmapreduce:ListClusters in",
        "           333333333333, us-east-1: denied by a service control policy",
        "  why      A service control policy denies elasticmapreduce:ListClusters.",
        "  fix      Take elasticmapreduce out of the Deny statement of policy p-0example.",
        "",
        "1 check: 1 fail",
    ]


def test_a_skipped_check_says_why_in_its_row():
    text = to_text(Report.of([SKIPPED]))
    assert "\N{EN DASH} SKIPPED  ce-get-cost-and-usage  not tried: The budget does not cover" in text


def test_an_empty_report_says_that_nothing_was_tried():
    assert to_text(Report()) == "0 checks: nothing was tried"


def test_text_has_no_durations_costs_or_evidence():
    slow = replace(REFUSED, duration=12.75, cost=0.01, evidence={"request_id": "7d9f"})
    assert to_text(Report.of([slow])) == to_text(Report.of([REFUSED]))


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_text_is_the_same_in_every_terminal(report, monkeypatch):
    plain = to_text(report)
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert to_text(report) == plain


@pytest.mark.parametrize("report", [*REPORTS.values(), fleet(7, red=2)], ids=[*REPORTS, "fleet"])
def test_text_stays_within_its_width(report):
    assert max(cell_len(line) for line in to_text(report).splitlines()) <= WIDTH


@given(reports)
def test_whatever_findings_hold_no_control_character_reaches_the_terminal(report):
    assert all(line.isprintable() for line in to_text(report).split("\n"))


def test_an_escape_sequence_in_an_answer_is_made_visible():
    text = to_text(Report.of([replace(REFUSED, why="denied\x1b]0;title\x07\nby\ta policy")]))
    assert "why      denied\ufffd]0;title\ufffd by a policy" in text


def test_of_many_accounts_those_alike_are_a_line_and_what_is_not_green_is_told_by_its_cause():
    assert to_text(fleet(1_000, red=212)).splitlines() == [
        "1,000 accounts",
        "  ✓ PASS        788 accounts  all green: 400000000212, 400000000213, 400000000214 and 785 more",
        "  ✗ FAIL        212 accounts  elasticmapreduce FAIL: "
        "400000000000, 400000000001, 400000000002 and 209 more",
        "",
        "✗ FAIL     elasticmapreduce:ListClusters denied by a service control policy: 212 accounts",
        "  why      The role may list the clusters.",
        "  in       400000000000, 400000000001, 400000000002 and 209 more",
        "",
        "16,212 checks: 16,000 pass, 212 fail",
    ]


def test_an_account_of_which_all_was_skipped_is_not_said_to_pass():
    skipped = Report.of([replace(SKIPPED, account="500000000000")])
    assert "\N{EN DASH} SKIPPED        1 account  all skipped: 500000000000\n" in to_text(fleet(6) + skipped)


def test_of_many_patterns_and_causes_the_first_are_shown_and_the_others_counted():
    odd = [
        finding(account=f"{number:012}", action=f"s{number}:Call", outcome=OutcomeKind.QUOTA)
        for number in range(30)
    ]
    lines = to_text(Report.of(odd)).splitlines()
    assert "  and 10 accounts more: see report.csv" in lines
    assert "  and 10 causes more: see report.csv" in lines
    assert sum(line.startswith("✗ FAIL") for line in lines) == 20


def test_colour_comes_with_a_sign():
    shown = painted(REPORTS["red"], 110, force_terminal=True, color_system="standard")
    for sign in ("\x1b[32m✓ PASS", "\x1b[1;31m✗ FAIL", "\x1b[1;33m? UNKNOWN", "\x1b[2m\N{EN DASH} SKIPPED"):
        assert sign in shown


@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_a_console_of_any_width_shows_every_word(width):
    def words(text):
        return sorted(text.split())

    report = Report.of([*healthy(), REFUSED, SKIPPED])
    assert words(painted(report, width)) == words(to_text(report))


def test_a_wide_console_says_the_same_as_the_text():
    lines = (line.rstrip() for line in painted(REPORTS["red"], WIDTH).splitlines())
    assert "\n".join(lines) == to_text(REPORTS["red"])


def test_where_callers_differ_each_row_names_its_own():
    one, other = finding(), finding(caller="ApiHandlerRole", outcome=OutcomeKind.DENIED_IDENTITY)
    text = to_text(Report.of([one, other]))
    assert "  Permissions: elasticmapreduce:ListClusters\n" in text
    assert "emr-list-clusters  ApiHandlerRole             denied by the identity policies" in text
