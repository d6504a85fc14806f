"""Many new accounts: a strict list, five at a time, and none twice however often the run is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from created_accounts import emails, requests, session_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xacct_kit.errors import ParamsError
from xacct_kit.fleet.new_account_lists import read_new_accounts
from xacct_kit.fleet.new_accounts import JOURNAL, Created, create_accounts
from xacct_kit.report import Verdict
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess
from xacct_kit.steps.creation.new_account import NewAccount

# Lists.


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "accounts.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


NO_ACCOUNT = "list: names no account; below the header name,email there is a line for each"
OFFERED = "there are name, email, ou, billing, role and tags"
ONE = NewAccount(name="one", email="one@example.com")
TWO = NewAccount(
    name="two",
    email="two@example.com",
    billing_access=False,
    role_name="Admin",
    tags={"team": "labs", "site": ""},
    organizational_unit="ou-ab12-cd34ef56",
)
FULL = (
    "name,email,ou,billing,role,tags\n"
    "one,one@example.com,,,,\n"
    "two,two@example.com,ou-ab12-cd34ef56,deny,Admin,team=labs; site=\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("name,email\none,one@example.com\n", (ONE,), id="what is needed"),
        pytest.param(FULL, (ONE, TWO), id="all columns"),
        pytest.param(FULL.replace("\n", "\r\n"), (ONE, TWO), id="line ends of Windows"),
        pytest.param(f"\ufeff{FULL}", (ONE, TWO), id="byte order mark"),
        pytest.param("E-mail address;Account name\none@example.com;one\n", (ONE,), id="other names"),
        pytest.param("# ours\nname,email\n\n#x,y\n one , one@example.com \n,\n", (ONE,), id="comments"),
        pytest.param('name,email,billing\n"one","one@example.com",ALLOW\n', (ONE,), id="quotes"),
        pytest.param("name,email,ou\none,one@example.com\n", (ONE,), id="cells left out"),
    ],
)
def test_a_list_is_read(listing: Callable[[str], Path], text: str, expected: tuple[NewAccount, ...]) -> None:
    assert read_new_accounts(listing(text)) == expected


def test_the_role_is_that_of_the_run_where_the_list_names_none(listing: Callable[[str], Path]) -> None:
    one, two = read_new_accounts(listing(FULL), role_name="Ours")
    assert (one.role_name, two.role_name) == ("Ours", "Admin")


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [NO_ACCOUNT]),
        ("# nothing\n", [NO_ACCOUNT]),
        (",\n , ,\n", [NO_ACCOUNT]),
        ("name,email\n", [NO_ACCOUNT]),
        ("name,mail\n", ["list, line 1: the column 'mail' is not known; did you mean email?"]),
        (
            "name,email,secret\na,a@example.com,b\n",
            [f"list, line 1: the column 'secret' is not known; {OFFERED}"],
        ),
        ("name\n", ["list, line 1: no column is named email"]),
        ("name,email,e-mail\n", ["list, line 1: two columns say email"]),
        (
            "name,email\na,a@example.com\nb,A@example.com\n",
            ["list, line 3: email: 'A@example.com' is on line 2 too; an address is for one account"],
        ),
        (
            "name,email,billing\na,a.example.com,\n,b@example.com,maybe\nc,c@example.com,allow,x\n",
            [
                "list, line 2: email: 'a.example.com' is no e-mail address that AWS accepts: one has one @",
                "list, line 3: billing: 'maybe' is neither allow nor deny",
                "list, line 4: has 4 cells, the header 3; put what has a separator in it in quotes",
            ],
        ),
        (
            "name,email,tags\na,a@example.com,team\nb,b@example.com,x=1;x=2\n",
            [
                "list, line 2: tags: 'team' has no '='; write key=value; key=value",
                "list, line 3: tags: 'x' is there twice",
            ],
        ),
        ('name,email\n"a,a@example.com\n', ["list, line 2: cannot be read as CSV: unexpected end of data"]),
    ],
)
def test_every_fault_of_a_list_has_its_line(
    listing: Callable[[str], Path], text: str, faults: list[str]
) -> None:
    path = listing(text)
    with pytest.raises(ParamsError) as caught:
        read_new_accounts(path)
    found = [fault.replace(str(path), "list") for fault in caught.value.faults]
    assert found == faults


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_is_a_list_or_has_faults(listing: Callable[[str], Path], text: str) -> None:
    path = listing(text.encode("utf-8", "ignore").decode())
    try:
        assert read_new_accounts(path)
    except ParamsError as error:
        assert error.faults


# Batches.

FAILING = "failing@example.com"


@pytest.fixture(scope="module")
def endpoint(no_aws: None) -> Iterator[str]:
    child = SandboxProcess(Layout(account_seconds=0.4, account_failures={FAILING: "INTERNAL_FAILURE"}))
    yield child.endpoint
    child.stop()


def many(prefix: str, number: int) -> list[NewAccount]:
    names = [f"{prefix}-{place}" for place in range(number)]
    return [NewAccount(name=name, email=f"{name}@example.com") for name in names]


def verdicts(created: Created) -> set[Verdict]:
    return {row.verdict for row in created.report}


class Watcher(threading.Thread):
    """Looks how many creations are in progress, until it is told to end."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._ended = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, requests(self._endpoint, "IN_PROGRESS").total())

    def end(self) -> None:
        self._ended.set()
        self.join()


def test_five_are_in_progress_at_a_time(endpoint: str) -> None:
    wanted, lines = many("batch", 7), list[str]()
    watcher = Watcher(endpoint)
    watcher.start()
    try:
        created = create_accounts(session_at(endpoint), wanted, progress=lines.append)
    finally:
        watcher.end()
    assert verdicts(created) == {Verdict.PASS}
    assert len(set(created.accounts)) == 7
    assert list(dict.fromkeys(row.account for row in created.report)) == list(created.accounts)
    assert 2 <= watcher.most <= 5
    # A sixth would have been refused.
    assert not [line for line in lines if "no request yet" in line]


