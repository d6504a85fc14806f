"""What the ten services answer to whom may, may not, and is not who he says; and which policies count."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from gate_clients import (
    Actor,
    Organization,
    Refusal,
    document,
    outcome,
    refusal,
    role_arn,
    statement,
    trusting,
    unique,
)

from xacct_kit.sandbox.layout import EXTERNAL_ID, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT

JANUARY = {"Start": "2026-01-01", "End": "2026-02-01"}
OTHER_MEMBER = "400000000000"
BAD_TOKEN = "The security token included in the request is invalid."
BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A call, and what a refusal of it calls the action and the resource."""

    service: str
    operation: str
    action: str
    resource: str = " on resource: *"
    account: str = MEMBER_ACCOUNT
    params: dict[str, Any] = dataclasses.field(default_factory=dict)

    def call(self, who: Actor) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(who.client(self.service), self.operation)
        return call

    @property
    def protocol(self) -> str:
        return PROTOCOLS.get(self.service, "json")


PROTOCOLS = {"cloudformation": "query", "ec2": "ec2", "iam": "query", "s3": "rest-xml", "sts": "query"}
CROSS_ACCOUNT_ROLE = role_arn(MEMBER_ACCOUNT, "CrossAccountExecutionRole")

CASES = [
    Case("cloudformation", "list_stacks", "cloudformation:ListStacks"),
    Case(
        "ce",
        "get_cost_and_usage",
        "ce:GetCostAndUsage",
        f" on resource: arn:aws:ce:us-east-1:{MEMBER_ACCOUNT}:/GetCostAndUsage",
        params={"TimePeriod": JANUARY, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]},
    ),
    Case("ec2", "describe_regions", "ec2:DescribeRegions", ""),
    Case("emr", "list_clusters", "elasticmapreduce:ListClusters"),
    Case("iam", "list_roles", "iam:ListRoles", f" on resource: arn:aws:iam::{MEMBER_ACCOUNT}:role/"),
    Case("s3", "list_buckets", "s3:ListAllMyBuckets", ""),
    Case("sagemaker", "list_notebook_instances", "sagemaker:ListNotebookInstances"),
    Case("ssm", "describe_parameters", "ssm:DescribeParameters"),
    Case(
        "sts",
        "assume_role",
        "sts:AssumeRole",
        f" on resource: {CROSS_ACCOUNT_ROLE}",
        params={"RoleArn": CROSS_ACCOUNT_ROLE, "RoleSessionName": "tester", "ExternalId": EXTERNAL_ID},
    ),
    Case("organizations", "list_accounts", "organizations:ListAccounts", account=MANAGEMENT_ACCOUNT),
]

each_service = pytest.mark.parametrize("case", CASES, ids=lambda case: case.service)

# By protocol: what a denial is called, and what bad credentials are.
DENIED = {
    "ec2": ("UnauthorizedOperation", 403, "You are not authorized to perform this operation. "),
    "json": ("AccessDeniedException", 400, ""),
    "query": ("AccessDenied", 403, ""),
    "rest-xml": ("AccessDenied", 403, ""),
}
AUTH_FAILURE = Refusal("AuthFailure", 401, "AWS was not able to validate the provided access credentials")
UNKNOWN_KEY = {
    "ec2": AUTH_FAILURE,
    "json": Refusal("UnrecognizedClientException", 400, BAD_TOKEN),
    "query": Refusal("InvalidClientTokenId", 403, BAD_TOKEN),
    "rest-xml": Refusal(
        "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."
    ),
}
WRONG_SECRET = {
    "ec2": AUTH_FAILURE,
    "json": Refusal("InvalidSignatureException", 400, BAD_SIGNATURE),
    "query": Refusal("SignatureDoesNotMatch", 403, BAD_SIGNATURE),
    "rest-xml": Refusal(
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing method.",
    ),
}
WRONG_TOKEN = UNKNOWN_KEY | {
    "rest-xml": Refusal("InvalidToken", 400, "The provided token is malformed or otherwise invalid.")
}


