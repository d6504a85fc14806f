"""Who can read an account, and what main can see of one that nobody here may read.

An account that was invited has no role for the operator: all that is seen of it is whether main's roles can
assume the execution role. AWS refuses in the same words where there is no such role and where its trust
policy refuses.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.steps.assessment import Assessment
from xacct_kit.steps.callers import execution_role, trusted_principals
from xacct_kit.steps.findings import NOT_KNOWN
from xacct_kit.steps.stack.states import Standing

# The refusals that can be the trust policy's, or come of there being no such role.
_BY_TRUST = frozenset({OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED})

_ACCESS = (
    "Use an operator that may act as main's roles, or one with access to the account (access_role): see the "
    "preflight step."
)
_INVITE = (
    "Let the account's administrator deploy the stack, with the external ID and the roles of the params; or "
    "set access_role to a role that the operator may assume there."
)
_MEND_MAIN = "Mend what the answer says: it is no fault of the account."


@dataclass(frozen=True)
class Reach:
    """Who can read an account.

    Attributes:
        reader: who reads there: whoever deploys, or the execution role itself; None where nobody may.
        from_main: whether the operator has no access of its own there.
        answers: what came of assuming the role as each of main's roles that the operator can act as.
        access: why the operator has no access of its own.
    """

    reader: Caller | None
    from_main: bool = False
    answers: Mapping[str, Outcome] = field(default_factory=dict)
    access: Outcome | None = None

    @property
    def entered(self) -> tuple[str, ...]:
        """Which of main's roles could assume the role."""
        return tuple(name for name, outcome in self.answers.items() if outcome.kind is OutcomeKind.ALLOWED)

    @property
    def shut_out(self) -> Mapping[str, Outcome]:
        """Which of main's roles could not, and why."""
        return {name: outcome for name, outcome in self.answers.items() if name not in self.entered}

    @property
    def proven(self) -> bool:
        """Whether all of main's roles that the operator can act as could assume the role."""
        return bool(self.answers) and not self.shut_out


def reach(session: Session, account: str) -> Reach:
    """Find out who can read an account, by a call each."""
    deployer = session.deployer(account, anew=True)
    if deployer.caller is not None:
        return Reach(deployer.caller)
    # As the account itself nobody here may act.
    own = session.partition.root_arn(account)
    callers = [each.access.caller for each in trusted_principals(session, account) if each.arn != own]
    role, external_id = execution_role(session, account), session.external_id
    tried = {
        caller.name: session.assume(caller, role, external_id=external_id) for caller in callers if caller
    }
    reader = next((each.caller for each in tried.values() if each.caller), None)
    answers = {name: each.answer.outcome for name, each in tried.items()}
    return Reach(reader, True, answers, deployer.answer.outcome)


def seen_from_main(session: Session, account: str, reached: Reach, unread: str = "") -> Assessment:
    """How an account stands that nobody here may read.

    Parameters:
        session: whose run it is.
        account: the member account.
        reached: what came of reaching it.
        unread: why the role, where it could be assumed, cannot read its own stack.
    """
    told = Assessment(
        standing=Standing.UNKNOWN, reason="", reader=session.operator.name, outcome=_settling(reached)
    )
    if not reached.answers:
        why = f"Nobody here may act in {account}, nor as main's roles, so nothing of it can be told."
        return replace(told, reason=_with(why, reached.access), next_step=_ACCESS)
    role = session.params.role_name
    if reached.proven:
        why = (
            f"{' and '.join(reached.entered)} can assume {role} with the external ID: that is proven. "
            f"Whether its stack and its policies are what they must be cannot be read. {unread}"
        )
        return replace(told, reason=why.rstrip(), next_step=_ACCESS, proven=True)
    if not all(outcome.kind in _BY_TRUST for outcome in reached.shut_out.values()):
        faults = "; ".join(f"{name}: {outcome.reason}" for name, outcome in reached.shut_out.items())
        why = f"Whether {role} in {account} can be assumed cannot be told. {faults}"
        return replace(told, reason=why, next_step=_MEND_MAIN)
    return _by_trust(told, reached, role, account)


def _by_trust(told: Assessment, reached: Reach, role: str, account: str) -> Assessment:
    """The standing where AWS refuses some of main's roles, or all, as a trust policy does."""
    entered, refused = " and ".join(reached.entered), " and ".join(reached.shut_out)
    if entered:
        why = f"{entered} can assume {role}, and {refused} is refused: its trust policy lacks it."
        return replace(told, standing=Standing.NEEDS_UPDATE, reason=why, next_step=_INVITE)
    why = (
        f"{refused} is refused {role} in {account}. Either there is no such role yet, or it does not trust "
        f"{refused}, or it wants another external ID: AWS answers the same."
    )
    return replace(told, standing=Standing.NEEDS_ONBOARD, reason=why, next_step=_INVITE)


def refusals(session: Session, reached: Reach) -> tuple[str, ...]:
    """Which of main's roles are refused by the role's trust policy, a sentence each."""
    refused = [name for name, outcome in reached.shut_out.items() if outcome.kind in _BY_TRUST]
    return tuple(f"{name} is refused {session.params.role_name}." for name in refused)


def _with(why: str, outcome: Outcome | None) -> str:
    return f"{why} {outcome.reason}".rstrip() if outcome else why


def _settling(reached: Reach) -> Outcome:
    """The answer that the assessment rests on: a refusal, where there is one."""
    answers = list(reached.answers.values())
    refused = [outcome for outcome in answers if outcome.kind is not OutcomeKind.ALLOWED]
    if refused or not answers:
        return (refused or [reached.access or NOT_KNOWN])[0]
    return NOT_KNOWN
