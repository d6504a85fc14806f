"""Which kind of policy a denial blames, policy by policy and in the words of each kind of service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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

from xacct_kit.sandbox.layout import EXTERNAL_ID, MAIN_ACCOUNT, MEMBER_ACCOUNT

ACCOUNT = "400000000000"
TRUSTING_ROLE = role_arn(ACCOUNT, "CrossAccountExecutionRole")
OWN_ACCOUNT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@dataclass(frozen=True)
class Call:
    """A call, and how its service tells of a denial."""

    service: str
    operation: str
    action: str
    code: str
    status: int
    on_resource: str = ""
    prefix: str = ""
    params: dict[str, str] = field(default_factory=dict)

    def answered(self, who: Actor) -> bool:
        answer = getattr(who.client(self.service), self.operation)(**self.params)
        return bool(answer["ResponseMetadata"]["HTTPStatusCode"] == 200)

    def refused(self, who: Actor) -> Refusal:
        return refusal(getattr(who.client(self.service), self.operation), **self.params)

    def denied(self, who: Actor, reason: str) -> Refusal:
        text = f"User: {who.arn} is not authorized to perform: {self.action}{self.on_resource}{reason}"
        return Refusal(self.code, self.status, self.prefix + text)


CALLS = [
    Call("iam", "list_roles", "iam:ListRoles", "AccessDenied", 403, f" on resource: {role_arn(ACCOUNT, '')}"),
    Call(
        "ssm",
        "describe_parameters",
        "ssm:DescribeParameters",
        "AccessDeniedException",
        400,
        " on resource: *",
    ),
    Call(
        "ec2",
        "describe_regions",
        "ec2:DescribeRegions",
        "UnauthorizedOperation",
        403,
        prefix="You are not authorized to perform this operation. ",
    ),
    Call("s3", "list_buckets", "s3:ListAllMyBuckets", "AccessDenied", 403),
    Call(
        "sts",
        "assume_role",
        "sts:AssumeRole",
        "AccessDenied",
        403,
        f" on resource: {TRUSTING_ROLE}",
        params={"RoleArn": TRUSTING_ROLE, "RoleSessionName": "tester", "ExternalId": EXTERNAL_ID},
    ),
]

# What a policy says of an action. What a table below does not give allows everything.
Contents = Callable[[str], str]


def everything(action: str) -> str:
    return document(statement("Allow", "*"))


def everything_else(action: str) -> str:
    return document({"Effect": "Allow", "NotAction": action, "Resource": "*"})


def all_but(action: str) -> str:
    return document(statement("Allow", "*"), statement("Deny", action))


def none_allows(kind: str) -> str:
    return f" because no {kind} allows the {{action}} action"


def one_denies(kind: str) -> str:
    return f" with an explicit deny in {kind}"


# Where the policies are, and the reason; a policy that has an ARN goes by its place.
DENIALS: Mapping[str, tuple[dict[str, Contents], str]] = {
    "none of the role": ({"inline": everything_else}, none_allows("identity-based policy")),
    "inline policy": ({"inline": all_but}, one_denies("an identity-based policy")),
    "attached policy": ({"attached": all_but}, one_denies("an identity-based policy: {attached}")),
    "attached policy without inline allowance": (
        {"inline": everything_else, "attached": all_but},
        one_denies("an identity-based policy: {attached}"),
    ),
    "boundary that does not allow": ({"boundary": everything_else}, none_allows("permissions boundary")),
    "boundary that denies": ({"boundary": all_but}, one_denies("a permissions boundary: {boundary}")),
    "inline session policy that does not allow": (
        {"session": everything_else},
        none_allows("session policy"),
    ),
    "inline session policy that denies": ({"session": all_but}, one_denies("a session policy")),
    "managed session policy that does not allow": (
        {"managed session": everything_else},
        none_allows("session policy"),
    ),
    "managed session policy that denies": (
        {"managed session": all_but},
        one_denies("a session policy: {managed session}"),
    ),
    "managed session policy beside an inline one": (
        {"session": everything, "managed session": all_but},
        one_denies("a session policy: {managed session}"),
    ),
    "inline session policy beside a managed one": (
        {"session": all_but, "managed session": everything},
        one_denies("a session policy"),
    ),
    **{
        f"SCP of {place} that does not allow": (
            {place: everything_else},
            none_allows("service control policy"),
        )
        for place in ("root", "unit", "account")
    },
    **{
        f"SCP of {place} that denies": (
            {place: all_but},
            one_denies(f"a service control policy: {{{place}}}"),
        )
        for place in ("root", "unit", "account")
    },
}


@pytest.fixture(scope="module")
def unit(organization: Organization) -> Iterator[str]:
    """A unit that the account is in as long as the tests here run."""
    client = organization.operator.client("organizations")
    root = client.list_roots()["Roots"][0]["Id"]
    made = client.create_organizational_unit(ParentId=root, Name=unique("unit"))
    unit_id = made["OrganizationalUnit"]["Id"]
    client.move_account(AccountId=ACCOUNT, SourceParentId=root, DestinationParentId=unit_id)
    yield unit_id
    client.move_account(AccountId=ACCOUNT, SourceParentId=unit_id, DestinationParentId=root)


@pytest.fixture
def places(root: str, unit: str) -> dict[str, str]:
    """What an SCP can be attached to."""
    return {"root": root, "unit": unit, "account": ACCOUNT}


def managed(organization: Organization, text: str) -> str:
    iam = organization.administrator(ACCOUNT).client("iam")
    arn: str = iam.create_policy(PolicyName=unique("policy"), PolicyDocument=text)["Policy"]["Arn"]
    return arn


def somebody(organization: Organization, texts: Mapping[str, str], arns: Mapping[str, str]) -> Actor:
    """A session with policies by their places."""
    boundary = {"PermissionsBoundary": arns["boundary"]} if "boundary" in arns else {}
    role = organization.new_role(account=ACCOUNT, **boundary)
    name, administrator = role.rpartition("/")[2], organization.administrator(ACCOUNT)
    iam = administrator.client("iam")
    inline = texts.get("inline", everything(""))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=inline)
    if "attached" in arns:
        iam.attach_role_policy(RoleName=name, PolicyArn=arns["attached"])
    session: dict[str, Any] = {"Policy": texts["session"]} if "session" in texts else {}
    if "managed session" in arns:
        session["PolicyArns"] = [{"arn": arns["managed session"]}]
    return administrator.assume(role, **session)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.service)
@pytest.mark.parametrize(("policies", "reason"), DENIALS.values(), ids=DENIALS.keys())
def test_a_denial_names_the_kind_of_policy_and_its_arn_if_it_has_one(
    organization: Organization,
    scp: Callable[..., str],
    places: dict[str, str],
    call: Call,
    policies: dict[str, Contents],
    reason: str,
) -> None:
    texts = {place: contents(call.action) for place, contents in policies.items()}
    arns = {
        place: managed(organization, text)
        for place, text in texts.items()
        if place in ("attached", "boundary", "managed session")
    }
    who = somebody(organization, texts, arns)
    for place in texts.keys() & places.keys():
        arns[place] = scp(texts[place], places[place], alone=True)
    assert call.refused(who) == call.denied(who, reason.format(action=call.action, **arns))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.service)
def test_what_nothing_denies_is_answered(
    organization: Organization, scp: Callable[..., str], places: dict[str, str], call: Call
) -> None:
    text = everything(call.action)
    texts = dict.fromkeys(("inline", "session"), text)
    arns = {place: managed(organization, text) for place in ("attached", "boundary", "managed session")}
    who = somebody(organization, texts, arns)
    for target in places.values():
        scp(text, target, alone=True)
    assert call.answered(who)


def test_a_policy_of_aws_is_named_too(organization: Organization) -> None:
    deny_all = "arn:aws:iam::aws:policy/AWSDenyAll"
    who = organization.somebody(statement("Allow", "*"), account=ACCOUNT)
    iam = organization.administrator(ACCOUNT).client("iam")
    iam.attach_role_policy(RoleName=who.arn.split("/")[1], PolicyArn=deny_all)
    reason = f" with an explicit deny in an identity-based policy: {deny_all}"
    assert CALLS[1].refused(who) == CALLS[1].denied(who, reason)


def test_a_managed_policy_of_a_users_group_is_named(organization: Organization) -> None:
    user, group = organization.new_user(statement("Allow", "*"), account=ACCOUNT), unique("group")
    policy = organization.new_policy(statement("Deny", "ssm:*"), account=ACCOUNT)
    iam = organization.administrator(ACCOUNT).client("iam")
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    iam.add_user_to_group(GroupName=group, UserName=user.arn.rpartition("/")[2])
    reason = f" with an explicit deny in an identity-based policy: {policy}"
    assert CALLS[1].refused(user) == CALLS[1].denied(user, reason)


def test_of_several_policies_the_one_that_denies_is_named(organization: Organization) -> None:
    policies = [
        organization.new_policy(statement(effect, action), account=ACCOUNT)
        for effect, action in (("Allow", "*"), ("Deny", "s3:*"), ("Deny", "ssm:*"), ("Allow", "ssm:*"))
    ]
    role = organization.new_role(statement("Allow", "*"), account=ACCOUNT)
    session = [{"arn": policy} for policy in policies]
    who = organization.administrator(ACCOUNT).assume(role, PolicyArns=session)
    reason = f" with an explicit deny in a session policy: {policies[2]}"
    assert CALLS[1].refused(who) == CALLS[1].denied(who, reason)


# The trust policy is the resource's. It is not told of, so that nobody can find out which roles there are.


@pytest.mark.parametrize(
    "trust",
    [
        trusting({"Service": "lambda.amazonaws.com"}),
        trusting(OWN_ACCOUNT, StringEquals={"sts:ExternalId": "known"}),
        document(
            *(
                {"Effect": effect, "Principal": OWN_ACCOUNT, "Action": "sts:AssumeRole"}
                for effect in ("Allow", "Deny")
            )
        ),
    ],
    ids=["nobody is trusted", "condition does not hold", "explicit deny"],
)
@pytest.mark.parametrize("account", [ACCOUNT, MEMBER_ACCOUNT, MAIN_ACCOUNT])
def test_a_trust_policy_is_never_named(organization: Organization, trust: str, account: str) -> None:
    target = organization.new_role(account=ACCOUNT, AssumeRolePolicyDocument=trust)
    who = organization.administrator(account)
    refused = refusal(who.client("sts").assume_role, RoleArn=target, RoleSessionName="tester")
    text = f"User: {who.arn} is not authorized to perform: sts:AssumeRole on resource: {target}"
    assert refused == Refusal("AccessDenied", 403, text)
