"""The request that a decision is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from xacct_kit.errors import PolicyError
from xacct_kit.iam.principals import parse_principal, told_role
from xacct_kit.strict_json import type_name

ContextValue = str | bool | int | float | Sequence[str | bool | int | float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call, as AWS's policies see it.

    Attributes:
        principal: the ARN of who calls (user, role, role session, federated user, root user, identity
            provider), or the name of an AWS service such as `lambda.amazonaws.com`.
        action: the IAM action, such as `s3:GetObject`.
        resource: the ARN of what is acted on; `*` where the action has no resource.
        context: the condition keys that the request carries. `aws:PrincipalArn`, `aws:PrincipalAccount`,
            `aws:PrincipalType`, `aws:PrincipalIsAWSService` and a user's `aws:username` follow from the
            principal where not given.
        resource_account: the resource's account, where its ARN does not tell it, as an S3 bucket's does not;
            without it such a resource is the principal's account's.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    resource_account: str | None = None


_ACTION = re.compile(r"[a-z0-9-]+:[a-z0-9_-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")


@lru_cache(maxsize=4096)
def _action(text: str) -> str:
    action = text.lower()
    if not _ACTION.fullmatch(action):
        raise PolicyError("action", f"{text!r} is not an action such as s3:GetObject")
    return action


class Facts:
    """A request as statements ask about it: names folded, keys found, accounts told.

    Attributes:
        request: the request.
        principal: its principal, parsed.
        role: the ARN of the role of a role session, where `aws:PrincipalArn` tells it; else empty.
        action: its action, in lower case.
        resource: its resource.
        same_account: whether the resource belongs to the account of the principal, if it has one.
        unique_id: the unique ID of the role or the user, where `aws:userid` tells it.
        bounded: whether the principal has a permissions boundary.
    """

    __slots__ = (
        "_context",
        "action",
        "bounded",
        "principal",
        "request",
        "resource",
        "role",
        "same_account",
        "unique_id",
    )

    def __init__(self, request: Request, *, bounded: bool = False) -> None:
        if not request.resource:
            raise PolicyError("resource", "is empty; it is * where the action has no resource")
        self.request = request
        self.principal = parse_principal(request.principal)
        self.action = _action(request.action)
        self.resource = request.resource
        self._context = _normalised(request.context)
        self.role = told_role(self.principal, self._context.get("aws:principalarn"))
        self.unique_id = (self.text("aws:userid") or "").partition(":")[0]
        self.bounded = bounded
        account = _resource_account(request.resource, request.resource_account)
        self.same_account = bool(self.principal.account) and account in (None, self.principal.account)

    def values(self, key: str) -> tuple[str, ...] | None:
        """The values of a context key in lower case; None where the request does not carry it."""
        value = self._context.get(key)
        if value is None:
            value = self.principal.keys.get(key)
        return (value,) if isinstance(value, str) else value

    def text(self, key: str) -> str | None:
        """The value of a single-valued context key: only those can be policy variables.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        """
        value = self._context.get(key, self.principal.keys.get(key))
        return value if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _resource_account(resource: str, given: str | None) -> str | None:
    """The account whose resource it is; None where neither its ARN nor the request tells."""
    if given is not None and not _ACCOUNT.fullmatch(given):
        raise PolicyError("resource_account", f"{given!r} is not an account of 12 digits")
    parts = resource.split(":", 5)
    told = len(parts) == 6 and parts[0] == "arn" and _ACCOUNT.fullmatch(parts[4])
    return given or (parts[4] if told else None)


def _normalised(context: Mapping[str, ContextValue]) -> dict[str, str | tuple[str, ...]]:
    """The context with its keys folded and its values as text; a key without a value is not there."""
    found: dict[str, str | tuple[str, ...]] = {}
    for key, value in context.items():
        if key.lower() in found:
            raise PolicyError(f"context.{key}", "is there twice: keys are the same in any case")
        if isinstance(value, list | tuple):
            values = tuple(_text(key, item) for item in value)
            if values:
                found[key.lower()] = values
        elif value is not None:
            found[key.lower()] = _text(key, value)
    return found


def is_null(values: tuple[str, ...] | None) -> bool:
    """Whether a key is missing or has empty texts alone.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    return values is None or not any(values)


def _text(key: str, value: object) -> str:
    text = as_text(value)
    if text is None:
        fault = f"is {type_name(value)}, not a text, number, boolean or list of them"
        raise PolicyError(f"context.{key}", fault)
    return text


def as_text(value: object) -> str | None:
    """A text, number or boolean as policies compare it, in a request as in a condition; None for another."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
