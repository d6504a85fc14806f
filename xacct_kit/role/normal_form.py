"""What policy documents say, however they are written: two that mean the same have one normal form.

A statement is taken apart into the smallest that say the same: one principal, one action, one resource each.
The order of statements and lists, `Sid`, a single value or a list, the case of actions and of condition keys,
duplicates, and the two ways to name an account are no part of it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any

from xacct_kit.iam.match import ARN_COLONS
from xacct_kit.iam.request import as_text
from xacct_kit.role.policy_documents import Document, listed


@dataclass(frozen=True, slots=True)
class Names:
    """What one element of a statement names.

    Attributes:
        names: one name, or all those that `Not…` leaves out.
        negated: whether it is everything but these.
    """

    names: frozenset[str]
    negated: bool = False

    def __str__(self) -> str:
        listed = ", ".join(sorted(self.names))
        return f"everything but {listed}" if self.negated else listed


@dataclass(frozen=True, slots=True)
class Requirement:
    """One key under one condition operator.

    Attributes:
        operator: in lower case.
        key: in lower case.
        values: of which one must match; none of them for an operator that negates.
    """

    operator: str
    key: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Clause:
    """The smallest statement: what one effect says of one principal, action and resource.

    Attributes:
        allows: whether the effect is Allow.
        principal: as `AWS arn…`, or `Service name`; None in a permissions policy.
        action: in lower case.
        resource: None in a trust policy.
        conditions: all that must hold.
        said: the action and the resource as they are written, which is no part of the meaning.
    """

    allows: bool
    principal: Names | None
    action: Names
    resource: Names | None
    conditions: frozenset[Requirement]
    said: str = field(default="", compare=False)

    def covers(self, other: Clause) -> bool:
        """Whether it surely speaks of everything that another speaks of; False where that is not certain."""
        return (
            self.allows is other.allows
            and _covers_principal(self.principal, other.principal)
            and _covers(self.action, other.action, _covers_glob)
            and _covers(self.resource, other.resource, _covers_resource)
            and self.conditions <= other.conditions
        )


Clauses = frozenset[Clause]


def normal_form(document: Document) -> Clauses:
    """What a policy document says; what follows from something else that it says is left out."""
    # Before this version `${…}` is no variable: it is written as a later version would write the same text.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    variables = document.get("Version") == "2012-10-17"
    found = dict.fromkeys(
        clause
        for statement in listed(document.get("Statement", ()))
        for clause in _clauses(statement, variables)
    )
    return frozenset(_without_redundant(found))


def uncovered(clauses: Iterable[Clause], by: Iterable[Clause]) -> tuple[Clause, ...]:
    """The clauses that no other clause surely covers, in an order that does not depend on theirs.

    Parameters:
        clauses: the clauses that are asked about.
        by: those that may cover them.
    """
    same = frozenset(by)
    covering = _Covering(same)
    left = (
        clause
        for clause in clauses
        if clause not in same and not any(each.covers(clause) for each in covering.candidates(clause))
    )
    return tuple(sorted(left, key=lambda clause: (str(clause.principal), clause.said)))


class _Covering:
    """Clauses by what they may cover: an action without wildcards is nothing but itself."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        self._wide: list[Clause] = []
        self._exact: dict[Names, list[Clause]] = {}
        for clause in clauses:
            wide = clause.action.negated or any(_WILD.search(name) for name in clause.action.names)
            (self._wide if wide else self._exact.setdefault(clause.action, [])).append(clause)

    def candidates(self, clause: Clause) -> Iterator[Clause]:
        """The clauses that may cover another."""
        yield from self._wide
        yield from self._exact.get(clause.action, ())


def _without_redundant(clauses: Iterable[Clause]) -> Iterator[Clause]:
    ordered = sorted(clauses, key=lambda clause: (str(clause.action), str(clause.resource)))
    places = {clause: place for place, clause in enumerate(ordered)}
    covering = _Covering(ordered)
    for clause, place in places.items():
        # Of two that cover each other the first stays.
        if not any(
            other.covers(clause) and (places[other] < place or not clause.covers(other))
            for other in covering.candidates(clause)
            if other != clause
        ):
            yield clause


def _clauses(statement: Mapping[str, Any], variables: bool) -> Iterator[Clause]:
    conditions = frozenset(_tests(statement.get("Condition", {}), variables))
    for principal, (action, written), resource in product(
        _principals(statement), _actions(statement), _resources(statement, variables)
    ):
        yield Clause(
            allows=statement.get("Effect") == "Allow",
            principal=principal,
            action=action,
            resource=resource,
            conditions=conditions,
            said=written if resource is None else f"{written} on {resource}",
        )


def _actions(statement: Mapping[str, Any]) -> Iterator[tuple[Names, str]]:
    if "NotAction" in statement:
        written = Names(frozenset(listed(statement["NotAction"])), negated=True)
        yield Names(frozenset(map(_action, written.names)), negated=True), str(written)
        return
    for action in listed(statement.get("Action", ())):
        yield Names(frozenset({_action(action)})), action


_WILD = re.compile(r"[*?$]")
_MANY = re.compile(r"\*+")


def _action(text: str) -> str:
    return _MANY.sub("*", text.lower())


