"""What a stack could not delete, and why; the role and its boundary are removed in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding
from xacct_kit.role.template import RESOURCE_TYPES
from xacct_kit.steps.removal.removal import Left, remove
from xacct_kit.steps.stack.view import StackView, failure_of
from xacct_kit.steps.waiting import Progress


@dataclass(frozen=True, kw_only=True)
class Undeleted:
    """A resource that its stack could not delete.

    Attributes:
        logical_id: its name in the template.
        type: its type as CloudFormation names it.
        name: what AWS knows it by; empty where that is not told.
        reason: why it could not be deleted: one sentence.
    """

    logical_id: str
    type: str
    name: str
    reason: str

    @property
    def is_of_template(self) -> bool:
        """Whether it is one that the role's template has, and so is removed."""
        return bool(self.name) and RESOURCE_TYPES.get(self.logical_id) == self.type

    def __str__(self) -> str:
        return f"{self.name or self.logical_id} ({self.type}). {self.reason.rstrip('.')}."


def undeleted(stack: StackView) -> list[Undeleted]:
    """The resources that a stack could not delete.

    Raises:
        StackFailure: the stack cannot be read.
    """
    reasons = {event["LogicalResourceId"]: failure_of(event) for event in stack.failures("DELETE_FAILED")}
    return [
        Undeleted(
            logical_id=each["LogicalResourceId"],
            type=each["ResourceType"],
            name=each.get("PhysicalResourceId", ""),
            reason=reasons.get(each["LogicalResourceId"], "CloudFormation gives no reason"),
        )
        for each in stack.resources()
        if each["ResourceStatus"] == "DELETE_FAILED"
    ]


def remove_undeleted(
    session: Session, caller: Caller, stack: str, found: Iterable[Undeleted], progress: Progress
) -> list[Finding]:
    """Remove those resources that the role's template has; the boundary stays as long as the role does.

    Parameters:
        session: whose run it is.
        caller: who removes them, in the stack's account.
        stack: the stack's name or ID.
        found: what the stack could not delete.
        progress: is told what is removed.

    Returns:
        A finding for each that was tried, to the first that could not be removed.
    """
    by_id = {each.logical_id: each for each in found if each.is_of_template}
    rows = list[Finding]()
    for logical_id in RESOURCE_TYPES:
        each = by_id.get(logical_id)
        if each is not None and all(row.verdict.green for row in rows):
            why = f"The stack {stack} could not delete {each}"
            rows.append(remove(session, caller, Left(type=each.type, name=each.name, why=why), progress))
    return rows
