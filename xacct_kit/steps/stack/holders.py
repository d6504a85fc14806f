"""Which stack of an account holds something of IAM: CloudFormation is asked by what AWS knows it by.

CloudFormation answers for one region, while IAM has none, and roles do not get the tags that would name their
stack: so it is asked in every region that the account has.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1159
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, OutcomeKind, Verdict
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.stack.view import StackFailure, refused

# A resource that its stack has let go of; whether a deleted stack is told at all is not documented.
_LET_GO = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})

_MOST_NAMED = 3


def holder_of(session: Session, reader: Caller, resource_type: str, name: str) -> str | None:
    """ID of the stack that holds a resource of IAM, in whatever region; None where there is none.

    Parameters:
        session: whose run it is.
        reader: who reads in the resource's account.
        resource_type: its type as CloudFormation names it.
        name: what AWS knows it by.

    Raises:
        StackFailure: it cannot be told.
    """
    ask = partial(_holder_in, session, reader, resource_type, name)
    return ask(session.params.region) or _holder_among(_other_regions(session, reader), ask)


def _holder_among(regions: Sequence[str], ask: Callable[[str], str | None]) -> str | None:
    """The stack of any of some regions; where none is found, each must have said that it has none."""

    def asked(region: str) -> str | StackFailure | None:
        try:
            return ask(region)
        except StackFailure as failure:
            return failure

    answers = dict(zip(regions, side_by_side([partial(asked, each) for each in regions]), strict=True))
    stack = next((told for told in answers.values() if isinstance(told, str)), None)
    untold = {region: told for region, told in answers.items() if isinstance(told, StackFailure)}
    if stack is None and untold:
        raise _untold_in(untold)
    return stack


def _untold_in(failures: Mapping[str, StackFailure]) -> StackFailure:
    """What some regions did not tell, as the first of them says why."""
    more = len(failures) - _MOST_NAMED
    named = ", ".join(sorted(failures)[:_MOST_NAMED]) + (f" and {more} more regions" if more > 0 else "")
    first = failures[min(failures)]
    return StackFailure(f"In {named}: {first.why}", first.fix, first.outcome, first.verdict)


def _other_regions(session: Session, reader: Caller) -> list[str]:
    """The regions of the account besides the params'; those that it has not enabled hold no stack.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
    """
    answer = session.call(reader, "ec2", "DescribeRegions")
    if not answer.ok:
        raise StackFailure(
            f"ec2:DescribeRegions: {answer.outcome.reason} A stack of any region may hold it.",
            answer.outcome.fix,
            answer.outcome,
            Verdict.FAIL if answer.outcome.kind.denied else Verdict.UNKNOWN,
        )
    return sorted({str(each["RegionName"]) for each in answer.result["Regions"]} - {session.params.region})


def _holder_in(session: Session, reader: Caller, resource_type: str, name: str, region: str) -> str | None:
    answer = session.call(
        reader, "cloudformation", "DescribeStackResources", region=region, PhysicalResourceId=name
    )
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
