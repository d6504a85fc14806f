"""Which IAM action an operation needs, and on which resources.

Most operations are named as their action is. The exceptions, and where the resource's name stands in the
parameters, are tables.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.sandbox import additions, organization, state
from xacct_kit.sandbox.protocol import Operation

_S3_ACTIONS: Mapping[str, str] = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

# Service, parameter, and the resource that the parameter's value names; the first that is there counts.
_RESOURCES: tuple[tuple[str, str, str], ...] = (
    ("cloudformation", "ResourceArn", "{value}"),
    (
        "cloudformation",
        "StackSetName",
        "arn:{partition}:cloudformation:{region}:{account}:stackset/{value}:*",
    ),
    ("cloudformation", "StackName", "arn:{partition}:cloudformation:{region}:{account}:stack/{value}/*"),
    ("dynamodb", "TableName", "arn:{partition}:dynamodb:{region}:{account}:table/{value}"),
    ("elasticmapreduce", "ClusterId", "arn:{partition}:elasticmapreduce:{region}:{account}:cluster/{value}"),
    ("elasticmapreduce", "JobFlowId", "arn:{partition}:elasticmapreduce:{region}:{account}:cluster/{value}"),
    ("elasticmapreduce", "ResourceId", "arn:{partition}:elasticmapreduce:{region}:{account}:cluster/{value}"),
    ("elasticmapreduce", "JobFlowIds", "arn:{partition}:elasticmapreduce:{region}:{account}:cluster/{value}"),
    ("iam", "InstanceProfileName", "arn:{partition}:iam::{account}:instance-profile/{value}"),
    ("iam", "RoleName", "arn:{partition}:iam::{account}:role/{value}"),
    ("iam", "UserName", "arn:{partition}:iam::{account}:user/{value}"),
    ("iam", "GroupName", "arn:{partition}:iam::{account}:group/{value}"),
    ("iam", "PolicyArn", "{value}"),
    ("iam", "PolicySourceArn", "{value}"),
    ("iam", "PolicyName", "arn:{partition}:iam::{account}:policy/{value}"),
    (
        "sagemaker",
        "NotebookInstanceName",
        "arn:{partition}:sagemaker:{region}:{account}:notebook-instance/{value}",
    ),
    (
        "sagemaker",
        "NotebookInstanceLifecycleConfigName",
        "arn:{partition}:sagemaker:{region}:{account}:notebook-instance-lifecycle-config/{value}",
    ),
    ("secretsmanager", "SecretId", "arn:{partition}:secretsmanager:{region}:{account}:secret:{value}"),
    ("secretsmanager", "Name", "arn:{partition}:secretsmanager:{region}:{account}:secret:{value}"),
    ("ssm", "Name", "arn:{partition}:ssm:{region}:{account}:parameter/{value}"),
    ("ssm", "Names", "arn:{partition}:ssm:{region}:{account}:parameter/{value}"),
    ("ssm", "Path", "arn:{partition}:ssm:{region}:{account}:parameter/{value}"),
    ("sts", "RoleArn", "{value}"),
)

# Operations that are authorised on a resource that they do not name, or on none that they name.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
_FIXED_RESOURCES: Mapping[tuple[str, str], str] = {
    ("cloudformation", "CreateStackSet"): "*",
    ("iam", "ListRoles"): "arn:{partition}:iam::{account}:role/",
    ("iam", "ListUsers"): "arn:{partition}:iam::{account}:user/",
    ("iam", "ListPolicies"): "policy path /",
}


# What is another action where a version of an object is named.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_OF_VERSIONS = frozenset(
    f"{deed}Object{what}"
    for deed, what in (
        ("Delete", ""),
        ("Delete", "Tagging"),
        ("Get", ""),
        ("Get", "Acl"),
        ("Get", "Tagging"),
        ("Put", "Tagging"),
    )
)


def iam_action(operation: Operation) -> str:
    """The IAM action that an operation needs."""
    name = operation.name
    if operation.service == "s3":
        name = _S3_ACTIONS.get(name, name)
        if name in _OF_VERSIONS and operation.params.get("VersionId"):
            name = name.replace("Object", "ObjectVersion")
    return f"{operation.service}:{name}"


# What a parameter of an operation takes besides the permission for the operation itself.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_customer-managed-policies.html
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html
_WITH_PARAMETERS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("elasticmapreduce", "RunJobFlow"): {"Tags": "AddTags"},
    ("iam", "CreateInstanceProfile"): {"Tags": "TagInstanceProfile"},
    ("iam", "CreatePolicy"): {"Tags": "TagPolicy"},
    ("iam", "CreateRole"): {"Tags": "TagRole"},
    ("iam", "CreateUser"): {"Tags": "TagUser"},
    ("organizations", "CreateAccount"): {"Tags": "TagResource"},
    ("s3", "CopyObject"): {"Tagging": "PutObjectTagging"},
    ("s3", "CreateBucket"): {"CreateBucketConfiguration.Tags": "TagResource"},
    ("s3", "CreateMultipartUpload"): {"Tagging": "PutObjectTagging"},
    ("s3", "PutObject"): {"Tagging": "PutObjectTagging"},
    ("secretsmanager", "CreateSecret"): {"Tags": "TagResource"},
    ("ssm", "PutParameter"): {"Tags": "AddTagsToResource"},
    ("sts", "AssumeRole"): {"Tags": "TagSession", "SourceIdentity": "SetSourceIdentity"},
}
# By service, what a parameter takes in every other operation that has it.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
_WITH_PARAMETERS_ANYWHERE: Mapping[str, Mapping[str, str]] = {
    "ec2": {"TagSpecifications": "CreateTags"},
    "sagemaker": {"Tags": "AddTags"},
}


# What the lack of a parameter takes.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
_WITHOUT_PARAMETERS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloudformation", "DescribeStacks"): {"StackName": "ListStacks"},
}


# The parameters by which an operation hands a role to a service, and the service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
_PASSED_ROLES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cloudformation", "CreateChangeSet"): {"RoleARN": "cloudformation"},
    ("cloudformation", "CreateStack"): {"RoleARN": "cloudformation"},
    ("cloudformation", "DeleteStack"): {"RoleARN": "cloudformation"},
    ("cloudformation", "UpdateStack"): {"RoleARN": "cloudformation"},
    ("ec2", "AssociateIamInstanceProfile"): {"IamInstanceProfile": "ec2"},
    ("ec2", "ReplaceIamInstanceProfileAssociation"): {"IamInstanceProfile": "ec2"},
    ("ec2", "RunInstances"): {"IamInstanceProfile": "ec2"},
    ("iam", "AddRoleToInstanceProfile"): {"RoleName": "ec2"},
    ("elasticmapreduce", "RunJobFlow"): {
        "AutoScalingRole": "application-autoscaling",
        "JobFlowRole": "ec2",
        "ServiceRole": "elasticmapreduce",
    },
    ("ssm", "SendCommand"): {"ServiceRoleArn": "ssm"},
}
# By service, where the same parameters hand over a role in every operation that has them.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
_PASSED_ANYWHERE: Mapping[str, Mapping[str, str]] = {
    "sagemaker": {"ExecutionRoleArn": "sagemaker", "RoleArn": "sagemaker"},
}


def implied(operation: Operation, *, partition: str, account: str) -> tuple[Operation, ...]:
    """What else a principal must be allowed for an operation: to copy an object is to read it, too."""
    return (*_implied(operation), *_passing(operation, partition, account))


def _passing(operation: Operation, partition: str, account: str) -> Iterator[Operation]:
    anywhere = _PASSED_ANYWHERE.get(operation.service, {})
    for name, service in _PASSED_ROLES.get((operation.service, operation.name), anywhere).items():
        given = operation.params.get(name)
        profile = given.get("Name") or given.get("Arn") if isinstance(given, Mapping) else given
        if not profile:
            continue
        # An instance profile hands over the role that is in it.
        named = name == "RoleName" or service != "ec2"
        roles = (profile,) if named else state.profile_roles(partition, account, profile)
        for role in roles:
            yield Operation(
                "iam", "PassRole", {"RoleName": role, "PassedToService": f"{service}.amazonaws.com"}
            )


def _implied(operation: Operation) -> Iterator[Operation]:
    params = operation.params
    for name, action in _WITHOUT_PARAMETERS.get((operation.service, operation.name), {}).items():
        if not params.get(name):
            yield Operation(operation.service, action, {})
    anywhere = _WITH_PARAMETERS_ANYWHERE.get(operation.service, {})
    for path, action in _WITH_PARAMETERS.get((operation.service, operation.name), anywhere).items():
        if _given(params, path) and action != operation.name:
            yield Operation(operation.service, action, params)
    if operation.service == "s3" and params.get("CopySource"):
        source, _, version = params["CopySource"].partition("?versionId=")
        bucket, _, key = unquote(source).lstrip("/").partition("/")
        yield Operation("s3", "GetObject", {"Bucket": bucket, "Key": key, "VersionId": version})
    if (operation.service, operation.name) == ("s3", "GetObjectAttributes"):
        yield Operation("s3", "GetObject", params)
    if (operation.service, operation.name) == ("secretsmanager", "BatchGetSecretValue"):
        yield from (
            Operation("secretsmanager", "GetSecretValue", {"SecretId": each})
            for each in params.get("SecretIdList") or "*"
        )
    for each in (params.get("Delete") or {}).get("Objects") or ():
        if operation.service == "s3" and each.get("VersionId"):
            yield Operation("s3", "DeleteObject", {"Bucket": params["Bucket"], **each})


def _given(params: Mapping[str, Any], path: str) -> Any:
    name, _, rest = path.partition(".")
    value = params.get(name)
    return _given(value, rest) if rest and value else value


def resources(operation: Operation, *, partition: str, account: str, region: str) -> tuple[str, ...]:
    """The resources that an operation is authorised on; `*` where it names none."""
    place = {"partition": partition, "account": account, "region": region}
    if operation.service == "s3":
        return _s3_resources(operation.params, partition)
    if operation.service == "ce":
        place["region"] = PARTITIONS[partition].cost_explorer_region or region
        return ("arn:{partition}:ce:{region}:{account}:/{name}".format(name=operation.name, **place),)
    if operation.service == "organizations":
        return organization.resources(operation.params, partition, account)
    fixed = _FIXED_RESOURCES.get((operation.service, operation.name))
    if fixed is not None:
        return (fixed.format(**place),)
    for service, parameter, template in _RESOURCES:
        if service == operation.service and operation.params.get(parameter):
            value = operation.params[parameter]
            values = value if isinstance(value, list) else [value]
            found = tuple(_named(service, str(name), template, place) for name in values)
            return tuple(_under_path(operation, arn) for arn in found)
    return ("*",)


def _under_path(operation: Operation, arn: str) -> str:
    """The ARN of what is to be made in IAM, under the path that it is given."""
    path = str(operation.params.get("Path", "/"))
    if operation.service != "iam" or not operation.name.startswith("Create") or path == "/":
        return arn
    kind, _, name = arn.rpartition("/")
    return f"{kind}{path}{name}"


def _named(service: str, value: str, template: str, place: Mapping[str, str]) -> str:
    if service == "secretsmanager":
        # A name, an ARN or a part of one.
        value = additions.secret_arn(place["account"], place["region"], value) or value
    if service == "ssm":
        # A version or a label may follow the name.
        value = ":".join(value.split(":")[: 6 if value.startswith("arn:") else 1])
    if value.startswith("arn:"):
        return value
    arn = template.format(value=value.lstrip("/"), **place)
    if service == "iam" and ":role/" in arn:
        return state.role_arn(place["partition"], place["account"], value) or arn
    return arn


def _s3_resources(params: Mapping[str, Any], partition: str) -> tuple[str, ...]:
    bucket = params.get("Bucket")
    if not bucket:
        return ("*",)
    listed = (params.get("Delete") or {}).get("Objects") or ()
    keys = [params["Key"]] if params.get("Key") else [item["Key"] for item in listed]
    arn = f"arn:{partition}:s3:::{bucket}"
    return tuple(f"{arn}/{key}" for key in keys) or (arn,)
