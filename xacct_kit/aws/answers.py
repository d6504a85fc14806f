"""Who makes a call, and what came back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xacct_kit.aws.redaction import InProcess
from xacct_kit.report import Outcome, OutcomeKind

if TYPE_CHECKING:
    from botocore.credentials import Credentials


@dataclass(frozen=True)
class Caller(InProcess):
    """A principal that calls can be made as.

    Attributes:
        name: what people call it: the role's or the user's name.
        arn: its ARN as STS tells it.
    """

    name: str
    arn: str
    credentials: Credentials = field(repr=False, compare=False)

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]


def of_caller(outcome: Outcome, caller: Caller) -> Outcome:
    """The outcome of a caller's call; a refusal that names somebody else tells nothing of the caller."""
    refused = outcome.principal if outcome.kind.denied else None
    if refused is None or not refused.startswith("arn:") or refused.lower() == caller.arn.lower():
        return outcome
    reason = f"{caller.name} called, and somebody else was refused: {outcome.reason}"
    return Outcome(kind=OutcomeKind.UNKNOWN, reason=reason, retryable=True, evidence=outcome.evidence)


@dataclass(frozen=True)
class Answer:
    """What came back from a call.

    Attributes:
        outcome: the answer, classified.
        seconds: how long it took.
        returned: what the call returned; None when it failed.
    """

    outcome: Outcome
    seconds: float = 0.0
    returned: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the call returned a result; one that is allowed can fail all the same."""
        return self.returned is not None

    @property
    def result(self) -> Mapping[str, Any]:
        """What the call returned; empty when it failed."""
        return self.returned or {}

    @property
    def absent(self) -> bool:
        """Whether the call was allowed, and what it asks for is not there."""
        return not self.ok and self.outcome.kind in (OutcomeKind.ALLOWED, OutcomeKind.NOT_FOUND)


@dataclass(frozen=True)
class Assumption:
    """What came of assuming a role: the caller that it gave, or None, and the answer."""

    caller: Caller | None
    answer: Answer
