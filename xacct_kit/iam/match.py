"""Patterns: wildcards, ARNs and policy variables.

A pattern is parsed into tokens (text, wildcards, variables) and compiled into an automaton that reads
the value once, so that no pattern, however many wildcards it has, is slow. Whoever parses says whether `${…}`
is a variable: in a document of version 2008-10-17 it is text. Where it is one and cannot be read, it is a
ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Wildcard(Enum):
    """What stands for other characters; an inner wildcard never stands for a colon."""

    MANY = "*"
    ONE = "?"
    INNER_MANY = "inner *"
    INNER_ONE = "inner ?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable such as `${aws:PrincipalTag/team, 'none'}`.

    Attributes:
        key: the context key, in lower case.
        default: what stands in for a key that has no value in the request.
    """

    key: str
    default: str | None


Token = str | Wildcard | Variable
Lookup = Callable[[str], str | None]
Matcher = Callable[[str], bool]
Pattern = Callable[[str, Lookup], bool]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
_VARIABLE = re.compile(r"\$\{(?P<body>[^{}]*)\}")
# A tag's key may have spaces.
_BODY = re.compile(
    r"(?P<key>[^\s,'{}$*?/]+(?:/[^\s,'{}$*?]+(?: [^\s,'{}$*?]+)*)?)(?:\s*,\s*'(?P<default>[^']*)')?"
)
_SPECIAL_CHARACTERS = frozenset("*?$")

ARN_COLONS = 5
"""The fifth colon of an ARN ends the components that have a fixed meaning."""
_ARN_PART = re.compile(r"(?P<last_many>\*(?=:|\Z))|(?P<many>\*)|(?P<one>\?)|(?P<text>[^*?]+)")

_ANYWHERE = {"last_many": Wildcard.MANY, "many": Wildcard.MANY, "one": Wildcard.ONE}
_INNER = {"last_many": Wildcard.INNER_MANY, "many": Wildcard.INNER_MANY, "one": Wildcard.INNER_ONE}
_INNER_OR_LAST = _INNER | {"last_many": Wildcard.MANY}


def exact_tokens(text: str, *, variables: bool) -> tuple[Token, ...]:
    """Parse a text in which `*` and `?` mean themselves."""
    return tuple(piece for piece, _ in _pieces(text, variables))


def glob_tokens(text: str, *, variables: bool) -> tuple[Token, ...]:
    """Parse a text in which `*` and `?` stand for any characters."""
    return _wildcard_tokens(_pieces(text, variables), _ANYWHERE)


