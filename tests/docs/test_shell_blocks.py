"""What the documentation has its reader type really runs, page by page, from the top to the bottom.

A page's blocks of shell and Python are run in one shell, in a checkout of its own, as by a reader who has the
accounts of a sandbox. A block of no language that follows one is what it prints; `…` stands for anything.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import Checkout, in_a_sandbox
from markdown_blocks import ROOT, Block, blocks, is_run

import xacct_kit as xk
from xacct_kit.params import Params
from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.process import SandboxProcess

pytestmark = pytest.mark.slow

# What ends otherwise than with 0: the page, what its block holds, the command, its exit code, and why.
ENDS: Sequence[tuple[str, str, str, int, str]] = (
    ("", "", r"xacct probe .*sandbox_scenario=(?!healthy\b)", 1, "the sandbox holds what is wrong"),
    ("docs/first-account.md", "xacct template", r"xacct (?:status|plan|probe)", 1, "nobody has deployed"),
    ("docs/account-life.md", "accounts.csv", r"xacct create", 1, "what is new has no S3 for a while"),
    ("docs/account-life.md", "", r"xacct plan", 1, "the role has not the tags of the params yet"),
)

# What the sandbox of a page holds, where it is not the role as it should be.
SCENARIOS: Mapping[str, str] = {"docs/first-account.md": "role-missing"}

# What a page's reader has made before.
BUCKET = "our-templates"
UNIT = "ou-ab12-cd34ef56"

# What is shown and not run: the page, what its block holds, and why.
SHOWN: Sequence[tuple[str, str, str]] = (
    ("CONTRIBUTING.md", "python benchmarks/", "they take minutes; tests/test_benchmarks.py runs them short"),
    ("docs/organization.md", "--scheduler", "it takes a cluster; tests/fleet/test_dask.py has one"),
    (
        "docs/adding-a-probe.md",
        "emr-list-security-configurations",
        "the kit has no such probe; test_pages.py makes it",
    ),
    ("docs/adding-a-scenario.md", "ssm", "the kit has no such scenario; test_pages.py makes it"),
    ("docs/reference/", "", "it is made from the code"),
)


def stories() -> dict[str, list[Block]]:
    """The blocks that are run, by their pages."""
    found: dict[str, list[Block]] = defaultdict(list)
    for block in filter(is_run, blocks("sh", "python")):
        # To make the same again tells nothing new.
        typed = {command for earlier in found["README.md"] for command in earlier.commands}
        if block.page == "README.md" or not _made(block) <= typed:
            found[block.page].append(block)
    return found


def _made(block: Block) -> set[str]:
    """The commands of a block, if it has no others than those of make."""
    typed = block.commands
    return set(typed) if all(each.startswith("make ") for each in typed) else {block.text}


@dataclass(frozen=True)
class Told:
    """What a block did: what did not end with 0 and how it ended, and what was printed."""

    failures: Sequence[tuple[str, int]]
    printed: str


@pytest.mark.parametrize(
    ("page", "story"),
    stories().items(),
    ids=stories(),
)
def test_what_a_page_says_is_what_happens(page: str, story: Sequence[Block], tmp_path: Path) -> None:
    told = zip(story, follow(page, story, tmp_path), strict=True)
    faults = [f"{block}: {fault}" for block, what in told for fault in faults_of(block, what)]
    assert not faults, "\n".join(faults)


def follow(page: str, story: Sequence[Block], folder: Path) -> Iterator[Told]:
    """Do what a page says, in a shell."""
    (folder / "checkout").mkdir()
    checkout = Checkout(folder / "checkout")
    script = [_PRELUDE.format(ends=shlex.quote(str(folder / "ends")))]
    for number, block in enumerate(story):
        script.append(f"exec >{shlex.quote(str(folder / f'printed-{number}'))} 2>&1\nblock={number}\n")
        script.append(_typed(block, folder / f"block-{number}.py"))
    sandbox = SandboxProcess(Layout(accounts=3, scenario=SCENARIOS.get(page, "healthy")))
    try:
        unit = _prepare(sandbox.endpoint, story)
        script = [text.replace(UNIT, unit) for text in script]
        (folder / "story.sh").write_text("".join(script), encoding="utf-8")
        checkout.run("bash", str(folder / "story.sh"), **_variables(sandbox.endpoint))
    finally:
        sandbox.stop()
    ended = _read(folder / "ends").split("\0")[:-1]
    failures = [(int(ended[at]), (ended[at + 2], int(ended[at + 1]))) for at in range(0, len(ended), 3)]
    for number in range(len(story)):
        yield Told([how for where, how in failures if where == number], _read(folder / f"printed-{number}"))


# Every command that does not end with 0 is noted, and the next one is tried.
_PRELUDE = """set -Euo pipefail
trap 'printf "%s\\0%s\\0%s\\0" "$block" "$?" "$BASH_COMMAND" >>{ends}' ERR
"""


def _typed(block: Block, file: Path) -> str:
    """What is typed for a block; Python is run from a file."""
    text = in_a_sandbox(block.text)
    if block.language == "sh":
        return text
    file.write_text(text, encoding="utf-8")
    return f"python {shlex.quote(str(file))}\n"


def _prepare(endpoint: str, story: Sequence[Block]) -> str:
    """Make what a page's reader has made before.

    Returns:
        The organizational unit's ID; empty where the page names none.
    """
    typed = "".join(block.text for block in story)
    with xk.connect(Params.load(ROOT / "params" / "sandbox.yaml", sandbox_endpoint=endpoint)) as session:
        if BUCKET in typed:
            main = session.deployer(session.params.main_account).caller
            assert main is not None
            assert session.call(main, "s3", "CreateBucket", Bucket=BUCKET).ok
        if UNIT not in typed:
            return ""
        assert session.call(session.operator, "cloudformation", "ActivateOrganizationsAccess").ok
        (root,) = session.call(session.operator, "organizations", "ListRoots").result["Roots"]
        asked = {"ParentId": root["Id"], "Name": "laboratories"}
        made = session.call(session.operator, "organizations", "CreateOrganizationalUnit", **asked)
        return str(made.result["OrganizationalUnit"]["Id"])


def _variables(endpoint: str) -> dict[str, str]:
    """The variables of a reader whose AWS is a sandbox."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": OPERATOR_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
    }


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def faults_of(block: Block, told: Told) -> Iterator[str]:
    """What is otherwise than the page says."""
    for command, code in told.failures:
        wanted = ends_with(block, command)
        if code != wanted:
            yield f"{command}\n  ended with {code}, not {wanted}, after\n{_end_of(told.printed)}"
    expected = [command for command in block.commands if ends_with(block, command)]
    if len(expected) > len(told.failures):
        yield f"not all of these failed: {expected}"
    if block.output is not None and not fits(in_a_sandbox(block.output), told.printed):
        yield f"it does not print\n{block.output}but\n{told.printed}"


