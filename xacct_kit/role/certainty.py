"""What documents say for certain: a decision is none where it hangs on what nobody here can know.

The context of a real request has keys that AWS alone fills in, such as an address or a tag. A document that
asks for one is read twice, as if the answer were yes and as if it were no; only what comes out the same is
certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xacct_kit.iam import Request, decide
from xacct_kit.role.placeholders import map_text, texts
from xacct_kit.role.policy_documents import Document, listed, statements_of

# Keys that the engine derives from the principal, and keys that a request has only if it is made with them.
_KNOWN = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principaltype",
        "aws:username",
        "iam:passedtoservice",
        "iam:permissionsboundary",
        "iam:policyarn",
        "sts:externalid",
    }
)
_VARIABLE = re.compile(r"\$\{([^{}:]+:[^{},]+)[^{}]*\}")


def certainly(
    request: Request,
    *,
    identity: Sequence[Document] = (),
    boundary: Document | None = None,
    scps: Sequence[Sequence[Document]] = (),
    resource_policy: Document | None = None,
) -> bool | None:
    """Decide on a request, if it can be decided by what is known of it.

    Parameters:
        request: who does what to which resource; its context is all that is known.
        identity: the identity-based policies of the principal.
        boundary: its permissions boundary.
        scps: the levels of service control policies above its account.
        resource_policy: the resource's policy; the trust policy where a role is assumed.

    Returns:
        Whether it is allowed; None where that hangs on a key that is not known.

    Raises:
        PolicyError: the request or a document cannot be read.
    """
    known = _KNOWN | {key.lower() for key in request.context}

    def decided(*, generous: bool) -> bool:
        def read(document: Document) -> Document:
            return _read(document, known, generous=generous)

        return decide(
            request,
            identity=[read(document) for document in identity],
            boundary=None if boundary is None else read(boundary),
            scps=[[read(document) for document in level] for level in scps],
            resource_policy=None if resource_policy is None else read(resource_policy),
        ).allowed

    at_most = decided(generous=True)
    return at_most if at_most is decided(generous=False) else None


def _read(document: Document, known: frozenset[str], *, generous: bool) -> Document:
    """A document as it is read if whatever is not known comes out in favour of the request, or against it."""
    statements = statements_of(document)
    doubtful = [any(True for _ in _keys(statement, known)) for statement in statements]
    if not any(doubtful):
        return document
    kept = [
        _loosened(statement, known) if doubt else statement
        for statement, doubt in zip(statements, doubtful, strict=True)
        if not doubt or (statement.get("Effect") == "Allow") is generous
    ]
    return {**document, "Statement": kept or [_silent(statements[0])]}


def _silent(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement of the same kind that speaks of nothing: a document cannot be empty."""
    about = {"Principal": "*"} if "Principal" in statement else {"Resource": "*"}
    return {"Effect": "Deny", "NotAction": "*", **about}


def _loosened(statement: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """A statement that speaks of the request whatever is not known."""
    conditions = {
        operator: {key: value for key, value in keys.items() if not _unknown(key, value, known)}
        for operator, keys in statement.get("Condition", {}).items()
    }
    asked = {operator: keys for operator, keys in conditions.items() if keys}
    rest = {name: value for name, value in statement.items() if name not in ("Condition", "NotResource")}
    widened: dict[str, Any] = map_text(rest, lambda text: _VARIABLE.sub(lambda v: _star(v, known), text))
    if "NotResource" in statement:
        widened |= _leaving_out(statement["NotResource"], known)
    return {**widened, **({"Condition": asked} if asked else {})}


def _leaving_out(resources: Any, known: frozenset[str]) -> dict[str, Any]:
    """What a statement speaks of that leaves out no more than is known."""
    certain = [each for each in listed(resources) if not any(_unknown_variables(each, known))]
    return {"NotResource": certain} if certain else {"Resource": "*"}


def _star(variable: re.Match[str], known: frozenset[str]) -> str:
    return variable[0] if variable[1].lower() in known else "*"


def _keys(statement: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    """The keys of a statement that are not known."""
    for keys in statement.get("Condition", {}).values():
        yield from (key for key, value in keys.items() if _unknown(key, value, known))
    rest = [value for element, value in statement.items() if element != "Condition"]
    yield from _unknown_variables(rest, known)


def _unknown_variables(value: Any, known: frozenset[str]) -> Iterator[str]:
    for text in texts(value):
        if "${" in text:
            yield from (found for found in _VARIABLE.findall(text) if found.lower() not in known)


def _unknown(key: str, value: Any, known: frozenset[str]) -> bool:
    return key.lower() not in known or any(_unknown_variables(value, known))
