"""The commands that do something in accounts, and tell what they found there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, overload

import typer

from xacct_kit.cli.options import (
    AccountsFile,
    Again,
    Format,
    Formats,
    Out,
    Overrides,
    ParamsFile,
    Processes,
    Resume,
    Retry,
    Scheduler,
    TextFormat,
    TextFormats,
    Workers,
)
from xacct_kit.cli.output import GREEN, RED, deliver, folder_for_results, note, say
from xacct_kit.errors import RequestError, RunError

if TYPE_CHECKING:
    from xacct_kit.fleet.crew import Crew
    from xacct_kit.params import Params
    from xacct_kit.report import Finding

# The commands that do something in every account: their name, their steps in `runs`, and what they are for.
IN_EVERY_ACCOUNT = (
    ("probe", "CHECKS", "Check and probe only; changes nothing."),
    ("plan", "PLAN", "Say what a deployment would change. It does so by meaning, and changes nothing."),
    ("deploy", "DEPLOYMENT", "Deploy the role, and prove that it can be assumed."),
)


def onboard(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    workers: Workers = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    resume: Resume = False,
    retry: Retry = None,
    notebooks: Annotated[
        bool, typer.Option("--notebooks", help="Have the notebooks do it, and keep them as they were run.")
    ] = False,
) -> None:
    """Deploy the role, then check and probe the account. That is: Cost Explorer, permissions and trust."""
    params = load(file, param, accounts)
    if not notebooks:
        crew = _crew(workers, processes, scheduler)
        take(params, "ONBOARDING", out, form, crew=crew, resume=resume, retry=retry)
        return
    if workers or processes or scheduler or resume or retry:
        raise RequestError(
            "--notebooks: has no --workers, --processes, --scheduler, --resume or --retry; leave them out"
        )
    from xacct_kit.batch import run_notebooks

    folder = folder_for_results(out, params)
    report, executed = run_notebooks(params, folder, note)
    for notebook in executed:
        note(f"notebook: {notebook}")
    deliver(report, folder, form)


def in_every_account(steps: str) -> Callable[..., None]:
    """A command that takes every account of the params through steps."""

    def command(
        file: ParamsFile,
        param: Overrides = None,
        accounts: AccountsFile = None,
        out: Out = None,
        form: Formats = Format.TABLE,
        workers: Workers = None,
        processes: Processes = None,
        scheduler: Scheduler = None,
        resume: Resume = False,
        retry: Retry = None,
    ) -> None:
        crew = _crew(workers, processes, scheduler)
        params = load(file, param, accounts)
        take(params, steps, out, form, crew=crew, resume=resume, retry=retry, goes_on=True)

    return command


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="RUN1", help="Folder of the earlier run, or its findings.jsonl")
    ],
    new: Annotated[
        Path, typer.Argument(metavar="RUN2", help="Folder of the later run, or its findings.jsonl")
    ],
    form: TextFormats = TextFormat.TABLE,
) -> None:
    """Tell what broke and what healed between two runs. Exit code 1: something broke, or was not tried."""
    from xacct_kit.fleet.journal import read_journal
    from xacct_kit.views import diff as view

    found = view.diff(read_journal(old), read_journal(new))
    say(view.to_json(found) if form is TextFormat.JSON else view.to_text(found))
    raise typer.Exit(GREEN if found.ok else RED)


def load(file: Path, overrides: Iterable[str] | None, accounts: str | None = None) -> Params:
    """The params of a file, with what options say in the place of its own.

    Parameters:
        file: the YAML file.
        overrides: what `-p` says, `key=value` each.
        accounts: the file of a list of accounts, `-` is standard input; None where the params name them.

    Raises:
        ParamsError: the values or the list cannot be meant.
        RequestError: the accounts are said twice.
    """
    from xacct_kit.params import Params, parse_overrides

    given, listed = parse_overrides(overrides or ()), _listed(accounts)
    if twice := given.keys() & listed.keys():
        raise RequestError("\n".join(f"{key}: is given by -p and by --accounts" for key in sorted(twice)))
    return Params.load(file, **given, **listed)


def _listed(file: str | None) -> Mapping[str, Any]:
    """Params that say which accounts: those of a list and no others."""
    if file is None:
        return {}
    from xacct_kit.fleet.account_lists import read_accounts

    return {"member_accounts": read_accounts(file), "organizational_units": ()}


def take(
    params: Params,
    steps: str,
    out: Path | None,
    form: Format,
    *,
    crew: AbstractContextManager[Crew] | None = None,
    workers: int | None = None,
    resume: bool = False,
    retry: Again | None = None,
    goes_on: bool = False,
) -> None:
    """Take every account of the params through steps of `runs`; show and save what was found.

    Parameters:
        params: what the user asked for.
        steps: the name of the steps in `runs`.
        out: the folder for results, as the option says.
        form: how the report is printed.
        crew: who does the work; threads of this process when it is not given.
        workers: how many threads these are.
        resume: whether to go on with the run in the folder.
        retry: what of it is done again besides.
        goes_on: whether the command has --resume; one that has none is begun again.

    Raises:
        RequestError: the request was wrong.
        RunError: the run could not finish, or was interrupted.
        typer.Exit: with the exit code of the report.
    """
    from xacct_kit import runs

    folder = folder_for_results(out, params, going_on=resume or retry is not None)
    with telling_what_is_left(folder, params, goes_on=goes_on), crew or _crew(workers) as hands:
        report = runs.carry_out(
            params,
            getattr(runs, steps),
            progress=note,
            out=folder,
            resume=resume,
            retry=retry is not None,
            crew=hands,
        )
    deliver(report, folder, form)


@contextmanager
def telling_what_is_left(folder: Path, params: Params, *, goes_on: bool) -> Iterator[None]:
    """Save what is known of a run that is interrupted, and say where that is.

    Parameters:
        folder: where the results go.
        params: what the user asked for.
        goes_on: whether the command has --resume.

    Raises:
        RunError: the run was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise RunError(_stopped(folder, params, goes_on)) from None


