"""docs/reference/params.md: every key of params, and where the files and the notebooks set it otherwise."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import nbformat
from reference_tables import code, page, table

from xacct_kit.param_types import AccountId, AccountIds, Loopback, RoleName, StackName, Tags, Units, Word
from xacct_kit.params import REFERENCE_FORMS, SECRETS, Params
from xacct_kit.role.profile import PROFILES

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "params").glob("*.yaml"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

_NUMBERS: Mapping[type, str] = {int: "whole number", float: "number"}
# The types of values, in words; `param_types` has what each accepts.
_TYPES: Mapping[Any, str] = {
    AccountId: "account ID: 12 digits in quotes",
    AccountIds: "account IDs: a list, or text with commas",
    RoleName: "name of a role",
    StackName: "name of a stack",
    Units: "organizational units: a list, or text with commas",
    Tags: "keys and values",
    Word: "text",
    Loopback: "URL on this machine",
    str: "text",
}
# What a key takes is more than its type says.
_KEYS: Mapping[str, str] = {
    **dict.fromkeys(SECRETS, "reference to a secret"),
    "profile": f"{', '.join(map(code, PROFILES))}, or the path of a YAML file",
    "sandbox_scenario": "name of a scenario",
}


def params_page() -> str:
    hints = get_type_hints(Params, include_extras=True)
    rows = [(name, _type(name, hints[name]), field) for name, field in Params.model_fields.items()]
    return page(
        "# Params",
        """One flat set of keys, in a YAML file, in a notebook's parameters cell, as papermill's parameters
        and by `-p key=value`. A key that is not here is refused, and so is a value that cannot be meant,
        before anything is called.""",
        table(
            ("Key", "Value", "Default", "What it is"),
            ((code(name), words, _default(field), str(field.description)) for name, words, field in rows),
        ),
        f"""A secret is never in a file: {" and ".join(map(code, SECRETS))} say where it is, as
        {REFERENCE_FORMS}. Only in the sandbox they may be literals.""",
        "## Files",
        table(("File", "Environment", "Partition", "For"), map(_file, FILES)),
        "## Notebooks",
        f"""Each notebook's parameters cell has every key, with the values of `params/sandbox.yaml`, but
        {_told(_everywhere())}; and `out` is `runs/` with the notebook's name. Besides that it has:""",
        table(("Notebook", "Values"), map(_notebook, NOTEBOOKS)),
    )


def _type(name: str, hint: Any) -> str:
    if name in _KEYS:
        return _KEYS[name]
    hint = _without_none(hint)
    if get_origin(hint) is Literal:
        return ", ".join(map(code, get_args(hint)))
    if hint in _NUMBERS:
        return _NUMBERS[hint] + _limits(name)
    return _TYPES[hint]


def _without_none(hint: Any) -> Any:
    """The type of a value that may be none; of `Annotated[RoleName | None, NONE]`, `RoleName`."""
    if hint in _TYPES or not get_args(hint) or get_origin(hint) is Literal:
        return hint
    inner = get_args(hint)
    return next(_without_none(each) for each in inner if each is not NoneType)


def _limits(name: str) -> str:
    limits = {
        kind: getattr(limit, kind)
        for limit in Params.model_fields[name].metadata
        for kind in ("ge", "le")
        if hasattr(limit, kind)
    }
    least, most = limits.get("ge"), limits.get("le")
    return f" from {least:,}" + (f" to {most:,}" if most else "") if least is not None else ""


def _default(field: Any) -> str:
    if field.is_required():
        return "*required*"
    return "none" if field.default is None else code(_written(field.default))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _file(path: Path) -> tuple[str, ...]:
    params, comment = Params.load(path), path.read_text(encoding="utf-8").replace("\n# ", " ").lstrip("# ")
    return code(f"params/{path.name}"), params.environment, params.partition, re.split(r"[.:]\s", comment)[0]


def _notebook(path: Path) -> tuple[str, ...]:
    common = _everywhere()
    return code(path.name), _told({key: value for key, value in _others(path).items() if key not in common})


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(code(f"{key}: {_written(value)}") for key, value in values.items())


def _everywhere() -> dict[str, Any]:
    """What every notebook has otherwise than the sandbox's params."""
    first, *rest = map(_others, NOTEBOOKS)
    return {key: value for key, value in first.items() if all(other.get(key, ()) == value for other in rest)}


def _others(path: Path) -> dict[str, Any]:
    """What a notebook's parameters cell has otherwise than the sandbox's params."""
    (cell,) = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "parameters" in cell.metadata.get("tags", ())
    ]
    lines = [line for line in ast.parse(cell).body if isinstance(line, ast.AnnAssign) and line.value]
    values = {ast.unparse(line.target): ast.literal_eval(line.value) for line in lines if line.value}
    sandbox = Params.load(ROOT / "params" / "sandbox.yaml", out=f"runs/{path.stem}").model_dump(mode="json")
    assert values.keys() == sandbox.keys()
    return {key: value for key, value in values.items() if value != sandbox[key]}
