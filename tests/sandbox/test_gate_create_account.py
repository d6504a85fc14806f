"""Creating accounts: asked for, under way for a while, then there or failed; refused as AWS refuses it.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from gate_clients import (
    COSTS,
    Actor,
    Organization,
    Refusal,
    created,
    outcome,
    refusal,
    role_arn,
    serving,
    statement,
    told,
    unique,
)

from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    MANAGEMENT_EXTERNAL_ID,
    MANAGEMENT_ROLE,
    MEMBER_ACCOUNT,
    Layout,
)
from xacct_kit.steps.waiting import attempts

SECONDS = 0.1
ACCESS_ROLE = "OrganizationAccountAccessRole"


def reasons() -> list[str]:
    """Every reason that botocore's model knows for a creation to fail."""
    model = boto3.client("organizations", region_name="us-east-1").meta.service_model
    return list(model.shape_for("CreateAccountFailureReason").enum)


def failing(reason: str) -> str:
    return f"{reason.lower()[:40]}@example.com"


EXCEPTIONS = {
    "FinalizingOrganizationException": "hasn't finished initializing. This can take up to an hour",
    "ConcurrentModificationException": "conflicts with another attempt to modify the same entity",
    "ConstraintViolationException": "exceeded the allowed number of AWS accounts",
    "TooManyRequestsException": "another request is already in progress",
}


@pytest.fixture(scope="module")
def growing(no_aws: None) -> Iterator[Organization]:
    """A sandbox where accounts are created; by their addresses some fail."""
    failures = {failing(reason): reason for reason in (*reasons(), *EXCEPTIONS)}
    with serving(Layout(account_seconds=SECONDS, account_failures=failures)) as served:
        yield served


@pytest.fixture(scope="module")
def client(growing: Organization) -> Any:
    return growing.operator.but(config=ONCE).client("organizations")


# botocore tries again whatever is refused as too much.
ONCE = boto3.session.Config(retries={"total_max_attempts": 1})


def asked(**more: Any) -> dict[str, Any]:
    name = unique("new")
    return {"AccountName": name, "Email": f"{name}@example.com", **more}


def until(answers: Callable[[], Any]) -> tuple[Any, set[Refusal]]:
    """What is answered in the end, and how it was refused before; the bound is there to end a failure."""
    end, refusals = time.monotonic() + 20, set[Refusal]()
    while True:
        try:
            return answers(), refusals
        except ClientError as error:
            if time.monotonic() > end:
                raise
            refusals.add(told(error))
            time.sleep(0.02)


def administrator(growing: Organization, account: str) -> Actor:
    found: Actor = until(lambda: growing.operator.assume(role_arn(account, ACCESS_ROLE)))[0]
    return found


def test_it_is_under_way_before_it_is_there(client: Any) -> None:
    request = asked()
    begun = client.create_account(**request)["CreateAccountStatus"]
    assert begun["State"] == "IN_PROGRESS"
    assert begun["AccountName"] == request["AccountName"]
    assert re.fullmatch(r"car-[a-z0-9]{8,32}", begun["Id"])
    assert "AccountId" not in begun
    assert request["Email"] not in {each["Email"] for each in accounts(client)}


def accounts(client: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_accounts").paginate()
    return [account for page in pages for account in page["Accounts"]]


def test_it_is_an_account_of_the_organization_then(client: Any) -> None:
    request = asked(Tags=[{"Key": "team", "Value": "genomics"}])
    made = created(client, **request)
    assert made["State"] == "SUCCEEDED"
    assert made["CompletedTimestamp"] >= made["RequestedTimestamp"]
    (account,) = [each for each in accounts(client) if each["Email"] == request["Email"]]
    assert account["Id"] == made["AccountId"]
    assert (account["Name"], account["State"]) == (request["AccountName"], "ACTIVE")
    assert client.list_tags_for_resource(ResourceId=account["Id"])["Tags"] == request["Tags"]
    root = client.list_roots()["Roots"][0]["Id"]
    assert client.list_parents(ChildId=account["Id"])["Parents"] == [{"Id": root, "Type": "ROOT"}]


@pytest.mark.parametrize("role", [None, "Administrator"])
def test_its_role_trusts_the_management_account_a_while_later(
    growing: Organization, client: Any, role: str | None
) -> None:
    made = created(client, **asked(**({"RoleName": role} if role else {})))
    arn = role_arn(made["AccountId"], role or ACCESS_ROLE)
    who, refusals = until(lambda: growing.operator.assume(arn))
    assert who.client("iam").list_roles()["Roles"]
    text = f"User: {growing.operator.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    assert refusals <= {Refusal("AccessDenied", 403, text)}


@pytest.mark.parametrize(
    ("billing", "costs"),
    [
        (
            "ALLOW",
            "Data is not available. Please try to adjust the time period. If just enabled Cost Explorer, "
            "data might not be ingested yet",
        ),
        ("DENY", "User not enabled for cost explorer access"),
    ],
)
def test_aws_is_still_setting_it_up(growing: Organization, client: Any, billing: str, costs: str) -> None:
    made = created(client, **asked(IamUserAccessToBilling=billing))
    who = administrator(growing, made["AccountId"])
    assert refusal(who.client("ce").get_cost_and_usage, **COSTS).text == costs
    for service, code in (("s3", "NotSignedUp"), ("ec2", "OptInRequired")):
        answered = outcome(who, service)
        assert answered is not None
        assert answered.code == code
    assert outcome(who, "iam") is None


def test_it_is_below_the_policies_of_the_root(growing: Organization, client: Any) -> None:
    made = created(client, **asked())
    who = administrator(growing, made["AccountId"])
    policy = client.create_policy(
        Name=unique("scp"),
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content='{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ssm:*","Resource":"*"}}',
    )["Policy"]["PolicySummary"]["Id"]
    root = client.list_roots()["Roots"][0]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=root)
    try:
        assert "service control policy" in refusal(who.client("ssm").describe_parameters).text
    finally:
        client.detach_policy(PolicyId=policy, TargetId=root)


