"""The targets step: which accounts a run is for, and which of those that were asked for it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from xacct_kit.aws.answers import Answer
from xacct_kit.aws.session import Session
from xacct_kit.errors import AccessError, RunError
from xacct_kit.param_types import WHOLE_ORGANIZATION
from xacct_kit.report import Finding, Report
from xacct_kit.steps.findings import Question, skipped

# Why an account that is not active is left out, by its state. Where an answer has but the older status,
# SUSPENDED is a closed account too.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
_NOT_WORKING: Mapping[str, str] = {
    "PENDING_ACTIVATION": "its sign-up was never completed",
    "SUSPENDED": "it is suspended or closed",
    "PENDING_CLOSURE": "it is being closed",
    "CLOSED": "it is closed",
}

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
_NEEDED = (
    "DescribeOrganization",
    "ListAccounts",
    "ListAccountsForParent",
    "ListOrganizationalUnitsForParent",
    "ListRoots",
)


@dataclass(frozen=True)
class Targets:
    """The accounts of a run.

    Attributes:
        accounts: those that the params name, in their order; then those of organizational units, ascending.
        findings: one for each account that is left out, and why.
    """

    accounts: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def targeted(session: Session) -> Report:
    """Find the accounts of a run; from then on the session's params name them and no others.

    Parameters:
        session: whose run it is.

    Returns:
        A finding for each account that is left out.

    Raises:
        AccessError: the operator may not read the organization.
        RunError: the organization cannot be read, or no account is left.
    """
    targets = find_targets(session)
    session.params = session.params.for_accounts(targets.accounts)
    return Report.of(targets.findings)


def find_targets(session: Session) -> Targets:
    """Find the accounts that the params name and those below their organizational units.

    Nothing is changed. The organization is asked only where organizational units are given, or where the
    operator's own account is named, which may be the management account.

    Parameters:
        session: whose run it is.

    Raises:
        AccessError: the operator may not read the organization.
        RunError: the organization cannot be read, or no account is left.
    """
    params = session.params
    found = _read(session) if params.organizational_units else _of_operator(session)
    wanted = dict.fromkeys((*params.member_accounts, *sorted(found.states)))
    left_out = {account: why for account in wanted if (why := _why_not(session, found, account))}
    accounts = tuple(account for account in wanted if account not in left_out)
    unneeded = {
        account: "exclude_accounts names it; it was not asked for otherwise"
        for account in params.exclude_accounts
        if account not in wanted
    }
    if not accounts:
        raise RunError(_nobody(session, left_out))
    return Targets(accounts, tuple(_left_out(session, {**left_out, **unneeded})))


@dataclass
class _Found:
    """What is known of the organization: its management account, and the states of accounts by their IDs."""

    management: str | None = None
    states: dict[str, str] = field(default_factory=dict)

    def add(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        """Take in accounts as AWS lists them."""
        self.states |= {each["Id"]: _state(each) for each in accounts}


def _why_not(session: Session, found: _Found, account: str) -> str:
    """Why an account is no target; empty when it is one."""
    params = session.params
    if account in params.exclude_accounts:
        return "exclude_accounts names it"
    if account == found.management:
        return "it is the management account of the organization, where no analytics run"
    if account == params.main_account and account not in params.member_accounts:
        return "it is the main account, which runs Service Workbench; to onboard it too, name it"
    return _NOT_WORKING.get(found.states.get(account, ""), "")


def _left_out(session: Session, reasons: Mapping[str, str]) -> Iterator[Finding]:
    for account, why in reasons.items():
        question = Question(
            step="targets", probe="account", account=account, caller=session.operator.name, action=""
        )
        yield skipped(session, question, f"{account} is left out: {why}.")


def _nobody(session: Session, left_out: Mapping[str, str]) -> str:
    params = session.params
    asked = ", ".join((*params.member_accounts, *params.organizational_units))
    reasons = [f"{account}: {why}." for account, why in left_out.items()] or ["No account is there."]
    return "\n".join([f"No account to work on is left of {asked}.", *reasons])


def _of_operator(session: Session) -> _Found:
    """Whether the operator's account is the management account, where that matters and can be known."""
    if session.operator.account not in session.params.member_accounts:
        return _Found()
    answer = session.call(session.operator, "organizations", "DescribeOrganization")
    return _Found(management_account(answer))