def denied(case: Case, who: Actor, reason: str) -> Refusal:
    code, status, prefix = DENIED[case.protocol]
    text = f"User: {who.arn} is not authorized to perform: {case.action}{case.resource}{reason}"
    return Refusal(code, status, prefix + text)


def somebody(organization: Organization, case: Case, *statements: dict[str, Any]) -> Actor:
    """A session of the case's account; in the management account a user, for want of an access role."""
    if case.account == MEMBER_ACCOUNT:
        return organization.somebody(*statements)
    return new_user(organization.operator, *statements)


def new_user(administrator: Actor, *statements: dict[str, Any]) -> Actor:
    name, iam = unique("user"), administrator.client("iam")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return dataclasses.replace(
        administrator,
        access_key=key["AccessKeyId"],
        secret=key["SecretAccessKey"],
        token=None,
        arn=arn,
        _clients={},
    )


@each_service
def test_what_is_allowed_is_answered(organization: Organization, case: Case) -> None:
    who = somebody(organization, case, statement("Allow", case.action))
    assert case.call(who)(**case.params)["ResponseMetadata"]["HTTPStatusCode"] == 200


@each_service
def test_what_is_not_allowed_is_refused(organization: Organization, case: Case) -> None:
    who = somebody(organization, case, statement("Allow", "sts:GetAccessKeyInfo"))
    reason = f" because no identity-based policy allows the {case.action} action"
    assert refusal(case.call(who), **case.params) == denied(case, who, reason)


@each_service
def test_what_is_denied_is_refused_whatever_else_allows_it(organization: Organization, case: Case) -> None:
    who = somebody(organization, case, statement("Allow", "*"), statement("Deny", case.action))
    reason = " with an explicit deny in an identity-based policy"
    assert refusal(case.call(who), **case.params) == denied(case, who, reason)


@each_service
def test_a_key_that_nobody_has_is_refused(organization: Organization, case: Case) -> None:
    who = dataclasses.replace(organization.operator, access_key="AKIAIOSFODNN7EXAMPLE", _clients={})
    assert refusal(case.call(who), **case.params) == UNKNOWN_KEY[case.protocol]


@each_service
def test_a_wrong_secret_is_refused(organization: Organization, case: Case) -> None:
    who = dataclasses.replace(organization.operator, secret="not-the-operator's", _clients={})
    assert refusal(case.call(who), **case.params) == WRONG_SECRET[case.protocol]


@each_service
@pytest.mark.parametrize("token", ["wrong", None], ids=["wrong", "none"])
def test_a_token_that_is_not_the_keys_is_refused(
    organization: Organization, case: Case, token: str | None
) -> None:
    who = dataclasses.replace(organization.administrator(), token=token, _clients={})
    assert refusal(case.call(who), **case.params) == WRONG_TOKEN[case.protocol]


@each_service
def test_a_key_is_of_no_use_in_another_partition(organization: Organization, case: Case) -> None:
    who = dataclasses.replace(organization.administrator(), region="cn-north-1", _clients={})
    assert refusal(case.call(who), **case.params) == UNKNOWN_KEY[case.protocol]


def test_who_one_is_may_be_asked_by_everybody(organization: Organization) -> None:
    who = organization.somebody(statement("Deny", "*"))
    assert who.client("sts").get_caller_identity()["Arn"] == who.arn


def test_the_operator_is_a_user_of_the_management_account(organization: Organization) -> None:
    identity = organization.operator.client("sts").get_caller_identity()
    assert identity["Account"] == MANAGEMENT_ACCOUNT
    assert identity["Arn"] == f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:user/operator"


def test_a_key_that_was_made_inactive_is_refused(organization: Organization) -> None:
    user = organization.new_user(statement("Allow", "*"))
    sts = user.client("sts")
    assert sts.get_caller_identity()["Arn"] == user.arn
    name = user.arn.rpartition("/")[2]
    organization.administrator().client("iam").update_access_key(
        UserName=name, AccessKeyId=user.access_key, Status="Inactive"
    )
    assert refusal(sts.get_caller_identity) == UNKNOWN_KEY["query"]


# What the resource of a refusal is called.

