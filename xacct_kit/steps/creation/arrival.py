"""What is left to do when a new account is there: its role can be assumed, and it is where it belongs."""

from __future__ import annotations

from dataclasses import replace

from xacct_kit.aws.answers import Answer
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.creation.findings import CreationFindings
from xacct_kit.steps.findings import ALLOWED, Question
from xacct_kit.steps.waiting import Progress, attempts

# What passes by itself while an account is new; that the caller's own policies refuse it does not.
_NOT_YET = frozenset({OutcomeKind.DENIED_TRUST, OutcomeKind.DENIED_UNSPECIFIED})


def passing(outcome: Outcome) -> bool:
    """Whether a call may be answered otherwise a moment later."""
    return outcome.retryable or outcome.kind is OutcomeKind.UNKNOWN


def access_role(say: CreationFindings, question: Question, bound: int, progress: Progress) -> Finding:
    """Whether the administrator's role can be assumed.

    AWS says that a few minutes may go by until an account can be accessed, and gives no bound.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html

    Parameters:
        say: knows the account.
        question: what is asked.
        bound: seconds to wait for it; 0 where the account is not new.
        progress: is told what is waited for.
    """
    session, caller, name = say.organization.session, say.organization.caller, say.new.role_name
    role_arn, outcome = session.role_arn(say.account, name), ALLOWED
    for _ in attempts(bound, first_pause=0.5):
        assumption = session.assume(caller, role_arn)
        outcome = assumption.answer.outcome
        if assumption.caller is not None:
            why = f"{caller.name} can assume {name} in {say.account}."
            return say.found(question, ALLOWED, why=why, seconds=assumption.answer.seconds)
        if not passing(outcome) and (outcome.explicit or outcome.kind not in _NOT_YET):
            return _not_assumable(say, question, outcome)
        progress(f"{say.new.what}: {name} cannot be assumed in {say.account} yet")
    return _not_yet(say, question, outcome, bound) if bound else _not_assumable(say, question, outcome)


def _not_assumable(say: CreationFindings, question: Question, outcome: Outcome) -> Finding:
    caller, name = say.organization.caller.name, say.new.role_name
    see = (
        f"See that {say.account} has a role {name} that trusts the management account, and that {caller} may"
    )
    return say.found(question, outcome, fix=f"{see} assume it. {outcome.fix}".rstrip())


def _not_yet(say: CreationFindings, question: Question, outcome: Outcome, bound: int) -> Finding:
    why = (
        f"{say.new.role_name} could not be assumed in {say.account} within {bound} s; in a new account it "
        f"may take longer. {outcome.reason}"
    )
    fix = "Run it again in some minutes: the account is found, and its role tried. Or raise wait_seconds."
    return say.found(question, outcome, verdict=Verdict.UNKNOWN, why=why.rstrip(), fix=fix)


def move_account(say: CreationFindings, question: Question, unit: str, progress: Progress) -> Finding:
    """Move the account into an organizational unit, unless it is there.

    Parameters:
        say: knows the account.
        question: what is asked.
        unit: where it belongs.
        progress: is told what is done.
    """
    organization, answer = say.organization, Answer(ALLOWED)
    for _ in attempts(organization.session.params.wait_seconds, first_pause=0.5):
        answer = organization.call("ListParents", ChildId=say.account)
        if answer.ok:
            parent = answer.result["Parents"][0]["Id"]
            if parent == unit:
                return say.found(question, ALLOWED, why=f"{say.account} is in {unit}.")
            progress(f"{say.new.what}: {say.account} is moved to {unit}")
            answer = organization.call(
                "MoveAccount", AccountId=say.account, SourceParentId=parent, DestinationParentId=unit
            )
            if answer.ok:
                why = f"{say.account} was moved from {parent} to {unit}."
                return say.found(question, ALLOWED, why=why, seconds=answer.seconds)
        if not passing(answer.outcome):
            break
    return _not_moved(say, question, unit, answer)


def _not_moved(say: CreationFindings, question: Question, unit: str, answer: Answer) -> Finding:
    outcome = answer.outcome
    if answer.absent:
        # "Not found" shows that the call is allowed; nothing is moved by it.
        outcome = replace(outcome, kind=OutcomeKind.NOT_FOUND, fix="See whether the unit is there still.")
    why = f"{say.account} was not moved to {unit}. {outcome.reason}".rstrip()
    return say.found(question, outcome, why=why, seconds=answer.seconds)
