"""Why checks of many accounts are not green: findings with the same cause stand together.

Two findings have the same cause when they say the same once that is taken out which is each one's own: the
account, the caller, the action, identifiers and times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.views import words

_ACCOUNT, _CALLER, _ACTION = "<account>", "<caller>", "<action>"
_DIFFERS = "\N{HORIZONTAL ELLIPSIS}"

# What differs between two accounts though the cause is the same; the group, where there is one, is the value.
_OWN = re.compile(
    r"assumed-role/[^/\s]+/([\w+=,.@-]*\w)"
    r"|[Rr]equest ?I[Dd][:=]? ?([\w/+=-]+)"
    r"|\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b"
    r"|\bxacct-canary-([\w-]+)"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d{8}T\d{6}Z\b"
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|seconds?|minutes?|hours?)\b"
    # A new account, which has a name and an address, and the request for it.
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html
    r"|[\w!#$*+./=?^{}~-]{1,64}@[\w.-]{1,64}\w(?: \([^)]{1,50}\))?"
    r"|\bcar-[a-z0-9]{8,32}\b"
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
    r"|\b[a-z]{1,12}-[0-9a-f]{17}\b"
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
    r"|[\w+/=-]{80,}"
)
# An organization's policy: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Policy.html
# What was asked for may be a policy too.
_POLICY_ARN = re.compile(
    r"(?<!resource: )(?<! on )\barn:[\w-]+:(?:iam|organizations)::\w*:policy/[\w+=,.@/-]*\w"
)


class Key(NamedTuple):
    """What findings of one cause have in common."""

    step: str
    verdict: Verdict
    outcome: OutcomeKind
    what: str
    policies: tuple[str, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Findings that have the same cause.

    Attributes:
        accounts: the accounts that have it, ascending.
        actions: the IAM actions that it stands in the way of, in ascending order.
        steps: the steps that found it, in the order of a run.
        checks: how many findings there are.
        example: one of the findings, of the first account.
        policy: the policy that denies, by its ID or name; empty where none is named.
        why: the reason; what differs between the findings is left out.
        fix: what to do, likewise.
    """

    accounts: tuple[str, ...]
    actions: tuple[str, ...]
    steps: tuple[str, ...]
    checks: int
    example: Finding
    policy: str
    why: str
    fix: str

    @property
    def verdict(self) -> Verdict:
        """The verdict that all of the findings have."""
        return self.example.verdict

    @cached_property
    def what(self) -> str:
        """What came back for which actions, in one line."""
        if len(self.actions) > words.NAMES_IN_FULL:
            named = words.number_of(len(self.actions), "action")
        else:
            named = ", ".join(self.actions) or f"The step {words.step_title(self.example.step)}"
        came_back = words.came_back(self.example)
        plain = came_back.startswith(("allowed", "denied", "not ", "throttled"))
        policy = f" ({self.policy})" if self.policy else ""
        return f"{named}{' ' if plain else ': '}{came_back}{policy}"

    @property
    def title(self) -> str:
        """What came back for which actions, and in how many accounts."""
        return f"{self.what}: {words.number_of(len(self.accounts), 'account')}"


def causes(findings: Iterable[Finding]) -> list[Cause]:
    """Group what is not green by cause.

    Parameters:
        findings: a report, or any findings; green ones are passed over.

    Returns:
        The causes: those of most accounts first; of as many, those that are known to fail first.
    """
    gathering = Gathering()
    for finding in findings:
        if not finding.verdict.green:
            gathering.add(finding)
    return gathering.causes()


def key(finding: Finding) -> Key:
    """What tells the cause of a finding from other causes.

    The action is a part of it unless a policy is named that denies, or the finding says nothing of it:
    then it is the same for other actions. What was not tried for one reason has one cause in every step.
    """
    return _key(finding, _told(finding))


def _key(finding: Finding, told: tuple[str, str]) -> Key:
    policies = tuple(sorted(_policies(finding)))
    named = any(_ACTION in text for text in told)
    unknown = finding.outcome is OutcomeKind.UNKNOWN
    what = finding.action if named else "" if unknown else finding.service
    return Key(
        step="" if unknown and not named else finding.step,
        verdict=finding.verdict,
        outcome=finding.outcome,
        what="" if policies else what,
        policies=policies,
        told=tuple(part for text in told for part in _parts(text)[::2]),
    )


@dataclass
class _Gathered:
    example: Finding
    values: list[str]
    checks: int = 0
    accounts: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    callers: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)


