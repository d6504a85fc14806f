"""The permission probes, as data: adding a probe is adding an entry.

Each probe is one call that changes nothing. What must come back is not written here: the profile's documents
say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One call that proves one permission.

    Attributes:
        name: what the probe is called in reports.
        service: botocore's name of the service.
        operation: the operation as AWS spells it.
        action: the IAM action that it needs.
        resource: the resource that the action is authorised on.
        params: the call's parameters.
        region: where it is called.
        price: US dollars that AWS charges when the call succeeds.

    In `resource`, `params` and `region`, `{partition}`, `{region}`, `{location}` (a bucket's),
    `{cost_explorer_region}`, `{account}`, `{role_name}`, `{stack_name}`, `{period_start}` and `{period_end}`
    are filled in.
    """

    name: str
    service: str
    operation: str
    action: str
    resource: str = "*"
    params: Mapping[str, Any] = field(default_factory=dict)
    region: str = "{region}"
    price: float = 0.0

    @property
    def prefix(self) -> str:
        """The service's IAM prefix."""
        return self.action.split(":")[0]


# https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/
COST_EXPLORER_PRICE = 0.01

# Amazon Linux, whichever image is newest where the probe runs.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html
_NEWEST_IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

COST_AND_USAGE = Probe(
    name="ce-get-cost-and-usage",
    service="ce",
    operation="GetCostAndUsage",
    action="ce:GetCostAndUsage",
    params={
        "TimePeriod": {"Start": "{period_start}", "End": "{period_end}"},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
    },
    # One endpoint a partition: https://docs.aws.amazon.com/cost-management/latest/userguide/ce-api.html
    region="{cost_explorer_region}",
    price=COST_EXPLORER_PRICE,
)

PROBES: tuple[Probe, ...] = (
    Probe(
        name="cloudformation-describe-stacks",
        service="cloudformation",
        operation="DescribeStacks",
        action="cloudformation:DescribeStacks",
        resource="arn:{partition}:cloudformation:{region}:{account}:stack/{stack_name}/*",
        params={"StackName": "{stack_name}"},
    ),
    COST_AND_USAGE,
    Probe(
        name="ec2-describe-instances",
        service="ec2",
        operation="DescribeInstances",
        action="ec2:DescribeInstances",
        params={"MaxResults": 5},
    ),
    Probe(
        name="ec2-run-instances-dry-run",
        service="ec2",
        operation="RunInstances",
        action="ec2:RunInstances",
        resource="arn:{partition}:ec2:{region}:{account}:instance/*",
        params={
            "DryRun": True,
            "ImageId": _NEWEST_IMAGE,
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
        },
    ),
    Probe(
        name="emr-list-clusters",
        service="emr",
        operation="ListClusters",
        action="elasticmapreduce:ListClusters",
    ),
    Probe(
        name="iam-get-role",
        service="iam",
        operation="GetRole",
        action="iam:GetRole",
        resource="arn:{partition}:iam::{account}:role/{role_name}",
        params={"RoleName": "{role_name}"},
    ),
    Probe(
        name="s3-list-buckets",
        service="s3",
        operation="ListBuckets",
        action="s3:ListAllMyBuckets",
    ),
    Probe(
        name="sagemaker-list-notebook-instances",
        service="sagemaker",
        operation="ListNotebookInstances",
        action="sagemaker:ListNotebookInstances",
        params={"MaxResults": 5},
    ),
    Probe(
        name="ssm-describe-parameters",
        service="ssm",
        operation="DescribeParameters",
        action="ssm:DescribeParameters",
        params={"MaxResults": 5},
    ),
    # What the documents do not grant must be refused.
    Probe(
        name="cloudformation-list-stacks",
        service="cloudformation",
        operation="ListStacks",
        action="cloudformation:ListStacks",
    ),
    Probe(
        name="dynamodb-list-tables",
        service="dynamodb",
        operation="ListTables",
        action="dynamodb:ListTables",
        params={"Limit": 1},
    ),
)
