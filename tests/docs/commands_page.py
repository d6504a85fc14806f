"""docs/reference/commands.md: every command, as it is declared.

Typer's own pages of a command are not used: they shorten what a command does, and their words change with its
version.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer
from reference_tables import code, page, table

from xacct_kit.cli import app

# What stands for a value that has no word of its own.
_WORDS: Mapping[Any, str] = {Path: "FOLDER", int: "N", float: "NUMBER", str: "TEXT", bool: ""}
# Options of so many commands are told of once.
_SHARED = 3


@dataclass(frozen=True, kw_only=True)
class Declared:
    """An argument or an option, as a command's function declares it.

    Attributes:
        names: what an option is written as; an argument has none.
        value: what stands for its value; empty where there is none.
        about: what it is for.
        default: what it is when it is not given; empty where nothing is.
        required: whether it must be given.
    """

    names: tuple[str, ...]
    value: str
    about: str
    default: str
    required: bool

    @property
    def row(self) -> tuple[str, str, str]:
        return code(" ".join(filter(None, (", ".join(self.names), self.value)))), self.about, self.default


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, what it does, and what it takes."""

    name: str
    about: str
    takes: tuple[Declared, ...]

    @property
    def arguments(self) -> list[Declared]:
        return [each for each in self.takes if not each.names]

    @property
    def options(self) -> list[Declared]:
        return [each for each in self.takes if each.names]


def commands() -> list[Command]:
    """The commands in the order in which the help has them."""
    return [
        Command(
            name=each.name or each.callback.__name__,
            about=each.help or inspect.getdoc(each.callback) or "",
            takes=tuple(_declared(each.callback)),
        )
        for each in app.registered_commands
        if each.callback
    ]


def _declared(function: Callable[..., Any]) -> Iterator[Declared]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        hint, info = get_args(hints[name])
        optional = isinstance(info, typer.models.OptionInfo)
        required = parameter.default is inspect.Parameter.empty
        unset = required or any(parameter.default is each for each in (None, False, ""))
        # Inside `Annotated` the first name that is declared stands where a default would.
        declared = [each for each in (info.default, *(info.param_decls or ())) if isinstance(each, str)]
        spelled = declared or [f"--{name.replace('_', '-')}"]
        yield Declared(
            names=tuple(sorted(spelled, reverse=True)) if optional else (),
            value=info.metavar or _word(hint),
            about=_sentence(info) + (" Required." if required and optional else ""),
            default="" if unset else code(str(parameter.default)),
            required=required,
        )


def _word(hint: Any) -> str:
    """What stands for a value of a type, or for one that may be left out."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [each for each in get_args(hint) if each is not NoneType]
    return "|".join(hint) if issubclass(hint, StrEnum) else _WORDS[hint]


def _sentence(info: Any) -> str:
    told = f"{info.help.removesuffix('.')}."
    return told if info.min is None else f"{told} From {info.min:,} to {info.max:,}."


def commands_page() -> str:
    found = commands()
    counted = Counter(option for command in found for option in command.options)
    shared = [option for option, times in counted.items() if times >= _SHARED]
    return page(
        "# Commands",
        *str(app.info.help).split("\n\n"),
        table(("Command", "What it does"), ((_link(each.name), each.about) for each in found)),
        "## Options of many commands",
        table(("Option", "What it is for", "Default"), (option.row for option in shared)),
        *(part for command in found for part in _section(command, shared)),
    )


def _link(name: str) -> str:
    return f"[`xacct {name}`](#xacct-{name})"


def _section(command: Command, shared: list[Declared]) -> Iterator[str]:
    yield f"## `xacct {command.name}`"
    yield command.about
    yield f"```text\nxacct {' '.join((command.name, *_usage(command)))}\n```"
    if command.arguments:
        yield "".join(f"- {code(each.value)}: {each.about}\n" for each in command.arguments)
    if own := [option for option in command.options if option not in shared]:
        yield table(("Option", "What it is for", "Default"), (option.row for option in own))
    if also := [code(option.names[-1]) for option in command.options if option in shared]:
        of = "And of" if own else "Of"
        yield f"{of} the options [of many commands](#options-of-many-commands) {', '.join(also)}."


def _usage(command: Command) -> Iterator[str]:
    yield from (each.value for each in command.arguments)
    yield from (f"{each.names[-1]} {each.value}" for each in command.options if each.required)
    if command.options:
        yield "[OPTIONS]"