def why_not_working(account: Mapping[str, Any]) -> str:
    """Why nothing can be done in an account, as AWS describes it; empty when it is active."""
    return _NOT_WORKING.get(_state(account), "")


def _state(account: Mapping[str, Any]) -> str:
    """An account's state; where there is none, its forerunner `Status` counts."""
    return str(account.get("State") or account.get("Status", ""))


def management_account(answer: Answer) -> str | None:
    """The account that owns the organization, as DescribeOrganization tells; None where it does not."""
    management: str | None = answer.result.get("Organization", {}).get("MasterAccountId")
    return management


def _read(session: Session) -> _Found:
    """Read from the organization what the params ask for: all of it, or it is an error."""
    answer = session.call(session.operator, "organizations", "DescribeOrganization")
    found = _Found(management_account(answer))
    if found.management is None:
        _fail(session, found, answer, "The organization")
    units = session.params.organizational_units
    roots = [unit for unit in units if unit.startswith("r-")]
    if roots:
        _check_roots(session, found, roots)
    if WHOLE_ORGANIZATION in units or roots:
        # Of a root itself, AWS lists only the accounts that are in no organizational unit.
        found.add(_listed(session, found, "Accounts", "ListAccounts"))
        return found
    seen = set[str]()
    for unit in units:
        _walk(session, found, unit, seen)
    return found


def _check_roots(session: Session, found: _Found, asked: Iterable[str]) -> None:
    roots = {root["Id"] for root in _listed(session, found, "Roots", "ListRoots")}
    for root in asked:
        if root not in roots:
            there = ", ".join(sorted(roots))
            raise RunError(
                f"organizational_units: {root} is not a root of the organization, which has {there}."
            )


def _walk(session: Session, found: _Found, unit: str, seen: set[str]) -> None:
    """Add the accounts of an organizational unit, and of those below it."""
    if unit in seen:
        return
    seen.add(unit)
    found.add(_listed(session, found, "Accounts", "ListAccountsForParent", ParentId=unit))
    # Each of these calls comes after one that waits for its rate.
    operation = "ListOrganizationalUnitsForParent"
    for below in [*_listed(session, found, "OrganizationalUnits", operation, ParentId=unit)]:
        _walk(session, found, below["Id"], seen)


def _listed(
    session: Session, found: _Found, key: str, operation: str, **params: str
) -> Iterator[Mapping[str, Any]]:
    """What an operation lists, page after page."""
    what = f"What is below {params['ParentId']}" if params else "The organization"
    for answer in session.pages(session.operator, "organizations", operation, **params):
        items = answer.result.get(key, ())
        if not answer.ok or not all("Id" in item for item in items):
            _fail(session, found, answer, what)
        yield from items


def _fail(session: Session, found: _Found, answer: Answer, what: str) -> NoReturn:
    """Refuse to go on with fewer accounts than there are."""
    outcome, operator = answer.outcome, session.operator
    told = f"{what} cannot be read. {outcome.reason or 'The answer is not whole.'}"
    if not outcome.kind.denied:
        raise RunError(f"{told} {outcome.fix}".rstrip())
    management = f" {found.management}" if found.management else ""
    needed = ", ".join(f"organizations:{operation}" for operation in _NEEDED)
    raise AccessError(
        f"{told} The operator is {operator.arn}: it must be of the management account{management} or of a "
        f"delegated administrator's, and be allowed {needed}. Or name the accounts in member_accounts."
    )
