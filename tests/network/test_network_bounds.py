"""Every call has an end, however its answer comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.config import Config
from faulted_runs import Sandboxes, faulted
from faulty_proxy import everything
from network_faults import FAULTS, dripping

from xacct_kit.aws.clients import Clients, Connection
from xacct_kit.aws.deadlines import longest, within
from xacct_kit.errors import AccessError

DRIPPING = replace(FAULTS["answer lost"], happens=dripping, read_timeout=0.4, connect_timeout=0.4)
NOBODY = "http://127.0.0.1:9"


def test_by_default_a_stall_ends_after_a_few_timeouts() -> None:
    config = Clients(Connection(endpoint=NOBODY))._client("sts", "us-east-1").meta.config
    assert (config.connect_timeout, config.read_timeout) == (5.0, 20.0)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    assert longest(config) == 4 * (5.0 + 20.0) + 1 + 2 + 4


@pytest.mark.parametrize(("attempts", "pauses"), [(1, 0), (2, 1), (6, 1 + 2 + 4 + 8 + 16), (7, 31 + 20)])
def test_the_bound_is_that_of_the_attempts_and_the_pauses_between_them(attempts: int, pauses: int) -> None:
    config = Config(connect_timeout=3, read_timeout=7, retries={"total_max_attempts": attempts})
    assert longest(config) == 10 * attempts + pauses


def test_an_answer_that_drips_for_ever_is_given_up(sandboxes: Sandboxes) -> None:
    with pytest.raises(AccessError, match="no whole answer within"):
        faulted(sandboxes.endpoint("healthy"), DRIPPING, everything, attempts=1)


def test_what_a_call_raises_is_raised() -> None:
    def broken() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        within(10.0, broken)
