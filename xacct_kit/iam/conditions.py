"""Conditions: what the `Condition` element of a statement asks of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import Any

from xacct_kit.iam.match import (
    ARN_COLONS,
    Lookup,
    Pattern,
    Token,
    arn_tokens,
    exact_tokens,
    glob_tokens,
    pattern,
)
from xacct_kit.iam.request import Facts, is_null


class SetOperator(Enum):
    """How a condition deals with a key that has several values in the request."""

    ALL = "forallvalues"
    ANY = "foranyvalue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One key under one operator.

    Attributes:
        key: the context key, in lower case.
        tests: one a policy value: whether a value of the request matches it.
        negated: whether the condition holds where no policy value matches.
        set_operator: the prefix `ForAllValues:` or `ForAnyValue:`.
        if_exists: whether the condition holds where the request does not carry the key.
    """

    key: str
    tests: tuple[Pattern, ...]
    negated: bool
    set_operator: SetOperator | None
    if_exists: bool

    def holds(self, facts: Facts) -> bool:
        """Whether the request fulfils the condition."""
        values = facts.values(self.key)
        if values is None:
            return self.if_exists or self._holds_for_nothing()
        if self.set_operator is None:
            return any(self._matches(value, facts.text) for value in values) is not self.negated
        if not any(values):
            return self._holds_for_nothing()
        quantified = all if self.set_operator is SetOperator.ALL else any
        return quantified(self._matches(value, facts.text) is not self.negated for value in values)

    def _holds_for_nothing(self) -> bool:
        """Whether it holds for a missing key; under a set operator an empty text is as good as missing."""
        return self.negated if self.set_operator is None else self.set_operator is SetOperator.ALL

    def _matches(self, value: str, lookup: Lookup) -> bool:
        return any(test(value, lookup) for test in self.tests)


@dataclass(frozen=True, slots=True)
class NullCondition:
    """Whether a key is missing.

    Attributes:
        key: the context key, in lower case.
        wanted: True where it may be missing, False where it may be there.
    """

    key: str
    wanted: frozenset[bool]

    def holds(self, facts: Facts) -> bool:
        """Whether the request fulfils the condition."""
        return is_null(facts.values(self.key)) in self.wanted


# A builder turns a policy value into the test of a request's value, or raises ValueError.
_Builder = Callable[[str, bool], Pattern]


def _text(tokens: Callable[..., tuple[Token, ...]]) -> _Builder:
    return lambda text, variables: pattern(tokens(text, variables=variables))


def _arn(text: str, variables: bool) -> Pattern:
    """What is no ARN is like none."""
    matches = pattern(arn_tokens(text, variables=variables))
    return lambda value, lookup: value.count(":") >= ARN_COLONS and matches(value, lookup)


