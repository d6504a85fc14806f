"""The same run on a Dask cluster: its workers find the same, and are sent no secret."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import xacct_kit as xk
from xacct_kit.environment import connect
from xacct_kit.errors import RequestError, RunError
from xacct_kit.fleet.crew import Errand
from xacct_kit.fleet.dask_cluster import dask_crew
from xacct_kit.fleet.journal import read_journal
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, Layout
from xacct_kit.sandbox.process import SandboxProcess

pytestmark = pytest.mark.slow

ACCOUNTS = [f"{400000000000 + number}" for number in range(8)]


@pytest.fixture(scope="module")
def values() -> Iterator[dict[str, Any]]:
    sandbox = SandboxProcess(Layout(accounts=len(ACCOUNTS) + 1, external_id="known-by-its-name-alone"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XACCT_EXTERNAL_ID", "known-by-its-name-alone")
        yield {
            "main_account": MAIN_ACCOUNT,
            "member_accounts": ACCOUNTS,
            "external_id": "env:XACCT_EXTERNAL_ID",
            "sandbox_endpoint": sandbox.endpoint,
        }
    sandbox.stop()


@pytest.fixture(scope="module")
def scheduler(values: dict[str, Any]) -> Iterator[str]:
    """The address of a cluster of two processes with two threads each."""
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


def rows(report: xk.Report) -> list[xk.Finding]:
    return [replace(row, duration=0.0) for row in report]


def test_its_workers_find_the_same(values: dict[str, Any], scheduler: str, tmp_path: Path) -> None:
    params = xk.Params.of(**values)
    expected = xk.onboard(params, deploying=False)
    assert expected.ok
    with dask_crew(scheduler) as crew:
        assert (crew.workers, crew.processes) == (4, 2)
        report = xk.onboard(params, deploying=False, crew=crew, out=tmp_path)
    assert rows(report) == rows(expected)
    assert len(read_journal(tmp_path)) == len(expected)


def test_the_command_runs_on_it(values: dict[str, Any], scheduler: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", "probe"]
    done = subprocess.run(
        [*command, str(tmp_path / "params.yaml"), "--scheduler", scheduler, "--out", str(tmp_path / "out")],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert {row.account for row in read_journal(tmp_path / "out")} == set(ACCOUNTS)


def test_what_is_sent_holds_a_reference_and_no_secret(values: dict[str, Any]) -> None:
    with connect(xk.Params.of(**values)) as session:
        assert session.external_id == "known-by-its-name-alone"
        sent = pickle.dumps(Errand.of(session, connect, 2))
    assert b"env:XACCT_EXTERNAL_ID" in sent
    assert b"known-by-its-name-alone" not in sent
    assert all(account.encode() not in sent for account in ACCOUNTS[1:])


WRONG = {
    "nobody listens there": ("tcp://127.0.0.1:9", RunError, "No Dask scheduler answers"),
    "no address": ("nowhere://127.0.0.1:9", RequestError, "is not an address"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_scheduler_that_is_none_is_named(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address, kind, message = WRONG[wrong]
    monkeypatch.setattr("xacct_kit.fleet.dask_cluster._SECONDS", 1)
    with pytest.raises(kind, match=message), dask_crew(address):
        pass


# A cluster whose workers have ended does not always close in peace, so its process is left without goodbye.
WORKERS_END = """
import os, sys
from dask.distributed import LocalCluster
from xacct_kit.errors import RunError
from xacct_kit.fleet.dask_cluster import dask_crew

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")
    try:
        with dask_crew(cluster.scheduler_address) as crew:
            crew.executor.submit(os._exit, 1).result()
    except RunError as error:
        print(error, flush=True)
    os._exit(0)
"""


def test_workers_that_end_while_they_work_are_named(tmp_path: Path) -> None:
    (tmp_path / "workers_end.py").write_text(WORKERS_END, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "workers_end.py")], capture_output=True, text=True, check=False
    )
    assert "Workers of the Dask cluster at tcp://127.0.0.1:" in done.stdout, done.stderr
