"""The report as text, for terminals, logs and notebooks that are run in batch.

The lines are laid out here and not by rich's tables, which take a millisecond a row: a fleet has
tens of thousands of rows. Rich colours the lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console, ConsoleOptions
from rich.text import Text

from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.views.words import (
    ACCOUNTS_IN_FULL,
    CALLS,
    SIGNS,
    by_account,
    count_line,
    fault_title,
    faults,
    number_of,
    said,
    step_title,
)

WIDTH = 110

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "bold yellow",
    Verdict.SKIPPED: "dim",
}
_BADGE = max(len(f"{SIGNS[verdict]} {verdict}") for verdict in Verdict)
_READABLE = 24
_INDENT = 8


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
    accounts = by_account(report)
    many = len(accounts) > ACCOUNTS_IN_FULL
    brief = {account: part for account, part in accounts.items() if many and part.ok}
    if brief:
        yield from _in_brief(brief)
    for account, part in accounts.items():
        if account not in brief:
            yield Text(_clean(f"Account {account}: {count_line(part)}"), "bold")
            yield from _in_full(part, width)
    for fault in faults(report):
        yield from _fault(fault, width)
    yield Text(count_line(report), "bold")


def _in_brief(accounts: dict[str, Report]) -> Iterator[Text]:
    yield Text(f"{number_of(len(accounts), 'account')} with nothing to do", "bold")
    for account, part in accounts.items():
        verdict = Verdict.PASS if part.counts[Verdict.PASS] else Verdict.SKIPPED
        yield Text.assemble("  ", _badge(verdict), f"  {_clean(account)}  {count_line(part)}")
    yield Text()


def _in_full(part: Report, width: int) -> Iterator[Text]:
    for _, group in groupby(part, key=lambda finding: finding.step):
        findings = list(group)
        once = [name for name in ("caller", "action") if len({getattr(f, name) for f in findings}) == 1]
        named = CALLS.get(findings[0].step, ("probe",))
        columns = [name for name in named if name not in once]
        yield Text(f"  {_clean(_step_heading(findings[0], once))}", "bold")
        yield from _step_table(findings, columns, width)
        yield Text()


def _step_heading(finding: Finding, once: Sequence[str]) -> str:
    """The step, with the caller and the action that all its rows share."""
    caller = f" as {finding.caller}" if "caller" in once else ""
    action = f": {finding.action}" if "action" in once else ""
    return f"{step_title(finding.step)}{caller}{action}"


def _step_table(findings: Sequence[Finding], columns: Sequence[str], width: int) -> Iterator[Text]:
    rows = [[_clean(getattr(finding, name)) for name in columns] for finding in findings]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for finding, row in zip(findings, rows, strict=True):
        head = Text.assemble("    ", _badge(finding.verdict), "  ")
        if len(head) + sum(widths) + 2 * len(widths) + _READABLE <= width:
            head.append("".join(f"{cell:<{room}}  " for cell, room in zip(row, widths, strict=True)))
            yield from _hanging(head, said(finding), width)
        else:
            yield from _hanging(head, "  ".join((*row, said(finding))), width)


def _fault(fault: Report, width: int) -> Iterator[Text]:
    """What is not as it should be, why, and what to do."""
    first = fault.findings[0]
    yield from _hanging(Text.assemble(_badge(first.verdict), "  "), fault_title(fault), width, "bold")
    for label, text in (("why", first.why), ("fix", first.fix)):
        if text:
            yield from _hanging(Text(f"  {label:<{_BADGE}}"), text, width)
    yield Text()


def _hanging(head: Text, body: str, width: int, style: str = "") -> Iterator[Text]:
    """A head and the text beside it, folded at words; below it where a narrow console has no room beside."""
    body = _clean(body)
    beside = len(head) + min(len(body), _READABLE) <= width
    indent = len(head) if beside else _INDENT
    lines = textwrap.wrap(body, max(width - indent, _READABLE), break_on_hyphens=False)
    first = lines.pop(0) if beside and lines else ""
    yield Text.assemble(head, (first, style))
    for line in lines:
        yield Text.assemble(" " * indent, (line, style))


def _badge(verdict: Verdict) -> Text:
    return Text(f"{SIGNS[verdict]} {verdict}".ljust(_BADGE), _STYLES[verdict])


def _clean(text: str) -> str:
    """The text without line breaks and without characters that steer a terminal."""
    line = text if text.isprintable() else " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
