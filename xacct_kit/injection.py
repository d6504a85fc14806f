"""What papermill puts into a notebook: of a parameter that is not known there it warns, and goes on."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

# How the cell begins that papermill adds, and the kernel's list of the cells that were run.
# https://github.com/nteract/papermill/blob/main/papermill/translators.py
# https://ipython.readthedocs.io/en/stable/interactive/reference.html#input-caching-system
_HEAD = "# Parameters\n"
_HISTORY = "In"


def injected_names(namespace: Mapping[str, Any]) -> frozenset[str]:
    """The names that papermill gave values to.

    Parameters:
        namespace: a notebook's variables, as `globals()` gives them.
    """
    history = namespace.get(_HISTORY)
    cells = history if isinstance(history, list) else []
    sources = [cell for cell in cells if isinstance(cell, str) and cell.startswith(_HEAD)]
    return frozenset(name for source in sources for name in _assigned(source))


def _assigned(source: str) -> Iterator[str]:
    """The names that a cell of assignments assigns; papermill writes nothing else."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return
    if not all(isinstance(statement, ast.Assign) for statement in statements):
        return
    for node in ast.walk(ast.Module(statements, [])):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
