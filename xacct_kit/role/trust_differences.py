"""In what a role's trust policy is not what it should be: who gets in, who no longer does, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xacct_kit.iam.match import ARN_COLONS
from xacct_kit.role.drift import (
    TRUST,
    Difference,
    DifferenceKind,
    LiveRole,
    Severity,
    iam,
    named,
    text_of,
)
from xacct_kit.role.normal_form import EVERYBODY, Clause, Clauses, Names, Requirement, normal_form, uncovered
from xacct_kit.role.policy_documents import Document, is_unique_id

_Kind = DifferenceKind

# With any of these somebody becomes the role; others of a trust policy only say how.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
_ENTERING = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_EXTERNAL_ID = "sts:externalid"

_ACCOUNT = re.compile(r"AWS ([0-9]{12})")


@dataclass(frozen=True)
class _Found:
    """What a clause of the trust policy is at fault with; clauses with the same fault are told together."""

    kind: DifferenceKind
    how: str = ""


def trust_differences(wanted: Document, live: LiveRole) -> Iterator[Difference]:
    """The differences between a trust policy and the one of a live role.

    Parameters:
        wanted: the trust policy of the role's definition.
        live: the role as it is.
    """
    comparison = _Comparison(normal_form(wanted), normal_form(live.trust), live)
    repair = iam("UpdateAssumeRolePolicy", RoleName=live.name, PolicyDocument=text_of(wanted))
    for kind, says in comparison.told():
        yield Difference(
            kind=kind,
            where=TRUST,
            severity=_SEVERITIES[kind],
            # An ARN at the beginning stays as it is.
            says=re.sub("^every ", "Every ", says),
            fix=f"Put the trust policy of {live.name} back (aws iam update-assume-role-policy). "
            "Deploying an unchanged stack does not do it.",
            calls=(repair,),
        )


_SEVERITIES: Mapping[DifferenceKind, Severity] = {
    _Kind.PRINCIPAL_ADDED: Severity.CRITICAL,
    _Kind.PRINCIPAL_NAMED: Severity.MEDIUM,
    _Kind.PRINCIPAL_WIDENED: Severity.CRITICAL,
    _Kind.PRINCIPAL_DELETED: Severity.HIGH,
    _Kind.PRINCIPAL_REMOVED: Severity.HIGH,
    _Kind.EXTERNAL_ID_MISSING: Severity.CRITICAL,
    _Kind.EXTERNAL_ID_WEAKENED: Severity.CRITICAL,
    _Kind.EXTERNAL_ID_CHANGED: Severity.HIGH,
    _Kind.CONDITION_REMOVED: Severity.CRITICAL,
    _Kind.CONDITION_ADDED: Severity.HIGH,
    _Kind.DENY_ADDED: Severity.HIGH,
    _Kind.DENY_REMOVED: Severity.CRITICAL,
    _Kind.TRUST_ACTION: Severity.MEDIUM,
    _Kind.TRUST_CHANGED: Severity.MEDIUM,
}


class _Comparison:
    """Two trust policies side by side."""

    def __init__(self, wanted: Clauses, live: Clauses, role: LiveRole) -> None:
        self._role = role
        self._wanted = [clause for clause in wanted if clause.allows]
        self._live = [clause for clause in live if clause.allows]
        self._denied = uncovered(_denies(live), _denies(wanted))
        self._no_longer_denied = uncovered(_denies(wanted), _denies(live))
        self._same = wanted == live

    def told(self) -> Iterator[tuple[DifferenceKind, str]]:
        """Each difference, in words."""
        if self._same:
            return
        told = [*self._admitted(), *self._shut_out(), *self._denials()]
        yield from told or [
            (_Kind.TRUST_CHANGED, f"The trust policy of {self._role.name} says something else.")
        ]

    def _admitted(self) -> Iterator[tuple[DifferenceKind, str]]:
        """What the live trust policy allows that the wanted one does not."""
        grouped: dict[_Found, list[Clause]] = {}
        for clause in uncovered(self._live, self._wanted):
            grouped.setdefault(self._fault(clause), []).append(clause)
        for found, clauses in grouped.items():
            yield found.kind, self._say(found, clauses)

    def _fault(self, clause: Clause) -> _Found:
        if not _enters(clause):
            return _Found(_Kind.TRUST_ACTION, clause.said)
        wanted = [each for each in self._wanted if each.principal == clause.principal and _enters(each)]
        if not wanted:
            return _Found(self._stranger(clause), _with_external_id(clause))
        return _condition_fault(wanted[0], clause) or _Found(_Kind.TRUST_ACTION, clause.said)

    def _stranger(self, clause: Clause) -> DifferenceKind:
        if _was_deleted(clause):
            return _Kind.PRINCIPAL_DELETED
        if any(_takes_in(each, clause) and each.conditions <= clause.conditions for each in self._wanted):
            return _Kind.PRINCIPAL_NAMED
        wide = any(_takes_in(clause, each) for each in self._wanted) or _negated(clause)
        return _Kind.PRINCIPAL_WIDENED if wide else _Kind.PRINCIPAL_ADDED

    def _say(self, found: _Found, clauses: list[Clause]) -> str:
        words = {
            "who": _who(clauses),
            "role": self._role.name,
            "how": found.how,
            "trusted": _who(self._wanted),
            "lost": self._lost_to_deleted(),
        }
        return _SENTENCES[found.kind].format_map(words)

    def _lost_to_deleted(self) -> str:
        absent = [clause for clause in self._removed() if not self._is_named(clause)]
        return f" {_who(absent)} can no longer assume it." if absent else ""

    def _removed(self) -> list[Clause]:
        """What the wanted trust policy allows and the live one does not, under any name."""
        lost = uncovered((each for each in self._wanted if _enters(each)), self._live)
        return [clause for clause in lost if not any(self._delegates(each, clause) for each in self._live)]

    def _delegates(self, wide: Clause, clause: Clause) -> bool:
        """Whether the account of a principal of another account is trusted: then its own policies decide."""
        return (
            _takes_in(wide, clause)
            and self._role.account not in _accounts(clause)
            and wide.conditions <= clause.conditions
            and _enters(wide)
        )

    def _is_named(self, clause: Clause) -> bool:
        return any(each.principal == clause.principal and _enters(each) for each in self._live)

    def _shut_out(self) -> Iterator[tuple[DifferenceKind, str]]:
        """What the live trust policy no longer allows, where that has not been told yet."""
        removed = self._removed()
        faulty = {clause.principal for clause in uncovered(self._live, self._wanted) if _enters(clause)}
        deleted = any(_was_deleted(each) and _enters(each) for each in self._live)
        absent = [clause for clause in removed if not self._is_named(clause)]
        limited = [clause for clause in removed if self._is_named(clause) and clause.principal not in faulty]
        if absent and not deleted:
            yield _Kind.PRINCIPAL_REMOVED, f"{_who(absent)} can no longer assume {self._role.name}."
        if limited:
            yield _Kind.CONDITION_ADDED, self._limited(limited)

    def _limited(self, clauses: list[Clause]) -> str:
        principals = {clause.principal for clause in clauses}
        wanted = {test for clause in clauses for test in clause.conditions}
        live = {test for each in self._live if each.principal in principals for test in each.conditions}
        keys = named(sorted({test.key for test in live - wanted})) or "what the trust policy allows"
        return (
            f"{_who(clauses)} can assume {self._role.name} only if a condition is met that the definition "
            f"does not have ({keys})."
        )

    def _denials(self) -> Iterator[tuple[DifferenceKind, str]]:
        if self._denied:
            yield (
                _Kind.DENY_ADDED,
                f"{_who(self._denied)} is denied {_what(self._denied)} explicitly, whatever is allowed: "
                f"who is trusted can no longer assume {self._role.name} where this applies.",
            )
        if self._no_longer_denied:
            yield (
                _Kind.DENY_REMOVED,
                f"{_who(self._no_longer_denied)} is no longer denied {_what(self._no_longer_denied)}.",
            )


_SENTENCES: Mapping[DifferenceKind, str] = {
    _Kind.PRINCIPAL_ADDED: "{who} can assume {role} {how}; the definition does not trust it.",
    _Kind.PRINCIPAL_NAMED: (
        "{who} is named by the trust policy of {role}; the definition trusts its account as a whole, whose "
        "own policies decide who can assume it."
    ),
    _Kind.PRINCIPAL_WIDENED: "{who} can assume {role} {how}; the definition trusts {trusted} alone.",
    _Kind.PRINCIPAL_DELETED: (
        "The trust policy of {role} names {who}: a role or user that was deleted since. One that is made "
        "anew with the same name is another one, and is not trusted.{lost}"
    ),
    _Kind.EXTERNAL_ID_MISSING: (
        "{who} can assume {role} without an external ID, so that whoever gets it to act for somebody else "
        "gets in."
    ),
    _Kind.EXTERNAL_ID_CHANGED: "{who} can assume {role} with another external ID; {how}.",
    _Kind.EXTERNAL_ID_WEAKENED: (
        "{who} can assume {role} with more than the one external ID, or with none: the condition on "
        "sts:ExternalId is {how} and not StringEquals with the external ID alone."
    ),
    _Kind.CONDITION_REMOVED: (
        "{who} can assume {role} though a condition of the definition is not met ({how})."
    ),
    _Kind.TRUST_ACTION: "{who} may call {how} on {role}, which the definition does not allow.",
}


def _condition_fault(wanted: Clause, live: Clause) -> _Found | None:
    """How the conditions of a trusted principal let it in where the definition does not."""
    theirs, ours = _external_id(live), _external_id(wanted)
    if ours and not theirs:
        return _Found(_Kind.EXTERNAL_ID_MISSING)
    if ours != theirs:
        if not all(test.operator == "stringequals" for test in theirs):
            return _Found(_Kind.EXTERNAL_ID_WEAKENED, named(sorted(test.operator for test in theirs)))
        agreed = {value for test in ours for value in test.values}
        accepted = {value for test in theirs for value in test.values}
        still = "the agreed one is accepted too" if agreed <= accepted else "the agreed one is refused"
        return _Found(_Kind.EXTERNAL_ID_CHANGED, still)
    missing = wanted.conditions - live.conditions
    return _Found(_Kind.CONDITION_REMOVED, named(sorted(test.key for test in missing))) if missing else None


def _external_id(clause: Clause) -> frozenset[Requirement]:
    return frozenset(test for test in clause.conditions if test.key == _EXTERNAL_ID)


def _with_external_id(clause: Clause) -> str:
    return "with an external ID" if _external_id(clause) else "without an external ID"


def _denies(clauses: Clauses) -> list[Clause]:
    return [clause for clause in clauses if not clause.allows]


def _enters(clause: Clause) -> bool:
    entries = (Clause(True, None, Names(frozenset({action})), None, frozenset()) for action in _ENTERING)
    alone = Clause(True, None, clause.action, None, frozenset())
    return any(alone.covers(entry) for entry in entries)


def _names(clause: Clause) -> frozenset[str]:
    return clause.principal.names if clause.principal else frozenset()


def _was_deleted(clause: Clause) -> bool:
    return any(is_unique_id(name.removeprefix("AWS ")) for name in _names(clause))


def _negated(clause: Clause) -> bool:
    return clause.principal is not None and clause.principal.negated


def _accounts(clause: Clause) -> set[str]:
    """The accounts whose roles and users a clause names; those of an identity provider are nobody's."""
    names = [name for name in _names(clause) if name.startswith("AWS ")]
    found = (_ACCOUNT.fullmatch(name) for name in names)
    arns = {name.split(":")[4] for name in names if name.count(":") >= ARN_COLONS}
    return {match[1] for match in found if match} | arns


def _takes_in(wide: Clause, narrow: Clause) -> bool:
    """Whether a clause names everybody, or the whole account of another clause's principal."""
    if _names(wide) == EVERYBODY:
        return True
    accounts = {match[1] for match in map(_ACCOUNT.fullmatch, _names(wide)) if match}
    named = _accounts(narrow)
    return bool(named) and named <= accounts and wide.principal != narrow.principal


def _who(clauses: Iterable[Clause]) -> str:
    return named(sorted({_in_words(clause) for clause in clauses}))


def _in_words(clause: Clause) -> str:
    if _names(clause) == EVERYBODY:
        return "Anybody in any AWS account"
    if _negated(clause):
        return f"Everybody but {named(sorted(name.partition(' ')[2] for name in _names(clause)))}"
    name = next(iter(_names(clause)), "nobody")
    account = _ACCOUNT.fullmatch(name)
    return f"every principal of account {account[1]}" if account else name.partition(" ")[2]


def _what(clauses: Iterable[Clause]) -> str:
    return named(sorted({clause.said for clause in clauses}))
