"""The run: every step in every account, side by side, one account's failure being one account's row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from xacct_kit.aws.session import Session
from xacct_kit.errors import RunError
from xacct_kit.fleet.crew import Crew, Errand
from xacct_kit.fleet.fan_out import fan_out
from xacct_kit.fleet.stack_set_calls import Deployment
from xacct_kit.fleet.stack_set_removal import remove_stack_instances
from xacct_kit.fleet.stack_set_rotation import begin as begin_rotation
from xacct_kit.fleet.stack_set_rotation import update_stack_set
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.report import Finding, Report
from xacct_kit.steps import cost_explorer, deploy, offboard, probes, rotation
from xacct_kit.steps.catalogue import COST_EXPLORER_PRICE
from xacct_kit.steps.findings import Question, broken
from xacct_kit.steps.propagation import note_change, seconds_since_change
from xacct_kit.steps.waiting import Progress, silent

AccountStep = Callable[[Session, str, Progress], Iterable[Finding]]
Watch = Callable[[Sequence[Finding], bool], None]
"""Is told findings of an account as they become known, and whether they are its last."""

# What a stack set does in all accounts at once.
BY_STACK_SET: Mapping[
    AccountStep, Callable[[Session, Sequence[str], Deployment, Progress], list[Finding]]
] = {
    deploy.deploy_account: deploy_stack_set,
    offboard.offboard_account: remove_stack_instances,
    rotation.update_account: update_stack_set,
}
# The steps that are left out where a stack set does the same.
_REPLACED = frozenset({deploy.deploy_account, rotation.update_account})

# The steps that ask Cost Explorer, which is asked once an account.
_PRICED = frozenset({cost_explorer.check_account, probes.probe_account})


@dataclass(frozen=True)
class Whole:
    """What a step needs to be done before all accounts, and after them.

    Attributes:
        begin: is done before the first account; where it raises, no account is touched.
        finish: is given what was found in the accounts, and finds something of them all.
    """

    begin: Callable[[Session, Deployment | None, Progress], None]
    finish: Callable[[Session, Iterable[Finding], Progress], Finding]


# What was found in an account before counts for nothing in such a run: it is of another beginning.
AS_A_WHOLE: Mapping[AccountStep, Whole] = {
    rotation.update_account: Whole(begin_rotation, rotation.finish_rotation)
}


class Ledger(Protocol):
    """What keeps the findings of a run."""

    def add(self, account: str, findings: Sequence[Finding], *, last: bool) -> None:
        """Take in findings of an account.

        Parameters:
            account: whose they are.
            findings: in their order.
            last: whether no other finding of the account will follow.
        """

    def report(self, accounts: Iterable[str]) -> Report:
        """What is known of some accounts, account after account."""


class Kept:
    """A ledger in memory."""

    def __init__(self) -> None:
        self._findings: dict[str, list[Finding]] = {}
        self._done: set[str] = set()

    def add(self, account: str, findings: Sequence[Finding], *, last: bool) -> None:
        """Take in findings of an account; those of one that is done take the place of its earlier ones."""
        if account in self._done:
            self._done.discard(account)
            del self._findings[account]
        self._findings.setdefault(account, []).extend(findings)
        if last:
            self._done.add(account)

    def report(self, accounts: Iterable[str]) -> Report:
        """What is known of some accounts, account after account."""
        return Report.of(row for account in accounts for row in self._findings.get(account, ()))


def run(
    session: Session,
    steps: Sequence[AccountStep],
    *,
    progress: Progress = silent,
    crew: Crew | None = None,
    ledger: Ledger | None = None,
    known: frozenset[str] = frozenset(),
    left_out: Sequence[Finding] = (),
    stack_set: Deployment | None = None,
    watch: Watch = lambda findings, last: None,
) -> Report:
    """Take every account of the params through steps.

    Parameters:
        session: whose run it is.
        steps: what is done in an account, one after the other.
        progress: is told what a deployment does, and what is waited for, by the accounts of this process.
        crew: who does the work; threads of this process when it is not given.
        ledger: keeps the findings as they become known; they stay in memory when it is not given.
        known: accounts that need not be done, because the ledger has their findings.
        left_out: a finding for each account that the run is not for.
        stack_set: deploys to all accounts before they are worked on, in place of that step; or, where
            accounts are offboarded, lets go of all of them before.
        watch: is told what becomes known.

    Returns:
        The findings: of what is left out, then account after account in the params' order, then what is
        found of them all.

    Raises:
        AccessError: the operator has no credentials.
        ParamsError: the external ID cannot be found, or a step cannot be begun.
        RunError: a step cannot be begun.
    """
    wholes = [whole for step, whole in AS_A_WHOLE.items() if step in steps]
    for whole in wholes:
        whole.begin(session, stack_set, progress)
    # Both are the run's own, so they fail it before the first account is touched.
    _ = session.external_id, session.operator
    ledger, crew = ledger or Kept(), crew or Crew()
    for row in left_out:
        ledger.add(row.account, [row], last=True)
    accounts = [account for account in session.params.accounts if account not in known]
    works = [work for step, work in BY_STACK_SET.items() if step in steps] if stack_set is not None else []
    if works:
        steps = [step for step in steps if step not in _REPLACED]
    if accounts:
        working = _Run(session, steps, progress, ledger, watch)
        if stack_set is not None:
            for work in works:
                working.by_stack_set(partial(work, session, accounts, stack_set, progress))
        if steps:
            working.over(accounts, crew)
    told = [row.account for row in left_out] + list(session.params.accounts)
    told += [_finish(whole, session, ledger, progress) for whole in wholes]
    return ledger.report(dict.fromkeys(told))


def _finish(whole: Whole, session: Session, ledger: Ledger, progress: Progress) -> str:
    """Keep what is found of all accounts, and say as which account's."""
    row = whole.finish(session, ledger.report(session.params.accounts), progress)
    # Where the operator's account is one of those that were worked on, it keeps what was found there.
    ledger.add(row.account, [*ledger.report([row.account]), row], last=True)
    return row.account


