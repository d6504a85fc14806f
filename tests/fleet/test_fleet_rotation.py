"""Rotation of many accounts: side by side, in processes, and by stack sets; switched for all or for none."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import again
from stack_set_sandbox import (
    MANAGEMENT,
    STACK_SET,
    activate,
    administer,
    administration,
    allow_role,
    forbid_operator,
    forbid_role,
    operations,
    unit_of,
)
from typer.testing import CliRunner

import xacct_kit as xk
from xacct_kit.aws.external_ids import keeping_of
from xacct_kit.cli import app
from xacct_kit.errors import ParamsError, RequestError, RunError
from xacct_kit.fleet.journal import NAME
from xacct_kit.fleet.stack_set_calls import Deployment, PermissionModel
from xacct_kit.fleet.stack_set_rotation import RotatedStackSet, told_after, update_request
from xacct_kit.params import Params
from xacct_kit.report import Report, Verdict
from xacct_kit.runs import CHECKS, DEPLOYMENT, ROTATION, carry_out
from xacct_kit.steps.callers import assume_with
from xacct_kit.steps.external_ids import make_external_id
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE
from xacct_kit.steps.waiting import silent

pytestmark = pytest.mark.slow

MEMBERS = ("333333333333", "400000000000", "400000000001")
ACCESS_ROLE = "OrganizationAccountAccessRole"
PROBES = ["rotate-stack", "new-id-is-accepted", "old-id-is-refused"]
_numbers = itertools.count(400_000_000_000)


def accepts(session: xk.Session, account: str, external_id: str) -> bool:
    assumption = assume_with(session, account, external_id)
    return assumption is not None and assumption.caller is not None


def pending(session: xk.Session) -> str | None:
    """The external ID that a rotation brings."""
    return keeping_of(session.params.external_id, session.ask).pending()


def verdicts(report: Report, probe: str) -> dict[str, Verdict]:
    return {row.account: row.verdict for row in report if row.probe == probe}


def switch(report: Report) -> xk.Finding:
    (row,) = (row for row in report if row.probe == "switch-reference")
    return row


# Side by side


@pytest.fixture(scope="module")
def healthy(no_aws: None) -> Iterator[xk.Session]:
    """A sandbox of many members, of which each test takes its own."""
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_accounts=60)) as opened:
        yield opened


@pytest.fixture
def fleet(healthy: xk.Session, tmp_path: Path) -> xk.Session:
    """Six accounts with an external ID of their own, in a file."""
    accounts = tuple(str(next(_numbers)) for _ in range(6))
    reference = f"file:{tmp_path}/id"
    make_external_id(reference)
    session = again(healthy, member_accounts=accounts, external_id=reference)
    assert carry_out(session.params, DEPLOYMENT).ok
    return again(session)


@pytest.mark.parametrize("crew", [xk.Crew(workers=6), xk.Crew(workers=4, processes=2)], ids=repr)
def test_whoever_does_the_work_proves_every_account_and_tells_no_secret(
    fleet: xk.Session, tmp_path: Path, crew: xk.Crew
) -> None:
    old = fleet.external_id
    report = carry_out(fleet.params, ROTATION, crew=crew, out=tmp_path / "out")
    assert report.ok, str(report.faults)
    accounts = fleet.params.accounts
    assert [row.probe for row in report] == [*PROBES * len(accounts), "switch-reference"]
    new = again(fleet).external_id
    assert new != old
    assert all(accepts(fleet, each, new) and not accepts(fleet, each, old) for each in accounts)
    journal = (tmp_path / "out" / NAME).read_text(encoding="utf-8")
    assert len(journal.splitlines()) == len(report)
    assert old not in journal
    assert new not in journal


def test_processes_that_go_on_to_serve_know_the_new_one_in_the_next_run(fleet: xk.Session) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        crew = xk.Crew(executor=processes)
        assert carry_out(fleet.params, CHECKS, crew=crew).ok
        assert carry_out(fleet.params, ROTATION, crew=crew).ok
        assert carry_out(fleet.params, CHECKS, crew=crew).ok
        assert carry_out(fleet.params, ROTATION, crew=crew).ok


def test_an_account_without_stack_keeps_the_reference_and_stops_no_other(fleet: xk.Session) -> None:
    old, *others, last = fleet.external_id, *fleet.params.accounts
    strange = again(fleet, stack_name="no-such-stack", member_accounts=(last,))
    assert verdicts(xk.rotate_external_id(strange), "rotate-stack") == {last: Verdict.FAIL}
    assert again(fleet).external_id == old
    new = pending(fleet)
    assert new is not None
    assert xk.rotate_external_id(fleet).ok
    assert all(accepts(fleet, account, new) for account in others)


def test_the_operators_account_keeps_what_was_found_in_it(fleet: xk.Session, tmp_path: Path) -> None:
    accounts = (MANAGEMENT, *fleet.params.accounts[:1])
    params = fleet.params.model_copy(update={"member_accounts": accounts})
    report = carry_out(params, ROTATION, out=tmp_path / "out")
    assert [row.probe for row in report if row.account == MANAGEMENT] == ["account", "switch-reference"]
    assert report.ok, str(report.faults)


def test_what_a_journal_holds_is_no_proof_of_another_rotation(fleet: xk.Session, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="proven of another external ID"):
        carry_out(fleet.params, ROTATION, out=tmp_path / "out", resume=True)


def test_the_command_takes_the_accounts_of_a_list(fleet: xk.Session, tmp_path: Path) -> None:
    first, second, third, *_ = fleet.params.accounts
    values = fleet.params.model_dump(include={"main_account", "external_id"})
    values |= {"member_accounts": [MEMBERS[0]], "sandbox_endpoint": fleet.endpoint}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (tmp_path / "accounts.txt").write_text(f"{first}\n{second}\n{third}\n", encoding="utf-8")
    options = ["-p", f"exclude_accounts={third}", "--workers", "2", "--out", str(tmp_path / "out")]
    command = ["new-external-id", str(tmp_path / "params.yaml"), "--rotate", *options]
    done = CliRunner().invoke(app, [*command, "--accounts", str(tmp_path / "accounts.txt")])
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["findings"]
    found = {(row["account"], row["probe"]) for row in told}
    proven = {(account, probe) for account in (first, second) for probe in PROBES}
    assert found == {*proven, (third, "account"), (MANAGEMENT, "switch-reference")}


# By stack sets


def opened(folder: Path, **changes: Any) -> xk.Session:
    """Where a stack set has made the role in every member, whose administrator's role it acts by."""
    make_external_id(f"file:{folder}/id")
    values = {
        "sandbox_scenario": "role-missing",
        "sandbox_accounts": len(MEMBERS),
        "external_id": f"file:{folder}/id",
        "wait_seconds": 30,
        **changes,
    }
    return xk.connect(Params.load("params/sandbox.yaml", **values))


