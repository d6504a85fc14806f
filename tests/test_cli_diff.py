from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from report_examples import finding
from typer.testing import CliRunner

from xacct_kit.cli import app
from xacct_kit.errors import RequestError
from xacct_kit.report import Finding, OutcomeKind, Report, Verdict

PASSED = finding()
FAILED = replace(PASSED, outcome=OutcomeKind.DENIED_SCP, verdict=Verdict.FAIL, why="A policy denies it.")


def xacct(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, RequestError):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, str]:
    findings: dict[str, Sequence[Finding]] = {"green": [PASSED], "red": [FAILED], "empty": []}
    return {name: str(Report.of(rows).save(tmp_path / name)) for name, rows in findings.items()}


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("green", "red", 1, "1 check: 1 broke"),
        ("red", "green", 0, "1 check: 1 healed"),
        ("red", "red", 0, "1 check: 1 same"),
        ("green", "empty", 1, "1 check: 1 gone"),
    ],
)
def test_the_exit_code_says_whether_what_was_green_still_is(runs, old, new, code, said):
    exit_code, output = xacct("diff", runs[old], runs[new])
    assert exit_code == code
    assert output.splitlines()[-1] == said


def test_a_run_is_its_folder_or_its_journal(runs):
    journal = str(Path(runs["red"]) / "findings.jsonl")
    assert xacct("diff", runs["green"], journal) == xacct("diff", runs["green"], runs["red"])


def test_a_program_reads_json(runs):
    _, output = xacct("diff", runs["green"], runs["red"], "--format", "json")
    document = json.loads(output)
    assert document["counts"]["broke"] == 1
    assert document["broke"][0]["accounts"] == ["333333333333"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "No such file or directory. Name a run's folder, or its findings.jsonl."),
        (b"{}\n", "Line 1 of the journal is not a finding"),
        (b"\xff\n", "can't decode byte 0xff"),
    ],
    ids=["not there", "not a finding", "not UTF-8"],
)
def test_what_cannot_be_read_is_a_wrong_request_that_names_the_file(runs, tmp_path, content, fault):
    file = tmp_path / "broken.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RequestError) as raised:
        xacct("diff", runs["green"], str(file))
    assert str(raised.value).startswith(f"{file}: ")
    assert fault in str(raised.value)
    assert raised.value.exit_code == 2
