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

from xacct_kit.errors import ParamsError
from xacct_kit.params import check_external_id, split_reference

Call = Callable[..., Any]


def needs_call(value: str) -> bool:
    """Whether AWS has to be called to resolve a value."""
    reference = split_reference(value)
    return reference is not None and reference[0] in ("ssm", "secretsmanager")


def resolve(value: str, call: Call) -> str:
    """The value that a reference stands for; a value that is no reference stands for itself.

    Parameters:
        value: a reference or a literal.
        call: makes a call as the operator: service, operation and parameters.

    Raises:
        ParamsError: there is nothing at the reference, or no external ID.
    """
    reference = split_reference(value)
    if reference is None:
        return value
    scheme, place = reference
    try:
        found = _READERS[scheme](place, call).strip()
        check_external_id(found)
    except (OSError, LookupError, ValueError) as error:
        fault = _fault(value, error)
    else:
        return found
    # Raised out here: a traceback must not carry what stands at the reference.
    raise ParamsError([f"external_id: {fault}"])


def _fault(value: str, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"what is at {value} is not text in UTF-8"
    if isinstance(error, ValueError):
        return f"what is at {value} is none: it {error}"
    said = error.strerror if isinstance(error, OSError) else "no value is set"
    return f"there is nothing at {value}: {said}"


def _env(name: str, call: Call) -> str:
    return os.environ[name]


def _file(path: str, call: Call) -> str:
    return Path(path).expanduser().read_text(encoding="utf-8-sig").partition("\n")[0]


def _ssm(name: str, call: Call) -> str:
    answer = call("ssm", "GetParameter", Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def _secrets_manager(name: str, call: Call) -> str:
    return str(call("secretsmanager", "GetSecretValue", SecretId=name)["SecretString"])


_READERS: dict[str, Callable[[str, Call], str]] = {
    "env": _env,
    "file": _file,
    "ssm": _ssm,
    "secretsmanager": _secrets_manager,
}
