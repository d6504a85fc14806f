"""Values that are given by reference, because they must not be written down in params.

env:NAME                    an environment variable
file:PATH                   the first line of a file
ssm:/path                   a parameter of SSM Parameter Store
secretsmanager:NAME-OR-ARN  a secret of Secrets Manager
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xacct_kit.errors import PATH_ERRORS, AccessError, ParamsError, path_fault
from xacct_kit.params import EXTERNAL_ID, EXTERNAL_ID_FORM, split_reference

Call = Callable[..., Any]

_MAX_LINE = 4096


def needs_call(value: str) -> bool:
    """Whether AWS has to be called to resolve a value."""
    reference = split_reference(value)
    return reference is not None and reference[0] in ("ssm", "secretsmanager")


def resolve(value: str, call: Call, key: str = "external_id") -> str:
    """The value that a reference stands for; a value that is no reference stands for itself.

    Parameters:
        value: a reference or a literal.
        call: makes a call as the operator: service, operation and parameters.
        key: the key of the params that it is the value of.

    Raises:
        ParamsError: there is nothing at the reference, or nothing that can be an external ID.
    """
    reference = split_reference(value)
    if reference is None:
        return value
    scheme, place = reference
    try:
        found = _READERS[scheme](place, call).strip()
    except _Nothing as error:
        fault = f"there is nothing at {value}: {error}"
    except LookupError:
        fault = f"there is nothing at {value}: no value is set"
    else:
        if EXTERNAL_ID.fullmatch(found):
            return found
        fault = f"what is at {value} is not {EXTERNAL_ID_FORM}" if found else f"{value} is empty"
    # Raised out here: a traceback must not carry what stands at the reference.
    raise ParamsError([f"{key}: {fault}"])


def read_line(place: str, path: str) -> str:
    """The first line of a file that holds an external ID.

    Parameters:
        place: what a fault calls the file.
        path: the file.

    Raises:
        AccessError: it cannot be read.
    """
    try:
        return _first_line(path).strip()
    except _Nothing as error:
        fault = f"{place} cannot be read: {error}."
    raise AccessError(fault)


class _Nothing(Exception):
    pass


def _env(name: str, call: Call) -> str:
    if name not in os.environ:
        raise _Nothing("the variable is not set")
    return os.environ[name]


def _file(path: str, call: Call) -> str:
    return _first_line(path)


def _first_line(path: str) -> str:
    try:
        with Path(path).expanduser().open(encoding="utf-8-sig") as file:
            return file.readline(_MAX_LINE)
    except UnicodeDecodeError:
        raise _Nothing("it is not text in UTF-8") from None
    except PATH_ERRORS as error:
        raise _Nothing(path_fault(error)) from error


def _ssm(name: str, call: Call) -> str:
    answer = call("ssm", "GetParameter", Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def _secrets_manager(name: str, call: Call) -> str:
    # The label is the one that is taken when none is given.
    answer = call("secretsmanager", "GetSecretValue", SecretId=name, VersionStage="AWSCURRENT")
    return str(answer["SecretString"])


_READERS: dict[str, Callable[[str, Call], str]] = {
    "env": _env,
    "file": _file,
    "ssm": _ssm,
    "secretsmanager": _secrets_manager,
}
