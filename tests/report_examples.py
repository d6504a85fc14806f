"""Findings and reports that the tests of the views share."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from xacct_kit.report import Expectation, Finding, OutcomeKind, Report, Verdict, judge

PROBES = (
    ("emr-list-clusters", "elasticmapreduce:ListClusters"),
    ("sagemaker-list-notebook-instances", "sagemaker:ListNotebookInstances"),
    ("s3-list-buckets", "s3:ListAllMyBuckets"),
    ("ce-get-cost-and-usage", "ce:GetCostAndUsage"),
    ("cloudformation-describe-stacks", "cloudformation:DescribeStacks"),
    ("ec2-describe-instances", "ec2:DescribeInstances"),
    ("iam-get-role", "iam:GetRole"),
    ("ssm-describe-parameters", "ssm:DescribeParameters"),
    ("sts-get-caller-identity", "sts:GetCallerIdentity"),
)
TRUST = (
    ("assume-with-external-id", "ApiHandlerRole", Expectation.ALLOWED),
    ("assume-with-external-id", "WorkflowLoopRunnerRole", Expectation.ALLOWED),
    ("assume-without-external-id", "ApiHandlerRole", Expectation.DENIED),
    ("assume-as-untrusted-role", "NotebookRole", Expectation.DENIED),
)
OPERATOR = "OrganizationAccountAccessRole"
ROLE = "CrossAccountExecutionRole"


def finding(**changes: Any) -> Finding:
    """A permission that is granted as it should be, with changes."""
    row: dict[str, Any] = {
        "step": "permissions",
        "probe": "emr-list-clusters",
        "account": "333333333333",
        "region": "us-east-1",
        "caller": ROLE,
        "action": "elasticmapreduce:ListClusters",
        "expected": Expectation.ALLOWED,
        "outcome": OutcomeKind.ALLOWED,
        "why": "The role may list the clusters.",
        **changes,
    }
    return Finding(
        **{
            "service": row["action"].partition(":")[0],
            "verdict": judge(row["expected"], row["outcome"]),
            **row,
        }
    )


REFUSED = finding(
    outcome=OutcomeKind.DENIED_SCP,
    why="A service control policy denies elasticmapreduce:ListClusters.",
    fix="Take elasticmapreduce out of the Deny statement of policy p-0example.",
    evidence={"code": "AccessDeniedException", "http_status": "400", "message": "User is not authorized"},
)
TRUSTED_TOO_MUCH = finding(
    step="trust",
    probe="assume-as-untrusted-role",
    caller="NotebookRole",
    action="sts:AssumeRole",
    expected=Expectation.DENIED,
    why="NotebookRole assumed the role, and the profile says that it must not.",
    fix="Take NotebookRole out of the trust policy.",
)
THROTTLED = finding(
    probe="iam-get-role",
    action="iam:GetRole",
    outcome=OutcomeKind.THROTTLED,
    why="AWS throttled the call five times.",
    fix="Probe again with fewer workers.",
)
SKIPPED = finding(
    step="cost_explorer",
    probe="ce-get-cost-and-usage",
    action="ce:GetCostAndUsage",
    outcome=OutcomeKind.UNKNOWN,
    verdict=Verdict.SKIPPED,
    why="The budget does not cover a request.",
)


def healthy(account: str = "333333333333") -> list[Finding]:
    """An account in which everything is as it should be, in the order of a run."""
    return [
        finding(step="preflight", probe="reach", account=account, caller=OPERATOR, action="sts:AssumeRole"),
        finding(
            step="deploy",
            probe="stack",
            account=account,
            caller=OPERATOR,
            action="cloudformation:CreateChangeSet",
            why="The stack is as the template says; nothing was changed.",
        ),
        *(
            finding(
                step="trust",
                probe=probe,
                account=account,
                caller=caller,
                action="sts:AssumeRole",
                expected=expected,
                outcome=OutcomeKind.ALLOWED if expected == "ALLOWED" else OutcomeKind.DENIED_TRUST,
            )
            for probe, caller, expected in TRUST
        ),
        finding(
            step="cost_explorer", probe="enabled", account=account, action="ce:GetCostAndUsage", cost=0.01
        ),
        *(finding(probe=probe, action=action, account=account, duration=0.125) for probe, action in PROBES),
    ]


HEALTHY = Report.of([*healthy(), *healthy("400000000000")])
RED = Report.of([*healthy("400000000000"), REFUSED, TRUSTED_TOO_MUCH, THROTTLED, SKIPPED])
EMPTY = Report()
REPORTS = {"healthy": HEALTHY, "red": RED, "empty": EMPTY}


def fleet(accounts: int, *, red: int = 0) -> Report:
    """A report on many accounts, the first of which are red."""
    numbers = [str(400_000_000_000 + number) for number in range(accounts)]
    refused = (finding(account=number, outcome=OutcomeKind.DENIED_SCP) for number in numbers[:red])
    return Report.of([row for number in numbers for row in healthy(number)]) + Report.of(refused)


text = st.text(max_size=8)
findings = st.builds(
    Finding,
    **dict.fromkeys(
        ("step", "probe", "account", "region", "caller", "service", "action", "why", "fix"), text
    ),
    expected=st.sampled_from(Expectation),
    outcome=st.sampled_from(OutcomeKind),
    verdict=st.sampled_from(Verdict),
    evidence=st.dictionaries(text, text, max_size=2),
    duration=st.floats(0, 1e6),
    cost=st.floats(0, 1e6),
)
reports = st.lists(findings, max_size=2).map(Report.of)
