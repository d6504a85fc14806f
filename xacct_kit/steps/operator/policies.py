"""What the operator must be allowed, as policies that can be pasted: for each task, whom and what.

In the sandbox, where every call is decided by IAM's rules, each of these policies is enough, and no action of
one is too many. What the sandbox cannot decide as AWS does is said in `actions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xacct_kit.iam.match import glob_matcher
from xacct_kit.params import split_reference
from xacct_kit.role.profile import load_profile
from xacct_kit.steps.creation.new_account import ACCESS_ROLE
from xacct_kit.steps.operator.actions import Feature, Grant, Task, Who
from xacct_kit.steps.operator.tasks import GRANTS

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

_BUCKET = "our-templates"


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What somebody must be allowed.

    Attributes:
        principal: the principal.
        who: the principal, in words.
        why: what for, in words.
        statements: the statements of its policy.
    """

    principal: Who
    who: str
    why: str
    statements: tuple[Statement, ...]

    @property
    def document(self) -> dict[str, Any]:
        """Its policy."""
        return {"Version": "2012-10-17", "Statement": list(self.statements)}

    @property
    def text(self) -> str:
        """Its policy as it is written into IAM."""
        return json.dumps(self.document, indent=2)


# What a task does, after who does it.
ABOUT: Mapping[Task, str] = {
    Task.PROBE: "checks the role and probes its permissions",
    Task.EXPLAIN: "reads the policies that decide on what is denied, too",
    Task.PLAN: "says what a deployment would change",
    Task.DEPLOY: "deploys the role and reads it",
    Task.ONBOARD: "deploys the role, checks it and probes its permissions",
    Task.STATUS: "says how the account stands",
    Task.DRIFT: "compares the role with its profile, and says what it could come to do",
    Task.REPAIR: "puts right what differs from the profile",
    Task.NEW_EXTERNAL_ID: "keeps the first external ID",
    Task.ROTATE: "takes a new external ID into use, and the old one out of it",
    Task.HANDOVER: "proves the role as Service Workbench assumes it, and reads the account's name",
    Task.REMOVE_CANARIES: "removes what is left of canaries, also what the role itself may not",
    Task.OFFBOARD: "removes canaries, stack, role and boundary, and proves that the role is gone",
    Task.INVITE: "puts the template where an account's administrator can read it",
    Task.CREATE_ACCOUNT: "creates accounts in the organization, and moves them to their units",
}


def needed_for(task: Task, params: Params, *, bucket: str = _BUCKET) -> tuple[Needed, ...]:
    """What each principal must be allowed for a task; who needs nothing is not named.

    Parameters:
        task: the task.
        params: what the user asked for.
        bucket: the bucket of the main account that invitations are for.

    Raises:
        ParamsError: there is no such profile.
    """
    features, values = _features_of(params), values_of(params, bucket)
    granted = [grant for grant in GRANTS[task] if grant.where <= features]
    return tuple(
        Needed(
            principal=who,
            who=_in_words(who, params),
            why=_why(who, task, params),
            statements=tuple(_statements([each for each in granted if each.who is who], values)),
        )
        for who in Who
        if any(each.who is who for each in granted)
    )


def _statements(grants: Iterable[Grant], values: Mapping[str, str]) -> Iterator[Statement]:
    """A statement a resource; what is allowed on more is not allowed again."""
    found: dict[str, set[str]] = {}
    for grant in grants:
        found.setdefault(grant.on.format_map(values), set()).update(grant.actions)
    for resource, actions in found.items():
        wider = [other for other in found if other != resource and glob_matcher(other)(resource)]
        allowed = actions.difference(*(found[other] for other in wider))
        if allowed:
            yield {"Effect": "Allow", "Action": sorted(allowed), "Resource": resource}


