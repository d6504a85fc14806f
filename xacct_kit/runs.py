"""A whole run: from params to a report, by whatever steps, in every account that the params are for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from xacct_kit.aws.session import Session
from xacct_kit.environment import connect
from xacct_kit.errors import RequestError
from xacct_kit.fleet.crew import Crew
from xacct_kit.fleet.deployment import deployment_of
from xacct_kit.fleet.journal import NAME, Journal
from xacct_kit.fleet.run import AS_A_WHOLE, BY_STACK_SET, AccountStep, name_of, run
from xacct_kit.fleet.targets import targeted
from xacct_kit.fleet.watching import watching
from xacct_kit.params import Params
from xacct_kit.report import Report
from xacct_kit.steps import (
    cost_explorer,
    deploy,
    drift,
    drift_repair,
    offboard,
    plan,
    posture,
    preflight,
    probes,
    rotation,
    rotation_proofs,
    status,
    trust,
)
from xacct_kit.steps.canaries import leftovers
from xacct_kit.steps.waiting import Progress, silent

CHECKS: tuple[AccountStep, ...] = (
    preflight.check_account,
    trust.check_account,
    cost_explorer.check_account,
    probes.probe_account,
)
DEPLOYMENT: tuple[AccountStep, ...] = (deploy.deploy_account,)
ONBOARDING: tuple[AccountStep, ...] = (CHECKS[0], *DEPLOYMENT, *CHECKS[1:])
PLAN: tuple[AccountStep, ...] = (plan.check_account,)
STATUS: tuple[AccountStep, ...] = (status.check_account,)
WAITING: tuple[AccountStep, ...] = (status.wait_until_onboarded,)
AUDIT: tuple[AccountStep, ...] = (drift.check_account, posture.check_account)
REPAIR: tuple[AccountStep, ...] = (drift_repair.repair_account,)
LEFTOVERS: tuple[AccountStep, ...] = (leftovers.remove_in_account,)
OFFBOARDING: tuple[AccountStep, ...] = (offboard.offboard_account,)
ROTATION: tuple[AccountStep, ...] = (rotation.update_account, rotation_proofs.prove_account)


def onboard(
    params: Params,
    *,
    deploying: bool = True,
    progress: Callable[[str], None] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    retry: bool = False,
    crew: Crew | None = None,
) -> Report:
    """Take every account of the params through all steps.

    Parameters:
        params: what the user asked for.
        deploying: whether the role is deployed first; otherwise nothing is changed.
        progress: is told, a line each, what it costs, what a deployment does and what is waited for.
        out: folder whose journal takes every finding as it becomes known; None keeps them in memory.
        resume: whether to go on with the journal that is there: only what is missing is done.
        retry: with `resume`, whether accounts with a finding that is not green are done again too.
        crew: who does the work, and how much at a time; when it is not given, the number of accounts decides.

    Returns:
        Every finding.

    Raises:
        RequestError: the params cannot be meant, or the journal is another run's.
        RunError: the run could not finish.
    """
    steps = ONBOARDING if deploying else CHECKS
    return carry_out(params, steps, progress=progress, out=out, resume=resume, retry=retry, crew=crew)


def carry_out(
    params: Params,
    steps: Sequence[AccountStep],
    *,
    progress: Callable[[str], None] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    retry: bool = False,
    crew: Crew | None = None,
) -> Report:
    """Take every account of the params through some steps.

    Parameters:
        params: what the user asked for.
        steps: what is done in an account, one after the other. What a stack set does where the params say so
            is done for all accounts first.
        progress, out, resume, retry, crew: as for `onboard`.

    Returns:
        Every finding.

    Raises:
        RequestError: the params cannot be meant, the journal is another run's, or the steps are such that a
            run of them is begun anew.
        RunError: the run could not finish.
    """
    if (resume or retry) and AS_A_WHOLE.keys() & set(steps):
        raise RequestError(
            "resume: a rotation that broke off goes on when it is started again, and proves every account: "
            "what a journal holds may have been proven of another external ID"
        )
    tell = progress or silent
    with connect(params) as session, ExitStack() as opened:
        stack_set = deployment_of(session) if BY_STACK_SET.keys() & set(steps) else None
        left_out = targeted(session).findings
        everybody = session.params.accounts
        journal, known = None, frozenset[str]()
        if out is not None:
            open_journal = Journal.resume if resume or retry else Journal.begin
            journal = opened.enter_context(open_journal(Path(out) / NAME, params, map(name_of, steps)))
            known = journal.done - (journal.red if retry else frozenset())
        if cost_explorer.check_account in steps:
            tell(cost_explorer.price_note(session))
        watch = opened.enter_context(watching(len(everybody), len(known.intersection(everybody))))
        return run(
            session,
            steps,
            progress=tell,
            crew=replace(crew or Crew(), connect=connect),
            ledger=journal,
            known=known,
            left_out=left_out,
            stack_set=stack_set,
            watch=watch,
        )


def rotate_external_id(session: Session, *, progress: Progress = silent, crew: Crew | None = None) -> Report:
    """Give every account of the params a new external ID, which comes to stand at the params' reference.

    Where one account is not proven, the reference keeps the old one, and the findings say which is valid
    where: mend what they say and rotate again, which goes on with the same new one. With a stack set all of
    its accounts are rotated, or none (`fleet.stack_set_rotation.begin` says why). An account that shares the
    reference and is not in the params keeps the old one, which nobody finds at the reference any more.

    Parameters:
        session: whose run it is.
        progress: is told each part as it begins.
        crew: who does the work, and how much at a time; when it is not given, the number of accounts decides.

    Returns:
        For each account what became of its stack, of the new and of the old external ID; and whether the
        reference was switched.

    Raises:
        ParamsError: there is none at the reference, none can be kept there, or a stack set has other accounts
            too.
        AccessError: one cannot be read or kept.
        RunError: the organization or the stack set cannot be read.
    """
    stack_set = deployment_of(session)
    left_out = targeted(session).findings
    hands = replace(crew or Crew(), connect=connect)
    return run(session, ROTATION, progress=progress, crew=hands, left_out=left_out, stack_set=stack_set)
