"""README.zh-CN.md says what README.md says: the same parts, commands, names and links, in Chinese."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
CHINESE = r"[\u4e00-\u9fff]"

# Headings that are names, and the same in every language.
NAMES = {"xacct-kit"}

# What 55 Chinese characters take: one of them is as wide as two Latin letters.
WIDTH = 110


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it up to the next one, less its blocks of code."""

    level: int
    title: str
    text: str

    @property
    def code_spans(self) -> set[str]:
        return {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.text)}

    @property
    def links(self) -> list[str]:
        """Where links and pictures lead; the order is the language's own."""
        return sorted(re.findall(r"\]\(([^)]+)\)", self.text))

    @property
    def first_column(self) -> list[str]:
        """Of its tables: what each row is about; the row above the rule heads a table and is about none."""
        cells = re.findall(r"^\|(?!-)([^|]*)\|.*\n(?!\|-)", self.text, re.MULTILINE)
        return [cell.strip() for cell in cells]


@dataclass(frozen=True)
class Page:
    """A README."""

    name: str

    @property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        return FENCED.sub("", self.text)

    @property
    def sections(self) -> list[Section]:
        """In their order; the line that leads to the other language is of no section."""
        _, *parts = HEADING.split(self.prose.replace(self.way_to_the_other, "", 1))
        triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        return [Section(len(marks), title, text) for marks, title, text in triples]

    @property
    def way_to_the_other(self) -> str:
        """The first line below the title."""
        return self.text.split("\n")[2]

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and code; of a comment in sh only that there is one, and where."""
        found = FENCED.findall(self.text)
        return [(name, COMMENT.sub("#", code) if name == "sh" else code) for name, code in found]

    @property
    def comments(self) -> list[str]:
        return [
            each for name, code in FENCED.findall(self.text) if name == "sh" for each in COMMENT.findall(code)
        ]


ENGLISH, TRANSLATION = Page("README.md"), Page("README.zh-CN.md")

each_section = pytest.mark.parametrize(
    ("section", "translated"),
    # Whether one has more than the other is a test of its own.
    [
        pytest.param(section, translated, id=section.title)
        for section, translated in zip(ENGLISH.sections, TRANSLATION.sections, strict=False)
    ],
)


@pytest.mark.parametrize(
    ("page", "way"), [(ENGLISH, "[中文](README.zh-CN.md)"), (TRANSLATION, "[English](README.md)")]
)
def test_the_first_line_leads_to_the_other_language(page: Page, way: str) -> None:
    assert page.text.startswith(f"# xacct-kit\n\n{way}\n\n")


# What is the same


def test_headings_are_as_many_and_of_the_same_levels() -> None:
    levels = [[section.level for section in page.sections] for page in (ENGLISH, TRANSLATION)]
    assert levels[1] == levels[0]


def test_code_is_the_same_but_for_comments() -> None:
    assert TRANSLATION.blocks == ENGLISH.blocks


@each_section
def test_names_of_commands_options_and_keys_are_the_same(section: Section, translated: Section) -> None:
    assert translated.code_spans == section.code_spans


@each_section
def test_links_lead_to_the_same_pages(section: Section, translated: Section) -> None:
    assert translated.links == section.links


@each_section
def test_tables_are_about_the_same(section: Section, translated: Section) -> None:
    assert translated.first_column == section.first_column


# What is Chinese


@each_section
def test_a_heading_is_in_chinese_or_a_name(section: Section, translated: Section) -> None:
    assert re.search(CHINESE, translated.title) or {section.title, translated.title} <= NAMES


def test_comments_are_in_chinese() -> None:
    assert TRANSLATION.comments
    assert not [comment for comment in TRANSLATION.comments if not re.search(CHINESE, comment)]


def test_no_line_ends_between_two_characters_that_have_no_blank_between_them() -> None:
    assert not re.findall(rf"{CHINESE}+\n *{CHINESE}+", TRANSLATION.prose), "it would be shown as a blank"


def test_lines_are_no_wider_than_the_others() -> None:
    lines = [line for line in TRANSLATION.prose.splitlines() if not line.startswith("|")]
    assert not [line for line in lines if columns(line) > WIDTH]


def columns(line: str) -> int:
    """How wide a line is where each character has a width of its own: in a terminal, in an editor."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
