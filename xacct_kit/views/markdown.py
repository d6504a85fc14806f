"""The report as the summary page of a CI job shows it: what is not green by its cause, then check by check.

GitHub's flavour of Markdown: https://github.github.com/gfm/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.views import words
from xacct_kit.views.causes import Cause
from xacct_kit.views.lines import clean
from xacct_kit.views.summary import Summary, summarise

# A summary of more than 1 MiB is not shown at all.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
_MOST_BYTES = 1_000_000
_CHECKS_SHOWN = 300
_CHARACTERS_SHOWN = 600

_CAUSE_COLUMNS = ("Verdict", "Cause", "Accounts", "Why", "Fix")
_CHECK_COLUMNS = ("Verdict", "Account", "Region", "Check", "Caller", "Action", "Why", "Fix")

# In a cell nothing is structure: no column, markup, link, formula, mention or HTML comes of what AWS says.
_ESCAPES = str.maketrans(
    {
        **{char: f"\\{char}" for char in "*_[]~"},
        **{char: f"&#{ord(char)};" for char in "\\`|$@"},
        **{"&": "&amp;", "<": "&lt;", ">": "&gt;"},
    }
)


def to_markdown(report: Report) -> str:
    """The summary: how it went, the causes, the checks that are not green; less than 1 MiB."""
    return "".join(_bounded(_parts(summarise(report), report)))


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    left = _MOST_BYTES
    for part in parts:
        left -= len(part.encode())
        if left < 0:
            yield "\nThere is more than a summary may hold: see report.html\n"
            return
        yield part


def _parts(summary: Summary, report: Report) -> Iterator[str]:
    yield f"## {_heading(summary)}\n\n{words.tally(summary.counts)}\n"
    if not summary.faults:
        return
    yield from _table("By cause", _CAUSE_COLUMNS, map(_of_cause, summary.causes[: words.CAUSES_SHOWN]))
    yield from _rest(len(summary.causes) - words.CAUSES_SHOWN, "cause")
    red = (finding for finding in report if not finding.verdict.green)
    yield from _table("Checks", _CHECK_COLUMNS, map(_of_check, islice(red, _CHECKS_SHOWN)))
    yield from _rest(summary.faults - _CHECKS_SHOWN, "check")


def _heading(summary: Summary) -> str:
    accounts = words.number_of(summary.accounts, "account")
    if not summary.tried:
        return f"{words.SIGNS[Verdict.UNKNOWN]} Nothing was tried"
    if not summary.faults:
        return f"{words.SIGNS[Verdict.PASS]} Everything is as it should be in {accounts}"
    worst = words.worst(*(cause.verdict for cause in summary.causes))
    return f"{words.SIGNS[worst]} Not as it should be: {summary.red_accounts:,} of {accounts}"


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, row by row, so that none is cut in the middle."""
    yield f"\n### {title}\n\n{_row(columns)}{_row(['---'] * len(columns))}"
    for cells in rows:
        yield _row(map(_cell, cells))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _of_cause(cause: Cause) -> Sequence[str]:
    count = len(cause.accounts)
    named = words.first_of(cause.accounts)
    accounts = named if count <= words.NAMES_IN_FULL else f"{count:,}: {named}"
    return (words.badge(cause.verdict), cause.what, accounts, cause.why, cause.fix)


def _of_check(finding: Finding) -> Sequence[str]:
    who, what = (finding.probe, finding.caller, finding.action), (finding.why, finding.fix)
    return (words.badge(finding.verdict), finding.account, finding.region, *who, *what)


def _cell(text: str) -> str:
    line = clean(text)
    if len(line) > _CHARACTERS_SHOWN:
        line = f"{line[:_CHARACTERS_SHOWN]}\N{HORIZONTAL ELLIPSIS}"
    return line.translate(_ESCAPES)


def _rest(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"\nAnd {words.number_of(count, noun)} more: see report.csv\n"
