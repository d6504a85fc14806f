"""What the documentation has its reader type really runs, page by page, from the top to the bottom.

Each page's blocks of shell are run in one shell, in a checkout of its own, as a reader would who has the
accounts of a sandbox. A block of no language that follows one is what it prints; `…` stands for anything.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import Checkout, in_a_sandbox
from markdown_blocks import Block, blocks

from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.process import SandboxProcess

# What ends otherwise than with 0: the command, its exit code, and why it is so.
ENDS: Sequence[tuple[str, int, str]] = (
    (r"\bxacct probe .*sandbox_scenario=(?!healthy\b)", 1, "the sandbox holds what is wrong"),
)

# What the sandbox of a page holds, where it is not the one that is healthy.
LAYOUTS: Mapping[str, Layout] = {}

# Partitions by the files of params that are about them.
PARTITIONS = {"china.yaml": ("aws-cn", "cn-north-1"), "govcloud.yaml": ("aws-us-gov", "us-gov-west-1")}

STORIES: dict[str, list[Block]] = defaultdict(list)
for _block in blocks("sh"):
    STORIES[_block.page].append(_block)


@dataclass(frozen=True)
class Told:
    """What a block did: what did not end with 0 and how it ended, and what was printed."""

    failures: Sequence[tuple[str, int]]
    printed: str


@pytest.mark.parametrize("page", STORIES)
def test_what_a_page_says_is_what_happens(page: str, tmp_path: Path) -> None:
    story = STORIES[page]
    told = zip(story, follow(page, story, tmp_path), strict=True)
    faults = [f"{block}: {fault}" for block, what in told for fault in faults_of(block, what)]
    assert not faults, "\n".join(faults)


def follow(page: str, story: Sequence[Block], folder: Path) -> Iterator[Told]:
    """Do what a page says, in a shell."""
    (folder / "checkout").mkdir()
    checkout = Checkout(folder / "checkout")
    with ExitStack() as ending:
        script = [_PRELUDE.format(ends=shlex.quote(str(folder / "ends")))]
        endpoints: dict[str, str] = {}
        for number, block in enumerate(story):
            partition, region = _partition(block)
            if partition not in endpoints:
                endpoints[partition] = _sandbox(page, partition, region, ending)
            variables = _variables(endpoints[partition], region)
            script.append(f"{variables}\nexec >{folder / f'printed-{number}'} 2>&1\nblock={number}\n")
            script.append(in_a_sandbox(block.text))
        (folder / "story.sh").write_text("".join(script), encoding="utf-8")
        checkout.run("bash", str(folder / "story.sh"))
    ends = (
        (folder / "ends").read_text(encoding="utf-8").split("\0")[:-1] if (folder / "ends").exists() else []
    )
    ended = [(int(ends[at]), (ends[at + 2], int(ends[at + 1]))) for at in range(0, len(ends), 3)]
    for number, _ in enumerate(story):
        printed = folder / f"printed-{number}"
        text = printed.read_text(encoding="utf-8") if printed.exists() else "(it was not come to)"
        yield Told([failure for where, failure in ended if where == number], text)


# Every command that does not end with 0 is noted, and the next one is tried.
_PRELUDE = """set -Euo pipefail
trap 'printf "%s\\0%s\\0%s\\0" "$block" "$?" "$BASH_COMMAND" >>{ends}' ERR
"""


def _partition(block: Block) -> tuple[str, str]:
    named = [where for file, where in PARTITIONS.items() if file in block.text]
    return named[0] if named else ("aws", "us-east-1")


def _sandbox(page: str, partition: str, region: str, ending: ExitStack) -> str:
    """The endpoint of a sandbox that ends with the page."""
    layout = LAYOUTS.get(page) or Layout(accounts=3, partition=partition, region=region)
    sandbox = SandboxProcess(layout)
    ending.callback(sandbox.stop)
    return sandbox.endpoint


def _variables(endpoint: str, region: str) -> str:
    values = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
    }
    return "export " + " ".join(f"{name}={value}" for name, value in values.items())


def faults_of(block: Block, told: Told) -> Iterator[str]:
    """What is otherwise than the page says."""
    for command, code in told.failures:
        if code != ends_with(command):
            yield f"{command}\n  ended with {code}, not {ends_with(command)}, after\n{_end_of(told.printed)}"
    if not told.failures:
        yield from (
            f"{command}\n  ended with 0, not {ends_with(command)}"
            for command in commands(block.text)
            if ends_with(command)
        )
    if block.output is not None and not fits(in_a_sandbox(block.output), told.printed):
        yield f"it does not print\n{block.output}but\n{told.printed}"


def _end_of(printed: str) -> str:
    return "\n".join(printed.splitlines()[-12:])


def ends_with(command: str) -> int:
    """The exit code that a command must end with."""
    return next((code for words, code, _ in ENDS if re.search(words, command)), 0)


def commands(text: str) -> list[str]:
    """The commands of a block, a line each."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def fits(expected: str, printed: str) -> bool:
    """Whether what was printed is as the page shows it."""
    parts = (re.escape(part.strip("\n")) for part in expected.strip().split("…"))
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(r".*?".join(parts), lines, re.S) is not None


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("20 checks\n", "20 checks\n", True),
        ("…\n20 checks\n…\n", "before\n20 checks\nafter\n", True),
        ("took … s\n", "took 1.5 s  \n", True),
        ("20 checks\n", "21 checks\n", False),
        ("20 checks\n", "before\n20 checks\n", False),
        ("a\n…\nc\n", "c\na\n", False),
    ],
)
def test_an_output_is_compared_line_by_line(expected: str, printed: str, same: bool) -> None:
    assert fits(expected, printed) is same


def test_a_line_that_fails_is_named(tmp_path: Path) -> None:
    block = Block(page="page.md", line=1, language="sh", text="true\nfalse\n(exit 3)\n", output="nothing\n")
    (told,) = follow("page.md", [block], tmp_path)
    assert [command for command, _ in told.failures] == ["false", "( exit 3 )"]
    assert len(list(faults_of(block, told))) == 3
