"""In what the policies and the boundary of a role are not what they should be: what it can do more, or less.

What counts is what the role's policies allow together: a statement that says what another says already
changes nothing that anybody may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xacct_kit.role.drift import (
    BOUNDARY,
    Call,
    Difference,
    DifferenceKind,
    LiveRole,
    Part,
    Severity,
    iam,
    named,
    text_of,
)
from xacct_kit.role.normal_form import Clause, Clauses, normal_form, uncovered
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.profile import BOUNDARY_DESCRIPTION
from xacct_kit.role.repair import EVERYTHING, KnownPolicy

_Kind = DifferenceKind
_NOTHING: Clauses = frozenset()
_EVERYTHING = normal_form(EVERYTHING.document)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What becomes of what a role may do when clauses come and go.

    Attributes:
        gained: what is allowed, or no longer denied.
        lost: what is no longer allowed.
        denied: what is denied explicitly.
    """

    gained: tuple[Clause, ...]
    lost: tuple[Clause, ...]
    denied: tuple[Clause, ...]


def _change(before: Clauses, after: Clauses, *, all_before: Clauses, all_after: Clauses) -> _Change:
    """The change from one policy to another, less what other policies of the role say before and after."""
    came = uncovered(uncovered(after, before), all_before)
    went = uncovered(uncovered(before, after), all_after)
    return _Change(
        gained=tuple(clause for clause in came if clause.allows)
        + tuple(clause for clause in went if not clause.allows),
        lost=tuple(clause for clause in went if clause.allows),
        denied=tuple(clause for clause in came if not clause.allows),
    )


def policy_differences(wanted: Mapping[str, Document], live: LiveRole) -> Iterator[Difference]:
    """The differences between the policies of a definition and those of a live role.

    Parameters:
        wanted: the definition's policies by name; all are inline.
        live: the role as it is.
    """
    comparison = _Comparison(wanted, live)
    if Part.INLINE not in live.unread:
        for name in wanted:
            yield from comparison.of_wanted(name)
        for name in sorted(live.inline.keys() - wanted.keys()):
            yield from comparison.of_added(name)
    if Part.ATTACHED not in live.unread:
        for policy in live.attached:
            yield from comparison.of_attached(policy)


