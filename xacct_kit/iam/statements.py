"""Compiled statements: whether one speaks of a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xacct_kit.iam.conditions import Condition, NullCondition
from xacct_kit.iam.match import Matcher, Pattern
from xacct_kit.iam.principals import Grant, PrincipalElement
from xacct_kit.iam.request import Facts


class DocumentKind(StrEnum):
    """Where a document is used, which tells the elements that its statements may have."""

    PERMISSIONS = "permissions policy"
    """An identity-based policy, permissions boundary, session policy or service control policy."""
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class Names:
    """Action names, in lower case: in full, those that end in a wildcard, and other patterns."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]
    patterns: tuple[Matcher, ...]

    def matches(self, name: str) -> bool:
        """Whether a name in lower case is one of them."""
        return (
            name in self.exact
            or name.startswith(self.prefixes)
            or (bool(self.patterns) and any(matches(name) for matches in self.patterns))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement of a policy document, compiled.

    Attributes:
        index: its place in the document.
        sid: its `Sid`.
        actions: the names in `Action` or `NotAction`.
        not_action: whether it is `NotAction`.
        resources: the patterns in `Resource` or `NotResource`; None where every resource is meant.
        not_resource: whether it is `NotResource`.
        principal: `Principal` or `NotPrincipal`; None in a permissions policy.
        conditions: all that must hold.
    """

    index: int
    sid: str | None
    actions: Names
    not_action: bool
    resources: tuple[Pattern, ...] | None
    not_resource: bool
    principal: PrincipalElement | None
    conditions: tuple[Condition | NullCondition, ...]

    def applies(self, facts: Facts) -> bool:
        """Whether the statement speaks of the request."""
        return (
            self.actions.matches(facts.action) is not self.not_action
            and (self.resources is None or self._names_resource(facts, self.resources))
            and (self.principal is None or self.grant(facts) is not Grant.NONE)
            and (not self.conditions or all(condition.holds(facts) for condition in self.conditions))
        )

    def grant(self, facts: Facts) -> Grant:
        """How the statement names the principal of the request."""
        if self.principal is None:
            return Grant.NONE
        return self.principal.grant(facts.principal, facts.role, facts.unique_id, bounded=facts.bounded)

    def _names_resource(self, facts: Facts, resources: tuple[Pattern, ...]) -> bool:
        named = any(matches(facts.resource, facts.text) for matches in resources)
        return named is not self.not_resource


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document, compiled.

    Attributes:
        kind: what it was compiled as.
        allows: its statements with the effect Allow.
        denies: its statements with the effect Deny.
        incomplete_arn: where the first of its ARNs stands that is not complete; None where all are.
    """

    kind: DocumentKind
    allows: tuple[Statement, ...]
    denies: tuple[Statement, ...]
    incomplete_arn: str | None = None
