"""The journal: every finding is in it once, whatever ends the run that writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import finding

from xacct_kit.errors import ParamsError, RequestError, RunError
from xacct_kit.fleet.journal import NAME, Journal, Tail, read_journal
from xacct_kit.params import Params
from xacct_kit.report import Finding, Report, Verdict

ACCOUNTS = ("333333333333", "400000000000", "400000000001")
PARAMS = Params.load("params/sandbox.yaml", member_accounts=list(ACCOUNTS))


def row(account: str, probe: str, verdict: Verdict = Verdict.PASS, why: str = "It is so.") -> Finding:
    return finding(account=account, probe=probe, verdict=verdict, why=why)


def of(account: str) -> list[Finding]:
    return [row(account, "first"), row(account, "second", why="L\u2028ine\n\ud800"), row(account, "third")]


def write(journal: Journal, accounts: Iterable[str]) -> None:
    """Add the accounts' findings as a run does that works on all of them at a time."""
    accounts = list(accounts)
    for account in accounts:
        journal.add(account, of(account)[:2], last=False)
    for account in reversed(accounts):
        journal.add(account, of(account)[2:], last=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / NAME


def test_it_gives_the_findings_account_after_account(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        report = journal.report(ACCOUNTS)
    assert list(report) == [finding for account in ACCOUNTS for finding in of(account)]
    assert report.findings[-1] == of(ACCOUNTS[-1])[-1]
    assert list(report.findings[2:4]) == [of(ACCOUNTS[0])[2], of(ACCOUNTS[1])[0]]


def test_every_line_is_a_finding_of_a_schema(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(lines) == 3 * len(ACCOUNTS)
    assert {line["schema"] for line in lines} == {1}
    assert all(line["verdict"] == "PASS" for line in lines)


def test_a_finding_is_on_disk_when_it_has_been_added(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        journal.add(ACCOUNTS[0], of(ACCOUNTS[0])[:1], last=False)
        assert list(read_journal(path)) == of(ACCOUNTS[0])[:1]


def whole(folder: Path) -> bytes:
    with Journal.begin(folder / NAME, PARAMS) as journal:
        write(journal, ACCOUNTS)
    return (folder / NAME).read_bytes()


def test_cut_at_any_byte_it_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    complete = whole(tmp_path)
    expected = list(read_journal(tmp_path))
    path = tmp_path / "cut" / NAME
    path.parent.mkdir()
    for length in range(len(complete)):
        path.write_bytes(complete[:length])
        with Journal.resume(path, PARAMS) as journal:
            missing = [account for account in ACCOUNTS if account not in journal.done]
            assert missing
            write(journal, missing)
            assert sorted(journal.report(ACCOUNTS), key=str) == sorted(expected, key=str)
        assert all(line.endswith(b"}") for line in path.read_bytes().splitlines())


@given(ended=st.lists(st.booleans(), max_size=6))
def test_of_an_account_that_is_done_again_the_newest_whole_set_counts(
    tmp_path_factory: pytest.TempPathFactory, ended: list[bool]
) -> None:
    path, account = tmp_path_factory.mktemp("again") / NAME, ACCOUNTS[0]
    for number, last in enumerate(ended):
        with Journal.resume(path, PARAMS) as journal:
            journal.add(account, [row(account, f"a{number}"), row(account, f"b{number}")], last=last)
    done = [number for number, last in enumerate(ended) if last]
    newest = done[-1:] or ([len(ended) - 1] if ended else [])
    with Journal.resume(path, PARAMS) as journal:
        assert [each.probe for each in journal.report([account])] == [
            f"{letter}{number}" for number in newest for letter in "ab"
        ]
        assert (account in journal.done) == bool(done)


def test_an_account_is_red_until_it_is_done_again_and_green(path: Path) -> None:
    account, other = ACCOUNTS[:2]
    with Journal.begin(path, PARAMS) as journal:
        journal.add(account, [row(account, "a", Verdict.UNKNOWN), row(account, "b")], last=True)
        journal.add(other, of(other), last=True)
        assert journal.red == {account}
    with Journal.resume(path, PARAMS) as journal:
        assert journal.red == {account}
        journal.add(account, of(account)[:1], last=False)
        assert journal.red == {account}
        journal.add(account, of(account)[1:], last=True)
        assert journal.red == set()


@pytest.mark.parametrize("open_journal", [Journal.begin, Journal.resume], ids=["begin", "resume"])
def test_a_second_writer_is_refused_and_changes_nothing(
    path: Path, open_journal: Callable[[Path, Params], Journal]
) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        before = path.read_bytes()
        with pytest.raises(RequestError, match="another run is writing this journal"):
            open_journal(path, PARAMS)
        assert path.read_bytes() == before
    with Journal.resume(path, PARAMS) as journal:
        assert journal.done == set(ACCOUNTS)


OTHERS = {
    "another role": ({"role_name": "Another"}, False),
    "another profile": ({"profile": "swb-6.2.2"}, False),
    "another region": ({"region": "eu-west-1"}, False),
    "other accounts": ({"member_accounts": ("400000000007",)}, True),
    "a new external ID": ({"external_id": "another-external-id"}, True),
    "a new external ID of the management role": ({"management_external_id": "another-external-id"}, True),
    "more patience": ({"wait_seconds": 7}, True),
}


@pytest.mark.parametrize("what", OTHERS)
def test_it_goes_on_for_the_same_question_alone(path: Path, what: str) -> None:
    changed, same = OTHERS[what]
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
    other = PARAMS.model_copy(update=changed)
    if same:
        with Journal.resume(path, other) as journal:
            assert journal.done == set(ACCOUNTS)
    else:
        before = path.read_bytes()
        with pytest.raises(ParamsError, match="with other params"):
            Journal.resume(path, other)
        assert path.read_bytes() == before


WRONG = {
    "no JSON": (b"nothing\n", "Line 10 of the journal is not a finding"),
    "no finding": (b'{"step": "trust"}\n', "no value: account"),
    "no object": (b"[]\n", "it is not an object"),
    "another schema": (b'{"schema": 2}\n', "schema 2 is not known"),
    "nested for ever": (b"[" * 100_000 + b"\n", "Line 10"),
    "no text": (b"\xff\xfe\n", "Line 10"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_line_that_is_none_of_it_is_named(path: Path, wrong: str) -> None:
    line, message = WRONG[wrong]
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(RequestError, match=message):
        Journal.resume(path, PARAMS)
    with pytest.raises(RequestError, match=message):
        read_journal(path)


@pytest.mark.parametrize("removed", range(9))
def test_of_an_account_of_which_a_line_was_removed_not_all_is_known(tmp_path: Path, removed: int) -> None:
    lines = whole(tmp_path).splitlines(keepends=True)
    account = json.loads(lines.pop(removed))["account"]
    (tmp_path / NAME).write_bytes(b"".join(lines))
    with Journal.resume(tmp_path / NAME, PARAMS) as journal:
        assert journal.done == {*ACCOUNTS} - {account}


def test_journals_of_two_runs_that_were_put_together_are_those_of_another(path: Path) -> None:
    journals = [
        whole(path.parent / "one"),
        whole(path.parent / "two").replace(b'"run":"', b'"run":"other'),
    ]
    for order in (journals, journals[::-1]):
        path.write_bytes(b"".join(order))
        with pytest.raises(ParamsError, match="with other params"):
            Journal.resume(path, PARAMS)


def test_the_report_is_saved_beside_it_and_reads_alike(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        report = journal.report(ACCOUNTS)
    before = path.read_bytes()
    report.save(path.parent)
    assert path.read_bytes() == before
    copy = Report.of(report).save(path.parent / "copy")
    for name in ("report.csv", "report.json", "report.html"):
        assert (copy / name).read_bytes() == (path.parent / name).read_bytes()
    assert list(read_journal(copy)) == list(report)


def test_a_folder_by_another_name_is_the_journal_s_too(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        report = journal.report(ACCOUNTS)
    report.save(path.parent / ".." / path.parent.name)
    with Journal.resume(path, PARAMS) as journal:
        assert journal.done == set(ACCOUNTS)


@pytest.mark.skipif(sys.platform == "win32", reason="files have no largest size")
def test_a_disk_that_is_full_is_told_once(path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with (
            pytest.raises(RunError, match="cannot be written: File too large"),
            Journal.begin(path, PARAMS) as journal,
        ):
            write(journal, ACCOUNTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(read_journal(path)) < 3


def test_a_report_keeps_its_findings_when_another_run_begins_the_journal_anew(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        report = journal.report(ACCOUNTS)
    before = list(report)
    with Journal.begin(path, PARAMS) as anew:
        assert path.read_bytes() == b""
        write(anew, ACCOUNTS[:1])
        assert list(report) == before
        assert list(anew.report(ACCOUNTS)) == of(ACCOUNTS[0])


def test_no_report_is_saved_over_a_journal_that_is_being_written(path: Path) -> None:
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS)
        with pytest.raises(RunError, match=r"findings\.jsonl: another run is writing it"):
            Report.of(of(ACCOUNTS[0])).save(path.parent)
        journal.report(ACCOUNTS).save(path.parent)
    assert len(read_journal(path)) == 9
    assert {each.name[0] for each in path.parent.iterdir()} == set("fjrs"), "no draft is left"


def test_nothing_at_the_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="No such file"):
        read_journal(tmp_path)


@pytest.mark.parametrize("accounts", [1, 3], ids=["shorter", "longer"])
def test_who_follows_a_journal_that_is_replaced_reads_the_new_one_alone(path: Path, accounts: int) -> None:
    """However long the new one is by the time that somebody looks."""
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS[:2])
    tail = Tail(path, replaced=True)
    assert tail.read(99) == []
    with Journal.begin(path, PARAMS) as journal:
        write(journal, ACCOUNTS[-accounts:])
    assert len(tail.read(99)) == 3 * accounts
    assert {finding.account for finding in tail.report()} == set(ACCOUNTS[-accounts:])
