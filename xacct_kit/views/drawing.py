"""How pictures are drawn: plain numbers and names in, a figure of matplotlib out.

Colours are those of Okabe and Ito, which people who see few colours tell apart; a verdict has a sign, and a
hatch or a dash as well. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xacct_kit.report import Verdict
from xacct_kit.views.lines import clean
from xacct_kit.views.picture import DPI, WIDTH
from xacct_kit.views.trust_layout import WIDTH as PAGE
from xacct_kit.views.trust_layout import Arrow, Box, Kind, Layout, shortened
from xacct_kit.views.words import SIGNS, badge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = WIDTH / DPI

_FILLS: Mapping[Verdict, str] = {
    Verdict.PASS: "#009e73",
    Verdict.FAIL: "#d55e00",
    Verdict.UNKNOWN: "#f0e442",
    Verdict.SKIPPED: "#bbbbbb",
}
# Light enough for a sign to stand out, where a cell is that of many.
_GROUNDS: Mapping[Verdict, str] = {**_FILLS, Verdict.PASS: "#bfe6d9", Verdict.SKIPPED: "#e4e4e4"}
# Dark enough to be read on white.
_INKS: Mapping[Verdict, str] = {
    Verdict.PASS: "#00674b",
    Verdict.FAIL: "#a33c00",
    Verdict.UNKNOWN: "#6b5800",
    Verdict.SKIPPED: "#595959",
}
_HATCHES: Mapping[Verdict, str] = {
    Verdict.PASS: "",
    Verdict.FAIL: "xx",
    Verdict.UNKNOWN: "//",
    Verdict.SKIPPED: "..",
}
_DASHES: Mapping[Verdict, str] = {
    Verdict.PASS: "solid",
    Verdict.FAIL: "dashed",
    Verdict.UNKNOWN: "dotted",
    Verdict.SKIPPED: "dotted",
}
_TEXT, _QUIET, _LINE, _BLUE = "#1b2230", "#566072", "#dde1e7", "#0072b2"
_ON_FILL: Mapping[str, Any] = {
    "color": "black",
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
}
_ASLANT: Mapping[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}

# Of a page on which a trust diagram is laid out: its margins, and pixels and points of its unit.
_MARGIN, _ABOVE, _LINE_HEIGHT = 20.0, 32.0, 20.0
_SCALE = WIDTH / (PAGE + 2 * _MARGIN)
_POINTS = _SCALE * 72 / DPI

# Characters of the default size that a picture has room for side by side.
_ROOM = 110


def message(title: str, text: str) -> Figure:
    """A picture that has nothing to show.

    Parameters:
        title: its title.
        text: why.
    """
    figure = _figure(1.0)
    axes = _bare(figure, title)
    axes.text(0.0, 0.5, clean(text), color=_QUIET, transform=axes.transAxes, va="center")
    return figure


def grid(
    title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Verdict | None]]], more: str
) -> Figure:
    """Rows of cells, each the colour and the sign of its verdict.

    Parameters:
        title: its title.
        columns: their names.
        rows: of each its name, and a verdict a column; None is an empty cell.
        more: what is not shown, said below.
    """
    from matplotlib.patches import Rectangle

    figure = _figure(1.5 + 0.29 * len(rows))
    axes = figure.add_subplot()
    for y, (_, cells) in enumerate(rows):
        for x, verdict in enumerate(cells):
            if verdict:
                axes.add_patch(Rectangle((x - 0.47, y - 0.44), 0.94, 0.88, facecolor=_GROUNDS[verdict]))
                axes.text(x, y, SIGNS[verdict], ha="center", va="center", color="black", weight="bold")
    axes.set_xlim(-0.5, max(len(columns), 1) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(
        range(len(columns)), [_fitted(name, 24) for name in columns], rotation=35, ha="left", va="bottom"
    )
    axes.set_yticks(range(len(rows)), [_fitted(name, 44) for name, _ in rows])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, pad=2)
    _frameless(axes)
    axes.set_xlabel(more, color=_QUIET, loc="left")
    figure.suptitle(title, x=0.01, ha="left", weight="bold", color=_TEXT)
    _legend(axes, [verdict for verdict in Verdict if any(verdict in cells for _, cells in rows)])
    return figure


def bars(title: str, rows: Sequence[tuple[str, int, str, Verdict]], more: str) -> Figure:
    """A bar a row, below its name.

    Parameters:
        title: its title.
        rows: of each its name, its number, the number in words, and the verdict that its colour and hatch are
            of.
        more: what is not shown, said below.
    """
    figure = _figure(0.6 + 0.52 * len(rows))
    axes = _bare(figure, title)
    longest = max(value for _, value, _, _ in rows)
    for y, (name, value, said, verdict) in enumerate(rows):
        axes.text(0, y - 0.28, _fitted(f"{SIGNS[verdict]} {name}", _ROOM), color=_INKS[verdict], va="center")
        axes.barh(y + 0.14, value, 0.36, **_filled(verdict))
        axes.text(value + longest * 0.01, y + 0.14, said, color=_TEXT, va="center")
    axes.set_xlim(0, longest * 1.35)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.text(0, -0.02, more, color=_QUIET, va="top", transform=axes.transAxes)
    return figure


def sums(title: str, names: Sequence[str], panels: Sequence[tuple[str, Sequence[float], str]]) -> Figure:
    """Panels side by side, with a bar a name.

    Parameters:
        title: its title.
        names: what the numbers are of.
        panels: of each its heading, a number a name, and the format in which a number is written.
    """
    figure = _figure(1.0 + 0.27 * len(names))
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (heading, numbers, written), colour in zip(every, panels, (_BLUE, "#cc79a7"), strict=True):
        most = max(numbers)
        axes.barh(range(len(names)), numbers, 0.62, color=colour)
        for y, number in enumerate(numbers):
            axes.text(
                number + most * 0.02, y, written.format(number) if number else "0", color=_TEXT, va="center"
            )
        axes.set_xlim(0, most * 1.3 or 1)
        axes.set_title(heading, loc="left", fontsize=9, color=_QUIET)
        axes.set_xticks([])
        axes.tick_params(length=0)
        _frameless(axes)
    every[0].set_yticks(range(len(names)), [_fitted(name, 30) for name in names])
    every[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", color=_TEXT)
    return figure


def stacks(title: str, stacked: Sequence[tuple[str, Mapping[Verdict, int]]], noun: str) -> Figure:
    """A stack of verdicts for each name, from left to right.

    Parameters:
        title: its title.
        stacked: of each its name, and how many there are of each verdict.
        noun: what is counted.
    """
    from matplotlib.ticker import MaxNLocator

    figure = _figure(3.4)
    axes = figure.add_subplot()
    _stack(axes, [counts for _, counts in stacked])
    axes.set_xlim(-0.6, max(len(stacked), 3) - 0.4)
    names = [_fitted(name, 28) for name, _ in stacked]
    crowded = max(map(len, names)) + 2 > _ROOM // max(len(stacked), 3)
    axes.set_xticks(range(len(stacked)), names, **(_ASLANT if crowded else {}))
    axes.set_ylabel(noun, color=_QUIET)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(length=0)
    _frameless(axes)
    axes.grid(axis="y", color=_LINE)
    axes.set_axisbelow(True)
    figure.suptitle(title, x=0.01, ha="left", weight="bold", color=_TEXT)
    _legend(axes, [verdict for verdict in Verdict if any(counts.get(verdict) for _, counts in stacked)])
    return figure


def _stack(axes: Axes, stacks: Sequence[Mapping[Verdict, int]]) -> None:
    """The stacks, and in each part that is high enough its sign and number."""
    highest = max(sum(counts.values()) for counts in stacks)
    base = [0] * len(stacks)
    for verdict in Verdict:
        numbers = [counts.get(verdict, 0) for counts in stacks]
        axes.bar(range(len(stacks)), numbers, 0.62, bottom=base, **_filled(verdict))
        for x, number in enumerate(numbers):
            if number * 14 > highest and len(stacks) <= 10:
                said, middle = f"{SIGNS[verdict]} {number:,}", base[x] + number / 2
                axes.text(x, middle, said, ha="center", va="center", **_ON_FILL)
        base = [below + number for below, number in zip(base, numbers, strict=True)]


def ways(
    title: str, laid_out: Sequence[tuple[str, Layout, Sequence[tuple[Verdict, str]]]], more: str
) -> Figure:
    """Diagrams of who asked for a role, below each other.

    Parameters:
        title: its title.
        laid_out: of each its heading, the diagram, and why what is not green is not.
        more: what is not shown, said below.
    """
    from matplotlib.figure import Figure

    said = [[line for reason in reasons for line in _folded(*reason)] for _, _, reasons in laid_out]
    heights = [
        (_ABOVE + layout.height + _LINE_HEIGHT * len(lines) + 24) * _SCALE / DPI
        for (_, layout, _), lines in zip(laid_out, said, strict=True)
    ]
    height = 0.4 + sum(heights) + (0.25 if more else 0)
    figure = Figure(figsize=(_INCHES, height))
    figure.text(0.015, 1 - 0.22 / height, title, weight="bold", color=_TEXT, va="center", fontsize=10)
    figure.text(0.015, 0.1 / height, more, color=_QUIET)
    top = height - 0.4
    for (heading, layout, _), lines, tall in zip(laid_out, said, heights, strict=True):
        axes = figure.add_axes((0, (top - tall) / height, 1, tall / height))
        axes.set_xlim(-_MARGIN, PAGE + _MARGIN)
        axes.set_ylim(tall * DPI / _SCALE - _ABOVE, -_ABOVE)
        axes.set_axis_off()
        axes.text(0, -12, _fitted(heading, _ROOM), color=_QUIET)
        _way(axes, layout)
        for number, (verdict, line) in enumerate(lines, start=1):
            y = layout.height + _LINE_HEIGHT * number
            axes.text(0, y, line, color=_INKS[verdict], fontsize=12.5 * _POINTS)
        top -= tall
    return figure


def _folded(verdict: Verdict, reason: str) -> list[tuple[Verdict, str]]:
    """A reason with its sign, in lines that a picture has room for."""
    lines = textwrap.wrap(
        f"{SIGNS[verdict]} {clean(reason)}",
        125,
        subsequent_indent="   ",
        max_lines=3,
        placeholder=" \N{HORIZONTAL ELLIPSIS}",
    )
    return [(verdict, line) for line in lines]


def _way(axes: Axes, layout: Layout) -> None:
    for box in layout.boxes:
        _box(axes, box, centred=box is layout.boxes[0])
    for arrow in layout.arrows:
        _arrow(axes, arrow)


def _box(axes: Axes, box: Box, *, centred: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=8",
            facecolor="#f6f7f9",
            edgecolor=_QUIET,
            linewidth=0.8,
        )
    )
    for line in box.lines:
        axes.text(
            box.x + (box.width / 2 if centred else 12),
            line.y,
            clean(line.text),
            ha="center" if centred else "left",
            fontsize=line.size * _POINTS,
            weight="bold" if line.kind is Kind.NAME else "normal",
            color=_QUIET if line.kind is Kind.PLACE else _TEXT,
        )


def _arrow(axes: Axes, arrow: Arrow) -> None:
    """A line to the role with a head, or with a bar before it where the role is not given."""
    verdict, ahead = arrow.attempt.verdict, arrow.ahead
    ink, width = _INKS[verdict], 1.2 if verdict.green else 2.2
    end = arrow.end - 3 * ahead if arrow.attempt.allowed else arrow.end - 14 * ahead
    axes.plot([arrow.start, end], [arrow.y] * 2, color=ink, linewidth=width, linestyle=_DASHES[verdict])
    if arrow.attempt.allowed:
        x = [arrow.end - 11 * ahead, arrow.end - 2 * ahead, arrow.end - 11 * ahead]
        axes.fill(x, [arrow.y - 5, arrow.y, arrow.y + 5], color=ink, linewidth=0)
    elif arrow.attempt.allowed is False:
        axes.plot([end, end], [arrow.y - 7, arrow.y + 7], color=ink, linewidth=width)
    axes.text(
        (arrow.start + arrow.end) / 2,
        arrow.y - 4,
        _fitted(f"{SIGNS[verdict]} {arrow.attempt.came}", 19),
        ha="center",
        color=ink,
        fontsize=12 * _POINTS,
        weight="normal" if verdict.green else "bold",
    )


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_INCHES, height), layout="constrained")


def _bare(figure: Figure, title: str) -> Axes:
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_title(title, loc="left", weight="bold", fontsize=10, color=_TEXT)
    return axes


def _frameless(axes: Axes) -> None:
    axes.spines[:].set_visible(False)


def _filled(verdict: Verdict) -> dict[str, Any]:
    return {"facecolor": _FILLS[verdict], "hatch": _HATCHES[verdict], "edgecolor": "white", "linewidth": 0.5}


def _legend(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(label=badge(verdict), **_filled(verdict)) for verdict in verdicts]
    axes.figure.legend(
        handles=handles, loc="upper right", ncols=len(Verdict), frameon=False, borderaxespad=0.3
    )


def _fitted(text: str, length: int) -> str:
    return shortened(clean(text), length)
