"""The live role of an account held against the profile, by meaning."""

from __future__ import annotations

from dataclasses import dataclass

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.role.differences import differences
from xacct_kit.role.drift import Difference, Severity
from xacct_kit.role.profile import RoleDefinition, load_profile
from xacct_kit.steps.callers import role_values
from xacct_kit.steps.live_role import read_role


@dataclass(frozen=True, kw_only=True)
class RoleComparison:
    """What a comparison of the live role with the profile came to.

    Attributes:
        differences: in what it differs, worst first.
        unread: what could not be read and so is not compared, and why: a sentence each.
        answer: the answer to the question for the role itself.
    """

    differences: tuple[Difference, ...]
    unread: tuple[str, ...]
    answer: Answer

    @property
    def wrong(self) -> tuple[Difference, ...]:
        """The differences that something is to be done about."""
        return tuple(each for each in self.differences if each.severity is not Severity.INFO)

    @property
    def same(self) -> bool:
        """Whether it is certain that the role is what the profile says."""
        return not self.wrong and not self.unread


def compare_role(session: Session, account: str, reader: Caller) -> RoleComparison:
    """Hold the live role of an account against the profile.

    Parameters:
        session: whose run it is.
        account: the member account.
        reader: who reads there.

    Raises:
        AccessError: the operator may not read the external ID.
        ParamsError: there is none.
    """
    params, wanted = session.params, definition_of(session, account)
    read = read_role(session, reader, params.role_name, boundary_name=wanted.boundary_name)
    if read.role is None and not read.absent:
        unread = (f"The role {params.role_name} cannot be read: {read.answer.outcome.reason}",)
        return RoleComparison(differences=(), unread=unread, answer=read.answer)
    parts = read.role.unread if read.role else {}
    return RoleComparison(
        differences=differences(wanted, read.role, tags=params.stack_tags),
        unread=tuple(
            f"The {part} of {params.role_name} cannot be read: {why}".strip() for part, why in parts.items()
        ),
        answer=read.answer,
    )


def definition_of(session: Session, account: str) -> RoleDefinition:
    """What the role of an account must be.

    Raises:
        AccessError: the operator may not read the external ID.
        ParamsError: there is none, or no such profile.
    """
    values = role_values(session, account, external_id=session.external_id)
    return load_profile(session.params.profile).role(values)
