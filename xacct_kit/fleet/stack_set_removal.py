"""Offboarding by a stack set: one operation takes accounts out of it, and deletes their stacks.

Where a stack could not delete the role or its boundary, they are removed by calls of IAM, and another
operation takes those accounts out.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.fleet.stack_instances import Instance, detailed_status
from xacct_kit.fleet.stack_set_calls import Deployment, StackSetCalls
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.template import RESOURCE_TYPES
from xacct_kit.steps.findings import ALLOWED, Question, broken, finding
from xacct_kit.steps.removal.undeleted import remove_undeleted, undeleted
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.stack.deployment import failure_row
from xacct_kit.steps.stack.view import StackFailure, StackView, refused
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
        For each account that the stack set had a stack in: what was removed in place of the stack, and what
        became of the stack.
    """
    removal = _Removal(session, deployment, progress)
    chosen: list[str] = []
    try:
        before = removal.before(accounts)
        chosen = [account for account in accounts if account in before]
        left = removal.remove(chosen, before) if chosen else {}
    except Exception as error:
        return [_failed(session, account, error) for account in chosen or accounts]
    return _ended(removal, chosen, before, left, progress)


class _Removal(StackSetCalls):
    """The stack set as accounts are taken out of it."""

    def before(self, accounts: Iterable[str]) -> Mapping[str, Instance]:
        """The instances as they are, once operations that were begun before have ended.

        Parameters:
            accounts: the accounts that are offboarded.

        Returns:
            The instances in the params' region, by account; none where none of the accounts has one.

        Raises:
            StackFailure: the stack set cannot be read.
        """
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
        """Take accounts out.

        Parameters:
            accounts: the accounts, each of which has an instance.
            before: the instances as they were, by account.

        Returns:
            The instances that are there then, by account.

        Raises:
            StackFailure: the operation was not begun, or what became of it cannot be read.
        """
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


def _ended(
    removal: _Removal,
    accounts: Sequence[str],
    before: Mapping[str, Instance],
    left: Mapping[str, Instance],
    progress: Progress,
) -> list[Finding]:
    """What became of each account, once what the stacks could not delete is removed as far as it can be."""
    rows, tried = list[Finding](), accounts
    # First the role may stand in the way, then its boundary.
    for _ in RESOURCE_TYPES:
        cleared = _cleared(removal, tried, left, progress)
        rows += [row for found in cleared.values() for row in found]
        tried = [account for account, found in cleared.items() if _all_green(found)]
        if not tried:
            break
        try:
            left = removal.remove(tried, before)
        except Exception as error:
            rows += [_failed(removal.session, account, error) for account in tried]
            accounts = [account for account in accounts if account not in tried]
            break
    return [*rows, *(_told(removal, account, left.get(account)) for account in accounts)]


def _cleared(
    removal: _Removal, accounts: Sequence[str], left: Mapping[str, Instance], progress: Progress
) -> Mapping[str, list[Finding]]:
    """What was removed in each account whose stack could not delete it."""
    stacks = {
        account: str(left[account].get("StackId", ""))
        for account in accounts
        if account in left and removal.ended and detailed_status(left[account]) in _FAILED
    }
    tasks = [partial(_clear, removal.session, *each, progress) for each in stacks.items()]
    return dict(zip(stacks, side_by_side(tasks), strict=True))


def _clear(session: Session, account: str, stack_id: str, progress: Progress) -> list[Finding]:
    """What was removed in one account; a stack that cannot be read is told by the stack set alone."""
    caller = session.deployer(account).caller
    if caller is None or not stack_id:
        return []
    stack = StackView(session, caller, stack_id)
    try:
        found = undeleted(stack) if stack.status() == "DELETE_FAILED" else []
        return remove_undeleted(session, caller, stack_id, found, progress)
    except StackFailure:
        return []
    except Exception as error:
        return [broken(session, _question(session, account), error)]


def _all_green(rows: Sequence[Finding]) -> bool:
    return bool(rows) and all(row.verdict.green for row in rows)


def _told(removal: _Removal, account: str, left: Instance | None) -> Finding:
    """What became of the stack in one account."""
    session, name = removal.session, removal.session.params.stack_name
    question = _question(session, account)
    if left is None:
        why = f"The stack set {name} has no stack in {account} any more: it is deleted."
        return finding(session, question, ALLOWED, why=why)
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


def _failed(session: Session, account: str, failure: Exception) -> Finding:
    question = _question(session, account)
    if not isinstance(failure, StackFailure):
        return broken(session, question, failure)
    return failure_row(session, question, f"The stack set did not let go of {account}.", failure)


def _question(session: Session, account: str) -> Question:
    return Question(
        step="offboard",
        probe="stack-set-instance",
        account=account,
        caller=session.operator.name,
        action="cloudformation:DeleteStackInstances",
    )
