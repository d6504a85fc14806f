"""Whether somebody is looking: only then is there anybody to click."""

from __future__ import annotations

import os
from pathlib import Path

# What a server sets for the kernels that it starts for a page: Jupyter's, and Voilà.
# https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/services/sessions/sessionmanager.py
# https://github.com/voila-dashboards/voila/blob/main/voila/utils.py
SET_FOR_A_PAGE = ("JPY_SESSION_NAME", "VOILA_REQUEST_URL")

# Who started a kernel, by the number of its process; on Windows it is something else.
# https://github.com/jupyter/jupyter_client/blob/main/jupyter_client/launcher.py
_STARTED_BY = "JPY_PARENT_PID"


def attended() -> bool:
    """Whether the kernel was started by JupyterLab, Notebook or Voilà.

    In batch (papermill, nbclient, nbval) it was not: what is shown there is text and tables alone, and no
    widget's state gets into a notebook. That holds too where the batch was begun in a notebook, whose kernel
    hands on what its server has set; that is known on Linux alone, by what who started the kernel was given.
    """
    handed_on = _environment_of(os.environ.get(_STARTED_BY, ""))
    return any((value := os.environ.get(name)) and handed_on.get(name) != value for name in SET_FOR_A_PAGE)


def _environment_of(process: str) -> dict[str, str]:
    """What a process was started with; nothing where that cannot be read."""
    if not process.isdecimal():
        return {}
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(each).partition("=")[::2] for each in variables)
