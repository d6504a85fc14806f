"""What a picture is in a notebook, on a page and in a file, with the words that say the same."""

from __future__ import annotations

import base64
import html
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xacct_kit.errors import RequestError, RunError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Pixels that a picture is wide: what a notebook's column has room for.
WIDTH = 800
DPI = 100

# Lines of the words that are told with a picture that cannot be seen.
_ALT_LINES = 6

# Nothing of a picture depends on the machine, its settings or the time, as far as matplotlib can help it.
_SETTINGS: Mapping[Any, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.0,
    # So that a text in it can be found and read out.
    "svg.fonttype": "none",
    "svg.hashsalt": "xacct-kit",
    # A dollar in a name or a price begins no formula.
    "text.parse_math": False,
}
_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "png": {"metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a report, and the words that say the same.

    A notebook keeps the picture as PNG and the words as plain text, and no HTML: nbval compares words and
    HTML with those of the last run, and leaves PNG alone, whose bytes differ between machines.
    https://nbval.readthedocs.io/

    Attributes:
        title: what is shown.
        lines: what the picture says, in words and numbers that are the same after each run.
        draw: draws it.
    """

    title: str
    lines: tuple[str, ...]
    draw: Callable[[], Figure] = field(repr=False, compare=False)

    @property
    def alt(self) -> str:
        """The words for who cannot see the picture: its title and the first lines."""
        more = len(self.lines) - _ALT_LINES
        rest = [f"and {more} lines more"] if more > 0 else []
        return "; ".join([self.title, *(line.strip() for line in self.lines[:_ALT_LINES]), *rest])

    def to_png(self) -> bytes:
        """The picture as PNG, 800 pixels wide."""
        return self._drawn("png")

    def to_svg(self) -> str:
        """The picture as SVG, the same for the same report."""
        return self._drawn("svg").decode("utf-8")

    def to_html(self) -> str:
        """The picture as an element of a page, with its words for who cannot see it; needs no network."""
        data = base64.b64encode(self.to_png()).decode("ascii")
        alt = html.escape(self.alt)
        return f'<img alt="{alt}" width="{WIDTH}" style="max-width: 100%" src="data:image/png;base64,{data}">'

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Parameters:
            path: the file, which ends in .png or .svg.

        Returns:
            The file.

        Raises:
            RequestError: it ends otherwise.
            RunError: it cannot be written.
        """
        target = Path(path)
        kind = target.suffix.lower().removeprefix(".")
        if kind not in _FORMATS:
            raise RequestError(f"{target}: a picture is saved as .png or .svg")
        drawn = self._drawn(kind)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn)
        except OSError as error:
            raise RunError(f"The picture cannot be saved: {error.filename}: {error.strerror}") from error
        return target

    def _drawn(self, kind: str) -> bytes:
        file = io.BytesIO()
        with _as_everywhere():
            self.draw().savefig(file, format=kind, dpi=DPI, facecolor="white", **_FORMATS[kind])
        return file.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], ...]:
        data = {"image/png": base64.b64encode(self.to_png()).decode("ascii"), "text/plain": str(self)}
        return data, {"image/png": {"width": WIDTH, "alt": self.alt}}

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"  {line}".rstrip() for line in self.lines)))

    __repr__ = __str__


@contextmanager
def _as_everywhere() -> Iterator[None]:
    """Matplotlib with the kit's settings and no other; those that were there come back."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        yield
