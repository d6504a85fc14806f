"""Who makes the same calls in every account, each in a process of its own: its CPU and memory are its own.

Nine calls an account: the role is assumed, and eight probes are made as the role. One account is done before
the clock starts: what is imported, read and built once is in nobody's figures.

Run as `python benchmarks/contenders.py NAME ACCOUNTS WORKERS ENDPOINT`; prints the figures as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from canned_aws import EXTERNAL_ID, ROLE

REGION = "us-east-1"
MAIN = "222222222222"
KEY, SECRET = "AKIACANNEDOPERATOR01", "canned"

# Service, method of a boto3 client, operation and parameters of a probe.
PROBES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("cloudformation", "describe_stacks", "DescribeStacks", {"StackName": "onboard-account"}),
    (
        "ce",
        "get_cost_and_usage",
        "GetCostAndUsage",
        {
            "TimePeriod": {"Start": "2026-01-01", "End": "2026-01-02"},
            "Granularity": "MONTHLY",
            "Metrics": ["UnblendedCost"],
        },
    ),
    ("ec2", "describe_instances", "DescribeInstances", {"MaxResults": 5}),
    ("emr", "list_clusters", "ListClusters", {}),
    ("iam", "get_role", "GetRole", {"RoleName": ROLE}),
    ("s3", "list_buckets", "ListBuckets", {}),
    ("sagemaker", "list_notebook_instances", "ListNotebookInstances", {"MaxResults": 5}),
    ("ssm", "describe_parameters", "DescribeParameters", {"MaxResults": 5}),
)

Work = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Where:
    """Where calls go, and by how many workers."""

    endpoint: str
    workers: int


def _side_by_side(where: Where, account: Callable[[str], None]) -> Work:
    def work(accounts: Sequence[str]) -> None:
        with ThreadPoolExecutor(where.workers) as executor:
            for _ in executor.map(account, accounts):
                pass

    return work


def params_for(where: Where, accounts: Sequence[str]) -> Any:
    """The kit's parameters for these accounts."""
    import xacct_kit as xk

    return xk.Params.of(
        main_account=MAIN,
        member_accounts=list(accounts),
        external_id=EXTERNAL_ID,
        max_cost_usd=1e6,
        sandbox_endpoint=where.endpoint,
    )


def kit(where: Where) -> Work:
    """The kit's session: the nine calls by themselves; as in a run, probes of an account are side by side."""
    import xacct_kit as xk
    from xacct_kit.steps.side_by_side import side_by_side

    session = xk.connect(params_for(where, [MAIN]))

    def call(caller: Any, service: str, operation: str, params: dict[str, Any]) -> None:
        answer = session.call(caller, service, operation, **params)
        if not answer.ok:
            raise SystemExit(f"{service}:{operation} was answered with {answer.outcome}")

    def account(number: str) -> None:
        role = session.role_arn(number, ROLE)
        assumption = session.assume(session.operator, role, external_id=EXTERNAL_ID)
        if assumption.caller is None:
            raise SystemExit(f"{role} was not assumed: {assumption.answer.outcome}")
        probes = ((service, operation, params) for service, _, operation, params in PROBES)
        side_by_side([partial(call, assumption.caller, *probe) for probe in probes])

    return _side_by_side(where, account)


def kit_run(where: Where, processes: int | None = None) -> Work:
    """The kit's run as people start it: preflight, trust, Cost Explorer and every probe, to a journal."""
    import xacct_kit as xk

    crew = xk.Crew(workers=where.workers, processes=processes)

    def work(accounts: Sequence[str]) -> None:
        with TemporaryDirectory() as out:
            report = xk.onboard(params_for(where, accounts), deploying=False, out=out, crew=crew)
            if not report.ok:
                raise SystemExit(f"the run is not green:\n{report.faults}")

    return work


def kit_split(where: Where) -> Work:
    """The kit's run by two processes, as it splits itself when accounts are many."""
    return kit_run(where, processes=2)


def _config(where: Where) -> Any:
    from botocore.config import Config

    return Config(max_pool_connections=where.workers)


def bare(where: Where) -> Work:
    """The same calls on boto3 clients that are ready and shared, all signed with one key."""
    import boto3

    session, config = boto3.Session(), _config(where)
    # What a role is given changes nothing here: nothing less can be done by this SDK.
    probes = [
        (getattr(session.client(service, config=config), method), params)
        for service, method, _, params in PROBES
    ]
    sts = session.client("sts", config=config)

    def account(number: str) -> None:
        role = f"arn:aws:iam::{number}:role/{ROLE}"
        sts.assume_role(RoleArn=role, RoleSessionName="bare", ExternalId=EXTERNAL_ID)
        for probe, params in probes:
            probe(**params)

    return _side_by_side(where, account)


def _probe_all(session: Any) -> None:
    """The eight probes as users of a session an account write them."""
    for service, method, _, params in PROBES:
        getattr(session.client(service, region_name=REGION), method)(**params)


def botocove(where: Where) -> Work:
    """https://github.com/connelldave/botocove, its targets given; it asks who it is, and for the accounts."""
    from botocove import cove

    def work(accounts: Sequence[str]) -> None:
        probing = cove(
            target_ids=list(accounts),
            rolename=ROLE,
            external_id=EXTERNAL_ID,
            thread_workers=where.workers,
            raise_exception=True,
        )
        probing(_probe_all)()

    return work


def awsrun(where: Where) -> Work:
    """https://github.com/fidelity/awsrun, with its provider of cross-account sessions."""
    from awsrun.runner import execute_function
    from awsrun.session.aws import CredsViaCrossAccount, CredsViaProfile

    provider = CredsViaCrossAccount(CredsViaProfile(), "111111111111", ROLE, external_id=EXTERNAL_ID)

    def probe_all(session: Any, _: str) -> None:
        _probe_all(session)

    def work(accounts: Sequence[str]) -> None:
        _, errors = execute_function(provider, accounts, probe_all, max_workers=where.workers)
        if errors:
            raise SystemExit(f"calls failed: {errors}")

    return work


CONTENDERS: Mapping[str, Callable[[Where], Work]] = {
    each.__name__: each for each in (kit, kit_run, kit_split, bare, botocove, awsrun)
}


def environment(endpoint: str) -> dict[str, str]:
    """What the SDK reads; nothing of the machine's own."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


def _cpu() -> float:
    """User and system seconds of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak() -> float:
    """Megabytes of this process and of the largest that it has waited for, at their peaks."""
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(peaks) * unit / 1e6


def measure(name: str, accounts: int, where: Where) -> dict[str, float]:
    """Seconds of the clock and of the CPU that so many accounts take a contender, and megabytes at the peak.

    `first` are the seconds of the clock that the account before them took, with all that is done once.
    """
    numbers = [str(500_000_000_000 + number) for number in range(accounts + 1)]
    begun = time.perf_counter()
    work = CONTENDERS[name](where)
    work(numbers[:1])
    first, cpu, started = time.perf_counter() - begun, _cpu(), time.perf_counter()
    work(numbers[1:])
    wall = time.perf_counter() - started
    return {"first": first, "wall": wall, "cpu": _cpu() - cpu, "peak": _peak()}


def main(name: str, accounts: str, workers: str, endpoint: str) -> None:
    """Print the figures of one contender."""
    os.environ.update(environment(endpoint))
    print(json.dumps(measure(name, int(accounts), Where(endpoint, int(workers)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
