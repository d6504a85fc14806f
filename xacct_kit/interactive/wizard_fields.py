"""What the wizard asks, as a table, and what is wrong with what was entered.

What a value must be is said by the params alone: what they refuse is shown beside the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, get_args

from xacct_kit.environment import sandbox_values
from xacct_kit.errors import ParamsError
from xacct_kit.params import REFERENCES, SECRETS, Params, split_reference
from xacct_kit.role.profile import PROFILES, load_profile


class Kind(StrEnum):
    """What a field looks like."""

    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    CHOICE = "choice"
    REFERENCE = "reference"
    TICK = "tick"
    COPY = "copy"


class Section(StrEnum):
    """What a field belongs to, as its heading says."""

    WHERE = "Where"
    ACCOUNTS = "Accounts"
    NAMES = "Roles"
    RUN = "What is deployed and probed"


SANDBOX, AWS = "sandbox", "aws"
BOTH = (SANDBOX, AWS)

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One field of the wizard.

    Attributes:
        key: the key of the params that it is about.
        label: what it is called.
        section: where it stands.
        kind: what it looks like.
        help: what is said below it.
        options: what can be chosen, each with its label.
        environments: the environments that it is asked in.
    """

    key: str
    label: str
    section: Section
    kind: Kind = Kind.TEXT
    help: str = ""
    options: Options = ()
    environments: tuple[str, ...] = BOTH


# A profile that is none of the kit's own.
OWN_FILE = "own file"

_REFERENCE_HELP = "Where it is kept, never the external ID itself: " + ", ".join(
    form for _, form in REFERENCES.values()
)


def _literals(key: str) -> Options:
    """What a key of the params can be, where they name it."""
    return tuple((word, word) for word in get_args(Params.model_fields[key].annotation))


FIELDS: tuple[Asked, ...] = (
    Asked(
        key="environment",
        label="Environment",
        section=Section.WHERE,
        kind=Kind.CHOICE,
        options=((SANDBOX, "Sandbox: an organization on this machine"), (AWS, "AWS")),
    ),
    Asked(
        key="sandbox_scenario",
        label="Scenario",
        section=Section.WHERE,
        kind=Kind.CHOICE,
        help="What is so in the sandbox's member accounts.",
        environments=(SANDBOX,),
    ),
    Asked(
        key="sandbox_accounts",
        label="Accounts in the sandbox",
        section=Section.WHERE,
        kind=Kind.NUMBER,
        help="333333333333, then 400000000000, 400000000001 and so on.",
        environments=(SANDBOX,),
    ),
    Asked(
        key="access_profile",
        label="Credentials",
        section=Section.WHERE,
        kind=Kind.CHOICE,
        environments=(AWS,),
    ),
    Asked(
        key="partition",
        label="Partition",
        section=Section.WHERE,
        kind=Kind.CHOICE,
        options=_literals("partition"),
        environments=(AWS,),
    ),
    Asked(key="region", label="Region", section=Section.WHERE, environments=(AWS,)),
    Asked(
        key="main_account",
        label="Main account",
        section=Section.ACCOUNTS,
        help="Runs Service Workbench: 12 digits.",
        environments=(AWS,),
    ),
    Asked(
        key="member_accounts",
        label="Member accounts",
        section=Section.ACCOUNTS,
        kind=Kind.LINES,
        help="Typed or pasted, 12 digits each, with anything between them.",
    ),
    Asked(
        key="organizational_units",
        label="Organizational units",
        section=Section.ACCOUNTS,
        help="And all accounts below these: ou-…, r-… or root.",
    ),
    Asked(key="exclude_accounts", label="Accounts to leave out", section=Section.ACCOUNTS),
    Asked(
        key="external_id",
        label="External ID",
        section=Section.NAMES,
        kind=Kind.REFERENCE,
        help=_REFERENCE_HELP,
        environments=(AWS,),
    ),
    Asked(
        key="api_handler_role",
        label="Role that serves requests",
        section=Section.NAMES,
        help="Of the main account.",
    ),
    Asked(
        key="workflow_loop_runner_role",
        label="Role that runs workflows",
        section=Section.NAMES,
        help="Of the main account.",
    ),
    Asked(
        key="untrusted_role",
        label="Role that must not get in",
        section=Section.NAMES,
        help="Of the main account; empty: not tried.",
    ),
    Asked(
        key="access_role",
        label="Operator's role in members",
        section=Section.NAMES,
        help="Empty: the credentials are the member account's already.",
    ),
    Asked(key="role_name", label="Role to deploy", section=Section.NAMES),
    Asked(key="stack_name", label="Stack that holds it", section=Section.NAMES),
    Asked(
        key="profile",
        label="Profile",
        section=Section.RUN,
        kind=Kind.CHOICE,
        help="What the role must be.",
        options=(*((name, name) for name in PROFILES), (OWN_FILE, "a file of your own")),
    ),
    Asked(key="profile_file", label="File of the profile", section=Section.RUN, help="YAML."),
    Asked(
        key="stack_set",
        label="Stack set",
        section=Section.RUN,
        kind=Kind.CHOICE,
        help="Whether, and by whose roles, StackSets deploy the stack.",
        options=_literals("stack_set"),
    ),
    Asked(
        key="probes",
        label="Probes",
        section=Section.RUN,
        kind=Kind.CHOICE,
        options=(
            ("read", "read: change nothing"),
            ("canary", "canary: also make things, and remove them again"),
        ),
    ),
    Asked(
        key="max_cost_usd",
        label="Limit in US dollars",
        section=Section.RUN,
        kind=Kind.NUMBER,
        help="What a run may spend on Cost Explorer.",
    ),
)

