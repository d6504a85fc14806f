"""Rotation by a stack set: one operation gives the new external ID to every stack of it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError, RunError
from xacct_kit.fleet.organization_reading import why_not_working
from xacct_kit.fleet.stack_instances import Instance, is_settled, told
from xacct_kit.fleet.stack_set_calls import Deployment, StackSetCalls
from xacct_kit.fleet.stack_sets import directly
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.drift import named
from xacct_kit.role.template import CAPABILITIES
from xacct_kit.steps.callers import assume_with
from xacct_kit.steps.findings import NOT_KNOWN, Question, broken, guarded
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.rotation import (
    PARAMETER,
    begin_rotation,
    parameters_with,
    rotation_question,
    under_way,
    update_account,
)
from xacct_kit.steps.stack.deployment import failure_row
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, silent

# What an update says again, so that it stays as it is.
_KEPT = ("AutoDeployment", "Description", "ManagedExecution", "PermissionModel")


def begin(session: Session, deployment: Deployment | None, progress: Progress = silent) -> None:
    """Begin a rotation, if the stack set of the params, where they ask for one, can be rotated as a whole.

    A parameter belongs to all accounts of a stack set: an update of it for some leaves the others OUTDATED,
    and any later operation gives it to them. And the reference holds one external ID, so that whoever is
    behind when it is switched is locked out. So a stack set is rotated for all of its accounts or for none:
    the run must be for every account that it has a stack in. It need not be for those that are suspended or
    closed, which StackSets leaves out and nobody can work in; nor for the main account, which the units of a
    service-managed stack set may hold though no analytics run there: it gets the new one unproven.

    Parameters:
        session: whose run it is; its operator administers the stack set.
        deployment: how the stack set is deployed; None where the params ask for none.
        progress: is told which accounts are passed over, and where the new external ID is.

    Raises:
        ParamsError: the params leave accounts of the stack set out; or there is no external ID to rotate.
        AccessError: an external ID cannot be read or kept.
        RunError: the stack set cannot be read, or is not one that can be rotated.
    """
    if deployment is not None:
        stack_set = RotatedStackSet(session, deployment, progress)
        try:
            outside = stack_set.outside(session.params.accounts)
        except StackFailure as failure:
            raise RunError(f"The external ID is not rotated. {failure.why} {failure.fix}".rstrip()) from None
        if outside:
            raise ParamsError([_left_out(session, outside)])
    begin_rotation(session, progress)


def update_stack_set(
    session: Session, accounts: Sequence[str], deployment: Deployment, progress: Progress = silent
) -> list[Finding]:
    """Give the new external ID to every stack of the params' stack set, and to those that are not of it.

    Where an earlier rotation broke off, its operation is waited for, and no other is begun when it has
    brought the new external ID to every stack.

    Parameters:
        session: whose run it is; its operator administers the stack set.
        accounts: the accounts of the rotation. The management account, and those outside the units of a
            service-managed stack set, have stacks of their own.
        deployment: how the stack set is deployed.
        progress: is told the operation.

    Returns:
        For each account what became of its stack.
    """
    stack_set = RotatedStackSet(session, deployment, progress)
    try:
        instances = stack_set.update(under_way(session).new)
    except StackFailure as failure:
        what = f"The stack set {session.params.stack_name} did not get the new external ID."
        return [failure_row(session, _question(session, each), what, failure) for each in accounts]
    except Exception as error:
        return [broken(session, _question(session, each), error) for each in accounts]
    reached = [account for account in accounts if account in instances]
    rest = [account for account in accounts if account not in instances]
    rows = [told_after(stack_set, account, instances[account]) for account in reached]
    return rows + directly(session, rest, update_account, progress)


class RotatedStackSet(StackSetCalls):
    """The stack set as its external ID is rotated."""

    def outside(self, accounts: Iterable[str]) -> list[str]:
        """The accounts of the stack set that are not among others, and that somebody can work in.

        Raises:
            StackFailure: the stack set cannot be read, or has no external ID.
        """
        described = self._describe()
        if described is None:
            return []
        if PARAMETER not in {each["ParameterKey"] for each in described.get("Parameters", ())}:
            raise StackFailure(
                f"The stack set {self._name} has no parameter {PARAMETER}: it was made of another template.",
                "Deploy the role, which brings its template up to date; then rotate again.",
                Outcome(kind=OutcomeKind.NOT_FOUND),
                Verdict.FAIL,
            )
        others = {each["Account"] for each in self._everywhere()}.difference(accounts)
        return [account for account in sorted(others) if not self._may_be_behind(account)]

    def _may_be_behind(self, account: str) -> bool:
        """Whether it is known that nobody works in an account by its role."""
        why = "it is the main account"
        if account != self.session.params.main_account:
            answer = self.session.ask("organizations", "DescribeAccount", AccountId=account)
            why = why_not_working(answer.result.get("Account", {}))
        if why:
            self._progress(f"{account} has a stack of {self._name} too, and nothing is proven there: {why}")
        return bool(why)

    def update(self, external_id: str) -> Mapping[str, Instance]:
        """Bring an external ID to every stack of the stack set.

        Parameters:
            external_id: the external ID.

        Returns:
            The instances in the params' region, by account; none where there is no stack set.

        Raises:
            StackFailure: nothing is known of any account.
        """
        described = self._describe()
        if described is None:
            return {}
        self._await_earlier()
        if not self.ended:
            raise StackFailure(
                f"An earlier operation has not ended after {self.session.params.wait_seconds} s.",
                "Rotate again, with more wait_seconds if need be.",
                NOT_KNOWN,
                Verdict.UNKNOWN,
            )
        if self._has(external_id):
            self._progress(f"{self._name}: every stack has the new external ID already")
        else:
            self._operate("UpdateStackSet", **update_request(described, external_id))
        return self._instances()

    def _has(self, external_id: str) -> bool:
        """Whether every stack is what the stack set is, and one that is so has the external ID."""
        instances = self._instances()
        account = next((each["Account"] for each in instances.values() if each["Status"] == "CURRENT"), None)
        if account is None or not all(map(is_settled, instances.values())):
            return False
        assumption = assume_with(self.session, account, external_id)
        return assumption is not None and assumption.caller is not None


def update_request(described: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """The parameters of UpdateStackSet that change the external ID, and nothing else.

    Tags that are not given are kept. A role that is not AWS's own must be named again, and a service-managed
    stack set knows its execution role.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html

    Parameters:
        described: the stack set, as DescribeStackSet tells it.
        external_id: the external ID that it gets.
    """
    roles = {}
    if described.get("PermissionModel") == "SELF_MANAGED":
        roles = {name: described.get(name) for name in ("AdministrationRoleARN", "ExecutionRoleName")}
        if str(roles["AdministrationRoleARN"]).endswith(f":role/{ADMINISTRATION_ROLE}"):
            del roles["AdministrationRoleARN"]
    kept = roles | {name: described.get(name) for name in _KEPT}
    return {
        "UsePreviousTemplate": True,
        "Parameters": parameters_with(external_id, described["Parameters"]),
        "Capabilities": list(CAPABILITIES),
        **{name: value for name, value in kept.items() if value},
    }


def told_after(stack_set: RotatedStackSet, account: str, instance: Instance) -> Finding:
    """What became of the stack in one account.

    Parameters:
        stack_set: the stack set, whose external ID was updated.
        account: the account.
        instance: what the stack set has there.
    """
    session = stack_set.session
    known, current = stack_set.knows(instance), instance["Status"] == "CURRENT"
    if known and (current or instance.get("LastOperationId") in stack_set.operations):
        note_change(session, account)
    question, shown = _question(session, account), stack_set.as_known(instance)
    row = guarded(session, question, partial(told, session, shown, question, again="rotate again"))
    if row.verdict is Verdict.PASS:
        return replace(row, why=f"The stack in {account} has the new external ID now.")
    return row


def _question(session: Session, account: str) -> Question:
    question = rotation_question("rotate-stack", account, session.operator.name)
    return replace(question, action="cloudformation:UpdateStackSet")


def _left_out(session: Session, accounts: list[str]) -> str:
    """Why a stack set is not rotated for some of its accounts alone."""
    return (
        f"stack_set: {session.params.stack_name} has stacks in {named(accounts)} too, which this rotation is "
        "not for. Its external ID belongs to all of its accounts, and the reference holds one alone: they "
        "would be locked out. Name them too (member_accounts; take them out of exclude_accounts), or take "
        "them out of the stack set"
    )
