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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xacct_kit.aws.session import Session
    from xacct_kit.environment import connect
    from xacct_kit.errors import XacctError
    from xacct_kit.fleet.crew import Crew
    from xacct_kit.fleet.journal import read_journal
    from xacct_kit.fleet.new_accounts import create_accounts
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.interactive.watch import watch
    from xacct_kit.interactive.wizard import wizard
    from xacct_kit.params import Params
    from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
    from xacct_kit.runs import onboard, rotate_external_id
    from xacct_kit.steps.cost_explorer import check_cost_explorer, price_note
    from xacct_kit.steps.creation.new_account import NewAccount
    from xacct_kit.steps.deploy import deploy_role
    from xacct_kit.steps.drift import check_drift
    from xacct_kit.steps.drift_repair import repair_drift
    from xacct_kit.steps.handover import hand_over
    from xacct_kit.steps.invite import invite_account
    from xacct_kit.steps.offboard import offboard
    from xacct_kit.steps.plan import plan
    from xacct_kit.steps.posture import check_posture
    from xacct_kit.steps.preflight import preflight
    from xacct_kit.steps.probes import probe_permissions
    from xacct_kit.steps.status import check_status
    from xacct_kit.steps.trust import check_trust
    from xacct_kit.views import pictures

__all__ = [
    "Crew",
    "Finding",
    "NewAccount",
    "Outcome",
    "OutcomeKind",
    "Params",
    "Report",
    "Session",
    "Verdict",
    "XacctError",
    "check_cost_explorer",
    "check_drift",
    "check_posture",
    "check_status",
    "check_trust",
    "connect",
    "create_accounts",
    "deploy_role",
    "hand_over",
    "invite_account",
    "offboard",
    "onboard",
    "pictures",
    "plan",
    "preflight",
    "price_note",
    "probe_permissions",
    "read_journal",
    "repair_drift",
    "rotate_external_id",
    "targeted",
    "watch",
    "wizard",
]

__version__ = "0.1.0"

# Loaded when used: importing the kit must cost a notebook nothing.
_HOMES = {
    "Crew": "fleet.crew",
    "Finding": "report",
    "NewAccount": "steps.creation.new_account",
    "Outcome": "report",
    "OutcomeKind": "report",
    "Params": "params",
    "Report": "report",
    "Session": "aws.session",
    "Verdict": "report",
    "XacctError": "errors",
    "check_cost_explorer": "steps.cost_explorer",
    "check_drift": "steps.drift",
    "check_posture": "steps.posture",
    "check_status": "steps.status",
    "check_trust": "steps.trust",
    "connect": "environment",
    "create_accounts": "fleet.new_accounts",
    "deploy_role": "steps.deploy",
    "hand_over": "steps.handover",
    "invite_account": "steps.invite",
    "offboard": "steps.offboard",
    "onboard": "runs",
    "pictures": "views.pictures",
    "plan": "steps.plan",
    "preflight": "steps.preflight",
    "price_note": "steps.cost_explorer",
    "probe_permissions": "steps.probes",
    "read_journal": "fleet.journal",
    "repair_drift": "steps.drift_repair",
    "rotate_external_id": "runs",
    "targeted": "fleet.targets",
    "watch": "interactive.watch",
    "wizard": "interactive.wizard",
}
_MODULES = frozenset({"pictures"})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return home if name in _MODULES else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
