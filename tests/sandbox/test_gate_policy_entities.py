"""Who has a managed policy, and that it is not deleted from under them."""

from __future__ import annotations

from typing import Any

import pytest
from gate_clients import MEMBER_ACCOUNT, Organization, document, refusal, statement, trusting, unique

TRUST = trusting({"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"})


@pytest.fixture
def policy(organization: Organization) -> str:
    return organization.new_policy(statement("Allow", "s3:*"))


@pytest.fixture
def iam(organization: Organization) -> Any:
    return organization.somebody(statement("Allow", "iam:*")).client("iam")


def test_whoever_has_a_policy_is_listed_and_how(organization: Organization, policy: str, iam: Any) -> None:
    attached, bounded = (unique("role") for _ in range(2))
    user, group = unique("user"), unique("group")
    iam.create_role(RoleName=attached, AssumeRolePolicyDocument=TRUST, Path="/team/")
    iam.attach_role_policy(RoleName=attached, PolicyArn=policy)
    iam.create_role(RoleName=bounded, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=policy)
    iam.create_user(UserName=user, PermissionsBoundary=policy)
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)

    def listed(**asked: str) -> dict[str, list[str]]:
        answer = iam.list_entities_for_policy(PolicyArn=policy, **asked)
        return {
            kind: [each[f"{kind}Name"] for each in answer[f"Policy{kind}s"]]
            for kind in ("Role", "User", "Group")
        }

    assert listed() == {"Role": [attached, bounded], "User": [user], "Group": [group]}
    assert listed(EntityFilter="User") == {"Role": [], "User": [user], "Group": []}
    assert listed(PathPrefix="/team/") == {"Role": [attached], "User": [], "Group": []}
    by_usage = {usage: listed(PolicyUsageFilter=usage)["Role"] for usage in USAGES}
    assert by_usage == {"PermissionsPolicy": [attached], "PermissionsBoundary": [bounded]}


USAGES = ("PermissionsPolicy", "PermissionsBoundary")


def test_nobody_has_a_policy_that_is_not_there(policy: str, iam: Any) -> None:
    told = refusal(iam.list_entities_for_policy, PolicyArn=f"{policy}-not")
    assert (told.code, told.status) == ("NoSuchEntity", 404)


def test_a_policy_goes_when_nobody_has_it_and_its_other_versions_have_gone(policy: str, iam: Any) -> None:
    role = unique("role")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(statement("Allow", "sqs:*")))
    told = refusal(iam.delete_policy, PolicyArn=policy)
    assert (told.code, told.status) == ("DeleteConflict", 409)
    assert told.text == "Cannot delete a policy attached to entities."
    iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    told = refusal(iam.delete_policy, PolicyArn=policy)
    assert (told.code, told.status) == ("DeleteConflict", 409)
    assert told.text.startswith("This policy has more than one version.")
    iam.delete_policy_version(PolicyArn=policy, VersionId="v2")
    iam.delete_policy(PolicyArn=policy)
    assert refusal(iam.get_policy, PolicyArn=policy).code == "NoSuchEntity"


def test_whoever_may_not_delete_a_policy_learns_nothing_of_who_has_it(
    organization: Organization, policy: str, iam: Any
) -> None:
    iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=TRUST, PermissionsBoundary=policy)
    nobody = organization.somebody(statement("Allow", "s3:*")).client("iam")
    assert refusal(nobody.delete_policy, PolicyArn=policy).code == "AccessDenied"
    assert refusal(nobody.list_entities_for_policy, PolicyArn=policy).code == "AccessDenied"
