"""A sandbox served by a child process, and policies over its accounts that go when a test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from gate_clients import Organization, serving, unique

from xacct_kit.sandbox.layout import Layout

FULL_ACCESS = "p-FullAWSAccess"


@pytest.fixture(scope="session")
def organization(no_aws: None) -> Iterator[Organization]:
    """A healthy sandbox that all tests of a worker share; every test makes what it changes."""
    with serving(Layout(scenario="healthy", accounts=2)) as served:
        yield served


@pytest.fixture
def scp(organization: Organization) -> Iterator[Callable[..., str]]:
    """Attach a policy to an account, a unit or the root; it is gone after the test."""
    client = organization.operator.client("organizations")
    with ExitStack() as undoing:

        def attach_policy(text: str, target: str, *, alone: bool = False) -> str:
            """The ARN of a policy that is there now; where it is alone, it takes the place of full access."""
            made = client.create_policy(
                Content=text, Description="", Name=unique("scp"), Type="SERVICE_CONTROL_POLICY"
            )
            policy: dict[str, Any] = made["Policy"]["PolicySummary"]
            undoing.callback(client.delete_policy, PolicyId=policy["Id"])
            client.attach_policy(PolicyId=policy["Id"], TargetId=target)
            undoing.callback(client.detach_policy, PolicyId=policy["Id"], TargetId=target)
            if alone:
                client.detach_policy(PolicyId=FULL_ACCESS, TargetId=target)
                undoing.callback(client.attach_policy, PolicyId=FULL_ACCESS, TargetId=target)
            return str(policy["Arn"])

        yield attach_policy


@pytest.fixture
def root(organization: Organization) -> str:
    """The ID of the organization's root."""
    return str(organization.operator.client("organizations").list_roots()["Roots"][0]["Id"])
