from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import HEALTHY, finding, findings, fleet, healthy

from xacct_kit.report import Expectation, OutcomeKind, Report, Verdict
from xacct_kit.views.trust_diagram import diagrams
from xacct_kit.views.trust_layout import WIDTH, layout, shortened

MAIN, MEMBER = "222222222222", "333333333333"
ROLE_ARN = f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole"


def asked(caller: str, principal: str = "", **changes):
    parties = {"principal": principal, "role": ROLE_ARN} if principal else {}
    row = {"step": "trust", "probe": "assume-with-external-id", "action": "sts:AssumeRole", **changes}
    return finding(caller=caller, evidence=parties, **row)


API = asked("ApiHandlerRole", f"arn:aws:iam::{MAIN}:role/ApiHandlerRole")
BROKEN = asked(
    "WorkflowLoopRunnerRole",
    f"arn:aws:iam::{MAIN}:role/WorkflowLoopRunnerRole",
    outcome=OutcomeKind.DENIED_TRUST,
    why="The trust policy does not name WorkflowLoopRunnerRole.",
)
ROOT = asked("OrganizationAccountAccessRole", f"arn:aws:iam::{MEMBER}:root")
KEPT_OUT = asked(
    "ApiHandlerRole",
    f"arn:aws:iam::{MAIN}:role/ApiHandlerRole",
    probe="assume-without-external-id",
    expected=Expectation.DENIED,
    outcome=OutcomeKind.DENIED_TRUST,
)
SKIPPED = asked("NotebookRole", outcome=OutcomeKind.UNKNOWN, verdict=Verdict.SKIPPED, why="Not tried.")
ALL = [API, BROKEN, ROOT, KEPT_OUT, SKIPPED]


def test_who_asked_is_whose_the_findings_say():
    (diagram,) = diagrams(ALL)
    assert diagram.role == "CrossAccountExecutionRole"
    assert [(asker.name, asker.place, asker.member) for asker in diagram.askers] == [
        ("ApiHandlerRole", "main account 222222222222", False),
        ("WorkflowLoopRunnerRole", "main account 222222222222", False),
        ("OrganizationAccountAccessRole", "root of the member account", True),
        ("NotebookRole", "", False),
    ]


def test_a_way_is_what_came_of_it_and_whether_it_should_have():
    (diagram,) = diagrams(ALL)
    ways = [
        (way.how, way.came, way.allowed, way.verdict) for asker in diagram.askers for way in asker.attempts
    ]
    assert ways == [
        ("with the external ID", "allowed", True, Verdict.PASS),
        ("without an external ID", "refused", False, Verdict.PASS),
        ("with the external ID", "refused", False, Verdict.FAIL),
        ("with the external ID", "allowed", True, Verdict.PASS),
        ("with the external ID", "not tried", None, Verdict.SKIPPED),
    ]


@pytest.mark.parametrize(
    ("outcome", "came"),
    [
        (OutcomeKind.NOT_FOUND, "not found"),
        (OutcomeKind.THROTTLED, "throttled"),
        (OutcomeKind.CREDENTIALS, "no valid credentials"),
    ],
)
def test_what_was_not_answered_is_neither_allowed_nor_refused(outcome, came):
    (diagram,) = diagrams([asked("ApiHandlerRole", outcome=outcome)])
    (way,) = diagram.askers[0].attempts
    assert (way.came, way.allowed) == (came, None)


def test_a_broken_way_has_its_reason_and_a_whole_one_has_none():
    assert diagrams(ALL)[0].reasons == (
        (Verdict.FAIL, "The trust policy does not name WorkflowLoopRunnerRole."),
    )
    assert [diagram.reasons for diagram in diagrams(HEALTHY)] == [()]


def test_accounts_that_are_alike_are_one_diagram_and_the_worst_comes_first():
    found = diagrams(fleet(1_000) + Report.of(ALL))
    assert [(diagram.verdict, diagram.title) for diagram in found] == [
        (Verdict.FAIL, "Account 333333333333"),
        (Verdict.PASS, "1,000 accounts alike: 400000000000, 400000000001, 400000000002 and 997 more"),
    ]


def test_accounts_that_fail_for_other_reasons_are_not_alike():
    other = replace(BROKEN, account="400000000000", why="There is no such role.")
    same = replace(BROKEN, account="400000000001", why=BROKEN.why)
    assert [diagram.accounts for diagram in diagrams([BROKEN, other, same])] == [
        (MEMBER, "400000000001"),
        ("400000000000",),
    ]


def test_checks_of_other_steps_are_no_ways():
    assert diagrams([row for row in healthy() if row.step != "trust"]) == []


def test_main_stands_on_the_left_and_the_member_account_on_the_right():
    (diagram,) = diagrams(ALL)
    role, *boxes = layout(diagram).boxes
    assert [box.lines[0].text for box in boxes if box.x < role.x] == [
        *("ApiHandlerRole", "WorkflowLoopRunnerRole", "NotebookRole")
    ]
    assert [box.lines[0].text for box in boxes if box.x > role.x] == ["OrganizationAccountAccessRole"]
    assert [arrow.ahead for arrow in layout(diagram).arrows] == [1, 1, 1, 1, -1]


@given(st.lists(findings.map(lambda row: replace(row, step="trust", caller=row.caller or "x")), min_size=1))
def test_every_way_begins_at_who_asks_and_ends_at_the_role_and_no_box_covers_another(rows):
    for diagram in diagrams(rows):
        laid_out = layout(diagram)
        role, *boxes = laid_out.boxes
        ways = [way for asker in diagram.askers for way in asker.attempts]
        assert sorted(map(id, ways)) == sorted(id(arrow.attempt) for arrow in laid_out.arrows)
        assert all(0 <= arrow.y <= laid_out.height for arrow in laid_out.arrows)
        assert {arrow.end for arrow in laid_out.arrows} <= {role.x, role.x + role.width}
        assert all(
            box.x + box.width <= WIDTH and box.y + box.height <= laid_out.height + 0.01 for box in boxes
        )
        assert all(one.x != other.x or one.y + one.height < other.y for one, other in pairwise(boxes))


def test_a_long_name_is_shortened_in_its_middle():
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcde…hijk"
    assert len(shortened("x" * 64)) == 29


def test_a_report_in_pieces_is_the_same():
    assert diagrams(iter(ALL)) == diagrams(Report.of(ALL))
