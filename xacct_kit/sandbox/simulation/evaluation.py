"""One action on one resource: what the policies say of it, and which of their statements do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xacct_kit.iam import Decision, Document, Layer, Request, compile_document, decide
from xacct_kit.iam.request import Facts
from xacct_kit.sandbox.simulation.inputs import Simulation
from xacct_kit.sandbox.simulation.policies import Source, SourceType
from xacct_kit.sandbox.simulation.texts import context_keys

ALLOWED = "allowed"
IMPLICIT_DENY = "implicitDeny"
EXPLICIT_DENY = "explicitDeny"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What is said of one action on one resource.

    Attributes:
        decision: allowed, implicitDeny or explicitDeny.
        by_organization: whether the service control policies allow it; None where there are none. The others
            are not asked where they do not.
        by_boundary: whether the permissions boundary allows it; None where there is none.
        by_type: what the policies of each type say, where the resource is another account's.
        matched: the statements that decided: policy, and index in it.
        missing: the condition keys that the policies refer to and the call does not carry; none is required
            where statements made the decision.
    """

    decision: str
    by_organization: bool | None = None
    by_boundary: bool | None = None
    by_type: Mapping[str, str] | None = None
    matched: tuple[tuple[Source, int], ...] = ()
    missing: tuple[str, ...] = ()


def most_restrictive(decisions: Sequence[str]) -> str:
    """The decision that denies most."""
    return max(decisions, key=(ALLOWED, IMPLICIT_DENY, EXPLICIT_DENY).index)


def evaluate(simulation: Simulation, action: str, resource: str) -> Outcome:
    """Decide on an action on a resource.

    "If an Organizations SCP included in the evaluation denies access, the simulation ends", and results tell
    neither statements nor condition keys of SCPs.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """
    request = simulation.request(action, resource)
    own = replace(request, resource_account=simulation.caller.account)
    by_organization = None
    if simulation.controls:
        controls = [[policy.document for policy in level] for level in simulation.controls]
        organizations = _decide(own, identity=[_EVERYTHING], scps=controls)
        by_organization = organizations.allowed
        if not by_organization:
            return Outcome(decision=_word(organizations), by_organization=False)
    identity = [source.document for source in simulation.identity]
    boundary, policy = _document(simulation.boundary), _document(simulation.resource_policy)
    decision = _word(_decide(request, identity=identity, boundary=boundary, resource_policy=policy))
    facts = Facts(request)
    return Outcome(
        decision=decision,
        by_organization=by_organization,
        by_boundary=_decide(own, identity=[boundary]).allowed if boundary else None,
        by_type=_by_type(request, own, simulation) if request != own else None,
        matched=tuple(_matched(simulation, facts, decision)),
        missing=_missing(simulation, facts) if decision == IMPLICIT_DENY else (),
    )


_EVERYTHING = compile_document(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)


def _decide(
    request: Request,
    *,
    identity: Sequence[Document],
    boundary: Document | None = None,
    scps: Sequence[Sequence[Document]] = (),
    resource_policy: Document | None = None,
) -> Decision:
    """The engine's decision, as if a role that is to be assumed trusted the caller's account."""
    decision = decide(
        request, identity=identity, boundary=boundary, scps=scps, resource_policy=resource_policy
    )
    if decision.layer is not Layer.TRUST:
        return decision
    trust = _trusting(Facts(request).principal.account)
    return decide(request, identity=identity, boundary=boundary, scps=scps, resource_policy=trust)


def _trusting(account: str) -> dict[str, object]:
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:*"}
    return {"Version": "2012-10-17", "Statement": statement}


def _document(source: Source | None) -> Document | None:
    return source.document if source else None


def _word(decision: Decision) -> str:
    if decision.allowed:
        return ALLOWED
    return EXPLICIT_DENY if decision.explicit else IMPLICIT_DENY


def _by_type(request: Request, own: Request, simulation: Simulation) -> dict[str, str]:
    """What the policies of each type say alone; those of the caller, as if the resource were its own."""
    identity = [source.document for source in simulation.identity]
    policy = _document(simulation.resource_policy)
    said = {
        SourceType.IDENTITY.value: _word(_decide(own, identity=identity)),
        SourceType.RESOURCE.value: _word(_decide(request, identity=[_EVERYTHING], resource_policy=policy)),
    }
    if simulation.boundary:
        said[SourceType.BOUNDARY.value] = _word(_decide(own, identity=[simulation.boundary.document]))
    return said


def _matched(simulation: Simulation, facts: Facts, decision: str) -> Iterator[tuple[Source, int]]:
    """The statements that made the decision: all that allow, or all that deny.

    What a boundary allows is no reason to allow.
    """
    for source in simulation.sources:
        if decision == EXPLICIT_DENY:
            statements = source.document.denies
        elif decision == ALLOWED and source.type is not SourceType.BOUNDARY:
            statements = source.document.allows
        else:
            continue
        yield from ((source, statement.index) for statement in statements if statement.applies(facts))


def _missing(simulation: Simulation, facts: Facts) -> tuple[str, ...]:
    """The keys that the policies refer to and the call does not carry, as the first to do so spells them."""
    missing: dict[str, str] = {}
    for source in simulation.sources:
        for key in context_keys(source.text):
            if facts.values(key.lower()) is None:
                missing.setdefault(key.lower(), key)
    return tuple(missing.values())
