"""What tests do in a sandbox besides the step that they are about."""

from __future__ import annotations

from typing import Any

import xacct_kit as xk
from xacct_kit.sandbox.layout import MEMBER_ACCOUNT


def again(session: xk.Session, **changes: Any) -> xk.Session:
    """A second run, perhaps of other params, in the same sandbox."""
    return xk.connect(session.params.model_copy(update={**changes, "sandbox_endpoint": session.endpoint}))


def administer(session: xk.Session, service: str, operation: str, **params: Any) -> Any:
    """Something that the administrator of the member account does."""
    caller = session.deployer(MEMBER_ACCOUNT).caller
    assert caller is not None
    answer = session.call(caller, service, operation, **params)
    assert answer.ok, answer.outcome
    return answer.result