def _resources(statement: Mapping[str, Any], variables: bool) -> Iterator[Names | None]:
    if "NotResource" in statement:
        left_out = (_resource(each, variables) for each in listed(statement["NotResource"]))
        yield Names(frozenset(left_out), negated=True)
    elif "Resource" in statement:
        for resource in listed(statement["Resource"]):
            yield Names(frozenset({_resource(resource, variables)}))
    else:
        yield None


def _resource(text: str, variables: bool) -> str:
    """A resource; what is missing of an ARN is any.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    missing = 0 if text == "*" else max(0, ARN_COLONS - text.count(":"))
    return _text(text, variables) + ":*" * missing


def _text(text: str, variables: bool) -> str:
    return text if variables else text.replace("${", "${$}{")


# The account's ID and the ARN of its root user name the same.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
_ROOT = re.compile(r"arn:[a-z0-9-]+:iam::([0-9]{12}):root")
_ACCOUNT = r"\1"


def _principals(statement: Mapping[str, Any]) -> Iterator[Names | None]:
    if "NotPrincipal" in statement:
        yield Names(frozenset(_named(statement["NotPrincipal"])), negated=True)
    elif "Principal" in statement:
        for name in _named(statement["Principal"]):
            yield Names(frozenset({name}))
    else:
        yield None


def _named(principal: Any) -> Iterator[str]:
    kinds = {"AWS": "*"} if principal == "*" else principal
    for kind, names in kinds.items():
        for name in listed(names):
            yield f"{kind} {_ROOT.sub(_ACCOUNT, name)}" if kind == "AWS" else f"{kind} {name}"


# Operators that are another's second name: "ArnEquals and ArnLike … behave identically".
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_SECOND_NAMES: Mapping[str, str] = {"arnequals": "arnlike", "arnnotequals": "arnnotlike"}
_WITHOUT_WILDCARDS: Mapping[str, str] = {
    "stringlike": "stringequals",
    "stringnotlike": "stringnotequals",
}
_ANY_CASE = ("bool", "null", "ignorecase")
_OPERATOR = re.compile(r"((?:forallvalues:|foranyvalue:)?)(\w+?)((?:ifexists)?)")


def _tests(condition: Mapping[str, Any], variables: bool) -> Iterator[Requirement]:
    for name, keys in condition.items():
        for key, written in keys.items():
            values = frozenset(_text(as_text(each) or str(each), variables) for each in listed(written))
            operator = _operator(name.lower(), values)
            if any(word in operator for word in _ANY_CASE):
                values = frozenset(value.lower() for value in values)
            yield Requirement(operator, key.lower(), values)


def _operator(name: str, values: frozenset[str]) -> str:
    match = _OPERATOR.fullmatch(name)
    if match is None:
        return name
    base = _SECOND_NAMES.get(match[2], match[2])
    if not any(special in value for value in values for special in "*?$"):
        base = _WITHOUT_WILDCARDS.get(base, base)
    return f"{match[1]}{base}{match[3]}"


Covers = Callable[[str, str], bool]


def _covers(wide: Names | None, narrow: Names | None, one_covers: Covers) -> bool:
    if wide == narrow:
        return True
    if wide is None or narrow is None:
        return False
    if wide.negated and narrow.negated:
        return all(any(one_covers(left, out) for left in narrow.names) for out in wide.names)
    if wide.negated:
        # A name without wildcards is one thing: it is spoken of if nothing that is left out matches it.
        return not any(
            _WILD.search(name) or "$" in out or _covers_glob(out, name)
            for out in wide.names
            for name in narrow.names
        )
    if narrow.negated:
        return "*" in wide.names
    return all(any(one_covers(each, name) for each in wide.names) for name in narrow.names)


def _covers_principal(wide: Names | None, narrow: Names | None) -> bool:
    """Whether a principal is surely among others; what `NotPrincipal` leaves out is not looked into."""
    if wide == narrow:
        return True
    if wide is None or narrow is None or wide.negated or narrow.negated:
        return False
    return wide.names == EVERYBODY and all(name.startswith("AWS ") for name in narrow.names)


EVERYBODY = frozenset({"AWS *"})


def _covers_resource(wide: str, narrow: str) -> bool:
    """Whether a resource is surely within another: wildcards before the fifth colon are not looked into."""
    if wide in ("*", narrow):
        return True
    fixed = wide.removesuffix("*")
    return (
        fixed != wide
        and not _WILD.search(fixed)
        and fixed.count(":") >= ARN_COLONS
        and narrow.startswith(fixed)
    )


def _covers_glob(wide: str, narrow: str) -> bool:
    """Whether a pattern matches all that another matches: the wildcards of the other are matched as such."""
    return _matching(wide).fullmatch(narrow) is not None


@lru_cache(maxsize=4096)
def _matching(wide: str) -> re.Pattern[str]:
    """A pattern as a regular expression: what stands for one character stands for no `*`."""
    first, *rest = (re.escape(part).replace(r"\?", "[^*]") for part in wide.split("*"))
    # Atomic: the first place where a part fits is as good as any, so that no pattern is slow.
    later = [*(f"(?>.*?{part})" for part in rest[:-1]), *(f".*{part}" for part in rest[-1:])]
    return re.compile(first + "".join(later), re.DOTALL)
