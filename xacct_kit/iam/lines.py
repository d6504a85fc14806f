"""Decisions by the line, as `xacct decide` makes them: a request with its policies in, a decision out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct_kit.errors import PolicyError
from xacct_kit.iam.decide import decide
from xacct_kit.iam.request import Request

_REQUIRED = ("principal", "action", "resource")
_REQUEST_KEYS = (*_REQUIRED, "resource_account", "context")
_POLICY_KEYS = ("identity", "boundary", "session", "scps", "resource_policy")


def decide_line(line: Mapping[str, Any]) -> dict[str, bool | str | None]:
    """Decide a request that is given as one object.

    Parameters:
        line: the keys of `Request` and the policies of `decide` under their own names. All but principal,
            action and resource may be left out.

    Returns:
        allowed, layer, explicit, statement and reason, as plain values.

    Raises:
        PolicyError: the line cannot be read.
    """
    if not isinstance(line, Mapping):
        raise PolicyError("", "a request is an object")
    for key in line:
        if key not in _REQUEST_KEYS and key not in _POLICY_KEYS:
            raise PolicyError(str(key), f"is not one of {', '.join(_REQUEST_KEYS + _POLICY_KEYS)}")
    policies = {key: line[key] for key in _POLICY_KEYS if key in line}
    decision = decide(_request(line), **policies)
    return {
        "allowed": decision.allowed,
        "layer": decision.layer.value,
        "explicit": decision.explicit,
        "statement": None if decision.statement is None else str(decision.statement),
        "reason": decision.reason,
    }


def _request(line: Mapping[str, Any]) -> Request:
    for key in _REQUIRED:
        if not isinstance(line.get(key), str):
            raise PolicyError(key, "is not a text" if key in line else "is missing")
    account = line.get("resource_account")
    if account is not None and not isinstance(account, str):
        raise PolicyError("resource_account", "is not a text")
    context = line.get("context", {})
    if not isinstance(context, Mapping):
        raise PolicyError("context", "is not an object")
    return Request(
        principal=line["principal"],
        action=line["action"],
        resource=line["resource"],
        context=context,
        resource_account=account,
    )
