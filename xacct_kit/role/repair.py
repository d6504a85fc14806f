"""The smallest changes of policies that let a principal make a call.

Every change is tried on the policies before it is proposed: what is given here, the decision engine allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xacct_kit.iam import Decision, Layer, Policies, Request
from xacct_kit.role.policy_documents import Document, listed, statements_of


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPolicy:
    """A policy that could be read.

    Attributes:
        name: its name.
        document: its document, as `json.load` gives it.
        arn: its ARN; None where it is written into its owner.
    """

    name: str
    document: Document
    arn: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of one policy.

    Attributes:
        layer: where the policy stands.
        place: which of the layer's policies it is; None for one that is new. SCPs have a level before it.
        policy: the policy as it is to be.
        deed: what is done, as an imperative.
        gone: whether the policy goes altogether.
    """

    layer: Layer
    place: tuple[int, ...] | None
    policy: KnownPolicy
    deed: str
    gone: bool = False


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A call that a role should be able to make.

    Attributes:
        request: the call.
        role_arn: the role.
        granting: the policies that the role should have, by name.
        resource_policy: the policy of what is called, as it is: of a role to be assumed, its trust policy;
            None where it is not known, so that it may leave everything to the caller's own policies.
        besides: what else the call takes, as requests of their own.
        scope: what the call is to be allowed on, where that is more than what this one is made on.
    """

    request: Request
    role_arn: str
    granting: Mapping[str, Document]
    resource_policy: Document | None = None
    besides: tuple[Request, ...] = ()
    scope: str | None = None

    def decision(self, policies: Policies[KnownPolicy]) -> Decision:
        """What the policies say of the call.

        Raises:
            PolicyError: a document cannot be read.
        """
        account = self.request.principal.split(":")[4]
        unknown = {"Statement": {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "*"}}
        return policies.decide(self.request, self.resource_policy or unknown)


# A call that so many policies refuse is not mended by a list of changes.
_MOST_CHANGES = 5


def changes_that_allow(goal: Goal, policies: Policies[KnownPolicy]) -> tuple[Change, ...] | None:
    """The changes that reach a goal, each the smallest that gets past what refuses.

    Parameters:
        goal: the call that is to be allowed.
        policies: what the role is decided by.

    Returns:
        The changes in the order in which policies are asked; empty where nothing refuses; None where no
        change of these policies is enough.
    """
    changes: list[Change] = []
    for part in (goal, *(replace(goal, request=request) for request in goal.besides)):
        while not (decision := part.decision(policies)).allowed:
            change = _change(part, policies, decision)
            if change is None or len(changes) == _MOST_CHANGES:
                return None
            policies = _changed(policies, change)
            changes.append(change)
    return tuple(changes)


def _change(goal: Goal, policies: Policies[KnownPolicy], decision: Decision) -> Change | None:
    if decision.explicit:
        return _without_deny(policies, decision, goal.role_arn)
    if decision.layer is Layer.IDENTITY:
        return _granted(goal, policies)
    if decision.layer is Layer.BOUNDARY and policies.boundary:
        return _allowed_by(goal, policies.boundary, Layer.BOUNDARY, ())
    if decision.layer is Layer.SCP:
        level = _refusing_level(goal, policies.scps)
        return _allowed_by(goal, policies.scps[level][0], Layer.SCP, (level, 0))
    return None


def _without_deny(policies: Policies[KnownPolicy], decision: Decision, role_arn: str) -> Change | None:
    policy, by = policies.deciding(decision), decision.statement
    if policy is None or by is None:
        return None
    statement = statements_of(policy.document)[by.statement]
    named = f"the statement {by.sid or by.statement} of {policy.arn or policy.name}"
    if by.layer is Layer.SCP:
        document = _with_statement(policy.document, by.statement, _except(statement, role_arn))
        deed = f"Except {role_arn} from {named}: its Deny is the organization's, and no Allow overrides it"
        return Change(
            layer=by.layer,
            place=(by.level or 0, by.document or 0),
            policy=replace(policy, document=document),
            deed=deed,
        )
    document = _with_statement(policy.document, by.statement, None)
    gone = not document["Statement"]
    if gone and by.layer is not Layer.IDENTITY:
        return None
    return Change(
        layer=by.layer,
        place=(by.document or 0,) if by.layer is Layer.IDENTITY else (),
        policy=policy if gone else replace(policy, document=document),
        deed=f"Take {named}, a Deny, out of it",
        gone=gone,
    )


def _except(statement: Mapping[str, Any], role_arn: str) -> dict[str, Any]:
    """A Deny that spares a role: all conditions must hold, so that one more makes it narrower."""
    conditions = {operator: dict(keys) for operator, keys in statement.get("Condition", {}).items()}
    keys = conditions.setdefault("ArnNotEquals", {})
    key = next((name for name in keys if name.lower() == "aws:principalarn"), "aws:PrincipalArn")
    keys[key] = [*listed(keys.get(key, [])), role_arn]
    return {**statement, "Condition": conditions}


def _granted(goal: Goal, policies: Policies[KnownPolicy]) -> Change | None:
    for name, document in goal.granting.items():
        granting = KnownPolicy(name=name, document=document)
        if goal.decision(Policies(identity=[granting])).allowed:
            places = [number for number, held in enumerate(policies.identity) if held.name == name]
            return Change(
                layer=Layer.IDENTITY,
                place=(places[0],) if places else None,
                policy=granting,
                deed=f"Give {_name(goal.role_arn)} its policy {name}, which grants {goal.request.action}",
            )
    return None


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _allowed_by(goal: Goal, policy: KnownPolicy, layer: Layer, place: tuple[int, ...]) -> Change:
    action, resource = goal.request.action, goal.scope or goal.request.resource
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = {**policy.document, "Statement": [*statements_of(policy.document), statement]}
    return Change(
        layer=layer,
        place=place,
        policy=replace(policy, document=document),
        deed=f"Allow {action} in {policy.arn or policy.name}",
    )


def _refusing_level(goal: Goal, scps: Sequence[Sequence[KnownPolicy]]) -> int:
    """The first level of SCPs of which none allows."""
    return next(
        number
        for number, level in enumerate(scps)
        if not goal.decision(Policies(identity=[EVERYTHING], scps=[level])).allowed
    )


EVERYTHING = KnownPolicy(
    name="everything",
    document={"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},
)


def _with_statement(document: Document, index: int, statement: object | None) -> dict[str, Any]:
    """The document with another statement in a place, or with none there."""
    statements = statements_of(document)
    statements[index : index + 1] = [] if statement is None else [statement]
    return {**document, "Statement": statements}


def _changed(policies: Policies[KnownPolicy], change: Change) -> Policies[KnownPolicy]:
    if change.layer is Layer.BOUNDARY:
        return replace(policies, boundary=change.policy)
    if change.layer is Layer.SCP and change.place is not None:
        level, number = change.place
        levels = [list(each) for each in policies.scps]
        levels[level][number] = change.policy
        return replace(policies, scps=levels)
    identity = list(policies.identity)
    if change.place is None:
        identity.append(change.policy)
    else:
        identity[change.place[0] : change.place[0] + 1] = [] if change.gone else [change.policy]
    return replace(policies, identity=identity)