def _ignoring_case(text: str, variables: bool) -> Pattern:
    same = pattern(exact_tokens(text.lower(), variables=variables))
    return lambda value, lookup: same(value.lower(), lambda key: _lower(lookup(key)))


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _boolean(text: str, variables: bool) -> Pattern:
    if not (variables and "${" in text):
        _truth(text)
    return _ignoring_case(text, variables)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _compared(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> _Builder:
    """A builder for values that are read first; a request's value that cannot be read matches nothing."""

    def build(text: str, _variables: bool) -> Pattern:
        wanted = read(text)

        def test(value: str, _lookup: Lookup) -> bool:
            try:
                return holds(read(value), wanted)
            except ValueError:
                return False

        return test

    return build


def _number(text: str) -> Decimal:
    try:
        # Decimal reads digits of every script, and underscores between them.
        number = Decimal(text if text.isascii() and "_" not in text else "NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_OR_MONTH = re.compile(r"[0-9]{4}(-[0-9]{2})?")


def _seconds(text: str) -> Decimal:
    """A moment as seconds of Unix time, from ISO 8601 or from such seconds; four digits are a year."""
    match = _YEAR_OR_MONTH.fullmatch(text)
    day = ("-01" if match[1] else "-01-01") if match else ""
    try:
        return _moment(text + day) if "-" in (text + day)[1:] else _number(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a date of ISO 8601 nor Unix time") from None


def _moment(text: str) -> Decimal:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Decimal((aware - _EPOCH) // timedelta(microseconds=1)) / 1_000_000


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f"{text!r} is not base64") from None


def _address(text: str, _variables: bool) -> Pattern:
    network = ip_network(text, strict=False)

    def test(value: str, _lookup: Lookup) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return test


def _ordered(kind: str, read: Callable[[str], Decimal]) -> dict[str, tuple[_Builder, bool]]:
    return {
        f"{kind}Equals": (_compared(read, operator.eq), False),
        f"{kind}NotEquals": (_compared(read, operator.eq), True),
        f"{kind}LessThan": (_compared(read, operator.lt), False),
        f"{kind}LessThanEquals": (_compared(read, operator.le), False),
        f"{kind}GreaterThan": (_compared(read, operator.gt), False),
        f"{kind}GreaterThanEquals": (_compared(read, operator.ge), False),
    }


# Operator: how a policy value is compared, and whether the operator negates.
_OPERATORS: Mapping[str, tuple[_Builder, bool]] = {
    "StringEquals": (_text(exact_tokens), False),
    "StringNotEquals": (_text(exact_tokens), True),
    "StringEqualsIgnoreCase": (_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_ignoring_case, True),
    "StringLike": (_text(glob_tokens), False),
    "StringNotLike": (_text(glob_tokens), True),
    **_ordered("Numeric", _number),
    **_ordered("Date", _seconds),
    "Bool": (_boolean, False),
    "BinaryEquals": (_compared(_bytes, operator.eq), False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
}
_BY_LOWER_NAME = {name.lower(): entry for name, entry in _OPERATORS.items()}

_OPERATOR = re.compile(r"(?:(?P<set>forallvalues|foranyvalue):)?(?P<base>\w+?)(?P<if_exists>ifexists)?")


# "When you use the Null condition operator with ForAllValues, the statement always returns true. When you
# use the Null condition operator with ForAnyValue, the statement always returns false."
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
_NULL_OF_SETS: Mapping[SetOperator | None, frozenset[bool]] = {
    SetOperator.ALL: frozenset({True, False}),
    SetOperator.ANY: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator with its prefix and suffix, as it was read."""

    base: str
    set_operator: SetOperator | None
    if_exists: bool

    def condition(self, key: str, values: Sequence[str], *, variables: bool) -> Condition | NullCondition:
        """The condition that this operator makes of a key and its policy values.

        Parameters:
            key: the context key, in any case.
            values: the policy values, as text.
            variables: whether `${…}` in them is a policy variable.

        Raises:
            ValueError: a value is not of the operator's type.
        """
        if self.base == "null":
            wanted = frozenset(map(_truth, values))
            return NullCondition(key.lower(), _NULL_OF_SETS.get(self.set_operator, wanted))
        build, negated = _BY_LOWER_NAME[self.base]
        return Condition(
            key=key.lower(),
            tests=tuple(build(value, variables) for value in values),
            negated=negated,
            set_operator=self.set_operator,
            if_exists=self.if_exists,
        )


def parse_operator(name: str) -> Operator:
    """Read the name of a condition operator.

    Raises:
        ValueError: there is no such operator.
    """
    match = _OPERATOR.fullmatch(name.lower())
    if match is None or not _is_operator(match["base"], if_exists=match["if_exists"] is not None):
        raise ValueError(f"there is no condition operator {name!r}")
    set_operator = SetOperator(match["set"]) if match["set"] else None
    return Operator(match["base"], set_operator, if_exists=match["if_exists"] is not None)


def _is_operator(base: str, *, if_exists: bool) -> bool:
    return base in _BY_LOWER_NAME or (base == "null" and not if_exists)
