"""Which stack of an account holds the role: the params' own, or one that a stack set has made there."""

from __future__ import annotations

from xacct_kit.aws.session import Session
from xacct_kit.steps.stack.view import refused


def stack_of(session: Session, account: str) -> str:
    """Name or ID of the stack that holds the role of an account.

    A stack that a stack set has made has a name of its own, which the stack set tells.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html

    Parameters:
        session: whose run it is; its operator administers the stack set.
        account: the member account.

    Raises:
        StackFailure: the stack set cannot be read.
    """
    return instance_stack(session, account) or session.params.stack_name


def instance_stack(session: Session, account: str) -> str | None:
    """ID of the stack that the params' stack set has in an account; None where there is none.

    Raises:
        StackFailure: the stack set cannot be read.
    """
    params = session.params
    if params.stack_set == "none":
        return None
    for answer in session.pages(
        session.operator,
        "cloudformation",
        "ListStackInstances",
        StackSetName=params.stack_name,
        StackInstanceAccount=account,
        StackInstanceRegion=params.region,
    ):
        if answer.absent:
            return None
        if not answer.ok:
            raise refused("ListStackInstances", answer)
        # There is one at most in an account and a region.
        if answer.result.get("Summaries"):
            stack_id: str | None = answer.result["Summaries"][0].get("StackId")
            return stack_id
    return None
