"""Who does the work of a run: threads, processes of threads, or an executor that the caller brings."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

from xacct_kit.errors import ParamsError

if TYPE_CHECKING:
    from xacct_kit.aws.session import Session
    from xacct_kit.params import Params

Connect = Callable[["Params"], "Session"]

_WORKERS = 20

# Below this number of accounts a second process costs more than it brings; benchmarks/fleet.py tells.
_ACCOUNTS_A_PROCESS = 100


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who does the work.

    Attributes:
        workers: accounts that are worked on at a time; None chooses.
        processes: processes that share the workers; None chooses by the number of accounts. With an executor,
            how many it has.
        executor: who makes the calls instead; with an executor other than of threads, accounts are done in
            other processes, which read what they need by the references of the params.
        connect: opens a session in another process.
    """

    workers: int | None = None
    processes: int | None = None
    executor: Executor | None = None
    connect: Connect | None = None

    def width(self, accounts: int) -> int:
        """How many of the accounts are worked on at a time."""
        brought = getattr(self.executor, "_max_workers", None)
        return max(1, min(self.workers or brought or _WORKERS, accounts))

    def split(self, session: Session, accounts: int, cost: float) -> int:
        """Over how many other processes the accounts are split; 0 is none, they are done in this one.

        Parameters:
            session: whose run it is.
            accounts: how many there are.
            cost: US dollars that AWS may charge for all of them.

        Raises:
            ParamsError: processes are asked for that cannot keep to the budget of the params together.
        """
        if self.connect is None or isinstance(self.executor, ThreadPoolExecutor):
            return 0
        limit = session.params.max_cost_usd
        affordable = cost <= limit + 1e-9
        if self.executor is None and self.processes is None:
            fitting = min(os.cpu_count() or 1, accounts // _ACCOUNTS_A_PROCESS)
            return fitting if affordable and fitting > 1 else 0
        asked = self.processes or 1
        if self.executor is None and asked == 1:
            return 0
        if affordable:
            return asked
        raise ParamsError(
            [
                f"max_cost_usd: {accounts} accounts may cost ${cost:.2f}, and processes do not share a "
                f"budget of ${limit:.2f}: raise it, or use one process"
            ]
        )

    def assemble(self, width: int, processes: int) -> Executor:
        """An executor for so many accounts at a time.

        Parameters:
            width: accounts that are worked on at a time.
            processes: over how many other processes they are split; 0 is none.
        """
        if not processes:
            return ThreadPoolExecutor(width, thread_name_prefix="xacct")
        from xacct_kit.fleet.processes import ProcessesOfThreads

        return ProcessesOfThreads(processes, -(-width // processes))


@dataclass(frozen=True)
class Errand:
    """What another process needs to work on accounts of the same run: references, and no secret.

    Attributes:
        connect: opens its session.
        values: the params, as JSON.
        share: its share of what AWS lets an account ask in a second.
        run: a name of the run's own: what a process has learned in one, it asks again in the next.
    """

    connect: Connect
    values: str
    share: float
    run: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def of(cls, session: Session, connect: Connect, processes: int) -> Errand:
        """The errand of a session's run.

        Parameters:
            session: whose run it is.
            connect: opens a session in the other process.
            processes: how many work on the run.
        """
        own = {
            "sandbox_endpoint": session.endpoint,
            "member_accounts": session.params.accounts[:1],
            # It has been deployed before the accounts are split.
            "stack_set": "none",
        }
        values = session.params.model_copy(update=own).model_dump_json()
        return cls(connect, values, 1 / processes)

    def session(self) -> Session:
        """The session of this process for the errand's run; it is opened once."""
        # A cache alone lets every thread in that comes before the first is done.
        with _opening:
            return _opened(self)


_opening = threading.Lock()

# A process that is brought may be asked by one run after another, and by some at a time.
_RUNS = 16


@lru_cache(maxsize=_RUNS)
def _opened(errand: Errand) -> Session:
    from xacct_kit.params import Params

    session = errand.connect(Params.of(**json.loads(errand.values)))
    session.take_share(errand.share)
    return session
