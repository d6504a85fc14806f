"""What each task of the kit takes, by the tables of `actions`."""

from __future__ import annotations

from collections.abc import Mapping

from xacct_kit.steps.operator.actions import (
    ACCOUNT,
    AS_API_HANDLER,
    AS_MAIN,
    AS_UNTRUSTED,
    ASSUME_ROLE,
    BOUNDARY,
    CHANGE_STACK,
    DEPLOY_STACK,
    DEPLOY_STACK_SET,
    FIND_ROLE,
    INSTANCE,
    INSTANCE_PROFILE,
    INSTANCES,
    LIST_CANARIES,
    OF_MAIN,
    REACHING,
    READ_CONTROL_POLICIES,
    READ_POLICIES,
    READ_ROLE,
    READ_STACK,
    REMOVE_BOUNDARY,
    REMOVE_CANARIES,
    ROLE,
    ROOT,
    SECRET,
    STACK,
    TARGETS,
    UNIT,
    Feature,
    Grant,
    Grants,
    Task,
    Who,
    grant,
    member,
    operator,
    stack,
    stack_set,
)

_PROBE: Grants = (
    *REACHING,
    *AS_MAIN,
    *AS_UNTRUSTED,
    *SECRET,
    *FIND_ROLE,
    *ASSUME_ROLE,
    *(Grant(each.who, each.on, each.actions, frozenset({Feature.CANARIES})) for each in LIST_CANARIES),
)
_DEPLOY: Grants = (
    *REACHING,
    # Proves the role where its profile does not trust the account that it is in.
    *AS_API_HANDLER,
    *SECRET,
    *DEPLOY_STACK,
    *ASSUME_ROLE,
)
_DRIFT: Grants = (
    *REACHING,
    *SECRET,
    *INSTANCES,
    *stack("DescribeStacks", "DetectStackDrift", "DescribeStackResourceDrifts"),
    member("*", "cloudformation:DescribeStackDriftDetectionStatus"),
    *READ_ROLE,
    member(BOUNDARY, "iam:ListEntitiesForPolicy", where=Feature.BOUNDARY),
)

