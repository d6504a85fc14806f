from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import HEALTHY, REFUSED, SKIPPED, THROTTLED, finding, findings, fleet

from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.views.diff import Change, diff, to_json, to_text

GREEN = finding()
OTHER = finding(account="400000000000")
UNKNOWN = finding(outcome=OutcomeKind.THROTTLED, why="AWS throttled the call.")
NOT_TRIED = finding(outcome=OutcomeKind.UNKNOWN, verdict=Verdict.SKIPPED)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ([GREEN], [GREEN], Change.SAME),
        ([GREEN], [REFUSED], Change.BROKE),
        ([GREEN], [UNKNOWN], Change.BROKE),
        ([REFUSED], [GREEN], Change.HEALED),
        ([UNKNOWN], [GREEN], Change.HEALED),
        ([REFUSED], [REFUSED], Change.SAME),
        ([REFUSED], [UNKNOWN], Change.CHANGED),
        ([REFUSED], [replace(REFUSED, why="Another policy denies it.")], Change.CHANGED),
        ([], [GREEN], Change.NEW),
        ([], [REFUSED], Change.NEW),
        ([GREEN], [], Change.GONE),
        ([REFUSED], [], Change.GONE),
        ([GREEN], [NOT_TRIED], Change.GONE),
        ([REFUSED], [NOT_TRIED], Change.GONE),
        ([NOT_TRIED], [REFUSED], Change.NEW),
        ([NOT_TRIED], [GREEN], Change.NEW),
    ],
    ids=[
        *("green twice", "fails now", "not known now", "passes now", "known and passes now"),
        *("fails twice", "failed and is not known now", "fails for another reason"),
        *("new and green", "new and fails", "green and gone", "failed and gone"),
        *("skipped now", "failed and is skipped now", "skipped and fails now", "skipped and passes now"),
    ],
)
def test_what_became_of_a_check(old, new, change):
    found = diff(old, new)
    assert {each: count for each, count in found.checks.items() if count} == {change: 1}


@pytest.mark.parametrize(
    ("old", "new", "well"),
    [
        ([GREEN], [GREEN], True),
        ([GREEN], [REFUSED], False),
        ([GREEN], [UNKNOWN], False),
        ([REFUSED], [GREEN], True),
        ([REFUSED], [UNKNOWN], True),
        ([], [REFUSED], True),
        ([GREEN, OTHER], [GREEN], False),
        ([GREEN, OTHER], [GREEN, replace(OTHER, verdict=Verdict.SKIPPED)], False),
        ([GREEN, replace(GREEN, step="deploy")], [GREEN], True),
        ([GREEN, replace(REFUSED, account=GREEN.account)], [GREEN], True),
        ([REFUSED], [], False),
        ([REFUSED], [NOT_TRIED], False),
        ([], [], False),
    ],
    ids=[
        *("the same", "broke", "broke for all that is known", "healed", "not worse", "new"),
        *("an account is gone", "an account is skipped", "a step is gone", "a fault is gone"),
        *("nothing was found", "nothing was tried", "nothing at all"),
    ],
)
def test_it_is_well_where_nothing_broke_and_every_account_was_tried(old, new, well):
    assert diff(old, new).ok is well


def test_checks_are_matched_by_what_was_asked_and_not_by_their_order():
    old = fleet(3)
    new = Report.of(reversed(old.findings))
    assert diff(old, new).checks[Change.SAME] == len(old)


@pytest.mark.parametrize("column", ["account", "step", "probe", "caller", "action", "region"])
def test_a_check_of_something_else_is_another_check(column):
    checks = diff([GREEN], [replace(GREEN, **{column: "other"})]).checks
    assert (checks[Change.NEW], checks[Change.GONE], checks[Change.SAME]) == (1, 1, 0)


def test_a_check_that_stands_twice_is_compared_twice():
    assert diff([GREEN, GREEN], [GREEN, REFUSED]).checks[Change.BROKE] == 1


