"""In what a role is not what its definition says: by meaning, not by text.

What is written otherwise and means the same is no difference: see `xacct_kit.role.normal_form`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xacct_kit.role.drift import (
    DEPLOY,
    PATH,
    ROLE,
    SESSION_SECONDS,
    Call,
    Difference,
    DifferenceKind,
    LiveRole,
    Severity,
    iam,
)
from xacct_kit.role.policy_differences import boundary_differences, policy_differences
from xacct_kit.role.profile import RoleDefinition
from xacct_kit.role.trust_differences import trust_differences

_WORST_FIRST = tuple(Severity)


def differences(
    wanted: RoleDefinition, live: LiveRole | None, *, tags: Mapping[str, str] | None = None
) -> tuple[Difference, ...]:
    """Everything in which a role is not what it should be, worst first.

    Parameters:
        wanted: what the role should be.
        live: the role as it is; None where there is none. What could not be read of it is not compared.
        tags: the tags that it should have.

    Returns:
        The differences. Empty where there is none, and where all that could be read is as it should be:
        `LiveRole.unread` says what that leaves open.
    """
    if live is None:
        return (_MISSING,)
    found = (
        *trust_differences(wanted.trust, live),
        *policy_differences(wanted.policies, live),
        *boundary_differences(wanted.boundary, wanted.boundary_name, live),
        *_of_the_role(wanted.description or live.description, live),
        *_of_tags(tags or {}, live),
    )
    return tuple(sorted(found, key=lambda difference: _WORST_FIRST.index(difference.severity)))


_MISSING = Difference(
    kind=DifferenceKind.ROLE_MISSING,
    where=ROLE,
    severity=Severity.HIGH,
    says="There is no such role: nobody can assume it, and no analytics can run in the account.",
    fix="Deploy the role: xacct deploy. A stack whose role was deleted by hand has to be deleted first: "
    "deploying it unchanged makes nothing anew.",
    calls=(DEPLOY,),
)


def _of_the_role(description: str, live: LiveRole) -> Iterator[Difference]:
    if live.path != PATH:
        yield Difference(
            kind=DifferenceKind.ROLE_PATH,
            where=ROLE,
            severity=Severity.HIGH,
            says=f"The role is {live.arn}: nobody can assume it by the ARN without a path, which is the "
            "one that Service Workbench is told.",
            # A path is for ever: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
            fix="A role cannot be moved. Delete this one and its stack by hand, and deploy anew.",
        )
    if live.session_seconds != SESSION_SECONDS:
        yield Difference(
            kind=DifferenceKind.SESSION_DURATION,
            where=ROLE,
            severity=Severity.MEDIUM,
            says=f"A session of {live.name} may last {live.session_seconds:,} s, not {SESSION_SECONDS:,} s: "
            "credentials that were lost can be used for so long.",
            fix=f"Set the maximum session duration of {live.name} back (aws iam update-role).",
            calls=(_updated(description, live),),
        )
    if live.description != description:
        yield Difference(
            kind=DifferenceKind.DESCRIPTION,
            where=ROLE,
            severity=Severity.LOW,
            says=f"{live.name} is described otherwise than by its stack; nobody may do more or less for it.",
            fix=f"Set the description of {live.name} back (aws iam update-role).",
            calls=(_updated(description, live),),
        )


def _updated(description: str, live: LiveRole) -> Call:
    """The call that sets both back: what UpdateRole does with what is not given is not documented of both."""
    return iam("UpdateRole", RoleName=live.name, Description=description, MaxSessionDuration=SESSION_SECONDS)


# What begins so is AWS's own: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
_OF_AWS = "aws:"


def _of_tags(wanted: Mapping[str, str], live: LiveRole) -> Iterator[Difference]:
    for key, value in wanted.items():
        if live.tags.get(key) != value:
            yield Difference(
                kind=DifferenceKind.TAG,
                where=ROLE,
                severity=Severity.LOW,
                says=f"{live.name} does not have the tag {key} as the stack has it: policies and cost "
                "reports that go by it do not find the role.",
                fix=f"Tag {live.name} again (aws iam tag-role).",
                calls=(iam("TagRole", RoleName=live.name, Tags=[{"Key": key, "Value": value}]),),
            )
    for key in sorted(live.tags.keys() - wanted.keys()):
        if not key.lower().startswith(_OF_AWS):
            yield Difference(
                kind=DifferenceKind.TAG,
                where=ROLE,
                severity=Severity.INFO,
                says=f"{live.name} has the tag {key}, of which the definition says nothing; policies that "
                "go by tags of a principal may speak of it.",
                fix="",
            )
