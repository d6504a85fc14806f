"""Putting a role right that is not what the profile says, by calls of its account's administrator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.drift import DEPLOY, Call
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.drift import check_account, question_of, told
from xacct_kit.steps.findings import Question, finding, guarded
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.role_comparison import RoleComparison, compare_role
from xacct_kit.steps.stack.change import Stack
from xacct_kit.steps.stack.comparison import stack_differences
from xacct_kit.steps.stack.view import StackFailure
from xacct_kit.steps.waiting import Progress, attempts, silent

# What was changed is not seen everywhere at once, and IAM gives no bound.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
_SECONDS = 60.0


def repair_drift(session: Session, *, progress: Progress = silent) -> Report:
    """Make the role what the profile says, in every account of the params.

    Parameters:
        session: whose run it is.
        progress: is told what is done and what is waited for.

    Returns:
        For each account: what was done, and what the comparison says after it.
    """
    accounts = session.params.accounts
    return Report.of(row for account in accounts for row in repair_account(session, account, progress))


def repair_account(session: Session, account: str, progress: Progress = silent) -> list[Finding]:
    """Make the role of one account what the profile says; where nothing differs nothing is changed."""
    deployer = session.deployer(account).caller
    if deployer is None:
        return check_account(session, account, progress)
    before = compare_role(session, account, deployer)
    if not before.wrong:
        return [
            *_nothing(session, account, deployer, before),
            *told(session, account, deployer, before, progress=progress),
        ]
    repair = _Repair(session, account, deployer, progress)
    rows = list(repair.rows(before))
    after = repair.settled(changed=any(row.verdict.green for row in rows))
    return [*rows, *told(session, account, deployer, after, progress=progress)]


def _nothing(
    session: Session, account: str, deployer: Caller, comparison: RoleComparison
) -> Iterator[Finding]:
    if comparison.same:
        why = f"{session.params.role_name} differs in nothing from the profile: nothing was changed."
        question = question_of(account, deployer.name, "repair-nothing")
        yield finding(session, question, comparison.answer.outcome, why=why)


@dataclass(frozen=True)
class _Repair:
    """The repair of one account's role."""

    session: Session
    account: str
    deployer: Caller
    progress: Progress

    def rows(self, before: RoleComparison) -> Iterator[Finding]:
        """Do what is needed, and say what was done."""
        stack = Stack(self.session, self.deployer, self.session.params.stack_name, self.progress)
        comparison, deployed = before, True
        if self.session.params.stack_set == "none":
            rows = self._by_stack(stack, before)
            yield from rows
            if rows:
                deployed = all(row.verdict.green for row in rows)
                comparison = compare_role(self.session, self.account, self.deployer)
        calls = _calls(comparison)
        for call in calls:
            # What the stack is to make must not be in its way.
            if deployed or call["operation"] != "CreatePolicy":
                question = self._question(call["operation"], f"{call['service']}:{call['operation']}")
                yield guarded(self.session, question, partial(self._done, question, call))
        if calls:
            note_change(self.session, self.account)

    def settled(self, *, changed: bool) -> RoleComparison:
        """The comparison when what was changed is seen, or when the bound is reached.

        Parameters:
            changed: whether anything was; otherwise there is nothing to wait for.
        """
        for _ in attempts(min(_SECONDS, self.session.params.wait_seconds) if changed else 0):
            comparison = compare_role(self.session, self.account, self.deployer)
            if comparison.same or not any(each.calls for each in comparison.wrong):
                break
        return comparison

    def _by_stack(self, stack: Stack, before: RoleComparison) -> list[Finding]:
        """Have the stack deployed where it is behind, and made anew where its role is gone."""
        try:
            described = stack.describe()
            gone = any(DEPLOY in each.calls for each in before.wrong)
            if gone and described is not None:
                self._delete(stack)
            elif not gone and (described is None or not self._behind(stack, described)):
                return []
        except StackFailure as failure:
            question = self._question("stack", "cloudformation:DeleteStack")
            return [
                finding(
                    self.session,
                    question,
                    failure.outcome,
                    verdict=failure.verdict,
                    why=f"The stack {stack.name} was left as it is. {failure.why}",
                    fix=failure.fix,
                )
            ]
        rows = deploy_account(self.session, self.account, self.progress)
        return [replace(row, step="drift", probe=f"repair-{row.probe}") for row in rows]

    def _delete(self, stack: Stack) -> None:
        self.progress(f"the role of {stack.name} is gone: the stack is deleted and made anew")
        if stack.delete() == "DELETE_FAILED":
            raise StackFailure(
                "It could not be deleted.",
                "See xacct status for why, and deploy again.",
                Outcome(kind=OutcomeKind.SERVICE_ERROR, evidence={"code": "DELETE_FAILED"}),
                Verdict.FAIL,
            )

    def _behind(self, stack: Stack, described: Mapping[str, Any]) -> bool:
        """Whether the stack itself is not what the params say: then its calls come before ours."""
        return bool(stack_differences(self.session, stack, described).differences)

    def _done(self, question: Question, call: Call) -> Finding:
        answer = self._made(call)
        what = " ".join(str(call["params"][name]) for name in _NAMES if name in call["params"])
        gone = answer.absent and call["operation"].startswith(_REMOVING)
        outcome = replace(answer.outcome, kind=OutcomeKind.ALLOWED) if gone else answer.outcome
        # What is refused only after it was allowed has not been done either.
        failed = not answer.ok and outcome.kind is OutcomeKind.ALLOWED and not gone
        why = f"{question.action} was called: {what}." if answer.ok else None
        why = f"{question.action} was not needed any more: {what}." if gone else why
        self.progress(f"  {call['operation']} {what}")
        return finding(
            self.session,
            question,
            outcome,
            verdict=Verdict.FAIL if failed else None,
            why=outcome.reason if failed else why,
            seconds=answer.seconds,
        )

    def _made(self, call: Call) -> Answer:
        """Make a call; what was made just before may not be known everywhere yet."""
        for _ in attempts(min(_SECONDS, self.session.params.wait_seconds)):
            answer = self.session.call(self.deployer, call["service"], call["operation"], **call["params"])
            if not answer.absent or call["operation"].startswith(_REMOVING):
                break
        return answer

    def _question(self, what: str, action: str) -> Question:
        return replace(question_of(self.account, self.deployer.name, f"repair-{what}"), action=action)


_REMOVING = ("Delete", "Detach")

# The parameters that say what a call is about; none of them holds a document.
_NAMES = ("RoleName", "PolicyName", "PolicyArn", "PermissionsBoundary", "VersionId")


def _calls(comparison: RoleComparison) -> list[Call]:
    """The calls that put everything right, each once."""
    calls: list[Call] = []
    for call in (call for each in comparison.wrong for call in each.calls):
        if call not in calls and call != DEPLOY:
            calls.append(call)
    return calls