@pytest.fixture
def self_managed(tmp_path: Path) -> Iterator[xk.Session]:
    with opened(tmp_path, member_accounts=list(MEMBERS), stack_set="self-managed") as session:
        administration(session)
        assert carry_out(again(session).params, DEPLOYMENT).ok
        yield again(session)


@pytest.fixture
def service_managed(tmp_path: Path) -> Iterator[xk.Session]:
    units = {"member_accounts": [], "organizational_units": ["root"], "stack_set": "service-managed"}
    with opened(tmp_path, **units) as session:
        activate(session)
        assert carry_out(again(session).params, DEPLOYMENT).ok
        yield again(session)


def rotated(session: xk.Session) -> tuple[Report, list[str]]:
    lines: list[str] = []
    return xk.rotate_external_id(session, progress=lines.append), lines


def assert_rotated(session: xk.Session, old: str, accounts: Sequence[str]) -> None:
    """The reference holds another one, which every account accepts, and no account the old one."""
    new = again(session).external_id
    assert new != old
    assert pending(session) is None
    assert all(accepts(session, each, new) and not accepts(session, each, old) for each in accounts)


@pytest.mark.parametrize("kind", ["self_managed", "service_managed"])
def test_one_operation_brings_it_to_every_account(kind: str, request: pytest.FixtureRequest) -> None:
    session: xk.Session = request.getfixturevalue(kind)
    old = session.external_id
    report, lines = rotated(session)
    assert report.ok, str(report.faults)
    reached = verdicts(report, "rotate-stack")
    assert reached.keys() == set(MEMBERS)
    main = f"{session.params.main_account} has a stack of {STACK_SET} too, and nothing is proven there"
    assert any(line.startswith(main) for line in lines) is (kind == "service_managed")
    for probe in PROBES:
        assert verdicts(report, probe) == dict.fromkeys(reached, Verdict.PASS)
    assert operations(session)[-1] == "UPDATE"
    assert f"{STACK_SET}: UpdateStackSet is SUCCEEDED" in lines
    assert_rotated(session, old, MEMBERS)
    told = "\n".join([*lines, *(str(row.to_dict()) for row in report)])
    assert old not in told
    assert again(session).external_id not in told
    # What is deployed next finds nothing to do.
    before = operations(session)
    assert carry_out(again(session).params, DEPLOYMENT).ok
    assert operations(session) == before


