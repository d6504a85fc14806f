"""The targets step: which accounts a run is for, and which of those that were asked for it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.errors import RunError
from xacct_kit.fleet.organization_reading import (
    IS_MAIN,
    IS_MANAGEMENT,
    NOT_WORKING,
    OrganizationReader,
    management_account,
    state_of,
)
from xacct_kit.param_types import WHOLE_ORGANIZATION
from xacct_kit.report import Finding, Report
from xacct_kit.steps.findings import Question, skipped


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
        self.states |= {each["Id"]: state_of(each) for each in accounts}


def _why_not(session: Session, found: _Found, account: str) -> str:
    """Why an account is no target; empty when it is one."""
    params = session.params
    if account in params.exclude_accounts:
        return "exclude_accounts names it"
    if account == found.management:
        return IS_MANAGEMENT
    if account == params.main_account and account not in params.member_accounts:
        return IS_MAIN
    return NOT_WORKING.get(found.states.get(account, ""), "")


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


def _read(session: Session) -> _Found:
    """Read from the organization what the params ask for: all of it, or it is an error."""
    reader = OrganizationReader.of(session)
    found = _Found(reader.management)
    units = session.params.organizational_units
    roots = [unit for unit in units if unit.startswith("r-")]
    if roots:
        _check_roots(reader, roots)
    if WHOLE_ORGANIZATION in units or roots:
        # Of a root itself, AWS lists only the accounts that are in no organizational unit.
        found.add(reader.listed("Accounts", "ListAccounts"))
        return found
    seen = set[str]()
    for unit in units:
        _walk(reader, found, unit, seen)
    return found


def _check_roots(reader: OrganizationReader, asked: Iterable[str]) -> None:
    roots = {root["Id"] for root in reader.listed("Roots", "ListRoots")}
    for root in asked:
        if root not in roots:
            there = ", ".join(sorted(roots))
            raise RunError(
                f"organizational_units: {root} is not a root of the organization, which has {there}."
            )


def _walk(reader: OrganizationReader, found: _Found, unit: str, seen: set[str]) -> None:
    """Add the accounts of an organizational unit, and of those below it."""
    if unit in seen:
        return
    seen.add(unit)
    found.add(reader.listed("Accounts", "ListAccountsForParent", ParentId=unit))
    # Each of these calls comes after one that waits for its rate.
    below = [*reader.listed("OrganizationalUnits", "ListOrganizationalUnitsForParent", ParentId=unit)]
    for each in below:
        _walk(reader, found, each["Id"], seen)
