"""What became of a stack set in one account: the status of a stack instance, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.aws.errors import classify_parts
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.findings import Question, finding

Instance = Mapping[str, Any]
"""A stack instance, as ListStackInstances tells it."""


@dataclass(frozen=True)
class _Meaning:
    verdict: Verdict
    why: str
    fix: str = ""


_RUN_AGAIN = "Run again: what is not current is tried again."
_MEND = "Mend what the reason names, and {again}."

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html
_MEANINGS: Mapping[str, _Meaning] = {
    "SUCCEEDED": _Meaning(Verdict.PASS, "is deployed"),
    "FAILED": _Meaning(Verdict.FAIL, "was not deployed", _MEND),
    "FAILED_IMPORT": _Meaning(Verdict.FAIL, "could not be imported and is not stable", _MEND),
    "INOPERABLE": _Meaning(
        Verdict.FAIL,
        "is left out of every update since its deletion failed",
        "Call cloudformation:DeleteStackInstances with RetainStacks for the account, remove its stack by "
        "hand, and {again}.",
    ),
    "CANCELLED": _Meaning(Verdict.UNKNOWN, "was not tried: the operation was stopped before", _RUN_AGAIN),
    "PENDING": _Meaning(Verdict.UNKNOWN, "waits for its turn", _RUN_AGAIN),
    "RUNNING": _Meaning(Verdict.UNKNOWN, "is being deployed", _RUN_AGAIN),
    "SKIPPED_SUSPENDED_ACCOUNT": _Meaning(Verdict.SKIPPED, "was not tried: the account is suspended"),
}
_NOT_CURRENT = _Meaning(Verdict.FAIL, "is not what the stack set is now", _RUN_AGAIN)
_NOT_KNOWN = _Meaning(
    Verdict.UNKNOWN, "has a status that is not known", "Look at it in CloudFormation's console."
)

# What stands in the reason of a failed instance, and what to do about it.
_FIXES: tuple[tuple[str, str], ...] = (
    (
        "with trust relationship to Role",
        "Make that role in the account, trusting the one that is named, or name an execution role that is "
        "there: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html",
    ),
    (
        "already exists",
        "Another stack or a person made it: remove it there, or leave the account out of the stack set.",
    ),
)


def told(session: Session, instance: Instance, question: Question, *, again: str = "deploy again") -> Finding:
    """The finding of one account's stack instance.

    Parameters:
        session: whose run it is.
        instance: the instance, as ListStackInstances tells it.
        question: what is asked of the account.
        again: what is to be done when a fault is mended.
    """
    account = str(instance["Account"])
    meaning = _meaning(instance)
    detailed, reason = detailed_status(instance), str(instance.get("StatusReason", ""))
    outcome = _outcome(meaning.verdict, detailed or str(instance["Status"]), reason)
    fix = next(
        (fix for text, fix in _FIXES if text in reason), outcome.fix or meaning.fix.format(again=again)
    )
    why = f"The stack in {account} {meaning.why}. {outcome.reason or reason}".rstrip()
    return finding(session, question, outcome, verdict=meaning.verdict, why=why, fix=fix)


def is_settled(instance: Instance) -> bool:
    """Whether there is nothing to be done about an instance: it is current, or its account suspended."""
    return instance["Status"] == "CURRENT" or detailed_status(instance) == "SKIPPED_SUSPENDED_ACCOUNT"


def detailed_status(instance: Instance) -> str:
    """The detailed status of an instance; empty where there is none."""
    return str(instance.get("StackInstanceStatus", {}).get("DetailedStatus", ""))


def _meaning(instance: Instance) -> _Meaning:
    """What the statuses of an instance mean; only CURRENT is what the stack set is now."""
    detailed, current = detailed_status(instance), instance["Status"] == "CURRENT"
    if instance["Status"] == "INOPERABLE":
        return _MEANINGS["INOPERABLE"]
    if detailed in ("", "SUCCEEDED"):
        return _MEANINGS["SUCCEEDED"] if current else _NOT_CURRENT
    return _MEANINGS.get(detailed, _NOT_KNOWN)


def _outcome(verdict: Verdict, code: str, reason: str) -> Outcome:
    """The outcome of an instance: who was refused, where its reason tells that."""
    evidence = {"code": code, "message": reason} if reason else {"code": code}
    if verdict is Verdict.FAIL:
        classified = classify_parts("", "", reason) if reason else None
        if classified is not None and classified.kind.denied:
            return classified
        return Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence=evidence)
    return Outcome(
        kind=OutcomeKind.ALLOWED if verdict is Verdict.PASS else OutcomeKind.UNKNOWN, evidence=evidence
    )


def question_of(session: Session, account: str) -> Question:
    """What is asked of each account."""
    return Question(
        step="deploy",
        probe="stack-set-instance",
        account=account,
        caller=session.operator.name,
        action="cloudformation:CreateStackInstances",
    )
