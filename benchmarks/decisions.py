"""How fast policies are decided, on one core.

Run as `python benchmarks/decisions.py [SECONDS]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from xacct_kit.iam import Request, compile_document, decide
from xacct_kit.role.profile import load_profile

ROLE = "arn:aws:iam::333333333333:role/CrossAccountExecutionRole"
SESSION = "arn:aws:sts::333333333333:assumed-role/CrossAccountExecutionRole/bench"
FULL_ACCESS = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}

# A mix of what is allowed by one of the role's policies and what is allowed by none.
CALLS = (
    ("ce:GetCostAndUsage", "arn:aws:ce:us-east-1:333333333333:/GetCostAndUsage"),
    ("cloudformation:CreateStack", "arn:aws:cloudformation:us-east-1:333333333333:stack/emr/*"),
    ("dynamodb:ListTables", "*"),
    ("ec2:DescribeInstances", "*"),
    ("ec2:RunInstances", "*"),
    ("elasticmapreduce:ListClusters", "*"),
    ("iam:GetRole", ROLE),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:333333333333:function:f"),
    ("s3:ListAllMyBuckets", "*"),
    ("sagemaker:ListNotebookInstances", "*"),
    ("ssm:GetParameter", "arn:aws:ssm:us-east-1:333333333333:parameter/p"),
)


def rate(work: Callable[[], object], each: int, seconds: float) -> float:
    """Units of work a second, the best of three runs of so many seconds."""
    best = 0.0
    for _ in range(3):
        count, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds:
            work()
            count += each
        best = max(best, count / spent)
    return best


def decisions_of_profile(seconds: float, *, compiled: bool, levels: int) -> float:
    """Decisions a second by the documented profile."""
    profile = load_profile("documented")
    documents: Sequence[object] = list(profile.permissions.values())
    scp: object = FULL_ACCESS
    if compiled:
        documents, scp = [compile_document(each) for each in documents], compile_document(scp)
    requests = [Request(principal=SESSION, action=action, resource=resource) for action, resource in CALLS]
    boundary = scp if levels else None

    def decide_all() -> None:
        for request in requests:
            decide(request, identity=documents, boundary=boundary, scps=[[scp]] * levels)  # type: ignore[arg-type]

    return rate(decide_all, len(requests), seconds)


def time_of_stars(seconds: float) -> float:
    """The time that a pattern of 100 stars takes with a name of 10,000 characters that it does not match."""
    resource = "arn:aws:s3:::" + "a" * 10_000
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "*a" * 100 + "*b"}
    policy = compile_document({"Version": "2012-10-17", "Statement": statement})
    request = Request(principal=SESSION, action="s3:GetObject", resource=resource)
    return 1 / rate(lambda: decide(request, identity=[policy]), 1, seconds)


def main(seconds: float) -> None:
    """Print the figures; each is measured three times for so many seconds."""
    for name, compiled, levels in (
        ("compiled once", True, 0),
        ("  with boundary and 2 SCPs", True, 2),
        ("plain dicts", False, 0),
    ):
        decisions = decisions_of_profile(seconds, compiled=compiled, levels=levels)
        print(f"{name:26} {decisions:10,.0f} decisions/s")
    print(f"100 stars, 10,000 letters  {time_of_stars(seconds) * 1000:10.2f} ms")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
