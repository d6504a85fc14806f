"""The rotation of the external ID: proven everywhere or nowhere, and gone on with wherever it broke off."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.aws.external_ids import keeping_of
from xacct_kit.environment import sandbox_connection, sandbox_layout
from xacct_kit.errors import AccessError, ParamsError
from xacct_kit.params import Params
from xacct_kit.report import Finding, Report, Verdict
from xacct_kit.sandbox.process import SandboxProcess
from xacct_kit.steps.callers import assume_with
from xacct_kit.steps.external_ids import make_external_id
from xacct_kit.steps.rotation import begin_rotation, finish_rotation, update_account
from xacct_kit.steps.rotation_proofs import prove_account
from xacct_kit.steps.waiting import attempts

PROBES = ["rotate-stack", "new-id-is-accepted", "old-id-is-refused", "switch-reference"]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def sandbox(no_aws: None) -> Iterator[xk.Session]:
    """A sandbox of many healthy members, of which each test takes its own."""
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_accounts=200)) as opened:
        yield opened


@pytest.fixture
def served(sandbox: xk.Session) -> xk.Session:
    """A session whose params name two accounts that no other test has."""
    number = 2 * next(_numbers)
    accounts = tuple(str(400_000_000_000 + number + more) for more in (0, 1))
    values = {"sandbox_endpoint": sandbox.endpoint, "member_accounts": accounts}
    return xk.connect(sandbox.params.model_copy(update=values))


@pytest.fixture(params=["file", "ssm", "secretsmanager"])
def reference(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A reference that no other test has."""
    name = f"xacct/{next(_numbers)}"
    return {
        "file": f"file:{tmp_path}/id",
        "ssm": f"ssm:/{name}",
        "secretsmanager": f"secretsmanager:{name}",
    }[request.param]


def of(served: xk.Session, reference: str, **changes: Any) -> xk.Session:
    """A new session in the same sandbox, whose external ID is at a reference."""
    values = {"sandbox_endpoint": served.endpoint, "external_id": reference, **changes}
    return xk.connect(served.params.model_copy(update=values))


def onboarded(served: xk.Session, reference: str) -> xk.Session:
    """Make an external ID at a reference and give it to every account; a session that was not there then."""
    make_external_id(reference, served)
    assert xk.deploy_role(of(served, reference)).ok
    return of(served, reference)


def accepts(session: xk.Session, account: str, external_id: str) -> bool:
    assumption = assume_with(session, account, external_id)
    return assumption is not None and assumption.caller is not None


def rotated(session: xk.Session) -> tuple[Report, list[str]]:
    lines: list[str] = []
    return xk.rotate_external_id(session, progress=lines.append), lines


def rotated_account(session: xk.Session, account: str) -> list[Finding]:
    """What is found in one account alone."""
    return [*update_account(session, account), *prove_account(session, account)]


def two(served: xk.Session) -> tuple[str, str]:
    """The accounts of a test."""
    first, second = served.params.accounts
    return first, second


def verdicts(rows: Report | list[Finding], account: str) -> dict[str, Verdict]:
    return {row.probe: row.verdict for row in rows if row.account == account}


def test_every_account_gets_a_new_one_and_the_old_one_is_refused(served: xk.Session, reference: str) -> None:
    member, other = two(served)
    session = onboarded(served, reference)
    old = session.external_id
    report, lines = rotated(session)
    assert report.ok, str(report)
    assert [row.probe for row in report] == [*PROBES[:3], *PROBES[:3], PROBES[3]]
    new = of(served, reference).external_id
    assert new != old
    for account in (member, other):
        assert accepts(session, account, new)
        assert not accepts(session, account, old)
    assert keeping_of(reference, session.ask).pending() is None
    told = "\n".join([*lines, str(report), *(str(row.to_dict()) for row in report)])
    assert old not in told
    assert new not in told


def test_the_session_goes_on_with_the_new_one(served: xk.Session, reference: str) -> None:
    session = onboarded(served, reference)
    assert rotated(session)[0].ok
    assert xk.check_trust(session).ok
    again, _ = rotated(session)
    assert again.ok


