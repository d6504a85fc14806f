"""What a finding proposes, done in the sandbox, turns it green."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection, start_sandbox
from xacct_kit.fleet.run import run
from xacct_kit.params import Params
from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.runs import CHECKS
from xacct_kit.sandbox.scenarios import SCENARIOS

# The scenarios that calls can mend, and the calls that do it.
MENDED: dict[str, list[str]] = {
    "role-missing": ["xacct:deploy"],
    "wrong-external-id": ["iam:UpdateAssumeRolePolicy"],
    "untrusted-main": ["iam:UpdateAssumeRolePolicy"],
    "recreated-principal": ["iam:UpdateAssumeRolePolicy"],
    "missing-emr": ["iam:PutRolePolicy"],
    "scp-denies-emr": ["organizations:UpdatePolicy"],
    "boundary-blocks-s3": ["iam:CreatePolicyVersion"],
}


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario=request.param)) as connected:
        yield connected


def probed(session: Session) -> Report:
    return run(session, CHECKS)


def patches(report: Report) -> list[dict[str, object]]:
    """The calls of all findings, each once."""
    calls = {json.dumps(call, sort_keys=True): dict(call) for row in report for call in row.patch}
    return list(calls.values())


def apply(session: Session, call: dict[str, object]) -> None:
    """Do what a patch says, as whoever administers the account."""
    account, params = str(call["account"]), json.dumps(call["params"])
    if call["service"] == "xacct":
        assert xk.deploy_role(session).ok
        return
    who = session.operator if account == session.operator.account else session.deployer(account).caller
    assert who is not None
    filled = json.loads(params.replace("${external_id}", session.external_id))
    answer = session.call(who, str(call["service"]), str(call["operation"]), **filled)
    assert answer.ok, answer.outcome


def not_green(report: Report) -> list[Finding]:
    return [row for row in report if not row.verdict.green]


@pytest.mark.parametrize(("session", "calls"), MENDED.items(), ids=list(MENDED), indirect=["session"])
def test_the_proposed_calls_turn_every_cell_green(session: Session, calls: list[str]) -> None:
    before = probed(session)
    red = [row for row in before if row.verdict is Verdict.FAIL]
    assert red
    assert all(row.patch for row in red)
    proposed = patches(before)
    assert [f"{call['service']}:{call['operation']}" for call in proposed] == calls
    assert session.external_id not in json.dumps(proposed)
    for call in proposed:
        apply(session, call)
    assert not_green(probed(session)) == []


# The scenarios that no call can mend: what is to be done in the console or waited for, by service.
LIFTED: dict[str, tuple[str, ...]] = {
    "ce-not-enabled": ("ce",),
    "ce-data-pending": ("ce",),
    "new-account": ("ce", "ec2", "s3"),
    "region-disabled": ("sts",),
    "throttled": ("elasticmapreduce",),
}


def test_every_scenario_with_a_fault_is_mended() -> None:
    assert {*MENDED, *LIFTED, "healthy", "slow-propagation"} == set(SCENARIOS)


@pytest.mark.parametrize(("scenario", "services"), LIFTED.items(), ids=list(LIFTED))
def test_what_is_done_in_the_console_turns_every_cell_green(scenario: str, services: tuple[str, ...]) -> None:
    params = Params.load("params/sandbox.yaml", sandbox_scenario=scenario)
    child = start_sandbox(params)
    with Session(params, sandbox_connection(child.endpoint), on_close=child.stop) as session:
        before = not_green(probed(session))
        assert before
        assert all(row.fix and not row.patch for row in before)
        for service in services:
            child.lift(params.member_accounts[0], service)
        assert not_green(probed(session)) == []


@pytest.mark.parametrize("session", ["scp-denies-emr"], indirect=True)
def test_a_fix_changes_nothing_but_what_it_says(session: Session) -> None:
    apply(session, patches(probed(session))[0])
    deployer = session.deployer("333333333333").caller
    assert deployer is not None
    refused = session.call(deployer, "emr", "ListClusters").outcome
    assert refused.kind is xk.report.OutcomeKind.DENIED_SCP
