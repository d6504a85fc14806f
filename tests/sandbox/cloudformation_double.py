"""An account of AWS in this process, and CloudFormation on top of it."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

from xacct_kit.sandbox.cloudformation import CloudFormation

ACCOUNT = "123456789012"  # the account in which moto's clients act


@functools.cache
def _client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region, aws_access_key_id="k", aws_secret_access_key="s")


class Operator:
    """A principal of the account who may do everything but what is in `denied`."""

    account = ACCOUNT
    partition = "aws"
    region = "eu-west-1"
    arn = f"arn:{partition}:iam::{ACCOUNT}:user/operator"

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.calls: list[str] = []
        self.before_call: Callable[[str], None] = lambda _action: None

    def client(self, service: str) -> Any:
        return _client(service, self.region)

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        action = f"{service}:{operation}"
        self.calls.append(action)
        self.before_call(action)
        if action in self.denied:
            raise _denial(self.arn, action, operation)
        result: dict[str, Any] = getattr(self.client(service), xform_name(operation))(**params)
        return result


def _denial(arn: str, action: str, operation: str) -> ClientError:
    message = (
        f"User: {arn} is not authorized to perform: {action} on resource: role xacct because no "
        f"identity-based policy allows the {action} action"
    )
    metadata = {"HTTPStatusCode": 403, "RequestId": "11111111-2222-3333-4444-555555555555"}
    return ClientError(
        {"Error": {"Code": "AccessDenied", "Message": message}, "ResponseMetadata": metadata}, operation
    )


class Account:
    """CloudFormation as the operator of one account sees it."""

    def __init__(self) -> None:
        self.service = CloudFormation()
        self.operator = Operator()

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.service.handle(operation, params, self.operator)

    def create(
        self, template: dict[str, Any] | str, name: str = "role-stack", **params: Any
    ) -> dict[str, Any]:
        stack_id = self.ask("CreateStack", StackName=name, **_request(template, params))["StackId"]
        return self.settled(stack_id)

    def update(
        self, template: dict[str, Any] | str, name: str = "role-stack", **params: Any
    ) -> dict[str, Any]:
        return self.settled(self.ask("UpdateStack", StackName=name, **_request(template, params))["StackId"])

    def delete(self, name: str = "role-stack", **params: Any) -> dict[str, Any]:
        stack_id = self.stack(name)["StackId"]
        self.ask("DeleteStack", StackName=name, **params)
        return self.settled(stack_id)

    def propose(self, template: dict[str, Any] | str, kind: str, **params: Any) -> dict[str, Any]:
        """Create a change set named `change` and wait until it has been worked out."""
        request = {"StackName": "role-stack", "ChangeSetName": "change", "ChangeSetType": kind, **params}
        self.ask("CreateChangeSet", **_request(template, request))
        while True:
            described = self.ask("DescribeChangeSet", StackName="role-stack", ChangeSetName="change")
            if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                return described
            time.sleep(0.001)

    def stack(self, name: str = "role-stack") -> dict[str, Any]:
        stack: dict[str, Any] = self.ask("DescribeStacks", StackName=name)["Stacks"][0]
        return stack

    def settled(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while (stack := self.stack(name))["StackStatus"].endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, f"still {stack['StackStatus']}"
            time.sleep(0.001)
        return stack

    def events(self, name: str = "role-stack") -> list[tuple[str, str]]:
        """Logical ID and status of each event, oldest first."""
        events = self.ask("DescribeStackEvents", StackName=name)["StackEvents"]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]

    def reason(self, logical_id: str, status: str, name: str = "role-stack") -> str:
        """Why a resource or the stack came to a status."""
        events = self.ask("DescribeStackEvents", StackName=name)["StackEvents"]
        wanted = (logical_id, status)
        return next(
            str(event.get("ResourceStatusReason"))
            for event in events
            if (event["LogicalResourceId"], event["ResourceStatus"]) == wanted
        )

    def roles(self) -> list[str]:
        return [role["RoleName"] for role in self.operator.client("iam").list_roles()["Roles"]]

    def role(self, name: str = "xacct") -> dict[str, Any]:
        """What can be seen of a role: its settings, inline policies and attachments."""
        iam = self.operator.client("iam")
        role = iam.get_role(RoleName=name)["Role"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return {
            "trust": role["AssumeRolePolicyDocument"],
            "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "seconds": role["MaxSessionDuration"],
            "description": role.get("Description", ""),
            "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
            "inline": {
                policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for policy in inline
            },
            "attached": [
                each["PolicyArn"]
                for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ],
        }

    def policy(self, name: str) -> str:
        """The ARN of a new customer managed policy."""
        created = self.operator.client("iam").create_policy(
            PolicyName=name, PolicyDocument=json.dumps(document("s3:*"))
        )
        return str(created["Policy"]["Arn"])


def _request(template: dict[str, Any] | str, params: dict[str, Any]) -> dict[str, Any]:
    body = template if isinstance(template, str) else json.dumps(template)
    values = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in params.pop("values", {}).items()
    ]
    given = {"TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"], **params}
    return {**given, "Parameters": values} if values else given


def document(*actions: str) -> dict[str, Any]:
    """A policy that allows actions on everything."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trust(external_id: Any = "first-id") -> dict[str, Any]:
    """A trust policy with an external ID."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(name: str | None = "xacct", **properties: Any) -> dict[str, Any]:
    """A role resource."""
    named = {"RoleName": name} if name else {}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {**named, "AssumeRolePolicyDocument": trust(), **properties},
    }


def inline(*names: str, actions: tuple[str, ...] = ("s3:*",)) -> list[dict[str, Any]]:
    """Inline policies."""
    return [{"PolicyName": name, "PolicyDocument": document(*actions)} for name in names]


def template(**resources: Any) -> dict[str, Any]:
    """A template of resources alone."""
    return {"Resources": resources}


HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
