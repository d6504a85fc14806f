"""Params as a file that batch runs use: flat YAML, written whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from xacct_kit.errors import ParamsError, RunError
from xacct_kit.params import Params
from xacct_kit.saving import replacing

FOLDER = "params"
_SUFFIX = ".local.yaml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME_FORM = "1 to 64 letters, digits, _ and -, a letter or digit first"

# Where a run begins; the rest is written where it is not what it would be anyway.
_ALWAYS = ("environment", "region", "main_account", "member_accounts", "external_id", "profile", "probes")


def params_path(name: str) -> Path:
    """Where params of one's own are kept, which no repository takes.

    Parameters:
        name: their name, without the ending.

    Returns:
        The file in the nearest folder `params`: here, or beside this folder as seen from a notebook.

    Raises:
        ParamsError: that is no name for a file.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError([f"name: {name!r} is no name for a file: {_NAME_FORM}"])
    folders = (Path(FOLDER), Path("..") / FOLDER)
    folder = next((there for there in folders if there.is_dir()), folders[0])
    return folder / f"{name}{_SUFFIX}"


def to_yaml(params: Params) -> str:
    """Params as flat YAML: what a run begins with, and what is not as it is by default."""
    defaults = {key: field.get_default() for key, field in Params.model_fields.items()}
    values = params.model_dump(mode="json", exclude={"out"})
    written = {
        key: value for key, value in values.items() if key in _ALWAYS or getattr(params, key) != defaults[key]
    }
    lines = (f"{key}:{_yaml(value)}" for key, value in written.items())
    return "\n".join(["# xacct probe changes nothing; xacct onboard deploys the role.", *lines, ""])


def _yaml(value: Any) -> str:
    # JSON is YAML, and in quotes an account ID is no number.
    if isinstance(value, list) and value:
        return "".join(f"\n  - {json.dumps(item, ensure_ascii=False)}" for item in value)
    return f" {json.dumps(value, ensure_ascii=False)}"


def says(path: Path, text: str | None) -> bool:
    """Whether a file says a text, word for word."""
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def save_params(params: Params, path: Path) -> None:
    """Write params to a file, in place of what it held.

    Raises:
        RunError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(to_yaml(params))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{path} cannot be written: {reason}") from error