class _Comparison:
    """The policies that a role should have and those that it has."""

    def __init__(self, wanted: Mapping[str, Document], live: LiveRole) -> None:
        self._role = live
        self._documents = wanted
        self._wanted = {name: normal_form(document) for name, document in wanted.items()}
        self._live = {name: normal_form(document) for name, document in live.inline.items()}
        attached = [normal_form(policy.document) for policy in live.attached]
        self._all_wanted = _NOTHING.union(*self._wanted.values())
        self._all_live = _NOTHING.union(*self._live.values(), *attached)

    def of_wanted(self, name: str) -> Iterator[Difference]:
        """The differences of a policy that the role should have."""
        if name not in self._live:
            yield self._missing(name)
            return
        before, after = self._wanted[name], self._live[name]
        if before == after:
            return
        change, role = self._change(before, after), self._role.name
        repair = self._put(name)
        gained = f"{role} may call {_what(change.gained)}, which its definition does not allow"
        told = {
            _Kind.POLICY_WIDENED: gained,
            _Kind.POLICY_NARROWED: f"{role} may no longer call {_what(change.lost)}",
            _Kind.DENY_ADDED: f"{role} is denied {_what(change.denied)} explicitly, whatever allows it",
        }
        parts = (change.gained, change.lost, change.denied)
        for (kind, says), clauses in zip(told.items(), parts, strict=True):
            if clauses:
                yield _difference(
                    kind, name, Severity.HIGH, f"{says}: its policy {name} was changed.", repair
                )
        if not any(parts):
            says = f"The policy {name} of {role} is written otherwise; together its policies allow the same."
            yield _difference(_Kind.POLICY_REWRITTEN, name, Severity.LOW, says, repair)

    def _missing(self, name: str) -> Difference:
        change, role = self._change(self._wanted[name], _NOTHING), self._role.name
        lost = [f"may no longer call {_what(change.lost)}"] if change.lost else []
        gained = [f"is no longer denied {_what(change.gained)}"] if change.gained else []
        severity = Severity.HIGH if lost or gained else Severity.LOW
        same = "may do the same without it, because its other policies allow it"
        effect = f"{role} {' and '.join(lost + gained) or same}"
        return _difference(
            _Kind.POLICY_MISSING,
            name,
            severity,
            f"{effect}: its policy {name} is missing.",
            self._put(name),
        )

    def of_added(self, name: str) -> Iterator[Difference]:
        """The differences that an inline policy makes that the definition does not have."""
        repair = _Repair(
            iam("DeleteRolePolicy", RoleName=self._role.name, PolicyName=name),
            f"Delete the inline policy {name} of {self._role.name} (aws iam delete-role-policy).",
        )
        what = f"somebody gave it the inline policy {name}"
        yield from self._added(_Kind.POLICY_ADDED, name, self._live[name], what, repair)

    def of_attached(self, policy: KnownPolicy) -> Iterator[Difference]:
        """The differences that an attached policy makes; the definition has none."""
        repair = _Repair(
            iam("DetachRolePolicy", RoleName=self._role.name, PolicyArn=policy.arn),
            f"Detach {policy.name} from {self._role.name} (aws iam detach-role-policy).",
        )
        what = f"somebody attached the policy {policy.arn} to it"
        clauses = normal_form(policy.document)
        yield from self._added(_Kind.POLICY_ATTACHED, policy.name, clauses, what, repair)

    def _added(
        self, kind: DifferenceKind, name: str, clauses: Clauses, what: str, repair: _Repair
    ) -> Iterator[Difference]:
        change, role = self._change(_NOTHING, clauses), self._role.name
        if change.gained:
            says = f"{role} may call {_what(change.gained)}, which its definition does not allow: {what}."
            yield _difference(kind, name, Severity.HIGH, says, repair)
        if change.denied:
            says = f"{role} is denied {_what(change.denied)} explicitly, whatever allows it: {what}."
            yield _difference(_Kind.DENY_ADDED, name, Severity.HIGH, says, repair)
        if not (change.gained or change.denied):
            says = f"{role} may do no more for it, because its definition allows the same: {what}."
            yield _difference(kind, name, Severity.LOW, says, repair)

    def _change(self, before: Clauses, after: Clauses) -> _Change:
        return _change(before, after, all_before=self._all_wanted, all_after=self._all_live)

    def _put(self, name: str) -> _Repair:
        document = text_of(self._documents[name])
        role = self._role.name
        return _Repair(
            iam("PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=document),
            f"Put the policy {name} of {role} back (aws iam put-role-policy). "
            "Deploying an unchanged stack does not do it.",
        )


class _Repair:
    """The calls that put something right, and the same in words."""

    def __init__(self, call: Call, words: str, *more: Call) -> None:
        self.calls = (call, *more)
        self.words = words


def _difference(
    kind: DifferenceKind, where: str, severity: Severity, says: str, repair: _Repair
) -> Difference:
    return Difference(
        kind=kind, where=where, severity=severity, says=says, fix=repair.words, calls=repair.calls
    )


def _what(clauses: Iterable[Clause]) -> str:
    # Whether a clause allows or denies is said around it.
    return named([clause.said + _if(clause) for clause in clauses])


def _if(clause: Clause) -> str:
    return " (if a condition is met)" if clause.conditions else ""


# IAM keeps so many versions of a managed policy.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_VERSIONS = 5


def boundary_differences(wanted: Document | None, name: str | None, live: LiveRole) -> Iterator[Difference]:
    """The differences between the boundary of a definition and the one of a live role.

    Parameters:
        wanted: the boundary's document; None where the role should have none.
        name: the name of the policy that should be the boundary.
        live: the role as it is.
    """
    if Part.BOUNDARY in live.unread:
        return
    if wanted is None or name is None:
        if live.boundary is not None:
            yield _boundary_added(live, live.boundary)
        return
    arn, repair = live.policy_arn(name), _boundary_repair(wanted, name, live)
    if live.boundary is None:
        says = (
            f"Nothing limits what the policies of {live.name} allow: its permissions boundary {name} is off."
        )
        yield _difference(_Kind.BOUNDARY_MISSING, BOUNDARY, Severity.HIGH, says, repair)
    elif live.boundary.arn != arn:
        yield _boundary_other(live, live.boundary, wanted, name, repair)
    else:
        yield from _boundary_changed(live, live.boundary, wanted, repair)


def _boundary_added(live: LiveRole, boundary: KnownPolicy) -> Difference:
    limits = uncovered(_EVERYTHING, _allowing(boundary)) or _denying(boundary)
    effect = (
        "can do no more than it allows, whatever its policies say" if limits else "can do the same with it"
    )
    return _difference(
        _Kind.BOUNDARY_ADDED,
        BOUNDARY,
        Severity.HIGH if limits else Severity.LOW,
        f"{live.name} {effect}: somebody put the permissions boundary {boundary.arn} on it.",
        _Repair(
            iam("DeleteRolePermissionsBoundary", RoleName=live.name),
            f"Take the permissions boundary off {live.name} (aws iam delete-role-permissions-boundary).",
        ),
    )


def _allowing(policy: KnownPolicy) -> list[Clause]:
    return [clause for clause in normal_form(policy.document) if clause.allows]


def _denying(policy: KnownPolicy) -> list[Clause]:
    return [clause for clause in normal_form(policy.document) if not clause.allows]


def _boundary_other(
    live: LiveRole, boundary: KnownPolicy, wanted: Document, name: str, repair: _Repair
) -> Difference:
    same = normal_form(boundary.document) == normal_form(wanted)
    effect = "says the same today" if same else "says something else"
    return _difference(
        _Kind.BOUNDARY_OTHER,
        BOUNDARY,
        Severity.MEDIUM if same else Severity.HIGH,
        f"{live.name} is limited by the policy {boundary.arn} and not by {name}, its permissions boundary; "
        f"it {effect}, and whoever may change it decides what the role can do.",
        repair,
    )


def _boundary_changed(
    live: LiveRole, boundary: KnownPolicy, wanted: Document, repair: _Repair
) -> Iterator[Difference]:
    before, after = normal_form(wanted), normal_form(boundary.document)
    if before == after:
        return
    change = _change(before, after, all_before=before, all_after=after)
    opened = [clause for clause in change.gained if clause.allows]
    undenied = [clause for clause in change.gained if not clause.allows]
    lets = [f"lets {_what(opened)} through"] if opened else []
    lets += [f"no longer denies {_what(undenied)}"] if undenied else []
    limits = f"the permissions boundary {boundary.name} of {live.name} was changed"
    told = {
        _Kind.BOUNDARY_WIDENED: (change.gained, " and ".join(lets)),
        _Kind.BOUNDARY_NARROWED: (
            change.lost + change.denied,
            f"stops {_what(change.lost + change.denied)}",
        ),
    }
    for kind, (clauses, says) in told.items():
        if clauses:
            text = f"It {says}, other than its definition: {limits}."
            yield _difference(kind, BOUNDARY, Severity.HIGH, text, repair)
    if not (change.gained or change.lost or change.denied):
        says = f"It limits the role as its definition does: {limits}."
        yield _difference(_Kind.BOUNDARY_REWRITTEN, BOUNDARY, Severity.LOW, says, repair)


def _boundary_repair(wanted: Document, name: str, live: LiveRole) -> _Repair:
    """The calls that bring the policy to what it should be, and the role under it."""
    arn = live.policy_arn(name)
    calls = [*_policy_calls(wanted, name, live)]
    if live.boundary is None or live.boundary.arn != arn:
        calls.append(iam("PutRolePermissionsBoundary", RoleName=live.name, PermissionsBoundary=arn))
    first, *more = calls or [iam("PutRolePermissionsBoundary", RoleName=live.name, PermissionsBoundary=arn)]
    operations = ", then ".join(str(call["operation"]) for call in calls)
    return _Repair(first, f"Put the permissions boundary {name} of {live.name} back ({operations}).", *more)


def _policy_calls(wanted: Document, name: str, live: LiveRole) -> Iterator[Call]:
    arn, document = live.policy_arn(name), text_of(wanted)
    if live.wanted_boundary is None:
        # As the stack made it: a description is for ever.
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
        yield iam("CreatePolicy", PolicyName=name, PolicyDocument=document, Description=BOUNDARY_DESCRIPTION)
        return
    if normal_form(live.wanted_boundary.document) == normal_form(wanted):
        return
    if len(live.spare_versions) >= _VERSIONS - 1:
        yield iam("DeletePolicyVersion", PolicyArn=arn, VersionId=live.spare_versions[0])
    yield iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
