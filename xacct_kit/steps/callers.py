"""The principals of a member account's role: who may assume it, who must not, and as whom it is probed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xacct_kit.aws.session import Answer, Assumption, Session
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.role.profile import RoleValues
from xacct_kit.steps.propagation import settled
from xacct_kit.steps.waiting import Progress, silent


@dataclass(frozen=True)
class Principal:
    """A principal that the trust policy speaks of, and how the operator fared in becoming it.

    Attributes:
        name: the role's name.
        arn: the principal that the trust policy names.
        access: what came of acting as it.
    """

    name: str
    arn: str
    access: Assumption

    @property
    def excluded(self) -> bool:
        """Whether it is certain that the operator cannot act as it; no answer is no certainty."""
        kind = self.access.answer.outcome.kind
        certain = kind.denied or kind in (OutcomeKind.ALLOWED, OutcomeKind.NOT_FOUND)
        return self.access.caller is None and certain


def trusted_principals(session: Session, account: str) -> Iterator[Principal]:
    """The two roles of the main account, and the member account itself through its access role."""
    params = session.params
    for name in (params.api_handler_role, params.workflow_loop_runner_role):
        arn = session.role_arn(params.main_account, name)
        yield Principal(name, arn, session.act_as(params.main_account, name))
    name = params.access_role or "the operator"
    yield Principal(name, session.partition.root_arn(account), session.deployer(account))


def role_values(session: Session, account: str, *, external_id: str = "") -> RoleValues:
    """What stands in an account at the placeholders of the profile's documents.

    Parameters:
        session: whose run it is.
        account: the member account.
        external_id: the external ID, where the trust policy is asked for; nothing else has it.
    """
    params = session.params
    return RoleValues(
        partition=params.partition,
        region=params.region,
        main_account=params.main_account,
        member_account=account,
        api_handler_role=params.api_handler_role,
        workflow_loop_runner_role=params.workflow_loop_runner_role,
        external_id=external_id,
        role_name=params.role_name,
        stack_name=params.stack_name,
    )


def execution_role(session: Session, account: str) -> str:
    """ARN of the cross-account execution role of a member account."""
    return session.role_arn(account, session.params.role_name)


def assume_execution_role(
    session: Session, account: str, *, anew: bool = False, progress: Progress = silent
) -> Assumption | None:
    """The role, assumed by the first principal that can; None when there is nobody to try.

    Where nobody can, an answer that leaves it open counts for more than a refusal.

    Parameters:
        session: whose run it is.
        account: the member account.
        anew: whether to find out by a call although it is known that somebody could.
        progress: is told what is waited for, when the role is new.
    """
    act = session.assume if anew else session.assumed
    role = execution_role(session, account)
    principals = [each for each in trusted_principals(session, account) if not each.excluded]

    def try_all() -> Assumption:
        tried = []
        for principal in principals:
            caller = principal.access.caller
            tried.append(act(caller, role, external_id=session.external_id) if caller else principal.access)
            if caller and tried[-1].caller is not None:
                return tried[-1]
        return next((each for each in tried if not _outcome_of(each).kind.denied), tried[-1])

    return settled(session, account, try_all, _outcome_of, progress) if principals else None


def _outcome_of(assumption: Assumption) -> Outcome:
    return assumption.answer.outcome


def role_access(session: Session, account: str, progress: Progress = silent) -> Assumption:
    """The role as a caller, or why nobody could assume it."""
    assumption = assume_execution_role(session, account, progress=progress)
    return assumption or Assumption(None, Answer(Outcome(kind=OutcomeKind.UNKNOWN)))
