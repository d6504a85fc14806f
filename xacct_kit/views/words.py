"""The words, signs and order that every view shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict, in_words

SIGNS: Mapping[Verdict, str] = {
    Verdict.PASS: "\N{CHECK MARK}",
    Verdict.FAIL: "\N{BALLOT X}",
    Verdict.UNKNOWN: "?",
    Verdict.SKIPPED: "\N{EN DASH}",
}

STEPS: Mapping[str, str] = {
    "targets": "Targets",
    "create_account": "Create account",
    "invite": "Invitation",
    "status": "Status",
    "plan": "Plan",
    "drift": "Drift",
    "posture": "Posture",
    "preflight": "Preflight",
    "deploy": "Deploy",
    "trust": "Trust",
    "cost_explorer": "Cost Explorer",
    "permissions": "Permissions",
    "leftovers": "Leftovers of canaries",
    "canaries": "Canaries",
    "rotate": "Rotation of the external ID",
    "handover": "Hand-over",
    "offboard": "Offboard",
    "run": "Run",
}

_PLACES = {step: number for number, step in enumerate(STEPS)}

# Worst first.
SEVERITY: tuple[Verdict, ...] = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.SKIPPED)

# More accounts than this are summarised: those that are alike in one row, and what is not green by its cause.
ACCOUNTS_IN_FULL = 5

# Of many accounts at most so many rows of accounts that are alike, and so many causes, are shown.
ROWS_SHOWN = 20
CAUSES_SHOWN = 20

# More names than this are counted, or the first of them are named.
NAMES_IN_FULL = 3

# In these steps a row is one call: its columns and what came back say all that `why` says when it is green.
CALLS: Mapping[str, tuple[str, ...]] = {
    "trust": ("probe", "caller", "action"),
    "permissions": ("probe", "caller", "action"),
    "canaries": ("probe",),
}

OUTCOMES: Mapping[OutcomeKind, str] = {
    OutcomeKind.ALLOWED: "allowed",
    OutcomeKind.DENIED_EXPLICIT: "denied by an explicit deny",
    OutcomeKind.DENIED_IDENTITY: "denied by the identity policies",
    OutcomeKind.DENIED_BOUNDARY: "denied by the permissions boundary",
    OutcomeKind.DENIED_SESSION: "denied by the session policy",
    OutcomeKind.DENIED_SCP: "denied by a service control policy",
    OutcomeKind.DENIED_RCP: "denied by a resource control policy",
    OutcomeKind.DENIED_RESOURCE: "denied by the resource policy",
    OutcomeKind.DENIED_VPCE: "denied by the VPC endpoint policy",
    OutcomeKind.DENIED_TRUST: "denied by the trust policy",
    OutcomeKind.DENIED_UNSPECIFIED: "denied, by which policy is not said",
    OutcomeKind.CREDENTIALS: "no valid credentials",
    OutcomeKind.NOT_ENABLED: "not enabled",
    OutcomeKind.DATA_PENDING: "data not ready yet",
    OutcomeKind.REGION_DISABLED: "region not enabled",
    OutcomeKind.THROTTLED: "throttled",
    OutcomeKind.QUOTA: "quota reached",
    OutcomeKind.VALIDATION: "request not valid",
    OutcomeKind.NOT_FOUND: "not found",
    OutcomeKind.NETWORK: "no connection",
    OutcomeKind.SERVICE_ERROR: "service error",
    OutcomeKind.UNKNOWN: "answer not known",
}


def step_title(step: str) -> str:
    """The name of a step as a heading."""
    return STEPS.get(step) or step.replace("_", " ").capitalize()


def service_of(finding: Finding) -> str:
    """What a finding is counted under: its service or, where none was called, its step as a heading."""
    return finding.service or step_title(finding.step)


def badge(verdict: Verdict) -> str:
    """A verdict as its sign and its word."""
    return f"{SIGNS[verdict]} {verdict}"


def place_of(step: str) -> int:
    """Where a step stands in a run; one that the table does not name comes last."""
    return _PLACES.get(step, len(_PLACES))


def came_back(finding: Finding) -> str:
    """What came back, and what should have where that is a denial: `denied, as it should be`."""
    if finding.outcome is OutcomeKind.UNKNOWN and not finding.evidence:
        return "not tried"
    phrase = OUTCOMES[finding.outcome]
    if finding.expected is Expectation.ALLOWED:
        # What was asked was answered, and the answer is not what it should be.
        answered = finding.outcome is OutcomeKind.ALLOWED and finding.verdict is Verdict.FAIL
        return "not as it should be" if answered else phrase
    if not finding.outcome.denied:
        return f"{phrase}, but should be denied"
    return "denied, as it should be" if finding.verdict.green else "denied, which proves nothing"


def said(finding: Finding) -> str:
    """What a table says of a row: what came back, or why where that says more.

    A row that is not green is explained at length elsewhere.
    """
    if finding.verdict is Verdict.SKIPPED:
        return f"{came_back(finding)}: {finding.why}"
    if finding.verdict is Verdict.PASS and finding.step not in CALLS:
        return finding.why
    return came_back(finding)


def asked(finding: Finding) -> str:
    """Who asked for what, and where; for a step where no action is named."""
    place = f"{finding.account}, {finding.region}" if finding.region else finding.account
    return f"{finding.caller} asked for {finding.action or step_title(finding.step)} in {place}"


def faults(report: Report) -> list[Report]:
    """What is not green, account by account; findings with the same reason and fix stand together."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for account, part in by_account(report.faults).items():
        for finding in part:
            key = (account, finding.step, finding.verdict, finding.why, finding.fix)
            alike.setdefault(key, []).append(finding)
    return [Report.of(findings) for findings in alike.values()]


def fault_title(fault: Report) -> str:
    """Who asked for what and what came back, of findings that stand together."""
    first, *rest = fault
    if not rest:
        return f"{first.probe}: {asked(first)}: {came_back(first)}"
    return f"{', '.join(finding.probe for finding in fault)} in {first.account}: {came_back(first)}"


def count_line(report: Report) -> str:
    """How many findings have each verdict: `31 checks: 29 pass, 2 fail`."""
    return tally(report.counts)


def tally(counts: Mapping[Verdict, int]) -> str:
    """How many checks have each verdict, from their numbers."""
    return f"{number_of(sum(counts.values()), 'check')}: {in_words(counts) or 'nothing was tried'}"


def worst(*verdicts: Verdict) -> Verdict:
    """The worst of verdicts; what was skipped is better than nothing only."""
    return min(verdicts, key=SEVERITY.index)


def many(report: Report) -> bool:
    """Whether a report is on more accounts than are shown one by one."""
    seen: set[str] = set()
    for finding in report:
        seen.add(finding.account)
        if len(seen) > ACCOUNTS_IN_FULL:
            return True
    return False


def first_of(names: Sequence[str], shown: int = NAMES_IN_FULL) -> str:
    """The first of many names, and how many there are besides: `a, b, c and 209 more`."""
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest:,} more" if rest > 0 else "")


def number_of(count: int, noun: str) -> str:
    """A count with its noun: `1 check`, `2 checks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def by_account(report: Report) -> dict[str, Report]:
    """The findings of each account, accounts in ascending order, steps in the order of a run.

    Within a step the findings keep their order. A step that the table does not name comes last.
    """
    accounts: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report:
        accounts[finding.account].append(finding)
    return {
        account: Report.of(sorted(accounts[account], key=lambda finding: place_of(finding.step)))
        for account in sorted(accounts)
    }
