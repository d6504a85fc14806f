"""Profiles: what the role must be, by name. The documents are data; everything else is derived from them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from typing import Any

from xacct_kit.errors import ParamsError

Document = Mapping[str, Any]

# Profile name, and the names of the permission policies that it is made of.
_PROFILES: Mapping[str, tuple[str, ...]] = {
    "documented": ("cloudformation", "cost_explorer", "ec2", "emr", "iam", "s3", "sagemaker", "ssm"),
}


@dataclass(frozen=True, kw_only=True)
class RoleValues:
    """What stands in one account at the placeholders of a profile's documents."""

    partition: str
    region: str
    main_account: str
    member_account: str
    api_handler_role: str
    workflow_loop_runner_role: str
    external_id: str = field(repr=False)
    role_name: str
    stack_name: str


@dataclass(frozen=True, kw_only=True)
class RoleDefinition:
    """What the role must be in one account.

    Attributes:
        trust: its trust policy.
        policies: its inline policies by name.
        boundary: the document of its permissions boundary, if it has one.
        boundary_name: the name of the managed policy that holds it.
    """

    trust: Document
    policies: Mapping[str, Document]
    boundary: Document | None = None
    boundary_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the role must be.

    Attributes:
        name: the profile's name.
        trust: the trust policy, with placeholders for accounts, roles and external ID.
        permissions: the permission policies by name.
        boundary: the permissions boundary, if it has one.
    """

    name: str
    trust: Document
    permissions: Mapping[str, Document]
    boundary: Document | None = None

    def role(self, values: RoleValues) -> RoleDefinition:
        """The role of one account."""
        trust = self.trust_policy(
            partition=values.partition,
            main_account=values.main_account,
            member_account=values.member_account,
            api_handler_role=values.api_handler_role,
            workflow_loop_runner_role=values.workflow_loop_runner_role,
            external_id=values.external_id,
        )
        name = f"{values.role_name}-boundary" if self.boundary else None
        return RoleDefinition(
            trust=trust, policies=self.permissions, boundary=self.boundary, boundary_name=name
        )

    def trust_policy(
        self,
        *,
        partition: str,
        main_account: str,
        member_account: str,
        api_handler_role: str,
        workflow_loop_runner_role: str,
        external_id: str,
    ) -> dict[str, Any]:
        """The trust policy of one member account's role.

        Parameters:
            partition: the partition of both accounts.
            main_account: 12 digits; runs Service Workbench.
            member_account: 12 digits; holds the role.
            api_handler_role: name of main's role that serves requests.
            workflow_loop_runner_role: name of main's role that runs workflows.
            external_id: what whoever assumes the role must send.
        """
        values = {
            "Partition": partition,
            "MainAccount": main_account,
            "MemberAccount": member_account,
            "ApiHandlerRole": api_handler_role,
            "WorkflowLoopRunnerRole": workflow_loop_runner_role,
            "ExternalId": external_id,
        }
        filled: dict[str, Any] = map_text(self.trust, lambda text: Template(text).substitute(values))
        return filled


def load_profile(name: str) -> Profile:
    """The profile with a name.

    Raises:
        ParamsError: there is none.
    """
    if name not in _PROFILES:
        raise ParamsError([f"profile: there is no {name!r}; there is {', '.join(_PROFILES)}"])
    return _load(name)


@functools.cache
def _load(name: str) -> Profile:
    permissions = {policy: _document(policy) for policy in _PROFILES[name]}
    return Profile(name=name, trust=_document("trust"), permissions=permissions)


def _document(name: str) -> Document:
    text = files("xacct_kit.role").joinpath("documents", f"{name}.json").read_text(encoding="utf-8")
    document: Document = json.loads(text)
    return document


def map_text(value: Any, change: Callable[[str], Any]) -> Any:
    """A document with every text in it changed; names of elements stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: map_text(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [map_text(part, change) for part in value]
    return value
