"""Partitions as data: what differs between the commercial regions, China and GovCloud.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition.

    Attributes:
        name: as ARNs spell it.
        dns_suffix: what the names of its services' hosts end with.
        default_region: a region that every account of it has.
        cost_explorer_region: where Cost Explorer answers; None where it is not offered.
        console: host of its console, with a place for the region where a region has a host of its own.
        creates_accounts: whether AWS Organizations creates accounts from within it.
        not_offered: by IAM prefix, the services that the kit asks for and that are not in it, and why.
    """

    name: str
    dns_suffix: str
    default_region: str
    cost_explorer_region: str | None
    console: str
    creates_accounts: bool = True
    not_offered: Mapping[str, str] = field(default_factory=dict)

    def role_arn(self, account: str, name: str) -> str:
        """The ARN of a role that has no path."""
        return f"arn:{self.name}:iam::{account}:role/{name}"

    def root_arn(self, account: str) -> str:
        """The ARN by which policies name a whole account."""
        return f"arn:{self.name}:iam::{account}:root"

    def console_host(self, region: str) -> str:
        """The host of the console in a region."""
        return self.console.format(region=region)

    def lacks(self, service: str) -> str:
        """Why a service is not asked for here, in one sentence; empty where it is offered."""
        reason = self.not_offered.get(service)
        return f"{service} is not offered in the partition {self.name}: {reason}." if reason else ""


# Hosts of the console: https://docs.aws.amazon.com/general/latest/gr/mgmt-console.html has one for every
# region of aws. In the others AWS's own links have the region in their query alone, which ours have too:
# GovCloud's in
# https://docs.aws.amazon.com/res/latest/ug/create-external-resources.html, China's in
# https://docs.aws.amazon.com/solutions/latest/data-transfer-hub/create-an-amazon-ecr-transfer-task.html
# DNS suffix of China: https://docs.amazonaws.cn/en_us/general/latest/gr/endpoints-Ningxia.html
# Cost Explorer of China: https://docs.amazonaws.cn/en_us/cost-management/latest/userguide/ce-api.html
# No page says that GovCloud has none; botocore's endpoints list none.
PARTITIONS: Mapping[str, Partition] = {
    partition.name: partition
    for partition in (
        Partition(
            name="aws",
            dns_suffix="amazonaws.com",
            default_region="us-east-1",
            cost_explorer_region="us-east-1",
            console="{region}.console.aws.amazon.com",
        ),
        Partition(
            name="aws-cn",
            dns_suffix="amazonaws.com.cn",
            default_region="cn-north-1",
            cost_explorer_region="cn-northwest-1",
            console="console.amazonaws.cn",
        ),
        # Of GovCloud they are created from the commercial partition.
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateGovCloudAccount.html
        Partition(
            name="aws-us-gov",
            dns_suffix="amazonaws.com",
            default_region="us-gov-west-1",
            cost_explorer_region=None,
            console="console.amazonaws-us-gov.com",
            creates_accounts=False,
            not_offered={"ce": "costs are seen in the commercial account that is linked to this one"},
        ),
    )
}
