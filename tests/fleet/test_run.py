"""The run over many accounts: whoever does the work, and whatever ends it, the report is the same."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import yaml

import xacct_kit as xk
from xacct_kit.environment import connect
from xacct_kit.errors import ParamsError, RunError
from xacct_kit.fleet.journal import NAME, read_journal
from xacct_kit.fleet.run import Kept, run
from xacct_kit.runs import CHECKS, PLAN, carry_out
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, Layout
from xacct_kit.sandbox.process import SandboxProcess

ACCOUNTS = [f"{400000000000 + number}" for number in range(12)]
VALUES: dict[str, Any] = {
    "main_account": MAIN_ACCOUNT,
    "member_accounts": ACCOUNTS,
    "external_id": "sandbox-external-id",
    "sandbox_accounts": len(ACCOUNTS) + 1,
}
CREWS = {
    "one worker": xk.Crew(workers=1),
    "threads": xk.Crew(workers=6),
    "processes": xk.Crew(workers=6, processes=2),
    "more processes than accounts at a time": xk.Crew(workers=2, processes=3),
}


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Any]]:
    """The params of a fleet in a sandbox that outlives the runs."""
    sandbox = SandboxProcess(Layout(accounts=len(ACCOUNTS) + 1))
    yield {**VALUES, "sandbox_endpoint": sandbox.endpoint}
    sandbox.stop()


@pytest.fixture(scope="module")
def expected(served: dict[str, Any]) -> list[xk.Finding]:
    return rows(xk.onboard(xk.Params.of(**served), deploying=False))


def rows(report: xk.Report) -> list[xk.Finding]:
    return [replace(row, duration=0.0) for row in report]


def saved(folder: Path) -> list[dict[str, str]]:
    """The rows of a saved report, apart from times."""
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return [
            {name: cell for name, cell in row.items() if name != "duration"} for row in csv.DictReader(file)
        ]


def test_every_account_is_done_in_the_order_of_the_params(expected: list[xk.Finding]) -> None:
    assert list(dict.fromkeys(row.account for row in expected)) == ACCOUNTS
    assert len(set(Counter(row.account for row in expected).values())) == 1
    assert all(row.verdict.green for row in expected)


@pytest.mark.parametrize("kind", CREWS)
def test_whoever_does_the_work_finds_the_same(
    served: dict[str, Any], expected: list[xk.Finding], tmp_path: Path, kind: str
) -> None:
    params = xk.Params.of(**served)
    report = xk.onboard(params, deploying=False, crew=CREWS[kind], out=tmp_path)
    assert rows(report) == expected
    assert len(read_journal(tmp_path)) == len(expected)


def test_an_executor_can_be_brought(served: dict[str, Any], expected: list[xk.Finding]) -> None:
    params = xk.Params.of(**served)
    with ThreadPoolExecutor(4) as threads:
        assert rows(xk.onboard(params, deploying=False, crew=xk.Crew(executor=threads))) == expected
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert rows(xk.onboard(params, deploying=False, crew=xk.Crew(executor=processes))) == expected


def test_an_executor_that_was_brought_outlives_a_run_that_is_stopped(served: dict[str, Any]) -> None:
    class Full(Kept):
        def add(self, account: str, findings: Sequence[xk.Finding], *, last: bool) -> None:
            raise RunError("no space left")

    with ThreadPoolExecutor(2) as threads, connect(xk.Params.of(**served)) as session:
        with pytest.raises(RunError, match="no space left"):
            run(session, CHECKS, crew=xk.Crew(executor=threads), ledger=Full())
        assert threads.submit(int, "7").result() == 7


def test_processes_that_cannot_keep_a_budget_together_are_refused(served: dict[str, Any]) -> None:
    params = xk.Params.of(**served, max_cost_usd=0.05)
    with pytest.raises(ParamsError, match=r"12 accounts may cost \$0.12"):
        xk.onboard(params, deploying=False, crew=xk.Crew(processes=2))


def test_what_asks_cost_explorer_nothing_needs_no_budget(served: dict[str, Any]) -> None:
    params = xk.Params.of(**served, max_cost_usd=0)
    report = carry_out(params, PLAN, crew=xk.Crew(workers=4, processes=2))
    assert {row.account for row in report} == set(ACCOUNTS)


def test_a_run_goes_on_with_what_is_missing(
    served: dict[str, Any], expected: list[xk.Finding], tmp_path: Path
) -> None:
    first = xk.Params.of(**{**served, "member_accounts": ACCOUNTS[3:5]})
    xk.onboard(first, deploying=False, out=tmp_path)
    before = (tmp_path / NAME).read_bytes()
    report = xk.onboard(xk.Params.of(**served), deploying=False, out=tmp_path, resume=True)
    assert rows(report) == expected
    after = (tmp_path / NAME).read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == len(expected)


def test_only_what_is_not_green_is_done_again(tmp_path: Path) -> None:
    sandbox = SandboxProcess(Layout(accounts=4, scenario="throttled"))
    try:
        members = ["333333333333", *ACCOUNTS[:3]]
        params = xk.Params.of(
            **{**VALUES, "member_accounts": members, "sandbox_endpoint": sandbox.endpoint, "wait_seconds": 1}
        )
        first = xk.onboard(params, deploying=False, out=tmp_path)
        red = {row.account for row in first.faults}
        assert red
        begun = (tmp_path / NAME).read_bytes()
        again = xk.onboard(params, deploying=False, out=tmp_path, resume=True, retry=True)
        added = (tmp_path / NAME).read_bytes()[len(begun) :]
        assert {account for account in members if f'"account":"{account}"'.encode() in added} == red
        assert [row.probe for row in again] == [row.probe for row in first]
    finally:
        sandbox.stop()


def start(folder: Path, served: dict[str, Any], *options: str) -> subprocess.Popen[bytes]:
    """The command on the fleet, with its results in a folder."""
    (folder / "params.yaml").write_text(yaml.safe_dump(served), encoding="utf-8")
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", "probe"]
    return subprocess.Popen(
        [*command, str(folder / "params.yaml"), "--out", str(folder / "out"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until_lines(path: Path, count: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until a journal has some lines, or nobody writes it any more."""
    while running.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < count):
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize(("lines", "processes"), [(1, "1"), (40, "2"), (150, "1"), (260, "2")])
def test_a_killed_run_goes_on_and_ends_with_the_same_report(
    served: dict[str, Any], expected: list[xk.Finding], tmp_path: Path, lines: int, processes: str
) -> None:
    options = ("--resume", "--workers", "4", "--processes", processes)
    killed = start(tmp_path, served, *options)
    until_lines(tmp_path / "out" / NAME, lines, killed)
    killed.kill()
    killed.communicate()
    resumed = start(tmp_path, served, *options)
    _, told = resumed.communicate()
    assert resumed.returncode == 0, told.decode()
    xk.Report.of(expected).save(tmp_path / "expected")
    assert saved(tmp_path / "out") == saved(tmp_path / "expected")


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupted_run_leaves_what_is_known_and_says_how_to_go_on(
    served: dict[str, Any], expected: list[xk.Finding], tmp_path: Path, processes: str
) -> None:
    running = start(tmp_path, served, "--workers", "2", "--processes", processes)
    until_lines(tmp_path / "out" / NAME, 1, running)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate()
    assert running.returncode == 3, told.decode()
    assert b"go on with --resume" in told
    assert b"Traceback" not in told
    *known, stopped = saved(tmp_path / "out")
    assert 1 <= len(known) < len(expected)
    assert len(known) == len(read_journal(tmp_path / "out"))
    assert (stopped["step"], stopped["verdict"]) == ("run", "UNKNOWN")


def test_going_on_needs_a_place(served: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(served), encoding="utf-8")
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", "probe"]
    done = subprocess.run(
        [*command, str(tmp_path / "params.yaml"), "--resume"], capture_output=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert b"write --out FOLDER" in done.stderr


def test_a_process_that_ends_breaks_the_run_and_not_the_journal(
    served: dict[str, Any], tmp_path: Path
) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as broken:
        broken.submit(time.sleep, 0).result()
        for process in list(broken._processes.values()):
            process.kill()
        with pytest.raises(RunError, match="has ended"):
            xk.onboard(xk.Params.of(**served), deploying=False, out=tmp_path, crew=xk.Crew(executor=broken))
    assert len(read_journal(tmp_path)) == 0
