"""What the policy simulator says, and that the gate does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from gate_clients import Actor, Organization, document, refusal, role_arn, statement, unique

from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.layout import EXTERNAL_ID, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT
from xacct_kit.sandbox.simulation import simulate_custom_policy

STRANGER = "999999999999"
BUCKET = "arn:aws:s3:::bucket"
USER = f"arn:aws:iam::{MEMBER_ACCOUNT}:user/mateo"
GET = statement("Allow", "s3:GetObject")
PUT = statement("Allow", "s3:PutObject")
NO_GET = statement("Deny", "s3:GetObject")
EVERYTHING = statement("Allow", "*")

Params = Mapping[str, Any]


@pytest.fixture(scope="module")
def iam(organization: Organization) -> Any:
    return organization.administrator().client("iam")


def custom(iam: Any, *policies: str, actions: Sequence[str] = ("s3:GetObject",), **params: Any) -> Any:
    """The results of SimulateCustomPolicy."""
    answer = iam.simulate_custom_policy(PolicyInputList=policies, ActionNames=list(actions), **params)
    assert answer["IsTruncated"] is False
    return answer["EvaluationResults"]


def principal(iam: Any, arn: str, *actions: str, **params: Any) -> Any:
    """The results of SimulatePrincipalPolicy."""
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(actions), **params)
    assert answer["IsTruncated"] is False
    return answer["EvaluationResults"]


def sources(result: Params) -> set[str]:
    return {matched["SourcePolicyId"] for matched in result["MatchedStatements"]}


def levels(*documents: Sequence[str]) -> list[dict[str, Any]]:
    return [{"ServiceControlPolicyInputList": list(level)} for level in documents]


def entry(name: str, kind: str, *values: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


def granting(principal_arn: str, *actions: str, resource: str = f"{BUCKET}/*") -> str:
    return document(statement("Allow", *actions, resource=resource, Principal={"AWS": principal_arn}))


# Decisions.


@pytest.mark.parametrize(
    ("policies", "params", "decision"),
    [
        ([GET], {}, "allowed"),
        ([PUT], {}, "implicitDeny"),
        ([GET, NO_GET], {}, "explicitDeny"),
        ([], {}, "implicitDeny"),
        ([GET], {"PermissionsBoundaryPolicyInputList": [document(GET)]}, "allowed"),
        ([GET], {"PermissionsBoundaryPolicyInputList": [document(PUT)]}, "implicitDeny"),
        ([GET], {"PermissionsBoundaryPolicyInputList": [document(EVERYTHING, NO_GET)]}, "explicitDeny"),
        ([GET], {"OrderedOrganizationPolicyInputList": levels([document(EVERYTHING)])}, "allowed"),
        (
            [GET],
            {"OrderedOrganizationPolicyInputList": levels([document(EVERYTHING)], [document(PUT)])},
            "implicitDeny",
        ),
        (
            [GET],
            {"OrderedOrganizationPolicyInputList": levels([document(EVERYTHING), document(NO_GET)])},
            "explicitDeny",
        ),
    ],
)
def test_given_policies_decide(
    iam: Any, policies: list[dict[str, Any]], params: dict[str, Any], decision: str
) -> None:
    (result,) = custom(iam, *map(document, policies), **params)
    assert (result["EvalActionName"], result["EvalResourceName"]) == ("s3:GetObject", "*")
    assert result["EvalDecision"] == decision
    assert ("PermissionsBoundaryDecisionDetail" in result) is ("PermissionsBoundaryPolicyInputList" in params)
    assert ("OrganizationsDecisionDetail" in result) is ("OrderedOrganizationPolicyInputList" in params)
    assert "ResourceSpecificResults" not in result
    assert "EvalDecisionDetails" not in result


def test_what_limits_is_told_besides_the_decision(iam: Any) -> None:
    boundary = {"PermissionsBoundaryPolicyInputList": [document(EVERYTHING, NO_GET)]}
    results = custom(iam, document(EVERYTHING), actions=["s3:GetObject", "s3:PutObject"], **boundary)
    told = [result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for result in results]
    assert told == [False, True]
    assert [sources(result) for result in results] == [
        {"PermissionsBoundaryPolicyInputList.1"},
        {"PolicyInputList.1"},
    ]


def test_service_control_policies_end_the_simulation_and_keep_their_statements(iam: Any) -> None:
    conditioned = statement("Allow", "*", Condition={"StringEquals": {"aws:RequestTag/team": "a"}})
    (result,) = custom(
        iam,
        document(conditioned, NO_GET),
        ResourceArns=[f"{BUCKET}/a"],
        PermissionsBoundaryPolicyInputList=[document(GET)],
        OrderedOrganizationPolicyInputList=levels([document(conditioned)]),
    )
    assert result["EvalDecision"] == "implicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert result["MatchedStatements"] == result["MissingContextValues"] == []
    assert not {"PermissionsBoundaryDecisionDetail", "EvalDecisionDetails"} & result.keys()


def test_conditions_of_service_control_policies_count(iam: Any) -> None:
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    controls = levels([document(EVERYTHING, statement("Deny", "*", Condition=elsewhere))])
    for region, decision in (("us-east-1", "allowed"), ("eu-west-1", "explicitDeny")):
        given_region = [entry("aws:RequestedRegion", "string", region)]
        (result,) = custom(
            iam, document(GET), ContextEntries=given_region, OrderedOrganizationPolicyInputList=controls
        )
        assert result["EvalDecision"] == decision


def test_an_action_has_one_result_and_each_resource_its_own(iam: Any) -> None:
    first = statement("Allow", "s3:*", resource=f"{BUCKET}/a")
    second = statement("Deny", "s3:PutObject", resource=f"{BUCKET}/b")
    resources = [f"{BUCKET}/a", f"{BUCKET}/b"]
    actions = ["s3:GetObject", "s3:PutObject"]
    got, put = custom(iam, document(first), document(second), actions=actions, ResourceArns=resources)
    assert (got["EvalDecision"], sources(got)) == ("implicitDeny", {"PolicyInputList.1"})
    assert (put["EvalDecision"], sources(put)) == ("explicitDeny", {"PolicyInputList.2"})
    for result, decisions in ((got, ("allowed", "implicitDeny")), (put, ("allowed", "explicitDeny"))):
        assert result["EvalResourceName"] == "*"
        assert result["EvalDecisionDetails"] == {}
        each = result["ResourceSpecificResults"]
        assert [one["EvalResourceName"] for one in each] == resources
        assert tuple(one["EvalResourceDecision"] for one in each) == decisions


def test_a_single_resource_names_the_result(iam: Any) -> None:
    (result,) = custom(iam, document(GET), ResourceArns=[f"{BUCKET}/a"])
    assert result["EvalResourceName"] == f"{BUCKET}/a"
    assert len(result["ResourceSpecificResults"]) == 1


def test_every_statement_that_decides_is_told(iam: Any) -> None:
    (result,) = custom(iam, document(GET, PUT, statement("Allow", "s3:Get*")), document(EVERYTHING))
    assert len(result["MatchedStatements"]) == 3
    assert sources(result) == {"PolicyInputList.1", "PolicyInputList.2"}


# Resource-based policies: the examples of API_SimulateCustomPolicy and API_SimulatePrincipalPolicy.

IAM_ONLY = document(statement("Allow", "iam:*"))


def by_mateo(iam: Any, owner: str, *policies: str, **params: Any) -> Any:
    (result,) = custom(
        iam,
        *policies,
        actions=["s3:PutObject"],
        CallerArn=USER,
        ResourceArns=[f"{BUCKET}/Test"],
        ResourceOwner=f"arn:aws:iam::{owner}:root",
        ResourcePolicy=granting(USER, "s3:List*", "s3:Put*"),
        **params,
    )
    return result


def test_in_one_account_a_resources_policy_is_enough(iam: Any) -> None:
    result = by_mateo(iam, MEMBER_ACCOUNT, IAM_ONLY, PermissionsBoundaryPolicyInputList=[IAM_ONLY])
    assert result["EvalDecision"] == "allowed"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert result["EvalDecisionDetails"] == {}
    (matched,) = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("ResourcePolicy", "Resource Policy")


def test_across_accounts_every_type_of_policy_is_told(iam: Any) -> None:
    result = by_mateo(iam, STRANGER, IAM_ONLY, PermissionsBoundaryPolicyInputList=[IAM_ONLY])
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {
        "IAM Policy": "implicitDeny",
        "Resource Policy": "allowed",
        "Permissions Boundary Policy": "implicitDeny",
    }
    (each,) = result["ResourceSpecificResults"]
    assert each["EvalDecisionDetails"] == result["EvalDecisionDetails"]


@pytest.mark.parametrize(
    ("resource", "owner", "decision"),
    [
        (f"arn:aws:sqs:us-east-1:{MEMBER_ACCOUNT}:queue", STRANGER, "allowed"),
        (f"arn:aws:sqs:us-east-1:{STRANGER}:queue", MEMBER_ACCOUNT, "implicitDeny"),
        ("arn:aws:sqs:us-east-1:*:queue", MEMBER_ACCOUNT, "allowed"),
        ("arn:aws:sqs:us-east-1:*:queue", STRANGER, "implicitDeny"),
    ],
)
def test_an_owner_is_for_resources_that_do_not_tell_theirs(
    iam: Any, resource: str, owner: str, decision: str
) -> None:
    (result,) = custom(
        iam,
        actions=["sqs:SendMessage"],
        CallerArn=USER,
        ResourceArns=[resource],
        ResourceOwner=f"arn:aws:iam::{owner}:root",
        ResourcePolicy=granting(USER, "sqs:*", resource="*"),
    )
    assert result["EvalDecision"] == decision


def test_across_accounts_both_sides_must_allow(iam: Any) -> None:
    result = by_mateo(iam, STRANGER, document(PUT))
    assert result["EvalDecision"] == "allowed"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}
    assert sources(result) == {"PolicyInputList.1", "ResourcePolicy"}


def test_whom_a_role_trusts_is_not_simulated(iam: Any) -> None:
    for account in (MEMBER_ACCOUNT, STRANGER):
        for allowed, decision in (("sts:AssumeRole", "allowed"), ("s3:*", "implicitDeny")):
            (result,) = custom(
                iam,
                document(statement("Allow", allowed)),
                actions=["sts:AssumeRole"],
                ResourceArns=[role_arn(account, "Nobody")],
            )
            assert result["EvalDecision"] == decision


# Condition keys.


@pytest.mark.parametrize(
    ("kind", "values", "operator", "wanted", "decision"),
    [
        ("string", ["a"], "StringEquals", "a", "allowed"),
        ("string", ["b"], "StringEquals", "a", "implicitDeny"),
        ("stringList", ["a", "b"], "ForAllValues:StringEquals", ["a", "b"], "allowed"),
        ("stringList", ["a", "c"], "ForAllValues:StringEquals", ["a", "b"], "implicitDeny"),
        ("stringList", ["a", "c"], "ForAnyValue:StringEquals", ["a", "b"], "allowed"),
        ("numeric", ["7"], "NumericLessThan", "8", "allowed"),
        ("numericList", ["7", "9"], "ForAllValues:NumericLessThan", "8", "implicitDeny"),
        ("boolean", ["true"], "Bool", "true", "allowed"),
        ("booleanList", ["true", "false"], "ForAllValues:Bool", "true", "implicitDeny"),
        ("date", ["2026-01-02T00:00:00Z"], "DateGreaterThan", "2026-01-01T00:00:00Z", "allowed"),
        ("dateList", ["2025-01-02"], "ForAnyValue:DateGreaterThan", "2026-01-01", "implicitDeny"),
        ("ip", ["10.1.2.3"], "IpAddress", "10.0.0.0/8", "allowed"),
        ("ipList", ["10.1.2.3", "192.0.2.1"], "ForAllValues:IpAddress", "10.0.0.0/8", "implicitDeny"),
        ("binary", ["YQ=="], "BinaryEquals", "YQ==", "allowed"),
        ("binaryList", ["YQ==", "Yg=="], "ForAllValues:BinaryEquals", "YQ==", "implicitDeny"),
    ],
)
def test_given_keys_are_what_conditions_ask_for(
    iam: Any, kind: str, values: list[str], operator: str, wanted: Any, decision: str
) -> None:
    policy = document({**GET, "Condition": {operator: {"test:Key": wanted}}})
    (result,) = custom(iam, policy, ContextEntries=[entry("TEST:key", kind, *values)])
    assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, [])


def test_what_a_policy_asks_for_and_nobody_gives_is_missing(iam: Any) -> None:
    policy = document(
        {**PUT, "Condition": {"StringEquals": {"aws:RequestTag/Team": "a", "s3:prefix": "b"}}},
        {**PUT, "Resource": f"{BUCKET}/${{aws:PrincipalTag/team}}/*", "Sid": "AWS:requesttag"},
        {**PUT, "Condition": {"StringLike": {"AWS:REQUESTTAG/team": "${*}"}}},
    )
    given_prefix = [entry("s3:prefix", "string", "b")]
    missing = ["aws:RequestTag/Team", "aws:PrincipalTag/team"]
    (result,) = custom(iam, policy, ContextEntries=given_prefix)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", missing)
    (result,) = custom(iam, policy, ContextEntries=given_prefix, ResourceArns=[f"{BUCKET}/a", f"{BUCKET}/b"])
    assert result["MissingContextValues"] == missing
    assert [each["MissingContextValues"] for each in result["ResourceSpecificResults"]] == [missing] * 2


def test_the_keys_of_a_boundary_can_be_missing_too(iam: Any) -> None:
    boundary = document({**GET, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    (result,) = custom(iam, document(GET), PermissionsBoundaryPolicyInputList=[boundary])
    assert (result["EvalDecision"], result["MissingContextValues"]) == (
        "implicitDeny",
        ["aws:SecureTransport"],
    )


def test_a_decision_that_statements_made_misses_nothing(iam: Any) -> None:
    policy = document(GET, {**PUT, "Condition": {"StringEquals": {"aws:RequestTag/team": "a"}}})
    (result,) = custom(iam, policy)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_the_caller_brings_keys_that_an_entry_overrides(organization: Organization) -> None:
    user = organization.new_user(EVERYTHING)
    iam, name = organization.administrator().client("iam"), user.arn.rpartition("/")[2]
    known = {
        "aws:username": name,
        "aws:userid": iam.get_user(UserName=name)["User"]["UserId"],
        "aws:PrincipalArn": user.arn,
        "aws:PrincipalAccount": MEMBER_ACCOUNT,
        "aws:PrincipalType": "User",
        "aws:PrincipalOrgID": organization.operator.client("organizations").describe_organization()[
            "Organization"
        ]["Id"],
    }
    policy = document(statement("Deny", "*", Condition={"StringNotEquals": known}))
    assert [r["EvalDecision"] for r in principal(iam, user.arn, "s3:GetObject")] == ["allowed"]
    params: dict[str, Any] = {"PolicyInputList": [policy]}
    (result,) = principal(iam, user.arn, "s3:GetObject", **params)
    assert result["EvalDecision"] == "allowed"
    equal = [
        document(statement("Deny", "*", Condition={"StringEquals": {key: value}}))
        for key, value in known.items()
    ]
    for text, key in zip(equal, known, strict=True):
        (result,) = principal(iam, user.arn, "s3:GetObject", PolicyInputList=[text])
        assert result["EvalDecision"] == "explicitDeny", key
        other = [entry(key, "string", "other")]
        (result,) = principal(iam, user.arn, "s3:GetObject", PolicyInputList=[text], ContextEntries=other)
        assert result["EvalDecision"] == "allowed", key


# Whose policies.


def managed(organization: Organization, *statements: dict[str, Any], path: str = "/") -> str:
    made = (
        organization.administrator()
        .client("iam")
        .create_policy(PolicyName=unique("managed"), Path=path, PolicyDocument=document(*statements))
    )
    arn: str = made["Policy"]["Arn"]
    return arn


def test_a_user_has_its_own_policies_and_its_groups(organization: Organization) -> None:
    iam, group = organization.administrator().client("iam"), unique("group")
    user = organization.new_user(GET)
    name = user.arn.rpartition("/")[2]
    theirs = managed(organization, statement("Allow", "s3:ListBucket"), path="/deeper/")
    group_arn = iam.create_group(GroupName=group)["Group"]["Arn"]
    iam.put_group_policy(GroupName=group, PolicyName="common", PolicyDocument=document(PUT))
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess")
    iam.attach_group_policy(GroupName=group, PolicyArn=theirs)
    iam.attach_user_policy(UserName=name, PolicyArn=theirs)
    iam.add_user_to_group(GroupName=group, UserName=name)
    expected = {
        "s3:GetObject": {f"user_{name}_inline"},
        "s3:PutObject": {f"group_{group}_common"},
        "s3:ListBucket": {theirs.rpartition("/")[2]},
        "ec2:DescribeInstances": {"AmazonEC2ReadOnlyAccess"},
        "s3:DeleteObject": set(),
    }
    results = principal(iam, user.arn, *expected)
    assert {result["EvalActionName"]: sources(result) for result in results} == expected
    assert [result["EvalDecision"] for result in results] == ["allowed"] * 4 + ["implicitDeny"]
    assert all(len(result["MatchedStatements"]) <= 1 for result in results)
    of_group = principal(iam, group_arn, *expected)
    assert {result["EvalActionName"]: sources(result) for result in of_group} == {
        **expected,
        "s3:GetObject": set(),
    }


def test_a_role_has_its_policies_and_those_of_the_request(organization: Organization, iam: Any) -> None:
    arn = organization.new_role(GET, Path="/deeper/")
    name = arn.rpartition("/")[2]
    got, put = principal(iam, arn, "s3:GetObject", "s3:PutObject", PolicyInputList=[document(PUT)])
    assert sources(got) == {f"role_{name}_inline"}
    assert sources(put) == {"PolicyInputList.1"}
    assert {matched["SourcePolicyType"] for matched in got["MatchedStatements"]} == {"IAM Policy"}


def test_the_boundary_is_the_entitys_unless_another_is_given(organization: Organization, iam: Any) -> None:
    boundary = managed(organization, GET)
    arn = organization.new_role(EVERYTHING, PermissionsBoundary=boundary)
    actions = ("s3:GetObject", "s3:PutObject")
    for given_boundary, decisions in (
        ({}, ["allowed", "implicitDeny"]),
        ({"PermissionsBoundaryPolicyInputList": [document(PUT)]}, ["implicitDeny", "allowed"]),
    ):
        results = principal(iam, arn, *actions, **given_boundary)
        assert [result["EvalDecision"] for result in results] == decisions
        assert [
            result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for result in results
        ] == [decision == "allowed" for decision in decisions]


def test_a_users_boundary_limits_its_groups_too(organization: Organization, iam: Any) -> None:
    group, user = unique("group"), organization.new_user()
    name = user.arn.rpartition("/")[2]
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="common", PolicyDocument=document(EVERYTHING))
    iam.add_user_to_group(GroupName=group, UserName=name)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=managed(organization, GET))
    results = principal(iam, user.arn, "s3:GetObject", "s3:PutObject")
    assert [result["EvalDecision"] for result in results] == ["allowed", "implicitDeny"]


def test_another_caller_has_the_policies_of_the_source(organization: Organization, iam: Any) -> None:
    arn = organization.new_role(GET)
    name = arn.rpartition("/")[2]
    whose = document(statement("Deny", "*", Condition={"StringEquals": {"aws:username": "bob"}}))
    bob = f"arn:aws:iam::{MEMBER_ACCOUNT}:user/bob"
    (result,) = principal(iam, arn, "s3:GetObject", CallerArn=bob)
    assert sources(result) == {f"role_{name}_inline"}
    (result,) = principal(iam, arn, "s3:GetObject", CallerArn=bob, PolicyInputList=[whose])
    assert result["EvalDecision"] == "explicitDeny"


def test_the_management_account_has_no_service_control_policies(organization: Organization) -> None:
    operator = organization.operator
    (result,) = principal(operator.client("iam"), operator.arn, "s3:GetObject")
    assert result["EvalDecision"] == "allowed"
    assert "OrganizationsDecisionDetail" not in result


# Where a statement stands.

INDENTED = json.dumps(
    {"Version": "2012-10-17", "Statement": [GET, statement("Deny", "s3:PutObject")]}, indent=2
)


def test_results_tell_where_statements_stand(iam: Any) -> None:
    got, put = custom(iam, INDENTED, actions=["s3:GetObject", "s3:PutObject"])
    places = [result["MatchedStatements"][0] for result in (got, put)]
    assert [(place["StartPosition"], place["EndPosition"]) for place in places] == [
        ({"Line": 3, "Column": 17}, {"Line": 10, "Column": 6}),
        ({"Line": 10, "Column": 6}, {"Line": 17, "Column": 6}),
    ]


# Pages.


def test_results_come_in_pages_of_actions(iam: Any) -> None:
    actions = [f"s3:Get{number}" for number in range(5)]
    request = {"PolicyInputList": [document(EVERYTHING)], "ActionNames": actions}
    resources = [f"{BUCKET}/a", f"{BUCKET}/b"]
    pages = list(
        iam.get_paginator("simulate_custom_policy").paginate(
            **request, ResourceArns=resources, PaginationConfig={"PageSize": 2}
        )
    )
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    found = [result["EvalActionName"] for page in pages for result in page["EvaluationResults"]]
    assert found == actions
    assert all(
        len(result["ResourceSpecificResults"]) == 2 for page in pages for result in page["EvaluationResults"]
    )


def test_a_page_has_a_hundred_results_unless_more_are_wanted(iam: Any) -> None:
    request = {"PolicyInputList": [document(EVERYTHING)], "ActionNames": ["s3:GetObject"] * 101}
    assert len(iam.simulate_custom_policy(**request)["EvaluationResults"]) == 100
    assert len(iam.simulate_custom_policy(**request, MaxItems=1000)["EvaluationResults"]) == 101


# Refusals.

POLICY = document(GET)
INSTANCE = f"arn:aws:ec2:us-east-1:{MEMBER_ACCOUNT}"
MALFORMED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}'
WITH_PRINCIPAL = granting(USER, "s3:GetObject")

INVALID: list[tuple[str, dict[str, Any]]] = [
    ("is not an action", {"ActionNames": ["GetObject"]}),
    ("is not an action", {"ActionNames": ["s3:*"]}),
    ("is not an action", {"ActionNames": ["s3:GetObject", "s3:Get Object"]}),
    ("PolicyInputList.1 has invalid content", {"PolicyInputList": ["{"]}),
    ("PolicyInputList.2 has invalid content", {"PolicyInputList": [POLICY, MALFORMED]}),
    ("PolicyInputList.1 has invalid content", {"PolicyInputList": [WITH_PRINCIPAL]}),
    ("PolicyInputList.1 has invalid content", {"PolicyInputList": ["[" * 100_000]}),
    ("PolicyInputList.1 has invalid content", {"PolicyInputList": [POLICY.replace("s3", "\u2603")]}),
    ("BoundaryPolicyInputList.1 has invalid", {"PermissionsBoundaryPolicyInputList": ["5"]}),
    ("cannot exceed 1", {"PermissionsBoundaryPolicyInputList": [POLICY, POLICY]}),
    ("at index 2", {"OrderedOrganizationPolicyInputList": levels([POLICY], [])}),
    ("cannot exceed 7", {"OrderedOrganizationPolicyInputList": levels(*[[POLICY]] * 8)}),
    ("not in a valid ARN format: bucket", {"ResourceArns": ["bucket"]}),
    ("not in a valid ARN format: *", {"ResourceArns": [BUCKET, "*"]}),
    ("not in a valid ARN format: arn:aws:s3", {"ResourceArns": ["arn:aws:s3"]}),
    ("Caller must be", {"CallerArn": f"arn:aws:sts::{MEMBER_ACCOUNT}:assumed-role/a/b"}),
    ("Caller must be", {"CallerArn": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"}),
    ("Caller must be", {"CallerArn": "lambda.amazonaws.com"}),
    ("Caller must be", {"CallerArn": f"arn:aws-cn:iam::{MEMBER_ACCOUNT}:user/mateo"}),
    ("is not a valid as a Resource Owner", {"ResourceOwner": MEMBER_ACCOUNT}),
    ("Caller cannot be null", {"ResourcePolicy": WITH_PRINCIPAL, "ResourceArns": [f"{BUCKET}/a"]}),
    ("ResourcePolicy has invalid content", {"ResourcePolicy": POLICY, "CallerArn": USER}),
    ("not applicable to the resource *", {"ResourcePolicy": WITH_PRINCIPAL, "CallerArn": USER}),
    (
        "not applicable to the resource arn:aws:s3:::other/a",
        {
            "ResourcePolicy": WITH_PRINCIPAL,
            "CallerArn": USER,
            "ResourceArns": [f"{BUCKET}/a", "arn:aws:s3:::other/a"],
        },
    ),
    ("Invalid marker", {"Marker": "mark"}),
    ("no resource handling option", {"ResourceHandlingOption": "EC2-Moon"}),
    ("does not support resource handling", {"ResourceHandlingOption": "EC2-VPC-EBS"}),
    (
        "takes a resource of type image",
        {
            "ActionNames": ["ec2:RunInstances"],
            "ResourceHandlingOption": "EC2-VPC-EBS",
            "ResourceArns": [f"{INSTANCE}:instance/*"],
        },
    ),
    ("Duplicate", {"ContextEntries": [entry("a:key", "string", "a"), entry("A:KEY", "string", "b")]}),
    ("expected a single value, but received 2", {"ContextEntries": [entry("a:key", "string", "a", "b")]}),
    ("cannot be null or empty", {"ContextEntries": [entry("a:key", "stringList")]}),
    ("ContextKeyName cannot be null", {"ContextEntries": [{"ContextKeyValues": ["a"]}]}),
    *(
        ("Invalid context value for key a:key", {"ContextEntries": [entry("a:key", kind, value)]})
        for kind, value in (
            ("numeric", "many"),
            ("numeric", "NaN"),
            ("boolean", "yes"),
            ("date", "tomorrow"),
            ("ip", "999.0.0.1"),
            ("ip", "10.0.0.0/8"),
            ("binary", "!"),
        )
    ),
]


@pytest.mark.parametrize(("text", "params"), INVALID)
def test_what_cannot_be_meant_is_refused(iam: Any, text: str, params: dict[str, Any]) -> None:
    request = {"PolicyInputList": [POLICY], "ActionNames": ["s3:GetObject"], **params}
    refused = refusal(iam.simulate_custom_policy, **request)
    assert (refused.code, refused.status) == ("InvalidInput", 400)
    assert text in refused.text


@pytest.mark.parametrize(
    "params",
    [
        {"MaxItems": 1001},
        {"ActionNames": []},
        {"ContextEntries": [entry("a:key", "colour", "red")]},
    ],
)
def test_what_is_out_of_range_is_refused(iam: Any, params: dict[str, Any]) -> None:
    request = {"PolicyInputList": [POLICY], "ActionNames": ["s3:GetObject"], **params}
    assert refusal(iam.simulate_custom_policy, **request).code == "ValidationError"


@pytest.mark.parametrize("given", [{"ActionNames": ["s3:GetObject"]}, {"PolicyInputList": [POLICY]}, {}])
def test_what_is_required_is_asked_for(given: dict[str, Any]) -> None:
    with pytest.raises(ServiceFault) as caught:
        simulate_custom_policy(MEMBER_ACCOUNT, "aws", given)
    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)


@pytest.mark.parametrize(
    ("source", "code", "status"),
    [
        (f"arn:aws:sts::{MEMBER_ACCOUNT}:assumed-role/OrganizationAccountAccessRole/a", "InvalidInput", 400),
        (f"arn:aws:iam::{MEMBER_ACCOUNT}:root", "InvalidInput", 400),
        (f"arn:aws:iam::{MEMBER_ACCOUNT}:policy/some", "InvalidInput", 400),
        ("OrganizationAccountAccessRole", "InvalidInput", 400),
        (role_arn(MANAGEMENT_ACCOUNT, "some"), "InvalidInput", 400),
        (role_arn(MEMBER_ACCOUNT, "Nobody"), "NoSuchEntity", 404),
        (role_arn(MEMBER_ACCOUNT, "path/OrganizationAccountAccessRole"), "NoSuchEntity", 404),
        (f"arn:aws:iam::{MEMBER_ACCOUNT}:user/nobody", "NoSuchEntity", 404),
        (f"arn:aws:iam::{MEMBER_ACCOUNT}:group/nobody", "NoSuchEntity", 404),
    ],
)
def test_only_a_user_a_group_or_a_role_of_the_account_has_policies(
    iam: Any, source: str, code: str, status: int
) -> None:
    refused = refusal(iam.simulate_principal_policy, PolicySourceArn=source, ActionNames=["s3:GetObject"])
    assert (refused.code, refused.status) == (code, status)


ROLE = role_arn(MEMBER_ACCOUNT, "OrganizationAccountAccessRole")
ASKS_WHO = document({**GET, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}})


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("principal", {"PolicyExclusionList": [{"PolicyType": "scp"}]}),
        ("principal", {"CallerArn": f"arn:aws:iam::{STRANGER}:user/bob"}),
        ("principal", {"ResourcePolicy": WITH_PRINCIPAL, "ResourceArns": [f"{BUCKET}/a"]}),
        ("custom", {"ResourceOwner": f"arn:aws:iam::{STRANGER}:root", "CallerArn": USER}),
        ("custom", {"PolicyInputList": [ASKS_WHO]}),
        *(
            ("principal", {"PolicyInputList": [document(statement("Allow", "*", Condition=condition))]})
            for condition in (
                {"StringNotEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}},
                {"StringNotEquals": {"aws:PrincipalOrgMasterAccountId": STRANGER}},
                {"StringLike": {"aws:userid": "AROA*"}},
                {"StringEquals": {"s3:prefix": "${aws:PrincipalId}"}},
            )
        ),
        ("custom", {"OrderedOrganizationPolicyInputList": levels([ASKS_WHO])}),
        ("custom", {"PolicyInputList": [ASKS_WHO], "CallerArn": f"arn:aws:iam::{MEMBER_ACCOUNT}:group/g"}),
        (
            "custom",
            {
                "ActionNames": ["sts:AssumeRole"],
                "CallerArn": USER,
                "ResourceArns": [ROLE],
                "ResourcePolicy": granting(USER, "sts:AssumeRole", resource=ROLE),
            },
        ),
    ],
)
def test_what_would_be_guessed_is_refused(iam: Any, operation: str, params: dict[str, Any]) -> None:
    source = {"principal": {"PolicySourceArn": ROLE}, "custom": {"PolicyInputList": [POLICY]}}[operation]
    call = getattr(iam, f"simulate_{operation}_policy")
    refused = refusal(call, **{"ActionNames": ["s3:GetObject"], **source, **params})
    assert (refused.code, refused.status) == ("NotImplemented", 501)
    assert refused.text.startswith("The sandbox does not offer ")


def test_who_asks_can_be_given_where_nobody_calls(iam: Any) -> None:
    given_arn = [entry("aws:PrincipalArn", "string", "arn:aws:iam::123456789012:role/some")]
    (result,) = custom(iam, ASKS_WHO, ContextEntries=given_arn)
    assert result["EvalDecision"] == "allowed"


def test_a_scenario_with_all_its_resources_is_simulated(iam: Any) -> None:
    kinds = ("instance", "image", "security-group", "network-interface", "subnet", "volume")
    (result,) = custom(
        iam,
        document(EVERYTHING),
        actions=["ec2:RunInstances"],
        ResourceArns=[f"{INSTANCE}:{kind}/*" for kind in kinds],
        ResourceHandlingOption="EC2-VPC-EBS-Subnet",
    )
    assert result["EvalDecision"] == "allowed"


def test_to_simulate_takes_a_permission(organization: Organization) -> None:
    who = organization.somebody(statement("Allow", "iam:SimulateCustomPolicy"))
    assert custom(who.client("iam"), POLICY)[0]["EvalDecision"] == "allowed"
    refused = refusal(
        who.client("iam").simulate_principal_policy, PolicySourceArn=ROLE, ActionNames=["s3:GetObject"]
    )
    assert refused.code == "AccessDenied"


# The simulator and the gate.

CALLS: Mapping[str, Callable[[Actor], Any]] = {
    "s3:ListAllMyBuckets": lambda who: who.client("s3").list_buckets(),
    "elasticmapreduce:ListClusters": lambda who: who.client("emr").list_clusters(),
    "ec2:DescribeVpcs": lambda who: who.client("ec2").describe_vpcs(),
    "cloudformation:ListStacks": lambda who: who.client("cloudformation").list_stacks(),
    "sagemaker:ListNotebookInstances": lambda who: who.client("sagemaker").list_notebook_instances(),
    "ssm:DescribeParameters": lambda who: who.client("ssm").describe_parameters(),
    "organizations:ListAccounts": lambda who: who.client("organizations").list_accounts(),
    "dynamodb:ListTables": lambda who: who.client("dynamodb").list_tables(),
}
DENIALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
CROSS_ACCOUNT_ROLE = role_arn(MEMBER_ACCOUNT, "CrossAccountExecutionRole")


@contextmanager
def boundary(organization: Organization) -> Iterator[str]:
    iam, name = organization.administrator().client("iam"), CROSS_ACCOUNT_ROLE.rpartition("/")[2]
    limit = managed(organization, EVERYTHING, statement("Deny", "s3:*", "ssm:*"))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=limit)
    try:
        yield "AllowedByPermissionsBoundary"
    finally:
        iam.delete_role_permissions_boundary(RoleName=name)


@contextmanager
def service_control_policy(organization: Organization) -> Iterator[str]:
    client = organization.operator.client("organizations")
    made = client.create_policy(
        Content=document(statement("Deny", "elasticmapreduce:*")),
        Description="",
        Name=unique("scp"),
        Type="SERVICE_CONTROL_POLICY",
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=MEMBER_ACCOUNT)
    try:
        yield "AllowedByOrganizations"
    finally:
        client.detach_policy(PolicyId=policy, TargetId=MEMBER_ACCOUNT)
        client.delete_policy(PolicyId=policy)


@contextmanager
def nothing(organization: Organization) -> Iterator[str]:
    yield ""


@pytest.mark.parametrize("limit", [nothing, boundary, service_control_policy])
def test_the_gate_does_what_the_simulator_says(organization: Organization, limit: Any) -> None:
    who = organization.api_handler.assume(CROSS_ACCOUNT_ROLE, ExternalId=EXTERNAL_ID)
    with limit(organization) as detail:
        results = principal(organization.administrator().client("iam"), CROSS_ACCOUNT_ROLE, *CALLS)
        done = {action: allowed(call, who) for action, call in CALLS.items()}
    said = {result["EvalActionName"]: result["EvalDecision"] == "allowed" for result in results}
    assert said == done
    assert set(said.values()) == {True, False}
    if detail:
        assert {detail: False} in [value for result in results for value in result.values()]


def allowed(call: Callable[[Actor], Any], who: Actor) -> bool:
    try:
        call(who)
    except who.client("iam").exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in DENIALS
        return False
    return True
