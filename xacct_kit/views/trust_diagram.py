"""Who can assume the role and who is kept out, as a diagram: main's roles, the role, the member's root.

Of the findings of the trust step alone. Where it is drawn is said by `trust_layout`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.views import words

STEP = "trust"

# How the role was asked for, by the name of the check.
_HOW: Mapping[str, str] = {
    "assume-with-external-id": "with the external ID",
    "assume-without-external-id": "without an external ID",
    "assume-with-wrong-external-id": "with a wrong external ID",
    "assume-as-untrusted-role": "with the external ID",
}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One way in which somebody asked for the role.

    Attributes:
        how: how it was asked for.
        came: what came of it, in a word or two.
        allowed: whether the role was given; None where that was not told.
        verdict: whether that is as it should be.
    """

    how: str
    came: str
    allowed: bool | None
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody who asked for the role.

    Attributes:
        name: as whom.
        place: whose it is; empty where the findings do not say.
        member: whether it is the member account itself.
        attempts: how it asked, and what came of it.
    """

    name: str
    place: str
    member: bool
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """Accounts whose role lets in and keeps out the same ones.

    Attributes:
        accounts: the accounts, ascending.
        role: the role's name.
        askers: who asked for it.
        reasons: why what is not green is not; of accounts that are alike, in the first of them.
    """

    accounts: tuple[str, ...]
    role: str
    askers: tuple[Asker, ...]
    reasons: tuple[tuple[Verdict, str], ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all attempts."""
        return words.worst(*(attempt.verdict for asker in self.askers for attempt in asker.attempts))

    @property
    def title(self) -> str:
        """Whose role it is."""
        if len(self.accounts) == 1:
            return f"Account {self.accounts[0]}"
        return f"{self.place}: {words.first_of(self.accounts)}"

    @property
    def place(self) -> str:
        """Where the role is."""
        alone = len(self.accounts) == 1
        return f"member account {self.accounts[0]}" if alone else f"{len(self.accounts):,} accounts alike"

    @property
    def sentences(self) -> tuple[tuple[Verdict, str], ...]:
        """Each attempt as a sentence, with its verdict."""
        return tuple(
            (attempt.verdict, f"{asker.name}{_of(asker)}, {attempt.how}: {attempt.came}")
            for asker in self.askers
            for attempt in asker.attempts
        )


def diagrams(findings: Iterable[Finding]) -> list[Diagram]:
    """The diagrams of a report, one for accounts that are alike: the worst first, then that of most.

    Parameters:
        findings: a report, or any findings; those of other steps are passed over.
    """
    accounts: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.step == STEP and finding.caller:
            accounts[finding.account].append(finding)
    alike: defaultdict[tuple[tuple[str, ...], ...], list[str]] = defaultdict(list)
    for account in sorted(accounts):
        alike[tuple(map(_pattern, accounts[account]))].append(account)
    made = [_diagram([accounts[account] for account in group]) for group in alike.values()]
    return sorted(made, key=lambda each: (words.SEVERITY.index(each.verdict), -len(each.accounts)))


def _pattern(finding: Finding) -> tuple[str, ...]:
    why = "" if finding.verdict.green else finding.why.replace(finding.account, "")
    return (finding.caller, finding.probe, finding.verdict, finding.outcome, why)


def _diagram(group: Sequence[Sequence[Finding]]) -> Diagram:
    first = group[0]
    asked: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in first:
        asked[finding.caller].append(finding)
    red = [(finding.verdict, finding.why) for finding in first if not finding.verdict.green]
    return Diagram(
        accounts=tuple(findings[0].account for findings in group),
        role=next(
            (_name(finding.evidence["role"]) for finding in first if "role" in finding.evidence), "role"
        ),
        askers=tuple(_asker(name, rows) for name, rows in asked.items()),
        reasons=tuple(dict.fromkeys(red)),
    )


def _asker(name: str, rows: Sequence[Finding]) -> Asker:
    arn = next((row.evidence["principal"] for row in rows if "principal" in row.evidence), "")
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    member = account == rows[0].account
    place = f"main account {account}" if account else ""
    return Asker(
        name=name,
        place="root of the member account" if member else place,
        member=member,
        attempts=tuple(map(_attempt, rows)),
    )


def _attempt(finding: Finding) -> Attempt:
    allowed, denied = finding.outcome is OutcomeKind.ALLOWED, finding.outcome.denied
    return Attempt(
        how=_HOW.get(finding.probe, finding.probe.replace("-", " ")),
        came="allowed" if allowed else "refused" if denied else words.came_back(finding),
        allowed=allowed if allowed or denied else None,
        verdict=finding.verdict,
    )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _of(asker: Asker) -> str:
    return f" ({asker.place})" if asker.place else ""