def test_it_can_be_moved(client: Any) -> None:
    made = created(client, **asked())
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name=unique("unit"))["OrganizationalUnit"]["Id"]
    client.move_account(AccountId=made["AccountId"], SourceParentId=root, DestinationParentId=unit)
    assert client.list_parents(ChildId=made["AccountId"])["Parents"][0]["Id"] == unit


@pytest.mark.parametrize("reason", reasons())
def test_it_fails_for_every_reason_there_is(client: Any, reason: str) -> None:
    failed = created(client, AccountName="fails", Email=failing(reason))
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", reason)
    assert "AccountId" not in failed
    assert failing(reason) not in {each["Email"] for each in accounts(client)}


def test_an_address_is_one_account_s_alone(client: Any) -> None:
    request = asked()
    first = created(client, **request)
    again = created(client, **{**request, "Email": request["Email"].upper()})
    assert (first["State"], again["FailureReason"]) == ("SUCCEEDED", "EMAIL_ALREADY_EXISTS")


def test_the_same_request_twice_makes_one_account(client: Any) -> None:
    request = asked()
    first = client.create_account(**request)["CreateAccountStatus"]
    assert created(client, **request)["FailureReason"] == "CONCURRENT_ACCOUNT_MODIFICATION"
    described = client.describe_create_account_status(CreateAccountRequestId=first["Id"])
    assert described["CreateAccountStatus"]["State"] == "SUCCEEDED"


@pytest.mark.parametrize(("code", "words"), EXCEPTIONS.items())
def test_it_is_refused_at_once(client: Any, code: str, words: str) -> None:
    refused = refusal(client.create_account, AccountName="refused", Email=failing(code))
    assert (refused.code, refused.status) == (code, 400)
    assert words in refused.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"Email": "a b@example.com"},
        {"Email": "nobody.example.com"},
        {"Email": "a@b@example.com"},
        {"Email": f"{'x' * 60}@example.com"},
        {"AccountName": "x" * 51},
        {"AccountName": "na\u00efve"},
        {"RoleName": "a/b"},
        {"RoleName": "AWSServiceRoleForMe"},
        {"IamUserAccessToBilling": "PERHAPS"},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(client: Any, wrong: dict[str, str]) -> None:
    assert refusal(client.create_account, **asked(**wrong)).code == "InvalidInputException"


def test_a_creation_that_nobody_asked_for_is_not_there(client: Any) -> None:
    refused = refusal(client.describe_create_account_status, CreateAccountRequestId="car-00000000")
    assert refused.code == "CreateAccountStatusNotFoundException"


def test_creations_are_listed_by_state_and_page(client: Any) -> None:
    made = [created(client, **asked())["Id"] for _ in range(2)]
    failed = created(client, AccountName="fails", Email=failing("INTERNAL_FAILURE"))["Id"]
    paginator = client.get_paginator("list_create_account_status")
    pages = [*paginator.paginate(States=["SUCCEEDED"], PaginationConfig={"PageSize": 1})]
    listed = [each["Id"] for page in pages for each in page["CreateAccountStatuses"]]
    assert listed[-2:] == made
    assert max(len(page["CreateAccountStatuses"]) for page in pages) == 1
    everything = [each["Id"] for page in paginator.paginate() for each in page["CreateAccountStatuses"]]
    assert {*made, failed} <= set(everything)


def test_five_are_in_progress_at_a_time(no_aws: None) -> None:
    with serving(Layout(account_seconds=1.0)) as served:
        client = served.operator.but(config=ONCE).client("organizations")
        ids = [client.create_account(**asked())["CreateAccountStatus"]["Id"] for _ in range(5)]
        refused = refusal(client.create_account, **asked())
        assert refused.code == "TooManyRequestsException"
        until(lambda: client.create_account(**asked()))
        states = client.describe_create_account_status(CreateAccountRequestId=ids[0])["CreateAccountStatus"]
        assert states["State"] == "SUCCEEDED"


def test_an_organization_has_a_limit(no_aws: None) -> None:
    with serving(Layout(account_limit=4, account_seconds=SECONDS)) as served:
        client = served.operator.client("organizations")
        assert created(client, **asked())["State"] == "SUCCEEDED"
        assert refusal(client.create_account, **asked()) == Refusal(
            "ConstraintViolationException", 400, "You have exceeded the allowed number of AWS accounts."
        )