def test_processes_wait_for_what_a_stack_set_has_changed(self_managed: xk.Session) -> None:
    old = self_managed.external_id
    report = carry_out(self_managed.params, ROTATION, crew=xk.Crew(workers=2, processes=2))
    assert report.ok, str(report.faults)
    assert_rotated(self_managed, old, MEMBERS)


def test_some_accounts_of_a_stack_set_alone_are_refused_before_anything_is_made(
    self_managed: xk.Session,
) -> None:
    some = again(self_managed, member_accounts=MEMBERS[:1])
    with pytest.raises(ParamsError, match=r"has stacks in 400000000000, 400000000001 too") as refusal:
        xk.rotate_external_id(some)
    assert "locked out" in str(refusal.value)
    assert pending(some) is None
    assert operations(some) == ["CREATE"]


def test_a_suspended_account_is_no_reason_to_leave_the_others_behind(self_managed: xk.Session) -> None:
    old = self_managed.external_id
    administer(self_managed, MANAGEMENT, "organizations", "CloseAccount", AccountId=MEMBERS[2])
    report, lines = rotated(again(self_managed, member_accounts=MEMBERS[:2]))
    assert report.ok, str(report.faults)
    assert any(line.startswith(f"{MEMBERS[2]} has a stack of {STACK_SET} too, and nothing") for line in lines)
    assert_rotated(self_managed, old, MEMBERS[:2])


