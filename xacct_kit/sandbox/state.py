"""What the sandbox's accounts hold: the one module that looks into the state engine.

moto keeps the state of every account in process. What authorisation needs of it (roles, users, their
policies, access keys, organization policies) is read here, so that a new version of moto is met in one place.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.iam import models as iam_models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import iam_backends
from moto.organizations.models import organizations_backends

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role as it stands now."""

    account: str
    name: str
    arn: str
    role_id: str
    trust: Document
    max_session_duration: int


@dataclass(frozen=True, kw_only=True)
class Grants:
    """What a principal's own account gives it."""

    identity: tuple[Document, ...]
    boundary: Document | None


@dataclass(frozen=True, kw_only=True)
class LongTermKey:
    """An IAM user's access key."""

    account: str
    user_name: str
    user_arn: str
    user_id: str
    secret: str


def find_role(arn: str) -> Role | None:
    """The role with an ARN, if there is one."""
    role = _role_by_arn(arn)
    return role and Role(
        account=role.account_id,
        name=role.name,
        arn=role.arn,
        role_id=role.id,
        trust=_document(role.assume_role_policy_document),
        max_session_duration=int(role.max_session_duration or 3600),
    )


def role_arn(partition: str, account: str, name: str) -> str | None:
    """The ARN of the role with a name; its path is part of it."""
    roles = iam_backends[account][partition].roles.values() if account in iam_backends else ()
    return next((str(role.arn) for role in list(roles) if role.name == name), None)


def role_grants(arn: str) -> Grants | None:
    """The policies of the role with an ARN, if there is one."""
    role = _role_by_arn(arn)
    return role and Grants(identity=tuple(_policies(role)), boundary=_boundary(role))


def user_grants(arn: str) -> Grants | None:
    """The policies of an IAM user and its groups, if there is one."""
    _, partition, _, _, account, path = arn.split(":", 5)
    backend = iam_backends[account][partition]
    user = backend.users.get(path.rsplit("/", 1)[-1])
    if user is None or user.arn != arn:
        return None
    groups = [group for group in backend.groups.values() if user in group.users]
    identity = tuple(document for owner in (user, *groups) for document in _policies(owner))
    return Grants(identity=identity, boundary=_boundary(user))


def find_long_term_key(access_key: str) -> LongTermKey | None:
    """The IAM user's key with an ID, in whichever account it is."""
    for account, partitions in list(iam_backends.items()):
        for backend in list(partitions.values()):
            for user in list(backend.users.values()):
                for key in user.access_keys:
                    if key.access_key_id == access_key and key.status == "Active":
                        return LongTermKey(
                            account=account,
                            user_name=user.name,
                            user_arn=user.arn,
                            user_id=user.id,
                            secret=key.secret_access_key,
                        )
    return None


def service_control_policies(account: str) -> list[list[Document]]:
    """The levels of service control policies above an account, root first.

    The management account and accounts outside an organization have none.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    owner = organizations_backends.master_accounts.get(account)
    if owner is None or owner[0] == account:
        return []
    backend: Any = organizations_backends[owner[0]][owner[1]]
    if not any(kind["Type"] == "SERVICE_CONTROL_POLICY" for kind in backend.ou[0].policy_types):
        return []
    return [_attached(node) for node in reversed(list(_path_to_root(backend, account)))]


def is_management_account(account: str) -> bool:
    """Whether an account owns an organization."""
    return any(owner == account for owner, _ in organizations_backends.master_accounts.values())


def ensure_aws_managed_policy(account: str, partition: str, arn: str) -> None:
    """Make a managed policy of AWS known to an account; moto would load all of them or none."""
    backend = iam_backends[account][partition]
    name = arn.rsplit("/", 1)[-1]
    data = _aws_managed_policies().get(name)
    ours = arn.startswith(f"arn:{partition}:iam::aws:policy/")
    if ours and data and arn not in backend.managed_policies:
        policy = iam_models.AWSManagedPolicy.from_data(name, account, backend.region_name, data)
        backend.managed_policies[arn] = policy


def _role_by_arn(arn: str) -> Any:
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "iam" or parts[4] not in iam_backends:
        return None
    if parts[1] not in iam_backends[parts[4]]:
        return None
    roles = iam_backends[parts[4]][parts[1]].roles.values()
    return next((role for role in list(roles) if role.arn == arn), None)


def _policies(owner: Any) -> Iterator[Document]:
    for text in list(owner.policies.values()):
        yield _document(text)
    for policy in list(owner.managed_policies.values()):
        yield _default_version(policy)


def _default_version(policy: Any) -> Document:
    return next(_document(version.document) for version in policy.versions if version.is_default)


def _boundary(owner: Any) -> Document | None:
    arn = getattr(owner, "permissions_boundary_arn", None)
    if not arn:
        return None
    _, partition, *_ = owner.arn.split(":", 2)
    ensure_aws_managed_policy(owner.account_id, partition, arn)
    policy = iam_backends[owner.account_id][partition].managed_policies.get(arn)
    return _NOTHING if policy is None else _default_version(policy)


# A boundary that does not exist allows nothing.
_NOTHING: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}


def _path_to_root(backend: Any, account: str) -> Iterator[Any]:
    node = backend.get_account_by_id(account)
    while node is not None:
        yield node
        parent = node.parent_id
        node = next((unit for unit in backend.ou if unit.id == parent), None)


def _attached(node: Any) -> list[Document]:
    return [_document(p.content) for p in node.attached_policies if p.type == "SERVICE_CONTROL_POLICY"]


def _document(text: str) -> Document:
    return _parsed(text) if isinstance(text, str) else text


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> Document:
    document: Document = json.loads(text)
    return document


@functools.cache
def _aws_managed_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
