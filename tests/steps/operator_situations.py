"""What an account is like when a task is done in it: made by its administrator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml
from operator_bench import ADMINISTRATOR, Stage, Values, allowing, document

from xacct_kit.sandbox.layout import MANAGEMENT_ACCOUNT
from xacct_kit.steps.deploy import deploy_account, stack_request
from xacct_kit.steps.waiting import attempts

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
LEFT = "xacct-canary-20200101t000000-abcdef"

Situation = Callable[[Stage], Values]


def together(*situations: Situation) -> Situation:
    """One after the other."""

    def prepare(stage: Stage) -> Values:
        return {key: value for each in situations for key, value in each(stage).items()}

    return prepare


def iam(stage: Stage, operation: str, **params: Any) -> Any:
    return stage.call("iam", operation, **params)


def cloudformation(stage: Stage, operation: str, **params: Any) -> Any:
    return stage.call("cloudformation", operation, **params)


def role_of(stage: Stage) -> dict[str, str]:
    return {"RoleName": stage.administrator.params.role_name}


def stack_of(stage: Stage) -> dict[str, str]:
    return {"StackName": stage.administrator.params.stack_name}


def settle(stage: Stage) -> str:
    """Wait for what the stack is at; its status."""
    for _ in attempts(20):
        described = cloudformation(stage, "DescribeStacks")["Stacks"]
        if not any(each["StackStatus"].endswith("_IN_PROGRESS") for each in described):
            break
    return {each["StackName"]: each["StackStatus"] for each in described}.get(
        stack_of(stage)["StackName"], ""
    )


def deployed(stage: Stage) -> Values:
    """The stack is deployed as the params say."""
    assert all(row.verdict.green for row in deploy_account(stage.administrator, stage.account))
    return {}


def deployed_with(**values: Any) -> Situation:
    """The stack is deployed by other params."""

    def prepare(stage: Stage) -> Values:
        session = stage.administrator
        params = session.params
        session.params = params.model_copy(update=values)
        deployed(stage)
        session.params = params
        return {}

    return prepare


def forbidden(stage: Stage, *actions: str) -> None:
    """Forbid something to the account's administrator; the next time something else."""
    statement = {"Effect": "Deny", "Action": list(actions or ("sqs:*",)), "Resource": "*"}
    policy = {"PolicyName": "forbidden", "PolicyDocument": document([statement])}
    # A denied administrator can still write this.
    iam(stage, "PutRolePolicy", RoleName=ADMINISTRATOR, **policy)


def occupied(stage: Stage) -> Values:
    """Somebody else has made a role of that name."""
    service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam(stage, "CreateRole", AssumeRolePolicyDocument=document([service]), **role_of(stage))
    return {}


def never_created(stage: Stage) -> Values:
    """The creation of the stack failed and was rolled back; what stood in its way has gone."""
    occupied(stage)
    deploy_account(stage.administrator, stage.account)
    assert settle(stage) == "ROLLBACK_COMPLETE"
    iam(stage, "DeleteRole", **role_of(stage))
    return {}


def half_created(stage: Stage) -> Values:
    """The creation of the stack failed, and so did its rollback: the role is there, with a policy."""
    forbidden(stage, "iam:GetRolePolicy", "iam:DeleteRolePolicy")
    deploy_account(stage.administrator, stage.account)
    assert settle(stage) == "ROLLBACK_FAILED", settle(stage)
    forbidden(stage)
    return {}


def rollback_failed(stage: Stage) -> Values:
    """An update of the stack failed, and so did its rollback."""
    forbidden(stage, "iam:DeleteRolePolicy")
    updated(stage, lambda template: _rename_policy(stage, template))
    assert settle(stage) == "UPDATE_ROLLBACK_FAILED"
    forbidden(stage)
    return {}


def updated(stage: Stage, change: Callable[[Any], None]) -> None:
    """Update the stack past the kit."""
    request = stack_request(stage.administrator)
    template = yaml.safe_load(request["TemplateBody"])
    change(template["Resources"])
    request["TemplateBody"] = json.dumps(template)
    cloudformation(stage, "UpdateStack", **stack_of(stage), **request)
    settle(stage)


def _rename_policy(stage: Stage, resources: Any) -> None:
    resources["CrossAccountExecutionRole"]["Properties"]["Policies"][0]["PolicyName"] = "renamed"


def attached(stage: Stage) -> Values:
    """Somebody has attached a policy to the role."""
    iam(stage, "AttachRolePolicy", PolicyArn=READ_ONLY, **role_of(stage))
    return {}


def changed(stage: Stage) -> Values:
    """Somebody has changed all that there is of the role."""
    attached(stage)
    nobody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam(stage, "UpdateAssumeRolePolicy", PolicyDocument=document([nobody]), **role_of(stage))
    names = iam(stage, "ListRolePolicies", **role_of(stage))["PolicyNames"]
    iam(stage, "DeleteRolePolicy", PolicyName=names[0], **role_of(stage))
    more = {"PolicyName": "more", "PolicyDocument": document(allowing("sqs:*"))}
    iam(stage, "PutRolePolicy", **more, **role_of(stage))
    iam(stage, "UpdateRole", Description="mine", MaxSessionDuration=7200, **role_of(stage))
    return {}


