"""The canaries, as data: what is made and removed again, to prove what only a change can prove.

What the calls must come back with is not written here: the profile's documents say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.steps.catalogue import Probe

# Every canary's name begins so, and it is tagged with its name where the service knows tags.
PREFIX = "xacct-canary-"

# The step that the findings of canaries belong to.
STEP = "canaries"

_TAGS = [{"Key": "xacct-kit", "Value": "{canary}"}]
_CONTENT = "canary"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How the things of a kind are listed.

    Attributes:
        probe: the call.
        items: the list in its answer.
        name: what an item's name is called.
    """

    probe: Probe
    items: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Use:
    """A call that uses what was made.

    Attributes:
        probe: the call.
        shows: whether an answer shows what was made; until it does, it is asked again.
    """

    probe: Probe
    shows: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, kw_only=True)
class Canary:
    """Something that is made, used and removed again.

    Attributes:
        thing: what it is, in words.
        made: the call that makes it, tagged.
        tagging: the IAM action that its tags take; empty where there are none.
        used: the calls that use it.
        removed: the calls that remove it, one after the other.
        gone: a call that finds nothing when it is gone, where removing takes its time.
        listing: how those that are left over are found.
        label: the form of its name.

    The placeholders are those of probes, and `{canary}`, its name.
    """

    thing: str
    made: Probe
    tagging: str = ""
    used: tuple[Use, ...] = ()
    removed: tuple[Probe, ...]
    gone: Probe | None = None
    listing: Listing
    label: str = PREFIX + "{run}"

    @property
    def probes(self) -> tuple[Probe, ...]:
        """All its calls, in the order in which they are made."""
        used = (use.probe for use in self.used)
        return (self.made, *used, *self.removed, *((self.gone,) if self.gone else ()))


_SERVICES: Mapping[str, str] = {"elasticmapreduce": "emr"}


def _call(
    action: str, params: Mapping[str, Any], *, resource: str = "*", price: float = 0.0, operation: str = ""
) -> Probe:
    """A call that needs one permission; its operation is named as the action is, if nothing else is given."""
    prefix, _, named = action.partition(":")
    service, operation = _SERVICES.get(prefix, prefix), operation or named
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", operation).lower()
    return Probe(
        name=f"{service}-{words}",
        service=service,
        operation=operation,
        action=action,
        resource=resource,
        params=params,
        price=price,
    )


def _json(document: Mapping[str, Any]) -> str:
    """A document as a template: its braces are no placeholders."""
    return json.dumps(document).replace("{", "{{").replace("}", "}}")


def _stack_stands(answer: Mapping[str, Any]) -> bool:
    return any(
        event["ResourceStatus"] == "CREATE_COMPLETE" and event["PhysicalResourceId"] == event["StackId"]
        for event in answer["StackEvents"]
    )


# US dollars a request in the first of AWS's Regions. https://aws.amazon.com/s3/pricing/
_S3_PUT, _S3_GET = 0.005 / 1000, 0.0004 / 1000

_NAMED_PARAMETER = {"Name": "{canary}"}
_PARAMETER = "arn:{partition}:ssm:{region}:{account}:parameter/{canary}"

_SSM_PARAMETER = Canary(
    thing="SSM parameter",
    made=_call(
        "ssm:PutParameter",
        {"Name": "{canary}", "Value": _CONTENT, "Type": "String", "Tags": _TAGS},
        resource=_PARAMETER,
    ),
    tagging="ssm:AddTagsToResource",
    used=(
        Use(
            probe=_call("ssm:GetParameter", _NAMED_PARAMETER, resource=_PARAMETER),
            shows=lambda answer: bool(answer["Parameter"]["Value"] == _CONTENT),
        ),
    ),
    removed=(_call("ssm:DeleteParameter", _NAMED_PARAMETER, resource=_PARAMETER),),
    listing=Listing(
        probe=_call(
            "ssm:DescribeParameters",
            {"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": [PREFIX]}]},
        ),
        items="Parameters",
        name="Name",
    ),
)

_THE_BUCKET = {"Bucket": "{canary}"}
_THE_OBJECT = {"Bucket": "{canary}", "Key": _CONTENT}
_BUCKET = "arn:{partition}:s3:::{canary}"
_OBJECT = f"{_BUCKET}/{_CONTENT}"

_S3_BUCKET = Canary(
    thing="S3 bucket",
    made=_call(
        "s3:CreateBucket",
        {**_THE_BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "{location}", "Tags": _TAGS}},
        resource=_BUCKET,
        price=_S3_PUT,
    ),
    tagging="s3:TagResource",
    used=(
        Use(
            probe=_call("s3:PutObject", {**_THE_OBJECT, "Body": _CONTENT}, resource=_OBJECT, price=_S3_PUT),
            shows=lambda answer: bool(answer["ETag"]),
        ),
        Use(
            probe=_call("s3:GetObject", _THE_OBJECT, resource=_OBJECT, price=_S3_GET),
            shows=lambda answer: bool(answer["Body"] == _CONTENT.encode()),
        ),
    ),
    removed=(
        _call("s3:DeleteObject", _THE_OBJECT, resource=_OBJECT),
        _call("s3:DeleteBucket", _THE_BUCKET, resource=_BUCKET),
    ),
    listing=Listing(
        probe=_call("s3:ListAllMyBuckets", {"Prefix": PREFIX}, price=_S3_PUT, operation="ListBuckets"),
        items="Buckets",
        name="Name",
    ),
    # A bucket's name is taken for the whole partition.
    label=PREFIX + "{run}-{account}",
)