def test_a_whole_organization_may_still_be_initializing(no_aws: None) -> None:
    with serving(Layout(account_failures={"*": "FinalizingOrganizationException"})) as served:
        client = served.operator.client("organizations")
        assert refusal(client.create_account, **asked()).code == "FinalizingOrganizationException"
        assert len(accounts(client)) == 3


def test_stack_sets_deploy_to_it(no_aws: None) -> None:
    with serving(Layout(account_seconds=SECONDS, scenario="role-missing")) as served:
        cloudformation = served.operator.client("cloudformation")
        client = served.operator.client("organizations")
        cloudformation.activate_organizations_access()
        handle = '{"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
        cloudformation.create_stack_set(
            StackSetName="everywhere",
            TemplateBody=handle,
            PermissionModel="SERVICE_MANAGED",
            AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": True},
        )
        root = client.list_roots()["Roots"][0]["Id"]
        cloudformation.create_stack_instances(
            StackSetName="everywhere",
            DeploymentTargets={"OrganizationalUnitIds": [root]},
            Regions=["us-east-1"],
        )
        account = created(client, **asked())["AccountId"]
        for _ in attempts(20):
            listed = cloudformation.list_stack_instances(StackSetName="everywhere")["Summaries"]
            status = {each["Account"]: each["StackInstanceStatus"]["DetailedStatus"] for each in listed}
            if status.get(account) == "SUCCEEDED":
                break
        assert status[account] == "SUCCEEDED"


def test_govcloud_has_no_such_action(no_aws: None) -> None:
    with serving(Layout(partition="aws-us-gov", region="us-gov-west-1")) as served:
        client = served.operator.but(region="us-gov-west-1").client("organizations")
        assert refusal(client.create_account, **asked()).code == "UnsupportedAPIEndpointException"


# Who may.


@pytest.mark.parametrize("account", [MAIN_ACCOUNT, MEMBER_ACCOUNT])
@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_account", {"AccountName": "x", "Email": "x@example.com"}),
        ("describe_create_account_status", {"CreateAccountRequestId": "car-00000000"}),
        ("list_create_account_status", {}),
    ],
)
def test_no_other_account_may(
    growing: Organization, account: str, operation: str, params: dict[str, str]
) -> None:
    who = growing.administrator(account).client("organizations")
    assert refusal(getattr(who, operation), **params) == Refusal(
        "AccessDeniedException", 400, "You don't have permissions to access this resource."
    )


def user_of_management(growing: Organization, *allowed: str) -> Actor:
    """A user of the management account who may do what is named."""
    iam, name = growing.operator.client("iam"), unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    document = f'{{"Version":"2012-10-17","Statement":{statement("Allow", *allowed)}}}'.replace("'", '"')
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return growing.operator.but(access_key=key["AccessKeyId"], secret=key["SecretAccessKey"], arn=arn)


def test_it_takes_the_permission(growing: Organization) -> None:
    who = user_of_management(growing, "organizations:ListAccounts")
    refused = refusal(who.client("organizations").create_account, **asked())
    assert refused.code == "AccessDeniedException"
    assert "is not authorized to perform: organizations:CreateAccount" in refused.text


def test_tags_take_another(growing: Organization) -> None:
    who = user_of_management(growing, "organizations:CreateAccount").client("organizations")
    tagged = asked(Tags=[{"Key": "team", "Value": "genomics"}])
    assert (
        "is not authorized to perform: organizations:TagResource"
        in refusal(who.create_account, **tagged).text
    )
    assert who.create_account(**asked())["CreateAccountStatus"]["State"] == "IN_PROGRESS"


# The role by which main does it.

ROLE = role_arn(MANAGEMENT_ACCOUNT, MANAGEMENT_ROLE)


def test_main_creates_accounts_as_the_management_role(growing: Organization) -> None:
    who = growing.api_handler.assume(ROLE, ExternalId=MANAGEMENT_EXTERNAL_ID)
    made = created(who.client("organizations"), **asked())
    arn = role_arn(made["AccountId"], ACCESS_ROLE)
    inside, _ = until(lambda: who.assume(arn))
    assert inside.client("iam").list_roles()["Roles"]


@pytest.mark.parametrize("params", [{}, {"ExternalId": "another-external-id"}], ids=["none", "another"])
def test_it_wants_its_external_id(growing: Organization, params: dict[str, str]) -> None:
    sts = growing.api_handler.client("sts")
    assert refusal(sts.assume_role, RoleArn=ROLE, RoleSessionName="tester", **params).code == "AccessDenied"


def test_it_trusts_nobody_else_of_main(growing: Organization) -> None:
    sts = growing.session(MAIN_ACCOUNT, "NotebookRole").client("sts")
    refused = refusal(
        sts.assume_role, RoleArn=ROLE, RoleSessionName="tester", ExternalId=MANAGEMENT_EXTERNAL_ID
    )
    assert refused.code == "AccessDenied"
