"""The trust step: who can assume the role, and that nobody else can.

A refusal that should not be is diagnosed by `xacct_kit.steps.trust_diagnosis`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from xacct_kit.aws.answers import Answer
from xacct_kit.aws.session import Session
from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict
from xacct_kit.steps.callers import (
    Principal,
    execution_role,
    is_trusted,
    known_external_id,
    main_principal,
    principals,
)
from xacct_kit.steps.findings import Question, answered, finding, guarded, skipped
from xacct_kit.steps.propagation import settled
from xacct_kit.steps.side_by_side import side_by_side
from xacct_kit.steps.trust_diagnosis import UNNAMED, Refusal, diagnose, not_refused_by_trust
from xacct_kit.steps.waiting import Progress, silent


def check_trust(session: Session, *, progress: Progress = silent) -> Report:
    """Check in every account of the params who can assume the role, and who cannot.

    Nothing is changed.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for, when the role is new.

    Returns:
        A finding a trusted principal, and one for each attempt that must be refused.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Check the role's trust in one account: who is let in and who is refused, the profile's trust says."""
    external_id = known_external_id(session)
    held = [(each, is_trusted(session, account, each, external_id)) for each in principals(session, account)]
    trusted = [each for each, lets_in in held if lets_in]
    refused = [each for each, lets_in in held if lets_in is False]
    unsure = [partial(_unsure, session, account, each) for each, lets_in in held if lets_in is None]
    positive = [partial(_must_assume, session, account, each, progress) for each in trusted]
    attempts = list(_attempts(session, trusted or [each for each, _ in held], refused))
    refusals = [partial(_refused, session, account, *each) for each in attempts]
    rows = side_by_side([*positive, *unsure, *refusals])
    entered = [each for each, row in zip(trusted, rows, strict=False) if row.verdict is Verdict.PASS]
    others, tried = rows[: -len(attempts)], rows[-len(attempts) :]
    proofs = [
        partial(_proven, session, row, *each, entered, trusted)
        for row, each in zip(tried, attempts, strict=True)
    ]
    return [*others, *side_by_side(proofs)]


_WITH = "assume-with-external-id"


def _question(
    account: str, principal: Principal, probe: str, expected: Expectation = Expectation.ALLOWED
) -> Question:
    return Question(
        step="trust",
        probe=probe,
        account=account,
        caller=principal.name,
        action="sts:AssumeRole",
        expected=expected,
    )


def _unsure(session: Session, account: str, principal: Principal) -> Finding:
    question = _question(account, principal, _WITH)
    why = f"Whether the profile's trust policy lets {principal.name} in hangs on what only AWS can judge."
    return skipped(session, question, why)


def _must_assume(session: Session, account: str, principal: Principal, progress: Progress) -> Finding:
    question = _question(account, principal, _WITH)
    row = guarded(session, question, partial(_assumable, session, question, principal, progress))
    return _between(session, principal, row)


def _between(session: Session, principal: Principal, row: Finding) -> Finding:
    """The finding with whom the trust policy is to name, and the role, where something was tried."""
    if row.outcome is OutcomeKind.UNKNOWN and not row.evidence:
        return row
    parties = {"principal": principal.arn, "role": execution_role(session, row.account)}
    return replace(row, evidence={**row.evidence, **parties})


def _assumable(session: Session, question: Question, principal: Principal, progress: Progress) -> Finding:
    account = question.account
    caller = principal.access.caller
    if caller is None:
        return _cannot_act(session, question, principal)
    role = execution_role(session, account)

    def ask() -> Answer:
        return session.assume(caller, role, external_id=session.external_id).answer

    answer = settled(session, account, ask, attrgetter("outcome"), progress)
    if not answer.outcome.kind.denied:
        return finding(session, question, answer.outcome, why=_assumed(session, principal, answer))
    found = diagnose(Refusal(session, account, principal, caller, answer.outcome))
    return finding(
        session,
        question,
        replace(answer.outcome, kind=found.kind),
        why=found.why,
        fix=found.fix,
        patch=found.patch,
        seconds=answer.seconds,
    )


def _assumed(session: Session, principal: Principal, answer: Answer) -> str | None:
    if not answer.ok:
        return None
    return f"{principal.name} can assume {session.params.role_name} with the external ID."


def _cannot_act(session: Session, question: Question, principal: Principal) -> Finding:
    name = principal.name
    if principal.excluded:
        why = f"The operator cannot act as {name}, so whether {name} can assume the role is not tried."
        return skipped(session, question, why)
    return finding(session, question, principal.access.answer.outcome)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt to assume the role that must be refused.

    Attributes:
        probe: the check's name.
        how: how the role is asked for.
        fix: what to do when it is not refused.
        allowed: why it is not tried where the profile's trust policy does not refuse it for certain.
        sent: the external ID that is sent; None when none is.
    """

    probe: str
    how: str
    fix: str
    allowed: str
    sent: Callable[[Session], str | None]


