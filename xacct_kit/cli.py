"""The command `xacct`: it passes values on, shows reports and turns verdicts into exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xacct_kit import strict_json
from xacct_kit.cli_options import (
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
    Workers,
)
from xacct_kit.errors import RequestError, RunError, XacctError

if TYPE_CHECKING:
    from xacct_kit.fleet.crew import Crew
    from xacct_kit.params import Params
    from xacct_kit.report import Report

GREEN, RED, WRONG_REQUEST, UNFINISHED = 0, 1, 2, 3

app = typer.Typer(
    help="Onboard AWS accounts for Service Workbench, and prove that every permission is there.\n\n"
    "Exit code: 0 every verdict is green, 1 some verdict is not, 2 the request was wrong and nothing was "
    "called, 3 the run could not finish.",
    add_completion=False,
    no_args_is_help=True,
    # A fault of usage is one line, not a box of broken ones.
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
    pretty_exceptions_enable=False,
)


@app.command()
def demo(out: Out = None) -> None:
    """The whole job on the sandbox, and where to look at it."""
    from xacct_kit.demo import run_demo

    target = _target(out)
    report, notebooks = run_demo(target, _say)
    _show(report, Format.TABLE)
    _say(f"\nreport     {target / 'report.html'}")
    for notebook in notebooks:
        _say(f"notebook   {notebook}")
    _finish(report)


# The commands that do something in every account: their name, their steps in `runs`, and what they are for.
_IN_EVERY_ACCOUNT = (
    ("onboard", "ONBOARDING", "Deploy the role, check Cost Explorer, probe every permission and the trust."),
    ("probe", "CHECKS", "Check and probe only; changes nothing."),
    ("deploy", "DEPLOYMENT", "Deploy the role, and prove that it can be assumed."),
)


def _in_every_account(name: str, steps: str, what: str) -> None:
    @app.command(name, help=what)
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
        _run(_load(file, param, accounts), steps, out, form, crew, resume=resume, retry=retry)


for _command in _IN_EVERY_ACCOUNT:
    _in_every_account(*_command)


@app.command()
def offboard(
    file: ParamsFile,
    param: Overrides = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Remove what killed runs have left of their canaries.")
    ] = False,
) -> None:
    """Remove what the kit has made in the accounts; what that is has to be said."""
    from xacct_kit.environment import connect
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.steps.leftovers import remove_leftovers

    params = _load(file, param)
    if not canaries:
        raise RequestError("offboard: says nothing of what is to be removed; write --canaries")
    target = _target(out, params)
    with connect(params) as session:
        report = targeted(session)
        report += remove_leftovers(session, progress=_note)
    _deliver(report, target, form)


@app.command()
def diff(
    old: Annotated[
        Path, typer.Argument(metavar="RUN1", help="Folder of the earlier run, or its findings.jsonl")
    ],
    new: Annotated[
        Path, typer.Argument(metavar="RUN2", help="Folder of the later run, or its findings.jsonl")
    ],
    form: Formats = Format.TABLE,
) -> None:
    """Tell what broke and what healed between two runs, by cause; exit code 1 when something broke."""
    from xacct_kit.fleet.journal import read_journal
    from xacct_kit.views import diff as view

    found = view.diff(read_journal(old), read_journal(new))
    _say(view.to_json(found) if form is Format.JSON else view.to_text(found))
    raise typer.Exit(GREEN if found.ok else RED)


@app.command()
def template(file: ParamsFile, param: Overrides = None) -> None:
    """Print the CloudFormation template of the role."""
    from xacct_kit.role.profile import load_profile
    from xacct_kit.role.template import build_template, to_yaml

    params = _load(file, param)
    sys.stdout.write(to_yaml(build_template(load_profile(params.profile))))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 chooses a free port.")] = 0,
    scenario: Annotated[str, typer.Option(help="What is wrong in the member accounts.")] = "healthy",
    accounts: Annotated[int, typer.Option(min=1, max=50_000, help="Number of member accounts.")] = 1,
    throttle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=SHARE", help="Refuse a share of requests, such as emr=0.2; repeatable."
        ),
    ] = None,
    latency: Annotated[
        list[str] | None,
        typer.Option(metavar="[SERVICE=]TIME", help="Answer late, such as 100ms or emr=2s; repeatable."),
    ] = None,
    propagation: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long a new role cannot be assumed, such as 10s.")
    ] = None,
) -> None:
    """Serve the sandbox on loopback, and print the environment that points any AWS tool at it."""
    from xacct_kit.sandbox.disturbances import parse_duration, parse_latency, parse_throttle
    from xacct_kit.sandbox.layout import Layout
    from xacct_kit.sandbox.server import serve

    layout = Layout(
        scenario=scenario,
        accounts=accounts,
        throttle=parse_throttle(throttle or ()),
        latency=parse_latency(latency or ()),
        propagation=None if propagation is None else parse_duration("propagation", propagation),
    )
    serve(layout, port, _export)


@app.command()
def decide(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines; - is standard input")],
) -> None:
    """Evaluate policy requests: JSON Lines in, decisions out."""
    from xacct_kit.iam import decide_line

    _batch(file, decide_line)


@app.command()
def classify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines; - is standard input")],
) -> None:
    """Classify AWS errors: JSON Lines in, outcomes out."""
    from xacct_kit.aws.errors import classify_line

    _batch(file, classify_line)


def main() -> None:
    """Run the command; errors of the kit become one line a fault and an exit code."""
    try:
        app()
    except XacctError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(UNFINISHED)


def _load(file: Path, overrides: Iterable[str] | None, accounts: str | None = None) -> Params:
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


def _run(
    params: Params,
    steps: str,
    out: Path | None,
    form: Format,
    crew: AbstractContextManager[Crew],
    *,
    resume: bool,
    retry: Again | None,
) -> None:
    from xacct_kit import runs

    if (resume or retry) and out is None and "out" not in params.model_fields_set:
        raise RequestError("--resume, --retry: which run to go on with is not said; write --out FOLDER")
    target = _target(out, params)
    try:
        with crew as hands:
            report = runs.carry_out(
                params,
                getattr(runs, steps),
                progress=_note,
                out=target,
                resume=resume,
                retry=retry is not None,
                crew=hands,
            )
    except KeyboardInterrupt:
        raise RunError(_stopped(target)) from None
    _deliver(report, target, form)


def _crew(workers: int | None, processes: int | None, scheduler: str | None) -> AbstractContextManager[Crew]:
    """Who does the work, as the options say."""
    from xacct_kit.fleet.crew import Crew

    if scheduler is None:
        return nullcontext(Crew(workers=workers, processes=processes))
    if processes is not None:
        raise RequestError("--processes: a Dask cluster has its own; leave it out")
    from xacct_kit.fleet.dask_cluster import dask_crew

    return dask_crew(scheduler, workers)


def _stopped(target: Path) -> str:
    """What a run that was interrupted leaves, and how it goes on."""
    from xacct_kit.fleet.journal import NAME, read_journal

    if (target / NAME).exists():
        read_journal(target).save(target)
    return f"stopped; what is known is in {target}: go on with --resume --out {target}"


def _deliver(report: Report, target: Path, form: Format) -> None:
    _show(report, form)
    report.save(target)
    _note(f"report: {target / 'report.html'}")
    _finish(report)


def _finish(report: Report) -> None:
    raise typer.Exit(GREEN if report.ok else RED)


def _target(out: Path | None, params: Params | None = None) -> Path:
    """Where results go: the option, else what the params were given, else a folder of this run's own.

    Asked before anything is called, because it refuses a folder that nothing can be saved in.
    """
    from xacct_kit.report import check_directory

    if out is None and params is not None and "out" in params.model_fields_set:
        out = Path(params.out)
    target = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    check_directory(target)
    return target


def _show(report: Report, form: Format) -> None:
    if form is Format.JSON:
        from xacct_kit.views.files import to_json

        _say(to_json(report))
        return
    from rich.console import Console

    from xacct_kit.views.lines import WIDTH
    from xacct_kit.views.text import to_rich

    Console(width=None if sys.stdout.isatty() else WIDTH).print(to_rich(report))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _note(line: str) -> None:
    """Tell the reader something that is no part of the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _export(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        _say(f"export {name}={value}")


def _batch(file: str, evaluate: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Answer line by line; a line that cannot be read gets an error, and the others their answers."""
    readable = True
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            answer = evaluate(_object(line))
        except (RequestError, RecursionError) as error:
            fault = error if isinstance(error, RequestError) else "nested too deeply"
            answer, readable = {"error": f"line {number}: {fault}"}, False
        _say(json.dumps(answer, ensure_ascii=False))
    raise typer.Exit(GREEN if readable else WRONG_REQUEST)


def _object(line: bytes) -> Mapping[str, Any]:
    value = strict_json.parse(line)
    if not isinstance(value, dict):
        raise RequestError(f"not a JSON object but {strict_json.type_name(value)}")
    return value


def _lines(file: str) -> Iterator[bytes]:
    if file == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as opened:
            yield from opened
    except OSError as error:
        raise RequestError(f"{file}: {error.strerror}") from error
