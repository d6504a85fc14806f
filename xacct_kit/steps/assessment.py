"""How an account stands, as far as it is known: the standing, the reason, since when, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from xacct_kit.report import Outcome
from xacct_kit.steps.findings import ALLOWED
from xacct_kit.steps.stack.states import Standing

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """How an account stands.

    Attributes:
        standing: the word for it.
        reason: why, in sentences.
        next_step: what to do; empty where there is nothing to do.
        reader: name of who has read what it rests on.
        stack_status: the stack's status; None where no stack was read.
        since: when anything happened last, by AWS's clock.
        age: seconds since then.
        proven: what is proven although the standing is not known: that the role can be assumed.
        outcome: the answer that it rests on.
    """

    standing: Standing
    reason: str
    next_step: str = ""
    reader: str
    stack_status: str | None = None
    since: datetime | None = None
    age: float | None = None
    proven: bool = False
    outcome: Outcome = ALLOWED

    @property
    def why(self) -> str:
        """The standing and the reason, with the age in words."""
        if self.since is None or self.age is None:
            return f"{self.standing}: {self.reason}"
        since = f"Since {self.since:%Y-%m-%d %H:%M:%S} UTC, {in_words(self.age)} ago."
        return f"{self.standing}: {self.reason} {since}"

    @property
    def evidence(self) -> Mapping[str, str]:
        """What it rests on, as text."""
        told = {
            "standing": self.standing.value,
            "stack_status": self.stack_status or "",
            "since": self.since.isoformat() if self.since else "",
            "age_seconds": "" if self.age is None else f"{self.age:.0f}",
            "proven": "the role can be assumed" if self.proven else "",
        }
        return {**self.outcome.evidence, **{key: value for key, value in told.items() if value}}


def in_words(seconds: float) -> str:
    """A length of time in its largest unit: `3 minutes`."""
    count = max(0, int(seconds))
    unit, size = next((each for each in _UNITS if count >= each[1]), _UNITS[-1])
    number = count // size
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
