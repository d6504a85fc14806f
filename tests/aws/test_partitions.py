"""What differs between partitions: how ARNs are spelt, and where Cost Explorer answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.params import Params

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
