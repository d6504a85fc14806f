"""Where the parts of a trust diagram stand: the same on the report's page and in a picture.

Units are those of a page 950 wide; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from xacct_kit.views.trust_diagram import Asker, Attempt, Diagram

WIDTH = 950.0

_ASKER_WIDTH, _ROLE_WIDTH = 250.0, 220.0
_HEAD, _ROW, _FOOT, _BETWEEN = 48.0, 26.0, 8.0, 14.0

# As many characters as a box has room for, and as many as it has for large ones.
_ROOM, _ROOM_FOR_LARGE = 29, 24


class Kind(StrEnum):
    """What a line of text tells."""

    NAME = "name"
    PLACE = "place"
    HOW = "how"


_SIZES: Mapping[Kind, float] = {Kind.NAME: 13.5, Kind.PLACE: 11.5, Kind.HOW: 12.5}
_SMALL_NAME = 11.5


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of text in a box.

    Attributes:
        text: what it says.
        y: its baseline.
        kind: what it tells.
    """

    text: str
    y: float
    kind: Kind

    @property
    def size(self) -> float:
        """How high its letters are."""
        small = self.kind is Kind.NAME and len(self.text) > _ROOM_FOR_LARGE
        return _SMALL_NAME if small else _SIZES[self.kind]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box with lines of text.

    Attributes:
        x: its left side.
        y: its top.
        width: how wide it is.
        height: how high it is.
        lines: what stands in it.
    """

    x: float
    y: float
    width: float
    height: float
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A level way from somebody to the role.

    Attributes:
        start: the x where it begins, at who asks.
        end: the x where it ends, at the role.
        y: where it is.
        attempt: what it stands for.
    """

    start: float
    end: float
    y: float
    attempt: Attempt

    @property
    def ahead(self) -> int:
        """Whether it leads to the right, 1, or to the left, -1."""
        return 1 if self.end > self.start else -1


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A diagram, laid out.

    Attributes:
        height: how high it is.
        boxes: the role, then who asked for it.
        arrows: the ways to the role.
    """

    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def layout(diagram: Diagram) -> Layout:
    """Lay a diagram out: main's roles on the left, the role, the member account on the right."""
    left = [asker for asker in diagram.askers if not asker.member]
    right = [asker for asker in diagram.askers if asker.member]
    height = max(_height_of(left), _height_of(right), _HEAD)
    role = _role(diagram, height)
    boxes, arrows = [role], []
    for askers, x, start, end in (
        (left, 0.0, _ASKER_WIDTH, role.x),
        (right, WIDTH - _ASKER_WIDTH, WIDTH - _ASKER_WIDTH, role.x + role.width),
    ):
        y = (height - _height_of(askers)) / 2
        for asker in askers:
            box = _box(asker, x, y)
            boxes.append(box)
            rows = [line.y for line in box.lines if line.kind is Kind.HOW]
            arrows += [
                Arrow(start=start, end=end, y=row - 4, attempt=attempt)
                for row, attempt in zip(rows, asker.attempts, strict=True)
            ]
            y += box.height + _BETWEEN
    return Layout(height=height, boxes=tuple(boxes), arrows=tuple(arrows))


def shortened(name: str, length: int = _ROOM) -> str:
    """A name that fits its box: of a longer one the middle is left out."""
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return f"{name[: length - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"


def _role(diagram: Diagram, height: float) -> Box:
    name, place = diagram.role, diagram.place
    return Box(
        x=(WIDTH - _ROLE_WIDTH) / 2,
        y=0.0,
        width=_ROLE_WIDTH,
        height=height,
        lines=(
            Line(text=shortened(name, _ROOM - 3), y=height / 2 - 3, kind=Kind.NAME),
            Line(text=shortened(place), y=height / 2 + 16, kind=Kind.PLACE),
        ),
    )


def _box(asker: Asker, x: float, y: float) -> Box:
    head = (
        Line(text=shortened(asker.name), y=y + 21, kind=Kind.NAME),
        Line(text=shortened(asker.place), y=y + 39, kind=Kind.PLACE),
    )
    below = y + _HEAD + 17
    rows = (
        Line(text=shortened(attempt.how), y=below + _ROW * number, kind=Kind.HOW)
        for number, attempt in enumerate(asker.attempts)
    )
    return Box(x=x, y=y, width=_ASKER_WIDTH, height=_box_height(asker), lines=(*head, *rows))


def _box_height(asker: Asker) -> float:
    return _HEAD + _ROW * len(asker.attempts) + _FOOT


def _height_of(askers: Sequence[Asker]) -> float:
    return sum(map(_box_height, askers)) + _BETWEEN * max(len(askers) - 1, 0)
