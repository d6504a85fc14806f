"""YAML from a person: a fault is told with its line, and a key that comes twice is one."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from xacct_kit.errors import ParamsError


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"{key.value} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        ParamsError: the file cannot be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ParamsError([f"{path}: {error.strerror}"]) from error
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
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fault = f"{place}, line {line}: {error.problem}"
    except yaml.YAMLError as error:
        fault = f"{place}: {error}"
    except ValueError as error:
        # Behind the colon Python quotes the value.
        fault = f"{place}: {str(error).partition(':')[0]}"
    except (LookupError, AttributeError):
        fault = f"{place}: a value is not what its tag says"
    # Raised out here, and without YAML's own text: that quotes the line, which may hold an external ID.
    raise ParamsError([fault])
