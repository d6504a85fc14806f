"""Whom a trust policy can name, and what becomes of the name when its principal goes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from gate_clients import (
    Actor,
    Organization,
    Refusal,
    document,
    refusal,
    statement,
    trusting,
    unique,
)

from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT

IAM = "arn:aws:iam"
STS = "arn:aws:sts"
ELSEWHERE = "999999999999"

THERE = [
    "*",
    MEMBER_ACCOUNT,
    f"{IAM}::{MEMBER_ACCOUNT}:root",
    ELSEWHERE,
    f"{IAM}::{ELSEWHERE}:root",
    f"{IAM}::{MAIN_ACCOUNT}:role/ApiHandlerRole",
    f"{IAM}::{MANAGEMENT_ACCOUNT}:user/operator",
    f"{STS}::{MAIN_ACCOUNT}:assumed-role/ApiHandlerRole/session",
    f"{STS}::{MEMBER_ACCOUNT}:federated-user/anybody",
]
NOT_THERE = [
    f"{IAM}::{MAIN_ACCOUNT}:role/NoSuchRole",
    f"{IAM}::{MAIN_ACCOUNT}:role/with/path/ApiHandlerRole",
    f"{IAM}::{MAIN_ACCOUNT}:role/apihandlerrole",
    f"{IAM}::{MEMBER_ACCOUNT}:role/ApiHandlerRole",
    f"{IAM}::{ELSEWHERE}:role/ApiHandlerRole",
    f"arn:aws-cn:iam::{MAIN_ACCOUNT}:role/ApiHandlerRole",
    f"{IAM}::{MANAGEMENT_ACCOUNT}:user/NoSuchUser",
    f"{IAM}::{MANAGEMENT_ACCOUNT}:user/Operator",
    f"{IAM}::{MAIN_ACCOUNT}:user/ApiHandlerRole",
    f"{STS}::{MAIN_ACCOUNT}:assumed-role/NoSuchRole/session",
    f"{STS}::{MEMBER_ACCOUNT}:assumed-role/ApiHandlerRole/session",
    "AROAEXAMPLEOFNOBODYXX",
]


def invalid(principal: str) -> Refusal:
    return Refusal("MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{principal}"')


def iam_of(organization: Organization, account: str = MEMBER_ACCOUNT) -> Any:
    return organization.administrator(account).client("iam")


def create(organization: Organization, trust: str) -> Callable[[], Any]:
    iam, name = iam_of(organization), unique("role")
    return lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)


def update(organization: Organization, trust: str) -> Callable[[], Any]:
    iam, name = iam_of(organization), organization.new_role().rpartition("/")[2]
    return lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)


each_way = pytest.mark.parametrize("save", [create, update], ids=["CreateRole", "UpdateAssumeRolePolicy"])


@each_way
@pytest.mark.parametrize("principal", THERE)
def test_who_is_there_can_be_named(organization: Organization, save: Any, principal: str) -> None:
    save(organization, trusting({"AWS": principal}))()


@each_way
def test_so_can_services_and_identity_providers(organization: Organization, save: Any) -> None:
    provider = f"{IAM}::{MEMBER_ACCOUNT}:saml-provider/provider"
    save(organization, trusting({"Service": "lambda.amazonaws.com", "Federated": provider}))()


@each_way
@pytest.mark.parametrize("principal", NOT_THERE)
def test_who_is_not_there_cannot_be_named(organization: Organization, save: Any, principal: str) -> None:
    assert refusal(save(organization, trusting({"AWS": principal}))) == invalid(principal)


@each_way
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_one_who_is_not_there_is_found_among_others(
    organization: Organization, save: Any, effect: str
) -> None:
    named = {"Service": "lambda.amazonaws.com", "AWS": [MEMBER_ACCOUNT, NOT_THERE[0]]}
    second = {"Effect": effect, "Principal": named, "Action": "sts:AssumeRole"}
    first = {"Effect": "Allow", "Principal": {"AWS": MEMBER_ACCOUNT}, "Action": "sts:AssumeRole"}
    assert refusal(save(organization, document(first, second))) == invalid(NOT_THERE[0])


@pytest.mark.parametrize("name", ["role/", "role/deep/er/"])
def test_a_role_cannot_name_itself_before_it_is_there(organization: Organization, name: str) -> None:
    iam, role = iam_of(organization), unique("role")
    itself = f"{IAM}::{MEMBER_ACCOUNT}:{name}{role}"
    path = name.removeprefix("role")
    asked = {"RoleName": role, "Path": path, "AssumeRolePolicyDocument": trusting({"AWS": itself})}
    assert refusal(iam.create_role, **asked) == invalid(itself)
    iam.create_role(**asked | {"AssumeRolePolicyDocument": trusting({"AWS": MEMBER_ACCOUNT})})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusting({"AWS": itself}))


def test_a_role_that_is_refused_is_not_there(organization: Organization) -> None:
    iam, name = iam_of(organization), unique("role")
    trust = trusting({"AWS": NOT_THERE[0]})
    refusal(iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust)
    assert refusal(iam.get_role, RoleName=name).code == "NoSuchEntity"


def test_a_trust_policy_that_is_refused_changes_nothing(organization: Organization) -> None:
    iam, role = iam_of(organization), organization.new_role()
    name = role.rpartition("/")[2]
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    changed = trusting({"AWS": NOT_THERE[0]})
    refusal(iam.update_assume_role_policy, RoleName=name, PolicyDocument=changed)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == before


def ended(cloudformation: Any, stack: str) -> str:
    """The status of a stack when it does not change any more; the bound is there so that a failure ends."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        status = str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.02)
    raise AssertionError(f"{stack} is still {status}")


