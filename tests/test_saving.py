"""Files that others read or write at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from xacct_kit.saving import alone_in, replacing


def test_a_file_is_as_it_was_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("old")
    with replacing(path) as file:
        file.write("half")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "half"
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write("new")
        raise KeyboardInterrupt
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_a_file_as_they_may_any_other(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    with replacing(tmp_path / "report.csv"):
        pass
    assert (tmp_path / "report.csv").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked")
def test_one_saves_in_a_folder_at_a_time(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from xacct_kit.saving import alone_in\n"
    code += "with alone_in(Path(sys.argv[1])): print('in', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    entered = threading.Event()

    def enter() -> None:
        with alone_in(tmp_path):
            entered.set()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"in\n"
        second = threading.Thread(target=enter)
        second.start()
        assert not entered.wait(0.2)
        first.kill()
        second.join(timeout=30)
    assert entered.is_set(), "the lock goes with the process"


def test_a_folder_that_cannot_be_locked_is_saved_in_all_the_same(tmp_path: Path) -> None:
    with alone_in(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
