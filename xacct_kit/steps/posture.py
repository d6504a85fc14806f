"""The posture step: what the live role could come to do, by every way that is known.

Nothing is tried: the decision engine asks the policies that the role has. A way that the profile leaves open
is no fault of the account, and is told plainly; one that the profile shuts must be shut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from xacct_kit.aws.session import Session
from xacct_kit.report import Expectation, Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.escalation import ESCALATIONS, Escalation, EscalationValues, is_open, requests_of
from xacct_kit.role.profile import RoleDefinition, load_profile
from xacct_kit.steps.callers import role_values
from xacct_kit.steps.findings import ALLOWED, Question, finding, guarded, not_tried, skipped
from xacct_kit.steps.policies import RolePolicies, read_policies
from xacct_kit.steps.waiting import Progress, silent

STEP = "posture"
_SUM = "administrator-by-iam"
_TIGHTEST = "hardened"


def check_posture(session: Session, *, progress: Progress = silent) -> Report:
    """Say for every account of the params what its role could come to do.

    Nothing is changed and no way is tried; only policies are read.

    Parameters:
        session: whose run it is.
        progress: is told what is read.

    Returns:
        For each account a finding a known way to more permissions, and one that sums them up.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Say what the role of one account could come to do."""
    progress(f"posture of {session.params.role_name} in {account}: reading its policies")
    reader = session.deployer(account).caller
    live = read_policies(session, account, session.params.role_name, reader)
    return list(_rows(_Posture(session, account, live)))


@dataclass(frozen=True)
class _Posture:
    """What is known of one account's role.

    Attributes:
        session: whose run it is.
        account: the member account.
        live: the role's policies, as far as they may be read.
    """

    session: Session
    account: str
    live: RolePolicies

    def values(self, boundary_arn: str) -> EscalationValues:
        params = self.session.params
        return EscalationValues(
            partition=params.partition,
            region=params.region,
            account=self.account,
            role_name=params.role_name,
            administrator_role=params.access_role or "OrganizationAccountAccessRole",
            boundary_arn=boundary_arn,
        )

    @property
    def live_values(self) -> EscalationValues:
        boundary = self.live.policies.boundary
        return self.values(boundary.arn or "" if boundary else "")

    def open_live(self, way: Escalation) -> bool | None:
        """Whether the live policies leave a way open; None where that is not known."""
        policies = self.live.policies
        found = is_open(
            way,
            self.live_values,
            identity=[policy.document for policy in policies.identity],
            boundary=policies.boundary.document if policies.boundary else None,
            scps=[[policy.document for policy in level] for level in policies.scps],
        )
        # What could not be read can only shut more: what is shut without it is shut.
        return None if found and self.live.unread else found

    def open_by(self, profile: str, way: Escalation) -> bool | None:
        """Whether a profile leaves a way open."""
        role = load_profile(profile).role(role_values(self.session, self.account))
        return is_open(
            way, self._values_of(role), identity=tuple(role.policies.values()), boundary=role.boundary
        )

    def _values_of(self, role: RoleDefinition) -> EscalationValues:
        prefix = f"arn:{self.session.partition.name}:iam::{self.account}:policy/"
        return self.values(prefix + (role.boundary_name or "") if role.boundary else "")

    def shutting(self, way: Escalation) -> tuple[OutcomeKind, str]:
        """What shuts a way: the kind of policy, and which."""
        for request in requests_of(way, self.live_values):
            decision = self.live.policies.decide(request)
            if not decision.allowed:
                return OutcomeKind[f"DENIED_{decision.layer}"], decision.reason
        return OutcomeKind.DENIED_UNSPECIFIED, "A condition of its policies is not met."

    def expected(self, way: Escalation) -> bool | None:
        """Whether the profile of the params leaves a way open."""
        return self.open_by(self.session.params.profile, way)


def _rows(posture: _Posture) -> Iterator[Finding]:
    question = partial(_question, posture)
    yield guarded(
        posture.session, question(_SUM, "iam:*"), partial(_summed_up, posture, question(_SUM, "iam:*"))
    )
    for way in ESCALATIONS:
        asked = question(way.name, way.calls[0].action)
        yield guarded(posture.session, asked, partial(_way, posture, asked, way))


def _question(
    posture: _Posture, probe: str, action: str, expected: Expectation = Expectation.ALLOWED
) -> Question:
    return Question(
        step=STEP,
        probe=probe,
        account=posture.account,
        caller=posture.session.params.role_name,
        action=action,
        expected=expected,
    )


def _expecting(posture: _Posture, question: Question, *, is_open: bool) -> Question:
    expected = Expectation.ALLOWED if is_open else Expectation.DENIED
    return _question(posture, question.probe, question.action, expected)


def _way(posture: _Posture, question: Question, way: Escalation) -> Finding:
    session, role = posture.session, question.caller
    expected, found = posture.expected(way), posture.open_live(way)
    if expected is None:
        return skipped(session, question, _hangs(posture, way.gives))
    question = _expecting(posture, question, is_open=expected)
    if found is None:
        return _unknown(posture, question, f"Whether {role} can {way.gives} is not known.")
    if found:
        why = f"{role} can {way.gives}: its policies allow {_named(way)}. {_remedy(posture, way)}"
        return finding(session, question, ALLOWED, why=why, fix=_FIX)
    kind, reason = posture.shutting(way)
    return finding(
        session,
        question,
        Outcome(kind=kind),
        verdict=Verdict.PASS,
        why=f"{role} cannot {way.gives}. {reason}",
    )


_FIX = (
    "Put the role back as the profile has it: deploy it again, and where the stack says it has not changed, "
    "undo what was done by hand to its policies, its permissions boundary or the versions of its policy."
)


def _named(way: Escalation) -> str:
    actions = list(dict.fromkeys(call.action for call in way.calls))
    return actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"


def _hangs(posture: _Posture, what: str) -> str:
    name = posture.session.params.profile
    return (
        f"Whether the role can {what} hangs, by the profile {name}, on a condition that only AWS can judge."
    )


def _remedy(posture: _Posture, way: Escalation) -> str:
    """What shuts a way that is open."""
    if posture.open_by(_TIGHTEST, way) is False:
        return f"Shut by profile: {_TIGHTEST}."
    return (
        "No profile of the kit shuts this way: keep nothing in the account that has wider permissions than "
        "analytics need."
    )


def _unknown(posture: _Posture, question: Question, why: str) -> Finding:
    unread = " ".join(posture.live.unread)
    reason = unread or "It hangs on a condition of its policies that only AWS can judge."
    fix = "Let the operator read the role (access_role) and the organization's policies, then look again."
    if not unread:
        fix = "Look at the conditions of the role's policies: the profile has them or has them not."
    return not_tried(posture.session, question, f"{why} {reason}", fix)


def _summed_up(posture: _Posture, question: Question) -> Finding:
    """Whether the role is an administrator of the account by any way that needs nothing else."""
    session, role = posture.session, question.caller
    ways = [way for way in ESCALATIONS if way.administrator]
    expected = [posture.expected(way) for way in ways]
    question = _expecting(posture, question, is_open=any(expected))
    found = [posture.open_live(way) for way in ways]
    opened = [way for way, is_so in zip(ways, found, strict=True) if is_so]
    if not opened and None in found:
        return _unknown(posture, question, f"Whether {role} can make itself an administrator is not known.")
    if not opened:
        kind, _ = posture.shutting(ways[0])
        why = f"{role} cannot make itself an administrator: all {len(ways)} known ways are shut."
        return finding(session, question, Outcome(kind=kind), verdict=Verdict.PASS, why=why)
    why = (
        f"Whoever assumes {role} is an administrator of {posture.account} by iam:*: {len(opened)} of "
        f"{len(ways)} known ways to make itself one are open. {_sum_remedy(posture, ways)}"
    )
    return finding(session, question, ALLOWED, why=why, fix=_FIX)


def _sum_remedy(posture: _Posture, ways: list[Escalation]) -> str:
    shut = sum(posture.open_by(_TIGHTEST, way) is False for way in ways)
    return f"Shut by profile: {_TIGHTEST}: {shut} of {len(ways)}."