GRANTS: Mapping[Task, Grants] = {
    Task.PROBE: _PROBE,
    Task.EXPLAIN: (
        *_PROBE,
        *READ_POLICIES,
        member(ROLE, "iam:SimulatePrincipalPolicy"),
        *READ_CONTROL_POLICIES,
    ),
    Task.PLAN: (
        *REACHING,
        *SECRET,
        *INSTANCES,
        *READ_STACK,
        *stack("CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet"),
        # A change set for a stack that is not there makes one without resources.
        member(STACK, "cloudformation:DeleteStack"),
        *READ_ROLE,
    ),
    Task.DEPLOY: (*_DEPLOY, *DEPLOY_STACK_SET),
    Task.ONBOARD: (*_DEPLOY, *DEPLOY_STACK_SET, *_PROBE),
    Task.STATUS: (*REACHING, *AS_MAIN, *SECRET, *INSTANCES, *READ_STACK, *READ_ROLE),
    Task.DRIFT: (*_DRIFT, *READ_CONTROL_POLICIES),
    Task.REPAIR: (
        *_DRIFT,
        *_DEPLOY,
        member(STACK, "cloudformation:GetTemplate"),
        member(ROLE, "iam:DetachRolePolicy"),
    ),
    Task.NEW_EXTERNAL_ID: (
        operator("{parameter}", "ssm:PutParameter", where=Feature.IN_PARAMETER),
        # On what a secret is decided that is not there yet, and so has no ARN, is not documented.
        operator("{new_secret}", "secretsmanager:CreateSecret", where=Feature.IN_SECRET),
    ),
    Task.ROTATE: (
        *REACHING,
        # Where the profile does not trust the account that the role is in.
        *AS_API_HANDLER,
        *SECRET,
        operator("{parameter}", "ssm:PutParameter", where=Feature.IN_PARAMETER),
        operator(
            "{parameter}-next",
            "ssm:DeleteParameter",
            "ssm:GetParameter",
            "ssm:PutParameter",
            where=Feature.IN_PARAMETER,
        ),
        operator("*", "ssm:DescribeParameters", where=Feature.IN_PARAMETER),
        operator(
            "{secret}",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
            where=Feature.IN_SECRET,
        ),
        *stack_set("UpdateStackSet"),
        operator(ACCOUNT, "organizations:DescribeAccount", where=Feature.STACK_SET),
        *CHANGE_STACK,
        member(INSTANCE, "cloudformation:UpdateStack", where=Feature.SELF_MANAGED),
        member(ROLE, "iam:UpdateAssumeRolePolicy"),
        *ASSUME_ROLE,
    ),
    Task.HANDOVER: (
        *TARGETS,
        *AS_MAIN,
        *SECRET,
        operator(ACCOUNT, "organizations:DescribeAccount"),
    ),
    Task.REMOVE_CANARIES: (*REACHING, *SECRET, *LIST_CANARIES, *REMOVE_CANARIES),
    Task.OFFBOARD: (
        *REACHING,
        *AS_MAIN,
        *SECRET,
        *stack_set("DeleteStackInstances"),
        *LIST_CANARIES,
        *REMOVE_CANARIES,
        *stack("DescribeStackEvents"),
        member(STACK, "cloudformation:DeleteStack"),
        member(INSTANCE, "cloudformation:DeleteStack", where=Feature.SELF_MANAGED),
        # Which stack holds the role is asked by the role's name. The reference has a type of resource for the
        # action; on which it is decided where no stack is named is documented nowhere.
        member("*", "cloudformation:DescribeStackResources"),
        # It is asked in every region of the account: IAM has none.
        member("*", "ec2:DescribeRegions"),
        member(
            ROLE,
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetRole",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
        ),
        member(INSTANCE_PROFILE, "iam:RemoveRoleFromInstanceProfile"),
        *REMOVE_BOUNDARY,
        *ASSUME_ROLE,
    ),
    Task.INVITE: (
        *TARGETS,
        operator(f"{OF_MAIN}{{access_role}}", "sts:AssumeRole", where=Feature.ACCESS_ROLE),
        *SECRET,
        grant(Who.IN_MAIN, "arn:{partition}:s3:::{bucket}", "s3:GetBucketLocation"),
        # The link lets whoever has it do what the one who signed it may.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
        grant(
            Who.IN_MAIN, "arn:{partition}:s3:::{bucket}/{stack_name}-*.yaml", "s3:GetObject", "s3:PutObject"
        ),
    ),
    Task.CREATE_ACCOUNT: (
        *(
            Grant(each.who, each.on, each.actions, frozenset({Feature.MANAGEMENT_ROLE}))
            for each in AS_API_HANDLER
        ),
        operator("{management_parameter}", "ssm:GetParameter", where=Feature.MANAGEMENT_IN_PARAMETER),
        operator("{management_secret}", "secretsmanager:GetSecretValue", where=Feature.MANAGEMENT_IN_SECRET),
        operator("*", "organizations:DescribeOrganization", where=Feature.MANAGEMENT_ACCOUNT_UNKNOWN),
        grant(
            Who.MAIN_ROLE,
            "arn:{partition}:iam::{management_account}:role/{management_role}",
            "sts:AssumeRole",
            where=Feature.MANAGEMENT_ROLE,
        ),
        grant(
            Who.MANAGEMENT,
            "*",
            "organizations:CreateAccount",
            "organizations:DescribeCreateAccountStatus",
            "organizations:ListAccounts",
            "organizations:ListCreateAccountStatus",
        ),
        grant(
            Who.MANAGEMENT,
            ACCOUNT,
            "organizations:DescribeAccount",
            "organizations:ListParents",
            "organizations:MoveAccount",
        ),
        grant(
            Who.MANAGEMENT,
            UNIT,
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:MoveAccount",
        ),
        grant(Who.MANAGEMENT, ROOT, "organizations:MoveAccount"),
        grant(Who.MANAGEMENT, "arn:{partition}:iam::*:role/{new_access_role}", "sts:AssumeRole"),
    ),
}