def _wrong(session: Session) -> str:
    """An external ID that is not the right one, and tells nothing of it."""
    return "xacct-kit-wrong-b" if known_external_id(session).endswith("a") else "xacct-kit-wrong-a"


_WITHOUT = Attempt(
    probe="assume-without-external-id",
    how="without an external ID",
    fix="Require sts:ExternalId in the role's trust policy: deploy the role again.",
    allowed="The profile's trust policy lets {name} in without an external ID, so this is not tried.",
    sent=lambda _: None,
)
_WRONG = Attempt(
    probe="assume-with-wrong-external-id",
    how="with a wrong external ID",
    fix="Require the exact sts:ExternalId in the role's trust policy: deploy the role again.",
    allowed="The profile's trust policy lets {name} in with any external ID, so this is not tried.",
    sent=_wrong,
)
_UNTRUSTED = Attempt(
    probe="assume-as-untrusted-role",
    how="even with the external ID",
    fix="Let the role's trust policy name its own principals alone, as the profile has it: deploy it again.",
    allowed="The profile's trust policy does not keep {name} out: it may assume the role if its own policies "
    "let it, as with a whole account that is trusted. So this is not tried.",
    sent=attrgetter("external_id"),
)
ATTEMPTS = (_WITHOUT, _WRONG, _UNTRUSTED)


def _attempts(
    session: Session, trusted: list[Principal], refused: list[Principal]
) -> Iterator[tuple[Principal, Attempt]]:
    """Who tries what."""
    asking = min(trusted, key=lambda each: (each.access.caller is None, each.excluded))
    yield asking, _WITHOUT
    yield asking, _WRONG
    for principal in refused:
        yield principal, _UNTRUSTED
    name = session.params.untrusted_role
    if name is not None:
        yield main_principal(session, name), _UNTRUSTED


def _refused(session: Session, account: str, principal: Principal, attempt: Attempt) -> Finding:
    question = _question(account, principal, attempt.probe, Expectation.DENIED)
    row = guarded(session, question, partial(_refusing, session, question, principal, attempt))
    return _between(session, principal, row)


def _refusing(session: Session, question: Question, principal: Principal, attempt: Attempt) -> Finding:
    caller, role = principal.access.caller, execution_role(session, question.account)
    external_id = attempt.sent(session)
    if is_trusted(session, question.account, principal, external_id) is not False:
        return skipped(session, question, attempt.allowed.format(name=principal.name))
    if caller is None:
        return _cannot_act(session, question, principal)
    answer = session.assume(caller, role, external_id=external_id).answer
    what = f"{session.params.role_name} {attempt.how}"
    if answer.ok:
        why = f"{principal.name} could assume {what}. It must be refused."
        return finding(session, question, answer.outcome, why=why, fix=attempt.fix, seconds=answer.seconds)
    row = answered(session, question, answer)
    said = f"{principal.name} is refused {what}, as it should be."
    return replace(row, why=said) if row.verdict is Verdict.PASS else row


def _proven(
    session: Session,
    row: Finding,
    principal: Principal,
    attempt: Attempt,
    entered: list[Principal],
    trusted: list[Principal],
) -> Finding:
    """The finding of an attempt: green only where the refusal is worth something.

    It is by contrast with who is let in with the external ID. Where nobody is, or AWS says that another
    policy refuses who sends none, the trust policy has to say it itself.
    """
    wants_id = attempt is not _UNTRUSTED
    if row.verdict is Verdict.PASS and wants_id and entered and principal not in entered:
        principal = entered[0]
        row = _refused(session, row.account, principal, attempt)
    if row.verdict is not Verdict.PASS or (entered and (row.outcome in UNNAMED or not wants_id)):
        return row
    asking = [each.access.caller for each in (principal, *(trusted if wants_id else ()))]
    question = _question(row.account, principal, attempt.probe, Expectation.DENIED)

    def told() -> Finding:
        arns = {caller.arn for caller in asking if caller}
        why = not_refused_by_trust(session, row.account, arns, attempt.sent(session))
        said = (
            f"{principal.name} is refused {session.params.role_name} {attempt.how}, but that proves nothing: "
        )
        fix = "Mend what else the trust step says, then probe again."
        return replace(row, verdict=Verdict.UNKNOWN, why=f"{said}{why}", fix=fix) if why else row

    return guarded(session, question, told)
