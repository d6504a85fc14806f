"""The principals of a member account's role: who may assume it, who must not, and as whom it is probed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from xacct_kit.aws.answers import Answer, Assumption
from xacct_kit.aws.session import Session
from xacct_kit.errors import XacctError
from xacct_kit.iam import Request
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.role.certainty import certainly
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.profile import Profile, RoleDefinition, RoleValues, load_profile
from xacct_kit.role.trust import MAY_ASSUME
from xacct_kit.steps.findings import NOT_KNOWN
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


def principals(session: Session, account: str) -> Iterator[Principal]:
    """The two roles of the main account, and the member account itself through its access role."""
    yield from main_principals(session)
    name = session.params.access_role or "the operator"
    yield Principal(name, session.partition.root_arn(account), session.deployer(account))


def main_principals(session: Session) -> Iterator[Principal]:
    """The two roles of the main account by which Service Workbench acts."""
    for name in (session.params.api_handler_role, session.params.workflow_loop_runner_role):
        yield main_principal(session, name)


def main_principal(session: Session, name: str) -> Principal:
    """A role of the main account."""
    main = session.params.main_account
    return Principal(name, session.role_arn(main, name), session.act_as(main, name))


def trusted_principals(session: Session, account: str) -> Iterator[Principal]:
    """The principals that the profile's trust policy lets in with the external ID."""
    external_id = known_external_id(session)
    for principal in principals(session, account):
        if is_trusted(session, account, principal, external_id):
            yield principal


def is_trusted(session: Session, account: str, principal: Principal, external_id: str | None) -> bool | None:
    """Whether the profile's trust policy lets a principal in whose own policies let it ask.

    A trust policy that names an account trusts every identity in it that may call sts:AssumeRole.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    Parameters:
        session: whose run it is.
        account: the member account.
        principal: who asks.
        external_id: the external ID that is sent; None when none is.

    Returns:
        Whether it is let in; None where that hangs on what only AWS can judge.
    """
    values = role_values(session, account, external_id=known_external_id(session))
    caller = principal.access.caller
    owner = principal.arn.split(":")[4]
    # Where nobody could become it, any identity of its account stands for it.
    arn = caller.arn if caller else session.role_arn(owner, principal.name.rpartition(" ")[2])
    trust = load_profile(session.params.profile).role(values).trust
    return lets_in(trust, arn, execution_role(session, account), external_id, session.params.region)


def lets_in(
    trust: Document, principal: str, role_arn: str, external_id: str | None, region: str
) -> bool | None:
    """Whether a trust policy lets in a principal whose own policies let it ask.

    Parameters:
        trust: the trust policy.
        principal: ARN of who asks.
        role_arn: the role.
        external_id: the external ID that is sent; None when none is.
        region: where it is asked.

    Returns:
        Whether it is let in; None where that hangs on what only AWS can judge.
    """
    context = {"aws:RequestedRegion": region}
    request = Request(
        principal=principal,
        action="sts:AssumeRole",
        resource=role_arn,
        context=context if external_id is None else {**context, "sts:ExternalId": external_id},
    )
    return certainly(request, identity=[MAY_ASSUME], resource_policy=trust)


def known_external_id(session: Session) -> str:
    """The external ID, or a stand-in where it cannot be read; what cannot be read is said by who sends it."""
    try:
        return session.external_id
    except XacctError:
        return "xacct-kit-stand-in"


def role_definition(session: Session, account: str) -> RoleDefinition:
    """What the role may do in an account by its profile; its trust policy lacks the external ID."""
    return _definition(load_profile(session.params.profile), role_values(session, account))


@lru_cache(maxsize=256)
def _definition(profile: Profile, values: RoleValues) -> RoleDefinition:
    """Filled in once an account, not once a probe."""
    return profile.role(values)


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
    principals = _possible(session, account)

    def try_all() -> Assumption:
        return _first_that_can(session, account, principals, session.external_id, act)

    return settled(session, account, try_all, _outcome_of, progress) if principals else None


def assume_with(session: Session, account: str, external_id: str) -> Assumption | None:
    """What comes of assuming the role with an external ID, by a call; None when there is nobody to try.

    Parameters:
        session: whose run it is.
        account: the member account.
        external_id: the external ID to send.
    """
    principals = _possible(session, account)
    if not principals:
        return None
    return _first_that_can(session, account, principals, external_id, session.assume)


def _possible(session: Session, account: str) -> list[Principal]:
    return [each for each in trusted_principals(session, account) if not each.excluded]


def _first_that_can(
    session: Session,
    account: str,
    principals: Sequence[Principal],
    external_id: str,
    act: Callable[..., Assumption],
) -> Assumption:
    role, tried = execution_role(session, account), []
    for principal in principals:
        caller = principal.access.caller
        tried.append(act(caller, role, external_id=external_id) if caller else principal.access)
        if caller and tried[-1].caller is not None:
            return tried[-1]
    return next((each for each in tried if not _outcome_of(each).kind.denied), tried[-1])


def _outcome_of(assumption: Assumption) -> Outcome:
    return assumption.answer.outcome


def deployer_name(session: Session) -> str:
    """Name of whoever deploys, also where nobody may: the access role, or the operator."""
    return session.params.access_role or session.operator.name


def role_access(session: Session, account: str, progress: Progress = silent) -> Assumption:
    """The role as a caller, or why nobody could assume it."""
    assumption = assume_execution_role(session, account, progress=progress)
    return assumption or Assumption(None, Answer(NOT_KNOWN))
