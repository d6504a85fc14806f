from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from report_examples import EMPTY, HEALTHY, RED, REFUSED, REPORTS, SKIPPED, THROTTLED, finding, fleet, reports

import xacct_kit as xk
from xacct_kit.errors import RequestError, RunError
from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.views import pictures
from xacct_kit.views.pictures import Run, Spent, runs, spent

FLEET = fleet(30, red=12) + Report.of([replace(THROTTLED, account="400000000025")])
MAKERS = {
    "matrix": pictures.matrix,
    "causes": pictures.causes,
    "spending": pictures.spending,
    "trend": lambda report: pictures.trend([report, report]),
    "trust": pictures.trust,
}
each_maker = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)

PNG = b"\x89PNG\r\n\x1a\n"


def width_of(png: bytes) -> int:
    return int.from_bytes(png[16:20])


def height_of(png: bytes) -> int:
    return int.from_bytes(png[20:24])


# What they say


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (
            pictures.matrix(FLEET),
            """\
Verdicts by account and service
  ✓ PASS    17 accounts: all green
  ✗ FAIL    12 accounts: elasticmapreduce FAIL
  ? UNKNOWN 400000000025: iam UNKNOWN
  Services: sts, cloudformation, ce, ec2, elasticmapreduce, iam, s3, sagemaker, ssm""",
        ),
        (
            pictures.causes(FLEET),
            """\
What is not green, by cause
  ✗ FAIL    elasticmapreduce:ListClusters denied by a service control policy: 12 checks in 12 accounts
  ? UNKNOWN iam:GetRole throttled: 1 check in 1 account""",
        ),
        (
            pictures.spending(Report.of([REFUSED, SKIPPED, finding(action="ce:GetCostAndUsage", cost=0.01)])),
            """\
Time and cost by service
  ce: 1 check, US$0.01
  elasticmapreduce: 1 check
  In all: 2 checks, US$0.01""",
        ),
        (
            pictures.trend({"May": fleet(12, red=9), "June": fleet(1_200, red=4), "July": EMPTY}),
            """\
Accounts from run to run
  May: 12 accounts: 3 pass, 9 fail
  June: 1,200 accounts: 1,196 pass, 4 fail
  July: 0 accounts: nothing was tried""",
        ),
        (
            pictures.trust(RED),
            """\
Who can assume the role
  Account 333333333333
    ✗ FAIL    NotebookRole, with the external ID: allowed
    ✗ FAIL    NotebookRole assumed the role, and the profile says that it must not.
  Account 400000000000
    ✓ PASS    ApiHandlerRole, with the external ID: allowed
    ✓ PASS    ApiHandlerRole, without an external ID: refused
    ✓ PASS    WorkflowLoopRunnerRole, with the external ID: allowed
    ✓ PASS    NotebookRole, with the external ID: refused""",
        ),
        (pictures.matrix(EMPTY), "Verdicts by account and service\n  Nothing was tried."),
        (pictures.causes(EMPTY), "What is not green, by cause\n  Nothing was tried."),
        (pictures.causes(Report.of([SKIPPED])), "What is not green, by cause\n  Nothing was tried."),
        (pictures.causes(HEALTHY), "What is not green, by cause\n  Everything is as it should be."),
        (pictures.spending(Report.of([SKIPPED])), "Time and cost by service\n  Nothing was tried."),
        (pictures.trend([]), "Accounts from run to run\n  Nothing was tried."),
        (
            pictures.trust(Report.of([REFUSED])),
            "Who can assume the role\n  Nobody tried to assume the role.",
        ),
    ],
    ids=lambda value: value.title if isinstance(value, pictures.Picture) else "",
)
def test_a_picture_says_in_words_what_it_shows(picture, said):
    assert str(picture) == said


@each_maker
def test_the_words_are_the_same_however_long_the_calls_took(maker):
    slow = Report.of(
        replace(row, duration=12.75, evidence={**row.evidence, "request_id": "7d9f"}) for row in RED
    )
    assert str(maker(slow)) == str(maker(RED))


def test_what_a_service_took_is_summed_less_what_was_skipped():
    rows = [
        finding(duration=0.5),
        finding(duration=1.25, outcome=OutcomeKind.THROTTLED),
        finding(step="cost_explorer", action="ce:GetCostAndUsage", duration=0.25, cost=0.01),
        finding(step="cost_explorer", action="ce:GetCostAndUsage", duration=0.25, cost=0.01),
        SKIPPED,
        finding(step="trust", action="", duration=1.0),
    ]
    assert spent(rows) == [
        Spent(service="Trust", checks=1, seconds=1.0, cost=0.0),
        Spent(service="ce", checks=2, seconds=0.5, cost=0.02),
        Spent(service="elasticmapreduce", checks=2, seconds=1.75, cost=0.0),
    ]


def test_a_run_counts_accounts_by_their_worst_verdict():
    after = fleet(4, red=1) + Report.of([replace(THROTTLED, account="400000000003"), SKIPPED])
    assert runs([fleet(2), after]) == [
        Run(name="run 1", accounts={Verdict.PASS: 2}),
        Run(name="run 2", accounts={v: 2 if v == "PASS" else 1 for v in Verdict}),
    ]


