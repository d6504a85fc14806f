"""In what a deployed stack is not what the params say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.role.stack_differences import (
    parameter_differences,
    read_template,
    tag_differences,
    template_differences,
)
from xacct_kit.steps.stack.request import stack_parameters, template_body
from xacct_kit.steps.stack.view import StackFailure, StackView

_SHOWN = 5

# What no text tells, whether the stack hides it or not.
_SECRET = frozenset({"ExternalId"})


@dataclass(frozen=True, kw_only=True)
class StackDifferences:
    """What a comparison of a stack with the params came to.

    Attributes:
        differences: what is not as it must be, a sentence each.
        hidden: the parameters that NoEcho hides, which are not compared.
        unread: what could not be read, and why.
    """

    differences: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def stack_differences(session: Session, view: StackView, described: Mapping[str, Any]) -> StackDifferences:
    """Hold a stack against the params: its template, its parameters and its tags.

    Parameters:
        session: whose run it is.
        view: the stack.
        described: the stack, as DescribeStacks tells it.
    """
    unread = []
    try:
        template = list(_of_template(session, view))
    except (StackFailure, ValueError) as error:
        template = []
        unread.append(f"Its template cannot be read: {error}.".replace("..", "."))
    wanted = stack_parameters(session)
    differing, hidden = parameter_differences(wanted, described.get("Parameters", ()))
    found = {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", ())}
    parameters = [_of_parameter(name, wanted, found) for name in differing]
    tags = tag_differences(session.params.stack_tags, described.get("Tags", ()))
    told = [f"Its tags differ: {', '.join(tags)}."] if tags else []
    return StackDifferences(differences=(*template, *parameters, *told), hidden=hidden, unread=tuple(unread))


def _of_template(session: Session, view: StackView) -> Iterator[str]:
    paths = template_differences(read_template(template_body(session)), read_template(view.template()))
    if paths:
        yield f"Its template differs at {', '.join(shortened(paths))}."


def shortened(texts: Sequence[str]) -> tuple[str, ...]:
    """The first of many texts, and how many there are besides."""
    rest = len(texts) - _SHOWN
    return (*texts[:_SHOWN], *([f"and {rest} more"] if rest > 0 else []))


def _of_parameter(name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    if name not in wanted:
        return f"It has a parameter {name}, which the profile has not."
    if name not in found:
        return f"It has no parameter {name}."
    if name in _SECRET:
        return f"Its parameter {name} is another than it must be, and is not hidden from who sees the stack."
    return f"Its parameter {name} is {found[name]}, and must be {wanted[name]}."