def _crew(
    workers: int | None, processes: int | None = None, scheduler: str | None = None
) -> AbstractContextManager[Crew]:
    """Who does the work, as the options say."""
    from xacct_kit.fleet.crew import Crew

    if scheduler is None:
        return nullcontext(Crew(workers=workers, processes=processes))
    if processes is not None:
        raise RequestError("--processes: a Dask cluster has its own; leave it out")
    from xacct_kit.fleet.dask_cluster import dask_crew

    return dask_crew(scheduler, workers)


def _stopped(folder: Path, params: Params, goes_on: bool) -> str:
    """What a run that was interrupted leaves, and how it goes on."""
    from xacct_kit.fleet.journal import NAME, read_journal
    from xacct_kit.report import Report

    again = f"go on with --resume --out {folder}" if goes_on else "run it again"
    if (folder / NAME).exists():
        known = read_journal(folder)
        rows = _Unended(known.findings, _not_come_to(params, again))
        Report(rows, journal=known.journal).save(folder)
    return f"stopped; what is known is in {folder}: {again}"


def _not_come_to(params: Params, again: str) -> Finding:
    """That a run was stopped, as a finding of the main account: what is known alone may be green."""
    from xacct_kit.report import Expectation, Finding, OutcomeKind, Verdict

    return Finding(
        step="run",
        probe="run-to-its-end",
        account=params.main_account,
        region=params.region,
        caller="xacct",
        service="",
        action="",
        expected=Expectation.ALLOWED,
        outcome=OutcomeKind.UNKNOWN,
        verdict=Verdict.UNKNOWN,
        why="The run was stopped: what it had not come to is not known.",
        fix=f"{again[0].upper()}{again[1:]}.",
    )


class _Unended(Sequence["Finding"]):
    """The findings of a run that was stopped, read when they are asked for, and one that says so."""

    def __init__(self, known: Sequence[Finding], stopped: Finding) -> None:
        self._known = known
        self._stopped = stopped

    def __len__(self) -> int:
        return len(self._known) + 1

    def __iter__(self) -> Iterator[Finding]:
        return chain(self._known, [self._stopped])

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return list(self)[index]
