"""An account that is to be created, held against the rules of AWS before anything is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from xacct_kit.errors import ParamsError
from xacct_kit.param_types import shown

ACCESS_ROLE = "OrganizationAccountAccessRole"

_FORBIDDEN = frozenset("\"'()<>[]:;,\\|%&")


def _local(email: str) -> str:
    return email.partition("@")[0]


def _domain(email: str) -> str:
    return email.partition("@")[2]


# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
_EMAIL_RULES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("has 6 to 64 characters", lambda email: 6 <= len(email) <= 64),
    ("is ASCII", str.isascii),
    ("has one @", lambda email: email.count("@") == 1),
    (
        "has no space and none of \"'()<>[]:;,\\|%& before the @",
        lambda email: not any(each.isspace() or each in _FORBIDDEN for each in _local(email)),
    ),
    (
        "has something before the @, and that begins with no dot",
        lambda email: _local(email)[:1] not in ("", "."),
    ),
    (
        "has nothing but letters, digits, hyphens and dots after the @",
        lambda email: re.fullmatch(r"[A-Za-z0-9.-]*", _domain(email)) is not None,
    ),
    (
        "neither begins nor ends with a hyphen or a dot after the @",
        lambda email: _domain(email) == _domain(email).strip("-."),
    ),
    ("has a dot after the @", lambda email: "." in _domain(email)),
)

# Field, shape, and what it is. The unit may be the root.
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html
_SHAPES: tuple[tuple[str, str, str], ...] = (
    ("name", r"(?! )[\x20-\x7e]{1,50}(?<! )", "1 to 50 ASCII characters, with no space at its ends"),
    (
        "role_name",
        r"(?!AWSServiceRoleFor)[\w+=,.@-]{1,64}",
        "1 to 64 letters, digits or +=,.@_-, not beginning with AWSServiceRoleFor",
    ),
    (
        "organizational_unit",
        r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}",
        "the ID of an organizational unit, ou-...",
    ),
)
_MOST_TAGS, _MOST_KEY, _MOST_VALUE = 50, 128, 256


def email_fault(email: str) -> str:
    """Why AWS takes a text for no e-mail address of an account; empty when it takes it for one."""
    broken = next((rule for rule, holds in _EMAIL_RULES if not holds(email)), "")
    return broken and f"{shown(email)} is no e-mail address that AWS accepts: one {broken}"


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account that is to be created.

    Attributes:
        name: its name.
        email: its owner's e-mail address, which no other account of AWS may have.
        billing_access: whether IAM users and roles may be allowed to see its costs; Cost Explorer needs it.
        role_name: the administrator's role that AWS makes in it, which trusts the management account.
        tags: its tags.
        organizational_unit: where it is moved to; None leaves it below the root.

    Raises:
        ParamsError: AWS would accept no such account.
    """

    name: str
    email: str
    billing_access: bool = True
    role_name: str = ACCESS_ROLE
    tags: Mapping[str, str] = field(default_factory=dict)
    organizational_unit: str | None = None

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise ParamsError(faults)

    def _faults(self) -> Iterator[str]:
        fault = email_fault(self.email)
        if fault:
            yield f"email: {fault}"
        for key, shape, meaning in _SHAPES:
            value = getattr(self, key)
            if value is not None and not re.fullmatch(shape, value, re.ASCII):
                yield f"{key}: {shown(value)} is not {meaning}"
        yield from self._faults_of_tags()

    def _faults_of_tags(self) -> Iterator[str]:
        if len(self.tags) > _MOST_TAGS:
            yield f"tags: there are {len(self.tags)}; an account takes {_MOST_TAGS}"
        for key, value in self.tags.items():
            if key.lower().startswith("aws:"):
                yield f"tags: {shown(key)} begins with aws:, which is kept for AWS"
            elif not (0 < len(key) <= _MOST_KEY and len(value) <= _MOST_VALUE):
                yield f"tags: {shown(key)}: a key has 1 to {_MOST_KEY} characters, a value 0 to {_MOST_VALUE}"

    @property
    def what(self) -> str:
        """What people call it."""
        return f"{self.email} ({self.name})"

    @property
    def request(self) -> dict[str, object]:
        """The parameters of `CreateAccount`."""
        asked: dict[str, object] = {
            "Email": self.email,
            "AccountName": self.name,
            "RoleName": self.role_name,
            "IamUserAccessToBilling": "ALLOW" if self.billing_access else "DENY",
        }
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return asked | ({"Tags": tags} if tags else {})


def same_email(one: str, other: str) -> bool:
    """Whether two addresses are one; AWS does not say that it tells them apart by case."""
    return one.lower() == other.lower()
