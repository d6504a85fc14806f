"""What changed between two runs, grouped by cause: what broke, what healed, what is new and what is gone.

What was skipped was not tried, so it counts as not there: a check that failed and is now skipped is gone, and
not healed.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.text import Text

from xacct_kit.report import Finding, Verdict
from xacct_kit.views import lines, words
from xacct_kit.views.causes import Cause, Gathering, key

SCHEMA = 1


class Change(StrEnum):
    """What became of a check."""

    BROKE = "broke"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"
    HEALED = "healed"
    SAME = "same"


_TITLES: Mapping[Change, str] = {
    Change.BROKE: "Broke",
    Change.CHANGED: "Still not green, for another cause",
    Change.NEW: "New",
    Change.GONE: "Gone",
    Change.HEALED: "Healed",
    Change.SAME: "The same",
}


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Checks to which the same has happened, for the same cause.

    Attributes:
        cause: why they are not green; of what healed or is gone, why they were not.
        before: the earlier cause, where they were not green before and are not now.
    """

    cause: Cause
    before: Cause | None = None


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What changed between two runs.

    Attributes:
        shifts: what happened to checks that are or were not green, by cause.
        checks: how many checks each change happened to, green ones too.
        green: how many of them were green throughout.
        untried: the accounts of the earlier run in which the later one tried nothing, in ascending order.
    """

    shifts: Mapping[Change, tuple[Shift, ...]]
    checks: Mapping[Change, int]
    green: Mapping[Change, int]
    untried: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing broke, and the later run tried something, in each account of the earlier one.

        A check that is gone from an account that was tried is no break: another command checks something
        else, and of what was mended some steps have no row any more.
        """
        tried = any(count for change, count in self.checks.items() if change is not Change.GONE)
        return tried and not self.checks[Change.BROKE] and not self.untried


# Which check it is: account, step, probe, caller, action, region; and which of those alike.
_Check = tuple[str, ...]


def diff(old: Iterable[Finding], new: Iterable[Finding]) -> Diff:
    """Compare two runs check by check.

    Parameters:
        old: the earlier report; of a green check no more is held than that it was green.
        new: the later report.

    Returns:
        What changed. A check broke when it was green and is not now, also where the reason is not known.
    """
    earlier = {check: None if finding.verdict.green else finding for check, finding in _tried(old)}
    left = {account for account, *_ in earlier}
    found = _Changes()
    for check, now in _tried(new):
        left.discard(now.account)
        if check in earlier:
            found.kept(earlier.pop(check), now)
        else:
            found.take(Change.NEW, None if now.verdict.green else now)
    for before in earlier.values():
        found.take(Change.GONE, before)
    return found.diff(tuple(sorted(left)))


class _Changes:
    def __init__(self) -> None:
        self._now: defaultdict[Change, Gathering] = defaultdict(Gathering)
        self._before = Gathering()
        self._checks: Counter[Change] = Counter()
        self._green: Counter[Change] = Counter()

    def kept(self, before: Finding | None, now: Finding) -> None:
        """Take in a check of both runs."""
        red = None if now.verdict.green else now
        if before is None or red is None:
            change = Change.BROKE if red else Change.HEALED if before else Change.SAME
            self.take(change, red or before)
        elif key(before) == key(red):
            self.take(Change.SAME, red)
        else:
            under = (key(before), key(red))
            self._checks[Change.CHANGED] += 1
            self._now[Change.CHANGED].add(red, under)
            self._before.add(before, under)

    def take(self, change: Change, red: Finding | None) -> None:
        """Take in a check; None is one that is green."""
        self._checks[change] += 1
        if red:
            self._now[change].add(red)
        else:
            self._green[change] += 1

    def diff(self, untried: tuple[str, ...]) -> Diff:
        before = dict(self._before.items())
        return Diff(
            shifts={
                change: tuple(
                    Shift(cause=cause, before=before.get(under)) for under, cause in self._now[change].items()
                )
                for change in Change
            },
            checks={change: self._checks[change] for change in Change},
            green={change: self._green[change] for change in Change},
            untried=untried,
        )


def _tried(findings: Iterable[Finding]) -> Iterator[tuple[_Check, Finding]]:
    alike: Counter[_Check] = Counter()
    for row in findings:
        if row.verdict is not Verdict.SKIPPED:
            check = (row.account, row.step, row.probe, row.caller, row.action, row.region)
            alike[check] += 1
            yield (*check, str(alike[check])), row


def to_json(found: Diff) -> str:
    """The diff as one object: schema, ok, checks by change, the changes by cause, untried accounts."""
    changed = [change for change in Change if change is not Change.SAME]
    document = {
        "schema": SCHEMA,
        "ok": found.ok,
        "counts": {change.value: found.checks[change] for change in Change},
        **{change.value: [_plain(shift) for shift in found.shifts[change]] for change in changed},
        "untried": list(found.untried),
    }
    return json.dumps(document, indent=2)


def _plain(shift: Shift) -> dict[str, Any]:
    before = {} if shift.before is None else {"before": _plain(Shift(cause=shift.before))}
    cause = shift.cause
    return {
        "title": cause.title,
        "step": cause.example.step,
        "verdict": cause.verdict.value,
        "outcome": cause.example.outcome.value,
        "actions": list(cause.actions),
        "policy": cause.policy,
        "checks": cause.checks,
        "why": cause.why,
        "fix": cause.fix,
        "accounts": list(cause.accounts),
        **before,
    }


def to_text(found: Diff) -> str:
    """The diff as plain text: what broke first, and in the last line the number of checks by change."""
    return "\n".join(line.plain.rstrip() for line in _lines(found))


def _lines(found: Diff) -> Iterator[Text]:
    for change, shifts in found.shifts.items():
        if change is Change.SAME or not found.checks[change]:
            continue
        yield Text(f"{_TITLES[change]}: {_count(found, change)}", "bold")
        if change is Change.GONE and found.untried:
            yield from lines.labelled({"untried": words.first_of(found.untried)}, lines.WIDTH)
        for shift in shifts[: words.CAUSES_SHOWN]:
            yield from _shift(change, shift)
        rest = len(shifts[words.CAUSES_SHOWN :])
        if rest:
            yield Text(f"  and {words.number_of(rest, 'cause')} more: --format json has them all")
        if rest or not shifts:
            yield Text()
    counts = [f"{count:,} {change}" for change, count in found.checks.items() if count]
    yield Text(
        f"{words.number_of(sum(found.checks.values()), 'check')}: {', '.join(counts) or 'none'}", "bold"
    )


def _count(found: Diff, change: Change) -> str:
    checks = words.number_of(found.checks[change], "check")
    return f"{checks}, {found.green[change]:,} green" if found.green[change] else checks


def _shift(change: Change, shift: Shift) -> Iterator[Text]:
    cause = shift.cause
    if change in (Change.HEALED, Change.GONE):
        # It needs no mending: what it was is enough.
        was = Text(f"  {'was':<{lines.BADGE}}")
        yield from lines.hanging(was, f"{cause.verdict} {cause.title}", lines.WIDTH)
        yield from lines.labelled({"in": words.first_of(cause.accounts)}, lines.WIDTH)
        yield Text()
        return
    yield from lines.cause(cause, lines.WIDTH, was=shift.before.what if shift.before else "")
