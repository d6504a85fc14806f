"""A stack that is deployed for a step, as a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.report import Finding
from xacct_kit.steps.findings import ALLOWED, Question, finding
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.stack.change import Stack
from xacct_kit.steps.stack.view import StackFailure


def deploy_stack(
    session: Session,
    question: Question,
    stack: Stack,
    request: Mapping[str, Any],
    *,
    changed: str,
    unchanged: str,
    failed: str,
) -> Finding:
    """Bring the stack of an account to what a request says.

    Parameters:
        session: whose run it is.
        question: what is asked of the account.
        stack: the stack.
        request: as in `Stack.deploy`.
        changed: what is said of the stack when it was changed.
        unchanged: what is said of it when there was nothing to change.
        failed: what is said of it when it did not get there.
    """
    try:
        state = changed if stack.deploy(request) else unchanged
    except StackFailure as failure:
        return failure_row(session, question, f"{stack.name} {failed}.", failure)
    finally:
        # A deployment of which nothing more was heard may have changed the role all the same.
        if stack.touched:
            note_change(session, question.account)
    why = f"The stack {stack.name} {state}."
    return finding(session, question, ALLOWED, why=why)


def failure_row(session: Session, question: Question, what: str, failure: StackFailure) -> Finding:
    """The finding of a stack or stack set that is not what it was to become.

    Parameters:
        session: whose run it is.
        question: what was asked of the account.
        what: what was not done, as a sentence.
        failure: why.
    """
    why = f"{what} {failure.why}"
    return finding(session, question, failure.outcome, verdict=failure.verdict, why=why, fix=failure.fix)
