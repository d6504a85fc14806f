"""A refusal is green where it shows that the trust policy refuses, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection, start_sandbox
from xacct_kit.params import Params
from xacct_kit.report import Verdict
from xacct_kit.steps.trust import check_account

MAIN, MEMBER = "222222222222", "333333333333"
ROLE = "CrossAccountExecutionRole"
TRUSTED = ("ApiHandlerRole", "WorkflowLoopRunnerRole")
PASS, FAIL, UNKNOWN, SKIPPED = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED


@pytest.fixture
def session() -> Iterator[Session]:
    with xk.connect(Params.load("params/sandbox.yaml", wait_seconds=1)) as connected:
        yield connected


def done(session: Session, account: str, operation: str, **params: Any) -> None:
    """Something that an account's administrator does in IAM."""
    who = session.operator if account == session.operator.account else session.deployer(account).caller
    assert who is not None
    assert session.call(who, "iam", operation, **params).ok


def trusting(session: Session, *principals: str, **condition: Any) -> None:
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{MAIN}:{each}" for each in principals]},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    done(session, MEMBER, "UpdateAssumeRolePolicy", RoleName=ROLE, PolicyDocument=document)


def with_external_id(session: Session) -> dict[str, Any]:
    return {"StringEquals": {"sts:ExternalId": session.external_id}}


def forbidding(session: Session, *roles: str) -> None:
    """Take from roles of main what lets them ask for any role."""
    for role in roles:
        done(session, MAIN, "DeleteRolePolicy", RoleName=role, PolicyName="permissions")


def nobody_may_ask(session: Session) -> None:
    forbidding(session, *TRUSTED)
    trusting(session, *(f"role/{role}" for role in TRUSTED), **with_external_id(session))


def nobody_may_ask_and_nothing_is_wanted(session: Session) -> None:
    forbidding(session, *TRUSTED)
    trusting(session, *(f"role/{role}" for role in TRUSTED))


def one_may_not_ask_and_nothing_is_wanted(session: Session) -> None:
    forbidding(session, TRUSTED[0])
    trusting(session, *(f"role/{role}" for role in TRUSTED))


def another_is_trusted_without_an_external_id(session: Session) -> None:
    forbidding(session, *TRUSTED)
    trusting(session, f"role/{TRUSTED[1]}")


def everybody_of_main_is_trusted_and_may_not_ask(session: Session) -> None:
    forbidding(session, *TRUSTED)
    trusting(session, "root", **with_external_id(session))


def the_organization_wants_an_external_id_and_the_role_does_not(session: Session) -> None:
    trusting(session, *(f"role/{role}" for role in TRUSTED))
    deny = {
        "Effect": "Deny",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:aws:iam::{MEMBER}:role/{ROLE}",
        "Condition": {"Null": {"sts:ExternalId": "true"}},
    }
    content = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    made = session.ask(
        "organizations",
        "CreatePolicy",
        Name="WithExternalId",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=content,
    )
    policy = made.result["Policy"]["PolicySummary"]["Id"]
    assert session.ask("organizations", "AttachPolicy", PolicyId=policy, TargetId=MAIN).ok


@pytest.mark.parametrize(
    ("cause", "without", "wrong", "untrusted"),
    [
        (nobody_may_ask, PASS, PASS, PASS),
        (nobody_may_ask_and_nothing_is_wanted, UNKNOWN, UNKNOWN, PASS),
        (one_may_not_ask_and_nothing_is_wanted, FAIL, FAIL, PASS),
        (another_is_trusted_without_an_external_id, UNKNOWN, UNKNOWN, PASS),
        (the_organization_wants_an_external_id_and_the_role_does_not, UNKNOWN, FAIL, PASS),
        (everybody_of_main_is_trusted_and_may_not_ask, PASS, PASS, FAIL),
    ],
)
def test_what_a_refusal_is_worth(
    session: Session, cause: Callable[[Session], None], without: Verdict, wrong: Verdict, untrusted: Verdict
) -> None:
    cause(session)
    found = {row.probe: row for row in check_account(session, MEMBER) if row.expected == "DENIED"}
    verdicts = {probe: row.verdict for probe, row in found.items()}
    assert verdicts == {
        "assume-without-external-id": without,
        "assume-with-wrong-external-id": wrong,
        "assume-as-untrusted-role": untrusted,
    }
    for row in found.values():
        assert bool(row.fix) is not row.verdict.green


def test_a_refusal_by_a_role_that_is_not_there_proves_nothing() -> None:
    params = Params.load("params/sandbox.yaml", sandbox_scenario="role-missing", wait_seconds=1)
    with xk.connect(params) as session:
        refused = [row for row in check_account(session, MEMBER) if row.expected == "DENIED"]
    assert [row.verdict for row in refused] == [UNKNOWN] * 3
    assert all(row.why.endswith("that proves nothing: there is no such role.") for row in refused)


def test_an_external_id_that_cannot_be_read_leaves_what_does_without_it() -> None:
    params = Params.load("params/sandbox.yaml")
    child = start_sandbox(params)
    unread = params.model_copy(update={"external_id": "env:XACCT_NO_SUCH_VARIABLE"})
    with Session(unread, sandbox_connection(child.endpoint), on_close=child.stop) as session:
        found = {(row.probe, row.caller): row for row in check_account(session, MEMBER)}
    assert {row.verdict for row in found.values()} == {UNKNOWN, PASS}
    green = {key for key, row in found.items() if row.verdict is PASS}
    assert green == {
        ("assume-without-external-id", "ApiHandlerRole"),
        ("assume-with-wrong-external-id", "ApiHandlerRole"),
    }
    unknown = [row for key, row in found.items() if key not in green]
    assert all("XACCT_NO_SUCH_VARIABLE" in row.why for row in unknown)
