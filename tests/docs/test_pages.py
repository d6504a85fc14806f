"""What the documentation says of the kit is so: where links lead, and the names that are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest
import typer.main
import yaml
from house import FLOORS
from typer.core import TyperGroup

import xacct_kit as xk
from xacct_kit.cli import app
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.role.drift import Severity
from xacct_kit.role.profile import PROFILES, load_profile
from xacct_kit.sandbox.scenarios import SCENARIOS, Scenario
from xacct_kit.sandbox.services import SERVICES
from xacct_kit.steps.callers import role_access
from xacct_kit.steps.catalogue import PROBES, Probe
from xacct_kit.steps.probes import probe_as
from xacct_kit.steps.stack.states import Standing
from xacct_kit.views.words import OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def prose_of(page: Path) -> str:
    """A page without what is fenced in it."""
    return re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def code_of(page: Path) -> list[str]:
    """What stands between backticks in the prose, on one line each."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose_of(page))]


def fenced(page: Path, *languages: str) -> list[str]:
    """What is fenced in some languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def rows_of(page: Path, header: str) -> list[list[str]]:
    """The cells of the table with a header, row by row."""
    _, _, after = text_of(page).partition(f"{header}\n")
    table = re.match(r"(?:\|.*\n)+", after)
    assert table, f"{page.name} has no table {header}"
    _, *rows = table[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


# Links


def links_of(page: Path) -> Iterator[str]:
    """Where a page leads to within the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if "://" not in target:
            yield target


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            lost.append(target)
    assert not lost


def test_every_page_is_linked_to() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in links_of(page)
    }
    assert not {page for page in DOCS.rglob("*.md") if page not in linked}


# Names


PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|yaml|jsonl|ipynb|toml)")
WRITTEN_BY_A_RUN = {"findings.jsonl", "summary.md"}
OF_A_READER = {"onboard-account.yaml"}


@each_page
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = {code for code in code_of(page) if PATH.fullmatch(code)} - WRITTEN_BY_A_RUN - OF_A_READER
    places = (ROOT, ROOT / "xacct_kit", ROOT / "params", ROOT / "notebooks")
    assert not {name for name in named if not any((place / name).exists() for place in places)}


