"""The resource types beside those of IAM.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.sandbox.cloudformation.caller import Call, Caller
from xacct_kit.sandbox.cloudformation.refusals import HandlerError, ResourceError, handler_message
from xacct_kit.sandbox.cloudformation.resources import (
    Made,
    Part,
    Parts,
    Properties,
    Request,
    ResourceType,
    action,
    as_tags,
    removal,
    tag_values,
)


def _make_handle(request: Request) -> Made:
    caller = request.caller
    suffix = PARTITIONS[caller.partition].dns_suffix
    host = f"cloudformation-waitcondition-{caller.region}.s3.{caller.region}.{suffix}"
    return Made(physical_id=f"https://{host}/{request.generated_name}-{uuid.uuid4()}")


def _remove_handle(_call: Call, _physical_id: str, _properties: Properties) -> None:
    """A handle is a URL: nothing holds it."""


def _make_bucket(request: Request) -> Made:
    name = request.properties.get("BucketName", request.generated_name.lower())
    # In us-east-1 CreateBucket succeeds for a bucket that one has already; the stack must not take it over.
    if _bucket_exists(request.call, name):
        raise ResourceError(handler_message(f"{name} already exists", "AlreadyExists"))
    params: dict[str, Any] = {"Bucket": name}
    if request.caller.region != "us-east-1":
        params["CreateBucketConfiguration"] = {"LocationConstraint": request.caller.region}
    request.call("s3", "CreateBucket", params)
    return Made(physical_id=name)


def _bucket_exists(call: Call, name: str) -> bool:
    """Whether the caller sees a bucket; where that is refused, CreateBucket itself tells."""
    try:
        call("s3", "HeadBucket", {"Bucket": name})
    except HandlerError:
        return False
    return True


def _remove_bucket(call: Call, name: str, _: Properties) -> None:
    removal("s3", "DeleteBucket", Bucket=name)(call)


def _bucket_parts(name: str, properties: Properties) -> Parts:
    tags = tag_values(properties.get("Tags"))
    if not tags:
        return {}
    put = action("s3", "PutBucketTagging", Bucket=name, Tagging={"TagSet": as_tags(tags)})
    # The tags of a bucket are one set.
    return {("tags", ""): Part(value=tags, put=put, remove=removal("s3", "DeleteBucketTagging", Bucket=name))}


def _bucket_attributes(name: str, _: Properties, caller: Caller) -> Mapping[str, str]:
    suffix = PARTITIONS[caller.partition].dns_suffix
    return {
        "Arn": f"arn:{caller.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.{suffix}",
        "RegionalDomainName": f"{name}.s3.{caller.region}.{suffix}",
    }


def _make_parameter(request: Request) -> Made:
    properties = request.properties
    name = properties.get("Name", f"CFN-{request.generated_name}")
    params = {**_parameter_settings(properties), "Name": name, "Overwrite": False}
    tags = as_tags(tag_values(properties.get("Tags")))
    request.call("ssm", "PutParameter", {**params, "Tags": tags} if tags else params)
    return Made(physical_id=name)


def _parameter_settings(properties: Properties) -> dict[str, Any]:
    settings = {"Type": properties["Type"], "Value": str(properties["Value"])}
    if "Description" in properties:
        settings["Description"] = properties["Description"]
    return settings


def _remove_parameter(call: Call, name: str, _: Properties) -> None:
    removal("ssm", "DeleteParameter", Name=name)(call)


def _parameter_parts(name: str, properties: Properties) -> Parts:
    settings = _parameter_settings(properties)
    put = action("ssm", "PutParameter", **{"Description": "", **settings}, Name=name, Overwrite=True)
    tags = tag_values(properties.get("Tags"))
    return {
        ("settings", ""): Part(value=settings, put=put, remove=put, with_base=True),
        **{("tag", key): _parameter_tag(name, key, value) for key, value in tags.items()},
    }


def _parameter_tag(name: str, key: str, value: str) -> Part:
    where = {"ResourceType": "Parameter", "ResourceId": name}
    return Part(
        value=value,
        put=action("ssm", "AddTagsToResource", **where, Tags=as_tags({key: value})),
        remove=removal("ssm", "RemoveTagsFromResource", **where, TagKeys=[key]),
        with_base=True,
    )


def _parameter_attributes(_name: str, properties: Properties, _caller: Caller) -> Mapping[str, str]:
    return {"Type": properties["Type"], "Value": str(properties["Value"])}


WAIT_CONDITION_HANDLE = ResourceType(properties=frozenset(), make=_make_handle, remove=_remove_handle)

BUCKET = ResourceType(
    properties=frozenset({"BucketName", "Tags"}),
    replacing=frozenset({"BucketName"}),
    name_property="BucketName",
    make=_make_bucket,
    remove=_remove_bucket,
    parts=_bucket_parts,
    attributes=_bucket_attributes,
    attribute_names=frozenset({"Arn", "DomainName", "RegionalDomainName"}),
    tags=list,
)

PARAMETER = ResourceType(
    properties=frozenset({"Description", "Name", "Tags", "Type", "Value"}),
    required=frozenset({"Type", "Value"}),
    replacing=frozenset({"Name"}),
    name_property="Name",
    make=_make_parameter,
    remove=_remove_parameter,
    parts=_parameter_parts,
    attributes=_parameter_attributes,
    attribute_names=frozenset({"Type", "Value"}),
    tags=dict,
)
