"""Whether somebody is looking."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from xacct_kit.attended import attended


@pytest.mark.parametrize(
    ("environment", "looking"),
    [
        ({}, False),
        ({"JPY_PARENT_PID": "7"}, False),
        ({"JPY_SESSION_NAME": ""}, False),
        ({"JPY_SESSION_NAME": "notebooks/0_start_here.ipynb"}, True),
        ({"VOILA_REQUEST_URL": "http://127.0.0.1:8866/"}, True),
    ],
)
def test_somebody_looks_where_a_page_started_the_kernel(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], looking: bool
) -> None:
    for name in ("JPY_SESSION_NAME", "VOILA_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert attended() is looking


_IN_A_KERNEL = "from xacct_kit.attended import attended; print(attended())"
_OF_A_KERNEL = f"""
from jupyter_client.launcher import launch_kernel
import sys
launch_kernel([sys.executable, "-c", {_IN_A_KERNEL!r}]).wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="is known on Linux alone")
@pytest.mark.parametrize(
    ("code", "looking"), [(_IN_A_KERNEL, "True"), (_OF_A_KERNEL, "False")], ids=["the page's", "in batch"]
)
def test_nobody_looks_at_a_kernel_that_a_page_s_kernel_starts(no_aws: None, code: str, looking: str) -> None:
    """As papermill does, where it is called in a cell or by one."""
    page = {**os.environ, "JPY_SESSION_NAME": "Untitled.ipynb", "JPY_PARENT_PID": str(os.getpid())}
    done = subprocess.run([sys.executable, "-c", code], env=page, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [looking], done.stderr
