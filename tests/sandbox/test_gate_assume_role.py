"""Who may assume which role, and what those are told who may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gate_clients import (
    Actor,
    Organization,
    Refusal,
    document,
    refusal,
    role_arn,
    statement,
    trusting,
    unique,
)

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT

CROSS_ACCOUNT_ROLE = role_arn(MEMBER_ACCOUNT, "CrossAccountExecutionRole")
NO_IDENTITY_POLICY = " because no identity-based policy allows the sts:AssumeRole action"


def denied(who: Actor, arn: str = CROSS_ACCOUNT_ROLE, reason: str = "") -> Refusal:
    text = f"User: {who.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}{reason}"
    return Refusal("AccessDenied", 403, text)


def assume(who: Actor, arn: str = CROSS_ACCOUNT_ROLE, **params: Any) -> Refusal:
    return refusal(who.client("sts").assume_role, RoleArn=arn, RoleSessionName="tester", **params)


@pytest.mark.parametrize("name", ["ApiHandlerRole", "WorkflowLoopRunnerRole"])
def test_a_trusted_role_gets_in_with_the_external_id(organization: Organization, name: str) -> None:
    caller = organization.session(MAIN_ACCOUNT, name)
    arrived = caller.assume(CROSS_ACCOUNT_ROLE, session="hello", ExternalId=EXTERNAL_ID)
    identity = arrived.client("sts").get_caller_identity()
    assert identity["Account"] == MEMBER_ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{MEMBER_ACCOUNT}:assumed-role/CrossAccountExecutionRole/hello"
    assert identity["UserId"].startswith("AROA")
    assert identity["UserId"].endswith(":hello")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        pytest.param("ApiHandlerRole", {"ExternalId": "another"}, id="wrong external ID"),
        pytest.param("ApiHandlerRole", {"ExternalId": EXTERNAL_ID.upper()}, id="external ID in capitals"),
        pytest.param("ApiHandlerRole", {}, id="no external ID"),
        pytest.param("NotebookRole", {"ExternalId": EXTERNAL_ID}, id="untrusted role"),
        pytest.param("NotebookRole", {}, id="untrusted role without external ID"),
    ],
)
def test_whom_the_trust_policy_does_not_let_in_is_not_told_why(
    organization: Organization, name: str, params: dict[str, str]
) -> None:
    caller = organization.session(MAIN_ACCOUNT, name)
    assert assume(caller, **params) == denied(caller)


def test_a_role_that_is_missing_cannot_be_told_from_one_that_does_not_trust(
    organization: Organization,
) -> None:
    caller, missing = organization.api_handler, role_arn(MEMBER_ACCOUNT, "NoSuchRole")
    assert assume(caller, missing, ExternalId=EXTERNAL_ID) == denied(caller, missing)


def test_neither_can_a_role_of_an_account_that_is_missing(organization: Organization) -> None:
    caller, missing = organization.api_handler, role_arn("999999999999", "CrossAccountExecutionRole")
    assert assume(caller, missing) == denied(caller, missing)


def test_the_operator_is_not_trusted_by_the_cross_account_role(organization: Organization) -> None:
    assert assume(organization.operator, ExternalId=EXTERNAL_ID) == denied(organization.operator)


def test_the_caller_needs_a_permission_of_its_own(organization: Organization) -> None:
    name = unique("caller")
    iam = organization.administrator(MAIN_ACCOUNT).client("iam")
    trust = trusting({"AWS": f"arn:aws:iam::{MAIN_ACCOUNT}:root"})
    caller_arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    caller = organization.administrator(MAIN_ACCOUNT).assume(caller_arn)
    target = organization.new_role(AssumeRolePolicyDocument=trusting({"AWS": caller_arn}))
    assert assume(caller, target) == denied(caller, target, NO_IDENTITY_POLICY)
    may_assume = document(statement("Allow", "sts:AssumeRole", resource=target))
    iam.put_role_policy(RoleName=name, PolicyName="assume", PolicyDocument=may_assume)
    assert caller.assume(target).account == MEMBER_ACCOUNT


def test_an_explicit_deny_of_the_caller_wins_and_is_named(organization: Organization) -> None:
    may = statement("Allow", "*")
    may_not = statement("Deny", "sts:AssumeRole", resource=CROSS_ACCOUNT_ROLE)
    caller = organization.somebody(may, may_not)
    reason = " with an explicit deny in an identity-based policy"
    assert assume(caller, ExternalId=EXTERNAL_ID) == denied(caller, reason=reason)


def test_an_explicit_deny_of_the_trust_policy_wins(organization: Organization) -> None:
    principal = {"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"}
    action = {"Principal": principal, "Action": "sts:AssumeRole"}
    trust = document({"Effect": "Allow", **action}, {"Effect": "Deny", **action})
    target = organization.new_role(AssumeRolePolicyDocument=trust)
    administrator = organization.administrator()
    refused = assume(administrator, target)
    assert refused.text.startswith(denied(administrator, target).text)
    assert (refused.code, refused.status) == ("AccessDenied", 403)


class TestMemberRoot:
    """The trust policy names the member's root, which leaves the decision to the member's own policies."""

    def test_its_administrator_gets_in(self, organization: Organization) -> None:
        arrived = organization.administrator().assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID)
        assert arrived.client("sts").get_caller_identity()["Account"] == MEMBER_ACCOUNT

    def test_its_administrator_needs_the_external_id_too(self, organization: Organization) -> None:
        administrator = organization.administrator()
        assert assume(administrator) == denied(administrator)

    def test_a_role_without_policies_does_not(self, organization: Organization) -> None:
        nobody = organization.somebody()
        assert assume(nobody, ExternalId=EXTERNAL_ID) == denied(nobody, reason=NO_IDENTITY_POLICY)

    def test_a_user_without_policies_does_not(self, organization: Organization) -> None:
        user = organization.new_user()
        assert assume(user, ExternalId=EXTERNAL_ID) == denied(user, reason=NO_IDENTITY_POLICY)

    def test_a_user_with_a_policy_does(self, organization: Organization) -> None:
        user = organization.new_user(statement("Allow", "sts:AssumeRole", resource=CROSS_ACCOUNT_ROLE))
        assert user.assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID).account == MEMBER_ACCOUNT

    def test_an_administrator_of_another_member_does_not(self, organization: Organization) -> None:
        stranger = organization.administrator("400000000000")
        assert assume(stranger, ExternalId=EXTERNAL_ID) == denied(stranger)


class TestDuration:
    def test_a_session_lasts_as_long_as_was_asked(self, organization: Organization) -> None:
        answer = organization.operator.client("sts").assume_role(
            RoleArn=role_arn(MEMBER_ACCOUNT, "OrganizationAccountAccessRole"),
            RoleSessionName="tester",
            DurationSeconds=1800,
        )
        left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
        assert timedelta(seconds=1700) < left <= timedelta(seconds=1800)

    def test_no_longer_than_the_role_permits(self, organization: Organization) -> None:
        arn = role_arn(MEMBER_ACCOUNT, "OrganizationAccountAccessRole")
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        refused = assume(organization.operator, arn, DurationSeconds=3601)
        assert refused == Refusal("ValidationError", 400, text)

    def test_as_long_as_the_role_permits(self, organization: Organization) -> None:
        user = organization.new_user(statement("Allow", "sts:AssumeRole"))
        target = organization.new_role(MaxSessionDuration=43200)
        assert user.assume(target, DurationSeconds=43200).account == MEMBER_ACCOUNT

    def test_an_hour_at_most_by_role_chaining(self, organization: Organization) -> None:
        target = organization.new_role(MaxSessionDuration=43200)
        text = (
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining."
        )
        refused = assume(organization.administrator(), target, DurationSeconds=3601)
        assert refused == Refusal("ValidationError", 400, text)
        assert organization.administrator().assume(target, DurationSeconds=3600).account == MEMBER_ACCOUNT

    def test_how_long_is_not_told_to_whom_may_not_come_in(self, organization: Organization) -> None:
        assert assume(organization.api_handler, DurationSeconds=43200) == denied(organization.api_handler)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("roleSessionName", {"RoleSessionName": "with space"}),
        ("roleSessionName", {"RoleSessionName": "x" * 65}),
        ("roleSessionName", {"RoleSessionName": "slash/es"}),
        ("externalId", {"ExternalId": "with space"}),
        ("externalId", {"ExternalId": "x" * 1225}),
        ("durationSeconds", {"DurationSeconds": 43201}),
    ],
)
def test_a_parameter_that_breaks_its_constraint_is_named(
    organization: Organization, name: str, params: dict[str, Any]
) -> None:
    wanted = {"RoleArn": CROSS_ACCOUNT_ROLE, "RoleSessionName": "tester", "ExternalId": EXTERNAL_ID} | params
    refused = refusal(organization.api_handler.client("sts").assume_role, **wanted)
    assert (refused.code, refused.status) == ("ValidationError", 400)
    assert f"'{name}'" in refused.text


def test_a_changed_trust_policy_counts_at_once_and_leaves_sessions_alone(organization: Organization) -> None:
    trust = trusting({"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"})
    target = organization.new_role(statement("Allow", "ssm:*"), AssumeRolePolicyDocument=trust)
    administrator = organization.administrator()
    session = administrator.assume(target)
    name = target.rpartition("/")[2]
    changed = trusting({"AWS": f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root"})
    administrator.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=changed)
    assert assume(administrator, target) == denied(administrator, target)
    assert "Parameters" in session.client("ssm").describe_parameters()
