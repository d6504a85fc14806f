"""How disturbances are asked for, and which requests they meet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.errors import ParamsError
from xacct_kit.sandbox.disturbances import Disturbances, parse_duration, parse_latency, parse_throttle
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.services import SERVICES

EVERY_SERVICE = tuple(SERVICES)


@pytest.mark.parametrize(
    ("texts", "shares"),
    [
        ([], {}),
        (["emr=0.2"], {"elasticmapreduce": 0.2}),
        (["elasticmapreduce=0.2"], {"elasticmapreduce": 0.2}),
        (["ce=1"], {"ce": 1.0}),
        (["ce=1.0"], {"ce": 1.0}),
        (["ce=0"], {"ce": 0.0}),
        (["sts=0.25", "iam=0.5"], {"sts": 0.25, "iam": 0.5}),
        (["sts=0.25", "sts=0.5"], {"sts": 0.5}),
    ],
)
def test_shares_are_read(texts: list[str], shares: dict[str, float]) -> None:
    assert parse_throttle(texts) == shares


BAD_SHARES = [
    "",
    "nonsense",
    "0.2",
    "=0.2",
    "emr",
    "emr=",
    "emr=x",
    "emr=1.1",
    "emr=2",
    "emr=-0.2",
    "emr=+0.2",
    "emr=.2",
    "emr=0.",
    "emr=0,2",
    "emr=20%",
    "emr=1e-1",
    "emr=nan",
    "emr = 0.2",
    "emr=0.2\n",
    "emr=0.2=0.3",
]


@pytest.mark.parametrize("text", BAD_SHARES)
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_throttle(["ce=0.1", text])
    (fault,) = caught.value.faults
    assert fault.startswith("throttle: ")


def test_what_cannot_be_read_is_quoted() -> None:
    with pytest.raises(ParamsError) as caught:
        parse_throttle(["emr=2"])
    expected = "throttle: 'emr=2' is not a service and a share from 0 to 1, such as emr=0.2"
    assert caught.value.faults == (expected,)


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        ([], {}),
        (["emr=2s"], {"elasticmapreduce": 2.0}),
        (["100ms"], dict.fromkeys(EVERY_SERVICE, 0.1)),
        (["100ms", "emr=2s"], dict.fromkeys(EVERY_SERVICE, 0.1) | {"elasticmapreduce": 2.0}),
        (["ce=1s", "ce=2s"], {"ce": 2.0}),
    ],
)
def test_latencies_are_read(texts: list[str], seconds: dict[str, float]) -> None:
    assert parse_latency(texts) == seconds


BAD_LATENCIES = ["", "emr", "emr=", "=2s", "emr=2", "emr=x", "emr=2 s", "emr=-2s", "2", "a=b=2s"]


@pytest.mark.parametrize("text", BAD_LATENCIES)
def test_what_is_no_latency_is_refused(text: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_latency(["ce=1s", text])
    (fault,) = caught.value.faults
    assert fault.startswith("latency: ")


@pytest.mark.parametrize("parse", [parse_throttle, parse_latency])
@pytest.mark.parametrize("service", ["lambda", "EMR", "s3api"])
def test_a_service_that_the_sandbox_does_not_have_is_named_and_those_that_it_has(
    parse: Callable[..., dict[str, float]], service: str
) -> None:
    value = "0.5" if parse is parse_throttle else "1s"
    with pytest.raises(ParamsError) as caught:
        parse([f"{service}={value}"])
    (fault,) = caught.value.faults
    assert f"the sandbox has no service {service!r}; there are ce, cloudformation, " in fault


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("0ms", 0.0),
        ("1ms", 0.001),
        ("100ms", 0.1),
        ("1500ms", 1.5),
        ("2.5s", 2.5),
        ("10s", 10.0),
        ("1m", 60.0),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration("propagation", text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "s", "1 s", " 1s", "1s ", "1h", "-1s", "+1s", ".5s", "1.s", "1e3s", "1S"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_duration("propagation", text)
    (fault,) = caught.value.faults
    assert fault == f"propagation: {text!r} is not a duration such as 100ms or 2.5s"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("throttle", "nonsense"),
        ("latency", "nonsense"),
        ("propagation", "nonsense"),
        ("scenario", "nonsense"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(option: str, value: str) -> None:
    command = [
        sys.executable,
        "-c",
        "from xacct_kit.cli import main; main()",
        "sandbox",
        f"--{option}",
        value,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "'nonsense'" in line
    assert option in line


# Which requests are too many.


def is_refused(disturbances: Disturbances, service: str) -> bool:
    try:
        disturbances.check_rate(service)
    except ServiceFault:
        return True
    return False


def refused(disturbances: Disturbances, service: str, requests: int) -> list[bool]:
    """Of each of some requests, whether it was refused."""
    return [is_refused(disturbances, service) for _ in range(requests)]


@pytest.mark.parametrize(
    ("share", "requests", "expected"),
    [
        (0.0, 100, 0),
        (0.01, 100, 1),
        (0.1, 10, 1),
        (0.1, 100, 10),
        (0.2, 10, 2),
        (0.25, 4, 1),
        (0.29, 100, 29),
        (0.3, 10, 3),
        (0.5, 2, 1),
        (0.7, 10, 7),
        (0.9, 10, 9),
        (0.99, 100, 99),
        (1.0, 100, 100),
    ],
)
def test_the_share_is_exact(share: float, requests: int, expected: int) -> None:
    assert sum(refused(Disturbances({"ce": share}, {}), "ce", requests)) == expected


@given(share=st.floats(min_value=0.001, max_value=1), requests=st.integers(min_value=1, max_value=500))
def test_it_is_evenly_spread(share: float, requests: int) -> None:
    outcomes = refused(Disturbances({"ce": share}, {}), "ce", requests)
    assert abs(sum(outcomes) - share * requests) <= 1 + 1e-9
    places = [number for number, outcome in enumerate(outcomes) if outcome]
    gaps = {later - earlier for earlier, later in pairwise(places)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_it_is_exact_whoever_asks_at_once() -> None:
    disturbances = Disturbances({"ce": 0.25}, {})
    with ThreadPoolExecutor(16) as pool:
        outcomes = pool.map(lambda _: sum(refused(disturbances, "ce", 100)), range(16))
    assert sum(outcomes) == 400


def test_services_are_counted_each_by_itself() -> None:
    disturbances = Disturbances({"ce": 0.5, "iam": 0.5}, {})
    for _ in range(4):
        assert refused(disturbances, "ce", 1) == refused(disturbances, "iam", 1)
    assert refused(disturbances, "sts", 10) == [False] * 10
