"""The policies of a simulation: those that a principal has, and those that a request brings along."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from moto.iam.models import iam_backends

from xacct_kit.errors import PolicyError
from xacct_kit.iam import Document, DocumentKind
from xacct_kit.sandbox import organization, state
from xacct_kit.sandbox.simulation.faults import invalid_input, policy_evaluation


class SourceType(StrEnum):
    """The type of a policy, as results give it: as in AWS's examples, which do not keep to the model's enum.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    IDENTITY = "IAM Policy"
    BOUNDARY = "Permissions Boundary Policy"
    RESOURCE = "Resource Policy"
    CONTROL = "Service Control Policy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A policy of a simulation.

    Attributes:
        id: what results call it: the name of a managed policy, kind and name of the owner with the name of an
            inline policy, or the parameter that it came in.
        type: its type.
        text: its document.
        document: the same, compiled.
    """

    id: str
    type: SourceType
    text: str
    document: Document = field(compare=False)


_UNREADABLE = (PolicyError, ValueError, RecursionError)

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html (pattern and length)
_TEXT = re.compile(r"[\t\n\r\u0020-\u00FF]{1,131072}")
_MOST_LEVELS = 7


def attached_policies(account: str, partition: str, kind: str, arn: str) -> Iterator[Source] | None:
    """The identity-based policies of a principal, a user's groups' among them; None where there is none.

    Parameters:
        account: the principal's account.
        partition: its partition.
        kind: `user`, `group` or `role`.
        arn: its ARN.

    Raises:
        ServiceFault: a policy cannot be evaluated.
    """
    backend = iam_backends[account][partition]
    kept: Mapping[str, Any] = {"user": backend.users, "group": backend.groups, "role": backend.roles}
    entity = next((each for each in list(kept[kind].values()) if each.arn == arn), None)
    if entity is None:
        return None
    groups = [("group", group) for group in list(backend.groups.values()) if entity in group.users]
    return _policies_of([(kind, entity), *groups], account, partition)


def _policies_of(owners: list[tuple[str, Any]], account: str, partition: str) -> Iterator[Source]:
    attached: dict[str, None] = {}
    for kind, owner in owners:
        attached |= dict.fromkeys(owner.managed_policies)
        for name, text in list(owner.policies.items()):
            yield _kept(f"{kind}_{owner.name}_{name}", SourceType.IDENTITY, text)
    for arn in attached:
        policy = state.find_managed_policy(partition, account, arn)
        if policy is None:
            raise policy_evaluation(f"There is no policy {arn}.")
        yield _kept(policy.name, SourceType.IDENTITY, policy.text)


def attached_boundary(arn: str) -> Source | None:
    """The permissions boundary of a user or a role, if it has one.

    Raises:
        ServiceFault: it cannot be evaluated.
    """
    entity = state.find_entity(arn)
    boundary = entity.boundary if entity else None
    if boundary is None:
        return None
    return _kept(boundary.name or str(boundary.arn), SourceType.BOUNDARY, boundary.text)


def attached_controls(account: str) -> tuple[tuple[Source, ...], ...]:
    """The levels of service control policies above an account, root first.

    Raises:
        ServiceFault: one cannot be evaluated.
    """
    return tuple(
        tuple(_kept(policy.name, SourceType.CONTROL, policy.text) for policy in level)
        for level in organization.service_control_policies(account)
    )


def _kept(name: str, source_type: SourceType, text: str) -> Source:
    try:
        return Source(id=name, type=source_type, text=text, document=state.compiled(text))
    except _UNREADABLE as error:
        raise policy_evaluation(f"{name} cannot be evaluated: {error}") from error


def given_identity(params: Mapping[str, Any]) -> tuple[Source, ...]:
    """The policies in PolicyInputList.

    Raises:
        ServiceFault: one cannot be read.
    """
    return _listed(params, "PolicyInputList", SourceType.IDENTITY)


def given_boundary(params: Mapping[str, Any]) -> Source | None:
    """The policy in PermissionsBoundaryPolicyInputList.

    Raises:
        ServiceFault: it cannot be read, or there is more than one.
    """
    given = _listed(params, "PermissionsBoundaryPolicyInputList", SourceType.BOUNDARY)
    if len(given) > 1:
        raise invalid_input("The list of Permissions Boundary policies cannot exceed 1 items.")
    return given[0] if given else None


def given_resource_policy(params: Mapping[str, Any]) -> Source | None:
    """The policy in ResourcePolicy.

    Raises:
        ServiceFault: it cannot be read.
    """
    text = params.get("ResourcePolicy")
    return text and _given("ResourcePolicy", SourceType.RESOURCE, text, DocumentKind.RESOURCE)


def given_controls(params: Mapping[str, Any]) -> tuple[tuple[Source, ...], ...]:
    """The levels in OrderedOrganizationPolicyInputList.

    Raises:
        ServiceFault: a policy cannot be read, a level is empty, or there are too many.
    """
    levels = params.get("OrderedOrganizationPolicyInputList") or ()
    if len(levels) > _MOST_LEVELS:
        raise invalid_input(f"The list of organization policies cannot exceed {_MOST_LEVELS} items.")
    given = tuple(_listed(level, "ServiceControlPolicyInputList", SourceType.CONTROL) for level in levels)
    if not all(given):
        number = given.index(()) + 1
        raise invalid_input(
            f"Organization policy at index {number} must contain at least one service control policy"
        )
    return given


def _listed(params: Mapping[str, Any], name: str, source_type: SourceType) -> tuple[Source, ...]:
    texts = params.get(name) or ()
    return tuple(_given(f"{name}.{number}", source_type, text) for number, text in enumerate(texts, 1))


def _given(
    name: str, source_type: SourceType, text: str, kind: DocumentKind = DocumentKind.PERMISSIONS
) -> Source:
    if not _TEXT.fullmatch(text):
        raise invalid_input(f"{name} has invalid content: it is too long, or has a character no policy has.")
    try:
        return Source(id=name, type=source_type, text=text, document=state.compiled(text, kind))
    except _UNREADABLE as error:
        raise invalid_input(f"{name} has invalid content: {error}") from error
