"""What goes to standard output and to standard error, where results are saved, and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import typer

from xacct_kit.cli.options import Format
from xacct_kit.errors import RequestError

if TYPE_CHECKING:
    from xacct_kit.params import Params
    from xacct_kit.report import Report

GREEN, RED, WRONG_REQUEST, UNFINISHED = 0, 1, 2, 3


def deliver(report: Report, folder: Path, form: Format) -> None:
    """Show and save a report, and end with its exit code.

    Parameters:
        report: what was found.
        folder: where it is saved.
        form: how it is printed.

    Raises:
        RunError: it cannot be saved.
        typer.Exit: with the exit code.
    """
    show(report, form)
    report.save(folder)
    note(f"report: {folder / 'report.html'}")
    finish(report)


def finish(report: Report) -> None:
    """End with a report's exit code.

    Raises:
        typer.Exit: with it.
    """
    raise typer.Exit(GREEN if report.ok else RED)


def folder_for_results(out: Path | None, params: Params | None = None, *, going_on: bool = False) -> Path:
    """Where results go: the option, else what the params were given, else a folder of this run's own.

    Asked before anything is called, because it refuses a folder that nothing can be saved in, and to go on
    with a run of which it is not said where it is.

    Parameters:
        out: what the option says.
        params: what the user asked for; None for a command that has no params.
        going_on: whether to go on with a run that is there.

    Raises:
        RequestError: nothing can be saved there, or it is not said where the run is.
    """
    from xacct_kit.report import check_directory

    if out is None and params is not None and "out" in params.model_fields_set:
        out = Path(params.out)
    if going_on and out is None:
        raise RequestError("--resume, --retry: which run to go on with is not said; write --out FOLDER")
    # Runs that begin in the same second have folders of their own.
    folder = out or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"
    check_directory(folder)
    return folder


def show(report: Report, form: Format) -> None:
    """Print a report."""
    if form is not Format.TABLE:
        sys.stdout.writelines(_parts(report, form))
        sys.stdout.flush()
        return
    from rich.console import Console

    from xacct_kit.views.lines import WIDTH
    from xacct_kit.views.text import to_rich

    Console(width=None if sys.stdout.isatty() else WIDTH).print(to_rich(report))


def _parts(report: Report, form: Format) -> Iterable[str]:
    """The report in a format that programs read, in the words of its file."""
    if form is Format.JSON:
        from xacct_kit.views.files import json_parts

        return json_parts(report)
    if form is Format.JUNIT:
        from xacct_kit.views.junit import junit_parts

        return junit_parts(report)
    from xacct_kit.views.markdown import to_markdown

    return [to_markdown(report)]


def say(line: str) -> None:
    """Tell the reader a line of the result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """Tell the reader something that is no part of the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