def test_what_broke_in_many_accounts_is_one_cause():
    healthy = fleet(300)
    denied = {f"{400_000_000_000 + number}" for number in range(212)}
    new = Report.of(
        replace(REFUSED, account=row.account) if row.account in denied and row.probe == REFUSED.probe else row
        for row in healthy
    )
    (shift,) = diff(healthy, new).shifts[Change.BROKE]
    assert set(shift.cause.accounts) == denied
    (healed,) = diff(new, healthy).shifts[Change.HEALED]
    assert healed.cause == shift.cause


def test_it_is_told_by_change_what_broke_first():
    gone = finding(account="500000000000")
    old = Report.of([*HEALTHY, THROTTLED, replace(REFUSED, account="600000000000"), gone])
    broken = (replace(REFUSED, account=row.account) if row.probe == REFUSED.probe else row for row in HEALTHY)
    new = Report.of([*broken, replace(THROTTLED, why="AWS is busy."), finding(account="600000000000")])
    assert to_text(diff(old, new)).splitlines() == [
        "Broke: 2 checks",
        "✗ FAIL     elasticmapreduce:ListClusters denied by a service control policy: 2 accounts",
        "  why      A service control policy denies elasticmapreduce:ListClusters.",
        "  fix      Take elasticmapreduce out of the Deny statement of policy p-0example.",
        "  in       333333333333, 400000000000",
        "",
        "Still not green, for another cause: 1 check",
        "? UNKNOWN  iam:GetRole throttled: 1 account",
        "  was      iam:GetRole throttled",
        "  why      AWS is busy.",
        "  fix      Probe again with fewer workers.",
        "  in       333333333333",
        "",
        "Gone: 1 check, 1 green",
        "  untried  500000000000",
        "",
        "Healed: 1 check",
        "  was      FAIL elasticmapreduce:ListClusters denied by a service control policy: 1 account",
        "  in       600000000000",
        "",
        "35 checks: 2 broke, 1 changed, 1 gone, 1 healed, 30 same",
    ]


def test_of_many_causes_the_first_are_shown_and_the_others_counted():
    new = [replace(REFUSED, account=f"{number:012}", why=f"Reason {number}x.") for number in range(30)]
    found = diff([], new)
    assert "  and 10 causes more: --format json has them all\n" in to_text(found)
    assert len(json.loads(to_json(found))["new"]) == 30


def test_two_runs_of_nothing_do_not_differ():
    assert to_text(diff(Report(), Report([SKIPPED]))) == "0 checks: none"


def test_json_says_whether_all_is_well_how_many_and_which():
    document = json.loads(to_json(diff([GREEN, UNKNOWN], [REFUSED, replace(UNKNOWN, why="AWS is busy.")])))
    assert (document["schema"], document["ok"]) == (1, False)
    assert document["counts"] == {"broke": 1, "changed": 1, "new": 0, "gone": 0, "healed": 0, "same": 0}
    (broke,), (changed,) = document["broke"], document["changed"]
    assert (broke["accounts"], broke["verdict"], broke["outcome"]) == (
        ["333333333333"],
        "FAIL",
        "DENIED_SCP",
    )
    assert changed["before"]["why"] == "AWS throttled the call."
    assert document["untried"] == []


def test_accounts_in_which_nothing_was_tried_are_named():
    rows = [replace(GREEN, account=f"{number:012}", probe=probe) for number in (2, 1) for probe in "ba"]
    document = json.loads(to_json(diff([*rows, REFUSED], [REFUSED])))
    assert document["untried"] == ["000000000001", "000000000002"]


@given(st.lists(findings, max_size=4), st.lists(findings, max_size=4))
def test_what_is_told_both_ways_round_is_opposite(old, new):
    there, back = diff(old, new).checks, diff(new, old).checks
    for one, other in (("BROKE", "HEALED"), ("NEW", "GONE"), ("CHANGED", "CHANGED"), ("SAME", "SAME")):
        assert there[Change[one]] == back[Change[other]]


@given(st.lists(findings, max_size=5))
def test_a_run_does_not_differ_from_itself(rows):
    found = diff(rows, rows)
    assert found.ok is any(row.verdict is not Verdict.SKIPPED for row in rows)
    assert found.checks[Change.SAME] == sum(found.checks.values())
