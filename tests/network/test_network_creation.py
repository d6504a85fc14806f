"""An account is created once, whatever becomes of the answers on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from faulty_proxy import Ask, Ending, Meets, Reply, Request, proxied

from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess
from xacct_kit.steps.create_account import create_account
from xacct_kit.steps.creation.new_account import NewAccount


@pytest.fixture(scope="module", params=[0.0, 0.4], ids=["at once", "in a while"])
def endpoint(request: pytest.FixtureRequest, no_aws: None) -> Iterator[str]:
    """A sandbox where an account is there at once, or in a while."""
    child = SandboxProcess(Layout(account_seconds=request.param))
    yield child.endpoint
    child.stop()


def session_at(endpoint: str, seconds: int) -> Session:
    params = Params.load("params/sandbox.yaml", sandbox_endpoint=endpoint, wait_seconds=seconds)
    session = Session(params, sandbox_connection(endpoint))
    session.take_share(1000)
    return session


def answer_lost(request: Request, ask: Ask) -> Reply:
    """It is done, and nobody hears of it."""
    ask()
    return Reply(ending=Ending.CLOSED)


def request_lost(request: Request, ask: Ask) -> Reply:
    """It is never done."""
    return Reply(ending=Ending.CLOSED)


def of_operation(name: str, *, first_attempts: int = 0, first_calls: int = 0) -> Meets:
    """The first attempts of every call, or all attempts of the first calls; 0 is no bound."""
    calls: list[int] = []

    def meets(request: Request) -> bool:
        if request.operation != name:
            return False
        if request.call not in calls:
            calls.append(request.call)
        early = not first_calls or calls.index(request.call) < first_calls
        return early and (not first_attempts or request.attempt <= first_attempts)

    return meets


def created(
    endpoint: str, name: str, fault: Callable[[Request, Ask], Reply], meets: Meets, seconds: int = 20
) -> tuple[str | None, list[Finding]]:
    with proxied(endpoint, fault, meets) as proxy:
        new = NewAccount(name=name, email=f"{name}@example.com")
        made = create_account(session_at(proxy.url, seconds), new)
        assert proxy.met
        return made


def emails(endpoint: str) -> Counter[str]:
    """How many accounts there are of each address."""
    session = session_at(endpoint, 5)
    pages = session.pages(session.operator, "organizations", "ListAccounts")
    return Counter(each["Email"] for page in pages for each in page.result["Accounts"])


FAULTS: dict[str, tuple[Callable[[Request, Ask], Reply], Meets]] = {
    "the first answer": (answer_lost, of_operation("CreateAccount", first_attempts=1)),
    "all answers but the last": (answer_lost, of_operation("CreateAccount", first_attempts=2)),
    "all answers to a call": (answer_lost, of_operation("CreateAccount", first_calls=1)),
    "the request": (request_lost, of_operation("CreateAccount", first_calls=1)),
    "looks": (request_lost, of_operation("DescribeCreateAccountStatus", first_calls=1)),
}


@pytest.mark.parametrize("lost", FAULTS)
def test_whatever_is_lost_there_is_one_account(endpoint: str, lost: str) -> None:
    name = lost.replace(" ", "-")
    account, rows = created(endpoint, name, *FAULTS[lost])
    assert account is not None
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert emails(endpoint)[f"{name}@example.com"] == 1


def test_where_every_answer_is_lost_the_lists_tell_what_they_did_not(
    endpoint: str,
) -> None:
    blind = of_operation("CreateAccount")
    account, rows = created(endpoint, "deaf", answer_lost, blind)
    # The lists tell what the answer did not.
    assert account is not None
    assert {row.verdict for row in rows} == {Verdict.PASS}
    again, rows = create_account(session_at(endpoint, 20), NewAccount(name="deaf", email="deaf@example.com"))
    assert again == account
    assert emails(endpoint)["deaf@example.com"] == 1


def test_where_no_request_arrives_it_is_not_known_and_not_green(endpoint: str) -> None:
    account, rows = created(endpoint, "mute", request_lost, of_operation("CreateAccount"))
    assert account is None
    (row,) = rows
    assert (row.verdict, row.outcome) == (Verdict.UNKNOWN, OutcomeKind.NETWORK)
    assert "not known" in row.why
    assert "looks for the account" in row.fix
    assert emails(endpoint)["mute@example.com"] == 0


def test_where_it_cannot_be_seen_what_is_there_nothing_is_asked_for(endpoint: str) -> None:
    account, (row,) = created(endpoint, "blind", request_lost, of_operation("ListAccounts"))
    assert (account, row.verdict) == (None, Verdict.UNKNOWN)
    assert emails(endpoint)["blind@example.com"] == 0
