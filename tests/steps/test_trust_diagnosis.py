"""The cause of a refused AssumeRole is named, though AWS gives one text for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.params import Params
from xacct_kit.report import Finding, Outcome, OutcomeKind, Verdict
from xacct_kit.steps.trust import check_account
from xacct_kit.steps.trust_diagnosis import refused_by_own_policies

MAIN, MEMBER = "222222222222", "333333333333"
API_HANDLER = "ApiHandlerRole"
ROLE = f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole"


@pytest.fixture
def session() -> Iterator[Session]:
    with xk.connect(Params.load("params/sandbox.yaml", wait_seconds=1)) as connected:
        yield connected


def done(session: Session, account: str, service: str, operation: str, **params: Any) -> Any:
    """Something that an account's administrator does."""
    who = session.operator if account == session.operator.account else session.deployer(account).caller
    assert who is not None
    answer = session.call(who, service, operation, **params)
    assert answer.ok, answer.outcome
    return answer.result


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str, action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*", **more}


def refused(session: Session) -> Finding:
    """What is said of the API handler."""
    findings = check_account(session, MEMBER)
    found = next(
        row for row in findings if (row.probe, row.caller) == ("assume-with-external-id", API_HANDLER)
    )
    assert found.verdict is Verdict.FAIL
    return found


def without_permission(session: Session) -> None:
    done(session, MAIN, "iam", "DeleteRolePolicy", RoleName=API_HANDLER, PolicyName="permissions")


def denied_by_its_own_policy(session: Session) -> None:
    policy = document(statement("Deny", "sts:*", Sid="NoRoles"))
    done(
        session, MAIN, "iam", "PutRolePolicy", RoleName=API_HANDLER, PolicyName="deny", PolicyDocument=policy
    )


def bounded(session: Session) -> None:
    policy = document(statement("Allow", "s3:*"))
    arn = done(session, MAIN, "iam", "CreatePolicy", PolicyName="Bound", PolicyDocument=policy)["Policy"][
        "Arn"
    ]
    done(
        session,
        MAIN,
        "iam",
        "PutRolePermissionsBoundary",
        RoleName=API_HANDLER,
        PermissionsBoundary=arn,
    )


def denied_by_the_organization(session: Session) -> None:
    policy = document(statement("Deny", "sts:AssumeRole", Sid="NoCrossing", Resource=ROLE))
    made = done(
        session,
        session.operator.account,
        "organizations",
        "CreatePolicy",
        Name="NoCrossing",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=policy,
    )
    policy_id = made["Policy"]["PolicySummary"]["Id"]
    done(
        session,
        session.operator.account,
        "organizations",
        "AttachPolicy",
        PolicyId=policy_id,
        TargetId=MAIN,
    )


def trusting(session: Session, **condition: Any) -> None:
    principals = {"AWS": [f"arn:aws:iam::{MAIN}:role/{API_HANDLER}", f"arn:aws:iam::{MEMBER}:root"]}
    allow = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole", "Condition": condition}
    role = {"RoleName": "CrossAccountExecutionRole", "PolicyDocument": document(allow)}
    done(session, MEMBER, "iam", "UpdateAssumeRolePolicy", **role)


def on_another_condition(session: Session) -> None:
    trusting(session, Bool={"aws:MultiFactorAuthPresent": "true"})


def without_permission_on_a_condition_that_is_met(session: Session) -> None:
    organization = done(session, session.operator.account, "organizations", "DescribeOrganization")
    met = {"aws:PrincipalOrgID": organization["Organization"]["Id"], "sts:ExternalId": session.external_id}
    trusting(session, StringEquals=met)
    without_permission(session)


def denied_by_the_trust_without_an_external_id(session: Session) -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MAIN}:root"}, "Action": "sts:AssumeRole"}
    deny = {**allow, "Effect": "Deny", "Condition": {"StringNotEquals": {"sts:ExternalId": "another"}}}
    role = {"RoleName": "CrossAccountExecutionRole", "PolicyDocument": document(allow, deny)}
    done(session, MEMBER, "iam", "UpdateAssumeRolePolicy", **role)


