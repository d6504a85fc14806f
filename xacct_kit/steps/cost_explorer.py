"""The Cost Explorer step: whether costs of a member account can be read, and what it would cost to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Report
from xacct_kit.steps.callers import role_access
from xacct_kit.steps.canaries.catalogue import CANARY_PRICE
from xacct_kit.steps.catalogue import COST_AND_USAGE, COST_EXPLORER_PRICE
from xacct_kit.steps.probes import probe_as
from xacct_kit.steps.waiting import Progress, silent

if TYPE_CHECKING:
    from xacct_kit.params import Params


def check_cost_explorer(session: Session, *, progress: Progress = silent) -> Report:
    """Check in every account of the params that Cost Explorer answers the role.

    Each account costs one request, charged only when it succeeds; `price_note` says how much that is.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for, when the role is new.

    Returns:
        A finding an account.
    """
    return Report.of(
        row for account in session.params.accounts for row in check_account(session, account, progress)
    )


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Check one account."""
    role = role_access(session, account, progress)
    return [probe_as(session, account, role, COST_AND_USAGE, step="cost_explorer", progress=progress)]


def price_note(session: Session) -> str:
    """What a run costs, in one line, before anything is asked.

    Parameters:
        session: whose run it is.

    Returns:
        What is charged at the most, in US dollars.
    """
    return price_line(session.params, len(session.params.accounts))


def price_line(params: Params, accounts: int | None) -> str:
    """What a run costs, in one line.

    Parameters:
        params: what the user asked for.
        accounts: how many accounts it is for; None where that is not known yet.
    """
    notes = [_cost_explorer_line(params, accounts)]
    if params.probes == "canary":
        most, of = (CANARY_PRICE, "an account") if accounts is None else (accounts * CANARY_PRICE, "in all")
        notes.append(f"Canaries: requests to S3, at most ${most:.5f} {of}.")
    if params.environment == "sandbox":
        notes.append("The sandbox charges nothing.")
    return " ".join(notes)


def _cost_explorer_line(params: Params, accounts: int | None) -> str:
    if PARTITIONS[params.partition].cost_explorer_region is None:
        return f"Cost Explorer is not offered in {params.partition}: nothing is asked, nothing is charged."
    limit = params.max_cost_usd
    charged = f"at ${COST_EXPLORER_PRICE:.2f}, charged only when it succeeds"
    if accounts is None:
        return f"Cost Explorer: 1 request an account {charged}; at most ${limit:.2f}, which is the limit."
    requests = "1 request" if accounts == 1 else f"{accounts} requests"
    most = min(accounts * COST_EXPLORER_PRICE, limit)
    return f"Cost Explorer: {requests} {charged}; at most ${most:.2f} (limit ${limit:.2f})."