def arn_tokens(text: str, *, variables: bool) -> tuple[Token, ...]:
    """Parse a value of `ArnLike`: each of the six components of an ARN is matched on its own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return _wildcard_tokens(_pieces(text, variables), _INNER)


def resource_tokens(text: str, *, variables: bool) -> tuple[Token, ...]:
    """Parse a value of `Resource`.

    Wildcards stay inside their component of the ARN, except a `*` at the end of a component, which
    "can expand to match beyond the colon boundaries". The last component is what follows the fifth colon,
    and has colons of its own. Variables are for that component only.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html

    Raises:
        ValueError: a variable stands before the fifth colon, or is not one.
    """
    fixed = ":".join(text.split(":", ARN_COLONS)[:ARN_COLONS])
    if variables and "${" in fixed:
        raise ValueError("a policy variable cannot stand before the fifth colon of an ARN")
    return _wildcard_tokens(_pieces(text, variables), _INNER_OR_LAST)


def _pieces(text: str, variables: bool) -> Iterator[tuple[str | Variable, bool]]:
    """The pieces of a text, and for each whether it is as it was written."""
    position = 0
    for match in _VARIABLE.finditer(text) if variables else ():
        yield _written(text[position : match.start()]), True
        yield _variable(match["body"]), False
        position = match.end()
    yield _written(text[position:]) if variables else text, True


def _written(text: str) -> str:
    if "${" in text:
        raise ValueError(f"the policy variable in {text!r} is not closed")
    return text


def _variable(body: str) -> str | Variable:
    if body in _SPECIAL_CHARACTERS:
        return body
    match = _BODY.fullmatch(body)
    if match is None:
        raise ValueError(f"${{{body}}} is not a policy variable")
    return Variable(match["key"].lower(), match["default"])


def _wildcard_tokens(
    pieces: Iterable[tuple[str | Variable, bool]], components: dict[str, Wildcard]
) -> tuple[Token, ...]:
    """Tokens in which `components` are the wildcards before the fifth colon; after it, all go anywhere."""
    tokens: list[Token] = []
    colons = 0
    for piece, as_written in pieces:
        if not as_written or isinstance(piece, Variable):
            tokens.append(piece)
            continue
        for match in _ARN_PART.finditer(piece):
            colons += match[0].count(":")
            wildcards = components if colons < ARN_COLONS else _ANYWHERE
            tokens.append(wildcards.get(str(match.lastgroup), match[0]))
    return tuple(tokens)


def pattern(tokens: tuple[Token, ...]) -> Pattern:
    """Compile tokens into a test of a value, given a look-up of variables.

    A variable that the request has no value for, and no default, matches nothing. An empty text is no
    value: "the value is effectively null. There is no equal or like value".
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
    """
    fixed = _fixed(tokens)
    if len(fixed) == len(tokens):
        matches = matcher(fixed)
        return lambda value, _lookup: matches(value)
    return lambda value, lookup: _matches_resolved(tokens, value, lookup)


def glob_matcher(text: str) -> Matcher:
    """Compile a text in which `*` and `?` stand for any characters and nothing is a variable."""
    return matcher(_fixed(glob_tokens(text, variables=False)))


def _fixed(tokens: tuple[Token, ...]) -> tuple[str | Wildcard, ...]:
    return tuple(token for token in tokens if not isinstance(token, Variable))


def _matches_resolved(tokens: tuple[Token, ...], value: str, lookup: Lookup) -> bool:
    resolved: list[str | Wildcard] = []
    for token in tokens:
        text = _resolve(token, lookup) if isinstance(token, Variable) else token
        if text is None:
            return False
        resolved.append(text)
    return matcher(tuple(resolved))(value)


def _resolve(variable: Variable, lookup: Lookup) -> str | None:
    return lookup(variable.key) or variable.default


@lru_cache(maxsize=4096)
def matcher(tokens: tuple[str | Wildcard, ...]) -> Matcher:
    """Compile text and wildcards into a test of a value."""
    prefix = "".join(token for token in tokens if isinstance(token, str))
    if all(isinstance(token, str) for token in tokens):
        return lambda value: value == prefix
    if tokens[-1] is Wildcard.MANY and all(isinstance(token, str) for token in tokens[:-1]):
        return lambda value: value.startswith(prefix)
    return _automaton(tokens)


def _automaton(tokens: tuple[str | Wildcard, ...]) -> Matcher:
    """A nondeterministic automaton whose states are the bits of one number.

    State n is: the first n characters of the pattern are matched. Each character of the value moves
    every state at once, so that the time is the length of the value, never a power of it.
    """
    letters: dict[str, int] = {}
    masks = dict.fromkeys(Wildcard, 0)
    state = 1
    for token in tokens:
        if isinstance(token, Wildcard):
            masks[token] |= state
            state <<= token in (Wildcard.ONE, Wildcard.INNER_ONE)
            continue
        for letter in token:
            letters[letter] = letters.get(letter, 0) | state
            state <<= 1
    return _runner(letters, masks, final=state)


def _runner(letters: dict[str, int], masks: dict[Wildcard, int], final: int) -> Matcher:
    step_any = masks[Wildcard.ONE] | masks[Wildcard.INNER_ONE]
    steps = {letter: mask | step_any for letter, mask in letters.items()}
    steps[":"] = letters.get(":", 0) | masks[Wildcard.ONE]
    stay_any = masks[Wildcard.MANY] | masks[Wildcard.INNER_MANY]
    stay_colon = masks[Wildcard.MANY]

    def matches(value: str) -> bool:
        states = 1
        for letter in value:
            stay = stay_colon if letter == ":" else stay_any
            states = (states & steps.get(letter, step_any)) << 1 | states & stay
            if not states:
                return False
        return bool(states & final)

    return matches
