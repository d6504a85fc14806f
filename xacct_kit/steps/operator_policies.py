"""What the operator must be allowed, as policies: what is asked for, and of whom.

What CloudFormation calls on the operator's behalf is found nowhere but in the schemas of its resource types;
these policies are what it takes on the sandbox, where every such call is decided by IAM's rules.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xacct_kit.params import split_reference
from xacct_kit.role.profile import boundary_name

if TYPE_CHECKING:
    from xacct_kit.params import Params

Statement = dict[str, Any]

# What the organization is read by.
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
ORGANIZATION_READS = (
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
)

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
ADMINISTRATION_ROLE = "AWSCloudFormationStackSetAdministrationRole"

_STACK = (
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
)
_ROLE = (
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
    "sts:AssumeRole",
)
_BOUNDARY_OF_ROLE = ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")
_BOUNDARY = (
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListEntitiesForPolicy",
    "iam:ListPolicyVersions",
)
_STACK_SET = (
    "cloudformation:CreateStackInstances",
    "cloudformation:CreateStackSet",
    "cloudformation:DescribeStackSet",
    "cloudformation:DescribeStackSetOperation",
    "cloudformation:ListStackInstances",
    "cloudformation:ListStackSetOperations",
    "cloudformation:UpdateStackSet",
)

_DEPLOYS = {
    "none": "deploys the role and reads it",
    # It is the execution role of the stack set then.
    "self-managed": "deploys the role and reads it, and of which StackSets want more: "
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html",
    "service-managed": "deploys the role where StackSets do not reach, and reads it",
}

# Of these a run without a deployment makes use.
_READING = frozenset({"cloudformation:DescribeStacks", "iam:GetRole", "sts:AssumeRole"})


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What somebody must be allowed.

    Attributes:
        who: the principal, in words.
        why: what for, in words.
        statements: the statements of its policy; none where it needs nothing more.
    """

    who: str
    why: str
    statements: tuple[Statement, ...]

    @property
    def document(self) -> dict[str, Any]:
        """Its policy."""
        return {"Version": "2012-10-17", "Statement": list(self.statements)}


def needed_in_members(params: Params, *, deploying: bool, bounded: bool = False) -> Needed:
    """What the operator's role in the member accounts must be allowed.

    Parameters:
        params: what the user asked for.
        deploying: whether the role is deployed too.
        bounded: whether the profile has a permissions boundary.
    """
    who = f"{params.access_role} in each account" if params.access_role else "the operator, in the account"
    role = (*_ROLE, *_BOUNDARY_OF_ROLE) if bounded else _ROLE
    found = [
        _allowing(_STACK, _arn(params, "cloudformation", f"stack/{params.stack_name}/*", region="*")),
        _allowing(sorted(role), _arn(params, "iam", f"role/{params.role_name}")),
    ]
    if bounded:
        found.append(_allowing(_BOUNDARY, _arn(params, "iam", f"policy/{boundary_name(params.role_name)}")))
    if deploying:
        return Needed(who=who, why=_DEPLOYS[params.stack_set], statements=tuple(found))
    return Needed(
        who=who, why="reads the role and its stack", statements=tuple(filter(None, map(_read, found)))
    )


def needed_of_operator(params: Params, *, deploying: bool) -> Needed:
    """What whoever runs the kit must be allowed."""
    statements = (
        *_assuming(params),
        *_of_organization(params),
        *_of_secret(params),
        *(_of_stack_set(params) if deploying else ()),
    )
    return Needed(who="the operator, who runs this", why="reaches the accounts", statements=statements)


def _assuming(params: Params) -> Iterator[Statement]:
    if params.access_role:
        yield _allowing(["sts:AssumeRole"], _arn(params, "iam", f"role/{params.access_role}"))
    # Where the operator may not act as these, checks that need it are left out.
    rehearsed = (params.api_handler_role, params.workflow_loop_runner_role, params.untrusted_role)
    for name in filter(None, rehearsed):
        yield _allowing(["sts:AssumeRole"], _arn(params, "iam", f"role/{name}", account=params.main_account))


def _of_organization(params: Params) -> Iterator[Statement]:
    if params.organizational_units:
        yield _allowing(ORGANIZATION_READS, "*")


def _of_secret(params: Params) -> Iterator[Statement]:
    kind, name = split_reference(params.external_id) or ("", "")
    if kind == "ssm":
        resource = _arn(params, "ssm", f"parameter/{name.removeprefix('/')}", region=params.region)
        yield _allowing(["ssm:GetParameter"], resource)
    elif kind == "secretsmanager":
        # The ARN of a secret ends with six characters that AWS chose.
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
        arn = _arn(params, "secretsmanager", "", region=params.region)
        resource = name if name.startswith("arn:") else f"{arn}secret:{name}-??????"
        yield _allowing(["secretsmanager:GetSecretValue"], resource)


def _of_stack_set(params: Params) -> Iterator[Statement]:
    if params.stack_set == "none":
        return
    yield _allowing(_STACK_SET, _arn(params, "cloudformation", f"stackset/{params.stack_name}:*", region="*"))
    if params.stack_set == "service-managed":
        yield _allowing(["cloudformation:DescribeOrganizationsAccess"], "*")
    else:
        yield _allowing(["iam:GetRole"], _arn(params, "iam", f"role/{ADMINISTRATION_ROLE}"))


def _read(statement: Statement) -> Statement | None:
    """What of a statement is used where nothing is deployed."""
    kept = [action for action in statement["Action"] if action in _READING]
    return {**statement, "Action": kept} if kept else None


def _allowing(actions: Iterable[str], resource: str) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def _arn(params: Params, service: str, resource: str, *, account: str = "*", region: str = "") -> str:
    return f"arn:{params.partition}:{service}:{region}:{account}:{resource}"
