"""What goes to standard output and to standard error, where results are saved, and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO, TextIOWrapper
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import typer

from xacct_kit.cli.options import Format
from xacct_kit.errors import RequestError, RunError

if TYPE_CHECKING:
    from xacct_kit.params import Params
    from xacct_kit.report import Report

GREEN, RED, WRONG_REQUEST, UNFINISHED = 0, 1, 2, 3


def deliver(report: Report, folder: Path, form: Format) -> None:
    """Save and show a report, and end with its exit code.

    Parameters:
        report: what was found.
        folder: where it is saved.
        form: how it is printed.

    Raises:
        RunError: it cannot be saved, or not printed.
        typer.Exit: with the exit code.
    """
    try:
        report.save(folder)
    finally:
        show(report, form)
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
    """Print a report.

    Raises:
        RunError: standard output cannot be written.
    """
    if form is not Format.TABLE:
        _printed(_parts(report, form))
        return
    from rich.console import Console

    from xacct_kit.views.lines import WIDTH
    from xacct_kit.views.text import to_rich

    # Rich ends the process where it finds that nobody reads, so it is not what writes.
    text, shown = StringIO(), sys.stdout.isatty()
    Console(file=text, force_terminal=shown or None, width=None if shown else WIDTH).print(to_rich(report))
    _printed([text.getvalue()])


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


def say(line: str) -> bool:
    """Tell the reader a line of the result.

    Returns:
        Whether somebody reads.

    Raises:
        RunError: standard output cannot be written.
    """
    return _printed([f"{line}\n"])


def _printed(parts: Iterable[str]) -> bool:
    """Print text; that a reader has had enough, as `head` has, is no fault and changes no exit code.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    try:
        sys.stdout.writelines(parts)
        sys.stdout.flush()
    except OSError as error:
        # What is left of it would be written at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise RunError(f"Standard output cannot be written: {error.strerror}.") from error
        return False
    return True


def note(line: str) -> None:
    """Tell the reader something that is no part of the result, as far as it can be told."""
    from xacct_kit.views.lines import clean

    with suppress(OSError):
        # What AWS says may be in it.
        sys.stderr.writelines(f"{clean(part)}\n" for part in line.splitlines())
        sys.stderr.flush()


def open_streams() -> None:
    """Have standard streams whatever there is: UTF-8 in any locale, and nowhere where one is closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif mode == "w" and isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
