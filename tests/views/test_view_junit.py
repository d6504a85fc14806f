"""JUnit XML: what Jenkins and GitLab read, of every report."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from report_examples import EMPTY, HEALTHY, RED, REFUSED, REPORTS, finding, fleet, healthy, reports

from xacct_kit.report import Report, Verdict
from xacct_kit.views.junit import junit_parts

# Of each element: the attributes that it must have, those that it may have, and what may be in it.
# https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
_RESULT = (set[str](), {"type", "message"}, set[str]())
GRAMMAR: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": _RESULT,
    "error": _RESULT,
    "skipped": _RESULT,
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
ELEMENTS = {"failure": Verdict.FAIL, "error": Verdict.UNKNOWN, "skipped": Verdict.SKIPPED}


def parsed(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring("".join(junit_parts(report)).encode())


def check_grammar(element: ElementTree.Element) -> None:
    required, optional, inside = GRAMMAR[element.tag]
    assert required <= set(element.keys()) <= required | optional
    assert TIME.fullmatch(element.get("time", "0"))
    for child in element:
        assert child.tag in inside
        check_grammar(child)


def verdict(case: ElementTree.Element) -> Verdict:
    return next((ELEMENTS[child.tag] for child in case), Verdict.PASS)


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_grammar_is_that_of_ci_servers(report: Report) -> None:
    check_grammar(parsed(report))


@given(reports)
def test_whatever_a_finding_says_it_is_a_case_that_can_be_read(report: Report) -> None:
    root = parsed(report)
    check_grammar(root)
    assert Counter(map(verdict, root.iter("testcase"))) == Counter(row.verdict for row in report)


@pytest.mark.parametrize("report", [HEALTHY, RED, HEALTHY + RED], ids=["healthy", "red", "both"])
def test_a_suite_is_an_account_and_its_numbers_are_those_of_its_cases(report: Report) -> None:
    root = parsed(report)
    assert sorted(suite.get("name", "") for suite in root) == sorted({row.account for row in report})
    for part in (root, *root):
        counted = Counter(map(verdict, part.iter("testcase")))
        numbers = {"tests": counted.total(), "failures": counted["FAIL"], "errors": counted["UNKNOWN"]}
        if part.tag == "testsuite":
            numbers["skipped"] = counted["SKIPPED"]
        assert {name: int(part.get(name, "")) for name in numbers} == numbers
    assert float(root.get("time", "")) == pytest.approx(sum(row.duration for row in report))


def test_a_case_is_a_check_of_one_caller() -> None:
    cases = [(case.get("classname"), case.get("name")) for case in parsed(HEALTHY).iter("testcase")]
    assert len(set(cases)) == len(cases) == len(HEALTHY)
    account = "333333333333"
    assert (f"{account}.trust.ApiHandlerRole", "assume-without-external-id") in cases
    assert (f"{account}.permissions.CrossAccountExecutionRole", "emr-list-clusters") in cases


def test_checks_of_one_name_stay_apart() -> None:
    twice = parsed(Report.of([finding(region="us-east-1"), finding(region="eu-west-1")]))
    assert [case.get("name") for case in twice.iter("testcase")] == [
        "emr-list-clusters",
        "emr-list-clusters 2",
    ]
    assert {each.get("name"): each.get("value") for each in twice.iter("property")} == {
        "account": "333333333333",
        "regions": "eu-west-1, us-east-1",
        "cost_usd": "0.00",
    }


def test_an_expected_denial_passes() -> None:
    root = parsed(Report.of(healthy()))
    assert root.get("failures") == root.get("errors") == "0"


def test_a_failure_says_who_asked_for_what_why_and_what_to_do() -> None:
    (failure,) = parsed(Report.of([REFUSED])).iter("failure")
    assert failure.get("type") == "DENIED_SCP"
    assert failure.get("message") == (
        "CrossAccountExecutionRole asked for elasticmapreduce:ListClusters in 333333333333, us-east-1: "
        "denied by a service control policy"
    )
    assert (failure.text or "").splitlines() == [
        f"why: {REFUSED.why}",
        f"fix: {REFUSED.fix}",
        *(f"{name}: {said}" for name, said in REFUSED.evidence.items()),
    ]


HOSTILE: list[Any] = ["\x1b]0;title\x07", "\x00", "a\nb", "\ud83d", "\ufffe", "]]>", "\"&<>'", "\u202e"]


@pytest.mark.parametrize("said", HOSTILE, ids=ascii)
def test_nothing_that_is_said_steers_a_terminal_or_breaks_the_file(said: str) -> None:
    row = finding(verdict=Verdict.FAIL, account=said, probe=said, why=said, evidence={said: said})
    written = "".join(junit_parts(Report.of([row])))
    check_grammar(ElementTree.fromstring(written.encode()))
    assert all(char.isprintable() or char == "\n" for char in written)


def test_an_empty_report_has_no_suite() -> None:
    assert list(parsed(EMPTY)) == []


def test_the_accounts_of_a_run_are_written_one_after_the_other() -> None:
    asked = list[str]()

    class Watched(Report):
        def __iter__(self) -> Any:
            for row in self.findings:
                asked.append(row.account)
                yield row

    parts = junit_parts(Watched(tuple(fleet(6))))
    for part in parts:
        if "<testsuites" in part:
            asked.clear()
        if "</testsuite>" in part:
            break
    assert set(asked) == {"400000000000", "400000000001"}