ROLE = role_arn(MEMBER_ACCOUNT, "Wanted")
POLICY = f"arn:aws:iam::{MEMBER_ACCOUNT}:policy/Wanted"
SSM = f"arn:aws:ssm:us-east-1:{MEMBER_ACCOUNT}:parameter"

RESOURCES = [
    Case("iam", "get_role", "iam:GetRole", " on resource: role Wanted", params={"RoleName": "Wanted"}),
    Case("iam", "get_user", "iam:GetUser", " on resource: user Wanted", params={"UserName": "Wanted"}),
    Case(
        "iam", "get_policy", "iam:GetPolicy", f" on resource: policy {POLICY}", params={"PolicyArn": POLICY}
    ),
    Case(
        "iam",
        "create_role",
        "iam:CreateRole",
        f" on resource: {ROLE}",
        params={"RoleName": "Wanted", "AssumeRolePolicyDocument": trusting({"AWS": MEMBER_ACCOUNT})},
    ),
    Case("ssm", "get_parameter", "ssm:GetParameter", f" on resource: {SSM}/a/b", params={"Name": "/a/b"}),
    Case(
        "ssm",
        "get_parameters",
        "ssm:GetParameters",
        f" on resource: {SSM}/first",
        params={"Names": ["first", "b"]},
    ),
    Case(
        "emr",
        "describe_cluster",
        "elasticmapreduce:DescribeCluster",
        f" on resource: arn:aws:elasticmapreduce:us-east-1:{MEMBER_ACCOUNT}:cluster/j-1",
        params={"ClusterId": "j-1"},
    ),
    Case(
        "sagemaker",
        "describe_notebook_instance",
        "sagemaker:DescribeNotebookInstance",
        f" on resource: arn:aws:sagemaker:us-east-1:{MEMBER_ACCOUNT}:notebook-instance/Wanted",
        params={"NotebookInstanceName": "Wanted"},
    ),
    Case(
        "cloudformation",
        "describe_stacks",
        "cloudformation:DescribeStacks",
        f" on resource: arn:aws:cloudformation:us-east-1:{MEMBER_ACCOUNT}:stack/wanted/*",
        params={"StackName": "wanted"},
    ),
    Case(
        "s3", "list_objects_v2", "s3:ListBucket", ' on resource: "arn:aws:s3:::b-1"', params={"Bucket": "b-1"}
    ),
    Case(
        "s3",
        "get_object",
        "s3:GetObject",
        ' on resource: "arn:aws:s3:::b-1/a/b c"',
        params={"Bucket": "b-1", "Key": "a/b c"},
    ),
    Case(
        "s3",
        "delete_objects",
        "s3:DeleteObject",
        ' on resource: "arn:aws:s3:::b-1/k"',
        params={"Bucket": "b-1", "Delete": {"Objects": [{"Key": "k"}]}},
    ),
    Case(
        "s3",
        "put_bucket_encryption",
        "s3:PutEncryptionConfiguration",
        ' on resource: "arn:aws:s3:::b-1"',
        params={
            "Bucket": "b-1",
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        },
    ),
]


@pytest.fixture(scope="module")
def nobody(organization: Organization) -> Actor:
    return organization.somebody()


@pytest.mark.parametrize("case", RESOURCES, ids=lambda case: case.action)
def test_a_refusal_names_action_and_resource(nobody: Actor, case: Case) -> None:
    reason = f" because no identity-based policy allows the {case.action} action"
    assert refusal(case.call(nobody), **case.params) == denied(case, nobody, reason)


def test_a_policy_can_allow_one_resource_and_not_the_next(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "ssm:GetParameter", resource=f"{SSM}/mine/*"))
    get = who.client("ssm").get_parameter
    assert refusal(get, Name="/mine/a").code == "ParameterNotFound"
    assert refusal(get, Name="/yours/a").code == "AccessDeniedException"


