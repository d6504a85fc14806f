"""Who may assume a role."""

from __future__ import annotations

from typing import Any

import pytest

from xacct_kit.iam import Decision, Layer, Request, decide

MAIN, MEMBER = "222222222222", "333333333333"
TARGET = f"arn:aws:iam::{MEMBER}:role/CrossAccountExecution"
API = f"arn:aws:iam::{MAIN}:role/ApiHandlerRole"
RUNNER = f"arn:aws:iam::{MAIN}:role/WorkflowLoopRunnerRole"
MEMBER_ROOT = f"arn:aws:iam::{MEMBER}:root"
EXTERNAL_ID = "xid-1"


def session(role: str) -> str:
    account, name = role.split(":")[4], role.rpartition("/")[2]
    return f"arn:aws:sts::{account}:assumed-role/{name}/run-1"


def trust(*principals: str, **elements: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement | elements]}


DOCUMENTED = trust(API, RUNNER, MEMBER_ROOT, Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}})
MAY_ASSUME = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
MAY_READ = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}


def assume(
    principal: str, policy: dict[str, Any] | None, external_id: str | None = EXTERNAL_ID, **policies: Any
) -> Decision:
    context = {"sts:ExternalId": external_id} if external_id else {}
    request = Request(principal=principal, action="sts:AssumeRole", resource=TARGET, context=context)
    return decide(request, resource_policy=policy, **policies)


NOTEBOOK = f"arn:aws:iam::{MAIN}:role/NotebookRole"
OPERATOR = f"arn:aws:iam::{MEMBER}:user/operator"


@pytest.mark.parametrize(
    ("principal", "external_id", "identity", "allowed", "layer"),
    [
        pytest.param(session(API), EXTERNAL_ID, [MAY_ASSUME], True, "IDENTITY", id="API handler"),
        pytest.param(session(RUNNER), EXTERNAL_ID, [MAY_ASSUME], True, "IDENTITY", id="loop runner"),
        pytest.param(session(API), "xid-2", [MAY_ASSUME], False, "TRUST", id="wrong external ID"),
        pytest.param(session(API), "XID-1", [MAY_ASSUME], False, "TRUST", id="external ID in capitals"),
        pytest.param(session(API), None, [MAY_ASSUME], False, "TRUST", id="no external ID"),
        pytest.param(session(API), EXTERNAL_ID, [], False, "IDENTITY", id="caller may not assume"),
        pytest.param(session(NOTEBOOK), EXTERNAL_ID, [MAY_ASSUME], False, "TRUST", id="not trusted"),
        pytest.param(OPERATOR, EXTERNAL_ID, [MAY_ASSUME], True, "IDENTITY", id="member user who may"),
        pytest.param(OPERATOR, EXTERNAL_ID, [MAY_READ], False, "IDENTITY", id="member user who may not"),
        pytest.param(OPERATOR, None, [MAY_ASSUME], False, "TRUST", id="member user without external ID"),
        pytest.param(MEMBER_ROOT, EXTERNAL_ID, [], True, "IDENTITY", id="member root user"),
        pytest.param(f"arn:aws:iam::{MAIN}:root", EXTERNAL_ID, [], False, "TRUST", id="main root user"),
    ],
)
def test_the_documented_trust_policy(
    principal: str, external_id: str | None, identity: list[Any], allowed: bool, layer: str
) -> None:
    decision = assume(principal, DOCUMENTED, external_id, identity=identity)
    assert (decision.allowed, decision.layer) == (allowed, layer)


@pytest.mark.parametrize(
    ("principal", "named", "allowed", "layer"),
    [
        pytest.param(OPERATOR, OPERATOR, True, "TRUST", id="user"),
        pytest.param(
            session(f"arn:aws:iam::{MEMBER}:role/r"),
            f"arn:aws:iam::{MEMBER}:role/r",
            True,
            "TRUST",
            id="role",
        ),
        pytest.param(
            session(f"arn:aws:iam::{MEMBER}:role/r"),
            session(f"arn:aws:iam::{MEMBER}:role/r"),
            True,
            "TRUST",
            id="session",
        ),
        pytest.param(OPERATOR, "*", True, "TRUST", id="everyone"),
        pytest.param(OPERATOR, MEMBER, False, "IDENTITY", id="account"),
        pytest.param(OPERATOR, MEMBER_ROOT, False, "IDENTITY", id="account's ARN"),
        pytest.param(OPERATOR, f"arn:aws-cn:iam::{MEMBER}:root", False, "TRUST", id="other partition"),
        pytest.param(OPERATOR, "AIDAEXAMPLEEXAMPLE123", False, "TRUST", id="deleted principal"),
    ],
)
def test_in_its_own_account_who_is_named_needs_no_identity_policy(
    principal: str, named: str, allowed: bool, layer: str
) -> None:
    decision = assume(principal, trust(named))
    assert (decision.allowed, decision.layer) == (allowed, layer)


def test_an_identity_policy_alone_never_suffices() -> None:
    for policy in (None, trust(API)):
        decision = assume(OPERATOR, policy, identity=[MAY_ASSUME])
        assert (decision.allowed, decision.layer, decision.explicit) == (False, Layer.TRUST, False)


def test_a_role_that_is_named_is_limited_by_its_boundary() -> None:
    role = f"arn:aws:iam::{MEMBER}:role/r"
    assert assume(session(role), trust(role), boundary=MAY_READ).layer is Layer.BOUNDARY
    assert assume(session(role), trust(session(role)), boundary=MAY_READ).allowed


def test_an_explicit_deny_in_the_trust_policy() -> None:
    denying = trust(API)
    denying["Statement"] += trust("*", Effect="Deny", Sid="Closed")["Statement"]
    decision = assume(session(API), denying, identity=[MAY_ASSUME])
    assert (decision.layer, decision.explicit) == (Layer.TRUST, True)
    assert str(decision.statement) == "resource_policy.Statement[1] (Closed)"


def test_a_service_control_policy_stops_the_caller() -> None:
    assert assume(session(API), DOCUMENTED, identity=[MAY_ASSUME], scps=[[MAY_READ]]).layer is Layer.SCP


@pytest.mark.parametrize(
    ("principal", "kind", "action"),
    [
        ("ec2.amazonaws.com", "Service", "sts:AssumeRole"),
        (f"arn:aws:iam::{MEMBER}:saml-provider/idp", "Federated", "sts:AssumeRoleWithSAML"),
        (f"arn:aws:iam::{MEMBER}:oidc-provider/id.example", "Federated", "sts:AssumeRoleWithWebIdentity"),
        ("cognito-identity.amazonaws.com", "Federated", "sts:AssumeRoleWithWebIdentity"),
    ],
)
def test_services_and_identity_providers_need_the_trust_policy_only(
    principal: str, kind: str, action: str
) -> None:
    request = Request(principal=principal, action=action, resource=TARGET)
    named = {"Statement": {"Effect": "Allow", "Principal": {kind: [principal]}, "Action": action}}
    assert decide(request, resource_policy=named).layer is Layer.TRUST
    assert decide(request, resource_policy=named).allowed
    assert not decide(request, resource_policy=trust(MEMBER)).allowed
    assert decide(request).layer is Layer.TRUST


def test_a_canonical_user_is_nobody_that_an_arn_tells() -> None:
    policy = {"Statement": {"Effect": "Allow", "Principal": {"CanonicalUser": "79a5"}, "Action": "s3:*"}}
    request = Request(principal=OPERATOR, action="s3:GetObject", resource="arn:aws:s3:::b/k")
    assert decide(request, resource_policy=policy).layer is Layer.IDENTITY