@cache
def options() -> dict[str, set[str]]:
    """The options of every command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        for name, command in group.commands.items()
    }


def called(page: Path) -> Iterator[tuple[str, str]]:
    """The commands `xacct …` that a page names, and what stands behind each."""
    told = (*code_of(page), *fenced(page, "sh", "text", "crontab"))
    for text in told:
        yield from re.findall(r"(?<![\w.-])xacct ([a-z][a-z-]*)([^\n|&;]*)", text)


@each_page
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    wrong = []
    for command, rest in called(page):
        offered = options().get(command, set())
        asked = re.findall(r"(?<!\S)--[a-z-]+", rest)
        if not offered or set(asked) - offered:
            wrong.append(f"xacct {command}{rest}")
    assert not wrong


@each_page
def test_every_option_that_is_named_alone_is_one_of_a_command(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells of what was")
    alone = {found[0] for code in code_of(page) if (found := re.match(r"--[a-z-]+", code))}
    assert alone <= set().union(*options().values())


# A key as such, GitLab's, and a profile's.
OTHER_KEYS = {"key", "artifacts", "trust"}


@each_page
def test_every_key_of_params_that_is_given_a_value_is_one(page: Path) -> None:
    told = "\n".join([*code_of(page), *fenced(page, "sh", "text", "crontab")])
    given = re.findall(r"-p (\w+)=", told)
    written = (re.match(r"([a-z]+(?:_[a-z]+)*): \S", code) for code in code_of(page))
    keys = {*given, *(found[1] for found in written if found)} - OTHER_KEYS
    assert keys <= Params.model_fields.keys()


# What is listed is all there is


def test_every_outcome_has_its_heading() -> None:
    headings = re.findall(r"^### `(\w+)`$", text_of(DOCS / "troubleshooting.md"), re.MULTILINE)
    assert sorted(headings) == sorted(OutcomeKind)


def test_every_outcome_is_told_in_the_words_of_a_report() -> None:
    told = re.findall(r"^### `(\w+)`\n\n\*(.+?)\*\. ", text_of(DOCS / "troubleshooting.md"), re.MULTILINE)
    assert {OutcomeKind(name): words for name, words in told} == OUTCOMES


@pytest.mark.parametrize(
    ("page", "header", "members"),
    [
        ("concepts.md", "| verdict | is green | means |", Verdict),
        ("account-life.md", "| standing | means |", Standing),
        ("account-life.md", "| severity | means |", Severity),
    ],
)
def test_a_table_of_words_has_all_of_them(page: str, header: str, members: type[StrEnum]) -> None:
    assert [row[0] for row in rows_of(DOCS / page, header)] == [f"`{each}`" for each in members]


def test_the_table_of_verdicts_says_which_are_green() -> None:
    rows = rows_of(DOCS / "concepts.md", "| verdict | is green | means |")
    assert [row[1] == "yes" for row in rows] == [verdict.green for verdict in Verdict]


def test_the_profiles_are_those_of_the_kit() -> None:
    rows = rows_of(DOCS / "account-life.md", "| profile | is | mind |")
    assert {row[0].strip("`") for row in rows} == {*PROFILES, "a YAML file"}


SCENARIO_HEADER = "| Scenario | What is so in the member accounts |"


def test_every_scenario_is_in_the_table_in_its_own_words() -> None:
    rows = rows_of(DOCS / "sandbox.md", SCENARIO_HEADER)
    assert rows == [[f"`{name}`", scenario.about] for name, scenario in SCENARIOS.items()]


def test_the_readme_shows_some_of_the_scenarios() -> None:
    rows = rows_of(ROOT / "README.md", SCENARIO_HEADER)
    assert rows
    assert all(SCENARIOS[name.strip("`")].about == about for name, about in rows)


def test_the_services_of_the_sandbox_are_named() -> None:
    (told,) = re.findall(r"- It offers (.*?), and of these", " ".join(text_of(DOCS / "sandbox.md").split()))
    assert re.findall(r"`(\w+)`", told) == list(SERVICES.values())


def test_the_floors_are_those_that_are_held() -> None:
    rows = rows_of(DOCS / "architecture.md", "| floor | parts | what is there |")
    assert [set(re.findall(r"`(\w+)`", parts)) for _, parts, _ in rows] == list(FLOORS)
    assert [number for number, *_ in rows] == [str(place) for place, _ in enumerate(rows, start=1)]


# What a reader is led through


def test_the_profile_that_is_shown_is_the_one_that_is_used() -> None:
    (shown,) = fenced(DOCS / "adding-a-profile.md", "yaml")
    file = DOCS / "examples" / "storage.yaml"
    assert shown == text_of(file)
    assert load_profile(str(file)).name == yaml.safe_load(shown)["name"]


def shown_entry(page: str) -> object:
    """The entry that a page adds to a table."""
    (block,) = fenced(DOCS / page, "python")
    imports, _, entry = block.partition("\n\n")
    namespace: dict[str, object] = {}
    exec(imports, namespace)
    return eval(entry, namespace)


def shown_probe() -> Probe:
    probe = shown_entry("adding-a-probe.md")
    assert isinstance(probe, Probe)
    return probe


def shown_finding(page: str) -> str:
    """The red row that a page shows, on one line."""
    (row,) = [block for block in fenced(DOCS / page, "text") if block.startswith("✗")]
    return " ".join(row.split())


def probed(**values: str) -> Finding:
    with xk.connect(Params.load(ROOT / "params" / "sandbox.yaml", **values)) as session:
        (account,) = session.params.accounts
        return probe_as(session, account, role_access(session, account), shown_probe())


@pytest.mark.parametrize(
    ("values", "outcome", "verdict"),
    [
        ({}, OutcomeKind.ALLOWED, Verdict.PASS),
        ({"sandbox_scenario": "missing-emr"}, OutcomeKind.DENIED_IDENTITY, Verdict.FAIL),
    ],
)
def test_the_probe_that_is_shown_is_green_and_red_as_it_says(
    values: dict[str, str], outcome: OutcomeKind, verdict: Verdict
) -> None:
    assert shown_probe().name not in {probe.name for probe in PROBES}
    finding = probed(**values)
    assert (finding.outcome, finding.verdict) == (outcome, verdict)
    if verdict is Verdict.FAIL:
        assert finding.fix in shown_finding("adding-a-probe.md")


def test_what_the_scenario_that_is_shown_makes_red_is_told_as_it_says() -> None:
    scenario = shown_entry("adding-a-scenario.md")
    assert isinstance(scenario, Scenario)
    (probe,) = [probe for probe in PROBES if probe.name == "ssm-describe-parameters"]
    with xk.connect(Params.load(ROOT / "params" / "sandbox.yaml")) as session:
        (account,) = session.params.accounts
        deployer = session.deployer(account).caller
        assert deployer is not None
        for name in scenario.dropped_policies:
            lost = {"RoleName": session.params.role_name, "PolicyName": name}
            assert session.call(deployer, "iam", "DeleteRolePolicy", **lost).ok
        finding = probe_as(session, account, role_access(session, account), probe)
    assert finding.verdict is Verdict.FAIL
    shown = shown_finding("adding-a-scenario.md")
    assert finding.why in shown
    assert finding.fix in shown
