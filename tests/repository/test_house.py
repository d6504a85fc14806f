"""How the package is built: what may import what, who calls AWS and writes to the screen, how it reads."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TypeVar

import pytest
from house import (
    FLOORS,
    MODULES,
    PACKAGE,
    ROOT,
    calls_of,
    files,
    functions_of,
    imports_of,
    name_of,
    place_of,
    tree_of,
)

Node = TypeVar("Node", bound=ast.AST)

PARTS = frozenset().union(*FLOORS)


def part_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(part: str) -> int:
    return next(floor for floor, parts in enumerate(FLOORS) if part in parts)


def parts_imported(module: Path) -> set[str]:
    ours = (name.split(".") for name in imports_of(module) if name.split(".")[0] == PACKAGE.name)
    return {names[1] if len(names) > 1 and names[1] in PARTS else "__init__" for names in ours}


# What may import what


def test_every_part_stands_on_a_floor() -> None:
    assert {part_of(module) for module in MODULES} == PARTS


def test_a_module_imports_only_from_below() -> None:
    above = {
        place_of(module): others
        for module in MODULES
        if (others := parts_imported(module) - {part_of(module)} - below(part_of(module)))
    }
    assert not above


def below(part: str) -> set[str]:
    return set().union(*FLOORS[: floor_of(part)])


def test_no_import_leads_back_to_where_it_began() -> None:
    modules = {name_of(module): module for module in MODULES}

    def imported(module: Path) -> Iterator[str]:
        for name in imports_of(module):
            # What is imported from a module is no module itself.
            found = name if name in modules else name.rpartition(".")[0]
            if found in modules and found != name_of(module):
                yield found

    order = TopologicalSorter({name: set(imported(module)) for name, module in modules.items()})
    assert len(list(order.static_order())) == len(modules)


def test_importing_the_kit_loads_nothing_heavy() -> None:
    heavy = {"boto3", "botocore", "moto", "pandas", "rich", "cfnlint", "IPython", "ipywidgets", "papermill"}
    code = "import sys, xacct_kit; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not heavy & set(loaded.stdout.split())


# Who calls AWS, and who writes to the screen

# Where the SDK opens a way to AWS, or reads how.
_WAYS_OUT = ("boto3", "botocore.session", "botocore.httpsession", "botocore.config", "botocore.client")


def test_only_aws_opens_a_way_to_aws() -> None:
    opening = {
        place_of(module): names
        for module in MODULES
        if (names := [name for name in imports_of(module, when_it_runs=False) if name.startswith(_WAYS_OUT)])
    }
    assert {place.split("/")[1] for place in opening} == {"aws"}, opening


def test_only_aws_makes_clients() -> None:
    makers = re.compile(r"\.(client|create_client)$|(^|\.)get_session$")
    making = {
        place_of(module)
        for module in MODULES
        if any(makers.search(call) for call in calls_of(tree_of(module)))
    }
    assert making == {"xacct_kit/aws/clients.py"}


_SPEAKING = {
    # A process of its own: what it writes, the kit reads.
    "xacct_kit/sandbox/serving.py",
    # In batch a run that is watched is lines of text below its cell.
    "xacct_kit/interactive/watch.py",
}


def test_only_what_people_look_at_writes_to_the_screen() -> None:
    to_the_screen = re.compile(
        r"^(builtins\.)?print$|^sys\.(__)?std(out|err)(__)?\.(buffer\.)?write(lines)?$"
    )
    writing = {
        place_of(module)
        for module in MODULES
        if any(to_the_screen.search(call) for call in calls_of(tree_of(module)))
    }
    assert not {
        place for place in writing if place.split("/")[1] not in {"cli", "views"} and place not in _SPEAKING
    }


# How it reads


def test_a_module_can_be_read_at_one_sitting() -> None:
    assert not [
        place_of(module) for module in MODULES if len(module.read_text(encoding="utf-8").splitlines()) > 400
    ]


def test_functions_are_short() -> None:
    lengths = {
        f"{place_of(module)}:{each.name}": (each.end_lineno or 0) - each.lineno + 1
        for module in MODULES
        for each in functions_of(module)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > 60}
    assert statistics.median(lengths.values()) <= 12
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= 35


def test_every_module_says_what_it_is_for() -> None:
    assert not [place_of(module) for module in MODULES if not ast.get_docstring(tree_of(module))]


def test_nothing_private_is_left_unused() -> None:
    """Of functions and classes with a leading underscore; what a caller finds by decoration is used by it."""
    asked = {node.attr for module in MODULES for node in nodes(module, ast.Attribute)}
    unused = {
        place_of(module): left
        for module in MODULES
        if (left := private(module) - {node.id for node in nodes(module, ast.Name)} - asked)
    }
    assert not unused


def private(module: Path) -> set[str]:
    made = [*nodes(module, ast.FunctionDef), *nodes(module, ast.ClassDef)]
    return {
        node.name
        for node in made
        if node.name.startswith("_") and not node.name.endswith("_") and not node.decorator_list
    }


def nodes(module: Path, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(tree_of(module)) if isinstance(node, kind)]


# What it does not say


def test_no_partition_is_written_down() -> None:
    assert not [place_of(module) for module in MODULES if "arn:aws:" in module.read_text(encoding="utf-8")]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the files are those that git knows")
def test_no_file_names_a_home_folder() -> None:
    home = re.compile(rb"(?<![\w.])(?:/home|/Users|/root|\\Users)[/\\]\w")
    assert not [name for name in files() if home.search((ROOT / name).read_bytes())]
