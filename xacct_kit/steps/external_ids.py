"""The first external ID: made, and kept where it was asked for. It is shown to nobody."""

from __future__ import annotations

from typing import Any, NoReturn

from xacct_kit.aws.external_ids import keeping_of, new_external_id
from xacct_kit.aws.references import needs_call
from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError


def make_external_id(reference: str, session: Session | None = None) -> str:
    """Make an external ID that nobody can guess, and keep it; never in the place of another.

    Parameters:
        reference: where: `ssm:/path` (a SecureString), `secretsmanager:name` or `file:path` (for its owner
            alone). Nothing can be kept at `env:NAME`.
        session: whose operator keeps it; a file needs none.

    Returns:
        One sentence that says where it is.

    Raises:
        ParamsError: there is one already, or none can be kept there.
        AccessError: the operator may not keep it.
    """
    external_id = new_external_id()
    if session is not None:
        session.redact.learn_external_id(external_id)
    elif needs_call(reference):
        raise ParamsError([f"external_id: {reference} is kept by a call, and there is no session to make it"])
    keeping = keeping_of(reference, session.ask if session else _no_call)
    keeping.create(external_id)
    return f"A new external ID is kept at {keeping.reference}; it is shown to nobody."


def _no_call(service: str, operation: str, **params: Any) -> NoReturn:
    raise ParamsError([f"external_id: {service}:{operation} needs a session"])