def untagged(stage: Stage) -> Values:
    """Somebody has taken a tag off the role."""
    iam(stage, "UntagRole", TagKeys=["Purpose"], **role_of(stage))
    return {}


def role_deleted(stage: Stage) -> Values:
    """Somebody has deleted the role past its stack."""
    for policy in iam(stage, "ListRolePolicies", **role_of(stage))["PolicyNames"]:
        iam(stage, "DeleteRolePolicy", PolicyName=policy, **role_of(stage))
    iam(stage, "DeleteRole", **role_of(stage))
    return {}


def boundary_of(stage: Stage) -> dict[str, str]:
    name = role_of(stage)["RoleName"]
    return {"PolicyArn": f"arn:aws:iam::{stage.account}:policy/{name}-boundary"}


def boundary_rewritten(stage: Stage) -> Values:
    """Somebody has rewritten the boundary, as often as IAM keeps versions."""
    for number in range(4):
        text = document(allowing(f"s3:Get{number}*"))
        iam(stage, "CreatePolicyVersion", PolicyDocument=text, SetAsDefault=True, **boundary_of(stage))
    return {}


def boundary_updated(stage: Stage) -> Values:
    """The stack has another boundary than the profile, and IAM keeps no more versions."""

    def change(resources: Any) -> None:
        policy = next(each for each in resources.values() if each["Type"] == "AWS::IAM::ManagedPolicy")
        policy["Properties"]["PolicyDocument"]["Statement"].pop()

    updated(stage, change)
    for _ in range(3):
        text = document(allowing("s3:*"))
        iam(stage, "CreatePolicyVersion", PolicyDocument=text, SetAsDefault=False, **boundary_of(stage))
    return {}


def unbounded(stage: Stage) -> Values:
    """Somebody has taken the boundary off the role."""
    iam(stage, "DeleteRolePermissionsBoundary", **role_of(stage))
    return {}


def boundary_deleted(stage: Stage) -> Values:
    """Somebody has taken the boundary off the role and deleted it."""
    unbounded(stage)
    iam(stage, "DeletePolicy", **boundary_of(stage))
    return {}


def in_a_profile(stage: Stage) -> Values:
    """Somebody has put the role into an instance profile, and attached a policy."""
    attached(stage)
    iam(stage, "CreateInstanceProfile", InstanceProfileName="workers")
    iam(stage, "AddRoleToInstanceProfile", InstanceProfileName="workers", **role_of(stage))
    return {}


def made_by_hand(stage: Stage) -> Values:
    """There is a role, and no stack."""
    cloudformation(stage, "DeleteStack", **stack_of(stage))
    settle(stage)
    occupied(stage)
    policy = {"PolicyName": "more", "PolicyDocument": document(allowing("sqs:*"))}
    iam(stage, "PutRolePolicy", **policy, **role_of(stage))
    return in_a_profile(stage)


def canaries_left(stage: Stage) -> Values:
    """A run was killed when it had made its canaries."""
    s3 = {"Bucket": f"{LEFT}-{stage.account}"}
    stage.call("ssm", "PutParameter", Name=LEFT, Value="left", Type="String")
    stage.call("s3", "CreateBucket", **s3)
    stage.call("s3", "PutObject", Key="canary", Body=b"left", **s3)
    stage.call("emr", "CreateSecurityConfiguration", Name=LEFT, SecurityConfiguration="{}")
    config = {"NotebookInstanceLifecycleConfigName": LEFT}
    stage.call("sagemaker", "CreateNotebookInstanceLifecycleConfig", **config)
    handle = {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    cloudformation(stage, "CreateStack", StackName=LEFT, TemplateBody=json.dumps(handle))
    iam(stage, "CreatePolicy", PolicyName=LEFT, PolicyDocument=document([]))
    settle(stage)
    return {}


def organize(stage: Stage, operation: str, **params: Any) -> Any:
    return stage.call("organizations", operation, account=MANAGEMENT_ACCOUNT, **params)


def root_of(stage: Stage) -> str:
    return str(organize(stage, "ListRoots")["Roots"][0]["Id"])


def in_a_unit(stage: Stage) -> Values:
    """The account is alone in an organizational unit."""
    root = root_of(stage)
    unit = organize(stage, "CreateOrganizationalUnit", ParentId=root, Name=f"unit{stage.number}")
    unit_id = unit["OrganizationalUnit"]["Id"]
    organize(stage, "MoveAccount", AccountId=stage.account, SourceParentId=root, DestinationParentId=unit_id)
    return {"organizational_units": [unit_id], "member_accounts": []}


def in_a_store(service: str) -> Situation:
    """The external ID is kept by a service of the management account."""

    def prepare(stage: Stage) -> Values:
        name = f"xacct/id{stage.number}"
        value, place = stage.administrator.external_id, {"account": MANAGEMENT_ACCOUNT}
        if service == "ssm":
            stage.call("ssm", "PutParameter", Name=f"/{name}", Value=value, Type="SecureString", **place)
            return {"external_id": f"ssm:/{name}"}
        stage.call("secretsmanager", "CreateSecret", Name=name, SecretString=value, **place)
        return {"external_id": f"secretsmanager:{name}"}

    return prepare


def without_access(_stage: Stage) -> Values:
    """Nobody here may act in the account."""
    return {"access_role": "NoSuchRole"}
