"""The commands that call nobody: the template, decisions and the classes of errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from xacct_kit import strict_json
from xacct_kit.cli.accounts import load
from xacct_kit.cli.options import Overrides, ParamsFile
from xacct_kit.cli.output import GREEN, WRONG_REQUEST, say
from xacct_kit.errors import RequestError


def template(file: ParamsFile, param: Overrides = None) -> None:
    """Print the CloudFormation template of the role."""
    from xacct_kit.role.profile import load_profile
    from xacct_kit.role.template import build_template, to_yaml

    params = load(file, param)
    say(to_yaml(build_template(load_profile(params.profile))).rstrip("\n"))


def decide(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines; - is standard input")],
) -> None:
    """Evaluate policy requests: JSON Lines in, decisions out."""
    from xacct_kit.iam import decide_line

    _batch(file, decide_line)


def classify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines; - is standard input")],
) -> None:
    """Classify AWS errors: JSON Lines in, outcomes out."""
    from xacct_kit.aws.errors import classify_line

    _batch(file, classify_line)


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
        if not say(json.dumps(answer, ensure_ascii=False)):
            break
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