def test_a_role_with_a_path_is_known_by_its_whole_arn(organization: Organization) -> None:
    arn = organization.new_role(Path="/deep/er/")
    assert "/deep/er/" in arn
    name = arn.rpartition("/")[2]
    may = organization.somebody(statement("Allow", "iam:GetRole", resource=arn))
    assert may.client("iam").get_role(RoleName=name)["Role"]["Arn"] == arn
    may_not = organization.somebody(
        statement("Allow", "iam:GetRole", resource=role_arn(MEMBER_ACCOUNT, name))
    )
    assert refusal(may_not.client("iam").get_role, RoleName=name).code == "AccessDenied"


# EC2's dry runs.


def test_a_dry_run_of_what_is_allowed_says_so_and_does_nothing(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "ec2:CreateVpc", "ec2:DescribeVpcs"))
    ec2 = who.client("ec2")
    before = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    text = "Request would have succeeded, but DryRun flag is set."
    refused = refusal(ec2.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True)
    assert refused == Refusal("DryRunOperation", 412, text)
    assert {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]} == before


def test_a_dry_run_of_what_is_not_allowed_is_refused(nobody: Actor) -> None:
    case = Case("ec2", "create_vpc", "ec2:CreateVpc", "", params={"CidrBlock": "10.9.0.0/16", "DryRun": True})
    reason = " because no identity-based policy allows the ec2:CreateVpc action"
    assert refusal(case.call(nobody), **case.params) == denied(case, nobody, reason)


def test_a_dry_run_that_is_off_is_none(organization: Organization) -> None:
    ec2 = organization.somebody(statement("Allow", "ec2:*")).client("ec2")
    made = ec2.create_vpc(CidrBlock="10.9.0.0/16", DryRun=False)["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=made)


# Which policies count.


def attach(organization: Organization, who: Actor, policy: str) -> str:
    role = who.arn.split("/")[1]
    organization.administrator().client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    return role


class TestManagedPolicies:
    def test_a_customers_counts_until_it_is_detached(self, organization: Organization) -> None:
        who = organization.somebody()
        policy = organization.new_policy(statement("Allow", "ssm:DescribeParameters"))
        role = attach(organization, who, policy)
        assert "Parameters" in who.client("ssm").describe_parameters()
        organization.administrator().client("iam").detach_role_policy(RoleName=role, PolicyArn=policy)
        assert refusal(who.client("ssm").describe_parameters).code == "AccessDeniedException"

    def test_the_default_version_counts(self, organization: Organization) -> None:
        who = organization.somebody()
        policy = organization.new_policy(statement("Allow", "ssm:DescribeParameters"))
        attach(organization, who, policy)
        iam = organization.administrator().client("iam")
        nothing = document(statement("Deny", "*"))
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=nothing)
        assert "Parameters" in who.client("ssm").describe_parameters()
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=nothing, SetAsDefault=True)
        assert refusal(who.client("ssm").describe_parameters).code == "AccessDeniedException"

    def test_read_only_access_reads_and_does_not_write(self, organization: Organization) -> None:
        who = organization.somebody()
        attach(organization, who, "arn:aws:iam::aws:policy/ReadOnlyAccess")
        assert "Roles" in who.client("iam").list_roles()
        assert refusal(who.client("iam").create_user, UserName=unique("user")).code == "AccessDenied"

    def test_administrator_access_may_everything(self, organization: Organization) -> None:
        who = organization.somebody()
        attach(organization, who, "arn:aws:iam::aws:policy/AdministratorAccess")
        assert who.client("iam").create_user(UserName=unique("user"))["User"]["Arn"]

    @pytest.mark.parametrize(
        ("arn", "code"),
        [
            ("arn:aws:iam::aws:policy/NoSuchPolicy", "NoSuchEntity"),
            ("arn:aws-cn:iam::aws:policy/ReadOnlyAccess", "NoSuchEntity"),
            ("arn:none:iam::aws:policy/ReadOnlyAccess", "NoSuchEntity"),
            ("this-is-no-arn-at-all", "NoSuchEntity"),
        ],
    )
    def test_one_that_is_not_there_cannot_be_attached(
        self, organization: Organization, arn: str, code: str
    ) -> None:
        name = organization.new_role().rpartition("/")[2]
        attach_role_policy = organization.administrator().client("iam").attach_role_policy
        assert refusal(attach_role_policy, RoleName=name, PolicyArn=arn).code == code


