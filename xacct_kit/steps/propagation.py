"""What IAM does late: while a role is new, a refusal is no verdict and is asked for again.

IAM gives no bound; new roles were seen to take from 2 to 60 seconds.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from xacct_kit.aws.answers import Answer
from xacct_kit.aws.session import Session
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.steps.waiting import Progress, attempts, silent

T = TypeVar("T")

_SECONDS = 120.0

# What passes when what was allowed is known everywhere; an explicit deny does not.
PASSING = frozenset({OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_IDENTITY, OutcomeKind.DENIED_UNSPECIFIED})


def note_change(session: Session, account: str, ago: float = 0.0) -> None:
    """Remember that the role of an account has been changed now, or so many seconds ago."""
    session.role_changed[account] = time.monotonic() - ago


def seconds_since_change(session: Session, account: str) -> float | None:
    """How long it is that the role of an account was changed; None where no change is known.

    Another process, and another machine, has another monotonic clock: what it is told is this.
    """
    changed = session.role_changed.get(account)
    return None if changed is None else time.monotonic() - changed


def settling_bound(session: Session) -> float:
    """For how many seconds a change is waited for at most."""
    return min(_SECONDS, session.params.wait_seconds)


def is_new(session: Session, account: str) -> bool:
    """Whether the role of an account was made or changed so lately that not everybody may know it yet."""
    return _seconds_left(session, account) > 0


def settled(
    session: Session,
    account: str,
    ask: Callable[[], T],
    outcome_of: Callable[[T], Outcome],
    progress: Progress = silent,
) -> T:
    """Ask, and while the role is new ask again for what may pass by itself.

    Parameters:
        session: whose run it is.
        account: the member account whose role is asked for.
        ask: makes the call.
        outcome_of: the outcome in what `ask` returns.
        progress: is told what is waited for.

    Returns:
        The first answer that does not pass, or the last one.
    """
    answer = ask()
    if not _may_pass(outcome_of(answer)):
        return answer
    seconds = _seconds_left(session, account)
    if seconds <= 0:
        return answer
    progress(f"{session.params.role_name} is new in {account}: refusals are no verdict for {seconds:.0f} s")
    for _ in attempts(seconds, first_pause=0.5):
        answer = ask()
        if not _may_pass(outcome_of(answer)):
            break
    return answer


def _may_pass(outcome: Outcome) -> bool:
    return outcome.kind in PASSING and not outcome.explicit


def _seconds_left(session: Session, account: str) -> float:
    with session.lock_of(account):
        if account not in session.role_changed:
            session.role_changed[account] = time.monotonic() - _age(session, account)
    return session.role_changed[account] + settling_bound(session) - time.monotonic()


def _age(session: Session, account: str) -> float:
    """Seconds since the role was made.

    A role that the operator may not read counts as old. One whose age could not be found out, for whatever
    happened on the way, may be new.
    """
    access = session.deployer(account)
    if access.caller is None:
        return _age_unread(access.answer)
    read = session.call(access.caller, "iam", "GetRole", RoleName=session.params.role_name)
    created: datetime | None = read.result.get("Role", {}).get("CreateDate")
    if created is None:
        return _age_unread(read)
    return max(0.0, (told_time(read) - created).total_seconds())


def _age_unread(answer: Answer) -> float:
    kind = answer.outcome.kind
    return _SECONDS if kind.denied or answer.absent else 0.0


def told_time(answer: Answer) -> datetime:
    """The time by the clock of who answered: ours may be minutes off, and AWS still accepts what it signs."""
    told = answer.result.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        # https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats: always in GMT, however it is put.
        return parsedate_to_datetime(told).replace(tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC)
