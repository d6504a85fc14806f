"""Secrets in what was written: as they are, in pieces, and in every form that a writer may give them."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

# Of a secret any piece of so many characters is a leak. What was written is looked at in steps, so that it is
# found wherever one more step's characters of it stand.
_PIECE, _STEP = 12, 8

# How deep forms are unfolded: JSON in HTML, or base64 that was folded at a line's end.
_DEPTH = 2


@dataclass(frozen=True)
class Secret:
    """Something that must not be written.

    Attributes:
        name: what it is, for messages.
        value: what must not be found.
    """

    name: str
    value: str


@dataclass(frozen=True)
class Leak:
    """A secret that was found.

    Attributes:
        secret: which.
        place: where it was written.
        form: how it was written.
        context: what stands around it.
    """

    secret: str
    place: str
    form: str
    context: str


Written = Iterable[tuple[str, bytes]]


def find_leaks(secrets: Iterable[Secret], written: Written) -> list[Leak]:
    """Look for secrets in what was written; a place and a secret are named once.

    Parameters:
        secrets: what must not be found.
        written: places, and the bytes there.
    """
    pieces = {piece: secret for secret in secrets for piece in _windows(secret.value.encode(), 1)}
    found: dict[tuple[str, str], Leak] = {}
    for place, data in written:
        for form, text in readings(data):
            for at, piece in enumerate(_windows(text, _STEP)):
                if piece in pieces:
                    leak = Leak(pieces[piece].name, place, form, _around(text, at * _STEP))
                    found.setdefault((leak.secret, place), leak)
    return list(found.values())


def _windows(data: bytes, step: int) -> Iterator[bytes]:
    return (data[at : at + _PIECE] for at in range(0, max(1, len(data) - _PIECE + 1), step))


def _around(data: bytes, at: int) -> str:
    return data[max(0, at - 60) : at + 30].decode("utf-8", "replace")


def files_below(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below some folders, with its bytes; names of files are written too."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            yield name, name.encode() + b"\n" + (path.read_bytes() if path.is_file() else b"")


def readings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The data as written, and as it reads when what a writer did to it is undone."""
    seen = {data}
    level = [("as written", data)]
    yield level[0]
    for _ in range(_DEPTH):
        level = [
            (name if form == "as written" else f"{name} in {form}", read)
            for form, text in level
            for name, undo in _FORMS.items()
            if (read := undo(text)) not in seen and not seen.add(read)  # type: ignore[func-returns-value]
        ]
        yield from level


def _unfolded(data: bytes) -> bytes:
    """Without white space, and without the quotes around the lines of a notebook's output."""
    return b"".join(re.sub(rb'(?:\\n)?"\s*,\s*"', b"", data).split())


_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _unescaped(data: bytes) -> bytes:
    def character(match: re.Match[bytes]) -> bytes:
        code = match[1] or match[2]
        if code:
            return chr(int(code, 16)).encode("utf-8", "replace")
        return _NAMED_ESCAPES.get(match[3], match[3])

    return _ESCAPE.sub(character, data) if b"\\" in data else data


def _from_html(data: bytes) -> bytes:
    return html.unescape(data.decode("utf-8", "replace")).encode() if b"&" in data else data


_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){12,}")


def _from_base64(data: bytes) -> bytes:
    """What runs of letters and digits mean, wherever in them the groups of four begin."""
    runs = (run.replace(b"-", b"+").replace(b"_", b"/") for run in _BASE64.findall(data))
    shifted = (run[shift:] for run in runs for shift in range(4))
    return b"\n".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in shifted)


def _from_hex(data: bytes) -> bytes:
    return b"\n".join(binascii.unhexlify(run) for run in _HEX.findall(data))


_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "folded": _unfolded,
    "escaped": _unescaped,
    "percent-encoded": unquote_to_bytes,
    "HTML": _from_html,
    "base64": _from_base64,
    "hexadecimal": _from_hex,
    "UTF-16": lambda data: data.replace(b"\0", b""),
}
