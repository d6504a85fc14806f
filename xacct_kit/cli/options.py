"""The arguments and options that the commands of `xacct` share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class TextFormat(StrEnum):
    """How anything else is printed."""

    TABLE = "table"
    JSON = "json"


class Again(StrEnum):
    """What is done again."""

    RED = "red"


ParamsFile = Annotated[Path, typer.Argument(metavar="PARAMS", help="YAML file, such as params/sandbox.yaml")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="KEY=VALUE",
        help="In the place of the file's, such as region=eu-west-1; repeatable.",
    ),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the report; runs/<time> when it is not given.")]
AccountsFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The accounts, in place of those of PARAMS: YAML, CSV or one a line; - is standard input.",
    ),
]
Formats = Annotated[Format, typer.Option("--format", help="How the report is printed.")]
TextFormats = Annotated[TextFormat, typer.Option("--format", help="How it is printed.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1000, help="Accounts to work on at a time; 20 when it is not given.")
]
Processes = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that share the workers; chosen by the accounts.")
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster to run on, such as tcp://host:8786.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out: do what is missing.")]
Retry = Annotated[
    Again | None,
    typer.Option(
        help="Go on with the run in --out: also do accounts again that have a red or unknown finding."
    ),
]
