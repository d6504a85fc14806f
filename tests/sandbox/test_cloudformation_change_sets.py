"""Change sets: a change that is told first and carried out later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudformation_double import HANDLE, Account, document, inline, role, template, trust
from moto import mock_aws

from xacct_kit.sandbox.faults import ServiceFault


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def test_a_change_set_creates_a_stack(account: Account) -> None:
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
    described = account.propose({**template(Role=role()), "Outputs": outputs}, "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [change["ResourceChange"]["Action"] for change in described["Changes"]] == ["Add"]
    assert account.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert account.roles() == []
    account.ask("ExecuteChangeSet", StackName="role-stack", ChangeSetName="change")
    created = account.settled("role-stack")
    assert created["StackStatus"] == "CREATE_COMPLETE"
    assert created["ChangeSetId"] == described["ChangeSetId"]
    assert created["Outputs"][0]["OutputValue"].endswith(":role/xacct")


def test_a_change_set_updates_a_stack(account: Account) -> None:
    account.create(template(Role=role()))
    account.propose(template(Role=role(MaxSessionDuration=7200)), "UPDATE")
    assert account.role()["seconds"] == 3600
    account.ask("ExecuteChangeSet", StackName="role-stack", ChangeSetName="change")
    assert account.settled("role-stack")["StackStatus"] == "UPDATE_COMPLETE"
    assert account.role()["seconds"] == 7200
    assert account.ask("ListChangeSets", StackName="role-stack")["Summaries"] == []


def test_what_cannot_be_worked_out_is_told_and_not_left_pending(account: Account) -> None:
    mappings = {"Lists": {"Of": {}}}
    named = {"Fn::FindInMap": ["Lists", "Of", "Names"]}
    faulty = {**template(Role=role()), "Mappings": mappings, "Outputs": {"Names": {"Value": named}}}
    described = account.propose(faulty, "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"] == "Template error: Unable to get mapping for Lists::Of::Names"


def detail(
    name: str, recreation: str = "Never", attribute: str = "Properties", **more: str
) -> dict[str, Any]:
    target = {"Attribute": attribute, "Name": name, "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification", **more}


CHANGES = [
    (
        "in place",
        {"Role": role(Policies=inline("S3"))},
        "Modify",
        "False",
        ["Properties"],
        [detail("Policies")],
    ),
    (
        "another name",
        {"Role": role("other")},
        "Modify",
        "True",
        ["Properties"],
        [detail("RoleName", "Always")],
    ),
    (
        "tags",
        {"Role": role(Tags=[{"Key": "a", "Value": "1"}])},
        "Modify",
        "False",
        ["Tags"],
        [detail("Tags", attribute="Tags")],
    ),
    (
        "metadata",
        {"Role": {**role(), "Metadata": {"a": 1}}},
        "Modify",
        "False",
        ["Metadata"],
        [
            {
                "Target": {"Attribute": "Metadata", "RequiresRecreation": "Never"},
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
        ],
    ),
    ("removed", {"Other": HANDLE}, "Remove", None, [], []),
]


@pytest.mark.parametrize(
    ("resources", "told", "details"),
    [(r[1], r[2:5], r[5]) for r in CHANGES],
    ids=[r[0] for r in CHANGES],
)
def test_changes_are_told(
    account: Account,
    resources: dict[str, Any],
    told: tuple[str, str | None, list[str]],
    details: list[dict[str, Any]],
) -> None:
    account.create(template(Role=role()))
    described = account.propose(template(**resources), "UPDATE")
    change = next(
        each["ResourceChange"]
        for each in described["Changes"]
        if each["ResourceChange"]["LogicalResourceId"] == "Role"
    )
    assert (change["Action"], change.get("Replacement"), change["Scope"]) == told
    assert change["PhysicalResourceId"] == "xacct"
    assert change["ResourceType"] == "AWS::IAM::Role"
    assert change["Details"] == details


def test_a_change_that_a_parameter_brings_names_it(account: Account) -> None:
    with_id = {
        "Parameters": {"ExternalId": {"Type": "String"}},
        "Resources": {"Role": role(AssumeRolePolicyDocument=trust({"Ref": "ExternalId"}))},
    }
    account.create(with_id, values={"ExternalId": "first-id"})
    described = account.propose(with_id, "UPDATE", values={"ExternalId": "second-id"})
    change = described["Changes"][0]["ResourceChange"]
    expected = {"ChangeSource": "ParameterReference", "CausingEntity": "ExternalId"}
    assert change["Details"] == [detail("AssumeRolePolicyDocument", **expected)]


def test_a_change_that_a_replacement_brings_is_dynamic(account: Account) -> None:
    def with_policy(name: str) -> dict[str, Any]:
        properties = {"PolicyName": "S3", "RoleName": {"Ref": "Role"}, "PolicyDocument": document("s3:*")}
        return template(Role=role(name), Policy={"Type": "AWS::IAM::RolePolicy", "Properties": properties})

    account.create(with_policy("xacct"))
    described = account.propose(with_policy("other"), "UPDATE")
    change = described["Changes"][1]["ResourceChange"]
    assert (change["LogicalResourceId"], change["Replacement"]) == ("Policy", "Conditional")
    expected = {"Evaluation": "Dynamic", "ChangeSource": "ResourceReference", "CausingEntity": "Role"}
    assert change["Details"] == [detail("RoleName", "Always", **expected)]


def test_without_a_change_it_fails(account: Account) -> None:
    account.create(template(Role=role()))
    described = account.propose(template(Role=role()), "UPDATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"] == (
        "The submitted information didn't contain changes. "
        "Submit different information to create a change set."
    )
    with pytest.raises(ServiceFault, match=r"cannot be executed in its current status of .FAILED"):
        account.ask("ExecuteChangeSet", StackName="role-stack", ChangeSetName="change")


def test_a_creation_that_fails_is_rolled_back(account: Account) -> None:
    account.operator.denied.add("iam:CreateRole")
    account.propose(template(Role=role()), "CREATE")
    account.ask("ExecuteChangeSet", StackName="role-stack", ChangeSetName="change")
    assert account.settled("role-stack")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_it_is_found_by_its_id_alone(account: Account) -> None:
    change_set_id = account.propose(template(Role=role()), "CREATE")["ChangeSetId"]
    assert account.ask("DescribeChangeSet", ChangeSetName=change_set_id)["ChangeSetName"] == "change"


def test_it_can_be_deleted_more_than_once(account: Account) -> None:
    account.propose(template(Role=role()), "CREATE")
    for _ in range(2):
        assert account.ask("DeleteChangeSet", StackName="role-stack", ChangeSetName="change") == {}
    with pytest.raises(ServiceFault, match=r"^ChangeSetNotFound: ChangeSet .change. does not exist"):
        account.ask("DescribeChangeSet", StackName="role-stack", ChangeSetName="change")


def test_a_stack_under_review_can_be_deleted(account: Account) -> None:
    account.propose(template(Role=role()), "CREATE")
    stack_id = account.stack()["StackId"]
    account.ask("DeleteStack", StackName="role-stack")
    assert account.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("kind", "stack", "code", "text"),
    [
        (
            "CREATE",
            "there",
            "ValidationError",
            "already exists and cannot be created again with the changeSet",
        ),
        ("UPDATE", "none", "ValidationError", "Stack [none] does not exist"),
        ("IMPORT", "there", "NotImplemented", "does not offer change sets of the type IMPORT"),
    ],
)
def test_change_sets_are_refused(account: Account, kind: str, stack: str, code: str, text: str) -> None:
    account.create(template(Handle=HANDLE), name="there")
    with pytest.raises(ServiceFault) as refused:
        account.ask(
            "CreateChangeSet",
            StackName=stack,
            ChangeSetName="change",
            ChangeSetType=kind,
            TemplateBody=json.dumps(template(Handle=HANDLE)),
        )
    assert refused.value.code == code
    assert text in refused.value.message


def test_a_name_is_used_once(account: Account) -> None:
    account.propose(template(Role=role()), "CREATE")
    with pytest.raises(ServiceFault, match=r"^AlreadyExistsException: ChangeSet change already exists"):
        account.propose(template(Role=role()), "CREATE")
