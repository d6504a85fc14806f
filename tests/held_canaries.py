"""What an account holds that is named as canaries are, with its tags: read by its administrator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from by_hand import administer

import xacct_kit as xk
from xacct_kit.report import Report
from xacct_kit.steps.canaries.leftovers import remove_in_account

MEMBER = "333333333333"

Held = dict[tuple[str, str], dict[str, str] | None]


def held_canaries(session: xk.Session) -> Held:
    """Kind and name of what is there, and its tags; None where the service knows no tags."""
    found = {(kind, name): tags for kind, name, tags in _everything(session)}
    return {key: tags for key, tags in found.items() if key[1].startswith("xacct-canary-")}


def remove_leftovers(session: xk.Session) -> Report:
    return Report.of(remove_in_account(session, MEMBER, lambda _: None))


def names_of(held: Held) -> set[str]:
    return {name for _, name in held}


def _everything(session: xk.Session) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    def ask(service: str, operation: str, **params: Any) -> Any:
        return administer(session, service, operation, **params)

    for each in ask("ssm", "DescribeParameters")["Parameters"]:
        name = each["Name"]
        tags = ask("ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=name)["TagList"]
        yield "ssm-parameter", name, _values(tags)
    for each in ask("s3", "ListBuckets")["Buckets"]:
        name = each["Name"]
        yield "s3-bucket", name, _values(ask("s3", "GetBucketTagging", Bucket=name)["TagSet"])
    for each in ask("cloudformation", "DescribeStacks")["Stacks"]:
        yield "cloudformation-stack", each["StackName"], _values(each["Tags"])
    for each in ask("iam", "ListPolicies", Scope="Local")["Policies"]:
        tags = ask("iam", "ListPolicyTags", PolicyArn=each["Arn"])["Tags"]
        yield "iam-policy", each["PolicyName"], _values(tags)
    for each in ask("emr", "ListSecurityConfigurations")["SecurityConfigurations"]:
        yield "emr-security-configuration", each["Name"], None
    configs = ask("sagemaker", "ListNotebookInstanceLifecycleConfigs")["NotebookInstanceLifecycleConfigs"]
    for each in configs:
        tags = ask("sagemaker", "ListTags", ResourceArn=each["NotebookInstanceLifecycleConfigArn"])["Tags"]
        name = each["NotebookInstanceLifecycleConfigName"]
        yield "sagemaker-lifecycle-configuration", name, _values(tags)


def _values(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