def test_the_policies_of_a_users_groups_count(organization: Organization) -> None:
    user, group = organization.new_user(), unique("group")
    name = user.arn.rpartition("/")[2]
    iam = organization.administrator().client("iam")
    iam.create_group(GroupName=group)
    iam.put_group_policy(
        GroupName=group,
        PolicyName="inline",
        PolicyDocument=document(statement("Allow", "ssm:DescribeParameters")),
    )
    describe = user.client("ssm").describe_parameters
    assert refusal(describe).code == "AccessDeniedException"
    iam.add_user_to_group(GroupName=group, UserName=name)
    assert "Parameters" in describe()
    iam.remove_user_from_group(GroupName=group, UserName=name)
    assert refusal(describe).code == "AccessDeniedException"


def test_a_managed_policy_of_a_user_counts(organization: Organization) -> None:
    user = organization.new_user()
    policy = organization.new_policy(statement("Allow", "ssm:DescribeParameters"))
    name = user.arn.rpartition("/")[2]
    organization.administrator().client("iam").attach_user_policy(UserName=name, PolicyArn=policy)
    assert "Parameters" in user.client("ssm").describe_parameters()


class TestPermissionsBoundary:
    def test_it_limits(self, organization: Organization) -> None:
        boundary = organization.new_policy(statement("Allow", "s3:ListAllMyBuckets"))
        who = organization.somebody(statement("Allow", "*"), PermissionsBoundary=boundary)
        assert "Buckets" in who.client("s3").list_buckets()
        refused = refusal(who.client("ssm").describe_parameters)
        assert refused.text.endswith(
            "because no permissions boundary allows the ssm:DescribeParameters action"
        )

    def test_its_explicit_deny_is_named(self, organization: Organization) -> None:
        boundary = organization.new_policy(statement("Allow", "*"), statement("Deny", "ssm:*"))
        who = organization.somebody(statement("Allow", "*"), PermissionsBoundary=boundary)
        refused = refusal(who.client("ssm").describe_parameters)
        assert refused.text.endswith(f"with an explicit deny in a permissions boundary: {boundary}")

    def test_one_of_aws_limits_too(self, organization: Organization) -> None:
        boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        who = organization.somebody(statement("Allow", "*"), PermissionsBoundary=boundary)
        assert "Roles" in who.client("iam").list_roles()
        refused = refusal(who.client("iam").create_user, UserName=unique("user"))
        assert "because no permissions boundary allows the iam:CreateUser action" in refused.text

    def test_it_gives_nothing(self, organization: Organization) -> None:
        boundary = organization.new_policy(statement("Allow", "*"))
        who = organization.somebody(PermissionsBoundary=boundary)
        assert "no identity-based policy" in refusal(who.client("s3").list_buckets).text

    def test_it_counts_from_when_it_is_put_until_it_is_deleted(self, organization: Organization) -> None:
        who = organization.somebody(statement("Allow", "ssm:*"))
        role, iam = who.arn.split("/")[1], organization.administrator().client("iam")
        boundary = organization.new_policy(statement("Allow", "s3:*"))
        iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
        assert refusal(who.client("ssm").describe_parameters).code == "AccessDeniedException"
        iam.delete_role_permissions_boundary(RoleName=role)
        assert "Parameters" in who.client("ssm").describe_parameters()


@pytest.mark.parametrize(
    "text",
    [
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": 5, "Resource": "*"}]}',
        "[]",
        "{",
    ],
)
def test_a_policy_that_cannot_be_read_is_not_kept(organization: Organization, text: str) -> None:
    name = organization.new_role().rpartition("/")[2]
    iam = organization.administrator().client("iam")
    refused = refusal(iam.put_role_policy, RoleName=name, PolicyName="inline", PolicyDocument=text)
    assert (refused.code, refused.status) == ("MalformedPolicyDocument", 400)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []


def test_a_role_that_was_deleted_leaves_a_session_that_may_nothing(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "*"))
    name, iam = who.arn.split("/")[1], organization.administrator().client("iam")
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    assert "no identity-based policy" in refusal(who.client("s3").list_buckets).text


