"""The lines that every text view is made of: folded, with a sign for a verdict; none steers a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from rich.text import Text

from xacct_kit.report import Verdict
from xacct_kit.views import words
from xacct_kit.views.causes import Cause

# Columns of a text that no console shows, the same on every machine.
WIDTH = 110

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "bold yellow",
    Verdict.SKIPPED: "dim",
}
# Characters that the widest badge takes; and those that a text needs beside it, or it stands below.
BADGE = max(len(words.badge(verdict)) for verdict in Verdict)
READABLE = 24
_INDENT = 8


def cause(shown: Cause, width: int, was: str = "") -> Iterator[Text]:
    """A cause with the number of its accounts, what was before, why, what to do, and the first accounts."""
    yield from hanging(Text.assemble(badge(shown.verdict), "  "), shown.title, width, "bold")
    texts = {"was": was, "why": shown.why, "fix": shown.fix, "in": words.first_of(shown.accounts)}
    yield from labelled(texts, width)
    yield Text()


def labelled(texts: Mapping[str, str], width: int) -> Iterator[Text]:
    """Texts below a badge, each with its label; empty ones are passed over."""
    for label, text in texts.items():
        if text:
            yield from hanging(Text(f"  {label:<{BADGE}}"), text, width)


def hanging(head: Text, body: str, width: int, style: str = "") -> Iterator[Text]:
    """A head and the text beside it, folded at words; below it where a narrow console has no room beside."""
    body = clean(body)
    beside = len(head) + min(len(body), READABLE) <= width
    indent = len(head) if beside else _INDENT
    lines = textwrap.wrap(body, max(width - indent, READABLE), break_on_hyphens=False)
    first = lines.pop(0) if beside and lines else ""
    yield Text.assemble(head, (first, style))
    for line in lines:
        yield Text.assemble(" " * indent, (line, style))


def badge(verdict: Verdict) -> Text:
    """The sign and the word of a verdict, all of one width."""
    return Text(words.badge(verdict).ljust(BADGE), _STYLES[verdict])


def clean(text: str) -> str:
    """The text without line breaks and without characters that steer a terminal."""
    line = text if text.isprintable() else " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
