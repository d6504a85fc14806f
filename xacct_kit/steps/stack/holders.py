"""Which stack of an account holds something: CloudFormation is asked by what AWS knows it by.

A stack of another region is not seen: CloudFormation answers for one region, while IAM has none, and roles do
not get the tags that would name their stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1159
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.steps.stack.view import StackFailure, refused

# A resource that its stack has let go of; whether a deleted stack is told at all is not documented.
_LET_GO = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})


def holder_of(session: Session, reader: Caller, resource_type: str, name: str) -> str | None:
    """ID of the stack that holds a resource, in the params' region; None where there is none.

    Parameters:
        session: whose run it is.
        reader: who reads in the resource's account.
        resource_type: its type as CloudFormation names it.
        name: what AWS knows it by.

    Raises:
        StackFailure: it cannot be told.
    """
    answer = session.call(reader, "cloudformation", "DescribeStackResources", PhysicalResourceId=name)
    if answer.absent:
        return None
    if not answer.ok:
        raise refused("DescribeStackResources", answer)
    return holding(answer.result.get("StackResources", ()), resource_type, name)


def holding(resources: Iterable[Mapping[str, Any]], resource_type: str, name: str) -> str | None:
    """ID of the stack that holds a resource, by the resources of the one that CloudFormation found.

    Resources of other types may have the same name: a stack that is found by one of those does not tell
    whether another stack holds this one.
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/998

    Parameters:
        resources: what DescribeStackResources told.
        resource_type: the type as CloudFormation names it.
        name: what AWS knows it by.

    Raises:
        StackFailure: it cannot be told.
    """
    found = list(resources)
    of_it = [
        each
        for each in found
        if (each["ResourceType"], each.get("PhysicalResourceId")) == (resource_type, name)
    ]
    if not of_it:
        stacks = ", ".join(sorted({str(each["StackId"]) for each in found})) or "no stack"
        raise StackFailure(
            f"cloudformation:DescribeStackResources told {stacks} by {name}, but no {resource_type}.",
            "Look into the stacks of the account for it.",
            Outcome(kind=OutcomeKind.UNKNOWN, evidence={"message": stacks}),
            Verdict.UNKNOWN,
        )
    return next((str(each["StackId"]) for each in of_it if each["ResourceStatus"] not in _LET_GO), None)
