"""A command as a child process: how it ends, what it leaves, and that it does not outlive who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.live_run import Changes, LiveRun
from xacct_kit.interactive.params_file import save_params
from xacct_kit.interactive.run_state import RunState, state_after
from xacct_kit.params import Params
from xacct_kit.report import Report

pytestmark = pytest.mark.slow

SANDBOX = Path(__file__).parents[2] / "params" / "sandbox.yaml"

_PATIENCE_SECONDS = 60.0


def live(out: Path, command: str = "probe", tell: Any = lambda changes: None, **changes: Any) -> LiveRun:
    """A run of the sandbox's params, some of them changed; those that are wrong are written as they are."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "params.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(SANDBOX.read_text()), **changes}), encoding="utf-8")
    return LiveRun(out, CommandLine(command=command, params_file=file, out=out), tell)


def told(report: Report) -> set[tuple[str, ...]]:
    """What a report says, less how long it took."""
    return {(each.account, each.probe, each.caller, each.action, each.verdict) for each in report}


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("code", "cancelled", "state"),
    [
        (0, False, RunState.GREEN),
        (1, False, RunState.RED),
        (2, False, RunState.WRONG_REQUEST),
        (3, False, RunState.UNFINISHED),
        (-9, False, RunState.UNFINISHED),
        (0, True, RunState.GREEN),
        (1, True, RunState.RED),
        (2, True, RunState.WRONG_REQUEST),
        (3, True, RunState.STOPPED),
        (130, True, RunState.STOPPED),
        (-9, True, RunState.UNFINISHED),
    ],
)
def test_an_exit_code_is_said_in_words(code: int, cancelled: bool, state: RunState) -> None:
    assert state_after(code, cancelled=cancelled) is state


@pytest.mark.parametrize(("scenario", "state"), [("healthy", RunState.GREEN), ("missing-emr", RunState.RED)])
def test_a_run_tells_all_that_it_finds(tmp_path: Path, scenario: str, state: RunState) -> None:
    heard: list[Changes] = []
    run = live(tmp_path, tell=heard.append, sandbox_scenario=scenario)
    run.start()
    report = run.wait()
    assert run.state is state
    assert sum(heard[-1]["counts"]) == len(report) > 0
    assert heard[-1]["counts"][0] == len(report.faults)
    assert {(step["title"], step["done"], step["accounts"]) for step in heard[-1]["steps"]} == {
        (title, 1, 1) for title in ("Preflight", "Trust", "Cost Explorer", "Permissions")
    }
    assert (tmp_path / "report.html").exists()


def test_a_run_that_was_stopped_goes_on_to_the_same_report(tmp_path: Path) -> None:
    many = {"sandbox_accounts": 30, "organizational_units": "root", "sandbox_scenario": "missing-emr"}
    whole, stopped = live(tmp_path / "whole", **many), live(tmp_path / "stopped", **many)
    stopped.start()
    until(lambda: len(stopped.report) > 1)
    stopped.cancel()
    assert stopped.state is RunState.STOPPING
    known = stopped.wait()
    assert stopped.state is RunState.STOPPED
    assert (tmp_path / "stopped" / "report.html").exists()
    stopped.start(resume=True)
    whole.start()
    assert told(stopped.wait()) == told(whole.wait())
    assert told(known) < told(stopped.report)
    assert stopped.state is RunState.RED


def test_a_wrong_request_says_what_is_wrong_and_shows_nothing_older(tmp_path: Path) -> None:
    run = live(tmp_path)
    run.start()
    assert len(run.wait()) > 0
    heard: list[Changes] = []
    wrong = live(tmp_path, tell=heard.append, region="nowhere")
    wrong.start()
    assert len(wrong.wait()) == 0
    assert wrong.state is RunState.WRONG_REQUEST
    assert heard[-1]["failure"] == ["region: 'nowhere' is not a region of partition aws, such as us-east-1"]
    # It called nothing, and so it has let the other run's journal be.
    assert LiveRun(tmp_path, None).state is RunState.READY
    assert (tmp_path / "findings.jsonl").stat().st_size > 0


def _children_of(process: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"


@pytest.mark.skipif(not Path("/proc").exists(), reason="which processes there are is read from /proc")
def test_a_run_does_not_outlive_a_kernel_that_is_killed(tmp_path: Path) -> None:
    many = {"sandbox_accounts": 200, "organizational_units": ("root",), "max_cost_usd": 9}
    save_params(Params.load(SANDBOX, **many), tmp_path / "params.yaml")
    code = """
import time
from pathlib import Path
from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.command_run import CommandRun
CommandRun(CommandLine(command="probe", params_file=Path("params.yaml"), out=Path("out")))
time.sleep(600)
"""
    kernel = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    until((tmp_path / "out" / "findings.jsonl").exists)
    (command,) = _children_of(kernel.pid)
    started = [command, *_children_of(command)]
    assert len(started) > 1  # the sandbox is a child of the command
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    until(lambda: not any(map(_alive, started)))