def _features_of(params: Params) -> frozenset[Feature]:
    """What params have that takes something more.

    Raises:
        ParamsError: there is no such profile.
    """
    kept = (split_reference(params.external_id) or ("",))[0]
    management_kept = (split_reference(params.management_external_id or "") or ("",))[0]
    units = params.organizational_units
    held = {
        Feature.ACCESS_ROLE: params.access_role is not None,
        Feature.BOUNDARY: load_profile(params.profile).boundary is not None,
        Feature.CANARIES: params.probes == "canary",
        Feature.IN_PARAMETER: kept == "ssm",
        Feature.IN_SECRET: kept == "secretsmanager",
        Feature.MANAGEMENT_ACCOUNT_UNKNOWN: params.management_account is None,
        Feature.MANAGEMENT_IN_PARAMETER: management_kept == "ssm",
        Feature.MANAGEMENT_IN_SECRET: management_kept == "secretsmanager",
        Feature.MANAGEMENT_ROLE: params.management_role is not None,
        Feature.ORGANIZATION: bool(units),
        Feature.ROOTS: any(unit.startswith("r-") for unit in units),
        Feature.SELF_MANAGED: params.stack_set == "self-managed",
        Feature.SERVICE_MANAGED: params.stack_set == "service-managed",
        Feature.STACK_SET: params.stack_set != "none",
        Feature.STACK_TAGS: bool(params.stack_tags),
        Feature.UNITS: any(unit.startswith("ou-") for unit in units),
        Feature.UNTRUSTED_ROLE: params.untrusted_role is not None,
        Feature.WHOLE_ORGANIZATION: any(not unit.startswith("ou-") for unit in units),
    }
    return frozenset(feature for feature, holds in held.items() if holds)


def values_of(params: Params, bucket: str = _BUCKET) -> Mapping[str, str]:
    """What stands at the places of a grant's resource.

    Parameters:
        params: what the user asked for.
        bucket: the bucket of the main account that invitations are for.
    """
    return {
        "partition": params.partition,
        "region": params.region,
        "main_account": params.main_account,
        "stack_name": params.stack_name,
        "role_name": params.role_name,
        "access_role": params.access_role or "",
        "new_access_role": params.access_role or ACCESS_ROLE,
        "api_handler_role": params.api_handler_role,
        "workflow_loop_runner_role": params.workflow_loop_runner_role,
        "untrusted_role": params.untrusted_role or "",
        "administration_role": ADMINISTRATION_ROLE,
        "management_account": params.management_account or "*",
        "management_role": params.management_role or "",
        "bucket": bucket,
        **dict(_of_reference("", params.external_id, params)),
        **dict(_of_reference("management_", params.management_external_id or "", params)),
    }


def _of_reference(prefix: str, reference: str, params: Params) -> Iterator[tuple[str, str]]:
    """The ARNs of a parameter and of a secret that a reference names."""
    _, name = split_reference(reference) or ("", "")
    place = f"arn:{params.partition}:{{service}}:{params.region}:*:"
    yield f"{prefix}parameter", f"{place.format(service='ssm')}parameter/{name.removeprefix('/')}"
    # The ARN of a secret ends with six characters that AWS chose.
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    by_name = f"{place.format(service='secretsmanager')}secret:{name}-??????"
    yield f"{prefix}new_secret", f"{place.format(service='secretsmanager')}secret:{name}*"
    yield f"{prefix}secret", name if name.startswith("arn:") else by_name


def _in_words(who: Who, params: Params) -> str:
    return {
        Who.OPERATOR: "the operator, who runs this",
        Who.ACCESS_ROLE: f"{params.access_role} in each account"
        if params.access_role
        else "the operator, in the account",
        Who.IN_MAIN: f"{params.access_role} in the main account, or the operator where it is of that account"
        if params.access_role
        else "the operator, of the main account",
        Who.MAIN_ROLE: f"{params.api_handler_role} of the main account",
        Who.MANAGEMENT: f"{params.management_role} of the management account"
        if params.management_role
        else "the operator, of the management account",
    }[who]


_OF_STACK_SETS: Mapping[str, str] = {
    "none": "",
    # It is the execution role of the stack set then.
    "self-managed": ", and of which StackSets want more: "
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html",
    "service-managed": ", where StackSets do not reach",
}
_DEPLOYING = frozenset({Task.DEPLOY, Task.ONBOARD})


def _why(who: Who, task: Task, params: Params) -> str:
    if who is Who.OPERATOR:
        return "reaches the accounts"
    if who is Who.MAIN_ROLE:
        return f"becomes {params.management_role}"
    more = _OF_STACK_SETS[params.stack_set] if task in _DEPLOYING and who is Who.ACCESS_ROLE else ""
    return f"{ABOUT[task]}{more}"
