"""A role that somebody has changed: found by what it means, named, put right, and gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from by_hand import administer

import xacct_kit as xk
from xacct_kit.aws.session import Session
from xacct_kit.fleet.stack_set_calls import Deployment, PermissionModel
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.role.profile import PROFILES
from xacct_kit.steps.drift import check_account
from xacct_kit.steps.drift_repair import repair_account
from xacct_kit.steps.stack.request import stack_request
from xacct_kit.steps.waiting import attempts

MAIN, MEMBER = "222222222222", "333333333333"
ROLE = "CrossAccountExecutionRole"
OTHER_ID = "not-the-agreed-one"


@pytest.fixture
def session() -> Iterator[Session]:
    with xk.connect(Params.load("params/sandbox.yaml", wait_seconds=5)) as connected:
        yield connected


def iam(session: Session, operation: str, account: str = MEMBER, /, **params: Any) -> Any:
    """Something that an account's administrator does by hand."""
    return administer(session, "iam", operation, account=account, **params)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": "*", **more}


# What is done to the trust policy.


def trust(session: Session, change: Callable[[dict[str, Any]], object]) -> None:
    live = iam(session, "GetRole", RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    change(live["Statement"][0])
    iam(session, "UpdateAssumeRolePolicy", RoleName=ROLE, PolicyDocument=json.dumps(live))


def everybody(session: Session) -> None:
    trust(session, lambda allow: allow.update(Principal={"AWS": "*"}))


def whole_main_account(session: Session) -> None:
    accounts = [f"arn:aws:iam::{account}:root" for account in (MAIN, MEMBER)]
    trust(session, lambda allow: allow.update(Principal={"AWS": accounts}))


def no_external_id(session: Session) -> None:
    trust(session, lambda allow: allow.pop("Condition"))


def wrong_external_id(session: Session) -> None:
    trust(session, lambda allow: allow.update(Condition={"StringEquals": {"sts:ExternalId": OTHER_ID}}))


def any_external_id(session: Session) -> None:
    trust(session, lambda allow: allow.update(Condition={"StringLike": {"sts:ExternalId": "*"}}))


def recreated_principal(session: Session) -> None:
    """Main's role is deleted and made anew: every trust policy has the unique ID of the deleted one then."""
    name = "ApiHandlerRole"
    role = iam(session, "GetRole", MAIN, RoleName=name)["Role"]
    may = iam(session, "GetRolePolicy", MAIN, RoleName=name, PolicyName="permissions")["PolicyDocument"]
    iam(session, "DeleteRolePolicy", MAIN, RoleName=name, PolicyName="permissions")
    iam(session, "DeleteRole", MAIN, RoleName=name)
    trusted = json.dumps(role["AssumeRolePolicyDocument"])
    iam(session, "CreateRole", MAIN, RoleName=name, AssumeRolePolicyDocument=trusted)
    policy = {"PolicyName": "permissions", "PolicyDocument": json.dumps(may)}
    iam(session, "PutRolePolicy", MAIN, RoleName=name, **policy)


# What is done to what the role may do.


def put(session: Session, name: str, *statements: dict[str, Any]) -> None:
    iam(session, "PutRolePolicy", RoleName=ROLE, PolicyName=name, PolicyDocument=document(*statements))


def policy_dropped(session: Session) -> None:
    iam(session, "DeleteRolePolicy", RoleName=ROLE, PolicyName="emr")


def policy_added(session: Session) -> None:
    put(session, "more", statement("Allow", "organizations:LeaveOrganization"))


def policy_widened(session: Session) -> None:
    put(session, "ssm", statement("Allow", "*"))


def policy_narrowed(session: Session) -> None:
    put(session, "s3", statement("Allow", "s3:Get*", "s3:List*"))


def denied(session: Session) -> None:
    put(session, "ec2", statement("Allow", "ec2:*"), statement("Deny", "ec2:RunInstances"))


def administrator_attached(session: Session) -> None:
    iam(session, "AttachRolePolicy", RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def bounded(session: Session) -> None:
    made = iam(
        session, "CreatePolicy", PolicyName="Bound", PolicyDocument=document(statement("Allow", "s3:*"))
    )
    iam(
        session,
        "PutRolePermissionsBoundary",
        RoleName=ROLE,
        PermissionsBoundary=made["Policy"]["Arn"],
    )


def longer_sessions(session: Session) -> None:
    description = iam(session, "GetRole", RoleName=ROLE)["Role"]["Description"]
    iam(session, "UpdateRole", RoleName=ROLE, Description=description, MaxSessionDuration=43_200)


def role_deleted(session: Session) -> None:
    for name in iam(session, "ListRolePolicies", RoleName=ROLE)["PolicyNames"]:
        iam(session, "DeleteRolePolicy", RoleName=ROLE, PolicyName=name)
    iam(session, "DeleteRole", RoleName=ROLE)


# Who did what; which finding says so, how bad it is, what it says; and whether CloudFormation sees it.
TAMPERINGS: list[tuple[Callable[[Session], None], str, str, str, bool]] = [
    (everybody, "principal-widened", "CRITICAL", "Anybody in any AWS account can assume", True),
    (whole_main_account, "principal-widened", "CRITICAL", f"Every principal of account {MAIN}", True),
    (no_external_id, "external-id-missing", "CRITICAL", "without an external ID", True),
    (any_external_id, "external-id-weakened", "CRITICAL", "or with none", True),
    (wrong_external_id, "external-id-changed", "HIGH", "the agreed one is refused", True),
    (recreated_principal, "principal-deleted", "HIGH", "role/ApiHandlerRole can no longer assume it", True),
    (policy_dropped, "policy-missing", "HIGH", "may no longer call elasticmapreduce:* on *", True),
    (policy_added, "policy-added", "HIGH", "may call organizations:LeaveOrganization on *", True),
    (policy_widened, "policy-widened", "HIGH", "may call * on *, which its definition does not allow", True),
    (policy_narrowed, "policy-narrowed", "HIGH", "may no longer call s3:* on *", True),
    (denied, "deny-added", "HIGH", "is denied ec2:RunInstances on * explicitly", True),
    (administrator_attached, "policy-attached", "HIGH", "policy/AdministratorAccess", False),
    (bounded, "boundary-added", "HIGH", "put the permissions boundary", False),
    (longer_sessions, "session-duration", "MEDIUM", "may last 43,200 s, not 3,600 s", False),
    (role_deleted, "role-missing", "HIGH", "There is no such role", True),
]


# What is done to the boundary of the hardened role.

BOUNDARY = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"


def unbounded(session: Session) -> None:
    iam(session, "DeleteRolePermissionsBoundary", RoleName=ROLE)


def boundary_deleted(session: Session) -> None:
    unbounded(session)
    iam(session, "DeletePolicy", PolicyArn=BOUNDARY)


def boundary_exchanged(session: Session) -> None:
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam(session, "PutRolePermissionsBoundary", RoleName=ROLE, PermissionsBoundary=administrator)


def boundary_opened(session: Session) -> None:
    """The boundary gets as many versions as it can have, and the last allows everything."""
    for _ in range(4):
        opened = document(statement("Allow", "*"))
        iam(
            session,
            "CreatePolicyVersion",
            PolicyArn=BOUNDARY,
            PolicyDocument=opened,
            SetAsDefault=True,
        )


def boundary_narrowed(session: Session) -> None:
    narrowed = document(statement("Allow", "s3:*"))
    iam(session, "CreatePolicyVersion", PolicyArn=BOUNDARY, PolicyDocument=narrowed, SetAsDefault=True)


HARDENED: list[tuple[Callable[[Session], None], set[str], str, list[str]]] = [
    (unbounded, {"boundary-missing"}, "Nothing limits what", ["PutRolePermissionsBoundary"]),
    (
        boundary_deleted,
        {"boundary-missing"},
        "Nothing limits what",
        ["CreatePolicy", "PutRolePermissionsBoundary"],
    ),
    (
        boundary_exchanged,
        {"boundary-other"},
        "is limited by the policy arn:aws:iam::aws:policy/AdministratorAccess",
        ["PutRolePermissionsBoundary"],
    ),
    (
        boundary_opened,
        {"boundary-widened"},
        "lets * on *",
        ["DeletePolicyVersion", "CreatePolicyVersion"],
    ),
    (
        boundary_narrowed,
        {"boundary-widened", "boundary-narrowed"},
        "no longer denies",
        ["CreatePolicyVersion"],
    ),
]


@pytest.mark.parametrize(
    ("tamper", "probes", "said", "calls"), HARDENED, ids=[tamper.__name__ for tamper, *_ in HARDENED]
)
def test_the_boundary_of_the_hardened_role_is_looked_after(
    tamper: Callable[[Session], None], probes: set[str], said: str, calls: list[str]
) -> None:
    with xk.connect(Params.load("params/sandbox.yaml", wait_seconds=5, profile="hardened")) as session:
        assert {row.verdict for row in check_account(session, MEMBER)} == {Verdict.PASS}
        tamper(session)
        rows = by_probe(check_account(session, MEMBER))
        found = {probe: row for probe, row in rows.items() if probe != "cloudformation"}
        assert set(found) == probes
        assert {row.evidence["severity"] for row in found.values()} == {"HIGH"}
        assert any(said in row.why for row in found.values())
        assert rows["cloudformation"].verdict is Verdict.FAIL
        repaired = repair_account(session, MEMBER)
        assert [row.probe for row in repaired] == [
            *(f"repair-{call}" for call in calls),
            "role-as-profile",
            "cloudformation",
        ]
        assert {row.verdict for row in repaired} == {Verdict.PASS}
        assert repaired[-1].evidence["stack_drift_status"] == "IN_SYNC"


def by_probe(rows: list[Finding]) -> dict[str, Finding]:
    return {row.probe: row for row in rows}


@pytest.mark.parametrize(
    ("tamper", "probe", "severity", "said", "seen"),
    TAMPERINGS,
    ids=[tamper.__name__ for tamper, *_ in TAMPERINGS],
)
def test_it_is_found_and_named_and_repaired_and_gone(
    session: Session,
    tamper: Callable[[Session], None],
    probe: str,
    severity: str,
    said: str,
    seen: bool,
) -> None:
    tamper(session)
    found = by_probe(check_account(session, MEMBER))
    assert set(found) == {probe, "cloudformation"}
    assert (found[probe].verdict, found[probe].evidence["severity"]) == (Verdict.FAIL, severity)
    assert found[probe].why.startswith(f"{severity}: ")
    assert said in found[probe].why
    assert found[probe].fix
    assert found[probe].patch
    expected = (Verdict.FAIL, "DRIFTED") if seen else (Verdict.PASS, "IN_SYNC")
    cloudformation = found["cloudformation"]
    assert (cloudformation.verdict, cloudformation.evidence["stack_drift_status"]) == expected
    assert ("It compares the properties that the template sets" in cloudformation.why) is not seen

    lines: list[str] = []
    repaired = repair_account(session, MEMBER, lines.append)
    assert {row.verdict for row in repaired} == {Verdict.PASS}
    assert {row.step for row in repaired} == {"drift"}
    assert any(row.probe.startswith("repair-") for row in repaired)
    assert lines
    assert_untold(session, [*found.values(), *repaired], lines)

    assert xk.check_trust(session).ok
    again = by_probe(repair_account(session, MEMBER))
    assert set(again) == {"repair-nothing", "role-as-profile", "cloudformation"}
    assert "nothing was changed" in again["repair-nothing"].why
    assert again["cloudformation"].evidence["stack_drift_status"] == "IN_SYNC"


def assert_untold(session: Session, rows: list[Finding], lines: list[str]) -> None:
    text = json.dumps([row.to_dict() for row in rows]) + "\n".join(lines)
    assert session.external_id not in text
    assert OTHER_ID not in text


def test_a_role_as_it_should_be_is_said_to_be(session: Session) -> None:
    rows = by_probe(check_account(session, MEMBER))
    assert {row.verdict for row in rows.values()} == {Verdict.PASS}
    assert set(rows) == {"role-as-profile", "cloudformation"}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("partition", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-north-1")])
def test_every_profile_is_as_it_was_deployed(profile: str, partition: str, region: str) -> None:
    params = Params.load("params/sandbox.yaml", profile=profile, partition=partition, region=region)
    with xk.connect(params) as session:
        assert {row.verdict for row in check_account(session, MEMBER)} == {Verdict.PASS}


def test_the_patch_of_a_finding_does_what_the_repair_does(session: Session) -> None:
    everybody(session)
    policy_widened(session)
    for row in check_account(session, MEMBER):
        for call in row.patch:
            params = json.loads(
                json.dumps(dict(call["params"])).replace("${external_id}", session.external_id)
            )
            iam(session, call["operation"], **params)
    assert {row.verdict for row in check_account(session, MEMBER)} == {Verdict.PASS}


def test_several_are_found_and_repaired_at_once(session: Session) -> None:
    for tamper in (everybody, policy_dropped, administrator_attached, bounded, longer_sessions):
        tamper(session)
    found = [row.probe for row in check_account(session, MEMBER)]
    assert found == [
        "principal-widened",
        "policy-attached",
        "boundary-added",
        "session-duration",
        # An administrator needs no policy: for the time being nothing is lost with it.
        "policy-missing",
        "cloudformation",
    ]
    assert {row.verdict for row in repair_account(session, MEMBER)} == {Verdict.PASS}


def test_what_is_written_otherwise_is_no_drift_and_cloudformation_is_explained(session: Session) -> None:
    def rewrite(allow: dict[str, Any]) -> None:
        names = allow["Principal"]["AWS"]
        allow.update(Sid="Trusted", Action=["sts:AssumeRole"])
        allow["Principal"]["AWS"] = [MEMBER, *reversed(names[:2])]

    trust(session, rewrite)
    put(session, "s3", {"Effect": "Allow", "Action": ["s3:*", "s3:GetObject"], "Resource": ["*"]})
    rows = by_probe(check_account(session, MEMBER))
    assert {row.verdict for row in rows.values()} == {Verdict.PASS}
    cloudformation = rows["cloudformation"]
    assert cloudformation.evidence["stack_drift_status"] == "DRIFTED"
    assert "/AssumeRolePolicyDocument/Statement/0/" in cloudformation.why
    assert "what these values mean was held against the profile, and is the same" in cloudformation.why


def test_what_the_profile_knows_nothing_of_is_not_taken_for_the_same(session: Session) -> None:
    request = stack_request(session)
    template = yaml.safe_load(request["TemplateBody"])
    extra = {"ManagedPolicyName": "extra", "PolicyDocument": json.loads(document(statement("Deny", "s3:*")))}
    template["Resources"]["Extra"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": extra}
    request["TemplateBody"] = json.dumps(template)
    administer(session, "cloudformation", "UpdateStack", StackName="onboard-account", **request)
    for _ in attempts(30):
        stacks = administer(session, "cloudformation", "DescribeStacks", StackName="onboard-account")
        if stacks["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE":
            break
    opened = {"PolicyDocument": document(statement("Allow", "*")), "SetAsDefault": True}
    iam(session, "CreatePolicyVersion", PolicyArn=f"arn:aws:iam::{MEMBER}:policy/extra", **opened)
    rows = by_probe(check_account(session, MEMBER))
    assert rows["role-as-profile"].verdict is Verdict.PASS
    assert rows["cloudformation"].verdict is Verdict.FAIL
    assert "Extra/PolicyDocument" in rows["cloudformation"].why


def test_a_description_is_looked_after_too(session: Session) -> None:
    iam(session, "UpdateRole", RoleName=ROLE, Description="mine", MaxSessionDuration=3600)
    rows = by_probe(check_account(session, MEMBER))
    assert rows["description"].verdict is Verdict.FAIL
    assert rows["description"].evidence["severity"] == "LOW"
    assert "/Description (NOT_EQUAL)" in rows["cloudformation"].why
    assert {row.verdict for row in repair_account(session, MEMBER)} == {Verdict.PASS}


def test_without_a_stack_cloudformation_has_nothing_to_say_and_the_role_is_made() -> None:
    params = Params.load("params/sandbox.yaml", sandbox_scenario="role-missing", wait_seconds=5)
    with xk.connect(params) as session:
        rows = by_probe(check_account(session, MEMBER))
        assert rows["role-missing"].verdict is Verdict.FAIL
        assert [call["operation"] for call in rows["role-missing"].patch] == ["deploy"]
        assert rows["cloudformation"].verdict is Verdict.SKIPPED
        repaired = repair_account(session, MEMBER)
        assert {row.verdict for row in repaired} == {Verdict.PASS}
        assert {"repair-deploy-stack", "role-as-profile"} <= set(by_probe(repaired))


def test_another_external_id_is_deployed_where_the_stack_is_behind(session: Session) -> None:
    changed = session.params.model_copy(
        update={"external_id": "a-new-one", "sandbox_endpoint": session.endpoint}
    )
    with xk.connect(changed) as again:
        assert by_probe(check_account(again, MEMBER))["external-id-changed"].verdict is Verdict.FAIL
        rows = repair_account(again, MEMBER)
        assert {row.verdict for row in rows} == {Verdict.PASS}
        assert by_probe(repair_account(again, MEMBER))["repair-nothing"].verdict is Verdict.PASS


def made_by_a_stack_set(session: Session) -> None:
    """StackSets get the roles that they need, and deploy to the member account."""
    management = session.operator.account
    administration = "AWSCloudFormationStackSetAdministrationRole"
    trusted = {
        administration: (management, {"Service": "cloudformation.amazonaws.com"}),
        "AWSCloudFormationStackSetExecutionRole": (
            MEMBER,
            {"AWS": session.role_arn(management, administration)},
        ),
    }
    for name, (account, principal) in trusted.items():
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        caller = session.operator if account == management else session.deployer(account).caller
        assert caller is not None
        made = {"AssumeRolePolicyDocument": document(trust)}
        assert session.call(caller, "iam", "CreateRole", RoleName=name, **made).ok
        may = {"PolicyName": "may", "PolicyDocument": document(statement("Allow", "*"))}
        assert session.call(caller, "iam", "PutRolePolicy", RoleName=name, **may).ok
    rows = deploy_stack_set(session, [MEMBER], Deployment(model=PermissionModel.SELF_MANAGED))
    assert all(row.verdict is Verdict.PASS for row in rows)


def test_a_role_of_a_stack_set_is_looked_after_by_calls_but_not_made_anew() -> None:
    params = Params.load(
        "params/sandbox.yaml", sandbox_scenario="role-missing", stack_set="self-managed", wait_seconds=20
    )
    with xk.connect(params) as session:
        made_by_a_stack_set(session)
        rows = by_probe(check_account(session, MEMBER))
        assert {row.verdict for row in rows.values()} == {Verdict.PASS}
        assert "StackSet-onboard-account-" in rows["cloudformation"].why
        policy_dropped(session)
        repaired = by_probe(repair_account(session, MEMBER))
        assert {row.verdict for row in repaired.values()} == {Verdict.PASS}
        assert "repair-PutRolePolicy" in repaired
        role_deleted(session)
        left = by_probe(repair_account(session, MEMBER))
        assert set(left) == {"role-missing", "cloudformation"}
        assert left["role-missing"].verdict is Verdict.FAIL
        assert "cloudformation:DeleteStackInstances" in left["role-missing"].fix
        assert left["role-missing"].patch == ()


def test_tags_of_the_stack_are_compared(session: Session) -> None:
    changed = session.params.model_copy(
        update={"stack_tags": {"team": "research"}, "sandbox_endpoint": session.endpoint}
    )
    with xk.connect(changed) as again:
        assert by_probe(check_account(again, MEMBER))["tag"].why.startswith("LOW: ")
        assert {row.verdict for row in repair_account(again, MEMBER)} == {Verdict.PASS}
    iam(session, "TagRole", RoleName=ROLE, Tags=[{"Key": "mine", "Value": "1"}])
    with xk.connect(changed) as again:
        told = by_probe(check_account(again, MEMBER))
        assert told["tag"].why.startswith("INFO: ")
        assert told["tag"].verdict is Verdict.PASS


# What the reader is refused; what is said then.
UNREAD: list[tuple[tuple[str, ...], dict[str, Verdict], str]] = [
    (
        ("iam:GetRole",),
        {"role-as-profile": Verdict.UNKNOWN, "cloudformation": Verdict.UNKNOWN},
        "The role CrossAccountExecutionRole cannot be read",
    ),
    (
        ("iam:GetRolePolicy",),
        {"role-as-profile": Verdict.UNKNOWN, "cloudformation": Verdict.UNKNOWN},
        "The inline policies of CrossAccountExecutionRole cannot be read",
    ),
    (
        ("iam:ListAttachedRolePolicies",),
        {"role-as-profile": Verdict.UNKNOWN, "cloudformation": Verdict.UNKNOWN},
        "The attached policies of CrossAccountExecutionRole cannot be read",
    ),
    (
        ("cloudformation:DetectStackDrift",),
        {"role-as-profile": Verdict.PASS, "cloudformation": Verdict.UNKNOWN},
        "cloudformation:DetectStackDrift",
    ),
    (
        ("cloudformation:Describe*",),
        {"role-as-profile": Verdict.PASS, "cloudformation": Verdict.UNKNOWN},
        "cloudformation:DescribeStacks",
    ),
]


@pytest.mark.parametrize(("refused", "verdicts", "said"), UNREAD, ids=[actions[0] for actions, *_ in UNREAD])
def test_what_may_not_be_read_is_not_known(
    session: Session, refused: tuple[str, ...], verdicts: dict[str, Verdict], said: str
) -> None:
    policy = document(statement("Deny", *refused))
    name = "OrganizationAccountAccessRole"
    iam(session, "PutRolePolicy", RoleName=name, PolicyName="deny", PolicyDocument=policy)
    rows = check_account(session, MEMBER)
    assert {row.probe: row.verdict for row in rows} == verdicts
    unknown = [row for row in rows if row.verdict is Verdict.UNKNOWN]
    assert any(said in row.why for row in unknown)
    assert all(row.fix for row in unknown)


def test_nothing_is_said_without_access(session: Session) -> None:
    nobody = session.params.model_copy(
        update={"access_role": "NoSuchRole", "sandbox_endpoint": session.endpoint}
    )
    with xk.connect(nobody) as again:
        for rows in (check_account(again, MEMBER), repair_account(again, MEMBER)):
            (row,) = rows
            assert row.verdict is Verdict.UNKNOWN
            assert "Nobody here may act in 333333333333" in row.why


def test_a_repair_that_is_refused_is_told_and_the_difference_stays(session: Session) -> None:
    policy_added(session)
    name = "OrganizationAccountAccessRole"
    policy = document(statement("Deny", "iam:DeleteRolePolicy"))
    iam(session, "PutRolePolicy", RoleName=name, PolicyName="deny", PolicyDocument=policy)
    rows = by_probe(repair_account(session, MEMBER))
    assert rows["repair-DeleteRolePolicy"].verdict is Verdict.FAIL
    assert rows["policy-added"].verdict is Verdict.FAIL
    assert "role-as-profile" not in rows