# Text in which values stand one after the other, and what is read from text as a number.
_LISTS = ("member_accounts", "organizational_units", "exclude_accounts")
_NUMBERS: Mapping[str, type[int] | type[float]] = {"sandbox_accounts": int, "max_cost_usd": float}

# Left out where they are empty, so that they are said to be missing.
_NEEDED = ("main_account", "member_accounts", "external_id")

# As AWS's console shows an account ID.
_GROUPED = re.compile(r"(?<!\d)(\d{4})-(\d{4})-(\d{4})(?![\d-])")
_BETWEEN = re.compile(r"[^0-9A-Za-z_.+-]+")

_FAULT = re.compile(r"(\w+)(?:\[\d+\])?: (.*)", re.DOTALL)
_FAULTS_SHOWN = 3


@dataclass(frozen=True)
class Checked:
    """What became of what was entered.

    Attributes:
        params: the params; None where they cannot be meant.
        messages: what is wrong, by key.
        faults: what is wrong, a line a fault.
    """

    params: Params | None
    messages: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def split_list(text: str) -> list[str]:
    """The values in a text that was typed or pasted, with whatever stands between them, each once."""
    plain = _GROUPED.sub(r"\1\2\3", text)
    # A dash alone begins an entry of a list.
    return list(dict.fromkeys(part for part in _BETWEEN.split(plain) if part.strip("-")))


def _entered_of(params: Params) -> dict[str, str]:
    """What stands in the fields for some params; no secret does."""
    values = params.model_dump(mode="json")
    entered = {asked.key: _written(values[asked.key]) for asked in FIELDS if asked.key in values}
    own = params.profile not in PROFILES
    entered |= {
        "profile": OWN_FILE if own else params.profile,
        "profile_file": params.profile if own else "",
    }
    if split_reference(params.external_id) is None:
        entered["external_id"] = ""
    return entered


def _kept_of(params: Params) -> dict[str, Any]:
    """What the params say that no field asks for; the literal external ID of a sandbox is among it."""
    asked = {each.key for each in FIELDS if params.environment in each.environments}
    return {key: getattr(params, key) for key in params.model_fields_set if key not in (*asked, "out")}


def begun(params: Params, environment: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What stands in the fields of an environment at first, and what is kept beside them.

    Parameters:
        params: what the wizard was given; of the other environment they say nothing.
        environment: the environment.
    """
    if environment == params.environment:
        return _entered_of(params), _kept_of(params)
    there = Params.of(**sandbox_values())
    if environment == SANDBOX:
        return _entered_of(there), _kept_of(there)
    unknown = dict.fromkeys(_NEEDED, "")
    return {**_entered_of(there), **unknown, "environment": AWS}, {}


def check(entered: Mapping[str, str], kept: Mapping[str, Any]) -> Checked:
    """Check what was entered, as the params do.

    Parameters:
        entered: what stands in the fields, by key.
        kept: keys of the params that no field asks for.
    """
    try:
        params = Params.of(**{**kept, **_values(entered)})
        load_profile(params.profile, anew=True)
    except ParamsError as error:
        return Checked(None, _messages(error.faults, entered), error.faults)
    return Checked(params)


def refusals() -> dict[str, str]:
    """What the params say of what is no reference: by the word that it begins with, and else for "" ."""
    return {
        kind: _messages(_faults_of_secret(f"{kind}:" if kind else "?"), {})[SECRETS[0]]
        for kind in ("", *REFERENCES)
    }


def _faults_of_secret(text: str) -> tuple[str, ...]:
    try:
        Params.of(environment=AWS, main_account="1" * 12, member_accounts=["2" * 12], external_id=text)
    except ParamsError as error:
        return error.faults
    raise AssertionError(f"{text} is no reference")


def _values(entered: Mapping[str, str]) -> dict[str, Any]:
    environment = entered["environment"]
    asked = [each.key for each in FIELDS if environment in each.environments and each.key in entered]
    values = {key: _read(key, entered[key].strip()) for key in asked}
    own = values.pop("profile_file", "")
    if values.get("profile") == OWN_FILE:
        # A file's name alone is taken for one of the kit's profiles.
        values["profile"] = own if "/" in own or own.endswith((".yaml", ".yml")) else f"./{own}"
    return {key: value for key, value in values.items() if value or key not in _NEEDED}


def _read(key: str, text: str) -> Any:
    if key in _LISTS:
        return split_list(text)
    try:
        return _NUMBERS[key](text) if key in _NUMBERS else text
    except ValueError:
        return text


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _messages(faults: Iterable[str], entered: Mapping[str, str]) -> dict[str, str]:
    """What is said beside each field."""
    by_key: dict[str, list[str]] = {}
    for fault in faults:
        if told := _FAULT.fullmatch(fault):
            key = "profile_file" if _of_file(told[1], entered) else told[1]
            by_key.setdefault(key, []).append(told[2])
    return {key: _some(told) for key, told in by_key.items()}


def _of_file(key: str, entered: Mapping[str, str]) -> bool:
    return key == "profile" and entered.get("profile") == OWN_FILE


def _some(told: list[str]) -> str:
    more = len(told) - _FAULTS_SHOWN
    return "\n".join([*told[:_FAULTS_SHOWN], *([f"and {more} more"] if more > 0 else [])])
