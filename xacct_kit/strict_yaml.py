"""YAML from a person: a fault is told with its line, and what can be misunderstood is one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from xacct_kit.errors import PATH_ERRORS, ParamsError, path_fault

_TAG = "tag:yaml.org,2002:"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float")
# YAML 1.1 reads 010 as eight and 1:30 as ninety.
_PLAIN_NUMBER = re.compile(r"(?![-+]?0[0-9_])[^:]{1,40}")
_PLAINLY = "up to 40 digits, no leading zero and no colon"
_MOST_LEVELS = 20


class _Loader(yaml.SafeLoader):
    level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.level > _MOST_LEVELS:
            raise _Unreadable(self.line + 1, "is nested too deeply")
        self.level += 1
        node = super().compose_node(parent, index)
        self.level -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != f"{_TAG}str":
                raise _fault(key, "a key must be plain text; put it in quotes")
            if key.value in seen:
                name = key.value if key.value.isprintable() else repr(key.value)
                raise _fault(key, f"{name} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in _NUMBERS and not _PLAIN_NUMBER.fullmatch(str(node.value)):
            raise _fault(node, f"a number has {_PLAINLY}; put it in quotes if it is text")
        try:
            if isinstance(node, yaml.ScalarNode):
                # Half of a surrogate pair is no character.
                node.value.encode()
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError):
            kind = node.tag.removeprefix(_TAG)
        # Raised out here, without PyYAML's own text: that quotes the value.
        raise _fault(node, f"is no {kind} that can be read; put it in quotes if it is text")


def _fault(node: yaml.Node, problem: str) -> ConstructorError:
    return ConstructorError(problem=problem, problem_mark=node.start_mark)


def read(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        ParamsError: the file cannot be read.
    """
    try:
        text = path.read_bytes()
    except PATH_ERRORS as error:
        raise ParamsError([f"{path}: {path_fault(error)}"]) from error
    return parse(text, str(path))


def parse(text: str | bytes, place: str) -> Any:
    """What YAML text holds.

    Parameters:
        text: the text; bytes are UTF-8, or what their byte order mark says.
        place: what a fault calls the text.

    Raises:
        ParamsError: the text is not YAML.
    """
    try:
        written = text if isinstance(text, str) else _decode(text)
        return _load(written)
    except _Unreadable as error:
        fault = f"{place}, {error}"
    # Raised out here, and without YAML's own text: that quotes the line, which may hold an external ID.
    raise ParamsError([fault])


def decode(text: bytes, place: str) -> str:
    """What bytes say that are UTF-8, or what their byte order mark says.

    Parameters:
        text: the bytes.
        place: what a fault calls them.

    Raises:
        ParamsError: they are no text.
    """
    try:
        return _decode(text)
    except _Unreadable as error:
        raise ParamsError([f"{place}, {error}"]) from None


def parse_list(text: str, place: str, key: str) -> list[tuple[int, str | None]]:
    """The entries of a list, or of the list under a key, each with its line.

    Parameters:
        text: the YAML.
        place: what a fault calls the text.
        key: the key, where the list is not all there is.

    Returns:
        Line and text as it is written, without its quotes; None for what is no text or number.

    Raises:
        ParamsError: the text is not YAML, or there is no such list.
    """
    parse(text, place)
    node = yaml.compose(text, Loader=_Loader)
    if isinstance(node, yaml.MappingNode):
        node = next((value for name, value in node.value if name.value == key), None)
    if not isinstance(node, yaml.SequenceNode):
        raise ParamsError([f"{place}: holds neither a list nor one under {key}"])
    return [(entry.start_mark.line + 1, _written(entry)) for entry in node.value]


def _written(node: yaml.Node) -> str | None:
    plain = isinstance(node, yaml.ScalarNode) and node.tag in (f"{_TAG}str", *_NUMBERS)
    return str(node.value) if plain else None


class _Unreadable(Exception):
    def __init__(self, line: int, fault: str) -> None:
        super().__init__(f"line {line}: {fault}")


def _decode(text: bytes) -> str:
    wide = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return text.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, f"is not text in {error.encoding.upper()}") from None


def _load(text: str) -> Any:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Unreadable(line, f"the character U+{ord(text[error.position]):04X} is not allowed") from None
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else loader.line
        problem = str(error.problem)
        fault = f"{error.context}, {problem}" if problem.startswith("but ") else problem
    except (ValueError, OverflowError):
        # An escape that is no character, or a version of too many digits.
        line, fault = loader.line, "cannot be read as YAML"
    raise _Unreadable(line + 1, fault)