def test_runs_that_were_read_from_folders_have_their_names(tmp_path):
    for name in ("2026-05", "2026-06"):
        RED.save(tmp_path / name)
    read = [xk.read_journal(str(tmp_path / name)) for name in ("2026-05", "2026-06")]
    assert [run.name for run in runs([*read, read[0], RED])] == ["2026-05", "2026-06", "run 3", "run 4"]


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (pictures.trend([fleet(1)] * 25), "before: 5 runs"),
        (
            pictures.causes(
                finding(account=f"{n:012}", why=f"Reason {n}x.", outcome=OutcomeKind.QUOTA) for n in range(15)
            ),
            "and 5 causes more, of 5 checks",
        ),
        (
            pictures.spending(finding(action=f"s{n:02}:Call") for n in range(30)),
            "11 other services: 11 checks",
        ),
        (
            pictures.matrix(finding(account=f"{n:012}", action=f"s{n}:Call") for n in range(25)),
            "and 5 accounts with other patterns",
        ),
        (
            pictures.trust(
                finding(step="trust", account=f"{n:012}", caller=f"Role{n}", action="sts:AssumeRole")
                for n in range(9)
            ),
            "and 5 accounts with other patterns",
        ),
    ],
    ids=["runs", "causes", "services", "patterns", "trusts"],
)
def test_what_is_left_out_is_counted(picture, said):
    assert said in picture.lines
    assert width_of(picture.to_png()) == 800


# What they are


@each_maker
@pytest.mark.parametrize("report", [*REPORTS.values(), FLEET], ids=[*REPORTS, "fleet"])
def test_a_report_is_drawn_as_png_and_svg(maker, report, tmp_path):
    picture = maker(report)
    drawn = picture.save(tmp_path / "new" / "picture.png").read_bytes()
    assert drawn.startswith(PNG)
    assert (width_of(drawn), height_of(drawn) < 2_000) == (800, True)
    assert picture.title in picture.save(tmp_path / "picture.svg").read_text(encoding="utf-8")


@settings(max_examples=15)
@given(reports)
def test_whatever_findings_hold_can_be_drawn(report):
    for maker in MAKERS.values():
        picture = maker(report)
        assert picture.to_png().startswith(PNG)
        assert all(line.isprintable() for line in str(picture).split("\n"))


@each_maker
def test_a_dollar_begins_no_formula_and_a_letter_may_be_missing(maker):
    odd = [replace(row, caller="$x$ \\alpha", why="${id} $y^2$ 帐户", service="$_{") for row in RED]
    assert "帐户" in str(pictures.trust(odd))
    assert "<svg" in maker(Report.of(odd)).to_svg()


@each_maker
def test_the_same_report_gives_the_same_svg(maker):
    drawn = maker(FLEET).to_svg()
    assert drawn == maker(Report.of(FLEET)).to_svg()
    assert "dc:date" not in drawn


@each_maker
def test_a_notebook_gets_the_picture_its_words_and_no_html(maker):
    picture = maker(RED)
    data, metadata = picture._repr_mimebundle_()
    assert data.keys() == {"image/png", "text/plain"}
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    assert data["text/plain"] == str(picture) == repr(picture)
    assert metadata["image/png"] == {"width": 800, "alt": picture.alt}
    # A notebook with all pictures of a report is still small.
    assert len(data["image/png"]) < 80_000


def test_who_cannot_see_it_is_told_its_title_and_first_lines():
    picture = pictures.causes(FLEET)
    assert picture.alt.startswith(
        "What is not green, by cause; ✗ FAIL    elasticmapreduce:ListClusters denied"
    )
    assert pictures.trend([fleet(1)] * 9).alt.endswith("run 6: 1 account: 1 pass; and 3 lines more")
    marked = pictures.trend({'"><script>': fleet(1)})
    assert "<script>" not in marked.to_html()
    assert marked.to_html().startswith(
        '<img alt="Accounts from run to run; &quot;&gt;&lt;script&gt;: 1 account'
    )


def test_a_picture_is_saved_as_what_its_name_says_or_not_at_all(tmp_path):
    picture = pictures.matrix(RED)
    with pytest.raises(RequestError, match=r"picture\.gif: a picture is saved as \.png or \.svg"):
        picture.save(tmp_path / "picture.gif")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be saved"):
        picture.save(tmp_path / "file" / "picture.png")


def test_settings_of_somebody_else_change_nothing_and_are_left_alone():
    import matplotlib

    plain = pictures.matrix(RED).to_png()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "figure.dpi": 30}):
        assert pictures.matrix(RED).to_png() == plain
        assert matplotlib.rcParams["font.size"] == 20


def test_matplotlib_is_loaded_only_to_draw_and_without_its_global_state():
    code = """
import sys, xacct_kit as xk
picture = xk.pictures.matrix(xk.Report())
assert "matplotlib" not in sys.modules
picture.to_png()
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
