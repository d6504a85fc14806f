"""The permissions step: every probe of the catalogue, made as the cross-account execution role."""

from __future__ import annotations

from functools import partial

from xacct_kit.aws.answers import Assumption
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Report
from xacct_kit.steps.callers import role_access
from xacct_kit.steps.canaries.flight import fly_canaries
from xacct_kit.steps.catalogue import PROBES, Probe
from xacct_kit.steps.findings import not_tried
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.trial import Trial, filled, placeholders
from xacct_kit.steps.waiting import Progress, silent


def probe_permissions(session: Session, *, progress: Progress = silent) -> Report:
    """Probe every permission of the role in every account of the params.

    Nothing is changed, unless the params ask for canaries: these make things, and remove them again. Cost
    Explorer charges for one request an account, unless it has just been asked.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for.

    Returns:
        A finding a probe and account.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in probe_account(session, account, progress))


def probe_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Probe every permission of the role in one account."""
    role = role_access(session, account, progress)
    findings = side_by_side(
        [partial(probe_as, session, account, role, probe, progress=progress) for probe in PROBES]
    )
    if session.params.probes == "canary":
        findings += fly_canaries(session, account, role, progress)
    return findings


def prepare(session: Session, account: str) -> None:
    """Build the clients of the probes while other steps wait for answers: it takes longer than the probes.

    Parameters:
        session: whose run it is.
        account: the first account that is probed.
    """
    values = placeholders(session, account)
    regions = {(probe.service, filled(probe.region, values)): None for probe in PROBES}
    session.prepare([(service, region) for service, region in regions if region])


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
    trial = Trial(
        session=session,
        account=account,
        role=role,
        probe=probe,
        values=placeholders(session, account),
        step=step,
        progress=progress,
    )
    return trial.guarded(partial(_paid if probe.price else _free, trial))


def _free(trial: Trial) -> Finding:
    return trial.judged(trial.ask())


def _paid(trial: Trial) -> Finding:
    """The finding of a call that costs money, within the budget of the params."""
    session, price = trial.session, trial.probe.price
    key = (trial.account, trial.probe.name)
    answer, earlier = session.payments.ask(key, price, trial.ask)
    if answer is None:
        return _too_dear(trial)
    name = trial.question.caller
    why = f"{name} may call {trial.probe.action}; this answer was already paid for." if earlier else None
    return trial.judged(answer, why=why, cost=price if answer.ok and not earlier else 0.0)


def _too_dear(trial: Trial) -> Finding:
    limit = trial.session.params.max_cost_usd
    return not_tried(
        trial.session,
        trial.question,
        f"{trial.probe.action} was not tried: it costs ${trial.probe.price:.2f}, and the limit of "
        f"${limit:.2f} is used up.",
        "Raise max_cost_usd, or probe fewer accounts in a run.",
    )
