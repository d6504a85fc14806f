"""What an account is like when a task is done in it: made by its administrator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml
from operator_bench import ADMINISTRATOR, Stage, Values, allowing, document

from xacct_kit.fleet.deployment import deployment_of
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.params import Params
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_ACCOUNT
from xacct_kit.steps.create_account import create_account
from xacct_kit.steps.creation.new_account import NewAccount
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE, Statement
from xacct_kit.steps.stack.request import stack_request
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


deployed_unbounded = deployed_with(profile="documented")


def outdated(stage: Stage) -> Values:
    """The stack has another trust policy, other policies, another description and other tags."""
    other = {"stack_tags": {"Owner": "lab"}, "workflow_loop_runner_role": "NotebookRole"}
    deployed_with(**other)(stage)

    def change(resources: Any) -> None:
        properties = resources["CrossAccountExecutionRole"]["Properties"]
        properties["Description"] = "other"
        properties["Policies"][0]["PolicyName"] = "other"

    session = stage.administrator
    params = session.params
    session.params = params.model_copy(update=other)
    updated(stage, change)
    session.params = params
    return {}


def main_is_shut(stage: Stage) -> Values:
    """The operator may act as none of main's roles."""
    names = {"api_handler_role": "ShutApi", "workflow_loop_runner_role": "ShutWorkflow"}
    trust = document([_trusting_service("lambda.amazonaws.com")])
    stage.administrator.params = stage.administrator.params.model_copy(update=names)
    for name in names.values():
        role = {"RoleName": name, "AssumeRolePolicyDocument": trust}
        stage.call("iam", "CreateRole", account=MAIN_ACCOUNT, once=True, **role)
    return names


def _trusting_service(service: str) -> Statement:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def forbidden(stage: Stage, *actions: str) -> None:
    """Forbid something to the account's administrator; the next time something else."""
    statement = {"Effect": "Deny", "Action": list(actions or ("sqs:*",)), "Resource": "*"}
    policy = {"PolicyName": "forbidden", "PolicyDocument": document([statement])}
    # A denied administrator can still write this.
    iam(stage, "PutRolePolicy", RoleName=ADMINISTRATOR, **policy)


def occupied(stage: Stage) -> Values:
    """Somebody else has made a role of that name."""
    trust = document([_trusting_service("ec2.amazonaws.com")])
    iam(stage, "CreateRole", AssumeRolePolicyDocument=trust, **role_of(stage))
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
    updated(stage, lambda resources: _rename_policy(stage, resources))
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


def in_a_store(service: str, key: str = "external_id") -> Situation:
    """An external ID is kept by a service of the management account."""

    def prepare(stage: Stage) -> Values:
        name = f"xacct/{key}{stage.number}"
        value, place = getattr(stage.administrator, key), {"account": MANAGEMENT_ACCOUNT}
        if service == "ssm":
            stage.call("ssm", "PutParameter", Name=f"/{name}", Value=value, Type="SecureString", **place)
            return {key: f"ssm:/{name}"}
        stage.call("secretsmanager", "CreateSecret", Name=name, SecretString=value, **place)
        return {key: f"secretsmanager:{name}"}

    return prepare


def nothing_kept(service: str) -> Situation:
    """There is nothing yet where the external ID is to be kept."""
    return lambda stage: {"external_id": f"{service}:{'/' if service == 'ssm' else ''}new{stage.number}"}


def denied_by_the_organization(stage: Stage) -> Values:
    """A policy of the unit of the account forbids what the role is probed for."""
    made = in_a_unit(stage)
    text = document([{"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"}])
    policy = {"Name": f"no-s3-{stage.number}", "Description": "", "Type": "SERVICE_CONTROL_POLICY"}
    kept = organize(stage, "CreatePolicy", Content=text, **policy)["Policy"]["PolicySummary"]
    organize(stage, "AttachPolicy", PolicyId=kept["Id"], TargetId=made["organizational_units"][0])
    return {}


def denied_by_a_boundary(stage: Stage) -> Values:
    """Somebody has put a boundary on the role, and attached a policy."""
    arn = iam(stage, "CreatePolicy", PolicyName="Bound", PolicyDocument=document(allowing("ec2:*")))[
        "Policy"
    ]["Arn"]
    iam(stage, "PutRolePermissionsBoundary", PermissionsBoundary=arn, **role_of(stage))
    return attached(stage)


def in_other_places(stage: Stage) -> Values:
    """Somebody has called another account the same."""
    new = NewAccount(name=f"laboratory-{stage.number}", email=f"other{stage.number}@example.com")
    account, _ = create_account(stage.administrator, new)
    assert account
    return {}


