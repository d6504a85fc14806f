"""How a role that may do something in IAM comes to do everything: the known ways, as data.

Each way is the calls that it takes. Whether it is open is decided by the role's policies, as any call is.
Resources that are anybody's, such as a user, stand for all of their kind; the administrator's role is the one
by which the account is administered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xacct_kit.iam import Request
from xacct_kit.role.certainty import certainly
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.profile import boundary_name


@dataclass(frozen=True, kw_only=True)
class EscalationCall:
    """One call of a way.

    Attributes:
        action: the IAM action.
        resource: what it is done to.
        context: the condition keys that the request carries; one that comes out empty it does not carry.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """A way to more permissions than a role was given.

    Attributes:
        name: what it is called in reports.
        calls: the calls that it takes, all of them.
        gives: what the role can do by it, after "can".
        source: where AWS says what the deciding call does.
        administrator: whether it makes the role an administrator of the account whatever is in it.
    """

    name: str
    calls: tuple[EscalationCall, ...]
    gives: str
    source: str
    administrator: bool = True


@dataclass(frozen=True, kw_only=True)
class EscalationValues:
    """What the ways are decided for.

    Attributes:
        partition: the role's partition.
        region: where it would call.
        account: its account.
        role_name: its name.
        administrator_role: name of a role by which the account is administered.
        boundary_arn: the managed policy that is its permissions boundary now; empty where it has none.
    """

    partition: str
    region: str
    account: str
    role_name: str
    administrator_role: str
    boundary_arn: str = ""

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role_name}"

    def by_placeholder(self) -> dict[str, str]:
        """The values by the names that the table gives them."""
        return {**vars(self), "role_arn": self.role_arn, "boundary_name": boundary_name(self.role_name)}


_IAM = "arn:{partition}:iam::{account}:"
_HERE = "{region}:{account}:"
_ITSELF = "{role_arn}"
_ADMINISTRATOR_ROLE = _IAM + "role/{administrator_role}"
_USER, _NEW_USER, _NEW_ROLE = _IAM + "user/Somebody", _IAM + "user/Newcomer", _IAM + "role/Newcomer"
_POLICY, _BOUNDARY = _IAM + "policy/Somebodys", _IAM + "policy/{boundary_name}"
_EVERYTHING = "arn:{partition}:iam::aws:policy/AdministratorAccess"
_ATTACHED = {"iam:PolicyARN": _EVERYTHING}
_ITS_BOUNDARY = {"iam:PermissionsBoundary": "{boundary_arn}"}

_API = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_{}.html"
_PASSING = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"


def _iam(name: str, gives: str, *calls: tuple[str, str, Mapping[str, str]]) -> Escalation:
    """A way by calls of IAM, of which the first decides."""
    made = tuple(EscalationCall(action=f"iam:{call}", resource=on, context=keys) for call, on, keys in calls)
    return Escalation(name=name, calls=made, gives=gives, source=_API.format(calls[0][0]))


def _passed(service: str, gives: str, *calls: tuple[str, str]) -> Escalation:
    """A way by handing the administrator's role to a service, and using what runs as that role."""
    passing = EscalationCall(
        action="iam:PassRole",
        resource=_ADMINISTRATOR_ROLE,
        context={"iam:PassedToService": f"{service}.amazonaws.com"},
    )
    used = tuple(EscalationCall(action=action, resource=resource) for action, resource in calls)
    name = f"pass-role-to-{service}"
    return Escalation(name=name, calls=(passing, *used), gives=gives, source=_PASSING)


