"""The checkout as tests read it: its files, its modules, what they import, and the floors they stand on."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "xacct_kit"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Lowest first. A part imports from itself and from the floors below it, not from its neighbours.
FLOORS = (
    {"attended", "errors"},
    {"injection", "param_types", "saving", "strict_json", "strict_yaml"},
    {"iam", "params", "report"},
    {"role", "aws"},
    {"sandbox", "steps"},
    {"environment", "fleet", "views"},
    {"runs"},
    {"interactive"},
    {"__init__"},
    {"batch"},
    {"cli"},
    {"__main__"},
)


def name_of(module: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def place_of(module: Path) -> str:
    """Where a file lies in the checkout, as people write it."""
    return module.relative_to(ROOT).as_posix()


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def functions_of(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls_of(node: ast.AST) -> Iterator[str]:
    """What is called, as it is written: `print`, `sys.stdout.write`."""
    return (ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call))


def imports_of(module: Path, *, when_it_runs: bool = True) -> Iterator[str]:
    """The dotted names that a module imports, at the top or inside a function.

    Parameters:
        module: the file.
        when_it_runs: whether what only a type checker imports is left out.
    """
    tree = tree_of(module)
    for node in _run_time_nodes(tree) if when_it_runs else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "an import says the whole name"
            assert not node.level, "an import says the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _run_time_nodes(child)


def files() -> list[str]:
    """The files that git knows, or would if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


@cache
def pyproject() -> Mapping[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
