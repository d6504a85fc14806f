"""The plan step: what a deployment would change, told by its meaning before anything is changed.

A finding is green where a deployment changes nothing, and not where it would change something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xacct_kit.aws.answers import Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.policy_documents import Document, listed, statements_of
from xacct_kit.steps.callers import deployer_name
from xacct_kit.steps.findings import ACCESS, Question, broken, finding, no_access, not_tried
from xacct_kit.steps.role_comparison import compare_role, definition_of
from xacct_kit.steps.stack.change import DEAD, Stack
from xacct_kit.steps.stack.comparison import StackDifferences, stack_differences
from xacct_kit.steps.stack.location import stack_of
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.stack.states import state_of
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, silent

_DEPLOY = "If that is meant, deploy: xacct deploy PARAMS."
_DRIFT = (
    "Deploying does not change it, since CloudFormation changes only what its template has otherwise than "
    "before: xacct drift PARAMS says what it permits, and how it is put right."
)
_TAKEN = "Remove the role, or take it over into a stack, and plan again."
_NOTHING = "Nothing would change: stack and role are what the params and the profile say."


def plan(session: Session, *, progress: Progress = silent) -> Report:
    """Say for every account of the params what a deployment would change; nothing is.

    A change set is made for it, read and deleted again.

    Parameters:
        session: whose run it is.
        progress: is told what is waited for.

    Returns:
        For each account: a finding for each change, or one that nothing would change.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in check_account(session, account, progress))


