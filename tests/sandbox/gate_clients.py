"""People who call a served sandbox with nothing but boto3, and what they are told."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    MEMBER_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.process import SandboxProcess

REGION = "us-east-1"
_numbers = itertools.count()


def unique(prefix: str) -> str:
    """A name that no other test takes, in whatever worker it runs."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def statement(effect: str, *actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trusting(principal: Any, *, action: Any = "sts:AssumeRole", **condition: Any) -> str:
    trusted = {"Effect": "Allow", "Principal": principal, "Action": action}
    return document(trusted | ({"Condition": condition} if condition else {}))


@dataclass(frozen=True)
class Refusal:
    """What a refused client is told."""

    code: str
    status: int
    text: str


def refusal(call: Any, **params: Any) -> Refusal:
    """Make a call that must be refused, at the first attempt."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    about = caught.value.response["ResponseMetadata"]
    assert about["RetryAttempts"] == 0
    assert about["RequestId"]
    return told(caught.value)


def created(client: Any, **params: Any) -> dict[str, Any]:
    """What has become of the creation of an account when it is over; the bound is there to end a failure."""
    status: dict[str, Any] = client.create_account(**params)["CreateAccountStatus"]
    end = time.monotonic() + 20
    while status["State"] == "IN_PROGRESS" and time.monotonic() < end:
        time.sleep(0.02)
        asked = client.describe_create_account_status(CreateAccountRequestId=status["Id"])
        status = asked["CreateAccountStatus"]
    return status


JANUARY = {"Start": "2026-01-01", "End": "2026-02-01"}
COSTS = {"TimePeriod": JANUARY, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}

# A call of each service, by botocore's name of it, that changes nothing.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "ce": ("get_cost_and_usage", COSTS),
    "cloudformation": ("list_stacks", {}),
    "ec2": ("describe_vpcs", {}),
    "emr": ("list_clusters", {}),
    "iam": ("list_roles", {}),
    "organizations": ("list_roots", {}),
    "s3": ("list_buckets", {}),
    "sagemaker": ("list_notebook_instances", {}),
    "ssm": ("describe_parameters", {}),
    "sts": ("get_caller_identity", {}),
}


def told(error: ClientError) -> Refusal:
    """What a client was told that was refused."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return Refusal(error.response["Error"]["Code"], status, error.response["Error"]["Message"])


def outcome(who: Actor, service: str) -> Refusal | None:
    """What somebody is told who calls a service; None when it answers."""
    operation, params = CALLS[service]
    try:
        getattr(who.client(service), operation)(**params)
    except ClientError as error:
        return told(error)
    return None


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody with credentials, and boto3."""

    endpoint: str
    access_key: str
    secret: str
    token: str | None = None
    region: str = REGION
    arn: str = ""
    config: Any = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret,
                aws_session_token=self.token,
                config=self.config,
            )
        return self._clients[service]

    def but(self, **changes: Any) -> Actor:
        """The same with something else, such as another region."""
        return replace(self, **changes, _clients={})

    def assume(self, arn: str, session: str = "tester", **params: Any) -> Actor:
        answer = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=session, **params)
        credentials = answer["Credentials"]
        return self.but(
            access_key=credentials["AccessKeyId"],
            secret=credentials["SecretAccessKey"],
            token=credentials["SessionToken"],
            arn=answer["AssumedRoleUser"]["Arn"],
        )


@dataclass(frozen=True)
class Organization:
    """A served sandbox, by the people in it."""

    endpoint: str
    _known: dict[str, Actor] = field(default_factory=dict)

    @property
    def operator(self) -> Actor:
        return self._known.setdefault(
            "operator",
            Actor(
                endpoint=self.endpoint,
                access_key=OPERATOR_ACCESS_KEY,
                secret=OPERATOR_SECRET,
                arn=f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:user/operator",
            ),
        )

    def session(self, account: str, role: str) -> Actor:
        """A session of a role that the operator may assume."""
        arn = role_arn(account, role)
        if arn not in self._known:
            self._known[arn] = self.operator.assume(arn)
        return self._known[arn]

    def administrator(self, account: str = MEMBER_ACCOUNT) -> Actor:
        return self.session(account, "OrganizationAccountAccessRole")

    @property
    def api_handler(self) -> Actor:
        return self.session(MAIN_ACCOUNT, "ApiHandlerRole")

    def new_policy(self, *statements: dict[str, Any], account: str = MEMBER_ACCOUNT) -> str:
        """A customer managed policy of an account; its ARN."""
        iam = self.administrator(account).client("iam")
        made = iam.create_policy(PolicyName=unique("policy"), PolicyDocument=document(*statements))
        arn: str = made["Policy"]["Arn"]
        return arn

    def new_role(self, *statements: dict[str, Any], account: str = MEMBER_ACCOUNT, **role: Any) -> str:
        """A role of an account that its administrator may assume, with one inline policy."""
        name = unique("role")
        trust = trusting({"AWS": f"arn:aws:iam::{account}:root"})
        iam = self.administrator(account).client("iam")
        settings = {"AssumeRolePolicyDocument": trust, **role}
        arn: str = iam.create_role(RoleName=name, **settings)["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
        return arn

    def somebody(self, *statements: dict[str, Any], account: str = MEMBER_ACCOUNT, **role: Any) -> Actor:
        """A session of a new role with one inline policy."""
        return self.administrator(account).assume(self.new_role(*statements, account=account, **role))

    def new_user(self, *statements: dict[str, Any], account: str = MEMBER_ACCOUNT) -> Actor:
        """A new IAM user with an access key, and one inline policy if any."""
        name = unique("user")
        iam = self.administrator(account).client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Actor(
            endpoint=self.endpoint,
            access_key=key["AccessKeyId"],
            secret=key["SecretAccessKey"],
            arn=arn,
        )


@contextmanager
def serving(layout: Layout) -> Iterator[Organization]:
    """A sandbox in a child process. Whatever it is asked, it never stumbles."""
    child = SandboxProcess(layout)
    try:
        yield Organization(child.endpoint)
        assert b"Traceback" not in os.pread(child._errors.fileno(), 1_000_000, 0)
    finally:
        child.stop()