def name_of(step: AccountStep) -> str:
    """What people call a step: its module's name."""
    return step.__module__.rpartition(".")[2]


class _Run:
    """A run under way."""

    def __init__(
        self,
        session: Session,
        steps: Sequence[AccountStep],
        progress: Progress,
        ledger: Ledger,
        watch: Watch,
    ) -> None:
        self._session = session
        self._steps = steps
        self._progress = progress
        self._ledger = ledger
        self._watch = watch
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def by_stack_set(self, work: Callable[[], Iterable[Finding]]) -> None:
        """Do to all accounts what a stack set does."""
        found: dict[str, list[Finding]] = {}
        for finding in work():
            found.setdefault(finding.account, []).append(finding)
        for account, findings in found.items():
            self._note(account, findings, last=not self._steps)

    def over(self, accounts: Sequence[str], crew: Crew) -> None:
        """Work on the accounts.

        When it is interrupted, no other account is begun, and one that is worked on in this process ends the
        step that it is at.

        Parameters:
            accounts: the accounts, of which there is one at least.
            crew: who does the work.

        Raises:
            ParamsError: the crew's processes cannot keep to the budget.
            RunError: a process that worked on the run has ended.
        """
        width = crew.width(len(accounts))
        cost = len(accounts) * COST_EXPLORER_PRICE if _PRICED.intersection(self._steps) else 0.0
        processes = crew.split(self._session, len(accounts), cost)
        task: Callable[[str], Callable[[], list[Finding] | None]]
        if processes and crew.connect is not None:
            task = partial(self._errand, Errand.of(self._session, crew.connect, processes))
        else:
            task = self._task
            probes.prepare(self._session, accounts[0])
        with nullcontext(crew.executor) if crew.executor else crew.assemble(width, processes) as executor:
            try:
                fan_out(
                    executor,
                    ((account, task(account)) for account in accounts),
                    2 * width,
                    take=self._take,
                    stop=self._stopped.set,
                    brought=crew.executor is not None,
                )
            except BrokenExecutor as error:
                raise RunError(f"A process that worked on the run has ended: {error}.") from error

    def _take(self, account: str, findings: list[Finding] | None) -> None:
        """Keep what was found elsewhere; what was found here is kept already."""
        if findings is not None:
            self._note(account, findings, last=True)

    def _errand(self, errand: Errand, account: str) -> Callable[[], list[Finding]]:
        """The work on an account as another process can do it; it is told what a stack set did before."""
        changed = seconds_since_change(self._session, account)
        self._session.forget(account)
        return partial(_elsewhere, errand, self._steps, account, changed)

    def _task(self, account: str) -> Callable[[], None]:
        """The work on an account as this process does it."""
        return partial(self._here, account)

    def _here(self, account: str) -> None:
        """Work on an account in this process; every step's findings are kept as soon as it has ended."""
        findings = _account(self._session, self._steps, self._progress, account)
        for number, rows in enumerate(findings, start=1):
            self._note(account, rows, last=number == len(self._steps))
            if self._stopped.is_set():
                return
        self._session.forget(account)

    def _note(self, account: str, findings: Sequence[Finding], *, last: bool) -> None:
        with self._lock:
            self._ledger.add(account, findings, last=last)
            self._watch(findings, last)


def _elsewhere(
    errand: Errand, steps: Sequence[AccountStep], account: str, changed: float | None
) -> list[Finding]:
    """Work on an account in another process, so many seconds after its role was changed."""
    session = errand.session()
    if changed is not None:
        note_change(session, account, changed)
    findings = [row for rows in _account(session, steps, silent, account) for row in rows]
    session.forget(account)
    return findings


def _account(
    session: Session, steps: Sequence[AccountStep], progress: Progress, account: str
) -> Iterator[list[Finding]]:
    """The findings of an account, step by step."""
    for step in steps:
        try:
            yield list(step(session, account, progress))
        except Exception as error:
            question = Question(
                step=name_of(step), probe="step", account=account, caller=session.operator.name, action=""
            )
            yield [broken(session, question, error)]