def denied_by_the_trust(session: Session) -> None:
    trust = [
        {"Effect": effect, "Principal": {"AWS": f"arn:aws:iam::{MAIN}:root"}, "Action": "sts:AssumeRole"}
        for effect in ("Allow", "Deny")
    ]
    role = {"RoleName": "CrossAccountExecutionRole", "PolicyDocument": document(*trust)}
    done(session, MEMBER, "iam", "UpdateAssumeRolePolicy", **role)


def without_trace(session: Session) -> None:
    done(session, MEMBER, "cloudformation", "DeleteStack", StackName="onboard-account")


CAUSES = [
    (without_permission, OutcomeKind.DENIED_IDENTITY, "none of its identity-based policies allows it"),
    (denied_by_its_own_policy, OutcomeKind.DENIED_IDENTITY, "the statement NoRoles of its policy deny"),
    (bounded, OutcomeKind.DENIED_BOUNDARY, "its permissions boundary Bound"),
    (
        denied_by_the_organization,
        OutcomeKind.DENIED_SCP,
        "the statement NoCrossing of the service control policy",
    ),
    (on_another_condition, OutcomeKind.DENIED_TRUST, "a condition besides the external ID"),
    (
        without_permission_on_a_condition_that_is_met,
        OutcomeKind.DENIED_IDENTITY,
        "none of its identity-based policies allows it",
    ),
    (
        denied_by_the_trust_without_an_external_id,
        OutcomeKind.DENIED_TRUST,
        "wants another external ID",
    ),
    (denied_by_the_trust, OutcomeKind.DENIED_TRUST, "denies it explicitly"),
    (without_trace, OutcomeKind.NOT_FOUND, "there is no such role"),
]


@pytest.mark.parametrize(("cause", "outcome", "said"), CAUSES, ids=[cause.__name__ for cause, *_ in CAUSES])
def test_the_cause_is_named_and_its_fix_ends_it(
    session: Session, cause: Any, outcome: OutcomeKind, said: str
) -> None:
    cause(session)
    found = refused(session)
    assert said in found.why
    assert found.outcome is outcome
    for call in found.patch:
        params = json.loads(json.dumps(dict(call["params"])).replace("${external_id}", session.external_id))
        if call["service"] == "xacct":
            assert xk.deploy_role(session).ok
        else:
            done(session, call["account"], call["service"], call["operation"], **params)
    assert found.patch
    again = check_account(session, MEMBER)
    assert [row.verdict for row in again if row.caller == API_HANDLER] == [Verdict.PASS] * 3


def test_a_reason_that_aws_names_is_told_though_the_trust_policy_refuses_too(session: Session) -> None:
    trusting(session, Bool={"aws:MultiFactorAuthPresent": "true"})
    without_permission(session)
    caller = session.act_as(MAIN, API_HANDLER).caller
    assert caller is not None
    role = done(session, MEMBER, "iam", "GetRole", RoleName="CrossAccountExecutionRole")["Role"]
    outcome = Outcome(kind=OutcomeKind.DENIED_IDENTITY, reason="It was refused.")
    found = refused_by_own_policies(session, caller, role, session.external_id, outcome)
    assert found.kind is OutcomeKind.DENIED_IDENTITY
    assert "none of its identity-based policies allows it" in found.why


def test_a_user_is_not_taken_for_a_role_of_its_name(session: Session) -> None:
    user = session.operator
    assert ":user/" in user.arn
    role = done(session, MEMBER, "iam", "GetRole", RoleName="CrossAccountExecutionRole")["Role"]
    outcome = Outcome(kind=OutcomeKind.DENIED_IDENTITY, reason="It was refused.")
    found = refused_by_own_policies(session, user, role, "some-external-id", outcome)
    assert found.why == f"It was refused. {user.arn} is no role, and its policies are not read."
    assert found.fix == f"Allow {user.name} sts:AssumeRole on {ROLE}."
    assert found.patch == ()
