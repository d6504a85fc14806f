"""The organization: its accounts, who may ask for them, and that each keeps to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gate_clients import Actor, Organization, Refusal, created, refusal, role_arn, statement, unique

from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT, Layout

OTHER_MEMBER = "400000000000"


@pytest.fixture
def client(organization: Organization) -> Any:
    return organization.operator.client("organizations")


@pytest.mark.parametrize(
    ("accounts", "members"),
    [(1, ("333333333333",)), (3, ("333333333333", "400000000000", "400000000001")), (0, ("333333333333",))],
)
def test_the_ids_of_member_accounts_are_fixed(accounts: int, members: tuple[str, ...]) -> None:
    assert Layout(accounts=accounts).members == members


def test_it_has_the_accounts_of_its_layout(client: Any) -> None:
    accounts = client.list_accounts()["Accounts"]
    assert {account["Id"]: account["Name"] for account in accounts} == {
        MANAGEMENT_ACCOUNT: "master",
        MAIN_ACCOUNT: "main",
        MEMBER_ACCOUNT: f"member-{MEMBER_ACCOUNT}",
        OTHER_MEMBER: f"member-{OTHER_MEMBER}",
    }
    assert {account["Status"] for account in accounts} == {"ACTIVE"}


def test_accounts_come_in_pages(client: Any) -> None:
    pages = [*client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 3})]
    assert [len(page["Accounts"]) for page in pages] == [3, 1]


def test_the_management_account_owns_it(client: Any) -> None:
    described = client.describe_organization()["Organization"]
    assert described["MasterAccountId"] == MANAGEMENT_ACCOUNT
    assert described["FeatureSet"] == "ALL"


def test_every_account_is_below_the_root(client: Any) -> None:
    root = client.list_roots()["Roots"][0]
    assert {"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"} in root["PolicyTypes"]
    children = client.list_accounts_for_parent(ParentId=root["Id"])["Accounts"]
    assert {account["Id"] for account in children} >= {MAIN_ACCOUNT, MEMBER_ACCOUNT}


def test_an_account_that_was_closed_says_so_and_is_shut(organization: Organization, client: Any) -> None:
    account = created(client, Email="new@example.com", AccountName="new")["AccountId"]
    client.close_account(AccountId=account)
    described = client.describe_account(AccountId=account)["Account"]
    assert (described["State"], described["Status"]) == ("CLOSED", "SUSPENDED")
    into = {"RoleArn": role_arn(account, "OrganizationAccountAccessRole"), "RoleSessionName": "tester"}
    assert refusal(organization.operator.client("sts").assume_role, **into).code == "AccessDenied"
    client.remove_account_from_organization(AccountId=account)


def test_what_an_organization_must_have_stays(client: Any) -> None:
    for call, params in (
        (client.close_account, {"AccountId": MANAGEMENT_ACCOUNT}),
        (client.detach_policy, {"PolicyId": "p-FullAWSAccess", "TargetId": MEMBER_ACCOUNT}),
    ):
        told = refusal(call, **params)
        assert (told.code, told.status) == ("ConstraintViolationException", 400)


def test_a_member_may_ask_which_organization_it_is_in(organization: Organization) -> None:
    described = organization.administrator().client("organizations").describe_organization()
    assert described["Organization"]["MasterAccountId"] == MANAGEMENT_ACCOUNT


@pytest.mark.parametrize("account", [MAIN_ACCOUNT, MEMBER_ACCOUNT])
@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("list_accounts", {}),
        ("list_roots", {}),
        ("describe_account", {"AccountId": MEMBER_ACCOUNT}),
        ("list_policies", {"Filter": "SERVICE_CONTROL_POLICY"}),
        ("detach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": MEMBER_ACCOUNT}),
        ("create_account", {"Email": "new@example.com", "AccountName": "new"}),
        ("close_account", {"AccountId": OTHER_MEMBER}),
        ("remove_account_from_organization", {"AccountId": MEMBER_ACCOUNT}),
        ("delete_organization", {}),
    ],
)
def test_a_member_may_not_ask_what_is_the_management_accounts(
    organization: Organization, account: str, operation: str, params: dict[str, str]
) -> None:
    call = getattr(organization.administrator(account).client("organizations"), operation)
    text = "You don't have permissions to access this resource."
    assert refusal(call, **params) == Refusal("AccessDeniedException", 400, text)


def test_a_policy_that_would_not_be_enforced_is_not_kept(client: Any) -> None:
    kind = "TAG_POLICY"
    refused = refusal(client.create_policy, Content="{}", Description="", Name=unique("tags"), Type=kind)
    assert (refused.code, refused.status) == ("NotImplemented", 501)


# Each account keeps to itself.


def test_every_account_has_its_own_roles(organization: Organization) -> None:
    def names(account: str) -> set[str]:
        iam = organization.administrator(account).client("iam")
        return {
            role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]
        }

    assert {"ApiHandlerRole", "WorkflowLoopRunnerRole", "NotebookRole"} <= names(MAIN_ACCOUNT)
    assert "CrossAccountExecutionRole" not in names(MAIN_ACCOUNT)
    for member in (MEMBER_ACCOUNT, OTHER_MEMBER):
        assert "CrossAccountExecutionRole" in names(member)
        assert "ApiHandlerRole" not in names(member)


def test_every_account_has_its_own_stacks(organization: Organization) -> None:
    def stack(account: str) -> str:
        cloudformation = organization.administrator(account).client("cloudformation")
        described = cloudformation.describe_stacks(StackName="onboard-account")["Stacks"][0]
        assert described["StackStatus"] == "CREATE_COMPLETE"
        return str(described["StackId"])

    assert stack(MEMBER_ACCOUNT).split(":")[4] == MEMBER_ACCOUNT
    assert stack(OTHER_MEMBER).split(":")[4] == OTHER_MEMBER
    main = organization.administrator(MAIN_ACCOUNT).client("cloudformation")
    assert refusal(main.describe_stacks, StackName="onboard-account").code == "ValidationError"


def test_every_account_has_its_own_parameters(organization: Organization) -> None:
    name = f"/{unique('own')}"
    organization.administrator().client("ssm").put_parameter(Name=name, Value="own", Type="String")
    stranger = organization.administrator(OTHER_MEMBER).client("ssm")
    assert refusal(stranger.get_parameter, Name=name).code == "ParameterNotFound"


STRANGERS = [
    pytest.param(lambda organization: organization.administrator(OTHER_MEMBER), id="another member"),
    pytest.param(lambda organization: organization.administrator(MAIN_ACCOUNT), id="main"),
    pytest.param(lambda organization: organization.operator, id="management"),
]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_bucket_is_not_open_to_another_account(
    organization: Organization, stranger: Callable[[Organization], Actor]
) -> None:
    bucket, owner = unique("bucket"), organization.administrator().client("s3")
    owner.create_bucket(Bucket=bucket)
    owner.put_object(Bucket=bucket, Key="secret", Body=b"secret")
    s3 = stranger(organization).client("s3")
    denied = Refusal("AccessDenied", 403, "Access Denied")
    assert refusal(s3.get_object, Bucket=bucket, Key="secret") == denied
    assert refusal(s3.list_objects_v2, Bucket=bucket) == denied
    assert refusal(s3.put_object, Bucket=bucket, Key="theirs", Body=b"") == denied
    assert refusal(s3.delete_object, Bucket=bucket, Key="secret") == denied
    assert refusal(s3.delete_bucket, Bucket=bucket) == denied
    assert refusal(s3.head_bucket, Bucket=bucket).status == 403
    assert bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert owner.get_object(Bucket=bucket, Key="secret")["Body"].read() == b"secret"


def test_a_bucket_of_another_account_keeps_its_name(organization: Organization) -> None:
    bucket = {"Bucket": unique("bucket")}
    organization.administrator().client("s3").create_bucket(**bucket)
    taken = refusal(organization.administrator(OTHER_MEMBER).client("s3").create_bucket, **bucket)
    assert (taken.code, taken.status) == ("BucketAlreadyExists", 409)


def test_an_object_cannot_be_copied_out_of_another_account(organization: Organization) -> None:
    source, target = unique("source"), unique("target")
    owner = organization.administrator().client("s3")
    thief = organization.administrator(OTHER_MEMBER).client("s3")
    owner.create_bucket(Bucket=source)
    owner.put_object(Bucket=source, Key="secret", Body=b"secret")
    thief.create_bucket(Bucket=target)
    copy = {"Bucket": target, "Key": "stolen", "CopySource": {"Bucket": source, "Key": "secret"}}
    assert refusal(thief.copy_object, **copy).code == "AccessDenied"
    assert "Contents" not in thief.list_objects_v2(Bucket=target)


def test_a_policy_of_one_account_gives_nothing_in_another(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "*"))
    elsewhere = f"arn:aws:iam::{OTHER_MEMBER}:role/OrganizationAccountAccessRole"
    assume = who.client("sts").assume_role
    assert refusal(assume, RoleArn=elsewhere, RoleSessionName="tester").code == "AccessDenied"
