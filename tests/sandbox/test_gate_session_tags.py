"""What is passed along when a role is assumed: session tags and a source identity.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from gate_clients import Actor, Organization, Refusal, refusal, statement, trusting

from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MEMBER_ACCOUNT

OWN_ACCOUNT = {"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"}
EVERYBODY = {"AWS": "*"}
PARAMETERS = "ssm:DescribeParameters"


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


@dataclass(frozen=True)
class Attribute:
    """Something that is passed along, and the action that it takes besides sts:AssumeRole."""

    action: str
    params: dict[str, Any]


ATTRIBUTES = [
    Attribute("sts:TagSession", {"Tags": tags(team="blue")}),
    Attribute("sts:SetSourceIdentity", {"SourceIdentity": "alice"}),
]
each_attribute = pytest.mark.parametrize("attribute", ATTRIBUTES, ids=lambda attribute: attribute.action)


def new_caller(organization: Organization, *actions: str, account: str = MEMBER_ACCOUNT) -> Actor:
    return organization.somebody(statement("Allow", *actions), account=account)


def new_target(organization: Organization, principal: Any, *actions: str, **condition: Any) -> str:
    trust = trusting(principal, action=["sts:AssumeRole", *actions], **condition)
    return organization.new_role(AssumeRolePolicyDocument=trust)


def not_assumed(who: Actor, target: str, **params: Any) -> Refusal:
    return refusal(who.client("sts").assume_role, RoleArn=target, RoleSessionName="tester", **params)


def denied(who: Actor, action: str, target: str, reason: str = "") -> Refusal:
    text = f"User: {who.arn} is not authorized to perform: {action} on resource: {target}{reason}"
    return Refusal("AccessDenied", 403, text)


@each_attribute
class TestPermission:
    """Both the trust policy and the caller's policies must allow it."""

    @pytest.mark.parametrize("account", [MEMBER_ACCOUNT, MAIN_ACCOUNT], ids=["member", "main"])
    def test_where_both_allow_it_is_passed(
        self, organization: Organization, attribute: Attribute, account: str
    ) -> None:
        who = new_caller(organization, "sts:AssumeRole", attribute.action, account=account)
        trusted = {"AWS": f"arn:aws:iam::{account}:root"}
        target = new_target(organization, trusted, attribute.action)
        assert who.assume(target, **attribute.params).account == MEMBER_ACCOUNT

    @pytest.mark.parametrize("account", [MEMBER_ACCOUNT, MAIN_ACCOUNT], ids=["member", "main"])
    def test_where_the_trust_policy_does_not_allow_it_nobody_is_told_why(
        self, organization: Organization, attribute: Attribute, account: str
    ) -> None:
        who = new_caller(organization, "sts:*", account=account)
        target = new_target(organization, {"AWS": f"arn:aws:iam::{account}:root"})
        assert not_assumed(who, target, **attribute.params) == denied(who, attribute.action, target)
        assert who.assume(target).account == MEMBER_ACCOUNT

    @pytest.mark.parametrize("account", [MEMBER_ACCOUNT, MAIN_ACCOUNT], ids=["member", "main"])
    def test_where_the_callers_policies_do_not_allow_it_the_caller_is_told(
        self, organization: Organization, attribute: Attribute, account: str
    ) -> None:
        who = new_caller(organization, "sts:AssumeRole", account=account)
        target = new_target(organization, {"AWS": f"arn:aws:iam::{account}:root"}, attribute.action)
        reason = f" because no identity-based policy allows the {attribute.action} action"
        refused = not_assumed(who, target, **attribute.params)
        assert refused == denied(who, attribute.action, target, reason)
        assert who.assume(target).account == MEMBER_ACCOUNT

    def test_it_is_none_to_assume_the_role(self, organization: Organization, attribute: Attribute) -> None:
        who = new_caller(organization, attribute.action)
        target = new_target(organization, OWN_ACCOUNT, attribute.action)
        reason = " because no identity-based policy allows the sts:AssumeRole action"
        refused = not_assumed(who, target, **attribute.params)
        assert refused == denied(who, "sts:AssumeRole", target, reason)

    def test_a_trust_policy_that_names_a_role_of_its_account_is_enough(
        self, organization: Organization, attribute: Attribute
    ) -> None:
        caller = organization.new_role()
        target = new_target(organization, {"AWS": caller}, attribute.action)
        who = organization.administrator().assume(caller)
        assert who.assume(target, **attribute.params).account == MEMBER_ACCOUNT


# Conditions on what is passed along.


