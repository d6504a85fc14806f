"""Whether somebody is looking: only then is there anybody to click."""

from __future__ import annotations

import os

# What a server sets for the kernels that it starts for a page: Jupyter's, and Voilà.
# https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/services/sessions/sessionmanager.py
# https://github.com/voila-dashboards/voila/blob/main/voila/utils.py
SET_FOR_A_PAGE = ("JPY_SESSION_NAME", "VOILA_REQUEST_URL")


def attended() -> bool:
    """Whether the kernel was started by JupyterLab, Notebook or Voilà.

    In batch (papermill, nbclient, nbval) it was not: what is shown there is text and tables alone, and no
    widget's state gets into a notebook.
    """
    return any(os.environ.get(name) for name in SET_FOR_A_PAGE)
