"""Many new accounts: five at a time, as AWS allows, and none of them twice, whatever ends the run.

What is known of each is in a journal, by its e-mail address, the moment it is known: the request that AWS
took, and the account that came of it. A run that goes on takes up the requests that are there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xacct_kit.aws.session import Session
from xacct_kit.fleet.fan_out import fan_out
from xacct_kit.fleet.journal import Journal
from xacct_kit.fleet.run import Kept, Ledger
from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.steps.create_account import create_in, open_organization
from xacct_kit.steps.creation.findings import ACCOUNT, NAME, REQUEST, STEP
from xacct_kit.steps.creation.new_account import NewAccount
from xacct_kit.steps.creation.organization import Organization
from xacct_kit.steps.waiting import Progress, silent

JOURNAL = "creations.jsonl"

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_IN_PROGRESS = 5


@dataclass(frozen=True)
class Created:
    """What came of a list of new accounts.

    Attributes:
        report: the findings of each, in the order of the list.
        accounts: the IDs of those that are there, in the order of the list.
    """

    report: Report
    accounts: tuple[str, ...]


def create_accounts(
    session: Session,
    wanted: Sequence[NewAccount],
    *,
    progress: Progress = silent,
    out: str | Path | None = None,
    resume: bool = False,
    retry: bool = False,
) -> Created:
    """Create accounts, or find those that are there already.

    When it is interrupted no other account is asked for, and what is under way is waited for.

    Parameters:
        session: whose run it is.
        wanted: what is to be created; no address twice.
        progress: is told what is waited for, and for how long.
        out: folder whose `creations.jsonl` takes findings as they become known; None keeps them in memory.
        resume: whether to go on with the journal that is there: with what is missing, or not known.
        retry: with `resume`, whether what has failed is tried again too.

    Returns:
        The findings, and the accounts that are there now.

    Raises:
        RequestError: the journal is another run's, or there is no external ID where the params say.
        RunError: the journal cannot be written, or the operator has no credentials.
    """
    with ExitStack() as opened:
        journal = None
        if out is not None:
            open_journal = Journal.resume if resume or retry else Journal.begin
            journal = opened.enter_context(open_journal(Path(out) / JOURNAL, session.params, [STEP]))
        batch = _Batch(session, journal or Kept(), progress)
        batch.create(wanted, _known(journal, wanted, retry) if journal else {})
        return batch.outcome(wanted)


@dataclass(frozen=True)
class _Earlier:
    """What earlier runs have found out of an account: whether that is all, and the request that they made."""

    done: bool = False
    request_id: str = ""


def _known(journal: Journal, wanted: Iterable[NewAccount], retry: bool) -> dict[str, _Earlier]:
    done = journal.done - (journal.red if retry else frozenset())
    known: dict[str, _Earlier] = {}
    for new in wanted:
        rows = [row for row in journal.report([new.email]) if row.evidence.get(NAME) == new.name]
        if rows and new.email in done:
            known[new.email] = _Earlier(done=True)
        elif rows and new.email not in journal.done:
            request = next((row.evidence[REQUEST] for row in rows[::-1] if REQUEST in row.evidence), "")
            known[new.email] = _Earlier(request_id=request)
    return known


class _Batch:
    """Many creations under way."""

    def __init__(self, session: Session, ledger: Ledger, progress: Progress) -> None:
        self._session = session
        self._ledger = ledger
        self._progress = progress
        self._lock = threading.Lock()
        self._undecided: set[str] = set()

    def create(self, wanted: Iterable[NewAccount], known: dict[str, _Earlier]) -> None:
        """Create those of which not all is known."""
        todo = [new for new in wanted if not known.get(new.email, _Earlier()).done]
        if not todo:
            return
        organization = open_organization(self._session, todo[0].email)
        if isinstance(organization, Finding):
            # Nothing was tried, so that the next run tries all of it.
            for new in todo:
                self._ledger.add(new.email, [replace(organization, account=new.email)], last=False)
            return
        earlier = ((new, known.get(new.email, _Earlier()).request_id) for new in todo)
        tasks = ((new, partial(self._one, organization, new, request)) for new, request in earlier)
        with ThreadPoolExecutor(_IN_PROGRESS, thread_name_prefix="new-account") as executor:
            fan_out(executor, tasks, _IN_PROGRESS, take=lambda *_: None)

    def _one(self, organization: Organization, new: NewAccount, request_id: str) -> None:
        def note(row: Finding, last: bool) -> None:
            with self._lock:
                if row.verdict is Verdict.UNKNOWN:
                    self._undecided.add(new.email)
                # What is not known stays open in the journal: the next run goes on with it.
                ended = last and new.email not in self._undecided
                self._ledger.add(new.email, [replace(row, account=new.email)], last=ended)

        create_in(organization, new, note, self._progress, request_id=request_id)

    def outcome(self, wanted: Iterable[NewAccount]) -> Created:
        """What came of it, by the accounts' IDs where they are known."""
        accounts: dict[str, None] = {}
        rows: list[Finding] = []
        for new in wanted:
            found = list(self._ledger.report([new.email]))
            account = next((row.evidence[ACCOUNT] for row in found if ACCOUNT in row.evidence), "")
            if account:
                accounts[account] = None
            rows += _under(account or new.email, found)
        return Created(Report.of(rows), tuple(accounts))


def _under(account: str, rows: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of one account, which are in the journal by its address."""
    return (replace(row, account=account) for row in rows)
