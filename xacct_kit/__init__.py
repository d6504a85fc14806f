"""xacct-kit: onboard AWS accounts for analytics, and prove that every permission is there.

import xacct_kit as xk

params = xk.Params.load("params/sandbox.yaml")
with xk.connect(params) as session:
xk.deploy_role(session)
xk.check_trust(session)
xk.check_cost_explorer(session)
xk.probe_permissions(session)
report = xk.onboard(params)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xacct_kit.aws.session import Session
    from xacct_kit.environment import connect
    from xacct_kit.errors import XacctError
    from xacct_kit.fleet.crew import Crew
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.params import Params
    from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
    from xacct_kit.steps.cost_explorer import check_cost_explorer, price_note
    from xacct_kit.steps.deploy import deploy_role
    from xacct_kit.steps.preflight import preflight
    from xacct_kit.steps.probes import probe_permissions
    from xacct_kit.steps.trust import check_trust

__all__ = [
    "Crew",
    "Finding",
    "Outcome",
    "OutcomeKind",
    "Params",
    "Report",
    "Session",
    "Verdict",
    "XacctError",
    "check_cost_explorer",
    "check_trust",
    "connect",
    "deploy_role",
    "onboard",
    "preflight",
    "price_note",
    "probe_permissions",
    "targeted",
]

__version__ = "0.1.0"

# Loaded when used: importing the kit must cost a notebook nothing.
_HOMES = {
    "Crew": "fleet.crew",
    "Finding": "report",
    "Outcome": "report",
    "OutcomeKind": "report",
    "Params": "params",
    "Report": "report",
    "Session": "aws.session",
    "Verdict": "report",
    "XacctError": "errors",
    "check_cost_explorer": "steps.cost_explorer",
    "check_trust": "steps.trust",
    "connect": "environment",
    "deploy_role": "steps.deploy",
    "preflight": "steps.preflight",
    "price_note": "steps.cost_explorer",
    "probe_permissions": "steps.probes",
    "targeted": "fleet.targets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


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
    from xacct_kit.environment import connect
    from xacct_kit.fleet.crew import Crew
    from xacct_kit.fleet.deployment import deployment_of
    from xacct_kit.fleet.journal import NAME, Journal
    from xacct_kit.fleet.run import run
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.fleet.watching import watching
    from xacct_kit.steps.cost_explorer import price_note
    from xacct_kit.steps.waiting import silent

    tell = progress or silent
    with connect(params) as session, ExitStack() as opened:
        stack_set = deployment_of(session) if deploying else None
        left_out = targeted(session).findings
        everybody = session.params.accounts
        journal, known = None, frozenset[str]()
        if out is not None:
            open_journal = Journal.resume if resume or retry else Journal.begin
            journal = opened.enter_context(open_journal(Path(out) / NAME, params))
            known = journal.done - (journal.red if retry else frozenset())
        tell(price_note(session))
        watch = opened.enter_context(watching(len(everybody), len(known.intersection(everybody))))
        return run(
            session,
            deploying=deploying,
            progress=tell,
            crew=replace(crew or Crew(), connect=connect),
            ledger=journal,
            known=known,
            left_out=left_out,
            stack_set=stack_set,
            watch=watch,
        )
