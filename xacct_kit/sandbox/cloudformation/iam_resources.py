"""The resource types of IAM.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html

What AWS calls for each is listed in the types' schemas, by handler: create, read, update and delete. When a
handler calls which is not told; here it is called whenever the handler has to do with what the call is about.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
https://schema.cloudformation.us-east-1.amazonaws.com/CloudformationSchema.zip (aws-iam-role.json,
aws-iam-managedpolicy.json)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from xacct_kit.sandbox.cloudformation.caller import Call
from xacct_kit.sandbox.cloudformation.resources import (
    Action,
    Made,
    Part,
    Parts,
    Properties,
    Request,
    ResourceType,
    action,
    as_tags,
    document_text,
    given,
    if_there,
    removal,
    tag_values,
)

_DEFAULT_SESSION_SECONDS = 3600
_MAX_POLICY_VERSIONS = 5


def _make_role(request: Request) -> Made:
    properties = request.properties
    name = properties.get("RoleName", request.generated_name)
    params = given(
        RoleName=name,
        AssumeRolePolicyDocument=document_text(properties["AssumeRolePolicyDocument"]),
        Path=properties.get("Path"),
        Description=properties.get("Description"),
        MaxSessionDuration=_session_seconds(properties),
        PermissionsBoundary=properties.get("PermissionsBoundary"),
        Tags=as_tags(tag_values(properties.get("Tags"))) or None,
    )
    role = request.call("iam", "CreateRole", params)["Role"]
    return Made(physical_id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _session_seconds(properties: Properties) -> int:
    return int(properties.get("MaxSessionDuration", _DEFAULT_SESSION_SECONDS))


def _confirm_role(call: Call, name: str, properties: Properties) -> None:
    call("iam", "GetRole", {"RoleName": name})
    for policy in properties.get("Policies", ()):
        call("iam", "GetRolePolicy", {"RoleName": name, "PolicyName": policy["PolicyName"]})


def _remove_role(call: Call, name: str, _: Properties) -> None:
    for operation in ("GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "DeleteRole"):
        removal("iam", operation, RoleName=name)(call)


def _role_parts(name: str, properties: Properties) -> Parts:
    return {
        ("boundary", ""): _boundary(name, properties.get("PermissionsBoundary")),
        ("trust", ""): _trust(name, document_text(properties["AssumeRolePolicyDocument"])),
        ("settings", ""): _settings(name, properties),
        **{("tag", key): _tag(name, key, value) for key, value in tag_values(properties.get("Tags")).items()},
        **{
            ("inline", policy["PolicyName"]): _inline(name, policy["PolicyName"], policy["PolicyDocument"])
            for policy in properties.get("Policies", ())
        },
        **{("attached", arn): _attached(name, arn) for arn in properties.get("ManagedPolicyArns", ())},
    }


def _boundary(role: str, arn: str | None) -> Part:
    remove = removal("iam", "DeleteRolePermissionsBoundary", RoleName=role)
    put = action("iam", "PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=arn)
    return Part(value=arn, put=put if arn else remove, remove=remove, with_base=True)


def _trust(role: str, document: str) -> Part:
    put = action("iam", "UpdateAssumeRolePolicy", RoleName=role, PolicyDocument=document)
    return Part(value=document, put=put, remove=put, with_base=True)


def _settings(role: str, properties: Properties) -> Part:
    settings = {
        "Description": properties.get("Description", ""),
        "MaxSessionDuration": _session_seconds(properties),
    }
    update = action("iam", "UpdateRole", RoleName=role, **settings)
    describe = action("iam", "UpdateRoleDescription", RoleName=role, Description=settings["Description"])

    def put(call: Call) -> None:
        update(call)
        describe(call)

    return Part(value=settings, put=put, remove=put, with_base=True)


def _tag(role: str, key: str, value: str) -> Part:
    return Part(
        value=value,
        put=action("iam", "TagRole", RoleName=role, Tags=as_tags({key: value})),
        remove=removal("iam", "UntagRole", RoleName=role, TagKeys=[key]),
        with_base=True,
    )


def _inline(role: str, policy: str, document: Any) -> Part:
    text = document_text(document)
    return Part(
        value=text,
        put=action("iam", "PutRolePolicy", RoleName=role, PolicyName=policy, PolicyDocument=text),
        remove=removal("iam", "DeleteRolePolicy", RoleName=role, PolicyName=policy),
    )


def _attached(role: str, arn: str) -> Part:
    return Part(
        value=arn,
        put=action("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn),
        remove=removal("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn),
    )


def _read_role(call: Call, name: str) -> Properties:
    role = call("iam", "GetRole", {"RoleName": name})["Role"]
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    attached = call("iam", "ListAttachedRolePolicies", {"RoleName": name})["AttachedPolicies"]
    inline = call("iam", "ListRolePolicies", {"RoleName": name})["PolicyNames"]
    return {
        "AssumeRolePolicyDocument": _read_document(role["AssumeRolePolicyDocument"]),
        "Description": role.get("Description", ""),
        "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
        "MaxSessionDuration": role["MaxSessionDuration"],
        "Path": role["Path"],
        "Policies": [_read_inline(call, name, policy) for policy in inline],
        "RoleName": role["RoleName"],
        "Tags": role.get("Tags", []),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    }


def _read_inline(call: Call, role: str, policy: str) -> dict[str, Any]:
    held = call("iam", "GetRolePolicy", {"RoleName": role, "PolicyName": policy})
    return {"PolicyName": policy, "PolicyDocument": _read_document(held["PolicyDocument"])}


def _read_document(document: Any) -> Any:
    """A policy document of an answer of IAM, which is text that is percent-encoded unless botocore read it.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
    """
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _make_managed_policy(request: Request) -> Made:
    properties = request.properties
    params = given(
        PolicyName=properties.get("ManagedPolicyName", request.generated_name),
        PolicyDocument=document_text(properties["PolicyDocument"]),
        Path=properties.get("Path"),
        Description=properties.get("Description"),
    )
    policy = request.call("iam", "CreatePolicy", params)["Policy"]
    return Made(
        physical_id=policy["Arn"], attributes={"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}
    )


def _remove_managed_policy(call: Call, arn: str, _: Properties) -> None:
    removal("iam", "GetPolicy", PolicyArn=arn)(call)
    removal("iam", "ListEntitiesForPolicy", PolicyArn=arn)(call)
    for version in _other_versions(call, arn):
        removal("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version)(call)
    removal("iam", "DeletePolicy", PolicyArn=arn)(call)


def _other_versions(call: Call, arn: str) -> list[str]:
    """The versions that are not the default, oldest first."""
    found: list[Mapping[str, Any]] = []

    def read(call: Call) -> None:
        found.extend(call("iam", "ListPolicyVersions", {"PolicyArn": arn})["Versions"])

    if_there(read)(call)
    others = [version["VersionId"] for version in found if not version["IsDefaultVersion"]]
    return sorted(others, key=lambda version: int(version.removeprefix("v")))


def _managed_policy_parts(arn: str, properties: Properties) -> Parts:
    text = document_text(properties["PolicyDocument"])
    put = _put_version(arn, text)
    return {
        ("document", ""): Part(value=text, put=put, remove=put, with_base=True),
        **{("role", role): _attached(role, arn) for role in properties.get("Roles", ())},
    }


def _put_version(arn: str, document: str) -> Action:
    def put(call: Call) -> None:
        call("iam", "GetPolicy", {"PolicyArn": arn})
        others = _other_versions(call, arn)
        if len(others) >= _MAX_POLICY_VERSIONS - 1:
            call("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": others[0]})
        call(
            "iam", "CreatePolicyVersion", {"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": True}
        )

    return put


def _read_managed_policy(call: Call, arn: str) -> Properties:
    policy = call("iam", "GetPolicy", {"PolicyArn": arn})["Policy"]
    asked = {"PolicyArn": arn, "VersionId": policy["DefaultVersionId"]}
    version = call("iam", "GetPolicyVersion", asked)["PolicyVersion"]
    attached = {"PolicyArn": arn, "EntityFilter": "Role", "PolicyUsageFilter": "PermissionsPolicy"}
    entities = call("iam", "ListEntitiesForPolicy", attached)
    return {
        "Description": policy.get("Description", ""),
        "ManagedPolicyName": policy["PolicyName"],
        "Path": policy["Path"],
        "PolicyDocument": _read_document(version["Document"]),
        "Roles": [role["RoleName"] for role in entities["PolicyRoles"]],
    }


def _make_policy(request: Request) -> Made:
    return Made(physical_id=request.generated_name)


def _nothing_to_remove(_call: Call, _physical_id: str, _properties: Properties) -> None:
    """The parts are all that there is."""


def _policy_parts(_: str, properties: Properties) -> Parts:
    policy, document = properties["PolicyName"], properties["PolicyDocument"]
    return {(role, policy): _inline(role, policy, document) for role in properties.get("Roles", ())}


def _make_role_policy(request: Request) -> Made:
    return Made(physical_id=f"{request.properties['PolicyName']}|{request.properties['RoleName']}")


def _read_role_policy(call: Call, physical_id: str) -> Properties:
    policy, _, role = physical_id.partition("|")
    return {"RoleName": role, **_read_inline(call, role, policy)}


def _role_policy_parts(_: str, properties: Properties) -> Parts:
    role, policy = properties["RoleName"], properties["PolicyName"]
    return {(role, policy): _inline(role, policy, properties["PolicyDocument"])}


ROLE = ResourceType(
    properties=frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        }
    ),
    required=frozenset({"AssumeRolePolicyDocument"}),
    replacing=frozenset({"Path", "RoleName"}),
    name_property="RoleName",
    iam=True,
    make=_make_role,
    remove=_remove_role,
    confirm=_confirm_role,
    parts=_role_parts,
    read=_read_role,
    attribute_names=frozenset({"Arn", "RoleId"}),
    tags=list,
)

MANAGED_POLICY = ResourceType(
    properties=frozenset({"Description", "ManagedPolicyName", "Path", "PolicyDocument", "Roles"}),
    required=frozenset({"PolicyDocument"}),
    replacing=frozenset({"Description", "ManagedPolicyName", "Path"}),
    name_property="ManagedPolicyName",
    iam=True,
    make=_make_managed_policy,
    remove=_remove_managed_policy,
    parts=_managed_policy_parts,
    read=_read_managed_policy,
    attribute_names=frozenset({"PolicyArn", "PolicyId"}),
)

POLICY = ResourceType(
    properties=frozenset({"PolicyDocument", "PolicyName", "Roles"}),
    required=frozenset({"PolicyDocument", "PolicyName", "Roles"}),
    iam=True,
    make=_make_policy,
    remove=_nothing_to_remove,
    parts=_policy_parts,
)

ROLE_POLICY = ResourceType(
    properties=frozenset({"PolicyDocument", "PolicyName", "RoleName"}),
    required=frozenset({"PolicyDocument", "PolicyName", "RoleName"}),
    replacing=frozenset({"PolicyName", "RoleName"}),
    iam=True,
    make=_make_role_policy,
    remove=_nothing_to_remove,
    parts=_role_policy_parts,
    read=_read_role_policy,
)
