"""The report as text, for terminals, logs and notebooks that are run in batch.

The lines are laid out here and not by rich's tables, which take a millisecond a row: a fleet has
tens of thousands of rows. Rich colours the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console, ConsoleOptions
from rich.text import Text

from xacct_kit.report import Finding, Report
from xacct_kit.views.lines import READABLE, WIDTH, badge, cause, clean, hanging, labelled
from xacct_kit.views.summary import summarise
from xacct_kit.views.words import (
    CALLS,
    CAUSES_SHOWN,
    ROWS_SHOWN,
    by_account,
    count_line,
    fault_title,
    faults,
    first_of,
    many,
    number_of,
    said,
    step_title,
    tally,
)


def to_text(report: Report) -> str:
    """The report as plain text, the same on every machine: 110 columns, no colour, no durations."""
    return "\n".join(line.plain.rstrip() for line in _lines(report, WIDTH))


def to_rich(report: Report) -> Painted:
    """The report for a rich console, as wide as the console, with colour and sign."""
    return Painted(report)


@dataclass(frozen=True)
class Painted:
    """A report that a rich console can print."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The lines, laid out for the console's width."""
        return _lines(self.report, options.max_width)


def _lines(report: Report, width: int) -> Iterator[Text]:
    return _fleet(report, width) if many(report) else _accounts(report, width)


def _accounts(report: Report, width: int) -> Iterator[Text]:
    for account, part in by_account(report).items():
        yield Text(clean(f"Account {account}: {count_line(part)}"), "bold")
        yield from _in_full(part, width)
    for fault in faults(report):
        yield from _fault(fault, width)
    yield Text(count_line(report), "bold")


def _fleet(report: Report, width: int) -> Iterator[Text]:
    """Accounts that are alike in one line, then what is not green by its cause."""
    summary = summarise(report)
    rows, found = summary.matrix.rows, summary.causes
    yield Text(number_of(summary.accounts, "account"), "bold")
    for row in rows[:ROWS_SHOWN]:
        head = Text.assemble("  ", badge(row.verdict), f"  {number_of(len(row.accounts), 'account'):>15}  ")
        yield from hanging(head, f"{row.said}: {first_of(row.accounts)}", width)
    yield from _rest(sum(len(row.accounts) for row in rows[ROWS_SHOWN:]), "account")
    yield Text()
    for shown in found[:CAUSES_SHOWN]:
        yield from cause(shown, width)
    yield from _rest(len(found[CAUSES_SHOWN:]), "cause")
    yield Text(tally(summary.counts), "bold")


def _rest(count: int, noun: str) -> Iterator[Text]:
    if count:
        yield Text(f"  and {number_of(count, noun)} more: see report.csv")


def _in_full(part: Report, width: int) -> Iterator[Text]:
    for _, group in groupby(part, key=lambda finding: finding.step):
        findings = list(group)
        once = [name for name in ("caller", "action") if len({getattr(f, name) for f in findings}) == 1]
        named = CALLS.get(findings[0].step, ("probe",))
        columns = [name for name in named if name not in once]
        yield Text(f"  {clean(_step_heading(findings[0], once))}", "bold")
        yield from _step_table(findings, columns, width)
        yield Text()


def _step_heading(finding: Finding, once: Sequence[str]) -> str:
    """The step, with the caller and the action that all its rows share."""
    caller = f" as {finding.caller}" if "caller" in once else ""
    action = f": {finding.action}" if "action" in once else ""
    return f"{step_title(finding.step)}{caller}{action}"


def _step_table(findings: Sequence[Finding], columns: Sequence[str], width: int) -> Iterator[Text]:
    rows = [[clean(getattr(finding, name)) for name in columns] for finding in findings]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for finding, row in zip(findings, rows, strict=True):
        head = Text.assemble("    ", badge(finding.verdict), "  ")
        if len(head) + sum(widths) + 2 * len(widths) + READABLE <= width:
            head.append("".join(f"{cell:<{room}}  " for cell, room in zip(row, widths, strict=True)))
            yield from hanging(head, said(finding), width)
        else:
            yield from hanging(head, "  ".join((*row, said(finding))), width)


def _fault(fault: Report, width: int) -> Iterator[Text]:
    """What is not as it should be, why, and what to do."""
    first = fault.findings[0]
    yield from hanging(Text.assemble(badge(first.verdict), "  "), fault_title(fault), width, "bold")
    yield from labelled({"why": first.why, "fix": first.fix}, width)
    yield Text()
