"""Offboarding by a stack set: one operation takes accounts out of it, and deletes their stacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.fleet.stack_instances import Instance, detailed_status
from xacct_kit.fleet.stack_set_calls import Deployment, StackSetCalls
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.findings import Question, broken, finding
from xacct_kit.steps.stack_deployment import failure_row
from xacct_kit.steps.stack_view import StackFailure, refused
from xacct_kit.steps.waiting import Progress, silent

# An instance whose deletion has failed for certain; any other that is still there may go yet.
_FAILED = frozenset({"FAILED", "INOPERABLE"})


def remove_stack_instances(
    session: Session, accounts: Sequence[str], deployment: Deployment, progress: Progress = silent
) -> list[Finding]:
    """Take accounts out of the params' stack set, and delete their stacks.

    The stack set itself stays, and so does every other account of it.

    Parameters:
        session: whose run it is; its operator administers the stack set.
        accounts: the accounts that are offboarded.
        deployment: how the stack set is deployed.
        progress: is told the operation.

    Returns:
        A finding for each account that the stack set had a stack in.
    """
    removal = _Removal(session, deployment, progress)
    chosen: list[str] = []
    try:
        before = removal.before(accounts)
        chosen = [account for account in accounts if account in before]
        left = removal.remove(chosen, before) if chosen else {}
    except StackFailure as failure:
        rows = chosen or accounts
        return [
            failure_row(
                session, _question(session, each), f"The stack set did not let go of {each}.", failure
            )
            for each in rows
        ]
    except Exception as error:
        return [broken(session, _question(session, account), error) for account in chosen or accounts]
    return [_told(removal, account, left.get(account)) for account in chosen]


class _Removal(StackSetCalls):
    """The stack set as accounts are taken out of it."""

    def before(self, accounts: Iterable[str]) -> Mapping[str, Instance]:
        """The instances as they are, once operations that were begun before have ended."""
        described = self._call("DescribeStackSet")
        if described.absent:
            return {}
        if not described.ok:
            raise refused("DescribeStackSet", described)
        instances = self._instances()
        if not any(account in instances for account in accounts):
            return {}
        self._await_earlier()
        return self._instances()

    def remove(self, accounts: Sequence[str], before: Mapping[str, Instance]) -> Mapping[str, Instance]:
        """Take accounts out, and give the instances that are there then."""
        targets = self._targets(accounts, before)
        self._operate("DeleteStackInstances", Regions=[self._region], RetainStacks=False, **targets)
        return self._instances()

    def _targets(self, accounts: Sequence[str], before: Mapping[str, Instance]) -> dict[str, Any]:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
        if not self._deployment.service_managed:
            return {"Accounts": list(accounts)}
        units = sorted({str(before[account]["OrganizationalUnitId"]) for account in accounts})
        return {
            "DeploymentTargets": {
                "Accounts": list(accounts),
                "OrganizationalUnitIds": units,
                "AccountFilterType": "INTERSECTION",
            }
        }


def _told(removal: _Removal, account: str, left: Instance | None) -> Finding:
    """What became of the stack in one account."""
    session, name = removal.session, removal.session.params.stack_name
    question = _question(session, account)
    if left is None:
        why = f"The stack set {name} has no stack in {account} any more: it is deleted."
        return finding(session, question, Outcome(kind=OutcomeKind.ALLOWED), why=why)
    status, reason = detailed_status(left), str(left.get("StatusReason", ""))
    failed = removal.ended and status in _FAILED
    kind = OutcomeKind.SERVICE_ERROR if failed else OutcomeKind.UNKNOWN
    outcome = Outcome(kind=kind, evidence={"code": status, "message": reason})
    what = "could not be deleted" if failed else "is not known to be deleted: the operation has not ended"
    fix = (
        "Mend what the reason names, and offboard again. If that fails too, call "
        "cloudformation:DeleteStackInstances with RetainStacks for the account, and delete the stack "
        f"{left.get('StackId', '')} there."
    )
    return finding(
        session,
        question,
        outcome,
        verdict=Verdict.FAIL if failed else Verdict.UNKNOWN,
        why=f"The stack of the stack set {name} in {account} {what} ({status}). {reason}".rstrip(),
        fix=fix if failed else "Offboard again, with more wait_seconds if need be.",
    )


def _question(session: Session, account: str) -> Question:
    return Question(
        step="offboard",
        probe="stack-set-instance",
        account=account,
        caller=session.operator.name,
        action="cloudformation:DeleteStackInstances",
    )
