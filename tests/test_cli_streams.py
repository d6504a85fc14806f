"""Standard streams that are closed, full, of another encoding, or that nobody reads: the verdict stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict

XACCT = [sys.executable, "-c", "from xacct_kit.cli import main; main()"]
REQUEST = json.dumps(
    {
        "principal": "arn:aws:iam::333333333333:role/Analyst",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bucket/key",
    }
)
FAILED = Finding(
    step="permissions",
    probe="emr-list-clusters",
    account="333333333333",
    region="us-east-1",
    caller="CrossAccountExecutionRole",
    service="elasticmapreduce",
    action="elasticmapreduce:ListClusters",
    expected=Expectation.ALLOWED,
    outcome=OutcomeKind.DENIED_SCP,
    verdict=Verdict.FAIL,
    why="Nobody may: \N{SNOWMAN}.",
)


@pytest.fixture
def unread() -> Iterator[int]:
    """The end of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


@pytest.fixture
def differing(tmp_path: Path) -> list[str]:
    """A command that says what broke."""
    passed = {"outcome": OutcomeKind.ALLOWED, "verdict": Verdict.PASS}
    runs = {"old": [Finding(**{**vars(FAILED), **passed})], "new": [FAILED]}
    return ["diff", *(str(Report.of(rows).save(tmp_path / name)) for name, rows in runs.items())]


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_reader_who_has_had_enough_changes_nothing(tmp_path: Path, unread: int, form: str) -> None:
    command = [*XACCT, "probe", str(Path("params/sandbox.yaml").resolve()), "--out", "out", "--format", form]
    done = subprocess.run(command, cwd=tmp_path, stdout=unread, stderr=unread, check=False)
    assert done.returncode == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["ok"]
    assert (tmp_path / "out" / "summary.md").exists()


def test_what_nobody_reads_is_not_gone_on_with(unread: int) -> None:
    with subprocess.Popen([*XACCT, "decide", "-"], stdin=subprocess.PIPE, stdout=unread) as running:
        assert running.stdin is not None
        # Its input has no end.
        running.stdin.write(f"{REQUEST}\n".encode())
        running.stdin.flush()
        assert running.wait(timeout=60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full")
def test_what_cannot_be_printed_is_exit_3(differing: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*XACCT, *differing], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 3
    assert done.stderr == "Standard output cannot be written: No space left on device.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes them")
def test_streams_that_are_closed_are_none_that_anything_goes_to(differing: list[str]) -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *XACCT, *differing]
    assert subprocess.run(closed, check=False).returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_is_printed_is_the_same_in_every_locale(differing: list[str], encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*XACCT, *differing], env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert "✗ FAIL" in done.stdout.decode("utf-8")
    assert "Nobody may: \N{SNOWMAN}." in done.stdout.decode("utf-8")