def template_bucket(stage: Stage) -> Values:
    """The bucket is in another region."""
    where = {"LocationConstraint": "eu-central-1"}
    bucket = {"Bucket": "our-templates", "CreateBucketConfiguration": where}
    stage.call("s3", "CreateBucket", account=MAIN_ACCOUNT, region="eu-central-1", once=True, **bucket)
    return {}


def self_managed(stage: Stage) -> Values:
    """A stack set may be made that acts by the access role."""
    trust = document([_trusting_service("cloudformation.amazonaws.com")])
    role = {"RoleName": ADMINISTRATION_ROLE, "account": MANAGEMENT_ACCOUNT, "once": True}
    stage.call("iam", "CreateRole", AssumeRolePolicyDocument=trust, **role)
    text = document(allowing("sts:AssumeRole"))
    stage.call("iam", "PutRolePolicy", PolicyName="may", PolicyDocument=text, **role)
    return {"stack_set": "self-managed", "stack_name": f"set-{stage.number}"}


def no_administration(stage: Stage) -> Values:
    """There is no role that StackSets administer by; the next trial of a stack set makes it."""
    place = {"RoleName": ADMINISTRATION_ROLE, "account": MANAGEMENT_ACCOUNT, "once": True}
    stage.call("iam", "DeleteRolePolicy", PolicyName="may", **place)
    stage.call("iam", "DeleteRole", **place)
    return {"stack_set": "self-managed", "stack_name": f"set-{stage.number}"}


def half_trusting(stage: Stage) -> Values:
    """The role has come to trust but one of main's roles, and nobody acts in the account otherwise."""
    trust = iam(stage, "GetRole", **role_of(stage))["Role"]["AssumeRolePolicyDocument"]
    trusted = {"AWS": f"arn:aws:iam::{MAIN_ACCOUNT}:role/ApiHandlerRole"}
    trust["Statement"][0]["Principal"] = trusted
    iam(stage, "UpdateAssumeRolePolicy", PolicyDocument=json.dumps(trust), **role_of(stage))
    return {"access_role": "NoSuchRole"}


def acting_by_itself(stage: Stage) -> Values:
    """A stack set may be made that acts by the access role, which is there already."""
    name = f"Onboarder{stage.number}"
    stage.make_role(stage.account, name, f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root", allowing("*"))
    return {**self_managed(stage), "access_role": name}


def service_managed(stage: Stage) -> Values:
    """A stack set may be made for the unit of the account."""
    stage.call("cloudformation", "ActivateOrganizationsAccess", account=MANAGEMENT_ACCOUNT)
    return {**in_a_unit(stage), "stack_set": "service-managed", "stack_name": f"set-{stage.number}"}


def in_a_stack_set(situation: Situation, **values: Any) -> Situation:
    """The stack set is deployed already, perhaps by other params."""

    def prepare(stage: Stage) -> Values:
        made = situation(stage)
        session = stage.administrator
        before = session.params
        session.params = Params.load("params/sandbox.yaml", **{**before.model_dump(), **made, **values})
        deployment = deployment_of(session)
        assert deployment is not None
        rows = deploy_stack_set(session, [stage.account], deployment)
        assert all(row.verdict.green for row in rows), rows
        session.params = before
        return made

    return prepare


def with_a_closed_account(stage: Stage) -> Values:
    """The stack set has a stack in an account that is closed by now."""
    session = stage.administrator
    before = session.params
    made = self_managed(stage)
    session.params = Params.load("params/sandbox.yaml", **{**before.model_dump(), **made})
    deployment = deployment_of(session)
    assert deployment is not None
    assert all(
        row.verdict.green for row in deploy_stack_set(session, [stage.account, stage.other], deployment)
    )
    session.params = before
    organize(stage, "CloseAccount", AccountId=stage.other)
    return made


def instance_failed(stage: Stage) -> Values:
    """The stack that the stack set has in the account could not be updated, nor put back."""
    described = cloudformation(stage, "DescribeStacks")["Stacks"]
    (stack,) = (each for each in described if each["StackName"].startswith("StackSet-"))
    forbidden(stage, "iam:DeleteRolePolicy")
    request = stack_request(stage.administrator)
    template = yaml.safe_load(request["TemplateBody"])
    _rename_policy(stage, template["Resources"])
    request["TemplateBody"] = json.dumps(template)
    cloudformation(stage, "UpdateStack", StackName=stack["StackName"], **request)
    settle(stage)
    forbidden(stage)
    return {}