def create_stack(who: Actor, name: str, trust: str) -> tuple[str, str]:
    """The ID and the final status of a stack of one role."""
    properties = {"RoleName": name, "AssumeRolePolicyDocument": json.loads(trust)}
    cloudformation = who.client("cloudformation")
    made = cloudformation.create_stack(
        StackName=unique("stack"),
        TemplateBody=json.dumps(
            {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}
        ),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    return made["StackId"], ended(cloudformation, made["StackId"])


def test_a_stack_whose_role_names_who_is_not_there_is_rolled_back(organization: Organization) -> None:
    administrator, name = organization.administrator(), unique("role")
    stack, status = create_stack(administrator, name, trusting({"AWS": NOT_THERE[0]}))
    assert status == "ROLLBACK_COMPLETE"
    cloudformation = administrator.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    (failed,) = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "Role"
    assert invalid(NOT_THERE[0]).text in failed["ResourceStatusReason"]
    assert refusal(administrator.client("iam").get_role, RoleName=name).code == "NoSuchEntity"


# A principal that goes, and another that comes by its name.


class Trusted:
    """A role or a user of the main account that may assume whatever lets it, and can go and come again."""

    def __init__(self, organization: Organization, kind: str, name: str = "") -> None:
        self.name = name or unique(kind)
        self.kind = kind
        self.arn = f"{IAM}::{MAIN_ACCOUNT}:{kind}/{self.name}"
        self._administrator = organization.administrator(MAIN_ACCOUNT)
        self._iam = self._administrator.client("iam")
        self._key = ""

    def come(self) -> Actor:
        """Make it; somebody who is it."""
        may = {"PolicyName": "inline", "PolicyDocument": document(statement("Allow", "*"))}
        if self.kind == "role":
            trust = trusting({"AWS": MAIN_ACCOUNT})
            self._iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)
            self._iam.put_role_policy(RoleName=self.name, **may)
            return self._administrator.assume(self.arn)
        self._iam.create_user(UserName=self.name)
        self._iam.put_user_policy(UserName=self.name, **may)
        made = self._iam.create_access_key(UserName=self.name)["AccessKey"]
        self._key = made["AccessKeyId"]
        key = {"access_key": self._key, "secret": made["SecretAccessKey"]}
        return self._administrator.but(**key, token=None, arn=self.arn)

    @property
    def unique_id(self) -> str:
        """Its unique ID."""
        if self.kind == "role":
            return str(self._iam.get_role(RoleName=self.name)["Role"]["RoleId"])
        return str(self._iam.get_user(UserName=self.name)["User"]["UserId"])

    def go(self) -> None:
        """Delete it."""
        if self.kind == "role":
            self._iam.delete_role_policy(RoleName=self.name, PolicyName="inline")
            self._iam.delete_role(RoleName=self.name)
            return
        self._iam.delete_access_key(UserName=self.name, AccessKeyId=self._key)
        self._iam.delete_user_policy(UserName=self.name, PolicyName="inline")
        self._iam.delete_user(UserName=self.name)


@pytest.fixture(params=["role", "user"])
def trusted(organization: Organization, request: pytest.FixtureRequest) -> Trusted:
    return Trusted(organization, request.param)


def kept(organization: Organization, role: str) -> dict[str, Any]:
    """The one statement of a role's trust policy as IAM tells it."""
    told = iam_of(organization).get_role(RoleName=role.rpartition("/")[2])["Role"]
    (only,) = told["AssumeRolePolicyDocument"]["Statement"]
    return dict(only)


def denied(who: Actor, target: str) -> Refusal:
    text = f"User: {who.arn} is not authorized to perform: sts:AssumeRole on resource: {target}"
    return Refusal("AccessDenied", 403, text)


def assume(who: Actor, target: str) -> Refusal:
    return refusal(who.client("sts").assume_role, RoleArn=target, RoleSessionName="tester")