def test_where_one_stack_fails_the_reference_stays_and_the_next_rotation_goes_on(
    self_managed: xk.Session,
) -> None:
    old, other = self_managed.external_id, MEMBERS[1]
    forbid_role(self_managed, other, ACCESS_ROLE, "iam:Update*")
    short = again(self_managed, wait_seconds=10)
    report, _ = rotated(short)
    expected = {**dict.fromkeys(MEMBERS, Verdict.PASS), other: Verdict.FAIL}
    assert verdicts(report, "rotate-stack") == verdicts(report, "new-id-is-accepted") == expected
    failed = next(row for row in report if row.probe == "rotate-stack" and row.account == other)
    assert "iam:UpdateAssumeRolePolicy" in failed.why
    assert failed.fix
    assert switch(report).verdict is Verdict.FAIL
    assert f"not in {other}" in switch(report).why
    assert again(short).external_id == old
    new = pending(short)

    allow_role(self_managed, other, ACCESS_ROLE)
    later = again(self_managed)
    report, _ = rotated(later)
    assert report.ok, str(report.faults)
    assert again(later).external_id == new
    assert operations(later) == ["CREATE", "UPDATE", "UPDATE"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("part", ["UpdateStackSet has begun", "UpdateStackSet is SUCCEEDED", "is switched"])
def test_a_rotation_that_is_killed_goes_on_and_updates_nothing_twice(
    self_managed: xk.Session, part: str
) -> None:
    old = self_managed.external_id

    def tell(line: str) -> None:
        if part in line:
            raise Killed

    with pytest.raises(Killed):
        xk.rotate_external_id(again(self_managed), progress=tell)
    begun = pending(self_managed)
    assert begun is not None
    later = again(self_managed)
    report, lines = rotated(later)
    assert report.ok, str(report.faults)
    assert f"{STACK_SET}: every stack has the new external ID already" in lines
    assert operations(later) == ["CREATE", "UPDATE"]
    assert again(later).external_id == begun
    assert_rotated(later, old, MEMBERS)


@pytest.mark.parametrize(
    ("going_on", "operation", "status", "verdict"),
    [
        (set(), "ours", "CURRENT", Verdict.PASS),
        (set(), "another", "CURRENT", Verdict.PASS),
        ({"ours"}, "ours", "CURRENT", Verdict.PASS),
        ({"ours"}, "another", "CURRENT", Verdict.UNKNOWN),
        (set(), "ours", "OUTDATED", Verdict.FAIL),
        ({"ours"}, "ours", "OUTDATED", Verdict.FAIL),
    ],
)
def test_what_was_current_before_an_operation_that_goes_on_is_no_proof(
    healthy: xk.Session, going_on: set[str], operation: str, status: str, verdict: Verdict
) -> None:
    stack_set = RotatedStackSet(healthy, Deployment(model=PermissionModel.SELF_MANAGED), silent)
    stack_set.going_on = going_on
    stack_set.operations.add("ours")
    row = told_after(
        stack_set, MEMBERS[0], {"Account": MEMBERS[0], "Status": status, "LastOperationId": operation}
    )
    assert (row.step, row.probe, row.verdict) == ("rotate", "rotate-stack", verdict)
    assert bool(row.fix) is not verdict.green
    assert "deploy again" not in row.fix


def test_where_stack_sets_may_not_act_no_account_is_proven(self_managed: xk.Session) -> None:
    old = self_managed.external_id
    session = again(self_managed, wait_seconds=1)
    forbid_role(session, MANAGEMENT, ADMINISTRATION_ROLE, "sts:AssumeRole")
    report, _ = rotated(session)
    assert set(verdicts(report, "rotate-stack").values()) <= {Verdict.FAIL, Verdict.UNKNOWN}
    assert set(verdicts(report, "new-id-is-accepted").values()) == {Verdict.FAIL}
    assert again(session).external_id == old


def test_an_operator_who_may_not_read_the_stack_set_makes_nothing(self_managed: xk.Session) -> None:
    forbid_operator(self_managed, "cloudformation:DescribeStackSet")
    with pytest.raises(RunError, match=r"The external ID is not rotated.*cloudformation:DescribeStackSet"):
        xk.rotate_external_id(self_managed)
    assert pending(self_managed) is None


def test_an_operator_who_may_not_update_is_told_in_every_account(self_managed: xk.Session) -> None:
    forbid_operator(self_managed, "cloudformation:UpdateStackSet")
    report, _ = rotated(again(self_managed, wait_seconds=1))
    assert verdicts(report, "rotate-stack") == dict.fromkeys(MEMBERS, Verdict.FAIL)
    assert switch(report).verdict is Verdict.FAIL


def test_an_account_outside_the_units_has_a_stack_of_its_own(tmp_path: Path) -> None:
    units = {"member_accounts": list(MEMBERS), "stack_set": "service-managed"}
    with opened(tmp_path, **units, organizational_units=["root"]) as session:
        activate(session)
        unit = unit_of(session, *MEMBERS[:2])
        some = again(session, organizational_units=(unit,))
        assert carry_out(some.params, DEPLOYMENT).ok
        old = some.external_id
        report, lines = rotated(again(some))
        assert report.ok, str(report.faults)
        assert f"{MEMBERS[2]}: {STACK_SET} gets the new external ID" in lines
        assert_rotated(some, old, MEMBERS)


def test_an_update_changes_the_external_id_and_nothing_else() -> None:
    described = {
        "Parameters": [{"ParameterKey": key, "ParameterValue": "****"} for key in ("ExternalId", "RoleName")],
        "PermissionModel": "SELF_MANAGED",
        "AdministrationRoleARN": "arn:aws:iam::111111111111:role/OurAdministration",
        "ExecutionRoleName": "OurExecution",
        "ManagedExecution": {"Active": True},
        "Tags": [{"Key": "team", "Value": "research"}],
    }
    request = update_request(described, "a-new-one")
    assert request["Parameters"] == [
        {"ParameterKey": "ExternalId", "ParameterValue": "a-new-one"},
        {"ParameterKey": "RoleName", "UsePreviousValue": True},
    ]
    kept = ("AdministrationRoleARN", "ExecutionRoleName", "ManagedExecution", "PermissionModel")
    assert {key: request[key] for key in kept} == {key: described[key] for key in kept}
    assert not {"Tags", "TemplateBody", "Accounts", "Regions", "DeploymentTargets"} & request.keys()
    own = {**described, "AdministrationRoleARN": f"arn:aws:iam::111111111111:role/{ADMINISTRATION_ROLE}"}
    assert "AdministrationRoleARN" not in update_request(own, "a-new-one")
