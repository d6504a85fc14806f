"""What is known of a run while it runs."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.fleet.journal import Line
from xacct_kit.interactive.board import Board
from xacct_kit.interactive.step_clock import StepClock
from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict
from xacct_kit.views import words
from xacct_kit.views.matrix import matrix

ONE, OTHER = "333333333333", "400000000000"


def finding(
    account: str = ONE, service: str = "s3", verdict: Verdict = Verdict.PASS, **changes: Any
) -> Finding:
    row: dict[str, Any] = {
        "step": "permissions",
        "probe": f"{service}-list",
        "account": account,
        "region": "us-east-1",
        "caller": "CrossAccountExecutionRole",
        "service": service,
        "action": f"{service}:List",
        "expected": Expectation.ALLOWED,
        "outcome": OutcomeKind.ALLOWED if verdict.green else OutcomeKind.DENIED_IDENTITY,
        "verdict": verdict,
        "why": "It may." if verdict.green else f"No policy allows {service}:List.",
        **changes,
    }
    return Finding(**row)


def lines(*findings: Finding, last: bool = True) -> list[Line]:
    """The lines of an account's findings."""
    end = len(findings) - 1
    return [Line(each, place == 0, last and place == end) for place, each in enumerate(findings)]


def board_of(*many: Line, steps: tuple[str, ...] = ()) -> Board:
    board = Board(steps)
    for line in many:
        board.add(line)
    return board


def shown(board: Board) -> dict[tuple[str, str], str]:
    """The verdict of each account in each service, as a view reads it."""
    told = json.loads(json.dumps(board.changes(whole=True)))
    return {
        (account, service): words.SEVERITY[int(digits[number])]
        for account, digits, _ in told["rows"]
        for service, number in told["services"]
        if digits[number : number + 1] not in ("", ".")
    }


@given(
    st.lists(
        st.builds(
            finding,
            st.sampled_from([ONE, OTHER]),
            st.sampled_from(["s3", "ec2", "iam"]),
            st.sampled_from(list(Verdict)),
        )
    )
)
def test_a_cell_is_what_the_matrix_of_the_report_says(findings: list[Finding]) -> None:
    board = board_of(*(Line(each, first=False, last=False) for each in findings))
    laid = matrix(findings)
    cells = {
        (account, service): cell
        for row in laid.rows
        for account in row.accounts
        for service, cell in zip(laid.services, row.cells, strict=True)
        if cell
    }
    assert shown(board) == cells
    assert board.counts == Report.of(findings).counts


def test_only_what_has_changed_is_told() -> None:
    board = board_of(*lines(finding()))
    assert [row[0] for row in board.changes()["rows"]] == [ONE]
    assert board.changes()["rows"] == []
    for line in lines(finding(OTHER, verdict=Verdict.FAIL)):
        board.add(line)
    told = board.changes()
    assert told["rows"] == [(OTHER, "0", {0: [0]})]
    assert told["causes"] == [(0, 0, "s3:List denied by the identity policies")]


def test_accounts_with_one_cause_share_its_number() -> None:
    rows = [lines(finding(account, verdict=Verdict.FAIL)) for account in (ONE, OTHER)]
    told = board_of(*rows[0], *rows[1]).changes()
    assert [causes for _, _, causes in told["rows"]] == [{0: [0]}, {0: [0]}]
    assert len(told["causes"]) == 1


def test_an_account_that_is_done_again_stands_as_it_was_until_it_is_done() -> None:
    board = board_of(*lines(finding(verdict=Verdict.FAIL), finding(service="iam")))
    again = lines(finding(), finding(service="iam"))
    board.add(again[0])
    assert shown(board)[ONE, "s3"] == Verdict.FAIL
    board.add(again[1])
    assert shown(board)[ONE, "s3"] == Verdict.PASS
    assert board.counts[Verdict.FAIL] == 0


def test_an_account_is_through_a_step_that_has_told_something_of_it() -> None:
    preflight = finding(step="preflight")
    board = board_of(
        *lines(preflight, last=False), *lines(finding(OTHER)), steps=("preflight", "permissions")
    )
    assert board.progress() == (2, {"preflight": 2, "permissions": 1})


def test_what_is_left_out_goes_through_no_step() -> None:
    board = board_of(*lines(finding(step="targets", verdict=Verdict.SKIPPED)), steps=("permissions",))
    assert board.progress() == (0, {"permissions": 0})
    assert board.left_out == {ONE}


def test_a_step_begins_when_the_first_account_is_through_the_one_before() -> None:
    seconds = iter(range(0, 1000, 10))
    clock = StepClock(lambda: next(seconds))
    steps = ("preflight", "trust")
    before = clock.steps(steps, {}, accounts=2)
    assert [step["running"] for step in before] == [True, False]
    halfway = clock.steps(steps, {"preflight": 1}, accounts=2)
    assert [step["running"] for step in halfway] == [True, True]
    after = clock.steps(steps, {"preflight": 2, "trust": 2}, accounts=2)
    assert [step["running"] for step in after] == [False, False]
    assert [step["elapsed"] for step in clock.steps(steps, {"preflight": 2, "trust": 2}, accounts=2)] == [
        step["elapsed"] for step in after
    ]
