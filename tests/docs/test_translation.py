"""README.zh-CN.md is README.md in Chinese: the same headings, and the same commands."""

from __future__ import annotations

import re

from markdown_blocks import ROOT, blocks_of, outline

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    return "\n".join(re.sub(r"\s*(?:^|\s)# .*", "", line) for line in text.splitlines())


def blocks_in(name: str) -> list[tuple[str, str, str | None]]:
    return [
        (block.language, without_comments(block.text), block.output)
        for block in blocks_of(text_of(name), name)
    ]


def test_the_headings_are_as_many_and_as_deep() -> None:
    assert outline(text_of(CHINESE)) == outline(text_of(ENGLISH))


def test_the_blocks_are_the_same_but_for_their_comments() -> None:
    english, chinese = blocks_in(ENGLISH), blocks_in(CHINESE)
    assert len(chinese) == len(english)
    for ours, theirs in zip(english, chinese, strict=True):
        assert theirs == ours


def test_each_leads_to_the_other() -> None:
    assert f"({CHINESE})" in text_of(ENGLISH)
    assert f"({ENGLISH})" in text_of(CHINESE)
