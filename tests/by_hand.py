"""What tests do in a sandbox besides what they are about."""

from __future__ import annotations

from typing import Any

import xacct_kit as xk
from xacct_kit.sandbox.layout import MEMBER_ACCOUNT


def again(session: xk.Session, **changes: Any) -> xk.Session:
    """A second run, perhaps of other params, in the same sandbox."""
    return xk.connect(session.params.model_copy(update={**changes, "sandbox_endpoint": session.endpoint}))


def administer(
    session: xk.Session, service: str, operation: str, *, account: str = MEMBER_ACCOUNT, **params: Any
) -> Any:
    """Something that the administrator of an account does, or of the organization."""
    caller = session.operator if service == "organizations" else session.deployer(account).caller
    assert caller is not None
    answer = session.call(caller, service, operation, **params)
    assert answer.ok, answer.outcome
    return answer.result
