"""The services that the sandbox offers; apart from what they need, so that to name them loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

# The name in a request's credential scope, which is IAM's prefix too, and botocore's name of the service.
# Services that the role's documents do not name are here so that their refusal can be tried.
SERVICES: Mapping[str, str] = {
    "ce": "ce",
    "cloudformation": "cloudformation",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "elasticmapreduce": "emr",
    "iam": "iam",
    "organizations": "organizations",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
}

GLOBAL_SERVICES = frozenset({"ce", "iam", "organizations"})
"""The services that have one endpoint in a partition, in a region that is always on."""
