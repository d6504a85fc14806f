"""Canaries: things that are made in a member account and removed again, as the role.

Each call is a probe of its own. Whatever happens in between, what was made is removed: by the role, or else
by whoever deploys. What a killed run leaves is found by the next (`xacct_kit.steps.canaries.leftovers`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Answer, Assumption
from xacct_kit.aws.session import Session
from xacct_kit.report import Expectation, Finding, OutcomeKind, Verdict
from xacct_kit.steps.callers import role_definition
from xacct_kit.steps.canaries.catalogue import CANARIES, CREATE_TAGS, STEP, Canary
from xacct_kit.steps.canaries.leftovers import REMOVE, find_leftovers
from xacct_kit.steps.catalogue import Probe
from xacct_kit.steps.findings import NOT_KNOWN, finding, not_tried, skipped
from xacct_kit.steps.trial import Trial, filled, grants, placeholders
from xacct_kit.steps.waiting import Progress, attempts

# Seconds in which what was made, or removed, has to be known everywhere.
_SECONDS = 60.0


def fly_canaries(session: Session, account: str, role: Assumption, progress: Progress) -> Iterator[Finding]:
    """Look for what earlier canaries have left, then make, use and remove one of each kind.

    Parameters:
        session: whose run it is.
        account: the member account.
        role: what came of assuming the role.
        progress: is told what is made.
    """
    yield from find_leftovers(session, account, role.caller)
    run = f"{datetime.now(UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(3)}"
    for canary in CANARIES:
        name = canary.label.format(run=run, account=account)
        if role.caller is not None:
            progress(f"canary in {account}: {canary.thing} {name}")
        yield from _Flight(session, account, role, canary, name).findings()
    yield _tagging(session, account, role)


@dataclass
class _Flight:
    """One canary, from its making to its removal.

    Attributes:
        there: whether it is there; None where nobody knows, since an answer was lost.
        left: whether it could not be removed.
    """

    session: Session
    account: str
    role: Assumption
    canary: Canary
    name: str
    there: bool | None = False
    left: bool = False

    def findings(self) -> list[Finding]:
        """Make it, use it and remove it; a finding a call."""
        removals: list[Finding] = []
        try:
            flown = [self._tried(self.canary.made, self._make)]
            flown += [self._tried(use.probe, partial(self._use, use.shows)) for use in self.canary.used]
        finally:
            removals += [self._tried(probe, self._remove) for probe in self.canary.removed]
        gone = [self._tried(self.canary.gone, self._gone)] if self.canary.gone else []
        return [*flown, *removals, *gone]

    def _tried(self, probe: Probe, check: Callable[[Trial], Finding]) -> Finding:
        trial = self._trial(probe)
        return trial.guarded(partial(check, trial))

    def _trial(self, probe: Probe) -> Trial:
        return Trial(
            session=self.session,
            account=self.account,
            role=self.role,
            probe=probe,
            values={**placeholders(self.session, self.account), "canary": self.name},
            step=STEP,
        )

    def _make(self, trial: Trial) -> Finding:
        tagging = self._granted_tagging(trial)
        if tagging:
            trial = replace(trial, besides=(tagging,))
        self.there = None
        answer = trial.ask()
        if answer.outcome.kind.denied and self.canary.tagging and not tagging:
            # Tags take a permission that the profile does not give.
            trial = replace(trial, probe=_untagged(trial.probe))
            answer = trial.ask()
        self.there = _is_there(answer)
        return _paid(trial, answer)

    def _granted_tagging(self, trial: Trial) -> str:
        """The IAM action that the tags take, if the profile gives it to the role."""
        role, action = role_definition(self.session, self.account), self.canary.tagging
        resource = filled(trial.probe.resource, trial.values)
        return action if action and grants(role, action, resource, trial.values) else ""

    def _use(self, shows: Callable[[Mapping[str, Any]], bool], trial: Trial) -> Finding:
        if not self.there:
            return self._nothing_there(trial)
        for _ in attempts(self._patience):
            answer = trial.ask()
            if trial.question.expected is Expectation.DENIED or not (answer.ok or answer.absent):
                return trial.judged(answer)
            if answer.ok and shows(answer.result):
                return _paid(trial, answer)
        why = f"{self._it} was made, and {trial.probe.action} does not show it after {self._patience:.0f} s."
        return finding(self.session, trial.question, answer.outcome, verdict=Verdict.UNKNOWN, why=why)

    def _remove(self, trial: Trial) -> Finding:
        if self.there is False:
            return self._nothing_there(trial)
        answer = self._removal(trial)
        if answer.ok:
            return trial.judged(answer)
        if self.there is None and answer.absent:
            return self._nothing_there(trial)
        return self._removed_otherwise(trial, answer)

    def _removal(self, trial: Trial) -> Answer:
        for _ in attempts(self._patience if self.there else 0.0):
            answer = trial.ask()
            if not answer.absent:
                break
        return answer

    def _removed_otherwise(self, trial: Trial, answer: Answer) -> Finding:
        """The finding of a removal that the role could not do, after whoever deploys has tried."""
        row = trial.judged(answer)
        deployer = self.session.deployer(self.account)
        if deployer.caller is not None and replace(trial, role=deployer).ask().ok:
            why = f"{row.why} {deployer.caller.name} has removed it."
            return row if row.verdict.green else replace(row, why=why)
        self.left = True
        return replace(
            row,
            verdict=Verdict.FAIL if row.verdict.green else row.verdict,
            why=f"{row.why} {self._it} {'is' if self.there else 'may be'} left.",
            fix=f"{row.fix} {REMOVE}".strip(),
        )

    def _gone(self, trial: Trial) -> Finding:
        if self.there is False or self.left:
            return self._nothing_there(trial)
        for _ in attempts(self._patience):
            answer = trial.ask()
            if not answer.ok:
                return trial.judged(answer)
        why = f"{self._it} is being removed, and is still there after {self._patience:.0f} s."
        return finding(
            self.session, trial.question, answer.outcome, verdict=Verdict.UNKNOWN, why=why, fix=REMOVE
        )

    def _nothing_there(self, trial: Trial) -> Finding:
        """The finding of a call for which there is nothing to try it on."""
        made = self._trial(self.canary.made).question
        if self.there is False and made.expected is Expectation.DENIED:
            why = f"There is no {self.canary.thing} to try it on: making one is refused, as it should be."
            return skipped(self.session, trial.question, why)
        why = f"{self._it} could not be removed."
        if not self.left:
            why = f"There is no {self.canary.thing} to try it on: none is known to have been made."
        return not_tried(self.session, trial.question, why, f"Mend what is said of {made.probe} first.")

    @property
    def _patience(self) -> float:
        return min(_SECONDS, self.session.params.wait_seconds)

    @property
    def _it(self) -> str:
        return f"The {self.canary.thing} {self.name}"


def _is_there(made: Answer) -> bool | None:
    """Whether something was made; None where nobody knows, since an answer may have been lost."""
    if made.outcome.kind.denied or made.outcome.kind in (
        OutcomeKind.NOT_ENABLED,
        OutcomeKind.REGION_DISABLED,
    ):
        return False
    # What is said to be there already has been made by an attempt whose answer was lost.
    return True if made.ok or made.outcome.kind is OutcomeKind.ALLOWED else None


def _untagged(probe: Probe) -> Probe:
    """The same call without tags, at whatever depth they are."""

    def without(value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: without(part) for key, part in value.items() if key != "Tags"}

    return replace(probe, params={key: without(part) for key, part in probe.params.items() if key != "Tags"})


def _paid(trial: Trial, answer: Answer) -> Finding:
    return trial.judged(answer, cost=trial.probe.price if answer.ok else 0.0)


def _tagging(session: Session, account: str, role: Assumption) -> Finding:
    """The dry run of tagging, on a VPC of the account."""
    vpcs = session.call(role.caller, "ec2", "DescribeVpcs", MaxResults=5) if role.caller else _NOT_ASKED
    found = vpcs.result.get("Vpcs", [])
    vpc = found[0]["VpcId"] if found else "*"
    values = {**placeholders(session, account), "canary": STEP, "vpc": vpc}
    trial = Trial(session=session, account=account, role=role, probe=CREATE_TAGS, values=values, step=STEP)

    def tried() -> Finding:
        if found:
            return trial.judged(trial.ask())
        if vpcs.ok:
            why = f"There is no VPC in {session.params.region} that a tag could be tried on."
            return skipped(session, trial.question, why)
        why = f"{CREATE_TAGS.action} was not tried: no VPC could be found to try it on."
        return not_tried(session, trial.question, why, vpcs.outcome.fix, vpcs.outcome)

    return trial.guarded(tried)


_NOT_ASKED = Answer(NOT_KNOWN)