@pytest.mark.parametrize(
    ("condition", "passed", "refused"),
    [
        pytest.param(
            {"StringEquals": {"aws:RequestTag/team": "blue"}},
            {"Tags": tags(team="blue")},
            {"Tags": tags(team="red")},
            id="value of a tag",
        ),
        pytest.param(
            {"StringLike": {"aws:RequestTag/team": "*"}},
            {"Tags": tags(team="red", project="x")},
            {"Tags": tags(project="x")},
            id="tag that must be there",
        ),
        pytest.param(
            {"StringEquals": {"aws:RequestTag/Team": "blue"}},
            {"Tags": tags(tEAM="blue")},
            {"Tags": tags(team="BLUE")},
            id="key in any case",
        ),
        pytest.param(
            {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "project"]}},
            {"Tags": tags(team="blue")},
            {"Tags": tags(team="blue", cost="1")},
            id="tags that may be there",
        ),
        pytest.param(
            {"StringEquals": {"sts:SourceIdentity": ["alice", "bob"]}},
            {"SourceIdentity": "bob"},
            {"SourceIdentity": "mallory"},
            id="source identity",
        ),
        pytest.param(
            {"Null": {"sts:SourceIdentity": "false"}},
            {"SourceIdentity": "anybody"},
            {},
            id="required identity",
        ),
        pytest.param(
            {"StringEquals": {"sts:RoleSessionName": "alice"}},
            {"RoleSessionName": "alice"},
            {"RoleSessionName": "bob"},
            id="session name",
        ),
    ],
)
def test_a_trust_policy_can_ask_for_it(
    organization: Organization, condition: dict[str, Any], passed: dict[str, Any], refused: dict[str, Any]
) -> None:
    target = new_target(organization, OWN_ACCOUNT, "sts:TagSession", "sts:SetSourceIdentity", **condition)
    assume_role = organization.administrator().client("sts").assume_role
    named = {"RoleArn": target, "RoleSessionName": "tester"}
    assert assume_role(**named | passed)["AssumedRoleUser"]["Arn"]
    assert refusal(assume_role, **named | refused).code == "AccessDenied"


def test_so_can_the_callers_policies(organization: Organization) -> None:
    condition = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    may = statement("Allow", "sts:AssumeRole"), statement("Allow", "sts:TagSession", Condition=condition)
    who = organization.somebody(*may)
    target = new_target(organization, OWN_ACCOUNT, "sts:TagSession")
    assert who.assume(target, Tags=tags(team="blue")).account == MEMBER_ACCOUNT
    reason = " because no identity-based policy allows the sts:TagSession action"
    refused = not_assumed(who, target, Tags=tags(team="red"))
    assert refused == denied(who, "sts:TagSession", target, reason)


class TestPrincipalTag:
    """The tags of a principal, in the conditions of its policies."""

    BLUE = statement("Allow", PARAMETERS, Condition={"StringEquals": {"aws:PrincipalTag/Team": "blue"}})

    def session(
        self, organization: Organization, role: list[dict[str, str]], session: list[dict[str, str]]
    ) -> Any:
        trust = trusting(OWN_ACCOUNT, action=["sts:AssumeRole", "sts:TagSession"])
        target = organization.new_role(self.BLUE, AssumeRolePolicyDocument=trust, Tags=role)
        passed: dict[str, Any] = {"Tags": session} if session else {}
        return organization.administrator().assume(target, **passed).client("ssm").describe_parameters

    @pytest.mark.parametrize(
        ("role", "session"),
        [
            pytest.param(tags(Team="blue"), [], id="tag of the role"),
            pytest.param([], tags(Team="blue"), id="tag of the session"),
            pytest.param([], tags(team="blue"), id="tag of the session in another case"),
            pytest.param(tags(Team="red"), tags(Team="blue"), id="session's before the role's"),
            pytest.param(tags(Team="red"), tags(TEAM="blue"), id="session's before the role's in any case"),
        ],
    )
    def test_it_allows(
        self, organization: Organization, role: list[dict[str, str]], session: list[dict[str, str]]
    ) -> None:
        assert "Parameters" in self.session(organization, role, session)()

    @pytest.mark.parametrize(
        ("role", "session"),
        [
            pytest.param([], [], id="no tag"),
            pytest.param(tags(Team="red"), [], id="another value of the role"),
            pytest.param([], tags(Team="Blue"), id="value in another case"),
            pytest.param(tags(Team="blue"), tags(Team="red"), id="session's before the role's"),
            pytest.param(tags(Team="blue"), tags(team="red"), id="session's before the role's in any case"),
        ],
    )
    def test_it_does_not_allow(
        self, organization: Organization, role: list[dict[str, str]], session: list[dict[str, str]]
    ) -> None:
        refused = refusal(self.session(organization, role, session))
        assert refused.text.endswith(f"because no identity-based policy allows the {PARAMETERS} action")

    def test_a_users_tags_count(self, organization: Organization) -> None:
        user = organization.new_user(self.BLUE)
        describe = user.client("ssm").describe_parameters
        assert refusal(describe).code == "AccessDeniedException"
        iam, name = organization.administrator().client("iam"), user.arn.rpartition("/")[2]
        iam.tag_user(UserName=name, Tags=tags(Team="blue"))
        assert "Parameters" in describe()

    def test_a_trust_policy_sees_the_callers(self, organization: Organization) -> None:
        condition = {"StringEquals": {"aws:PrincipalTag/Team": "blue"}}
        target = new_target(organization, OWN_ACCOUNT, **condition)
        blue, red = (
            organization.somebody(statement("Allow", "sts:*"), Tags=tags(Team=team))
            for team in ("blue", "red")
        )
        assert blue.assume(target).account == MEMBER_ACCOUNT
        assert not_assumed(red, target) == denied(red, "sts:AssumeRole", target)

    def test_the_next_session_of_a_chain_does_not_have_them(self, organization: Organization) -> None:
        trust = trusting(OWN_ACCOUNT, action=["sts:AssumeRole", "sts:TagSession"])
        may = statement("Allow", "sts:AssumeRole")
        first = organization.new_role(may, AssumeRolePolicyDocument=trust)
        second = organization.new_role(self.BLUE)
        who = organization.administrator().assume(first, Tags=tags(Team="blue")).assume(second)
        assert refusal(who.client("ssm").describe_parameters).code == "AccessDeniedException"