def test_a_stack_is_left_as_it_is_but_for_the_external_id(served: xk.Session, tmp_path: Path) -> None:
    member, _ = two(served)
    reference = f"file:{tmp_path}/id"
    make_external_id(reference)
    session = of(served, reference, stack_tags={"Purpose": "analytics"}, member_accounts=(member,))
    assert xk.deploy_role(session).ok

    def stack() -> Any:
        caller = session.deployer(member).caller
        assert caller is not None
        answer = session.call(caller, "cloudformation", "DescribeStacks", StackName="onboard-account")
        return answer.result["Stacks"][0]

    before = stack()
    changed = of(served, reference, stack_tags={}, member_accounts=(member,))
    assert rotated(changed)[0].ok
    after = stack()
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    assert [after[key] for key in ("Parameters", "Tags")] == [before[key] for key in ("Parameters", "Tags")]


# Breaking off


class Killed(BaseException):
    """The process ends here."""


def killing(number: int) -> Callable[[str], None]:
    """A progress at whose so manieth line the process ends."""
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) == number:
            raise Killed

    return tell


# The parts of a rotation of one account, in the order in which they are told; the plan and events are 5.
PARTS = {
    "before anything is kept": 1,
    "before the stack is updated": 2,
    "while it is updated": 5,
    "before the new one is tried": 10,
    "before the old one is tried": 11,
    "before the reference is switched": 12,
}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_rotation_that_is_killed_goes_on_and_nobody_is_locked_out(
    served: xk.Session, reference: str, part: str
) -> None:
    member, _ = two(served)
    make_external_id(reference, served)
    first = of(served, reference, member_accounts=(member,))
    assert xk.deploy_role(first).ok
    old = first.external_id
    with pytest.raises(Killed):
        xk.rotate_external_id(first, progress=killing(PARTS[part]))
    begun = keeping_of(reference, first.ask).pending()
    assert (begun is None) == (part == "before anything is kept")
    assert of(served, reference).external_id == old
    if part != "while it is updated":
        assert accepts(first, member, old) or (begun is not None and accepts(first, member, begun))

    second = of(served, reference, member_accounts=(member,))
    report, lines = rotated(second)
    assert report.ok, str(report)
    new = of(served, reference).external_id
    assert new == (begun or new) != old
    assert any("a rotation is under way" in line for line in lines) == (begun is not None)
    assert accepts(second, member, new)
    assert not accepts(second, member, old)


def test_the_parts_are_those_that_are_told(served: xk.Session, tmp_path: Path) -> None:
    member, _ = two(served)
    make_external_id(f"file:{tmp_path}/id")
    session = of(served, f"file:{tmp_path}/id", member_accounts=(member,))
    assert xk.deploy_role(session).ok
    _, lines = rotated(session)
    told = {part: lines[number - 1] for part, number in PARTS.items()}
    assert "is kept at" in told["before anything is kept"]
    assert told["before the stack is updated"] == f"{member}: onboard-account gets the new external ID"
    assert "IN_PROGRESS" in told["while it is updated"]
    assert told["before the new one is tried"] == f"{member}: the new external ID is tried"
    assert told["before the old one is tried"] == f"{member}: the old external ID is tried"
    assert "is switched to the new external ID" in told["before the reference is switched"]


def test_a_switch_that_broke_off_is_finished_without_another_new_one(served: xk.Session) -> None:
    member, other = two(served)
    name = f"/xacct/{next(_numbers)}"
    reference = f"ssm:{name}"
    session = onboarded(served, reference)
    begin_rotation(session)
    new = keeping_of(reference, session.ask).pending()
    assert new is not None
    rows = [row for account in (member, other) for row in rotated_account(session, account)]
    assert all(row.verdict is Verdict.PASS for row in rows)
    # The parameter is overwritten, and the one beside it is still there.
    assert session.ask("ssm", "PutParameter", Name=name, Value=new, Overwrite=True).ok

    later = of(served, reference)
    report, _ = rotated(later)
    assert report.ok, str(report)
    assert verdicts(report, member)["old-id-is-refused"] is Verdict.SKIPPED
    assert of(served, reference).external_id == new
    assert keeping_of(reference, later.ask).pending() is None


# One account of several


def without_stack(session: xk.Session, account: str) -> None:
    caller = session.deployer(account).caller
    assert caller is not None
    assert session.call(caller, "cloudformation", "DeleteStack", StackName="onboard-account").ok
    for _ in attempts(30):
        described = session.call(caller, "cloudformation", "DescribeStacks", StackName="onboard-account")
        if described.absent:
            return
    pytest.fail("the stack is not deleted")


