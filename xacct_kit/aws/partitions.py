"""Partitions as data: what differs between the commercial regions, China and GovCloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition.

    Attributes:
        name: as ARNs spell it.
        cost_explorer_region: where Cost Explorer answers; None where it is not offered.
        creates_accounts: whether AWS Organizations creates accounts from within it.
    """

    name: str
    cost_explorer_region: str | None
    creates_accounts: bool = True

    def role_arn(self, account: str, name: str) -> str:
        """The ARN of a role that has no path."""
        return f"arn:{self.name}:iam::{account}:role/{name}"

    def root_arn(self, account: str) -> str:
        """The ARN by which policies name a whole account."""
        return f"arn:{self.name}:iam::{account}:root"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
# https://docs.amazonaws.cn/en_us/cost-management/latest/userguide/ce-api.html
PARTITIONS: Mapping[str, Partition] = {
    partition.name: partition
    for partition in (
        Partition(name="aws", cost_explorer_region="us-east-1"),
        Partition(name="aws-cn", cost_explorer_region="cn-northwest-1"),
        # Of GovCloud they are created from the commercial partition.
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateGovCloudAccount.html
        Partition(name="aws-us-gov", cost_explorer_region=None, creates_accounts=False),
    )
}
