"""The report as HTML: a page that needs no network, and a fragment for notebooks."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import accumulate
from math import fsum
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.views import words
from xacct_kit.views.summary import Summary, summarise
from xacct_kit.views.trust_diagram import diagrams
from xacct_kit.views.trust_layout import WIDTH, layout

# Faults are unfolded unless there are more than this of their verdict.
_FAULTS_OPEN = 10

# Of many accounts, what is not green is shown for so many, and no more checks than this.
_EXAMPLES = 50
_CHECKS = 300

_NOT_IN_ANCHOR = re.compile(r"[^a-z0-9]+")

# Where a name of AWS or an address may be folded: after its parts, and between its longer words.
_FOLDS = re.compile(r"(?<=[a-z]{2}[:/])(?=\S)|(?<=[a-z]{6})(?=[A-Z][A-Za-z]{5})")


def to_page(report: Report) -> str:
    """A self-contained page: totals, what is not as it should be, and every check with filters.

    Of many accounts it holds those that are alike as one row, and what is not green by its cause; of the
    checks themselves only some hundred.
    """
    if words.many(report):
        summary = summarise(report)
        return render("fleet_page.html", summary=summary, anchored=_anchored(_examples(report, summary)))
    accounts = words.by_account(report)
    anchored = _anchored(accounts)
    faults = [row for rows in anchored.values() for row in rows if not row[1].verdict.green]
    return render(
        "page.html",
        report=report,
        accounts=accounts,
        anchored=anchored,
        faults=faults,
        opened={verdict for verdict, count in report.counts.items() if count <= _FAULTS_OPEN},
        services=sorted({finding.service for finding in report}),
        cost=fsum(finding.cost for finding in report),
        diagrams=[(diagram, layout(diagram)) for diagram in diagrams(report)],
    )


def to_table(report: Report) -> str:
    """A fragment for a notebook: one table, then what is not as it should be; no durations, no script."""
    if words.many(report):
        return render("fleet_table.html", summary=summarise(report))
    accounts = words.by_account(report)
    return render("table.html", report=report, accounts=accounts, faults=words.faults(report))


def _examples(report: Report, summary: Summary) -> dict[str, Report]:
    """What is not green in some of the accounts."""
    wanted = frozenset(summary.examples(_EXAMPLES))
    rows = (finding for finding in report if finding.account in wanted and not finding.verdict.green)
    accounts = words.by_account(Report.of(rows))
    shown = accumulate(len(part) for part in accounts.values())
    return {
        account: part
        for (account, part), rows in zip(accounts.items(), shown, strict=True)
        if rows <= _CHECKS
    }


def _anchored(accounts: dict[str, Report]) -> dict[str, list[tuple[str, Finding]]]:
    """The findings of each account, each with an anchor that it keeps from run to run."""
    taken: Counter[str] = Counter()
    return {
        account: [(_anchor(finding, taken), finding) for finding in part]
        for account, part in accounts.items()
    }


def _anchor(finding: Finding, taken: Counter[str]) -> str:
    names = (finding.account, finding.step, finding.probe, finding.caller, finding.action, finding.region)
    stem = _NOT_IN_ANCHOR.sub("-", "-".join(names).lower()).strip("-")
    taken[stem] += 1
    return f"f-{stem}" if taken[stem] == 1 else f"f-{stem}--{taken[stem]}"


def render(template: str, **values: Any) -> str:
    """A template of the views, filled."""
    page = _templates().get_template(template).render(**values)
    return page.encode("utf-8", "replace").decode("utf-8")


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("xacct_kit.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals.update(words=words, Verdict=Verdict, WIDTH=WIDTH)
    templates.filters.update(step_title=words.step_title, folds=_FOLDS.split)
    return templates
