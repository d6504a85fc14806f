"""The file of a journal: one run writes it at a time, and who reads it keeps it when another begins anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from xacct_kit.errors import RequestError, RunError, path_fault


def open_alone(path: Path) -> BinaryIO:
    """A journal, open to be read and added to, and locked; the lock goes with the process.

    Raises:
        RequestError: another run is writing it.
        RunError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise RunError(f"The journal {path} cannot be written: {path_fault(error)}") from error
    try:
        _lock(file)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise FileNotFoundError(path)  # another run has begun it anew meanwhile
    except OSError as error:
        file.close()
        raise RequestError(
            f"{path}: another run is writing this journal; wait until it has ended, or take another --out"
        ) from error
    return file


def open_anew(path: Path) -> BinaryIO:
    """An empty journal in the place of the one that is there, likewise.

    Raises:
        RequestError: another run is writing it.
        RunError: it cannot be written.
    """
    there = open_alone(path)
    try:
        path.unlink()
    except PermissionError:  # Windows removes no file that is open
        there.truncate(0)
        return there
    with there:
        return open_alone(path)


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt  # Windows

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
