"""What proves a rotation in one account: the role accepts the new external ID, and refuses the old one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from xacct_kit.aws.answers import Answer, Assumption
from xacct_kit.aws.session import Session
from xacct_kit.report import Expectation, Finding, Verdict
from xacct_kit.steps.callers import assume_with
from xacct_kit.steps.findings import NOT_KNOWN, Question, answered, finding, guarded, not_tried, unproven
from xacct_kit.steps.propagation import is_new, settled, settling_bound
from xacct_kit.steps.rotation import Rotation, rotation_question, under_way
from xacct_kit.steps.waiting import Progress, attempts, silent

# One refusal may come from a place that knows the change before others do.
_IN_A_ROW = 2

_FIX = "Mend what the row of the stack says, then rotate again: it goes on with the same new external ID."


def prove_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Prove in one account the external ID that a rotation brings, and the one that it replaces.

    While its role is known to have changed a moment ago, what may come of that alone is asked again.

    Returns:
        Whether the new one is accepted, and whether the old one is refused.
    """
    trusted = "trusted principals"
    question = rotation_question("new-id-is-accepted", account, trusted)
    accepted = guarded(session, question, partial(_accepted, session, question, progress))
    question = replace(rotation_question("old-id-is-refused", account, trusted), expected=Expectation.DENIED)
    waiting = accepted.verdict.green
    return [accepted, guarded(session, question, partial(_refused, session, question, waiting, progress))]


def _accepted(session: Session, question: Question, progress: Progress) -> Finding:
    """Whether the role can be assumed with the new external ID."""
    rotation = under_way(session)
    role, place = session.params.role_name, rotation.keeping.beside
    progress(f"{question.account}: the new external ID is tried")
    assumption = _tried(session, question.account, rotation.new, progress)
    if assumption is None:
        return _nobody(session, question)
    if assumption.caller:
        why = f"{role} accepts the new one, kept at {place}."
        return answered(session, question, assumption.answer, why=why)
    row = unproven(answered(session, question, assumption.answer))
    why = f"{role} is not proven to accept the new one, kept at {place}. {row.why}"
    return replace(row, why=why, fix=row.fix or _FIX)


def _refused(session: Session, question: Question, waiting: bool, progress: Progress) -> Finding:
    """Whether the role can no longer be assumed with the old external ID."""
    rotation = under_way(session)
    if rotation.old == rotation.new:
        why = "The reference holds the new external ID already, as it was proven before."
        return finding(session, question, NOT_KNOWN, verdict=Verdict.SKIPPED, why=why)
    progress(f"{question.account}: the old external ID is tried")
    assumption = _tried_until_refused(session, question.account, rotation.old, waiting)
    if assumption is None:
        return _nobody(session, question)
    return _judged(session, question, rotation, assumption.answer)


def _judged(session: Session, question: Question, rotation: Rotation, answer: Answer) -> Finding:
    role, reference = session.params.role_name, rotation.keeping.reference
    row = answered(session, question, answer)
    if answer.ok:
        return replace(row, why=f"{role} still accepts the old one, kept at {reference}.", fix=_FIX)
    if row.verdict is Verdict.PASS:
        return replace(row, why=f"{role} refuses the old one, kept at {reference} until then, as it should.")
    return row


def _tried(session: Session, account: str, external_id: str, progress: Progress) -> Assumption | None:
    """What comes of assuming the role; a refusal is asked again while the change is new."""
    first = assume_with(session, account, external_id)
    if first is None:
        return None

    def again() -> Assumption:
        return assume_with(session, account, external_id) or first

    return settled(session, account, again, lambda assumption: assumption.answer.outcome, progress)


def _tried_until_refused(
    session: Session, account: str, external_id: str, waiting: bool
) -> Assumption | None:
    """What comes of assuming the role; where it is waited for, what is accepted still is asked again."""
    seconds, refused, assumption = 0.0, 0, None
    if waiting and is_new(session, account):
        seconds = settling_bound(session)
    for _ in attempts(seconds, first_pause=0.1):
        assumption = assume_with(session, account, external_id)
        denied = assumption is not None and assumption.answer.outcome.kind.denied
        refused = refused + 1 if denied else 0
        if assumption is None or refused == _IN_A_ROW:
            break
    return assumption


def _nobody(session: Session, question: Question) -> Finding:
    role = session.params.role_name
    why = f"The operator can act as nobody that may assume {role}, so the external ID is not proven."
    fix = "Let the operator assume a role of the main account that the trust policy names; then rotate again."
    return not_tried(session, question, why, fix)
