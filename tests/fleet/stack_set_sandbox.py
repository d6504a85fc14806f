"""A sandbox with stack sets, and what its administrators do there by hand."""

from __future__ import annotations

import json
from typing import Any

import xacct_kit as xk
from xacct_kit.steps.operator.policies import ADMINISTRATION_ROLE

MANAGEMENT = "111111111111"
STACK_SET = "onboard-account"


def administer(session: xk.Session, account: str, service: str, operation: str, **params: Any) -> Any:
    caller = session.operator if account == MANAGEMENT else session.deployer(account).caller
    assert caller is not None
    answer = session.call(caller, service, operation, **params)
    assert answer.ok, answer.outcome
    return answer.result


def document(effect: str, *actions: str, **more: Any) -> str:
    statement = {"Effect": effect, "Action": list(actions), **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_role(session: xk.Session, account: str, name: str, principal: Any, *actions: str) -> None:
    trust = document("Allow", "sts:AssumeRole", Principal=principal)
    administer(session, account, "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
    may = document("Allow", *actions, Resource="*")
    administer(session, account, "iam", "PutRolePolicy", RoleName=name, PolicyName="may", PolicyDocument=may)


def administration(session: xk.Session) -> None:
    service = {"Service": "cloudformation.amazonaws.com"}
    make_role(session, MANAGEMENT, ADMINISTRATION_ROLE, service, "sts:AssumeRole")


def operations(session: xk.Session) -> list[str]:
    """What the stack set has done, oldest first."""
    listed = administer(
        session, MANAGEMENT, "cloudformation", "ListStackSetOperations", StackSetName=STACK_SET
    )
    return [summary["Action"] for summary in listed["Summaries"]][::-1]


def instances(session: xk.Session) -> dict[str, str]:
    """The status of the stack set's instances, by account."""
    listed = administer(session, MANAGEMENT, "cloudformation", "ListStackInstances", StackSetName=STACK_SET)
    return {each["Account"]: each["Status"] for each in listed["Summaries"]}


def activate(session: xk.Session) -> None:
    """Let StackSets act in the organization."""
    administer(session, MANAGEMENT, "cloudformation", "ActivateOrganizationsAccess")


def unit_of(session: xk.Session, *accounts: str) -> str:
    """An organizational unit that holds accounts."""
    unit = {"ParentId": root_of(session), "Name": "research"}
    made = administer(session, MANAGEMENT, "organizations", "CreateOrganizationalUnit", **unit)
    for account in accounts:
        move(session, account, made["OrganizationalUnit"]["Id"])
    return str(made["OrganizationalUnit"]["Id"])


def move(session: xk.Session, account: str, unit: str) -> None:
    """Move an account out of the root."""
    places = {"SourceParentId": root_of(session), "DestinationParentId": unit}
    administer(session, MANAGEMENT, "organizations", "MoveAccount", AccountId=account, **places)


def root_of(session: xk.Session) -> str:
    (root,) = administer(session, MANAGEMENT, "organizations", "ListRoots")["Roots"]
    return str(root["Id"])


def forbid_operator(session: xk.Session, action: str) -> None:
    denied = document("Deny", action, Resource="*")
    policy = {"UserName": "operator", "PolicyName": "no", "PolicyDocument": denied}
    administer(session, MANAGEMENT, "iam", "PutUserPolicy", **policy)


def forbid_role(session: xk.Session, account: str, role: str, action: str) -> None:
    denied = document("Deny", action, Resource="*")
    policy = {"RoleName": role, "PolicyName": "no", "PolicyDocument": denied}
    administer(session, account, "iam", "PutRolePolicy", **policy)


def allow_role(session: xk.Session, account: str, role: str) -> None:
    """Allow a role again what was forbidden."""
    administer(session, account, "iam", "DeleteRolePolicy", RoleName=role, PolicyName="no")
