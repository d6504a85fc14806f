"""The blocks of the documentation: what is fenced in its Markdown, in the order of a page."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


@dataclass(frozen=True, kw_only=True)
class Block:
    """What is fenced.

    Attributes:
        page: the page, as the repository names it.
        line: where it begins.
        language: what the fence says; empty where it says nothing.
        text: what is fenced, without the fence's indentation.
        output: the block without a language that follows directly; None where there is none.
    """

    page: str
    line: int
    language: str
    text: str
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(text: str, page: str) -> list[Block]:
    """The blocks of a page's text; an output is part of what it is the output of."""
    found: list[Block] = []
    end = 0
    for match in _FENCED.finditer(text):
        content = textwrap.dedent(match["text"])
        follows = not text[end : match.start()].strip()
        if (
            found
            and follows
            and not match["language"]
            and found[-1].language == "sh"
            and not found[-1].output
        ):
            found[-1] = Block(**{**vars(found[-1]), "output": content})
        else:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page=page, line=line, language=match["language"], text=content))
        end = match.end()
    return found


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages in some languages."""
    pages = ((page, page.relative_to(ROOT).as_posix()) for page in PAGES)
    found = [each for page, name in pages for each in blocks_of(page.read_text(encoding="utf-8"), name)]
    return [each for each in found if each.language in languages]


def outline(text: str) -> list[int]:
    """The levels of a page's headings, in their order."""
    return [len(level) for level in re.findall(r"^(#+) ", _FENCED.sub("", text), re.M)]