class TestSourceIdentity:
    """It stays with whoever has it, through a chain of roles, too."""

    ALICE = statement("Allow", PARAMETERS, Condition={"StringEquals": {"aws:SourceIdentity": "alice"}})

    def new_link(self, organization: Organization, *statements: dict[str, Any]) -> str:
        """A role that can be assumed with a source identity."""
        trust = trusting(OWN_ACCOUNT, action=["sts:AssumeRole", "sts:SetSourceIdentity"])
        return organization.new_role(*statements, AssumeRolePolicyDocument=trust)

    def alice(self, organization: Organization, *actions: str) -> Actor:
        role = self.new_link(organization, statement("Allow", *actions))
        return organization.administrator().assume(role, SourceIdentity="alice")

    @pytest.mark.parametrize(
        ("params", "allowed"),
        [({"SourceIdentity": "alice"}, True), ({"SourceIdentity": "bob"}, False), ({}, False)],
        ids=["hers", "another", "none"],
    )
    def test_the_sessions_policies_see_it(
        self, organization: Organization, params: dict[str, str], allowed: bool
    ) -> None:
        who = organization.administrator().assume(self.new_link(organization, self.ALICE), **params)
        describe = who.client("ssm").describe_parameters
        if allowed:
            assert "Parameters" in describe()
        else:
            assert refusal(describe).code == "AccessDeniedException"

    def test_it_is_told(self, organization: Organization) -> None:
        target, sts = self.new_link(organization), organization.administrator().client("sts")
        named = {"RoleArn": target, "RoleSessionName": "tester"}
        assert sts.assume_role(**named, SourceIdentity="alice")["SourceIdentity"] == "alice"
        assert "SourceIdentity" not in sts.assume_role(**named)

    def test_the_next_session_of_a_chain_has_it(self, organization: Organization) -> None:
        who = self.alice(organization, "sts:*").assume(self.new_link(organization, self.ALICE))
        assert "Parameters" in who.client("ssm").describe_parameters()

    def test_it_cannot_be_changed(self, organization: Organization) -> None:
        refused = not_assumed(
            self.alice(organization, "sts:*"), self.new_link(organization), SourceIdentity="bob"
        )
        assert refused.status in (400, 403)

    def test_a_chain_takes_the_permission_in_the_next_trust_policy(self, organization: Organization) -> None:
        who, target = self.alice(organization, "sts:*"), organization.new_role()
        assert not_assumed(who, target) == denied(who, "sts:SetSourceIdentity", target)

    def test_a_chain_takes_the_permission_in_the_callers_policies(self, organization: Organization) -> None:
        who, target = self.alice(organization, "sts:AssumeRole"), self.new_link(organization)
        reason = " because no identity-based policy allows the sts:SetSourceIdentity action"
        assert not_assumed(who, target) == denied(who, "sts:SetSourceIdentity", target, reason)


def test_a_trust_policy_can_ask_for_the_organization(organization: Organization) -> None:
    client = organization.operator.client("organizations")
    ours = client.describe_organization()["Organization"]["Id"]
    target, others = (
        new_target(organization, EVERYBODY, StringEquals={"aws:PrincipalOrgID": known})
        for known in (ours, "o-a1b2c3d4e5")
    )
    for who in (organization.operator, organization.administrator(MAIN_ACCOUNT)):
        assert who.assume(target).account == MEMBER_ACCOUNT
        assert not_assumed(who, others) == denied(who, "sts:AssumeRole", others)


