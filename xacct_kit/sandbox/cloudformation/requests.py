"""Reading requests: what they may hold, and the definition of a stack that they describe."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from xacct_kit.sandbox.cloudformation.dependencies import check_references
from xacct_kit.sandbox.cloudformation.parameters import bind, check_declarations
from xacct_kit.sandbox.cloudformation.refusals import invalid, not_offered, well_formed
from xacct_kit.sandbox.cloudformation.resources import tag_values
from xacct_kit.sandbox.cloudformation.stacks import Definition, Stack
from xacct_kit.sandbox.cloudformation.template import Template, load
from xacct_kit.sandbox.cloudformation.types import check_types, lacks_capability
from xacct_kit.sandbox.faults import ServiceFault

Params = Mapping[str, Any]
T = TypeVar("T")

PAGE_SIZE = 100
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


def check_offered(operation: str, params: Params, offered: frozenset[str]) -> None:
    """Refuse a request that asks for what the sandbox does not offer.

    Raises:
        ServiceFault: naming the parameter.
    """
    for name in sorted(set(params) - offered):
        if params[name]:
            raise not_offered(f"the parameter {name} of {operation}")


def check_name(name: str, member: str) -> str:
    """A name for a stack or change set, if it can be one.

    Raises:
        ServiceFault: it breaks AWS's pattern.
    """
    if not _NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    return name


@functools.lru_cache(maxsize=64)
@well_formed()
def read_template(body: str) -> Template:
    """Read a template and check all that can be checked without parameters.

    Raises:
        ServiceFault: something is wrong with it.
    """
    template = load(body)
    check_types(template)
    check_declarations(template)
    check_references(template)
    return template


@well_formed()
def definition_of(params: Params, current: Definition | None = None) -> Definition:
    """The definition of a stack that a request describes.

    Parameters:
        params: the parameters of CreateStack, UpdateStack or CreateChangeSet.
        current: the definition that the stack has, when it is updated.

    Raises:
        ServiceFault: the template, a parameter or a capability is wrong.
    """
    template = template_of(params, current)
    values = bind(template, params.get("Parameters") or (), current.values if current else None)
    capabilities = tuple(params.get("Capabilities") or ())
    lacking = lacks_capability(template, capabilities)
    if lacking is not None:
        raise ServiceFault(400, "InsufficientCapabilitiesException", f"Requires capabilities : [{lacking}]")
    # An update that says nothing of tags keeps them.
    tags = params.get("Tags")
    kept = dict(current.tags) if current is not None and tags is None else tag_values(tags)
    return Definition(template=template, values=values, tags=kept, capabilities=capabilities)


def template_of(params: Params, current: Definition | None) -> Template:
    """The template that a request names.

    Raises:
        ServiceFault: it names none, or the template is wrong.
    """
    if params.get("UsePreviousTemplate") and current is not None:
        return current.template
    if not params.get("TemplateBody"):
        raise invalid("Either Template URL or Template Body must be specified.")
    return read_template(params["TemplateBody"])


def on_failure_of(params: Params) -> str:
    """What a creation that fails is to do.

    Raises:
        ServiceFault: the request says it twice.
    """
    if params.get("DisableRollback") and params.get("OnFailure"):
        raise invalid("Either DisableRollback or OnFailure can be specified, not both.")
    if params.get("DisableRollback"):
        return "DO_NOTHING"
    return str(params.get("OnFailure") or "ROLLBACK")


def page(items: Sequence[T], params: Params) -> tuple[Sequence[T], dict[str, str]]:
    """The items from the request's `NextToken` on, and the token of the page after.

    Raises:
        ServiceFault: the token is not one that was given out.
    """
    token = params.get("NextToken") or "0"
    if not token.isdecimal():
        raise invalid("The NextToken is not valid.")
    start = int(token)
    following = {"NextToken": str(start + PAGE_SIZE)} if start + PAGE_SIZE < len(items) else {}
    return items[start : start + PAGE_SIZE], following


def check_updatable(stack: Stack) -> None:
    """Refuse to update a stack that is not in a state for it.

    Raises:
        ServiceFault: naming the state.
    """
    if stack.status not in _UPDATABLE:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"}
)