class Gathering:
    """Causes in the making: of each only what it shows is held, not its findings."""

    def __init__(self) -> None:
        self._gathered: dict[object, _Gathered] = {}

    def add(self, finding: Finding, under: object = None) -> None:
        """Take in a finding.

        Parameters:
            finding: one that is not green.
            under: what it stands under, where that is not its own key.
        """
        told = _told(finding)
        values = [value for text in told for value in _parts(text)[1::2]]
        gathered = self._gathered.setdefault(under or _key(finding, told), _Gathered(finding, values))
        # The example does not depend on who was first to answer.
        if finding.account < gathered.example.account:
            gathered.example = finding
        gathered.checks += 1
        gathered.accounts.add(finding.account)
        gathered.actions.add(finding.action)
        gathered.callers.add(finding.caller)
        gathered.steps.add(finding.step)
        if values != gathered.values:
            pairs = zip(gathered.values, values, strict=False)
            gathered.values = [one if one == other else _DIFFERS for one, other in pairs]

    def items(self) -> list[tuple[object, Cause]]:
        """Each cause with what it stands under, in order."""
        made = [(under, _cause(gathered)) for under, gathered in self._gathered.items()]
        return sorted(made, key=lambda item: _place(item[1]))

    def causes(self) -> list[Cause]:
        """The causes, in order."""
        return [cause for _, cause in self.items()]


def _place(cause: Cause) -> tuple[object, ...]:
    return (
        -len(cause.accounts),
        words.SEVERITY.index(cause.verdict),
        words.place_of(cause.steps[0]),
        cause.what,
    )


def _cause(gathered: _Gathered) -> Cause:
    example = gathered.example
    why, fix = (_parts(text) for text in _told(example))
    known = {
        _ACCOUNT: _known(gathered.accounts, _ACCOUNT, 1),
        _CALLER: _known(gathered.callers, _CALLER),
        _ACTION: _known(gathered.actions, _ACTION),
    }
    split = len(why) // 2
    return Cause(
        accounts=tuple(sorted(gathered.accounts)),
        actions=tuple(sorted(filter(None, gathered.actions))),
        steps=tuple(sorted(gathered.steps, key=words.place_of)),
        checks=gathered.checks,
        example=example,
        policy=", ".join(arn.rpartition("/")[2] for arn in sorted(_policies(example))),
        why=_written(why, gathered.values[:split], known),
        fix=_written(fix, gathered.values[split:], known),
    )


def _known(names: set[str], mark: str, shown: int = words.NAMES_IN_FULL) -> Sequence[str]:
    return sorted(names) if len(names) <= shown else [mark]


def _written(parts: Sequence[str], values: Sequence[str], known: Mapping[str, Sequence[str]]) -> str:
    text = "".join(map("".join, zip(parts[::2], [*values, ""], strict=True)))
    for mark, names in known.items():
        # Several names do not make one ARN together: there the mark stays.
        place = re.escape(mark) if len(names) == 1 else rf"(?<![/:]){re.escape(mark)}(?!/)"
        text = "/".join(names).join(re.split(place, text))
    return text


def _policies(finding: Finding) -> set[str]:
    """The policies that a denial names; those of the account itself are the same in every account."""
    if not finding.outcome.denied:
        return set()
    answer = set(_POLICY_ARN.findall(finding.evidence.get("message", "")))
    named = answer or set(_POLICY_ARN.findall(finding.why))
    return {arn.replace(f":{finding.account}:", f":{_ACCOUNT}:") for arn in named}


def _told(finding: Finding) -> tuple[str, str]:
    """Why and fix, with marks in place of the finding's own caller, action and account."""
    return _marked(finding.why, finding), _marked(finding.fix, finding)


def _marked(text: str, finding: Finding) -> str:
    if ":" in finding.action:
        text = text.replace(finding.action, _ACTION)
    if finding.caller:
        text = re.sub(rf"(?<!\w){re.escape(finding.caller)}(?!\w)", _CALLER, text)
    return text.replace(finding.account, _ACCOUNT) if re.fullmatch(r"\d{12}", finding.account) else text


# Without the account most accounts say the same.
@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[str, ...]:
    """The text, taken apart: what is the cause's and what is an account's own, in turn."""
    parts, at = [], 0
    for own in _OWN.finditer(text):
        start, end = own.span(own.lastindex or 0)
        parts += [text[at:start], text[start:end]]
        at = end
    return (*parts, text[at:])
