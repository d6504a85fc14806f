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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xacct_kit.aws.session import Session
    from xacct_kit.environment import connect
    from xacct_kit.errors import XacctError
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.params import Params
    from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
    from xacct_kit.steps.cost_explorer import check_cost_explorer, price_note
    from xacct_kit.steps.deploy import deploy_role
    from xacct_kit.steps.preflight import preflight
    from xacct_kit.steps.probes import probe_permissions
    from xacct_kit.steps.trust import check_trust

__all__ = [
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
    params: Params, *, deploying: bool = True, progress: Callable[[str], None] | None = None
) -> Report:
    """Take every account of the params through all steps.

    Parameters:
        params: what the user asked for.
        deploying: whether the role is deployed first; otherwise nothing is changed.
        progress: is told, a line each, what a deployment does and what is waited for.

    Returns:
        Every finding; `report.ok` says whether all of them are green.

    Raises:
        RequestError: the params cannot be meant.
        RunError: the run could not finish.
    """
    from xacct_kit.environment import connect
    from xacct_kit.fleet.run import run
    from xacct_kit.steps.waiting import silent

    with connect(params) as session:
        return run(session, deploying=deploying, progress=progress or silent)
