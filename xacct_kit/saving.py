"""Files that others may read or write at the same time: each is there as a whole, or as it was before."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else saves in a folder, and let nobody in meanwhile; the lock goes with the process.

    Where folders cannot be locked (Windows, some network drives), files are whole but may be of two savers.
    """
    with contextlib.ExitStack() as opened:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            place = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, place)
            fcntl.flock(place, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Write a file anew; it takes the place of the one that is there when it is whole.

    Raises:
        OSError: it cannot be written, or another run is writing to the one that is there.
    """
    # Not of tempfile, whose files their owner alone can read.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        _refuse_what_is_locked(path)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _refuse_what_is_locked(path: Path) -> None:
    with contextlib.suppress(ImportError, FileNotFoundError), path.open("rb") as there:
        import fcntl

        try:
            fcntl.flock(there, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(error.errno, "another run is writing it", str(path)) from error
