"""The report as HTML: a page that needs no network, and a fragment for notebooks."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import fsum
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.views import words

# Faults are unfolded unless there are more than this of their verdict.
_FAULTS_OPEN = 10

_NOT_IN_ANCHOR = re.compile(r"[^a-z0-9]+")


def to_page(report: Report) -> str:
    """A self-contained page: totals, what is not as it should be, and every check with filters."""
    accounts = words.by_account(report)
    anchored = _anchored(accounts)
    faults = [row for rows in anchored.values() for row in rows if not row[1].verdict.green]
    return _render(
        "page.html",
        report=report,
        accounts=accounts,
        anchored=anchored,
        faults=faults,
        opened={verdict for verdict, count in report.counts.items() if count <= _FAULTS_OPEN},
        accounts_open=len(accounts) <= words.ACCOUNTS_IN_FULL,
        services=sorted({finding.service for finding in report}),
        cost=fsum(finding.cost for finding in report),
    )


def to_table(report: Report) -> str:
    """A fragment for a notebook: one table, then what is not as it should be; no durations, no script."""
    accounts = words.by_account(report)
    return _render(
        "table.html",
        report=report,
        accounts=accounts,
        many=len(accounts) > words.ACCOUNTS_IN_FULL,
        faults=words.faults(report),
    )


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


def _render(template: str, **values: Any) -> str:
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
    templates.globals.update(words=words, Verdict=Verdict)
    return templates
