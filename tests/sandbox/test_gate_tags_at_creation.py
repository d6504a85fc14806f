"""What is tagged as it is made keeps its tags, and takes the permission to tag; all of it can be listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from gate_clients import Actor, Organization, document, refusal, statement, unique

TAGS = [{"Key": "Team", "Value": "research"}]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of thing that can be tagged as it is made.

    Attributes:
        service: botocore's name of the service.
        make: makes one with a name.
        action: the IAM action of making one.
        tagging: the IAM action that the tags take besides.
        tags: reads the tags of the one with a name.
    """

    service: str
    make: Callable[[Any, str], Any]
    action: str
    tagging: str
    tags: Callable[[Any, str, str], Any]


def tags_of_policy(iam: Any, name: str, account: str) -> Any:
    return iam.list_policy_tags(PolicyArn=f"arn:aws:iam::{account}:policy/{name}")["Tags"]


def tags_of_config(sagemaker: Any, name: str, account: str) -> Any:
    arn = f"arn:aws:sagemaker:us-east-1:{account}:notebook-instance-lifecycle-config/{name}"
    return sagemaker.list_tags(ResourceArn=arn)["Tags"]


KINDS = {
    "parameter": Kind(
        service="ssm",
        make=lambda ssm, name: ssm.put_parameter(Name=name, Value="v", Type="String", Tags=TAGS),
        action="ssm:PutParameter",
        tagging="ssm:AddTagsToResource",
        tags=lambda ssm, name, _: ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)[
            "TagList"
        ],
    ),
    "bucket": Kind(
        service="s3",
        make=lambda s3, name: s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": TAGS}),
        action="s3:CreateBucket",
        tagging="s3:TagResource",
        tags=lambda s3, name, _: s3.get_bucket_tagging(Bucket=name)["TagSet"],
    ),
    "policy": Kind(
        service="iam",
        make=lambda iam, name: iam.create_policy(
            PolicyName=name, PolicyDocument=document(statement("Deny", "*")), Tags=TAGS
        ),
        action="iam:CreatePolicy",
        tagging="iam:TagPolicy",
        tags=tags_of_policy,
    ),
    "lifecycle configuration": Kind(
        service="sagemaker",
        make=lambda sagemaker, name: sagemaker.create_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName=name, Tags=TAGS
        ),
        action="sagemaker:CreateNotebookInstanceLifecycleConfig",
        tagging="sagemaker:AddTags",
        tags=tags_of_config,
    ),
}

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


@each_kind
def test_what_is_tagged_as_it_is_made_keeps_its_tags(organization: Organization, kind: Kind) -> None:
    who = organization.somebody(statement("Allow", kind.action, kind.tagging))
    name = unique("tagged")
    kind.make(who.client(kind.service), name)
    reader = organization.administrator()
    assert kind.tags(reader.client(kind.service), name, reader.account) == TAGS


@each_kind
def test_tags_take_a_permission_of_their_own(organization: Organization, kind: Kind) -> None:
    who = organization.somebody(statement("Allow", kind.action))
    refused = refusal(lambda: kind.make(who.client(kind.service), unique("tagged")))
    assert f"is not authorized to perform: {kind.tagging} on resource: " in refused.text


@each_kind
def test_who_may_do_neither_is_told_of_what_was_asked(organization: Organization, kind: Kind) -> None:
    who = organization.somebody(statement("Allow", kind.tagging))
    refused = refusal(lambda: kind.make(who.client(kind.service), unique("tagged")))
    assert f"is not authorized to perform: {kind.action} " in refused.text


def names(answer: dict[str, Any], items: str, name: str) -> list[str]:
    return [item[name] for item in answer[items]]


def test_security_configurations_are_listed_where_they_are(organization: Organization) -> None:
    emr = organization.administrator().client("emr")
    name = unique("configuration")
    emr.create_security_configuration(Name=name, SecurityConfiguration=json.dumps({}))
    assert name in names(emr.list_security_configurations(), "SecurityConfigurations", "Name")
    elsewhere = organization.administrator().but(region="eu-west-1").client("emr")
    assert name not in names(elsewhere.list_security_configurations(), "SecurityConfigurations", "Name")
    emr.delete_security_configuration(Name=name)
    assert name not in names(emr.list_security_configurations(), "SecurityConfigurations", "Name")


