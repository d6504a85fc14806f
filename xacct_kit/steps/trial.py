"""A trial: one probe, made as the role in one account. What is asked, what must come back, what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

from xacct_kit.aws.answers import Answer, Assumption, Caller
from xacct_kit.aws.session import Session
from xacct_kit.iam import Request
from xacct_kit.report import Expectation, Finding
from xacct_kit.role.certainty import certainly
from xacct_kit.role.profile import RoleDefinition
from xacct_kit.role.repair import Goal
from xacct_kit.steps.callers import execution_role, role_definition
from xacct_kit.steps.catalogue import Probe
from xacct_kit.steps.denials import Denial, explain
from xacct_kit.steps.findings import Question, finding, guarded, not_tried, skipped
from xacct_kit.steps.propagation import settled
from xacct_kit.steps.waiting import Progress, silent


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A probe that is made as the role in one account.

    Attributes:
        session: whose run it is.
        account: the member account.
        role: what came of assuming the role.
        probe: the probe.
        values: what the probe's placeholders stand for.
        step: the step that the finding belongs to.
        progress: is told what is waited for, when the role is new.
        besides: IAM actions that the call takes besides its own, on the same resource.
    """

    session: Session
    account: str
    role: Assumption
    probe: Probe
    values: Mapping[str, str]
    step: str
    progress: Progress = silent
    besides: tuple[str, ...] = ()

    @cached_property
    def question(self) -> Question:
        """What is asked, and what the profile says must come back."""
        probe = self.probe
        return Question(
            step=self.step,
            probe=probe.name,
            account=self.account,
            caller=self.session.params.role_name,
            action=probe.action,
            expected=self._expected or Expectation.ALLOWED,
            region=filled(probe.region, self.values),
        )

    @cached_property
    def _definition(self) -> RoleDefinition:
        return role_definition(self.session, self.account)

    @cached_property
    def _expected(self) -> Expectation | None:
        region = filled(self.probe.region, self.values) or self.values["region"]
        return expectation(self._definition, self.probe, {**self.values, "region": region})

    @property
    def caller(self) -> Caller:
        """Who makes the call."""
        assert self.role.caller is not None
        return self.role.caller

    def impossible(self) -> Finding | None:
        """The finding where the probe cannot be made at all: not offered here, or nobody is in."""
        session, question = self.session, self.question
        lacking = session.partition.lacks(question.service)
        if lacking:
            return skipped(session, question, lacking)
        if self._expected is None:
            why = (
                f"Whether the profile {session.params.profile} allows {question.action} hangs on a condition "
                "that only AWS can judge, so nothing is expected."
            )
            return skipped(session, question, why)
        if self.role.caller is None:
            name = session.params.role_name
            why = f"Nobody could assume {name} in {self.account}, so nothing can be said of its permissions."
            fix = "Mend what the trust step says, then probe again."
            return not_tried(session, question, why, fix, self.role.answer.outcome)
        return None

    def guarded(self, check: Callable[[], Finding]) -> Finding:
        """The finding of a check by this probe, where it can be made; whatever breaks it is its finding."""
        return guarded(self.session, self.question, lambda: self.impossible() or check())

    def ask(self) -> Answer:
        """Make the call; while the role is new, a refusal of what must be allowed is asked again."""
        caller = self.caller
        params = filled(self.probe.params, self.values)
        service, operation = self.probe.service, self.probe.operation

        def call() -> Answer:
            return self.session.call(caller, service, operation, region=self.question.region, **params)

        if self.question.expected is Expectation.DENIED:
            return call()
        answer: Answer = settled(self.session, self.account, call, attrgetter("outcome"), self.progress)
        return answer

    def judged(self, answer: Answer, *, why: str | None = None, cost: float = 0.0) -> Finding:
        """Hold an answer against the question; a denial that should not be is explained."""
        judged = partial(
            finding, self.session, self.question, answer.outcome, seconds=answer.seconds, cost=cost
        )
        if self.question.expected is Expectation.DENIED or not answer.outcome.kind.denied:
            return judged(why=why)
        found = explain(self._denial(answer))
        return judged(why=f"{found.why} {why}" if why else found.why, fix=found.fix, patch=found.patch)

    def _denial(self, answer: Answer) -> Denial:
        actions = dict.fromkeys((self.probe.action, *self.besides), filled(self.probe.resource, self.values))
        # A call can take more permissions than its own.
        refused, resource = answer.outcome.action or self.probe.action, answer.outcome.resource or "*"
        named = next((action for action in actions if action.lower() == refused.lower()), refused)
        first = self._request(named, actions.pop(named, resource))
        goal = Goal(
            request=first,
            role_arn=self.values["role_arn"],
            granting=self._definition.policies,
            besides=tuple(self._request(action, place) for action, place in actions.items()),
            # A name of this run alone would mend nothing for the next.
            scope="*" if "{canary}" in self.probe.resource else None,
        )
        return Denial(session=self.session, account=self.account, goal=goal, outcome=answer.outcome)

    def _request(self, action: str, resource: str) -> Request:
        region = self.question.region or self.session.params.region
        return Request(
            principal=self.caller.arn,
            action=action,
            resource=resource,
            context={"aws:RequestedRegion": region},
        )


def expectation(role: RoleDefinition, probe: Probe, values: Mapping[str, str]) -> Expectation | None:
    """What the profile's documents say to a probe, those of its boundary too.

    Parameters:
        role: what the role must be in the account.
        probe: the probe.
        values: what the probe's placeholders stand for.

    Returns:
        What must come back; None where it hangs on what cannot be known beforehand.
    """
    granted = grants(role, probe.action, filled(probe.resource, values), values)
    if granted is None:
        return None
    return Expectation.ALLOWED if granted else Expectation.DENIED


def grants(role: RoleDefinition, action: str, resource: str, values: Mapping[str, str]) -> bool | None:
    """Whether the profile's documents let the role do something; None where that cannot be known.

    Parameters:
        role: what the role must be in the account.
        action: the IAM action.
        resource: what it is done to.
        values: what the placeholders of probes stand for in the account.
    """
    request = Request(
        principal=values["role_arn"],
        action=action,
        resource=resource,
        context={"aws:RequestedRegion": values["region"]},
    )
    return certainly(request, identity=tuple(role.policies.values()), boundary=role.boundary)


def placeholders(session: Session, account: str) -> dict[str, str]:
    """What the placeholders of probes stand for in an account."""
    start, end = _period(datetime.now(UTC).date())
    region = session.params.region
    return {
        "partition": session.partition.name,
        "region": region,
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: the first Region has no name.
        "location": "" if region == "us-east-1" else region,
        "cost_explorer_region": session.partition.cost_explorer_region or "",
        "account": account,
        "role_name": session.params.role_name,
        "role_arn": execution_role(session, account),
        "stack_name": session.params.stack_name,
        "period_start": start,
        "period_end": end,
    }


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """A template with its placeholders filled in, at any depth; what comes out empty is left out."""
    if isinstance(template, str):
        return template.format_map(values)
    if isinstance(template, Mapping):
        parts = {key: filled(value, values) for key, value in template.items()}
        return {key: part for key, part in parts.items() if part not in ("", {})}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


def _period(today: date) -> tuple[str, str]:
    """This month so far; on its first day the day before, since the end is not part of the period."""
    start = today.replace(day=1)
    if start == today:
        start = today - timedelta(days=1)
    return start.isoformat(), today.isoformat()
