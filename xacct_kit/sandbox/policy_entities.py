"""Who has a managed policy, and that it is not deleted from under them; moto forgets boundaries and versions.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends

from xacct_kit.sandbox import state
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.protocol import Operation

# Entity, where moto keeps it, and its members of the answer.
_KINDS = (("User", "users"), ("Role", "roles"), ("Group", "groups"))

# What of an entity names the policy, by the usage that may be asked for.
_PERMISSIONS, _BOUNDARY = "PermissionsPolicy", "PermissionsBoundary"


def list_entities_for_policy(account: str, partition: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer IAM's `ListEntitiesForPolicy`, on one page.

    Raises:
        ServiceFault: there is no such policy.
    """
    arn = params["PolicyArn"]
    if state.find_managed_policy(partition, account, arn) is None:
        raise ServiceFault(404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    backend = iam_backends[account][partition]
    prefix, usage = params.get("PathPrefix", "/"), params.get("PolicyUsageFilter")
    return {
        "IsTruncated": False,
        **{
            f"Policy{kind}s": [
                {f"{kind}Name": owner.name, f"{kind}Id": owner.id}
                for owner in list(getattr(backend, kept).values())
                if params.get("EntityFilter") in (None, kind)
                and str(owner.path).startswith(prefix)
                and any(usage in (None, each) for each in _usages(owner, arn))
            ]
            for kind, kept in _KINDS
        },
    }


def check_deletable(operation: Operation, partition: str, account: str) -> None:
    """Refuse to delete a policy that is attached, or that has more versions than its default.

    That a policy which is a permissions boundary is refused too is not documented, and it is not refused.

    Raises:
        ServiceFault: it cannot be deleted.
    """
    if (operation.service, operation.name) != ("iam", "DeletePolicy"):
        return
    arn, backend = operation.params["PolicyArn"], iam_backends[account][partition]
    policy = backend.managed_policies.get(arn)
    if policy is None:
        return
    owners = [owner for _, kept in _KINDS for owner in list(getattr(backend, kept).values())]
    if any(_PERMISSIONS in _usages(owner, arn) for owner in owners):
        raise ServiceFault(409, "DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise ServiceFault(
            409,
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy.",
        )


def _usages(owner: Any, arn: str) -> Iterator[str]:
    if arn in owner.managed_policies:
        yield _PERMISSIONS
    if getattr(owner, "permissions_boundary_arn", None) == arn:
        yield _BOUNDARY
