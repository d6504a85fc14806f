"""The organization as it stands: who manages it, and which service control policies are above an account.

Read from the state engine, as `state` reads IAM's part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import FakeAccount, organizations_backends

from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.protocol import Operation
from xacct_kit.sandbox.state import Policy


def find_organization(account: str) -> Any:
    """The organization that an account is in or owns, as moto keeps it; None where there is none."""
    member_of = organizations_backends.master_accounts.get(account)
    if member_of is not None:
        return organizations_backends[member_of[0]][member_of[1]]
    own = organizations_backends[account].values() if account in organizations_backends else ()
    return next((backend for backend in list(own) if backend.org), None)


def is_management_account(account: str) -> bool:
    """Whether an account owns an organization."""
    backend = find_organization(account)
    return backend is not None and backend.account_id == account


def organization_id(account: str) -> str | None:
    """The ID of an account's organization; None where it is in none."""
    backend = find_organization(account)
    return backend and str(backend.org.id)


# The parameters by which operations of AWS Organizations name what they are about.
_NAMING = (
    "AccountId",
    "ChildId",
    "DestinationParentId",
    "OrganizationalUnitId",
    "ParentId",
    "PolicyId",
    "SourceParentId",
    "TargetId",
)

# By the beginning of an ID; that of an account is a digit.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
_ACCOUNT = "arn:{partition}:organizations::{management}:account/{organization}/{id}"
_ARNS: Mapping[str, str] = {
    "o": "arn:{partition}:organizations::{management}:ou/{organization}/{id}",
    "p": "arn:{partition}:organizations::{management}:policy/{organization}/service_control_policy/{id}",
    "r": "arn:{partition}:organizations::{management}:root/{organization}/{id}",
}


def resources(params: Mapping[str, Any], partition: str, account: str) -> tuple[str, ...]:
    """The ARNs of what an operation of AWS Organizations names; `*` where it names nothing.

    Parameters:
        params: the operation's parameters.
        partition: the partition.
        account: the account that asks.
    """
    backend = find_organization(account)
    if backend is None:
        return ("*",)
    named = [str(params[name]) for name in _NAMING if params.get(name)]
    place = {"partition": partition, "management": backend.account_id, "organization": backend.org.id}
    return tuple(_ARNS.get(each[0], _ACCOUNT).format(id=each, **place) for each in named) or ("*",)


def check_permitted(operation: Operation, account: str) -> None:
    """Refuse what would leave the organization without what it must have; moto does it.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html

    Raises:
        ServiceFault: it would.
    """
    if operation.service != "organizations":
        return
    backend, params = find_organization(account), operation.params
    if operation.name == "CloseAccount" and backend and params["AccountId"] == backend.account_id:
        raise _violation("You can't close the management account.")
    if operation.name == "DetachPolicy" and backend:
        target, policy = params["TargetId"], params["PolicyId"]
        nodes = [each for each in (*backend.ou, *backend.accounts) if each.id == target]
        if any([str(each.arn).rpartition("/")[2] for each in _attached(node)] == [policy] for node in nodes):
            raise _violation("You can't remove the last policy of its type from an entity.")


def _violation(text: str) -> ServiceFault:
    return ServiceFault(400, "ConstraintViolationException", text)


def mark_closed(management: str, account: str) -> None:
    """Give an account the state of one that its owner closed; moto gives it that of one that AWS suspended.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
    """
    _member(find_organization(management), account).state = "CLOSED"


def add_account(
    backend: Any, account: str, name: str, email: str, tags: Iterable[Mapping[str, str]] = ()
) -> None:
    """Add an account with an ID of our choice; moto would choose one at random.

    Parameters:
        backend: moto's organization.
        account: its ID.
        name: its name.
        email: its e-mail address.
        tags: its tags, each with `Key` and `Value`.
    """
    made = FakeAccount(backend.org, AccountName=name, Email=email, Tags=list(tags))
    # moto gave it a role under the random ID that it had at first.
    iam_backends.pop(made.id, None)
    made.id = account
    for policy in backend.policies:
        if policy.aws_managed:
            attach(policy, made)
    backend.accounts.append(made)
    organizations_backends.master_accounts[account] = (backend.account_id, backend.partition)


def attach(policy: Any, account: Any) -> None:
    """Do what moto does after looking at every account there is."""
    account.attached_policies.append(policy)
    policy.attachments.append(account)


def accounts_below(management: str, unit: str) -> list[str]:
    """The accounts in an organizational unit or root and the units below it, but for the management account.

    Raises:
        ServiceFault: there is no such unit.
    """
    backend = find_organization(management)
    if unit not in {each.id for each in backend.ou}:
        raise ServiceFault(400, "ValidationError", f"The organizational unit {unit} does not exist.")
    return [each.id for each in backend.accounts if each.id != management and unit in units_above(each.id)]


def units_above(account: str) -> set[str]:
    """The IDs of the organizational units that an account is in, and of the root."""
    return {node.id for node in _path_to_root(find_organization(account), account)}


def is_suspended(account: str) -> bool:
    """Whether an account of an organization is suspended, as one is that was closed."""
    backend = find_organization(account)
    if backend is None or account not in organizations_backends.master_accounts:
        return False
    return str(_member(backend, account).status) == "SUSPENDED"


def path_of(account: str) -> str:
    """Where an account is in its organization, as the condition keys of paths tell it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html#access_policies_access-advisor-viewing-orgs-entity-path
    """
    backend = find_organization(account)
    _, *above = _path_to_root(backend, account)
    return "".join(f"{each.id}/" for each in (backend.org, *reversed(above)))


def service_control_policies(account: str) -> list[tuple[Policy, ...]]:
    """The levels of service control policies above an account, root first.

    The management account and accounts outside an organization have none.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    backend = find_organization(account)
    if backend is None or is_management_account(account):
        return []
    if not any(kind["Type"] == "SERVICE_CONTROL_POLICY" for kind in backend.ou[0].policy_types):
        return []
    return [_attached(node) for node in reversed(list(_path_to_root(backend, account)))]


def _path_to_root(backend: Any, account: str) -> Iterator[Any]:
    units = {unit.id: unit for unit in backend.ou}
    node = _member(backend, account)
    while node is not None:
        yield node
        node = units.get(node.parent_id)


# moto keeps a list of accounts; the place of one in it changes only when an account before it leaves.
_places: dict[str, int] = {}


def _member(backend: Any, account: str) -> Any:
    accounts = backend.accounts
    place = _places.get(account, 0)
    if place >= len(accounts) or accounts[place].id != account:
        _places.update((member.id, number) for number, member in enumerate(accounts))
        place = _places[account]
    return accounts[place]


def _attached(node: Any) -> tuple[Policy, ...]:
    return tuple(
        Policy(name=policy.name, text=policy.content, arn=policy.arn)
        for policy in node.attached_policies
        if policy.type == "SERVICE_CONTROL_POLICY"
    )