# Service control policies.


def denied_by(policy: str) -> str:
    return f" with an explicit deny in a service control policy: {policy}"


class TestServiceControlPolicy:
    def test_it_denies_in_the_member_that_it_is_attached_to(
        self, organization: Organization, scp: Callable[..., str]
    ) -> None:
        administrator = organization.administrator(OTHER_MEMBER)
        assert "Parameters" in administrator.client("ssm").describe_parameters()
        policy = scp(document(statement("Deny", "ssm:*")), OTHER_MEMBER)
        refused = refusal(administrator.client("ssm").describe_parameters)
        assert refused.text.endswith(denied_by(policy))
        assert "Parameters" in organization.administrator().client("ssm").describe_parameters()

    def test_it_denies_below_the_root_but_not_in_the_management_account(
        self, organization: Organization, scp: Callable[..., str], root: str
    ) -> None:
        # No other test asks for it.
        policy = scp(document(statement("Deny", "ssm:DescribePatchBaselines")), root)
        for member in (MEMBER_ACCOUNT, OTHER_MEMBER):
            refused = refusal(organization.administrator(member).client("ssm").describe_patch_baselines)
            assert refused.text.endswith(denied_by(policy))
        assert "BaselineIdentities" in organization.operator.client("ssm").describe_patch_baselines()

    def test_where_none_allows_an_action_is_denied(
        self, organization: Organization, scp: Callable[..., str]
    ) -> None:
        administrator = organization.administrator(OTHER_MEMBER)
        scp(document(statement("Allow", "s3:*")), OTHER_MEMBER, alone=True)
        assert "Buckets" in administrator.client("s3").list_buckets()
        refused = refusal(administrator.client("ssm").describe_parameters)
        assert "because no service control policy allows the ssm:DescribeParameters action" in refused.text

    def test_it_denies_in_the_unit_that_an_account_was_moved_to(
        self, organization: Organization, scp: Callable[..., str], root: str
    ) -> None:
        client = organization.operator.client("organizations")
        administrator = organization.administrator(OTHER_MEMBER)
        made = client.create_organizational_unit(ParentId=root, Name=unique("unit"))
        unit = made["OrganizationalUnit"]["Id"]
        policy = scp(document(statement("Deny", "ssm:*")), unit)
        assert "Parameters" in administrator.client("ssm").describe_parameters()
        client.move_account(AccountId=OTHER_MEMBER, SourceParentId=root, DestinationParentId=unit)
        try:
            refused = refusal(administrator.client("ssm").describe_parameters)
        finally:
            client.move_account(AccountId=OTHER_MEMBER, SourceParentId=unit, DestinationParentId=root)
        assert refused.text.endswith(denied_by(policy))

    def test_one_that_cannot_be_read_is_not_kept(self, organization: Organization) -> None:
        client = organization.operator.client("organizations")
        refused = refusal(
            client.create_policy,
            Content="{",
            Description="",
            Name=unique("scp"),
            Type="SERVICE_CONTROL_POLICY",
        )
        assert (refused.code, refused.status) == ("MalformedPolicyDocumentException", 400)


def test_a_user_has_the_id_that_was_told_when_it_was_made(organization: Organization) -> None:
    iam, name = organization.administrator().client("iam"), unique("user")
    told = iam.create_user(UserName=name)["User"]["UserId"]
    assert told.startswith("AIDA")
    assert iam.get_user(UserName=name)["User"]["UserId"] == told


@pytest.mark.parametrize(
    ("service", "allowed"),
    [("iam", True), ("ce", True), ("emr", False), ("sagemaker", False), ("ssm", False)],
)
def test_what_has_one_endpoint_is_asked_in_its_region(
    organization: Organization, service: str, allowed: bool
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html"""
    for region, expected in (("us-east-1", allowed), ("eu-west-1", not allowed)):
        there = {"StringEquals": {"aws:RequestedRegion": region}}
        who = organization.somebody(statement("Allow", "*", Condition=there)).but(region="eu-west-1")
        assert (outcome(who, service) is None) is expected
