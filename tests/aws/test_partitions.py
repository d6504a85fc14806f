"""What differs between partitions: how ARNs are spelt, where services answer, and which are not offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials

from xacct_kit.aws.clients import Clients, Connection
from xacct_kit.aws.links import presigned
from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.params import Params
from xacct_kit.steps.canaries.catalogue import CANARIES
from xacct_kit.steps.catalogue import PROBES

each_partition = pytest.mark.parametrize("name", PARTITIONS)


@pytest.fixture(scope="module")
def botocore_data() -> Callable[[str], dict[str, Any]]:
    """What botocore knows of a partition, by name."""
    from botocore.loaders import create_loader

    partitions = create_loader().load_data("endpoints")["partitions"]
    return {each["partition"]: each for each in partitions}.__getitem__


def test_every_partition_that_params_accept_is_known() -> None:
    assert set(PARTITIONS) == set(get_args(Params.model_fields["partition"].annotation))


@each_partition
def test_a_partition_is_called_as_arns_spell_it(name: str) -> None:
    partition = PARTITIONS[name]
    assert partition.name == name
    assert partition.role_arn("333333333333", "Analytics") == f"arn:{name}:iam::333333333333:role/Analytics"
    assert partition.root_arn("333333333333") == f"arn:{name}:iam::333333333333:root"


@pytest.mark.parametrize(
    ("name", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", None)]
)
def test_cost_explorer_answers_in_one_region_of_a_partition_or_nowhere(name: str, region: str | None) -> None:
    assert PARTITIONS[name].cost_explorer_region == region


@each_partition
def test_botocore_finds_cost_explorer_in_the_same_region(
    name: str, botocore_data: Callable[[str], dict[str, Any]]
) -> None:
    endpoints = botocore_data(name)["services"].get("ce", {"endpoints": {}})["endpoints"].values()
    regions = [endpoint["credentialScope"]["region"] for endpoint in endpoints]
    ours = PARTITIONS[name].cost_explorer_region
    assert regions == ([] if ours is None else [ours])


@each_partition
def test_what_a_service_is_missing_for_is_said_and_of_what_is_offered_nothing(name: str) -> None:
    partition = PARTITIONS[name]
    assert bool(partition.lacks("ce")) == (partition.cost_explorer_region is None)
    assert partition.lacks("ec2") == ""


def test_of_cost_explorer_in_govcloud_it_is_said_where_costs_are_seen() -> None:
    assert PARTITIONS["aws-us-gov"].lacks("ce") == (
        "ce is not offered in the partition aws-us-gov: costs are seen in the commercial account that is "
        "linked to this one."
    )


@each_partition
def test_botocore_ends_host_names_so_too(name: str, botocore_data: Callable[[str], dict[str, Any]]) -> None:
    data = botocore_data(name)
    assert data["dnsSuffix"] == PARTITIONS[name].dns_suffix
    assert PARTITIONS[name].default_region in data["regions"]


@pytest.mark.parametrize(
    ("name", "region", "host"),
    [
        ("aws", "us-east-1", "us-east-1.console.aws.amazon.com"),
        ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
        ("aws-cn", "cn-northwest-1", "console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("aws-us-gov", "us-gov-east-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_is_the_partitions(name: str, region: str, host: str) -> None:
    assert PARTITIONS[name].console_host(region) == host


# Where calls would go: botocore resolves it, and nothing is called.

SERVICES = sorted(
    {probe.service for probe in PROBES}
    | {probe.service for canary in CANARIES for probe in canary.probes}
    | {"cloudformation", "iam", "organizations", "s3", "secretsmanager", "ssm", "sts"}
)


def host_of(service: str, region: str) -> str:
    client = Clients(Connection())._client(service, region)
    return str(urlsplit(client.meta.endpoint_url).hostname)


OFFERED = [
    (name, service)
    for name, partition in PARTITIONS.items()
    for service in SERVICES
    if not partition.lacks(service)
]


@pytest.mark.parametrize(("name", "service"), OFFERED)
def test_every_service_is_called_in_its_partition(name: str, service: str) -> None:
    partition = PARTITIONS[name]
    region = partition.cost_explorer_region if service == "ce" else partition.default_region
    host = host_of(service, str(region))
    assert host.endswith(f".{partition.dns_suffix}")
    foreign = {other.dns_suffix for other in PARTITIONS.values()} - {partition.dns_suffix}
    assert not any(host.endswith(f".{suffix}") for suffix in foreign)


@pytest.mark.parametrize(
    ("region", "bucket", "start"),
    [
        ("us-east-1", "templates", "https://templates.s3.us-east-1.amazonaws.com/a.yaml?"),
        ("eu-central-1", "templates", "https://templates.s3.eu-central-1.amazonaws.com/a.yaml?"),
        ("cn-north-1", "templates", "https://templates.s3.cn-north-1.amazonaws.com.cn/a.yaml?"),
        ("us-gov-west-1", "templates", "https://templates.s3.us-gov-west-1.amazonaws.com/a.yaml?"),
        ("us-east-1", "tem.plates", "https://s3.us-east-1.amazonaws.com/tem.plates/a.yaml?"),
    ],
)
def test_a_link_to_a_template_is_one_that_cloudformation_reads(region: str, bucket: str, start: str) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "token")
    link = presigned(Clients(Connection()), credentials, region, bucket, "a.yaml", 600)
    assert link.url.startswith(start), link.url
    query = parse_qs(urlsplit(link.url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-SignedHeaders"] == ["host"]
    assert f"/{region}/s3/aws4_request" in query["X-Amz-Credential"][0]
    assert (link.with_credentials, link.certain) == (False, False)
