"""What each task of the kit calls, as whom and on what: the table behind the policies of the operator.

What CloudFormation calls on a deployer's behalf is listed in the schemas of its resource types, by handler;
which of it a handler calls when is not told, so that a handler's list is taken whole, but for what the role's
template does not have. https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html

On which resources an action is allowed is told by the service authorization reference; `*` stands where it
has no type of resource for the action.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from xacct_kit.steps.canaries.catalogue import CANARIES, PREFIX


class Task(StrEnum):
    """What somebody does with the kit; most are commands."""

    PROBE = "xacct probe"
    EXPLAIN = "xacct probe, and why something is denied"
    PLAN = "xacct plan"
    DEPLOY = "xacct deploy"
    ONBOARD = "xacct onboard"
    STATUS = "xacct status"
    DRIFT = "xacct drift"
    REPAIR = "xacct drift --repair"
    NEW_EXTERNAL_ID = "xacct new-external-id"
    ROTATE = "xacct new-external-id --rotate"
    HANDOVER = "xacct handover"
    REMOVE_CANARIES = "xacct offboard --canaries"
    OFFBOARD = "xacct offboard"
    INVITE = "xacct invite"
    CREATE_ACCOUNT = "xacct create-account"


class Who(Enum):
    """A principal that calls are made as.

    Attributes:
        OPERATOR: who runs the kit.
        ACCESS_ROLE: the access role in a member account, or the operator where it is of that account.
        IN_MAIN: the access role in the main account, or the operator where it is of that account.
        MAIN_ROLE: main's role that serves requests, which becomes the management role.
        MANAGEMENT: the management role, or the operator where it is of the management account.
    """

    OPERATOR = auto()
    ACCESS_ROLE = auto()
    IN_MAIN = auto()
    MAIN_ROLE = auto()
    MANAGEMENT = auto()


class Feature(Enum):
    """What params have that takes something more."""

    ACCESS_ROLE = auto()
    BOUNDARY = auto()
    CANARIES = auto()
    IN_PARAMETER = auto()
    IN_SECRET = auto()
    MANAGEMENT_ACCOUNT_UNKNOWN = auto()
    MANAGEMENT_IN_PARAMETER = auto()
    MANAGEMENT_IN_SECRET = auto()
    MANAGEMENT_ROLE = auto()
    ORGANIZATION = auto()
    ROOTS = auto()
    SELF_MANAGED = auto()
    SERVICE_MANAGED = auto()
    STACK_SET = auto()
    STACK_TAGS = auto()
    UNITS = auto()
    UNTRUSTED_ROLE = auto()
    WHOLE_ORGANIZATION = auto()


@dataclass(frozen=True)
class Grant:
    """Actions that a principal is allowed.

    Attributes:
        who: the principal.
        on: the resource, with places for what the params say.
        actions: the actions.
        where: the features of params that it is for; all of them.
    """

    who: Who
    on: str
    actions: tuple[str, ...]
    where: frozenset[Feature] = frozenset()


Grants = tuple[Grant, ...]

STACK = "arn:{partition}:cloudformation:{region}:*:stack/{stack_name}/*"
# The names of stacks that StackSets makes.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
INSTANCE = "arn:{partition}:cloudformation:{region}:*:stack/StackSet-{stack_name}-*/*"
STACK_SET = "arn:{partition}:cloudformation:{region}:*:stackset/{stack_name}:*"
# Who may reach which targets with which types of resources is asked as well; account and region are there in
# some examples and not in others. `*` stands for nothing, too.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/security_iam_id-based-policy-examples.html
STACK_SET_TARGET = "arn:{partition}:cloudformation:*:*:stackset-target/{stack_name}:*"
ROLE_TYPE_ARN = "arn:{partition}:cloudformation:*:*:type/resource/AWS-IAM-Role"
POLICY_TYPE_ARN = "arn:{partition}:cloudformation:*:*:type/resource/AWS-IAM-ManagedPolicy"
ROLE = "arn:{partition}:iam::*:role/{role_name}"
BOUNDARY = "arn:{partition}:iam::*:policy/{role_name}-boundary"
# Somebody may have attached any policy to the role; those of AWS are in an account of the name aws.
ANY_POLICY = "arn:{partition}:iam::*:policy/*"
INSTANCE_PROFILE = "arn:{partition}:iam::*:instance-profile/*"
ACCOUNT = "arn:{partition}:organizations::*:account/*"
UNIT = "arn:{partition}:organizations::*:ou/*"
ROOT = "arn:{partition}:organizations::*:root/*"
CONTROL_POLICY = "arn:{partition}:organizations::*:policy/*"
OF_MAIN = "arn:{partition}:iam::{main_account}:role/"


def grant(who: Who, on: str, *actions: str, where: Feature | tuple[Feature, ...] = ()) -> Grant:
    """What a principal is allowed on a resource, where params have all of some features."""
    return Grant(who, on, actions, frozenset(where if isinstance(where, tuple) else (where,)))


def member(on: str, *actions: str, where: Feature | tuple[Feature, ...] = ()) -> Grant:
    """What the access role is allowed in the members."""
    return grant(Who.ACCESS_ROLE, on, *actions, where=where)


def operator(on: str, *actions: str, where: Feature | tuple[Feature, ...] = ()) -> Grant:
    """What whoever runs the kit is allowed."""
    return grant(Who.OPERATOR, on, *actions, where=where)


TARGETS: Grants = (
    operator("*", "organizations:DescribeOrganization", where=Feature.ORGANIZATION),
    operator("*", "organizations:ListAccounts", where=Feature.WHOLE_ORGANIZATION),
    operator("*", "organizations:ListRoots", where=Feature.ROOTS),
    operator(
        UNIT,
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        where=Feature.UNITS,
    ),
)
REACHING: Grants = (
    *TARGETS,
    operator("arn:{partition}:iam::*:role/{access_role}", "sts:AssumeRole", where=Feature.ACCESS_ROLE),
)
AS_API_HANDLER: Grants = (operator(f"{OF_MAIN}{{api_handler_role}}", "sts:AssumeRole"),)
# Where the operator may not act as these, checks that need it are left out.
AS_MAIN: Grants = (
    *AS_API_HANDLER,
    operator(f"{OF_MAIN}{{workflow_loop_runner_role}}", "sts:AssumeRole"),
)
AS_UNTRUSTED: Grants = (
    operator(f"{OF_MAIN}{{untrusted_role}}", "sts:AssumeRole", where=Feature.UNTRUSTED_ROLE),
)
# A key of one's own takes kms:Decrypt as well, and kms:Encrypt or kms:GenerateDataKey to write.
# https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
SECRET: Grants = (
    operator("{parameter}", "ssm:GetParameter", where=Feature.IN_PARAMETER),
    operator("{secret}", "secretsmanager:GetSecretValue", where=Feature.IN_SECRET),
)
INSTANCES: Grants = (operator(STACK_SET, "cloudformation:ListStackInstances", where=Feature.STACK_SET),)

FIND_ROLE: Grants = (
    member(STACK, "cloudformation:DescribeStacks"),
    member(ROLE, "iam:GetRole"),
)
READ_POLICIES: Grants = (
    member(ROLE, "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
    member(ANY_POLICY, "iam:GetPolicy", "iam:GetPolicyVersion"),
)
READ_ROLE: Grants = (
    *READ_POLICIES,
    member(BOUNDARY, "iam:ListPolicyVersions", where=Feature.BOUNDARY),
)
ASSUME_ROLE: Grants = (member(ROLE, "sts:AssumeRole"),)


def stack(*operations: str) -> Grants:
    """Operations on the stack in an account, be it one that a stack set has made."""
    actions = [f"cloudformation:{each}" for each in operations]
    return (
        member(STACK, *actions),
        member(INSTANCE, *actions, where=Feature.STACK_SET),
    )


READ_STACK: Grants = stack("DescribeStacks", "DescribeStackEvents", "GetTemplate")
CHANGE_STACK: Grants = (
    member(
        STACK,
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
    ),
)
REMOVE_BOUNDARY: Grants = (
    member(
        BOUNDARY,
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:ListEntitiesForPolicy",
        "iam:ListPolicyVersions",
        where=Feature.BOUNDARY,
    ),
)
DEPLOY_STACK: Grants = (
    *CHANGE_STACK,
    # An update that failed, and a creation that did.
    member(STACK, "cloudformation:ContinueUpdateRollback", "cloudformation:DeleteStack"),
    member(
        ROLE,
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ),
    member(
        ROLE,
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        where=Feature.BOUNDARY,
    ),
    member(BOUNDARY, "iam:CreatePolicy", "iam:CreatePolicyVersion", where=Feature.BOUNDARY),
    *REMOVE_BOUNDARY,
)


def stack_set(*operations: str) -> Grants:
    """Operations on the stack set that reach its targets, and what it takes to wait for them."""
    reaching = [f"cloudformation:{each}" for each in operations]
    return (
        operator(
            STACK_SET,
            *reaching,
            "cloudformation:DescribeStackSet",
            "cloudformation:DescribeStackSetOperation",
            "cloudformation:ListStackInstances",
            "cloudformation:ListStackSetOperations",
            where=Feature.STACK_SET,
        ),
        operator(STACK_SET_TARGET, *reaching, where=Feature.STACK_SET),
        operator(ROLE_TYPE_ARN, *reaching, where=Feature.STACK_SET),
        operator(POLICY_TYPE_ARN, *reaching, where=(Feature.STACK_SET, Feature.BOUNDARY)),
        operator("*", "organizations:ListRoots", where=(Feature.SERVICE_MANAGED, Feature.WHOLE_ORGANIZATION)),
    )


DEPLOY_STACK_SET: Grants = (
    member(
        INSTANCE,
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
        where=Feature.SELF_MANAGED,
    ),
    *stack_set("CreateStackInstances", "UpdateStackSet"),
    operator("*", "cloudformation:CreateStackSet", where=Feature.STACK_SET),
    operator(
        STACK_SET,
        "cloudformation:TagResource",
        "cloudformation:UntagResource",
        where=(Feature.STACK_SET, Feature.STACK_TAGS),
    ),
    operator("*", "cloudformation:DescribeOrganizationsAccess", where=Feature.SERVICE_MANAGED),
    operator("arn:{partition}:iam::*:role/{administration_role}", "iam:GetRole", where=Feature.SELF_MANAGED),
)

LIST_CANARIES: Grants = (
    *(member("*", canary.listing.probe.action) for canary in CANARIES),
    # Of the operation that lists all stacks, which goes by the name of another.
    member("*", "cloudformation:ListStacks"),
)
_CANARY: Mapping[str, str] = {
    "partition": "{partition}",
    "region": "{region}",
    "account": "*",
    "canary": f"{PREFIX}*",
}
REMOVE_CANARIES: Grants = tuple(
    member(probe.resource.format(**_CANARY), probe.action) for canary in CANARIES for probe in canary.removed
)
READ_CONTROL_POLICIES: Grants = (
    operator("*", "organizations:DescribeOrganization"),
    operator(ACCOUNT, "organizations:ListParents", "organizations:ListPoliciesForTarget"),
    operator(UNIT, "organizations:ListParents", "organizations:ListPoliciesForTarget"),
    operator(ROOT, "organizations:ListPoliciesForTarget"),
    operator(CONTROL_POLICY, "organizations:DescribePolicy"),
)
