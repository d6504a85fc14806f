"""Reading an organization: what it lists, whole or not at all, and what is said where it may not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from xacct_kit.aws.answers import Answer
from xacct_kit.aws.session import Session
from xacct_kit.errors import AccessError, RunError
from xacct_kit.steps.operator.policies import ORGANIZATION_READS

# Why an account that is not active is left out, by its state. Where an answer has but the older status,
# SUSPENDED is a closed account too.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
NOT_WORKING: Mapping[str, str] = {
    "PENDING_ACTIVATION": "its sign-up was never completed",
    "SUSPENDED": "it is suspended or closed",
    "PENDING_CLOSURE": "it is being closed",
    "CLOSED": "it is closed",
}

IS_MANAGEMENT = "it is the management account of the organization, where no analytics run"
IS_MAIN = "it is the main account, which runs Service Workbench; to onboard it too, name it"


def state_of(account: Mapping[str, Any]) -> str:
    """The state of an account as AWS lists it; where there is none, its forerunner `Status` counts."""
    return str(account.get("State") or account.get("Status", ""))


def why_not_working(account: Mapping[str, Any]) -> str:
    """Why nothing can be done in an account, as AWS describes it; empty when it is active."""
    return NOT_WORKING.get(state_of(account), "")


def management_account(answer: Answer) -> str | None:
    """The account that owns the organization, as DescribeOrganization tells; None where it does not."""
    management: str | None = answer.result.get("Organization", {}).get("MasterAccountId")
    return management


@dataclass(frozen=True)
class OrganizationReader:
    """Reads an organization as the operator of a session.

    Attributes:
        session: whose run it is.
        management: the account that owns the organization; None where nobody has told yet.
    """

    session: Session
    management: str | None = None

    @classmethod
    def of(cls, session: Session) -> OrganizationReader:
        """A reader of the operator's organization.

        Raises:
            AccessError: the operator may not read it.
            RunError: it cannot be read.
        """
        answer = session.call(session.operator, "organizations", "DescribeOrganization")
        management = management_account(answer)
        if management is None:
            cls(session).fail(answer, "The organization")
        return cls(session, management)

    def listed(self, key: str, operation: str, **params: str) -> Iterator[Mapping[str, Any]]:
        """What an operation lists, page after page.

        Parameters:
            key: what its answers hold it under.
            operation: the operation.
            params: its parameters.

        Raises:
            AccessError: the operator may not read it.
            RunError: it cannot be read whole.
        """
        session = self.session
        what = f"What is below {params['ParentId']}" if params else "The organization"
        for answer in session.pages(session.operator, "organizations", operation, **params):
            items = answer.result.get(key, ())
            if not answer.ok or not all("Id" in item for item in items):
                self.fail(answer, what)
            yield from items

    def fail(self, answer: Answer, what: str) -> NoReturn:
        """Refuse to go on with fewer accounts than there are.

        Parameters:
            answer: what came back.
            what: what cannot be read.

        Raises:
            AccessError: the operator may not read it.
            RunError: it cannot be read for another reason.
        """
        outcome, operator = answer.outcome, self.session.operator
        told = f"{what} cannot be read. {outcome.reason or 'The answer is not whole.'}"
        if not outcome.kind.denied:
            raise RunError(f"{told} {outcome.fix}".rstrip())
        management = f" {self.management}" if self.management else ""
        raise AccessError(
            f"{told} The operator is {operator.arn}: it must be of the management account{management} or of "
            f"a delegated administrator's, and be allowed {', '.join(ORGANIZATION_READS)}. Or name the "
            "accounts in member_accounts."
        )
