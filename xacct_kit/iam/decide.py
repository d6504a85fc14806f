"""The decision: may this principal do this to that, by these policies, and which of them says so.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from xacct_kit.errors import PolicyError
from xacct_kit.iam.documents import compile_document
from xacct_kit.iam.principals import Grant, PrincipalKind
from xacct_kit.iam.request import Facts, Request
from xacct_kit.iam.statements import Document, DocumentKind, Statement

PolicyDocument = Mapping[str, object] | Document


class Layer(StrEnum):
    """The kind of policy that decided."""

    IDENTITY = "IDENTITY"
    BOUNDARY = "BOUNDARY"
    SESSION = "SESSION"
    SCP = "SCP"
    RESOURCE = "RESOURCE"
    TRUST = "TRUST"


@dataclass(frozen=True, slots=True)
class StatementReference:
    """Where a statement stands among the policies of a decision.

    Attributes:
        layer: the kind of its policy.
        statement: its index in the document.
        document: the index of its document; None where a layer has but one.
        level: the index of its SCP level, root first; None in other layers.
        sid: its `Sid`.
    """

    layer: Layer
    statement: int
    document: int | None = None
    level: int | None = None
    sid: str | None = None

    def __str__(self) -> str:
        level = "" if self.level is None else f"[{self.level}]"
        document = "" if self.document is None else f"[{self.document}]"
        sid = f" ({self.sid})" if self.sid else ""
        return f"{_ARGUMENTS[self.layer]}{level}{document}.Statement[{self.statement}]{sid}"


# The argument of `decide` that holds the documents of a layer, and the layers that can have several.
_ARGUMENTS: Mapping[Layer, str] = {
    Layer.IDENTITY: "identity",
    Layer.BOUNDARY: "boundary",
    Layer.SESSION: "session",
    Layer.SCP: "scps",
    Layer.RESOURCE: "resource_policy",
    Layer.TRUST: "resource_policy",
}
_LISTED = (Layer.IDENTITY, Layer.SCP)


class Decision(NamedTuple):
    """What the policies say of a request.

    Attributes:
        allowed: whether the request is allowed.
        layer: the kind of policy that decided: the one that denies or fails to allow, or the one that grants.
        explicit: whether a statement denies, rather than none allowing.
        statement: the deciding statement; None where the reason is that there is none.
        reason: one sentence for a person.
    """

    allowed: bool
    layer: Layer
    explicit: bool
    statement: StatementReference | None
    reason: str


# The actions that a role's trust policy is asked about.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
_TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)


def decide(
    request: Request,
    *,
    identity: Sequence[PolicyDocument] = (),
    boundary: PolicyDocument | None = None,
    session: PolicyDocument | Sequence[PolicyDocument] | None = None,
    scps: Sequence[Sequence[PolicyDocument]] = (),
    resource_policy: PolicyDocument | None = None,
) -> Decision:
    """Decide whether policies allow a request, as AWS documents it.

    An explicit deny anywhere decides. Then each SCP level, the resource's policy, the identity-based
    policies, the permissions boundary and the session policy are asked in that order. Only policies count:
    what a service refuses by rules of its own (STS lets no root user assume a role) is not seen here.

    Parameters:
        request: who does what to which resource.
        identity: the identity-based policies of the principal; of its role, for a session.
        boundary: the permissions boundary of the principal.
        session: the session policy of the principal's session, or a list where several were passed.
        scps: the SCP levels above the principal's account, root first; no level where no SCP applies.
        resource_policy: the resource's policy; the role's trust policy where a role is assumed.
            Documents are dicts as `json.load` gives them, or compiled by `compile_document`.

    Returns:
        Whether it is allowed, and which layer, and which of its statements, says so.

    Raises:
        PolicyError: the request or a document cannot be read.
    """
    facts = Facts(request, bounded=boundary is not None)
    trusts = facts.action in _TRUST_ACTIONS
    policies = _Policies(
        identity=_compiled_list(identity, "identity"),
        boundary=_compiled_optional(boundary, "boundary"),
        session=_compiled_session(session),
        scps=tuple(_compiled_list(level, f"scps[{index}]") for index, level in _listed(scps, "scps")),
        resource=_compiled_optional(
            resource_policy, "resource_policy", DocumentKind.TRUST if trusts else DocumentKind.RESOURCE
        ),
    )
    return _Evaluation(
        facts, _in_force(policies, facts), Layer.TRUST if trusts else Layer.RESOURCE
    ).decision()


class _Policies(NamedTuple):
    """Compiled documents; an optional one is a list of one or none."""

    identity: tuple[Document, ...]
    boundary: tuple[Document, ...]
    session: tuple[Document, ...]
    scps: tuple[tuple[Document, ...], ...]
    resource: tuple[Document, ...]


def _listed(value: Sequence[object], name: str) -> Iterator[tuple[int, object]]:
    if not isinstance(value, list | tuple):
        raise PolicyError(name, "is not a list")
    return enumerate(value)


def _compiled_list(documents: object, name: str) -> tuple[Document, ...]:
    if not isinstance(documents, list | tuple):
        raise PolicyError(name, "is not a list of policy documents")
    compiled: list[Document] = []
    try:
        for document in documents:
            compiled.append(compile_document(document))
    except PolicyError as error:
        raise _in_document(error, f"{name}[{len(compiled)}]") from None
    return tuple(compiled)


def _compiled_session(session: object) -> tuple[Document, ...]:
    if isinstance(session, list | tuple):
        documents = _compiled_list(session, "session")
    else:
        documents = _compiled_optional(session, "session")
    for document in documents:
        if document.incomplete_arn:
            fault = "is not a complete ARN, which a session policy must have"
            raise _in_document(PolicyError(document.incomplete_arn, fault), "session")
    return documents


def _compiled_optional(
    document: object, name: str, kind: DocumentKind = DocumentKind.PERMISSIONS
) -> tuple[Document, ...]:
    if document is None:
        return ()
    try:
        return (compile_document(document, kind),)
    except PolicyError as error:
        raise _in_document(error, name) from None


def _in_document(error: PolicyError, name: str) -> PolicyError:
    """The error with the document it is about; its place stays the place in that document."""
    return PolicyError(error.place, f"{error.fault} (in {name})")


_SERVICE_LINKED_ROLE = ":role/aws-service-role/"


def _in_force(policies: _Policies, facts: Facts) -> _Policies:
    """Leave out the policies that do not concern the kind of principal.

    The root user has no policies of its own. Service-linked roles, AWS services and identity providers are
    out of reach of SCPs.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    """
    if not facts.principal.account:
        return policies._replace(identity=(), boundary=(), session=(), scps=())
    if facts.principal.kind is PrincipalKind.ROOT:
        return policies._replace(identity=(), boundary=(), session=())
    if _SERVICE_LINKED_ROLE in (facts.role or facts.principal.name):
        return policies._replace(scps=())
    return policies


class _Evaluation(NamedTuple):
    """One request against the policies in force; each step decides or leaves it to the next."""

    facts: Facts
    policies: _Policies
    resource_layer: Layer

    def decision(self) -> Decision:
        return (
            self._denied_explicitly()
            or self._denied_by_scp()
            or self._decided_by_resource()
            or self._decided_by_identity()
        )

    def _denied_explicitly(self) -> Decision | None:
        for layer, level, documents in self._documents():
            for index, document in enumerate(documents):
                for statement in document.denies:
                    if statement.applies(self.facts):
                        reference = _reference(layer, documents, index, statement, level)
                        reason = f"{reference} explicitly denies {self._what()}."
                        return self._denied(layer, reason, reference)
        return None

    def _documents(self) -> Iterator[tuple[Layer, int | None, tuple[Document, ...]]]:
        policies = self.policies
        for level, documents in enumerate(policies.scps):
            yield Layer.SCP, level, documents
        yield self.resource_layer, None, policies.resource
        yield Layer.IDENTITY, None, policies.identity
        yield Layer.BOUNDARY, None, policies.boundary
        yield Layer.SESSION, None, policies.session

    def _denied_by_scp(self) -> Decision | None:
        for level, documents in enumerate(self.policies.scps):
            if self._allowing(Layer.SCP, documents) is None:
                reason = f"No service control policy of level {level} (0 is the root) allows {self._what()}."
                return self._denied(Layer.SCP, reason)
        return None

    def _decided_by_resource(self) -> Decision | None:
        grant, granted = self._strongest_grant()
        if granted is None:
            return self._denied(self.resource_layer, self._no_grant()) if self._must_be_granted() else None
        if not self.facts.principal.account or (self.facts.same_account and grant is Grant.DIRECT):
            return self._allowed(granted)
        if self.facts.same_account and grant is Grant.ROLE:
            return self._limited() or self._allowed(granted)
        return None

    def _strongest_grant(self) -> tuple[Grant, StatementReference | None]:
        strongest, found = Grant.NONE, None
        for document in self.policies.resource:
            for statement in document.allows:
                if statement.applies(self.facts) and (grant := statement.grant(self.facts)) > strongest:
                    strongest = grant
                    found = _reference(self.resource_layer, self.policies.resource, 0, statement)
        return strongest, found

    def _must_be_granted(self) -> bool:
        """Whether the resource's policy must allow, whatever the others say.

        "IAM role trust policies and KMS key policies are exceptions to this logic, because they must
        explicitly allow access for principals."
        """
        return (
            self.resource_layer is Layer.TRUST
            or not self.facts.same_account
            or (self.facts.action.startswith("kms:") and self._has_key_policy())
        )

    def _has_key_policy(self) -> bool:
        """Whether the resource has a policy of its own: every KMS key has, given or not."""
        return bool(self.policies.resource) or ":key/" in self.facts.resource

    def _decided_by_identity(self) -> Decision:
        if self.facts.principal.kind is PrincipalKind.ROOT:
            return self._allowed_root()
        granted = self._allowing(Layer.IDENTITY, self.policies.identity)
        if granted is None:
            who = self.facts.principal.name
            return self._denied(Layer.IDENTITY, f"No identity-based policy of {who} allows {self._what()}.")
        return self._limited() or self._allowed(granted)

    def _limited(self) -> Decision | None:
        """The denial by what limits identity-based policies, if it does."""
        for layer, documents in (
            (Layer.BOUNDARY, self.policies.boundary),
            (Layer.SESSION, self.policies.session),
        ):
            if documents and self._allowing(layer, documents) is None:
                return self._denied(layer, f"The {_LIMITS[layer]} does not allow {self._what()}.")
        if self.facts.principal.kind is PrincipalKind.FEDERATED_USER and not self.policies.session:
            reason = f"A federated user needs a session policy that allows {self._what()}, and has none."
            return self._denied(Layer.SESSION, reason)
        return None

    def _allowing(self, layer: Layer, documents: tuple[Document, ...]) -> StatementReference | None:
        for index, document in enumerate(documents):
            for statement in document.allows:
                if statement.applies(self.facts):
                    return _reference(layer, documents, index, statement)
        return None

    def _what(self) -> str:
        return f"{self.facts.request.action} on {self.facts.resource}"

    def _no_grant(self) -> str:
        policy = _RESOURCE_POLICIES[self.resource_layer]
        who = self.facts.principal.name
        if not self.policies.resource:
            return f"{self._what()} takes a {policy} that allows it to {who}, and there is none."
        return f"The {policy} does not allow {self._what()} to {who}."

    def _allowed(self, by: StatementReference) -> Decision:
        reason = f"{by} allows {self._what()} to {self.facts.principal.name}."
        return Decision(allowed=True, layer=by.layer, explicit=False, statement=by, reason=reason)

    def _allowed_root(self) -> Decision:
        who = self.facts.principal.name
        reason = f"The root user {who} has every permission of its account, {self._what()} included."
        return Decision(allowed=True, layer=Layer.IDENTITY, explicit=False, statement=None, reason=reason)

    def _denied(self, layer: Layer, reason: str, statement: StatementReference | None = None) -> Decision:
        explicit = statement is not None
        return Decision(allowed=False, layer=layer, explicit=explicit, statement=statement, reason=reason)


def _reference(
    layer: Layer, documents: tuple[Document, ...], index: int, statement: Statement, level: int | None = None
) -> StatementReference:
    listed = layer in _LISTED or len(documents) > 1
    return _statement_reference(layer, statement.index, index if listed else None, level, statement.sid)


# The same few statements decide most requests.
_statement_reference = lru_cache(maxsize=1024)(StatementReference)


_LIMITS: Mapping[Layer, str] = {Layer.BOUNDARY: "permissions boundary", Layer.SESSION: "session policy"}
_RESOURCE_POLICIES: Mapping[Layer, str] = {
    Layer.RESOURCE: "resource-based policy",
    Layer.TRUST: "role trust policy",
}
