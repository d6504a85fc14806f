"""Policies with their names: what a principal's calls are decided by, and which of them decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from xacct_kit.iam.decide import Decision, Layer, PolicyDocument, decide
from xacct_kit.iam.request import Request


class Held(Protocol):
    """A policy that somebody holds."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def arn(self) -> str | None:
        """Its ARN; None where it is written into its owner."""

    @property
    def document(self) -> PolicyDocument:
        """Its document."""


P = TypeVar("P", bound=Held)


@dataclass(frozen=True, kw_only=True)
class Policies(Generic[P]):
    """Every policy that limits or grants what a principal does.

    Attributes:
        identity: its identity-based policies.
        boundary: its permissions boundary.
        session: the policies of its session.
        scps: the levels of service control policies above its account, root first.
    """

    identity: Sequence[P] = ()
    boundary: P | None = None
    session: Sequence[P] = ()
    scps: Sequence[Sequence[P]] = ()

    def decide(self, request: Request, resource_policy: PolicyDocument | None = None) -> Decision:
        """Decide on a request of the principal.

        Parameters:
            request: who does what to which resource.
            resource_policy: the resource's policy; the role's trust policy where a role is assumed.

        Raises:
            PolicyError: the request or a document cannot be read.
        """
        return decide(
            request,
            identity=[policy.document for policy in self.identity],
            boundary=self.boundary.document if self.boundary else None,
            session=[policy.document for policy in self.session],
            scps=[[policy.document for policy in level] for level in self.scps],
            resource_policy=resource_policy,
        )

    def deciding(self, decision: Decision) -> P | None:
        """The policy whose statement decided, where it is one of these."""
        by = decision.statement
        if by is None:
            return None
        if by.layer is Layer.BOUNDARY:
            return self.boundary
        held: dict[Layer, Sequence[P]] = {
            Layer.IDENTITY: self.identity,
            Layer.SESSION: self.session,
            Layer.SCP: self.scps[by.level or 0] if self.scps else (),
        }
        policies = held.get(by.layer)
        return policies[by.document or 0] if policies else None