def test_accounts_may_have_one_name(endpoint: str) -> None:
    wanted = [NewAccount(name="namesake", email=f"namesake-{place}@example.com") for place in range(7)]
    created = create_accounts(session_at(endpoint), wanted)
    assert verdicts(created) == {Verdict.PASS}
    assert len(set(created.accounts)) == 7
    assert requests(endpoint)["namesake"] == 7


def test_one_failure_is_one_account_s(endpoint: str, tmp_path: Path) -> None:
    wanted = [*many("beside", 2), NewAccount(name="failing", email=FAILING)]
    created = create_accounts(session_at(endpoint), wanted, out=tmp_path)
    assert len(created.accounts) == 2
    assert {row.account for row in created.report.faults} == {FAILING}
    assert "internal failure" in created.report.faults.findings[0].why

    create_accounts(session_at(endpoint), wanted, out=tmp_path, resume=True)
    assert requests(endpoint)["failing"] == 1
    again = create_accounts(session_at(endpoint), wanted, out=tmp_path, resume=True, retry=True)
    assert requests(endpoint)["failing"] == 2
    assert again.accounts == created.accounts
    assert requests(endpoint)["beside-0"] == 1


def test_what_is_done_is_not_asked_for_again(endpoint: str, tmp_path: Path) -> None:
    wanted = many("done", 2)
    first = create_accounts(session_at(endpoint), wanted, out=tmp_path)
    lines: list[str] = []
    again = create_accounts(session_at(endpoint), wanted, out=tmp_path, resume=True, progress=lines.append)
    assert again.accounts == first.accounts
    assert list(again.report) == list(first.report)
    assert lines == []


def test_what_is_not_known_in_time_is_gone_on_with(endpoint: str, tmp_path: Path) -> None:
    child = SandboxProcess(Layout(account_seconds=2.5))
    try:
        wanted = many("late", 2)
        hasty = create_accounts(session_at(child.endpoint, wait_seconds=1), wanted, out=tmp_path)
        assert verdicts(hasty) == {Verdict.PASS, Verdict.UNKNOWN}
        assert hasty.accounts == ()
        patient = create_accounts(session_at(child.endpoint), wanted, out=tmp_path, resume=True)
        assert verdicts(patient) == {Verdict.PASS}
        assert "by an earlier run" in next(iter(patient.report)).why
        assert requests(child.endpoint) == {"late-0": 1, "late-1": 1}
    finally:
        child.stop()


def test_where_nobody_may_create_any_every_account_says_so_and_is_tried_again(
    endpoint: str, tmp_path: Path
) -> None:
    wanted = many("refused", 2)
    stranger = session_at(endpoint, management_external_id="another-one")
    refused = create_accounts(stranger, wanted, out=tmp_path)
    assert [(row.account, row.probe) for row in refused.report] == [
        (new.email, "management-access") for new in wanted
    ]
    assert (verdicts(refused), refused.accounts) == ({Verdict.FAIL}, ())
    again = create_accounts(session_at(endpoint), wanted, out=tmp_path, resume=True)
    assert (verdicts(again), len(again.accounts)) == ({Verdict.PASS}, 2)
    assert "another-one" not in (tmp_path / JOURNAL).read_text(encoding="utf-8")


# Killed.


def start(endpoint: str, listed: Path, out: Path) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("created_accounts.py")
    return subprocess.Popen([sys.executable, str(script), endpoint, str(listed), str(out)])


def kill_when(running: subprocess.Popen[bytes], reached: Callable[[], bool]) -> bool:
    """Kill a run as soon as something is so, and say whether it was; the bound is there to end a failure."""
    end = time.monotonic() + 60
    while running.poll() is None and not reached() and time.monotonic() < end:
        time.sleep(0.005)
    running.kill()
    return running.wait() == -signal.SIGKILL


def test_killed_at_any_point_it_goes_on_and_no_account_is_created_twice(no_aws: None, tmp_path: Path) -> None:
    child = SandboxProcess(Layout(account_seconds=0.5))
    listed, out = tmp_path / "accounts.csv", tmp_path / "out"
    names = [f"killed-{place}" for place in range(8)]
    rows = [f"{name},{name}@example.com" for name in names]
    listed.write_text("\n".join(["name,email", *rows]), encoding="utf-8")
    journal = out / JOURNAL

    def lines() -> int:
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def asked(number: int) -> Callable[[], bool]:
        # AWS has taken so many requests, whatever the run has heard of them.
        return lambda: requests(child.endpoint).total() >= number

    def noted(number: int) -> Callable[[], bool]:
        return lambda: lines() >= number

    try:
        points = (asked(1), noted(1), asked(4), noted(6), asked(7), noted(24))
        killed = [kill_when(start(child.endpoint, listed, out), reached) for reached in points]
        # The last point may come too late, on a machine that has other work.
        assert all(killed[:4])
        last = start(child.endpoint, listed, out)
        assert last.wait(timeout=120) == 0
        there = emails(child.endpoint)
        assert {name: there[f"{name}@example.com"] for name in names} == dict.fromkeys(names, 1)
        assert requests(child.endpoint) == dict.fromkeys(names, 1)
        wanted = read_new_accounts(listed)
        created = create_accounts(session_at(child.endpoint), wanted, out=out, resume=True)
        assert verdicts(created) == {Verdict.PASS}
        assert len(created.accounts) == len(names)
        noted_lines = journal.read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["step"] for line in noted_lines} == {"create_account"}
    finally:
        child.stop()
