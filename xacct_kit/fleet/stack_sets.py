"""Deployment by StackSets: one operation of CloudFormation makes the role's stack in every account.

What StackSets never reach, the management account first, is deployed directly.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.fleet.fan_out import fan_out
from xacct_kit.fleet.organization_reading import management_account
from xacct_kit.fleet.stack_instances import Instance, is_settled, question_of, told
from xacct_kit.fleet.stack_set_calls import Deployment, StackSetCalls
from xacct_kit.fleet.stack_set_definitions import differs
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.role.trust import TrustFault, trust_fault
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.findings import broken, guarded, not_tried
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.stack.deployment import failure_row
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, silent

# Accounts that are deployed to directly at a time.
_WORKERS = 8

# An account that leaves its unit keeps its role: offboarding it is a step of its own.
_AUTO_DEPLOYMENT: Mapping[str, Any] = {"Enabled": True, "RetainStacksOnAccountRemoval": True}


def deploy_stack_set(
    session: Session, accounts: Sequence[str], deployment: Deployment, progress: Progress = silent
) -> list[Finding]:
    """Deploy the role into many accounts by a stack set, which is named as the params' stack.

    Deploying again changes nothing where nothing has changed, and tries again where it failed. The external
    ID is not told by a stack set: it is compared with the role of an account that is current, and where there
    is none, or it cannot be read, the stack set is updated.

    Parameters:
        session: whose run it is; its operator administers the stack set.
        accounts: the accounts to deploy to. The management account, and with a service-managed stack set
            those outside its units, are deployed to directly.
        deployment: how the stack set is deployed.
        progress: is told each operation, and what is deployed directly.

    Returns:
        For each account what became of its stack, the management account first.

    Raises:
        AccessError: the operator has no credentials, or may not read the external ID.
        ParamsError: the external ID cannot be found.
    """
    _ = session.external_id
    management = management_account(session.call(session.operator, "organizations", "DescribeOrganization"))
    first = [account for account in accounts if account == management]
    others = [account for account in accounts if account != management]
    findings = directly(session, first, deploy_account, progress)
    return findings + (_by_stack_set(session, others, deployment, progress) if others else [])


def _by_stack_set(
    session: Session, accounts: Sequence[str], deployment: Deployment, progress: Progress
) -> list[Finding]:
    stack_set = _StackSet(session, deployment, progress)
    try:
        instances = stack_set.deploy(accounts)
    except StackFailure as failure:
        what = "The stack set was not deployed."
        return [failure_row(session, question_of(session, each), what, failure) for each in accounts]
    except Exception as error:
        return [broken(session, question_of(session, account), error) for account in accounts]
    findings = [_told(stack_set, account, instances[account]) for account in accounts if account in instances]
    rest = [account for account in accounts if account not in instances]
    if stack_set.ended:
        return findings + directly(session, rest, deploy_account, progress)
    # StackSets may still come to them, and two deployments would stand in each other's way.
    return findings + [_not_reached(session, account) for account in rest]


def _told(stack_set: _StackSet, account: str, instance: Instance) -> Finding:
    session = stack_set.session
    if instance.get("LastOperationId") in stack_set.operations:
        note_change(session, account)
    question = question_of(session, account)
    return guarded(session, question, partial(told, session, stack_set.as_known(instance), question))


def directly(
    session: Session,
    accounts: Sequence[str],
    work: Callable[[Session, str, Progress], list[Finding]],
    progress: Progress,
) -> list[Finding]:
    """Do in accounts that a stack set does not reach what it does in the others.

    When it is interrupted no other account is begun, and those that are worked on are waited for.

    Parameters:
        session: whose run it is.
        accounts: the accounts.
        work: what is done in each.
        progress: is told of each, and what is done.

    Returns:
        The findings, account after account.
    """
    if not accounts:
        return []
    for account in accounts:
        progress(f"{account} is not reached by StackSets: it is deployed to directly")

    def done(account: str) -> list[Finding]:
        try:
            return work(session, account, progress)
        except Exception as error:
            return [broken(session, question_of(session, account), error)]

    found: dict[str, list[Finding]] = {}
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="directly") as executor:
        tasks = ((account, partial(done, account)) for account in accounts)
        fan_out(executor, tasks, _WORKERS, take=found.__setitem__)
    return [row for account in accounts for row in found[account]]


class _StackSet(StackSetCalls):
    """The stack set as it is deployed."""

    def deploy(self, accounts: Sequence[str]) -> Mapping[str, Instance]:
        """Bring the stack set to what the params ask for, and its instances with it.

        Parameters:
            accounts: the accounts that must have an instance.

        Returns:
            The instances in the params' region, by account.

        Raises:
            StackFailure: nothing is known of any account.
        """
        self._check_ready()
        described = self._describe()
        if described is None:
            self._ask("CreateStackSet", **self._definition())
            self._progress(f"{self._name}: the stack set is created")
        else:
            self._await_earlier()
            if self._outdated(described, accounts):
                self._operate("UpdateStackSet", **self._definition())
        targets = self._lacking(described or {}, accounts)
        if targets:
            self._operate("CreateStackInstances", Regions=[self._region], **targets)
        return self._instances()

    def _check_ready(self) -> None:
        """Refuse where StackSets cannot work; what is not switched on is never switched on by the way.

        Raises:
            StackFailure: saying what to do.
        """
        if self._deployment.service_managed:
            self._check_trusted_access()
        else:
            self._check_administration_role()

    def _check_trusted_access(self) -> None:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
        status = self._ask("DescribeOrganizationsAccess").get("Status")
        if status != "ENABLED":
            raise StackFailure(
                f"StackSets have no trusted access to the organization: it is {status}.",
                "As an administrator of the management account, call "
                "cloudformation:ActivateOrganizationsAccess, and deploy again.",
                Outcome(kind=OutcomeKind.NOT_ENABLED, evidence={"code": str(status)}),
                Verdict.FAIL,
            )

    def _check_administration_role(self) -> None:
        session = self.session
        answer = session.call(session.operator, "iam", "GetRole", RoleName=ADMINISTRATION_ROLE)
        if answer.absent:
            raise StackFailure(
                f"Account {session.operator.account} has no role {ADMINISTRATION_ROLE}.",
                "Make it, trusting cloudformation.amazonaws.com and allowed to assume "
                f"{self._deployment.execution_role} in every account: "
                "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html",
                Outcome(kind=OutcomeKind.NOT_FOUND, evidence=answer.outcome.evidence),
                Verdict.FAIL,
            )

    def _definition(self) -> dict[str, Any]:
        model = (
            {"AutoDeployment": dict(_AUTO_DEPLOYMENT)}
            if self._deployment.service_managed
            else {"ExecutionRoleName": self._deployment.execution_role}
        )
        # Where another operation is going on, one is queued and not refused.
        managed = {"PermissionModel": self._deployment.model.value, "ManagedExecution": {"Active": True}}
        return {**stack_request(self.session), **managed, **model}

    def _outdated(self, described: Mapping[str, Any], accounts: Sequence[str]) -> bool:
        """Whether the stack set must be updated; an update tries again whatever is not current."""
        if differs(described, self._definition()):
            self._progress(f"{self._name}: the stack set is not what it must be")
            return True
        instances = self._instances()
        chosen = [instances[account] for account in accounts if account in instances]
        behind = [each["Account"] for each in chosen if not is_settled(each)]
        if behind:
            self._progress(f"{self._name}: not current in {len(behind)} of {len(chosen)} accounts")
        return bool(behind) or not self._same_external_id(instances.values())

    def _same_external_id(self, instances: Iterable[Instance]) -> bool:
        """Whether the role of an account that is current asks for the params' external ID."""
        session, params = self.session, self.session.params
        account = next((each["Account"] for each in instances if each["Status"] == "CURRENT"), None)
        deployer = account and session.deployer(account).caller
        answer = deployer and session.call(deployer, "iam", "GetRole", RoleName=params.role_name)
        if not account or not answer or not answer.ok:
            # Stacks that are made later get what the stack set has, which an update sets in any case.
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
            self._progress(f"{self._name}: its external ID cannot be compared, so that it is updated")
            return False
        fault = trust_fault(
            answer.result["Role"]["AssumeRolePolicyDocument"],
            principal=session.role_arn(params.main_account, params.api_handler_role),
            role_arn=session.role_arn(account, params.role_name),
            external_id=session.external_id,
        )
        return fault is TrustFault.NONE

    def _lacking(self, described: Mapping[str, Any], accounts: Sequence[str]) -> dict[str, Any]:
        """The targets that the stack set does not have yet; it takes care of new accounts in its units."""
        if self._deployment.service_managed:
            known = described.get("OrganizationalUnitIds", ())
            units = [unit for unit in self._deployment.organizational_units if unit not in known]
            return {"DeploymentTargets": {"OrganizationalUnitIds": units}} if units else {}
        instances = self._instances() if described else {}
        missing = [account for account in accounts if account not in instances]
        return {"Accounts": missing} if missing else {}


def _not_reached(session: Session, account: str) -> Finding:
    seconds = session.params.wait_seconds
    why = f"The stack set has no stack in {account} after {seconds} s, and its operation has not ended."
    fix = "Run again, with more wait_seconds if need be."
    return not_tried(session, question_of(session, account), why, fix)