def test_so_can_it_ask_for_the_place_in_it(organization: Organization) -> None:
    client = organization.operator.client("organizations")
    ours = client.describe_organization()["Organization"]["Id"]
    root = client.list_roots()["Roots"][0]["Id"]
    target, others = (
        new_target(organization, EVERYBODY, **{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [path]}})
        for path in (f"{ours}/{root}/*", f"{ours}/{root}/ou-*")
    )
    who = organization.administrator(MAIN_ACCOUNT)
    assert who.assume(target).account == MEMBER_ACCOUNT
    assert not_assumed(who, others) == denied(who, "sts:AssumeRole", others)


def test_a_perimeter_is_around_the_resources_of_ones_own(organization: Organization) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""
    described = organization.operator.client("organizations").describe_organization()["Organization"]
    theirs = organization.new_role(account=MAIN_ACCOUNT)

    def within(key: str, value: str) -> Actor:
        outside = statement("Deny", "*", Condition={"StringNotEqualsIfExists": {key: value}})
        return organization.somebody(statement("Allow", "*"), outside)

    within("aws:ResourceOrgID", described["Id"]).client("s3").list_buckets()
    denied = refusal(within("aws:ResourceOrgID", "o-a1b2c3d4e5").client("s3").list_buckets)
    assert "with an explicit deny in an identity-based policy" in denied.text
    who = within("aws:ResourceAccount", MEMBER_ACCOUNT)
    who.client("s3").list_buckets()
    assert "with an explicit deny in an identity-based policy" in not_assumed(who, theirs).text


# What cannot be passed along.


@pytest.mark.parametrize(
    "params",
    [
        {"Tags": tags(team="blue"), "TransitiveTagKeys": ["team"]},
        {"SerialNumber": f"arn:aws:iam::{MEMBER_ACCOUNT}:mfa/alice", "TokenCode": "123456"},
        {"TokenCode": "123456"},
        {
            "ProvidedContexts": [
                {
                    "ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
                    "ContextAssertion": "x" * 4,
                }
            ]
        },
    ],
    ids="+".join,
)
def test_what_the_sandbox_does_not_offer_is_refused(
    organization: Organization, params: dict[str, Any]
) -> None:
    target = new_target(organization, OWN_ACCOUNT, "sts:TagSession")
    refused = not_assumed(organization.administrator(), target, **params)
    assert (refused.code, refused.status) == ("NotImplemented", 501)
    assert any(name in refused.text for name in params)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        pytest.param({"Tags": tags(**{f"k{n}": "v" for n in range(51)})}, "ValidationError", id="51 tags"),
        pytest.param({"Tags": tags(**{"k" * 129: "v"})}, "ValidationError", id="long key"),
        pytest.param({"Tags": tags(k="v" * 257)}, "ValidationError", id="long value"),
        pytest.param({"Tags": tags(k="semi;colon")}, "ValidationError", id="character of a value"),
        pytest.param({"Tags": tags(k="v") + tags(k="w")}, "InvalidParameterValue", id="a key twice"),
        pytest.param({"Tags": tags(k="v", K="w")}, "InvalidParameterValue", id="a key twice in another case"),
        pytest.param({"SourceIdentity": "x" * 65}, "ValidationError", id="long source identity"),
        pytest.param({"SourceIdentity": "aws:alice"}, "ValidationError", id="reserved source identity"),
        pytest.param({"SourceIdentity": "with space"}, "ValidationError", id="space in a source identity"),
    ],
)
def test_what_breaks_its_constraint_is_refused(
    organization: Organization, params: dict[str, Any], code: str
) -> None:
    target = new_target(organization, OWN_ACCOUNT, "sts:TagSession", "sts:SetSourceIdentity")
    refused = not_assumed(organization.administrator(), target, **params)
    assert (refused.code, refused.status) == (code, 400)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"Tags": tags(**{f"k{n}": "v" for n in range(50)})}, id="50 tags"),
        pytest.param({"Tags": tags(**{"k" * 128: "v" * 256})}, id="long tag"),
        pytest.param({"Tags": tags(k="")}, id="empty value"),
        pytest.param({"SourceIdentity": "x" * 64}, id="long source identity"),
        pytest.param({"SourceIdentity": "a.b,c+d=e@f-g_1"}, id="characters of a source identity"),
    ],
)
def test_what_keeps_within_its_constraint_is_passed(
    organization: Organization, params: dict[str, Any]
) -> None:
    target = new_target(organization, OWN_ACCOUNT, "sts:TagSession", "sts:SetSourceIdentity")
    assert organization.administrator().assume(target, **params).account == MEMBER_ACCOUNT