def _end_of(printed: str) -> str:
    return "\n".join(printed.splitlines()[-12:])


def ends_with(block: Block, command: str) -> int:
    """The exit code that a command must end with."""
    for page, held, words, code, _ in ENDS:
        if page in ("", block.page) and held in block.text and re.search(words, command):
            return code
    return 0


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


def test_what_is_shown_and_not_run_has_a_reason() -> None:
    def reasons(block: Block) -> list[str]:
        return [why for page, held, why in SHOWN if block.page.startswith(page) and held in block.text]

    told = {str(block): reasons(block) for block in blocks("text")}
    assert not {block for block, why in told.items() if len(why) != 1}
    assert {why for each in told.values() for why in each} == {why for *_, why in SHOWN}


def test_a_line_that_fails_is_named(tmp_path: Path) -> None:
    block = Block(page="page.md", line=1, language="sh", text="true\nfalse\n(exit 3)\n", output="nothing\n")
    (told,) = follow("page.md", [block], tmp_path)
    assert [command for command, _ in told.failures] == ["false", "( exit 3 )"]
    assert len(list(faults_of(block, told))) == 3


def test_what_make_test_would_run_is_what_is_taken() -> None:
    """`make test` cannot run itself: it is asked what it would do, and so is what a change has to pass."""
    taken = re.findall(r"^make .*", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    assert any(re.search(r"\btest\b", command) for command in taken)
    for command in taken:
        would = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        if re.search(r"\btest\b", command):
            assert re.search(r"ruff check.*mypy.*-m pytest .*\btests\b.*--nbval notebooks", would, re.S)
