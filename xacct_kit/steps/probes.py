"""The permissions step: every probe of the catalogue, made as the cross-account execution role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from xacct_kit.aws.session import Answer, Assumption, Caller, Session
from xacct_kit.iam import Decision, Request, decide
from xacct_kit.report import Expectation, Finding, Outcome, Report
from xacct_kit.role.profile import Document, Profile, load_profile
from xacct_kit.role.repair import Goal
from xacct_kit.steps.callers import execution_role, role_access
from xacct_kit.steps.catalogue import PROBES, Probe
from xacct_kit.steps.denials import Denial, explain
from xacct_kit.steps.findings import Question, finding, guarded, not_tried, skipped
from xacct_kit.steps.propagation import settled
from xacct_kit.steps.waiting import Progress, silent


def probe_permissions(session: Session, *, progress: Progress = silent) -> Report:
    """Probe every permission of the role in every account of the params.

    Nothing is changed. Cost Explorer charges for one request an account, unless it has just been asked.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for, when the role is new.

    Returns:
        A finding a probe and account.
    """
    accounts = session.params.member_accounts
    return Report.of(row for account in accounts for row in probe_account(session, account, progress))


def probe_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Probe every permission of the role in one account."""
    role = role_access(session, account, progress)
    return [probe_as(session, account, role, probe, progress=progress) for probe in PROBES]


def expectation(profile: Profile, probe: Probe, values: Mapping[str, str]) -> Expectation:
    """What the profile's documents say to a probe.

    Parameters:
        profile: what the role must be.
        probe: the probe.
        values: what the probe's placeholders stand for.
    """
    decision = _decision(*profile.permissions.values(), probe=probe, values=values, boundary=profile.boundary)
    return Expectation.ALLOWED if decision.allowed else Expectation.DENIED


def _decision(
    *documents: Document, probe: Probe, values: Mapping[str, str], boundary: Document | None = None
) -> Decision:
    request = Request(
        principal=values["role_arn"], action=probe.action, resource=filled(probe.resource, values)
    )
    return decide(request, identity=documents, boundary=boundary)


def placeholders(session: Session, account: str) -> dict[str, str]:
    """What the placeholders of probes stand for in an account."""
    start, end = _period(datetime.now(UTC).date())
    return {
        "partition": session.partition.name,
        "region": session.params.region,
        "cost_explorer_region": session.partition.cost_explorer_region or "",
        "account": account,
        "role_name": session.params.role_name,
        "role_arn": execution_role(session, account),
        "stack_name": session.params.stack_name,
        "period_start": start,
        "period_end": end,
    }


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """A template with its placeholders filled in, at any depth."""
    if isinstance(template, str):
        return template.format_map(values)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    return template


def _period(today: date) -> tuple[str, str]:
    """This month so far; on its first day the day before, since the end is not part of the period."""
    start = today.replace(day=1)
    if start == today:
        start = today - timedelta(days=1)
    return start.isoformat(), today.isoformat()


def probe_as(
    session: Session,
    account: str,
    role: Assumption,
    probe: Probe,
    *,
    step: str = "permissions",
    progress: Progress = silent,
) -> Finding:
    """Make one probe as the role.

    Parameters:
        session: whose run it is.
        account: the member account.
        role: what came of assuming it.
        probe: the probe.
        step: the step that the finding belongs to.
        progress: is told what is waited for, when the role is new.
    """
    values = placeholders(session, account)
    question = Question(
        step=step,
        probe=probe.name,
        account=account,
        caller=session.params.role_name,
        action=probe.action,
        expected=expectation(load_profile(session.params.profile), probe, values),
        region=filled(probe.region, values),
    )
    return guarded(session, question, partial(_probed, session, question, role, probe, values, progress))


def _probed(
    session: Session,
    question: Question,
    role: Assumption,
    probe: Probe,
    values: Mapping[str, str],
    progress: Progress,
) -> Finding:
    if not question.region:
        why = f"{question.service} is not offered in the partition {session.partition.name}."
        return skipped(session, question, why)
    caller = role.caller
    if caller is None:
        return _not_assumed(session, question, role.answer.outcome)
    params = filled(probe.params, values)

    def call() -> Answer:
        return session.call(caller, probe.service, probe.operation, region=question.region, **params)

    if question.expected is Expectation.DENIED:
        return _asked(session, question, caller, probe, call)
    ask = partial(settled, session, question.account, call, attrgetter("outcome"), progress)
    return _asked(session, question, caller, probe, ask)


def _asked(
    session: Session, question: Question, caller: Caller, probe: Probe, ask: Callable[[], Answer]
) -> Finding:

    if not probe.price:
        return _judged(session, question, probe, ask(), caller=caller)
    if not session.can_afford((question.account, probe.name), probe.price):
        return _too_dear(session, question, probe.price)
    answer, earlier = session.ask_once((question.account, probe.name), probe.price, ask)
    why = f"{caller.name} may call {probe.action}; this answer was already paid for." if earlier else None
    cost = probe.price if answer.ok and not earlier else 0.0
    return _judged(session, question, probe, answer, caller=caller, why=why, cost=cost)


def _judged(
    session: Session,
    question: Question,
    probe: Probe,
    answer: Answer,
    *,
    caller: Caller,
    why: str | None = None,
    cost: float = 0.0,
) -> Finding:
    judged = partial(finding, session, question, answer.outcome, seconds=answer.seconds, cost=cost)
    if question.expected is Expectation.DENIED or not answer.outcome.kind.denied:
        return judged(why=why)
    found = explain(_denial(session, question, probe, answer, caller))
    return judged(why=found.why, fix=found.fix, patch=found.patch)


def _denial(session: Session, question: Question, probe: Probe, answer: Answer, caller: Caller) -> Denial:
    values = placeholders(session, question.account)
    request = Request(
        principal=caller.arn,
        action=question.action,
        resource=filled(probe.resource, values),
        context={"aws:RequestedRegion": question.region or session.params.region},
    )
    granting = load_profile(session.params.profile).permissions
    goal = Goal(request=request, role_arn=values["role_arn"], granting=granting)
    return Denial(session=session, account=question.account, goal=goal, outcome=answer.outcome)


def _too_dear(session: Session, question: Question, price: float) -> Finding:
    limit = session.params.max_cost_usd
    return not_tried(
        session,
        question,
        f"{question.action} was not tried: it costs ${price:.2f}, and the limit of ${limit:.2f} is used up.",
        "Raise max_cost_usd, or probe fewer accounts in a run.",
    )


def _not_assumed(session: Session, question: Question, because: Outcome) -> Finding:
    role = session.params.role_name
    return not_tried(
        session,
        question,
        f"Nobody could assume {role} in {question.account}, so nothing can be said of its permissions.",
        "Mend what the trust step says, then probe again.",
        because,
    )