_CONFIGURATION = {
    "InstanceMetadataServiceConfiguration": {
        "MinimumInstanceMetadataServiceVersion": 2,
        "HttpPutResponseHopLimit": 1,
    }
}

# EMR has no tags for these.
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html
_EMR_SECURITY_CONFIGURATION = Canary(
    thing="EMR security configuration",
    made=_call(
        "elasticmapreduce:CreateSecurityConfiguration",
        {"Name": "{canary}", "SecurityConfiguration": _json(_CONFIGURATION)},
    ),
    removed=(_call("elasticmapreduce:DeleteSecurityConfiguration", {"Name": "{canary}"}),),
    listing=Listing(
        probe=_call("elasticmapreduce:ListSecurityConfigurations", {}),
        items="SecurityConfigurations",
        name="Name",
    ),
)

_NAMED_CONFIG = {"NotebookInstanceLifecycleConfigName": "{canary}"}
_LIFECYCLE_CONFIG = "arn:{partition}:sagemaker:{region}:{account}:notebook-instance-lifecycle-config/{canary}"

_SAGEMAKER_LIFECYCLE_CONFIG = Canary(
    thing="SageMaker lifecycle configuration",
    made=_call(
        "sagemaker:CreateNotebookInstanceLifecycleConfig",
        {**_NAMED_CONFIG, "Tags": _TAGS},
        resource=_LIFECYCLE_CONFIG,
    ),
    tagging="sagemaker:AddTags",
    removed=(
        _call("sagemaker:DeleteNotebookInstanceLifecycleConfig", _NAMED_CONFIG, resource=_LIFECYCLE_CONFIG),
    ),
    listing=Listing(
        probe=_call("sagemaker:ListNotebookInstanceLifecycleConfigs", {"NameContains": PREFIX}),
        items="NotebookInstanceLifecycleConfigs",
        name="NotebookInstanceLifecycleConfigName",
    ),
)

_NAMED_STACK = {"StackName": "{canary}"}
_STACK = "arn:{partition}:cloudformation:{region}:{account}:stack/{canary}/*"
# A handle is a URL: nothing runs, nothing costs, and no other service is asked.
_TEMPLATE = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}

_CLOUDFORMATION_STACK = Canary(
    thing="CloudFormation stack",
    made=_call(
        "cloudformation:CreateStack",
        {**_NAMED_STACK, "TemplateBody": _json(_TEMPLATE), "Tags": _TAGS},
        resource=_STACK,
    ),
    tagging="cloudformation:TagResource",
    used=(
        Use(
            probe=_call("cloudformation:DescribeStackEvents", _NAMED_STACK, resource=_STACK),
            shows=_stack_stands,
        ),
    ),
    removed=(_call("cloudformation:DeleteStack", _NAMED_STACK, resource=_STACK),),
    gone=_call("cloudformation:DescribeStacks", _NAMED_STACK, resource=_STACK),
    listing=Listing(probe=_call("cloudformation:DescribeStacks", {}), items="Stacks", name="StackName"),
)

_POLICY = "arn:{partition}:iam::{account}:policy/{canary}"
# It allows nothing, whoever it might be attached to.
_DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}

_IAM_POLICY = Canary(
    thing="IAM policy",
    made=_call(
        "iam:CreatePolicy",
        {"PolicyName": "{canary}", "PolicyDocument": _json(_DENY), "Tags": _TAGS},
        resource=_POLICY,
    ),
    tagging="iam:TagPolicy",
    removed=(_call("iam:DeletePolicy", {"PolicyArn": _POLICY}, resource=_POLICY),),
    listing=Listing(probe=_call("iam:ListPolicies", {"Scope": "Local"}), items="Policies", name="PolicyName"),
)

CANARIES: tuple[Canary, ...] = (
    _CLOUDFORMATION_STACK,
    _EMR_SECURITY_CONFIGURATION,
    _IAM_POLICY,
    _S3_BUCKET,
    _SAGEMAKER_LIFECYCLE_CONFIG,
    _SSM_PARAMETER,
)

# Makes nothing, and is tried on a VPC that is there.
CREATE_TAGS = _call(
    "ec2:CreateTags",
    {"DryRun": True, "Resources": ["{vpc}"], "Tags": _TAGS},
    resource="arn:{partition}:ec2:{region}:{account}:vpc/{vpc}",
)

CANARY_PRICE = sum(probe.price for canary in CANARIES for probe in (*canary.probes, canary.listing.probe))