def listed_configs(who: Actor, **narrowed: str) -> list[str]:
    answer = who.client("sagemaker").list_notebook_instance_lifecycle_configs(**narrowed)
    return names(answer, "NotebookInstanceLifecycleConfigs", "NotebookInstanceLifecycleConfigName")


def test_lifecycle_configurations_are_listed_by_a_part_of_their_name(organization: Organization) -> None:
    who = organization.administrator()
    one, other = unique("one"), unique("other")
    for name in (one, other):
        who.client("sagemaker").create_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName=name
        )
    assert {one, other} <= set(listed_configs(who))
    assert listed_configs(who, NameContains=one) == [one]


def test_tags_of_no_lifecycle_configuration_are_not_found(organization: Organization) -> None:
    who = organization.administrator()
    arn = f"arn:aws:sagemaker:us-east-1:{who.account}:notebook-instance-lifecycle-config/nothing"
    assert refusal(who.client("sagemaker").list_tags, ResourceArn=arn).code == "ValidationException"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_dry_run_of_tagging_takes_the_permission(organization: Organization, allowed: bool) -> None:
    who = organization.somebody(statement("Allow", "ec2:CreateTags" if allowed else "ec2:RunInstances"))
    told = refusal(who.client("ec2").create_tags, Resources=["vpc-0a1b2c3d"], Tags=TAGS, DryRun=True)
    assert told.code == ("DryRunOperation" if allowed else "UnauthorizedOperation")


TAGGED = [{"ResourceType": "instance", "Tags": TAGS}]
INSTANCES = {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-12345678", "DryRun": True}
ENDPOINT = {"EndpointName": "e", "EndpointConfigName": "c"}
OBJECT = {"Bucket": "no-such-bucket", "Key": "key"}
CLUSTER = {
    "Name": "cluster",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1},
    "Tags": TAGS,
}


@pytest.mark.parametrize(
    ("service", "operation", "params", "action"),
    [
        ("ec2", "run_instances", INSTANCES | {"TagSpecifications": TAGGED}, "ec2:CreateTags"),
        ("emr", "run_job_flow", CLUSTER, "elasticmapreduce:AddTags"),
        (
            "sagemaker",
            "create_endpoint",
            {"EndpointName": "e", "EndpointConfigName": "c", "Tags": TAGS},
            "sagemaker:AddTags",
        ),
        ("s3", "get_object_attributes", OBJECT | {"ObjectAttributes": ["ETag"]}, "s3:GetObject"),
        ("s3", "put_object", OBJECT | {"Tagging": "a=b"}, "s3:PutObjectTagging"),
        ("s3", "get_object", OBJECT | {"VersionId": "v"}, "s3:GetObjectVersion"),
        ("s3", "delete_object", OBJECT | {"VersionId": "v"}, "s3:DeleteObjectVersion"),
        (
            "s3",
            "delete_objects",
            {"Bucket": "no-such-bucket", "Delete": {"Objects": [{"Key": "key", "VersionId": "v"}]}},
            "s3:DeleteObjectVersion",
        ),
        (
            "s3",
            "copy_object",
            OBJECT | {"CopySource": {"Bucket": "no-such-bucket", "Key": "key", "VersionId": "v"}},
            "s3:GetObjectVersion",
        ),
    ],
)
def test_what_is_asked_besides_takes_its_own_permission(
    organization: Organization, service: str, operation: str, params: dict[str, Any], action: str
) -> None:
    without = organization.somebody(statement("Allow", "*"), statement("Deny", action))
    told = refusal(getattr(without.client(service), operation), **params)
    assert f"is not authorized to perform: {action} " in told.text
    assert "explicit deny" in told.text


def test_a_step_is_added_to_the_cluster_that_is_named(organization: Organization) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html"""
    who = organization.administrator()
    ours = f"arn:aws:elasticmapreduce:us-east-1:{who.account}:cluster/j-OURS"
    emr = organization.somebody(statement("Allow", "elasticmapreduce:*", resource=ours)).client("emr")
    for asked in (
        lambda cluster: refusal(emr.add_job_flow_steps, JobFlowId=cluster, Steps=[]),
        lambda cluster: refusal(emr.add_tags, ResourceId=cluster, Tags=TAGS),
    ):
        assert "cluster/j-THEIRS because no identity-based" in asked("j-THEIRS").text
        assert "identity-based" not in asked("j-OURS").text