class TestRecreatedPrincipal:
    def test_it_is_not_the_one_that_was_trusted(self, organization: Organization, trusted: Trusted) -> None:
        who = trusted.come()
        target = organization.new_role(AssumeRolePolicyDocument=trusting({"AWS": trusted.arn}))
        assert who.assume(target).account == MEMBER_ACCOUNT
        assert kept(organization, target)["Principal"] == {"AWS": trusted.arn}

        former = trusted.unique_id
        trusted.go()
        assert kept(organization, target)["Principal"] == {"AWS": former}
        if trusted.kind == "role":
            assert former.startswith("AROA")

        again = trusted.come()
        assert trusted.unique_id != former
        assert again.arn == who.arn
        assert assume(again, target) == denied(again, target)
        assert kept(organization, target)["Principal"] == {"AWS": former}

        iam, name = iam_of(organization), target.rpartition("/")[2]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trusting({"AWS": trusted.arn}))
        assert again.assume(target).account == MEMBER_ACCOUNT

    @pytest.mark.parametrize("account", [MEMBER_ACCOUNT, MAIN_ACCOUNT], ids=["elsewhere", "at home"])
    def test_its_sessions_are_not_those_of_the_one_before(
        self, organization: Organization, account: str
    ) -> None:
        role = Trusted(organization, "role")
        before = role.come()
        assert "Parameters" in before.client("ssm").describe_parameters()
        role.go()
        after = role.come()
        trust = trusting({"AWS": role.arn})
        target = organization.new_role(account=account, AssumeRolePolicyDocument=trust)
        assert after.assume(target).account == account
        assert refusal(before.client("ssm").describe_parameters).code == "AccessDeniedException"
        assert assume(before, target).code == "AccessDenied"

    def test_others_stay_trusted(self, organization: Organization, trusted: Trusted) -> None:
        other = Trusted(organization, trusted.kind, name=f"{trusted.name}-2")
        trusted.come()
        who = other.come()
        principals = {"Service": "lambda.amazonaws.com", "AWS": [trusted.arn, other.arn, MANAGEMENT_ACCOUNT]}
        target = organization.new_role(AssumeRolePolicyDocument=trusting(principals))
        former = trusted.unique_id
        trusted.go()
        left = principals | {"AWS": [former, other.arn, MANAGEMENT_ACCOUNT]}
        assert kept(organization, target)["Principal"] == left
        assert who.assume(target).account == MEMBER_ACCOUNT

    def test_whom_a_condition_names_it_is(self, organization: Organization, trusted: Trusted) -> None:
        """AWS keeps unique IDs for principals alone."""
        trusted.come()
        condition = {"ArnEquals": {"aws:PrincipalArn": trusted.arn}}
        target = organization.new_role(AssumeRolePolicyDocument=trusting({"AWS": MAIN_ACCOUNT}, **condition))
        trusted.go()
        assert kept(organization, target)["Condition"] == condition
        assert trusted.come().assume(target).account == MEMBER_ACCOUNT

    def test_it_is_found_however_it_is_written(self, organization: Organization, trusted: Trusted) -> None:
        trusted.come()
        escaped = trusting({"AWS": trusted.arn}).replace("/", r"\/")
        target = organization.new_role(AssumeRolePolicyDocument=escaped)
        former = trusted.unique_id
        trusted.go()
        again = trusted.come()
        assert assume(again, target) == denied(again, target)
        assert kept(organization, target)["Principal"] == {"AWS": former}

    def test_its_unique_id_cannot_be_named(self, organization: Organization) -> None:
        role = Trusted(organization, "role")
        role.come()
        former = role.unique_id
        role.go()
        assert refusal(update(organization, trusting({"AWS": former}))) == invalid(former)

    def test_a_stack_that_goes_takes_it_along(self, organization: Organization) -> None:
        administrator, role = organization.administrator(MAIN_ACCOUNT), Trusted(organization, "role")
        stack, status = create_stack(administrator, role.name, trusting({"AWS": MAIN_ACCOUNT}))
        assert status == "CREATE_COMPLETE"
        target = organization.new_role(AssumeRolePolicyDocument=trusting({"AWS": role.arn}))
        former = role.unique_id
        cloudformation = administrator.client("cloudformation")
        cloudformation.delete_stack(StackName=stack)
        assert ended(cloudformation, stack) == "DELETE_COMPLETE"
        assert kept(organization, target)["Principal"] == {"AWS": former}


def test_a_key_of_a_user_that_was_deleted_is_unknown(organization: Organization) -> None:
    user = organization.new_user()
    name, iam = user.arn.rpartition("/")[2], iam_of(organization)
    who_am_i = user.client("sts").get_caller_identity
    try:
        iam.delete_user(UserName=name)
    except iam.exceptions.DeleteConflictException:
        # This is what AWS answers as long as there is a key.
        return
    assert refusal(who_am_i).code == "InvalidClientTokenId"
    iam.create_user(UserName=name)
    assert refusal(who_am_i).code == "InvalidClientTokenId"
