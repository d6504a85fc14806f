"""What the user asked for: one flat set of values, checked before anything is called.

A YAML file, a papermill run, a notebook's parameters cell and the command line carry the same keys.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from xacct_kit import strict_yaml
from xacct_kit.errors import ParamsError

# A reference is one of these words, a colon, and a name of this shape; the last is for messages.
_REFERENCES: Mapping[str, tuple[str, str]] = {
    "env": (r"[A-Za-z_]\w*", "env:NAME"),
    "file": (r"\S.*", "file:path"),
    "ssm": (r"[\w./-]+", "ssm:/path"),
    "secretsmanager": (r"[\w/+=.@:-]+", "secretsmanager:name-or-arn"),
}
_REFERENCE_FORMS = ", ".join(form for _, form in _REFERENCES.values())

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)

# The shape of a partition's region names, and one of them for messages.
_REGIONS: Mapping[str, tuple[str, str]] = {
    "aws": (r"(?!cn-)[a-z]{2}-[a-z]+-\d", "us-east-1"),
    "aws-cn": (r"cn-[a-z]+-\d", "cn-north-1"),
    "aws-us-gov": (r"us-gov-[a-z]+-\d", "us-gov-west-1"),
}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
_MAX_TAGS, _MAX_TAG_KEY, _MAX_TAG_VALUE = 50, 128, 256


def split_reference(text: str) -> tuple[str, str] | None:
    """Take a reference to a secret apart.

    Returns:
        Its kind (`env`, `file`, `ssm` or `secretsmanager`) and what it names; None for a literal.
    """
    kind, colon, name = text.partition(":")
    return (kind, name) if colon and kind in _REFERENCES else None


def check_external_id(text: str) -> None:
    """Refuse what cannot be an external ID, without repeating it.

    Raises:
        ValueError: it cannot be one.
    """
    if not _EXTERNAL_ID.fullmatch(text):
        raise ValueError("must be 2 to 1224 letters, digits or +=,.@:/_-")


def _account(value: object) -> object:
    if type(value) in (int, float):
        raise ValueError(f"{value} is a number; YAML drops leading zeros, put it in quotes")
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{12}", value):
        raise ValueError(f"{value!r} is not an account ID, which is 12 digits and nothing else")
    return value


def _accounts(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",")) if value.strip() else ()
    return tuple(value) if isinstance(value, list) else _account(value)


def _each_once(accounts: tuple[str, ...]) -> tuple[str, ...]:
    if not accounts:
        raise ValueError("names no account; an empty list never means all accounts")
    if twice := [account for account, times in Counter(accounts).items() if times > 1]:
        raise ValueError(f"names more than once: {', '.join(twice)}")
    return accounts


def _tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MAX_TAGS:
        raise ValueError(f"has {len(tags)} tags; a stack takes {_MAX_TAGS}")
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise ValueError(f"{key!r} begins with aws:, which is kept for AWS")
        if not (0 < len(key) <= _MAX_TAG_KEY and 0 < len(value) <= _MAX_TAG_VALUE):
            raise ValueError(
                f"{key!r}: a key has 1 to {_MAX_TAG_KEY} characters, a value 1 to {_MAX_TAG_VALUE}"
            )
    return tags


def _none(value: object) -> object:
    # A command line has no other way to say so, and YAML's null is easily written as none.
    return None if isinstance(value, str) and value.lower() in ("", "none", "null") else value


def _loopback(url: str) -> str:
    # The URL is not repeated: it may carry a password.
    try:
        parts = urlsplit(url)
        host, bare = parts.hostname or "", not (parts.username or parts.query or parts.path.strip("/"))
        good = parts.scheme == "http" and bare and parts.port != 0
        if good and (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            return url
    except ValueError:
        pass
    raise ValueError("must be the URL of a server on this machine, such as http://127.0.0.1:5000")


def _shaped(pattern: str, meaning: str) -> AfterValidator:
    shape = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"{text!r} is not {meaning}")
        return text

    return AfterValidator(check)


_AccountId = Annotated[str, BeforeValidator(_account)]
_AccountIds = Annotated[tuple[_AccountId, ...], BeforeValidator(_accounts), AfterValidator(_each_once)]
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_RoleName = Annotated[str, _shaped(r"[\w+=,.@-]{1,64}", "a role's name: 1 to 64 letters, digits or +=,.@_-")]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_StackName = Annotated[
    str,
    _shaped(r"[A-Za-z][A-Za-z0-9-]{0,127}", "a stack's name: a letter, then up to 127 letters, digits and -"),
]
_Word = Annotated[str, _shaped(r"\S(.*\S)?", "a name: it is empty or begins or ends with a space")]
_Loopback = Annotated[str, AfterValidator(_loopback)]
_NONE = BeforeValidator(_none)


class Params(BaseModel):
    """What the user asked for.

    `Params.load` reads it from a file, `Params.of` makes it from values; both name every fault at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    environment: Literal["sandbox", "aws"] = Field("sandbox", description="where calls go")
    partition: Literal["aws", "aws-cn", "aws-us-gov"] = Field("aws", description="partition of every account")
    region: str = Field("us-east-1", validate_default=True, description="region to call and deploy in")
    main_account: _AccountId = Field(description="account that runs Service Workbench")
    member_accounts: _AccountIds = Field(description="accounts to onboard")
    api_handler_role: _RoleName = Field("ApiHandlerRole", description="main's role that serves requests")
    workflow_loop_runner_role: _RoleName = Field(
        "WorkflowLoopRunnerRole", description="main's role that runs workflows"
    )
    untrusted_role: Annotated[_RoleName | None, _NONE] = Field(
        "NotebookRole", description="main's role that must not get in; none: not tried"
    )
    external_id: str = Field(description="by reference, such as env:NAME; in the sandbox a literal")
    role_name: _RoleName = Field("CrossAccountExecutionRole", description="role to deploy to each member")
    stack_name: _StackName = Field("onboard-account", description="stack that holds the role")
    stack_tags: Annotated[dict[str, str], AfterValidator(_tags)] = Field({}, description="tags of the stack")
    profile: _Word = Field("documented", description="what the role must be")
    access_profile: Annotated[_Word | None, _NONE] = Field(
        None, description="operator's named profile of AWS; none: the ordinary chain"
    )
    access_role: Annotated[_RoleName | None, _NONE] = Field(
        "OrganizationAccountAccessRole",
        description="operator's role in members; none: not needed",
    )
    max_cost_usd: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="US dollars a run may spend on Cost Explorer"
    )
    wait_seconds: int = Field(300, ge=1, le=3600, description="seconds to wait for anything, at most")
    sandbox_scenario: _Word = Field("healthy", description="what the sandbox holds")
    sandbox_accounts: int = Field(1, ge=1, le=50_000, description="member accounts in the sandbox")
    sandbox_endpoint: Annotated[_Loopback | None, _NONE] = Field(
        None, description="URL of a sandbox being served; none: start one"
    )
    out: _Word = Field("runs/latest", description="folder where a notebook saves its report")

    @field_validator("region")
    @classmethod
    def _in_partition(cls, region: str, info: ValidationInfo) -> str:
        partition = info.data.get("partition")
        if partition is None:
            return region
        shape, example = _REGIONS[partition]
        if not re.fullmatch(shape, region):
            raise ValueError(f"{region!r} is not a region of partition {partition}, such as {example}")
        return region

    @field_validator("external_id")
    @classmethod
    def _reference_or_literal(cls, text: str, info: ValidationInfo) -> str:
        reference = split_reference(text)
        if reference:
            shape, form = _REFERENCES[reference[0]]
            if not re.fullmatch(shape, reference[1], re.ASCII):
                raise ValueError(f"begins like a reference but is not {form}")
        elif info.data.get("environment") == "aws":
            raise ValueError(f"a literal is for the sandbox only; refer to it: {_REFERENCE_FORMS}")
        else:
            check_external_id(text)
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

        A name that is nearly a key is taken for a key misspelt; any other name is the notebook's own.

        Parameters:
            namespace: the variables, as `globals()` gives them.

        Raises:
            ParamsError: the values cannot be meant.
        """
        plain = {name: value for name, value in namespace.items() if isinstance(value, _PLAIN)}
        return cls._checked({name: value for name, value in plain.items() if _near(name, cutoff=0.8)})

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

    @classmethod
    def _checked(cls, values: Mapping[Any, Any]) -> Self:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = [_fault(details) for details in error.errors()]
        # Raised out here so that a traceback does not carry the values.
        raise ParamsError(faults)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            secret = name == "external_id" and not split_reference(value)
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
            faults.append(f"override {place}: has no '='; write key=value")
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
    shown = f", not {given!r}" if isinstance(given, str | int | float) else ""
    return f"{key}: {details['msg'].replace('Input should', 'must')}{shown}"


def _place(location: tuple[int | str, ...]) -> str:
    first, *rest = location
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
