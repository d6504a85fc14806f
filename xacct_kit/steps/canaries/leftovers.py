"""What is left of canaries whose run was killed: found by the form of their names, and removed when asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Verdict
from xacct_kit.steps.callers import assume_with, known_external_id
from xacct_kit.steps.canaries.catalogue import CANARIES, PREFIX, Canary
from xacct_kit.steps.findings import Question, finding, guarded, not_tried, skipped
from xacct_kit.steps.trial import filled, placeholders
from xacct_kit.steps.waiting import Progress, attempts

REMOVE = "Remove what is left: xacct offboard PARAMS --canaries."

_NAME = re.compile(PREFIX + r"(?P<made>\d{8}t\d{6})-[0-9a-f]{6}(?:-\d{12})?")

# The account has never had the service, so that there is nothing of it.
_NOT_SIGNED_UP = frozenset({"NotSignedUp", "OptInRequired", "SubscriptionRequiredException"})

# A run that made its canary so short a time ago may still be going on.
_GOING_ON = timedelta(minutes=15)


def find_leftovers(session: Session, account: str, caller: Caller | None) -> Iterator[Finding]:
    """Look for what is left of canaries in one account; a finding a kind.

    Parameters:
        session: whose run it is.
        account: the member account.
        caller: the role's session; None when nobody could assume it.
    """
    for canary in CANARIES:
        question = _question(account, canary, session.params.role_name, "leftovers")
        yield guarded(session, question, partial(_looked, session, account, caller, canary))


def _looked(session: Session, account: str, caller: Caller | None, canary: Canary) -> Finding:
    return _left(session, account, canary, _search(session, account, caller, canary))


def _question(account: str, canary: Canary, reader: str, step: str) -> Question:
    return Question(
        step=step,
        probe=canary.thing.lower().replace(" ", "-"),
        account=account,
        caller=reader,
        action=canary.listing.probe.action,
    )


@dataclass(frozen=True)
class _Found:
    """What a search for leftovers came to.

    Attributes:
        names: of what is left.
        reader: who looked.
        answer: the last answer; where it is not ok, the names may not be all.
    """

    names: tuple[str, ...]
    reader: str
    answer: Answer | None


def _search(session: Session, account: str, caller: Caller | None, canary: Canary) -> _Found:
    """Look as the role, or where that is refused as whoever deploys."""
    found = _Found((), session.params.role_name, None)
    for reader in (caller, session.deployer(account).caller):
        if reader is not None and (found.answer is None or not found.answer.ok):
            found = _listed(session, account, reader, canary)
    return found


def _listed(session: Session, account: str, reader: Caller, canary: Canary) -> _Found:
    probe, names = canary.listing.probe, list[str]()
    params = filled(probe.params, placeholders(session, account))
    for answer in session.pages(reader, probe.service, probe.operation, **params):
        items = answer.result.get(canary.listing.items, [])
        names += [name for item in items if _NAME.fullmatch(name := item[canary.listing.name])]
    return _Found(tuple(sorted(names)), reader.name, answer)


def _left(session: Session, account: str, canary: Canary, found: _Found, step: str = "leftovers") -> Finding:
    question = _question(account, canary, found.reader, step)
    if found.answer is None or (not found.answer.ok and not found.names):
        return _untold(session, question, canary, found.answer)
    told = partial(finding, session, question, found.answer.outcome, seconds=found.answer.seconds)
    if not found.names:
        return told(why=f"No {canary.thing} of an earlier canary is left.")
    young = all(map(_is_young, found.names))
    run = "was killed, or has been going on for less than 15 minutes" if young else "was killed"
    return told(
        verdict=Verdict.UNKNOWN if young else Verdict.FAIL,
        why=f"{canary.thing} {', '.join(found.names)} is left of a run that {run}.",
        fix=REMOVE,
        patch=tuple(call for name in found.names for call in _removal(session, account, canary, name)),
    )


def _is_young(name: str) -> bool:
    match = _NAME.fullmatch(name)
    assert match is not None
    made = datetime.strptime(match["made"], "%Y%m%dt%H%M%S").replace(tzinfo=UTC)
    return datetime.now(UTC) - made < _GOING_ON


def _untold(session: Session, question: Question, canary: Canary, answer: Answer | None) -> Finding:
    if answer is None:
        why = f"Nobody can act in {question.account}, so whether earlier canaries are left is not known."
        return not_tried(session, question, why, "Mend what the trust step says, then probe again.")
    if answer.outcome.evidence.get("code") in _NOT_SIGNED_UP:
        return skipped(session, question, f"Nothing can be left ({canary.thing}): {answer.outcome.reason}")
    why = f"Whether earlier canaries are left ({canary.thing}) cannot be told. {answer.outcome.reason}"
    return finding(session, question, answer.outcome, verdict=Verdict.UNKNOWN, why=why)


def _removal(session: Session, account: str, canary: Canary, name: str) -> Iterator[Mapping[str, Any]]:
    """The calls that remove a canary."""
    values = {**placeholders(session, account), "canary": name}
    for probe in canary.removed:
        yield {
            "account": account,
            "service": probe.service,
            "operation": probe.operation,
            "params": filled(probe.params, values),
        }


def remove_in_account(session: Session, account: str, progress: Progress) -> Iterator[Finding]:
    """Remove what is left of canaries in one account; a finding a kind."""
    # The role may have gone a moment ago, and whoever deploys removes as well: nothing is waited for.
    assumption = assume_with(session, account, known_external_id(session))
    caller = assumption.caller if assumption else None
    who = [each for each in (caller, session.deployer(account).caller) if each is not None]
    for canary in CANARIES:
        question = _question(account, canary, session.params.role_name, "offboard")
        yield guarded(session, question, partial(_removed, session, account, caller, who, canary, progress))


def _removed(
    session: Session,
    account: str,
    caller: Caller | None,
    who: Sequence[Caller],
    canary: Canary,
    progress: Progress,
) -> Finding:
    """What is left of a kind when what was there has been removed."""
    found = _search(session, account, caller, canary)
    for name in found.names:
        progress(f"removing in {account}: {canary.thing} {name}")
        for call in _removal(session, account, canary, name):
            _done(session, who, call)
    # A stack takes its time to go.
    for _ in attempts(session.params.wait_seconds if found.names else 0.0):
        if not found.names:
            break
        found = _search(session, account, caller, canary)
    return _left(session, account, canary, found, step="offboard")


def _done(session: Session, who: Sequence[Caller], call: Mapping[str, Any]) -> None:
    """Make a call as the first who may; whether it has done what it should is seen afterwards."""
    for caller in who:
        answer = session.call(caller, call["service"], call["operation"], **call["params"])
        if answer.ok:
            return
