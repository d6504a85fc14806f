"""The message to an account's administrator: what is asked for, what it permits, and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from xacct_kit.iam import Request, decide
from xacct_kit.role.policy_documents import Document, listed, statements_of
from xacct_kit.role.profile import RoleDefinition

if TYPE_CHECKING:
    from xacct_kit.params import Params

# Where the link and the external ID come to stand, when the rest has been redacted.
LINK = "<<the link>>"
EXTERNAL_ID = "<<the external ID>>"

_WIDTH = 100

# By each of these a role can give itself whatever it wants.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
_OWN_PERMISSIONS = ("iam:PutRolePolicy", "iam:AttachRolePolicy")
_OWN_BOUNDARY = ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")


@dataclass(frozen=True, kw_only=True)
class Invited:
    """What the message speaks of.

    Attributes:
        params: what the user asked for.
        account: the account that is invited.
        role_arn: the role that will be made.
        role: what it will be; its trust policy lacks the external ID.
        parameters: the parameters that the link fills in.
        expires: when the link ends.
        now: the time.
        certain: whether the link lasts until then.
        digest: SHA-256 of the template.
        external_id_from: from whom the administrator gets the external ID; empty for who sends the message.
        telling: whether the message tells the external ID.
    """

    params: Params
    account: str
    role_arn: str
    role: RoleDefinition
    parameters: Mapping[str, str]
    expires: datetime
    now: datetime
    certain: bool
    digest: str
    external_id_from: str
    telling: bool


def letter(invited: Invited) -> str:
    """The message as plain text, with `LINK` and `EXTERNAL_ID` where those are to stand."""
    parts = (*_request(invited), *_steps(invited), _link(invited))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _request(invited: Invited) -> Iterator[list[str]]:
    params, account = invited.params, invited.account
    yield [f"Subject: A role for Service Workbench in your AWS account {account}"]
    yield _wrapped(
        f"The AWS account {params.main_account} runs Service Workbench, and researchers' analytics are to "
        f"run in your account {account}. For that you are asked to create one role there."
    )
    yield ["What will be made", *map(_bullet, _made(invited))]
    yield ["Who may use it, and with the external ID alone", *map(_bullet, _trusted(invited))]
    yield ["What it permits", *map(_bullet, _permitted(invited))]
    yield from map(_wrapped, _warning(invited))


def _made(invited: Invited) -> Iterator[str]:
    params = invited.params
    yield f"the CloudFormation stack {params.stack_name} in {params.region}"
    yield f"in it the role {invited.role_arn}"
    if invited.role.boundary_name:
        yield f"and the policy {invited.role.boundary_name}, its permissions boundary"


def _trusted(invited: Invited) -> Iterator[str]:
    principals = [each["Principal"].get("AWS", ()) for each in _allowing(invited.role.trust)]
    yield from dict.fromkeys(name for named in principals for name in listed(named))


def _permitted(invited: Invited) -> Iterator[str]:
    for name, document in invited.role.policies.items():
        for statement in _allowing(document):
            yield f"{name}: {_elements(statement, 'Action')} on {_elements(statement, 'Resource')}"


def _elements(statement: Mapping[str, Any], element: str) -> str:
    if element in statement:
        return ", ".join("everything" if each == "*" else each for each in listed(statement[element]))
    return f"everything but {', '.join(listed(statement[f'Not{element}']))}"


def _warning(invited: Invited) -> Iterator[str]:
    bounded = invited.role.boundary is not None
    if _may(invited, _OWN_PERMISSIONS) and (not bounded or _may(invited, _OWN_BOUNDARY)):
        yield "Whoever uses this role is an administrator of your account: it may give itself any permission."
    elif bounded:
        yield (
            "Whatever these say, the role can do no more than its permissions boundary allows, and it cannot "
            "take that away."
        )


def _may(invited: Invited, actions: tuple[str, ...]) -> bool:
    """Whether the role may do one of some things to itself."""
    boundary = invited.role.boundary
    requests = (
        Request(principal=invited.role_arn, action=action, resource=invited.role_arn) for action in actions
    )
    return any(
        decide(
            request,
            identity=tuple(invited.role.policies.values()),
            boundary=boundary,
        ).allowed
        for request in requests
    )


def _steps(invited: Invited) -> Iterator[list[str]]:
    yield ["What to do"]
    for number, (first, *rest) in enumerate(_things_to_do(invited), start=1):
        yield [f"{number}. {first}", *(f"   {line}".rstrip() if line != LINK else line for line in rest)]


def _things_to_do(invited: Invited) -> Iterator[list[str]]:
    yield [f"Sign in to the AWS console of the account {invited.account} as somebody who may create roles."]
    yield [
        f"Before {moment(invited.expires)} ({duration(invited.expires - invited.now)} from now) open",
        "",
        LINK,
    ]
    yield [
        "Check that the page has",
        *(_bullet(f"{name}: {value}") for name, value in invited.parameters.items()),
    ]
    yield _external_id(invited)
    if invited.params.stack_tags:
        tags = invited.params.stack_tags.items()
        yield ["Give the stack the tags", *(_bullet(f"{key}: {value}") for key, value in tags)]
    yield _wrapped(
        "Acknowledge that IAM resources with custom names are made (CAPABILITY_NAMED_IAM), which no link "
        "can do for you, and create the stack."
    )
    yield ["Say when the stack is CREATE_COMPLETE."]


def _external_id(invited: Invited) -> list[str]:
    """CloudFormation ignores what a link says of a parameter that it does not echo."""
    if invited.telling:
        return ["Type into the field External ID, which the link cannot fill in", _bullet(EXTERNAL_ID)]
    who = invited.external_id_from or "whoever sent you this message, on another way than this"
    return [
        "Type the external ID into the field External ID, which the link cannot fill in.",
        f"It is not in this message: you get it from {who}.",
    ]


def _link(invited: Invited) -> list[str]:
    sooner = "" if invited.certain else "It may end sooner than it says; if it has ended, ask for another."
    return [
        "About the link",
        *_wrapped(
            "Whoever has it can read the template until it ends, no more. It holds the access key ID "
            "of who signed it, and the session token if there is one; neither is of use without the secret. "
            f"{sooner}"
        ),
        f"SHA-256 of the template: {invited.digest}",
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)


def _bullet(text: str) -> str:
    return f"- {text}"


def _allowing(document: Document) -> list[Mapping[str, Any]]:
    return [each for each in statements_of(document) if each["Effect"] == "Allow"]


def moment(time: datetime) -> str:
    """A time in UTC, to the minute below: a link is not said to last longer than it does."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def duration(span: timedelta) -> str:
    """A span of time in its two largest units."""
    # What has passed since a moment ago is not worth a minute.
    left, said = span + timedelta(seconds=30), []
    for name, unit in _UNITS:
        count, left = divmod(left, unit)
        if count:
            said.append(f"{count} {name}" if count == 1 else f"{count} {name}s")
    return " ".join(said[:2]) or "less than a minute"
