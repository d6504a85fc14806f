"""A notebook that holds the wizard, and servers that show it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[2]

# Where params of one's own are kept, as seen from the notebook.
PARAMS = Path("params")


def written(home: Path) -> Path:
    """Write a notebook with the wizard beside params for the sandbox.

    Parameters:
        home: a folder; notebooks and params come to stand in it.
    """
    (home / PARAMS).mkdir()
    shutil.copy(ROOT / "params" / "sandbox.yaml", home / PARAMS)
    # Without the name of its kernel, JupyterLab asks for one.
    notebook = new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        },
        cells=[
            new_markdown_cell("# The wizard"),
            new_code_cell(
                "import xacct_kit as xk\nwizard = xk.wizard(xk.Params.load('../params/sandbox.yaml'))\nwizard"
            ),
        ],
    )
    path = home / "notebooks" / "wizard.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path
