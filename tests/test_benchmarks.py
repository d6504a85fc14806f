"""The measurements run; how fast anything is, no test says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("script", "argument", "figures"),
    [
        ("decisions", "0.01", ["compiled once", "with boundary and 2 SCPs", "plain dicts", "100 stars"]),
        ("sandbox", "3", ["3 accounts ready", "first entry", "ec2:DescribeInstances", "sts:AssumeRole"]),
    ],
)
def test_a_measurement_gives_its_figures(script: str, argument: str, figures: list[str]) -> None:
    command = [sys.executable, f"benchmarks/{script}.py", argument]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    for figure in figures:
        assert re.search(rf"{re.escape(figure)}.*\d", ended.stdout)