def check_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Say for one account what a deployment would change; nothing is."""
    access = session.deployer(account)
    question = _question(account, access.caller.name if access.caller else deployer_name(session))
    if access.caller is None:
        return [no_access(session, question, access)]
    try:
        return list(_Plan(session, question, access.caller, progress).findings())
    except StackFailure as failure:
        why = f"What a deployment would change cannot be told. {failure.why}"
        return [
            finding(session, question, failure.outcome, verdict=failure.verdict, why=why, fix=failure.fix)
        ]
    except Exception as error:
        return [broken(session, question, error)]


class _Plan:
    """The plan of one account, as whoever deploys there makes it."""

    def __init__(self, session: Session, question: Question, caller: Caller, progress: Progress) -> None:
        self._session = session
        self._question = question
        self._stack = Stack(session, caller, stack_of(session, question.account), progress)
        self._role = compare_role(session, question.account, caller)

    def findings(self) -> Iterator[Finding]:
        """What a deployment would change, or that it would change nothing."""
        described = self._stack.describe()
        status = str(described["StackStatus"]) if described else None
        if described is None or status in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
            yield from self._created()
        elif status in DEAD:
            yield self._would("stack", f"The stack is {status}: it would be deleted, and made anew.")
            yield from self._made()
        elif status == "UPDATE_ROLLBACK_FAILED":
            failure = self._stack.first_failure(status)
            yield self._would(
                "stack", f"The stack is {status}: its rollback would be continued first. {failure}"
            )
        elif not state_of(status).updatable:
            why = (
                f"The stack {self._name} {state_of(status).reason} ({status}): what it will be is not known."
            )
            fix = state_of(status).next_step
            yield not_tried(self._session, self._question, why, fix)
        else:
            yield from self._updated(stack_differences(self._session, self._stack, described))

    @property
    def _name(self) -> str:
        return self._session.params.stack_name

    def _tell(self, probe: str, verdict: Verdict, why: str, fix: str = "", **evidence: str) -> Finding:
        kind = OutcomeKind.UNKNOWN if verdict is Verdict.UNKNOWN else OutcomeKind.ALLOWED
        question, outcome = replace(self._question, probe=probe), Outcome(kind=kind, evidence=evidence)
        return finding(self._session, question, outcome, verdict=verdict, why=why, fix=fix)

    def _would(self, probe: str, why: str, **evidence: str) -> Finding:
        """The finding of a change that a deployment would make."""
        return self._tell(probe, Verdict.FAIL, why, _DEPLOY, **evidence)

    def _created(self) -> Iterator[Finding]:
        """What would be made where there is no stack."""
        name, answer = self._session.params.role_name, self._role.answer
        if answer.ok:
            why = (
                f"There is a role {name} that no stack {self._name} has made: a deployment would fail on it."
            )
            yield self._tell("role", Verdict.FAIL, why, _TAKEN)
            return
        if not answer.absent:
            why = f"Whether there is a role {name} already cannot be told. {answer.outcome.reason}"
            yield self._tell("role", Verdict.UNKNOWN, why, answer.outcome.fix or ACCESS)
        if self._session.params.stack_set == "none":
            yield from self._by_cloudformation()
        yield from self._made()

    def _by_cloudformation(self) -> Iterator[Finding]:
        """What CloudFormation would do, in its own words."""
        for change in self._stack.plan(stack_request(self._session)):
            yield self._would("change-set", change_in_words(change), resource=change["LogicalResourceId"])

    def _made(self) -> Iterator[Finding]:
        """The role that would be made, by its parts."""
        params, account = self._session.params, self._question.account
        wanted = definition_of(self._session, account)
        arn = self._session.role_arn(account, params.role_name)
        why = (
            f"The stack {self._name} would make the role {arn}, which {_trusted(wanted.trust)} could assume."
        )
        yield self._would("role", why, role=arn)
        names = ", ".join(wanted.policies)
        yield self._would("policies", f"The role would have the policies {names}.", policies=names)
        if wanted.boundary_name is not None:
            why = f"Its permissions boundary would be {wanted.boundary_name}, which the stack would make too."
            yield self._would("boundary", why, boundary=wanted.boundary_name)
        if params.stack_tags:
            tags = ", ".join(f"{key}={value}" for key, value in params.stack_tags.items())
            yield self._would("tags", f"Stack and role would have the tags {tags}.", tags=tags)

    def _updated(self, stack: StackDifferences) -> Iterator[Finding]:
        """What would be changed of a stack that is there, and of its role."""
        changes = list(self._by_cloudformation())
        yield from (self._would("stack", f"The stack would be updated. {why}") for why in stack.differences)
        yield from changes
        unread = (*stack.unread, *self._role.unread)
        if unread:
            why = f"Not all could be compared. {' '.join(unread)}"
            yield self._tell("comparison", Verdict.UNKNOWN, why, "Let the deployer read it, and plan again.")
        wrong = self._role.wrong
        for each in wrong:
            fix = f"{_DEPLOY} Where it is the same after that: {_DRIFT}" if changes else _DRIFT
            why = f"{each.severity}: {each.says}"
            yield self._tell(each.kind.value, Verdict.FAIL, why, fix, severity=each.severity.value)
        if not (changes or stack.differences or unread or wrong):
            yield self._tell("plan", Verdict.PASS, f"{_NOTHING} {_compared(stack.hidden)}".rstrip())


def _compared(hidden: Sequence[str]) -> str:
    return f"{', '.join(hidden)} is hidden: CloudFormation has compared it." if hidden else ""


def _trusted(trust: Document) -> str:
    """Whom a trust policy names."""
    named = [each["Principal"]["AWS"] for each in statements_of(trust) if each["Effect"] == "Allow"]
    return ", ".join(dict.fromkeys(name for each in named for name in listed(each)))


def change_in_words(change: Mapping[str, Any]) -> str:
    """A change of a resource, as a change set tells it, in a sentence.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
    """
    what = f"{change['LogicalResourceId']} ({change['ResourceType']})"
    replaced = _REPLACED.get(change.get("Replacement", ""), "")
    details = dict.fromkeys(_detail(each) for each in change.get("Details", ()))
    told = f": {', '.join(details)}" if details else ""
    return f"CloudFormation would {change['Action'].lower()} {what}{replaced}{told}."


def _detail(detail: Mapping[str, Any]) -> str:
    target = detail.get("Target", {})
    name = target.get("Name") or target.get("Attribute", "")
    return f"{name} (by {detail['CausingEntity']})" if detail.get("CausingEntity") else str(name)


_REPLACED: Mapping[str, str] = {
    "True": ", by one that takes its place",
    "Conditional": ", which may be replaced",
}


def _question(account: str, caller: str) -> Question:
    return Question(
        step="plan", probe="plan", account=account, caller=caller, action="cloudformation:CreateChangeSet"
    )
