"""The measurements run; how fast anything is, no test says."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.thorough

PEERS = [name for name in ("botocove", "awsrun") if find_spec(name)]


@pytest.mark.parametrize(
    ("script", "arguments", "figures"),
    [
        ("decisions", "0.01", ["compiled once", "with boundary and 2 SCPs", "plain dicts", "100 stars"]),
        ("sandbox", "3", ["3 accounts ready", "first entry", "ec2:DescribeInstances", "sts:AssumeRole"]),
        ("kills", "6 2", ["6 accounts", "killed 2 times", "lost", "doubled"]),
        (
            "fleet",
            "--accounts 3 --workers 3 --latency 1 --rounds 1 --growth 1",
            [
                *(f"faster than {peer}" for peer in PEERS),
                *(f"less than {peer}" for peer in PEERS),
                "against the bare loop",
                "time grows",
                "peak memory grows",
                "first run of a process",
                "next run of the process",
                "import xacct_kit",
            ],
        ),
    ],
)
def test_a_measurement_gives_its_figures(script: str, arguments: str, figures: list[str]) -> None:
    command = [sys.executable, f"benchmarks/{script}.py", *arguments.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    for figure in figures:
        assert re.search(rf"{re.escape(figure)}.*\d", ended.stdout)