def test_where_one_account_fails_the_reference_stays_and_it_is_said_which_is_valid_where(
    served: xk.Session, reference: str
) -> None:
    member, other = two(served)
    session = onboarded(served, reference)
    old = session.external_id
    without_stack(session, other)
    report, _ = rotated(session)
    assert verdicts(report, member) == dict.fromkeys(PROBES[:3], Verdict.PASS)
    assert verdicts(report, other)["rotate-stack"] is Verdict.FAIL
    assert verdicts(report, other)["new-id-is-accepted"] is Verdict.FAIL
    switch = next(row for row in report if row.probe == "switch-reference")
    assert switch.verdict is Verdict.FAIL
    beside = keeping_of(reference, session.ask).beside
    for said in (f"{reference} keeps the old", beside, f"proven in {member}", f"not in {other}"):
        assert said in switch.why
    assert all(row.fix for row in report if not row.verdict.green)
    new = keeping_of(reference, session.ask).pending()
    assert new is not None
    assert (of(served, reference).external_id, accepts(session, member, new)) == (old, True)

    later = of(served, reference)
    assert xk.deploy_role(of(served, reference, member_accounts=(other,))).ok
    report, _ = rotated(later)
    assert report.ok, str(report)
    assert of(served, reference).external_id == new


def test_deploying_again_brings_the_old_one_back(served: xk.Session, tmp_path: Path) -> None:
    member, other = two(served)
    session = onboarded(served, f"file:{tmp_path}/id")
    old = session.external_id
    without_stack(session, other)
    rotated(session)
    back = of(served, f"file:{tmp_path}/id")
    assert xk.deploy_role(back).ok
    assert all(accepts(back, account, old) for account in (member, other))


def test_without_access_to_an_account_nothing_is_switched(served: xk.Session, tmp_path: Path) -> None:
    member, _ = two(served)
    reference = f"file:{tmp_path}/id"
    onboarded(served, reference)
    report, _ = rotated(of(served, reference, access_role="NoSuchRole", member_accounts=(member,)))
    found = verdicts(report, member)
    assert found["rotate-stack"] is Verdict.UNKNOWN
    assert (found["new-id-is-accepted"], found["old-id-is-refused"]) == (Verdict.FAIL, Verdict.FAIL)
    assert "the old one" in next(row.why for row in report if row.probe == "old-id-is-refused")
    assert not report.ok


def test_findings_of_other_accounts_prove_nothing(served: xk.Session, tmp_path: Path) -> None:
    member, other = two(served)
    session = onboarded(served, f"file:{tmp_path}/id")
    begin_rotation(session)
    rows = rotated_account(session, member)
    assert finish_rotation(session, rows).verdict is Verdict.FAIL
    rows += rotated_account(session, other)
    assert finish_rotation(session, rows).verdict is Verdict.PASS


# What is refused before anything is made


@pytest.mark.parametrize(
    ("external_id", "fault"),
    [("quiet-heron", "is a literal"), ("env:XACCT_ROTATED", "nothing can be kept at env:XACCT_ROTATED")],
)
def test_where_none_can_be_kept_nothing_is_begun(served: xk.Session, external_id: str, fault: str) -> None:
    with pytest.raises(ParamsError, match=fault):
        xk.rotate_external_id(of(served, external_id))


def test_without_an_old_one_no_new_one_is_made(served: xk.Session) -> None:
    session = of(served, "ssm:/nothing/there")
    with pytest.raises(AccessError, match="cannot be read"):
        xk.rotate_external_id(session)
    assert session.ask("ssm", "GetParameter", Name="/nothing/there-next").absent


def test_an_account_is_not_rotated_before_a_rotation_has_begun(served: xk.Session, tmp_path: Path) -> None:
    member, _ = two(served)
    session = onboarded(served, f"file:{tmp_path}/id")
    rows = rotated_account(session, member)
    assert {row.verdict for row in rows} == {Verdict.UNKNOWN}
    assert all("no rotation is under way" in row.why for row in rows)


# What IAM does late


def test_a_change_that_is_not_known_everywhere_yet_is_waited_for(tmp_path: Path) -> None:
    params = Params.load("params/sandbox.yaml", external_id=f"file:{tmp_path}/id")
    make_external_id(params.external_id)
    child = SandboxProcess(replace(sandbox_layout(params), propagation=1.0))
    try:
        session = xk.Session(params, sandbox_connection(child.endpoint))
        assert xk.deploy_role(session).ok
        old = session.external_id
        report, lines = rotated(session)
        assert report.ok, str(report)
        assert any("refusals are no verdict" in line for line in lines)
        assert not accepts(session, params.member_accounts[0], old)
    finally:
        child.stop()
