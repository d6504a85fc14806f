"""What the user asked for: one flat set of values, checked before anything is called.

A YAML file, a papermill run, a notebook's parameters cell and the command line carry the same keys.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from xacct_kit import strict_yaml
from xacct_kit.errors import ParamsError, RequestError
from xacct_kit.injection import injected_names
from xacct_kit.param_types import (
    MAX_SHOWN,
    NONE,
    AccountId,
    AccountIds,
    Loopback,
    RoleName,
    StackName,
    Tags,
    Units,
    Word,
    shown,
)

# A reference is one of these words, a colon, and a name of this shape; the last is for messages.
REFERENCES: Mapping[str, tuple[str, str]] = {
    "env": (r"[A-Za-z_]\w*", "env:NAME"),
    "file": (r"\S.*", "file:path"),
    "ssm": (r"[\w./-]+", "ssm:/path"),
    "secretsmanager": (r"[\w/+=.@:-]+", "secretsmanager:name-or-arn"),
}
REFERENCE_FORMS = ", ".join(form for _, form in REFERENCES.values())

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
EXTERNAL_ID_FORM = "2 to 1224 letters, digits or +=,.@:/_-"

# The keys whose values are secrets, unless they refer to where one is kept.
SECRETS = ("external_id", "management_external_id")

# The shape of a partition's region names, and one of them for messages.
_REGIONS: Mapping[str, tuple[str, str]] = {
    "aws": (r"(?!cn-)[a-z]{2}-[a-z]+-[0-9]", "us-east-1"),
    "aws-cn": (r"cn-[a-z]+-[0-9]", "cn-north-1"),
    "aws-us-gov": (r"us-gov-[a-z]+-[0-9]", "us-gov-west-1"),
}


def split_reference(text: str) -> tuple[str, str] | None:
    """Take a reference to a secret apart.

    Returns:
        Its kind (`env`, `file`, `ssm` or `secretsmanager`) and what it names; None for a literal.
    """
    kind, colon, name = text.partition(":")
    return (kind, name) if colon and kind in REFERENCES else None


class Params(BaseModel):
    """What the user asked for.

    `Params.load` reads it from a file, `Params.of` makes it from values; both name every fault at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    environment: Literal["sandbox", "aws"] = Field("sandbox", description="where calls go")
    partition: Literal["aws", "aws-cn", "aws-us-gov"] = Field("aws", description="partition of every account")
    region: str = Field("us-east-1", validate_default=True, description="region to call and deploy in")
    main_account: AccountId = Field(description="account that runs Service Workbench")
    member_accounts: AccountIds = Field((), validate_default=True, description="accounts to onboard")
    api_handler_role: RoleName = Field("ApiHandlerRole", description="main's role that serves requests")
    workflow_loop_runner_role: RoleName = Field(
        "WorkflowLoopRunnerRole", description="main's role that runs workflows"
    )
    untrusted_role: Annotated[RoleName | None, NONE] = Field(
        "NotebookRole", description="main's role that must not get in; none: not tried"
    )
    organizational_units: Units = Field((), description="and all accounts below these: ou-..., r-... or root")
    exclude_accounts: AccountIds = Field((), description="accounts to leave out")
    external_id: str = Field(description="by reference, such as env:NAME; in the sandbox a literal")
    role_name: RoleName = Field("CrossAccountExecutionRole", description="role to deploy to each member")
    stack_name: StackName = Field("onboard-account", description="stack that holds the role")
    stack_tags: Tags = Field({}, description="tags of the stack")
    stack_set: Literal["none", "self-managed", "service-managed"] = Field(
        "none", description="whether, and by whose roles, StackSets deploy the stack"
    )
    profile: Word = Field("documented", description="what the role must be")
    probes: Literal["read", "canary"] = Field(
        "read", description="read: change nothing; canary: also make things, and remove them again"
    )
    access_profile: Annotated[Word | None, NONE] = Field(
        None, description="operator's named profile of AWS; none: the ordinary chain"
    )
    access_role: Annotated[RoleName | None, NONE] = Field(
        "OrganizationAccountAccessRole",
        description="operator's role in members; none: not needed",
    )
    management_account: Annotated[AccountId | None, NONE] = Field(
        None, description="account that owns the organization; none: AWS is asked"
    )
    management_role: Annotated[RoleName | None, NONE] = Field(
        None, description="its role that creates accounts; none: the operator"
    )
    management_external_id: Annotated[str | None, NONE] = Field(
        None, description="its external ID, by reference"
    )
    max_cost_usd: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="US dollars a run may spend on Cost Explorer"
    )
    wait_seconds: int = Field(300, ge=1, le=3600, description="seconds to wait for anything, at most")
    sandbox_scenario: Word = Field("healthy", description="what the sandbox holds")
    sandbox_accounts: int = Field(1, ge=1, le=50_000, description="member accounts in the sandbox")
    sandbox_endpoint: Annotated[Loopback | None, NONE] = Field(
        None, description="URL of a sandbox being served; none: start one"
    )
    out: Word = Field("runs/latest", description="folder where a notebook saves its report")

    @field_validator("region")
    @classmethod
    def _in_partition(cls, region: str, info: ValidationInfo) -> str:
        partition = info.data.get("partition")
        if partition is None:
            return region
        shape, example = _REGIONS[partition]
        if not re.fullmatch(shape, region):
            raise ValueError(f"{shown(region)} is not a region of partition {partition}, such as {example}")
        return region

    @field_validator("member_accounts")
    @classmethod
    def _some_account(cls, accounts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        asked = info.context or {}
        if not accounts and not asked.get("organizational_units"):
            if "member_accounts" not in asked:
                raise ValueError("is missing, and so is organizational_units: say which accounts to onboard")
            raise ValueError("names no account; an empty list never means all accounts")
        return accounts

    @field_validator("stack_set")
    @classmethod
    def _goes_somewhere(cls, model: str, info: ValidationInfo) -> str:
        if model == "service-managed" and not info.data.get("organizational_units"):
            raise ValueError("service-managed goes to organizational_units, and there are none")
        return model

    @field_validator("exclude_accounts")
    @classmethod
    def _not_all(cls, excluded: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        named, units = info.data.get("member_accounts"), info.data.get("organizational_units")
        if named and units == () and not set(named) - set(excluded):
            raise ValueError("leaves none of member_accounts")
        return excluded

    @field_validator("untrusted_role")
    @classmethod
    def _not_trusted(cls, name: str | None, info: ValidationInfo) -> str | None:
        for key in ("api_handler_role", "workflow_loop_runner_role"):
            # Names of roles are the same in any case.
            if name is not None and name.lower() == str(info.data.get(key)).lower():
                raise ValueError(f"is {key} too, which must get in; name another role, or none")
        return name

    @field_validator("management_external_id")
    @classmethod
    def _of_a_role(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and info.data.get("management_role", "") is None:
            raise ValueError("means nothing without management_role")
        return text

    @field_validator(*SECRETS)
    @classmethod
    def _reference_or_literal(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        reference = split_reference(text)
        if reference:
            shape, form = REFERENCES[reference[0]]
            if not re.fullmatch(shape, reference[1], re.ASCII):
                raise ValueError(f"begins like a reference but is not {form}")
        elif info.data.get("environment") == "aws":
            raise ValueError(f"a literal is for the sandbox only; refer to it: {REFERENCE_FORMS}")
        elif not EXTERNAL_ID.fullmatch(text):
            raise ValueError(f"must be {EXTERNAL_ID_FORM}")
        return text

    @field_validator("sandbox_scenario", "sandbox_accounts", "sandbox_endpoint")
    @classmethod
    def _only_in_sandbox(cls, value: object, info: ValidationInfo) -> object:
        unset = cls.model_fields[str(info.field_name)].default
        if info.data.get("environment") == "aws" and value != unset:
            raise ValueError("means nothing in environment aws; leave it out")
        return value

    @classmethod
    def load(cls, path: str | Path, /, **overrides: Any) -> Self:
        """Read params from a YAML file.

        Parameters:
            path: the file.
            overrides: keys that take the place of the file's.

        Raises:
            ParamsError: the file cannot be read, or what it says cannot be meant.
        """
        values = strict_yaml.read(Path(path))
        if not isinstance(values, dict):
            raise ParamsError([f"{path}: does not hold keys and values"])
        return cls._checked({**values, **overrides})

    @classmethod
    def of(cls, /, **values: Any) -> Self:
        """Make params of values.

        Raises:
            ParamsError: the values cannot be meant.
        """
        return cls._checked(values)

    @classmethod
    def of_namespace(cls, namespace: Mapping[str, Any]) -> Self:
        """Make params of a notebook's variables.

        What papermill gave a value to has to be a key. Another name that is nearly a key is taken for a
        misspelt one; the rest are the notebook's own. Where papermill says that the environment is not the
        sandbox, nothing else is taken of the notebook but `out`.

        Parameters:
            namespace: the variables, as `globals()` gives them.

        Raises:
            ParamsError: the values cannot be meant.
        """
        injected = injected_names(namespace)
        # What a notebook says of itself is about its sandbox: another environment gets none of it.
        elsewhere = "environment" in injected and namespace.get("environment") != "sandbox"
        own = {"out"} if elsewhere else {name for name in namespace if _near(name, cutoff=0.8)}
        meant = {
            name: value
            for name, value in namespace.items()
            if name in injected or (name in own and isinstance(value, _PLAIN))
        }
        return cls._checked(meant)

    @classmethod
    def notebook_cell(cls, path: str | Path, /, **overrides: Any) -> str:
        """The source of a notebook's parameters cell: a line a key, in the form that papermill reads.

        Parameters:
            path: the YAML file that the values are taken from.
            overrides: keys that take the place of the file's.

        Raises:
            ParamsError: the file cannot be read, or what it says cannot be meant.
        """
        values = cls.load(path, **overrides).model_dump(mode="json")
        return "\n".join(_assignment(name, value) for name, value in values.items())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts to work on.

        Raises:
            RequestError: they are still to be found, as `for_accounts` notes them.
        """
        if self.organizational_units or self.exclude_accounts:
            raise RequestError(
                "organizational_units, exclude_accounts: which accounts they leave is not known yet; call "
                "xacct_kit.targeted(session) first"
            )
        return self.member_accounts

    @property
    def named_accounts(self) -> tuple[str, ...]:
        """The accounts to work on that are named here; those of organizational units are not."""
        excluded = set(self.exclude_accounts)
        return tuple(account for account in self.member_accounts if account not in excluded)

    def for_accounts(self, accounts: tuple[str, ...]) -> Self:
        """The same params when it is known which accounts they are about."""
        known = {"member_accounts": accounts, "organizational_units": (), "exclude_accounts": ()}
        return self.model_copy(update=known)

    @classmethod
    def _checked(cls, values: Mapping[Any, Any]) -> Self:
        try:
            # Which accounts must be named depends on what else is given, whatever is wrong with it.
            return cls.model_validate(values, context=values)
        except ValidationError as error:
            faults = [_fault(details) for details in error.errors()]
        # Raised out here so that a traceback does not carry the values.
        raise ParamsError(faults)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            secret = name in SECRETS and value is not None and not split_reference(value)
            yield name, "…" if secret else value


def parse_overrides(arguments: Iterable[str]) -> dict[str, Any]:
    """Read the `key=value` of a command line.

    Text stays as it is written, so that account IDs keep their zeros; numbers and tags are read as
    YAML.

    Raises:
        ParamsError: an argument is not `key=value`, or a key comes twice.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    for place, argument in enumerate(arguments, start=1):
        key, equals, text = argument.partition("=")
        if not equals:
            # The argument is not repeated: it may be an external ID.
            faults.append(f"-p number {place}: has no '='; write -p key=value")
        elif key in values:
            faults.append(f"{key}: is given twice")
        else:
            try:
                values[key] = _override(key, text)
            except ParamsError as error:
                faults.extend(error.faults)
    if faults:
        raise ParamsError(faults)
    return values


def _override(key: str, text: str) -> Any:
    field = Params.model_fields.get(key)  # an unknown key is named when the params are made
    return (
        strict_yaml.parse(text, key) if field and field.annotation in (int, float, dict[str, str]) else text
    )


# What a parameters cell assigns; modules, functions and the kit's own objects are none of it.
_PLAIN = (str, int, float, list, tuple, dict, NoneType)
_CELL_TYPES: Mapping[type, str] = {list: "list[str]", dict: "dict[str, str]"}


def _assignment(name: str, value: Any) -> str:
    # Papermill reads no `str | None`; in quotes the type needs no import.
    field = Params.model_fields[name]
    optional = NoneType in get_args(field.annotation)
    written = '"Optional[str]"' if optional else _CELL_TYPES.get(type(value), type(value).__name__)
    literal = "None" if value is None else json.dumps(value, ensure_ascii=False)
    return f"{name}: {written} = {literal}  # {field.description}"


def _near(name: str, cutoff: float = 0.6) -> str | None:
    return next(iter(difflib.get_close_matches(name, Params.model_fields, n=1, cutoff=cutoff)), None)


_WRONG_TYPE: Mapping[str, str] = {
    "string_type": "is not text; put it in quotes",
    "tuple_type": "is not a list",
    "dict_type": "is not made of keys and values",
}


def _fault(details: ErrorDetails) -> str:
    """One line for what pydantic found, which never repeats an external ID."""
    key, kind, given = _place(details["loc"]), details["type"], details["input"]
    if kind == "extra_forbidden":
        near = _near(key)
        return f"{key}: is no key of params" + (f"; did you mean {near}?" if near else "")
    if kind == "missing":
        return f"{key}: is missing ({Params.model_fields[key].description})"
    if kind == "value_error":
        return f"{key}: {details['ctx']['error']}"
    if given is None:
        return f"{key}: is empty"
    if kind in _WRONG_TYPE:
        return f"{key}: {_WRONG_TYPE[kind]}"
    quoted = f", not {shown(given)}" if isinstance(given, str | int | float) and key not in SECRETS else ""
    return f"{key}: {details['msg'].replace('Input should', 'must')}{quoted}"


def _place(location: tuple[int | str, ...]) -> str:
    first, *rest = location
    steps = (f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in rest)
    return _name(str(first)) + "".join(steps)


def _name(key: str) -> str:
    return key if key and key.isprintable() and len(key) <= MAX_SHOWN else shown(key)
