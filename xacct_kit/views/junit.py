"""The report as JUnit XML, which CI servers show: a suite an account, a case a check.

What Jenkins and GitLab read of it:
https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
https://docs.gitlab.com/ci/testing/unit_test_reports/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import fsum
from operator import attrgetter
from xml.sax.saxutils import escape, quoteattr

from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.views import words
from xacct_kit.views.lines import clean

# A denial that should be one is a pass; what could not be told is no failure but an error.
_ELEMENTS: Mapping[Verdict, str] = {
    Verdict.FAIL: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.SKIPPED: "skipped",
}


def junit_parts(report: Report) -> Iterator[str]:
    """The XML, account after account."""
    totals = _totals(report)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes({'name': 'xacct', **_counts(totals)})}>\n"
    for account, findings in _accounts(report, totals):
        yield from _suite(account, findings)
    yield "</testsuites>\n"


@dataclass
class _Totals:
    """What stands before the cases, from going over the findings once."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    durations: list[float] = field(default_factory=list)
    accounts: Counter[str] = field(default_factory=Counter)


def _totals(findings: Iterable[Finding]) -> _Totals:
    totals = _Totals()
    for account, rows in groupby(findings, key=attrgetter("account")):
        totals.accounts[account] += 1
        for finding in rows:
            totals.counts[finding.verdict] += 1
            totals.durations.append(finding.duration)
    return totals


def _accounts(report: Report, totals: _Totals) -> Iterator[tuple[str, Sequence[Finding]]]:
    """The findings of each account; a run's follow each other, and are not all in memory."""
    if max(totals.accounts.values(), default=1) > 1:
        yield from ((account, part.findings) for account, part in words.by_account(report).items())
        return
    for account, rows in groupby(report, key=attrgetter("account")):
        yield account, sorted(rows, key=lambda finding: words.place_of(finding.step))


def _suite(account: str, findings: Sequence[Finding]) -> Iterator[str]:
    totals = _totals(findings)
    counts = {**_counts(totals), "skipped": totals.counts[Verdict.SKIPPED]}
    yield f"  <testsuite{_attributes({'name': account, **counts})}>\n"
    yield from _properties(account, findings)
    taken: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        yield from _case(finding, taken)
    yield "  </testsuite>\n"


def _properties(account: str, findings: Sequence[Finding]) -> Iterator[str]:
    values = {
        "account": account,
        "regions": ", ".join(sorted({finding.region for finding in findings if finding.region})),
        "cost_usd": f"{fsum(finding.cost for finding in findings):.2f}",
    }
    yield "    <properties>\n"
    for name, value in values.items():
        yield f"      <property{_attributes({'name': name, 'value': value})}/>\n"
    yield "    </properties>\n"


def _case(finding: Finding, taken: Counter[tuple[str, str]]) -> Iterator[str]:
    where = ".".join(filter(None, (finding.account, finding.step, finding.caller)))
    taken[where, finding.probe] += 1
    # Of two cases of one name GitLab shows the first.
    again = taken[where, finding.probe]
    name = finding.probe if again == 1 else f"{finding.probe} {again}"
    head = (
        f"    <testcase{_attributes({'classname': where, 'name': name, 'time': _time([finding.duration])})}"
    )
    element = _ELEMENTS.get(finding.verdict)
    if element is None:
        yield f"{head}/>\n"
        return
    said = {"message": f"{words.asked(finding)}: {words.said(finding)}", "type": finding.outcome}
    yield f"{head}>\n      <{element}{_attributes(said)}>{_text(finding)}</{element}>\n    </testcase>\n"


def _text(finding: Finding) -> str:
    """Why, what to do, and what AWS answered."""
    told = {"why": finding.why, "fix": finding.fix, **finding.evidence}
    return escape("\n".join(f"{clean(name)}: {clean(text)}" for name, text in told.items() if text))


def _counts(totals: _Totals) -> dict[str, object]:
    return {
        "tests": totals.counts.total(),
        "failures": totals.counts[Verdict.FAIL],
        "errors": totals.counts[Verdict.UNKNOWN],
        "time": _time(totals.durations),
    }


def _time(seconds: Sequence[float]) -> str:
    return f"{fsum(seconds):.3f}"


def _attributes(values: Mapping[str, object]) -> str:
    # XML has no place for most control characters; the others steer whatever shows them.
    return "".join(f" {name}={quoteattr(clean(str(value)))}" for name, value in values.items())
