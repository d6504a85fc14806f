"""What the state engine has too little or too much of: lists, tags, regions, for long AWS's images."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend
from moto.utilities.utils import get_partition

from xacct_kit.sandbox.faults import ServiceFault, not_offered
from xacct_kit.sandbox.protocol import Operation

# Tells moto to make the images of AWS in no account; an account has more than a thousand.
_NO_IMAGES = "MOTO_EC2_LOAD_DEFAULT_AMIS"
_NEEDS_NO_IMAGES = re.compile(r"Describe(?!.*(Image|Snapshot))")
_furnished: set[tuple[str, str]] = set()
_furnishing = threading.Lock()

_LIFECYCLE_CONFIG = ":notebook-instance-lifecycle-config/"


def spare_images() -> None:
    """Have no account furnished with the images of AWS until somebody asks for them."""
    os.environ[_NO_IMAGES] = "false"


def ensure_images(account: str, region: str, operation: str) -> None:
    """Make the images of AWS, and their snapshots, in an account that is asked what may need them."""
    if _NEEDS_NO_IMAGES.match(operation):
        return
    with _furnishing:
        if (account, region) not in _furnished:
            backend = get_backend("ec2")[account][region]
            del os.environ[_NO_IMAGES]
            backend._load_amis()
            spare_images()
            _furnished.add((account, region))


def describe_regions(
    account: str, region: str, disabled: Callable[[str], bool], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer EC2's `DescribeRegions` with the regions of the partition that are not switched off.

    Regions that an account must opt in to are served as the others are, and told as opted in to.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html

    Raises:
        ServiceFault: more is asked than the names of regions.
    """
    if params.get("Filters") or params.get("AllRegions"):
        raise not_offered("Filters and AllRegions of DescribeRegions")
    known = get_backend("ec2")[account][region].describe_regions(params.get("RegionNames"))
    return {
        "Regions": [
            {"RegionName": each.name, "Endpoint": each.endpoint, "OptInStatus": _opted_in(each)}
            for each in known
            if get_partition(each.name) == get_partition(region) and not disabled(each.name)
        ]
    }


def _opted_in(region: Any) -> str:
    return "opted-in" if region.opt_in_status == "not-opted-in" else str(region.opt_in_status)


def list_security_configurations(account: str, region: str) -> dict[str, Any]:
    """Answer EMR's `ListSecurityConfigurations`, on one page."""
    kept = get_backend("emr")[account][region].security_configurations
    return {
        "SecurityConfigurations": [
            {"Name": name, "CreationDateTime": configuration.creation_date_time}
            for name, configuration in kept.items()
        ]
    }


def list_lifecycle_configs(account: str, region: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer SageMaker's `ListNotebookInstanceLifecycleConfigs`, on one page."""
    return {
        "NotebookInstanceLifecycleConfigs": [
            {
                "NotebookInstanceLifecycleConfigName": name,
                "NotebookInstanceLifecycleConfigArn": config.arn,
                "CreationTime": config.creation_time,
                "LastModifiedTime": config.last_modified_time,
            }
            for name, config in _lifecycle_configs(account, region).items()
            if params.get("NameContains", "") in name
        ]
    }


def list_sagemaker_tags(account: str, region: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer SageMaker's `ListTags`, on one page.

    Raises:
        ServiceFault: there is nothing with that ARN.
    """
    arn = params["ResourceArn"]
    try:
        if _LIFECYCLE_CONFIG not in arn:
            return {"Tags": get_backend("sagemaker")[account][region].list_tags(arn=arn)[0]}
        return {"Tags": getattr(_lifecycle_configs(account, region)[arn.rpartition("/")[2]], "tags", [])}
    except (AttributeError, LookupError, ValueError):
        raise ServiceFault(400, "ValidationException", f"RecordNotFound: {arn}") from None


def tag_lifecycle_config(account: str, region: str, params: Mapping[str, Any]) -> None:
    """Keep the tags with which a notebook instance lifecycle configuration was made."""
    name = params["NotebookInstanceLifecycleConfigName"]
    _lifecycle_configs(account, region)[name].tags = params.get("Tags", [])


def tag_bucket(account: str, partition: str, params: Mapping[str, Any]) -> None:
    """Keep the tags with which a bucket was made."""
    tags = params.get("CreateBucketConfiguration", {}).get("Tags", [])
    if tags:
        given = {tag["Key"]: tag["Value"] for tag in tags}
        get_backend("s3")[account][partition].put_bucket_tagging(params["Bucket"], given)


def check_bucket_free(operation: Operation, account: str) -> None:
    """Refuse to make a bucket whose name another account has; moto takes it for a denial.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

    Raises:
        ServiceFault: the name is taken.
    """
    if (operation.service, operation.name) != ("s3", "CreateBucket"):
        return
    if bucket_owner(operation.params["Bucket"]) not in (None, account):
        raise ServiceFault(
            409,
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the "
            "system. Please select a different name and try again.",
        )


def is_of_a_bucket(operation: Operation) -> bool:
    """Whether an operation reads an object of a bucket that there is."""
    reading = operation.service == "s3" and operation.name in ("GetObject", "HeadObject")
    return reading and bucket_owner(operation.params["Bucket"]) is not None


def bucket_owner(bucket: str) -> str | None:
    """The account that has a bucket; None where there is none of that name."""
    every: Any = get_backend("s3")
    return next(iter(every.bucket_accounts.get(bucket, ())[1:]), None)


def secret_arn(account: str, region: str, name: str) -> str | None:
    """The ARN of the secret with a name; it ends with characters that nobody chose.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    """
    secret = get_backend("secretsmanager")[account][region].secrets.get(name)
    return str(secret.arn) if secret else None


def _lifecycle_configs(account: str, region: str) -> Any:
    return get_backend("sagemaker")[account][region].notebook_instance_lifecycle_configurations