ESCALATIONS: tuple[Escalation, ...] = (
    _iam("create-access-key", "sign as any user of the account", ("CreateAccessKey", _USER, {})),
    _iam(
        "create-login-profile",
        "sign in to the console as any user that has no password",
        ("CreateLoginProfile", _USER, {}),
    ),
    _iam(
        "update-login-profile",
        "sign in to the console as any user, with a password of its own",
        ("UpdateLoginProfile", _USER, {}),
    ),
    _iam(
        "create-user",
        "make itself a user who is an administrator",
        ("CreateUser", _NEW_USER, {}),
        ("AttachUserPolicy", _NEW_USER, _ATTACHED),
        ("CreateAccessKey", _NEW_USER, {}),
    ),
    _iam(
        "attach-user-policy",
        "make an administrator of any user",
        ("AttachUserPolicy", _USER, _ATTACHED),
    ),
    _iam("put-user-policy", "write any permission into any user", ("PutUserPolicy", _USER, {})),
    _iam(
        "add-user-to-group",
        "put any user into the administrators' group",
        ("AddUserToGroup", _IAM + "group/Administrators", {}),
    ),
    _iam(
        "put-group-policy",
        "write any permission into any group",
        ("PutGroupPolicy", _IAM + "group/Somebodys", {}),
    ),
    _iam(
        "create-policy-version",
        "rewrite any managed policy of the account, for whoever has it",
        ("CreatePolicyVersion", _POLICY, {}),
    ),
    _iam(
        "set-default-policy-version",
        "bring an earlier, wider version of any managed policy back",
        ("SetDefaultPolicyVersion", _POLICY, {}),
    ),
    _iam(
        "attach-role-policy",
        "attach AdministratorAccess to itself",
        ("AttachRolePolicy", _ITSELF, {**_ATTACHED, **_ITS_BOUNDARY}),
    ),
    _iam("put-role-policy", "write any permission into itself", ("PutRolePolicy", _ITSELF, _ITS_BOUNDARY)),
    _iam(
        "update-assume-role-policy",
        "let itself assume the administrator's role",
        ("UpdateAssumeRolePolicy", _ADMINISTRATOR_ROLE, {}),
    ),
    _iam(
        "delete-permissions-boundary",
        "take its permissions boundary off",
        ("DeleteRolePermissionsBoundary", _ITSELF, _ITS_BOUNDARY),
    ),
    _iam(
        "put-permissions-boundary",
        "put another permissions boundary in the place of its own",
        ("PutRolePermissionsBoundary", _ITSELF, {"iam:PermissionsBoundary": _EVERYTHING}),
    ),
    _iam(
        "boundary-policy-version",
        "rewrite its permissions boundary",
        ("CreatePolicyVersion", _BOUNDARY, {}),
    ),
    _iam(
        "create-role",
        "make a role that is an administrator and that it may assume",
        ("CreateRole", _NEW_ROLE, {}),
        ("AttachRolePolicy", _NEW_ROLE, _ATTACHED),
    ),
    _iam(
        "update-saml-provider",
        "sign in as any role that trusts an identity provider of the account",
        ("UpdateSAMLProvider", _IAM + "saml-provider/Directory", {}),
    ),
    _iam(
        "add-role-to-instance-profile",
        "put the administrator's role into an instance profile that is in use",
        ("AddRoleToInstanceProfile", _IAM + "instance-profile/Analytics", {}),
        ("PassRole", _ADMINISTRATOR_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ),
    _passed(
        "ec2",
        "run an instance as the administrator's role",
        ("ec2:RunInstances", "arn:{partition}:ec2:" + _HERE + "instance/*"),
    ),
    _passed(
        "sagemaker",
        "open a notebook that runs as the administrator's role",
        (
            "sagemaker:CreateNotebookInstance",
            "arn:{partition}:sagemaker:" + _HERE + "notebook-instance/newcomer",
        ),
        (
            "sagemaker:CreatePresignedNotebookInstanceUrl",
            "arn:{partition}:sagemaker:" + _HERE + "notebook-instance/newcomer",
        ),
    ),
    _passed(
        "elasticmapreduce",
        "run a cluster as the administrator's role",
        ("elasticmapreduce:RunJobFlow", "*"),
    ),
    _passed(
        "cloudformation",
        "have a stack made as the administrator's role",
        ("cloudformation:CreateStack", "arn:{partition}:cloudformation:" + _HERE + "stack/newcomer/*"),
    ),
    Escalation(
        name="ssm-send-command",
        calls=(
            EscalationCall(
                action="ssm:SendCommand",
                resource="arn:{partition}:ec2:" + _HERE + "instance/i-00000000000000000",
            ),
        ),
        gives="run commands on the instances that are there already, as the roles that they have",
        source="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html",
        administrator=False,
    ),
)


def requests_of(way: Escalation, values: EscalationValues) -> tuple[Request, ...]:
    """The requests that a way takes of a role, in the order in which they are made.

    Parameters:
        way: the way.
        values: the role, and where it is.
    """
    names = values.by_placeholder()
    return tuple(_request(call, values, names) for call in way.calls)


def _request(call: EscalationCall, values: EscalationValues, names: Mapping[str, str]) -> Request:
    context = {key: value.format_map(names) for key, value in call.context.items()}
    carried = {key: value for key, value in context.items() if value}
    return Request(
        principal=values.role_arn,
        action=call.action,
        resource=call.resource.format_map(names),
        context={"aws:RequestedRegion": values.region, **carried},
    )


def is_open(
    way: Escalation,
    values: EscalationValues,
    *,
    identity: Sequence[Document],
    boundary: Document | None = None,
    scps: Sequence[Sequence[Document]] = (),
) -> bool | None:
    """Whether a role's policies leave a way open; None where that hangs on what is not known.

    Parameters:
        way: the way.
        values: the role, and where it is.
        identity: the role's policies.
        boundary: its permissions boundary.
        scps: the levels of service control policies above its account.

    Raises:
        PolicyError: a document cannot be read.
    """
    allowed = [
        certainly(request, identity=identity, boundary=boundary, scps=scps)
        for request in requests_of(way, values)
    ]
    if False in allowed:
        return False
    return None if None in allowed else True
