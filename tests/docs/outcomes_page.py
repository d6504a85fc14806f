"""docs/reference/outcomes.md: what can come back, what it means, and which verdict it gives."""

from __future__ import annotations

from reference_tables import code, page, table

from xacct_kit.aws.errors import RETRYABLE
from xacct_kit.aws.grammar import Refusal, tell_fix, tell_reason
from xacct_kit.report import Expectation, OutcomeKind, Verdict, judge
from xacct_kit.steps.propagation import PASSING
from xacct_kit.views.words import OUTCOMES, SIGNS

_MAY, _WHEN_NEW = "may", "when new"


def outcomes_page() -> str:
    return page(
        "# Outcomes and verdicts",
        """An outcome is what came back, by its cause. A verdict is the outcome held against what the profile
        expects; the exit code is 0 when all are green.""",
        table(("Verdict", "Sign", "Green"), map(_verdict, Verdict)),
        """What a check leaves out is `SKIPPED`, and what could not be tried is `UNKNOWN`, both with the
        outcome `UNKNOWN`. Where AWS names an action that it refused, and it is not the one that was to be
        refused, the verdict is `UNKNOWN`.""",
        table(
            ("Outcome", "In a report", "Expected allowed", "Expected denied", "Passes by itself"),
            map(_outcome, OutcomeKind),
        ),
        f"""*{_MAY}*: the same call may succeed when it is made again. *{_WHEN_NEW}*: while a role is new, the
        refusal is no verdict, and the call is repeated. Single answers differ from their kind, such as a
        certificate that is not accepted; `xacct classify` says of each whether it is `retryable`.""",
        "## What it means, and what to do",
        table(("Outcome", "Meaning", "What to do"), map(_meaning, OutcomeKind)),
    )


def _verdict(verdict: Verdict) -> tuple[str, ...]:
    return code(verdict), SIGNS[verdict], "yes" if verdict.green else "no"


def _outcome(kind: OutcomeKind) -> tuple[str, ...]:
    passes = _MAY if kind in RETRYABLE else _WHEN_NEW if kind in PASSING else ""
    verdicts = (code(judge(expected, kind)) for expected in Expectation)
    return code(kind), OUTCOMES[kind], *verdicts, passes


def _meaning(kind: OutcomeKind) -> tuple[str, ...]:
    # Of two kinds AWS gives no reason, and the kit says why.
    silent = kind in (OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED)
    refusal = Refusal(stated=True, clause="" if silent else OUTCOMES[kind].removeprefix("denied "))
    call = "sts:AssumeRole" if kind is OutcomeKind.DENIED_TRUST else ""
    return code(kind), tell_reason(kind, call, "", refusal), tell_fix(kind, call, refusal)
