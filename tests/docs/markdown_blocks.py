"""The blocks of the documentation: what is fenced in its Markdown, in the order of a page."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from functools import cache
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

    @property
    def commands(self) -> list[str]:
        """Its lines; one that goes on is one line."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


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
            found[-1] = replace(found[-1], output=content)
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


def is_quoted(block: Block) -> bool:
    """Whether a block's lines stand together in a file of the code, however deep."""
    return any(_bare(block.text) in code for code in _code())


def is_run(block: Block) -> bool:
    """Whether a block does something by itself, and here."""
    return not (_ELSEWHERE.search(block.text) or (block.language != "sh" and is_quoted(block)))


# What cannot be imported here; `test_unattended.py` holds what can be held of it.
_ELSEWHERE = re.compile(r"^from (?:airflow|sagemaker)\b", re.M)


def _bare(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


@cache
def _code() -> list[str]:
    folders = ((ROOT / "xacct_kit").rglob("*.*"), (ROOT / "tests").rglob("*.py"), (ROOT / "params").iterdir())
    files = [file for found in folders for file in found if file.suffix in (".py", ".json", ".yaml")]
    return [_bare(file.read_text(encoding="utf-8")) for file in files]
