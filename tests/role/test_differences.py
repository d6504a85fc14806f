"""What a role differs in from its definition: by meaning, whoever wrote it and however."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from role_values import MAIN, MEMBER, values

from xacct_kit.role.differences import differences
from xacct_kit.role.drift import Difference, DifferenceKind, LiveRole, Part, Severity
from xacct_kit.role.normal_form import normal_form
from xacct_kit.role.profile import RoleDefinition, load_profile
from xacct_kit.role.repair import KnownPolicy

ROLE = "CrossAccountExecutionRole"
API_HANDLER = f"arn:aws:iam::{MAIN}:role/ApiHandlerRole"
EXTERNAL_ID, OTHER_ID = "the-agreed-one", "quite-another"

Kind = DifferenceKind


WANTED = load_profile("documented").role(values(external_id=EXTERNAL_ID))
BOUNDARY_ARN = f"arn:aws:iam::{MEMBER}:policy/{ROLE}-boundary"
BOUNDARY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "ec2:*", "iam:Get*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:*", "Resource": f"arn:aws:iam::{MEMBER}:role/{ROLE}"},
    ],
}
BOUNDED = replace(WANTED, boundary=BOUNDARY, boundary_name=f"{ROLE}-boundary")


def live_role(wanted: RoleDefinition = WANTED, **changes: Any) -> LiveRole:
    """The role as it is when it is as it should be, but for some changes."""
    boundary = None
    if wanted.boundary is not None:
        boundary = KnownPolicy(name=f"{ROLE}-boundary", document=wanted.boundary, arn=BOUNDARY_ARN)
    role = LiveRole(
        arn=f"arn:aws:iam::{MEMBER}:role/{ROLE}",
        trust=copy.deepcopy(dict(wanted.trust)),
        description=wanted.description,
        inline=copy.deepcopy(dict(wanted.policies)),
        boundary=boundary,
        wanted_boundary=boundary,
    )
    return replace(role, **changes)


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def deny(*actions: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*"}


def managed(name: str, *statements: dict[str, Any], owner: str = "aws") -> KnownPolicy:
    return KnownPolicy(name=name, document=document(*statements), arn=f"arn:aws:iam::{owner}:policy/{name}")


# What the calls of a repair make of a role, as IAM documents them.


def _put_inline(role: LiveRole, params: Mapping[str, Any]) -> LiveRole:
    return replace(role, inline={**role.inline, params["PolicyName"]: json.loads(params["PolicyDocument"])})


def _delete_inline(role: LiveRole, params: Mapping[str, Any]) -> LiveRole:
    return replace(
        role, inline={name: held for name, held in role.inline.items() if name != params["PolicyName"]}
    )


def _new_boundary(role: LiveRole, params: Mapping[str, Any]) -> LiveRole:
    policy = KnownPolicy(
        name=f"{ROLE}-boundary", document=json.loads(params["PolicyDocument"]), arn=BOUNDARY_ARN
    )
    bounded = role.boundary is not None and role.boundary.arn == BOUNDARY_ARN
    return replace(role, wanted_boundary=policy, boundary=policy if bounded else role.boundary)


def _bound(role: LiveRole, params: Mapping[str, Any]) -> LiveRole:
    assert params["PermissionsBoundary"] == BOUNDARY_ARN
    assert role.wanted_boundary is not None
    return replace(role, boundary=role.wanted_boundary)


CALLS: Mapping[str, Callable[[LiveRole, Mapping[str, Any]], LiveRole]] = {
    "CreatePolicy": _new_boundary,
    "CreatePolicyVersion": _new_boundary,
    "DeletePolicyVersion": lambda role, params: replace(
        role, spare_versions=tuple(v for v in role.spare_versions if v != params["VersionId"])
    ),
    "DeleteRolePermissionsBoundary": lambda role, _: replace(role, boundary=None),
    "DeleteRolePolicy": _delete_inline,
    "DetachRolePolicy": lambda role, params: replace(
        role, attached=tuple(each for each in role.attached if each.arn != params["PolicyArn"])
    ),
    "PutRolePermissionsBoundary": _bound,
    "PutRolePolicy": _put_inline,
    "TagRole": lambda role, params: replace(
        role, tags={**role.tags, **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}
    ),
    "UpdateAssumeRolePolicy": lambda role, params: replace(role, trust=json.loads(params["PolicyDocument"])),
    "UpdateRole": lambda role, params: replace(
        role, description=params["Description"], session_seconds=params["MaxSessionDuration"]
    ),
}


def repaired(role: LiveRole, found: tuple[Difference, ...]) -> LiveRole:
    done: list[Any] = []
    for call in (call for difference in found for call in difference.calls):
        if call not in done:
            done.append(call)
            role = CALLS[call["operation"]](role, call["params"])
    return role


# Trust policies, and what is said of them.


def trust(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(WANTED.trust))
    change(changed["Statement"][0])
    return changed


def principals(*names: str) -> dict[str, Any]:
    return trust(lambda statement: statement.update(Principal={"AWS": list(names)}))


def condition(value: Any) -> dict[str, Any]:
    return trust(lambda statement: statement.update(Condition=value))


def also(statement: dict[str, Any]) -> dict[str, Any]:
    return {**WANTED.trust, "Statement": [*WANTED.trust["Statement"], statement]}


WANTED_PRINCIPALS = tuple(WANTED.trust["Statement"][0]["Principal"]["AWS"])
SAME_CONDITION = WANTED.trust["Statement"][0]["Condition"]
STRANGER = "arn:aws:iam::999999999999:role/Stranger"

TRUSTS: dict[str, tuple[dict[str, Any], Kind, Severity, str]] = {
    "everybody": (
        principals("*"),
        Kind.PRINCIPAL_WIDENED,
        Severity.CRITICAL,
        "Anybody in any AWS account can assume CrossAccountExecutionRole with an external ID",
    ),
    "everybody without an external ID": (
        also({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}),
        Kind.PRINCIPAL_WIDENED,
        Severity.CRITICAL,
        "Anybody in any AWS account can assume CrossAccountExecutionRole without an external ID",
    ),
    "the whole main account": (
        principals(f"arn:aws:iam::{MAIN}:root", f"arn:aws:iam::{MEMBER}:root"),
        Kind.PRINCIPAL_WIDENED,
        Severity.CRITICAL,
        f"Every principal of account {MAIN} can assume",
    ),
    "a stranger": (
        principals(*WANTED_PRINCIPALS, STRANGER),
        Kind.PRINCIPAL_ADDED,
        Severity.CRITICAL,
        f"{STRANGER} can assume {ROLE} with an external ID; the definition does not trust it",
    ),
    "a role of an account that is trusted": (
        principals(*WANTED_PRINCIPALS, f"arn:aws:iam::{MEMBER}:role/Own"),
        Kind.PRINCIPAL_NAMED,
        Severity.MEDIUM,
        "the definition trusts its account as a whole",
    ),
    "a service": (
        also({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        Kind.PRINCIPAL_ADDED,
        Severity.CRITICAL,
        "ec2.amazonaws.com can assume",
    ),
    "an identity provider": (
        also(
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{MEMBER}:oidc-provider/example.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
            }
        ),
        Kind.PRINCIPAL_ADDED,
        Severity.CRITICAL,
        "oidc-provider/example.com can assume",
    ),
    "a role that was deleted": (
        principals("AROAEXAMPLEFORMERROLE", *WANTED_PRINCIPALS[1:]),
        Kind.PRINCIPAL_DELETED,
        Severity.HIGH,
        f"{API_HANDLER} can no longer assume it.",
    ),
    "one principal less": (
        principals(*WANTED_PRINCIPALS[1:]),
        Kind.PRINCIPAL_REMOVED,
        Severity.HIGH,
        f"{API_HANDLER} can no longer assume CrossAccountExecutionRole.",
    ),
    "no condition": (
        trust(lambda statement: statement.pop("Condition")),
        Kind.EXTERNAL_ID_MISSING,
        Severity.CRITICAL,
        "without an external ID, so that whoever gets it to act for somebody else gets in",
    ),
    "another external ID": (
        condition({"StringEquals": {"sts:ExternalId": OTHER_ID}}),
        Kind.EXTERNAL_ID_CHANGED,
        Severity.HIGH,
        "the agreed one is refused",
    ),
    "another external ID as well": (
        condition({"StringEquals": {"sts:ExternalId": [OTHER_ID, EXTERNAL_ID]}}),
        Kind.EXTERNAL_ID_CHANGED,
        Severity.HIGH,
        "the agreed one is accepted too",
    ),
    "like any external ID": (
        condition({"StringLike": {"sts:ExternalId": "*"}}),
        Kind.EXTERNAL_ID_WEAKENED,
        Severity.CRITICAL,
        "the condition on sts:ExternalId is stringlike",
    ),
    "an external ID if there is one": (
        condition({"StringEqualsIfExists": {"sts:ExternalId": EXTERNAL_ID}}),
        Kind.EXTERNAL_ID_WEAKENED,
        Severity.CRITICAL,
        "stringequalsifexists",
    ),
    "all values of none": (
        condition({"ForAllValues:StringEquals": {"sts:ExternalId": EXTERNAL_ID}}),
        Kind.EXTERNAL_ID_WEAKENED,
        Severity.CRITICAL,
        "forallvalues:stringequals",
    ),
    "one more condition": (
        condition({**SAME_CONDITION, "Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        Kind.CONDITION_ADDED,
        Severity.HIGH,
        "only if a condition is met that the definition does not have (aws:multifactorauthpresent)",
    ),
    "a way to tag the session": (
        also({"Effect": "Allow", "Principal": {"AWS": API_HANDLER}, "Action": "sts:TagSession"}),
        Kind.TRUST_ACTION,
        Severity.MEDIUM,
        f"{API_HANDLER} may call sts:TagSession",
    ),
    "a Deny": (
        also({"Effect": "Deny", "Principal": "*", "Action": "sts:*"}),
        Kind.DENY_ADDED,
        Severity.HIGH,
        "is denied sts:* explicitly",
    ),
}


@pytest.mark.parametrize(("live", "kind", "severity", "said"), TRUSTS.values(), ids=list(TRUSTS))
def test_a_tampered_trust_policy_is_one_difference_and_its_repair_ends_it(
    live: dict[str, Any], kind: Kind, severity: Severity, said: str
) -> None:
    role = live_role(trust=live)
    (found,) = differences(WANTED, role)
    assert (found.kind, found.severity, found.where) == (kind, severity, "trust policy")
    assert said in found.says
    assert EXTERNAL_ID not in repr(found)
    assert OTHER_ID not in repr(found)
    assert differences(WANTED, repaired(role, (found,))) == ()


@pytest.mark.parametrize("names", [WANTED_PRINCIPALS, ("AROAEXAMPLEFORMERROLE",)], ids=["the same", "former"])
def test_who_is_named_and_cannot_enter_can_no_longer_assume_the_role(names: tuple[str, ...]) -> None:
    tagging = {"Effect": "Allow", "Principal": {"AWS": list(names)}, "Action": "sts:TagSession"}
    shut = {**WANTED.trust, "Statement": [tagging]}
    kinds = {found.kind: found.severity for found in differences(WANTED, live_role(trust=shut))}
    assert kinds == {Kind.PRINCIPAL_REMOVED: Severity.HIGH, Kind.TRUST_ACTION: Severity.MEDIUM}


# Policies, the boundary and the role itself.

Change = Callable[[LiveRole], LiveRole]


def inline(name: str, *statements: dict[str, Any]) -> Change:
    return lambda role: replace(role, inline={**role.inline, name: document(*statements)})


def without(name: str) -> Change:
    return lambda role: replace(role, inline={each: v for each, v in role.inline.items() if each != name})


def attached(policy: KnownPolicy) -> Change:
    return lambda role: replace(role, attached=(*role.attached, policy))


def bounded(policy: KnownPolicy | None) -> Change:
    return lambda role: replace(role, boundary=policy)


def rebounded(*statements: dict[str, Any], versions: tuple[str, ...] = ()) -> Change:
    """The wanted boundary has another document in force."""
    policy = managed(f"{ROLE}-boundary", *statements, owner=MEMBER)
    return lambda role: replace(role, boundary=policy, wanted_boundary=policy, spare_versions=versions)


ADMINISTRATOR = managed("AdministratorAccess", allow("*"))
FIRST, LAST = BOUNDARY["Statement"]

ROLES: dict[str, tuple[RoleDefinition, Change, list[tuple[Kind, Severity, str]], list[str]]] = {
    "a policy dropped": (
        WANTED,
        without("emr"),
        [(Kind.POLICY_MISSING, Severity.HIGH, "may no longer call elasticmapreduce:* on *")],
        ["PutRolePolicy"],
    ),
    "a policy dropped that another makes up for": (
        WANTED,
        lambda role: without("emr")(inline("s3", allow("s3:*", "elasticmapreduce:*"))(role)),
        [
            (Kind.POLICY_MISSING, Severity.LOW, "may do the same without it"),
            (Kind.POLICY_REWRITTEN, Severity.LOW, "together its policies allow the same"),
        ],
        ["PutRolePolicy", "PutRolePolicy"],
    ),
    "a policy added": (
        WANTED,
        inline("extra", allow("organizations:LeaveOrganization")),
        [(Kind.POLICY_ADDED, Severity.HIGH, "may call organizations:LeaveOrganization on *")],
        ["DeleteRolePolicy"],
    ),
    "a policy added that adds nothing": (
        WANTED,
        inline("extra", allow("s3:GetObject")),
        [(Kind.POLICY_ADDED, Severity.LOW, "may do no more for it")],
        ["DeleteRolePolicy"],
    ),
    "a policy that denies": (
        WANTED,
        inline("extra", deny("s3:DeleteObject")),
        [(Kind.DENY_ADDED, Severity.HIGH, "is denied s3:DeleteObject on * explicitly")],
        ["DeleteRolePolicy"],
    ),
    "a policy widened": (
        WANTED,
        inline("ssm", allow("*")),
        [(Kind.POLICY_WIDENED, Severity.HIGH, "may call * on *, which its definition does not allow")],
        ["PutRolePolicy"],
    ),
    "a policy narrowed": (
        WANTED,
        inline("s3", allow("s3:Get*", "s3:List*")),
        [(Kind.POLICY_NARROWED, Severity.HIGH, "may no longer call s3:* on *")],
        ["PutRolePolicy"],
    ),
    "a policy for another purpose": (
        WANTED,
        inline("s3", allow("kms:*"), deny("s3:PutObject")),
        [
            (Kind.POLICY_WIDENED, Severity.HIGH, "may call kms:* on *"),
            (Kind.POLICY_NARROWED, Severity.HIGH, "may no longer call s3:* on *"),
            (Kind.DENY_ADDED, Severity.HIGH, "is denied s3:PutObject on *"),
        ],
        ["PutRolePolicy"],
    ),
    "a policy on a condition": (
        WANTED,
        inline("ec2", allow("ec2:*", Condition={"Bool": {"aws:SecureTransport": "true"}})),
        [(Kind.POLICY_NARROWED, Severity.HIGH, "may no longer call ec2:* on *")],
        ["PutRolePolicy"],
    ),
    "an administrator": (
        WANTED,
        attached(ADMINISTRATOR),
        [(Kind.POLICY_ATTACHED, Severity.HIGH, "arn:aws:iam::aws:policy/AdministratorAccess")],
        ["DetachRolePolicy"],
    ),
    "an attachment that adds nothing": (
        WANTED,
        attached(managed("Reader", allow("s3:Get*"))),
        [(Kind.POLICY_ATTACHED, Severity.LOW, "its definition allows the same")],
        ["DetachRolePolicy"],
    ),
    "an attachment that denies": (
        WANTED,
        attached(managed("Denies", deny("*"))),
        [(Kind.DENY_ADDED, Severity.HIGH, "is denied * on * explicitly")],
        ["DetachRolePolicy"],
    ),
    "a boundary where there is none": (
        WANTED,
        bounded(managed("Bound", allow("s3:*"), owner=MEMBER)),
        [(Kind.BOUNDARY_ADDED, Severity.HIGH, "can do no more than it allows")],
        ["DeleteRolePermissionsBoundary"],
    ),
    "a boundary that limits nothing": (
        WANTED,
        bounded(ADMINISTRATOR),
        [(Kind.BOUNDARY_ADDED, Severity.LOW, "can do the same with it")],
        ["DeleteRolePermissionsBoundary"],
    ),
    "no boundary": (
        BOUNDED,
        bounded(None),
        [(Kind.BOUNDARY_MISSING, Severity.HIGH, "Nothing limits what the policies")],
        ["PutRolePermissionsBoundary"],
    ),
    "a boundary that was deleted": (
        BOUNDED,
        lambda role: replace(role, boundary=None, wanted_boundary=None),
        [(Kind.BOUNDARY_MISSING, Severity.HIGH, "Nothing limits what the policies")],
        ["CreatePolicy", "PutRolePermissionsBoundary"],
    ),
    "another boundary": (
        BOUNDED,
        bounded(ADMINISTRATOR),
        [(Kind.BOUNDARY_OTHER, Severity.HIGH, "says something else")],
        ["PutRolePermissionsBoundary"],
    ),
    "another boundary of the same content": (
        BOUNDED,
        bounded(managed("Copy", *BOUNDARY["Statement"], owner=MEMBER)),
        [(Kind.BOUNDARY_OTHER, Severity.MEDIUM, "says the same today")],
        ["PutRolePermissionsBoundary"],
    ),
    "a boundary with a version that allows more": (
        BOUNDED,
        rebounded(allow("*"), LAST),
        [(Kind.BOUNDARY_WIDENED, Severity.HIGH, "lets * on * through")],
        ["CreatePolicyVersion"],
    ),
    "a boundary that does not deny any more": (
        BOUNDED,
        rebounded(FIRST),
        [
            (
                Kind.BOUNDARY_WIDENED,
                Severity.HIGH,
                f"no longer denies iam:* on arn:aws:iam::{MEMBER}:role/{ROLE}",
            )
        ],
        ["CreatePolicyVersion"],
    ),
    "a boundary that stops analytics, with as many versions as there can be": (
        BOUNDED,
        rebounded(allow("s3:*", "iam:Get*"), LAST, versions=("v1", "v2", "v3", "v4")),
        [(Kind.BOUNDARY_NARROWED, Severity.HIGH, "stops ec2:* on *")],
        ["DeletePolicyVersion", "CreatePolicyVersion"],
    ),
    "longer sessions": (
        WANTED,
        lambda role: replace(role, session_seconds=43_200),
        [(Kind.SESSION_DURATION, Severity.MEDIUM, "may last 43,200 s, not 3,600 s")],
        ["UpdateRole"],
    ),
}


@pytest.mark.parametrize(("wanted", "change", "told", "calls"), ROLES.values(), ids=list(ROLES))
def test_a_tampered_role_is_told_and_its_repair_ends_it(
    wanted: RoleDefinition, change: Change, told: list[tuple[Kind, Severity, str]], calls: list[str]
) -> None:
    role = change(live_role(wanted))
    found = differences(wanted, role)
    assert [(each.kind, each.severity) for each in found] == [(kind, severity) for kind, severity, _ in told]
    for each, (_, _, said) in zip(found, told, strict=True):
        assert said in each.says
        assert each.fix
    made = {json.dumps(call, sort_keys=True): call["operation"] for each in found for call in each.calls}
    assert list(made.values()) == calls
    assert differences(wanted, repaired(role, found)) == ()


def test_a_role_that_is_not_there_is_deployed() -> None:
    (found,) = differences(WANTED, None)
    assert (found.kind, found.severity) == (Kind.ROLE_MISSING, Severity.HIGH)
    assert [call["operation"] for call in found.calls] == ["deploy"]


def test_a_role_under_another_path_is_for_a_person_to_mend() -> None:
    (found,) = differences(WANTED, live_role(arn=f"arn:aws:iam::{MEMBER}:role/team/{ROLE}"))
    assert (found.kind, found.severity, found.calls) == (Kind.ROLE_PATH, Severity.HIGH, ())
    assert "cannot be moved" in found.fix


def test_tags_of_the_stack_are_low_and_others_are_only_told() -> None:
    role = live_role(tags={"team": "b", "cost": "1", "aws:cloudformation:stack-name": "onboard-account"})
    found = differences(WANTED, role, tags={"team": "a"})
    assert [(each.kind, each.severity) for each in found] == [
        (Kind.TAG, Severity.LOW),
        (Kind.TAG, Severity.INFO),
    ]
    assert found[1].calls == ()
    left = differences(WANTED, repaired(role, found), tags={"team": "a"})
    assert [each.severity for each in left] == [Severity.INFO]


@pytest.mark.parametrize("part", Part)
def test_what_could_not_be_read_is_not_compared(part: Part) -> None:
    empty = {Part.INLINE: {"inline": {}}, Part.ATTACHED: {"attached": ()}, Part.BOUNDARY: {"boundary": None}}
    assert differences(BOUNDED, live_role(BOUNDED, unread={part: "refused"}, **empty[part])) == ()


def test_the_worst_comes_first() -> None:
    role = live_role(trust=principals("*"), session_seconds=7200)
    found = differences(WANTED, inline("extra", allow("kms:*"))(role))
    assert [each.severity for each in found] == [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM]


# Two documents that mean the same, and two that do not.

SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a list of one": (
        {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}},
        {"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]},
    ),
    "two statements": (
        document(allow("s3:*"), allow("ec2:*")),
        document(allow("ec2:*", "s3:*", Sid="Both")),
    ),
    "the case of an action": (document(allow("S3:getobject")), document(allow("s3:GetObject"))),
    "what another says already": (document(allow("s3:*", "s3:Get*")), document(allow("s3:*"))),
    "the case of a condition key": (
        document(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}})),
        document(allow("s3:*", Condition={"stringequals": {"AWS:principalorgid": "o-1"}})),
    ),
    "a pattern without wildcards": (
        document(allow("s3:*", Condition={"StringLike": {"aws:PrincipalOrgID": "o-1"}})),
        document(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
    ),
    "the version where there is no variable": (
        {"Version": "2008-10-17", "Statement": [allow("s3:*")]},
        document(allow("s3:*")),
    ),
    "an ARN that is cut short": (
        document(allow("s3:*", Resource="arn:aws:s3:::*")),
        document(allow("s3:*", Resource=["arn:aws:s3:::*", "arn:aws:s3:::a*"])),
    ),
    "a boolean": (
        document(allow("s3:*", Condition={"Bool": {"aws:SecureTransport": True}})),
        document(allow("s3:*", Condition={"Bool": {"aws:SecureTransport": "True"}})),
    ),
}
DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the version where there is a variable": (
        {"Version": "2008-10-17", "Statement": [allow("s3:*", Resource="arn:aws:s3:::${aws:username}")]},
        document(allow("s3:*", Resource="arn:aws:s3:::${aws:username}")),
    ),
    "the effect": (document(allow("s3:*")), document(deny("s3:*"))),
    "what is left out": (
        document({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}),
        document({"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}),
    ),
    "the case of a resource": (
        document(allow("s3:*", Resource="arn:aws:s3:::a")),
        document(allow("s3:*", Resource="arn:aws:s3:::A")),
    ),
    "a wildcard within an ARN": (
        document(allow("s3:*", Resource="arn:aws:s3:*:*:a*"), allow("s3:*", Resource="arn:aws:s3:*:*:ab")),
        document(allow("s3:*", Resource="arn:aws:s3:*:*:ab")),
    ),
    "what an ARN that is cut short leaves out": (
        document({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3"}),
        document(
            {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3"},
            allow("s3:*", Resource="arn:aws:s3:::bucket"),
        ),
    ),
    "the value of a condition": (
        document(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
        document(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-2"}})),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=list(SAME))
def test_what_means_the_same_has_one_normal_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=list(DIFFERENT))
def test_what_means_something_else_has_another(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal_form(one) != normal_form(other)


# Whatever a role is rewritten to, as long as it means the same.


def _shuffled(draw: st.DrawFn, items: list[Any]) -> list[Any]:
    repeated = draw(st.lists(st.sampled_from(items), max_size=2)) if items else []
    return draw(st.permutations([*items, *repeated]))


def _one_or_list(draw: st.DrawFn, items: list[Any]) -> Any:
    return items[0] if len(set(items)) == 1 and draw(st.booleans()) else items


def _values(draw: st.DrawFn, value: Any) -> Any:
    listed = value if isinstance(value, list) else [value]
    return _one_or_list(draw, _shuffled(draw, listed))


def _any_case(draw: st.DrawFn, text: str) -> str:
    return draw(st.sampled_from([text, text.lower(), text.upper(), text.swapcase()]))


def _principal(draw: st.DrawFn, value: Any) -> Any:
    if value == "*":
        return draw(st.sampled_from(["*", {"AWS": "*"}, {"AWS": ["*"]}]))
    kinds = {kind: _values(draw, names) for kind, names in value.items()}
    if "AWS" in kinds and draw(st.booleans()):
        names = kinds["AWS"] if isinstance(kinds["AWS"], list) else [kinds["AWS"]]
        kinds["AWS"] = [name.split(":")[4] if name.endswith(":root") else name for name in names]
    return kinds


def _statement(draw: st.DrawFn, statement: dict[str, Any]) -> dict[str, Any]:
    rewritten = dict(statement)
    for element in ("Action", "NotAction"):
        if element in rewritten:
            cased = _values(draw, rewritten[element])
            listed = cased if isinstance(cased, list) else [cased]
            rewritten[element] = _one_or_list(draw, [_any_case(draw, action) for action in listed])
    for element in ("Resource", "NotResource"):
        if element in rewritten:
            rewritten[element] = _values(draw, rewritten[element])
    if "Principal" in rewritten:
        rewritten["Principal"] = _principal(draw, rewritten["Principal"])
    if "Condition" in rewritten:
        rewritten["Condition"] = {
            _any_case(draw, operator): {
                _any_case(draw, key): _values(draw, value) for key, value in keys.items()
            }
            for operator, keys in rewritten["Condition"].items()
        }
    if draw(st.booleans()):
        rewritten["Sid"] = draw(st.text("abcXYZ019", min_size=1, max_size=5))
    return dict(draw(st.permutations(list(rewritten.items()))))


def _split(draw: st.DrawFn, statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The statement, perhaps taken apart by its actions."""
    actions = statement.get("Action")
    if not isinstance(actions, list) or len(actions) < 2 or draw(st.booleans()):
        return [statement]
    return [{**statement, "Action": action} for action in actions]


@st.composite
def rewritten(draw: st.DrawFn, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document that means the same."""
    written = document["Statement"]
    statements = written if isinstance(written, list) else [written]
    parts = [part for statement in statements for part in _split(draw, statement)]
    statements = [_statement(draw, part) for part in _shuffled(draw, parts)]
    return {**document, "Statement": statements[0] if len(statements) == 1 else statements}


@st.composite
def rewritten_roles(draw: st.DrawFn) -> LiveRole:
    boundary = KnownPolicy(name=f"{ROLE}-boundary", document=draw(rewritten(BOUNDARY)), arn=BOUNDARY_ARN)
    names = draw(st.permutations(list(BOUNDED.policies)))
    return live_role(
        BOUNDED,
        trust=draw(rewritten(BOUNDED.trust)),
        inline={name: draw(rewritten(BOUNDED.policies[name])) for name in names},
        boundary=boundary,
        wanted_boundary=boundary,
    )


# A role has nine documents: so many examples are worth more than their time.
few = settings(max_examples=30)


@few
@given(rewritten_roles())
def test_a_role_that_is_rewritten_by_meaning_does_not_differ(role: LiveRole) -> None:
    assert differences(BOUNDED, role) == ()


TAMPERINGS: dict[str, tuple[Change, Kind]] = {
    **{name: (change, told[0][0]) for name, (wanted, change, told, _) in ROLES.items() if wanted is WANTED},
    "a policy emptied of all but one action": (
        inline("iam", allow("iam:GetRole")),
        Kind.POLICY_NARROWED,
    ),
}


@few
@given(rewritten_roles(), st.sampled_from(sorted(TAMPERINGS)))
def test_what_was_tampered_with_is_found_however_the_rest_is_written(role: LiveRole, name: str) -> None:
    change, kind = TAMPERINGS[name]
    tampered = change(replace(role, boundary=None, wanted_boundary=None))
    found = differences(WANTED, tampered)
    assert kind in {each.kind for each in found}
    assert {each.where for each in found}.isdisjoint(set(WANTED.policies) - _touched(tampered))
    assert differences(WANTED, repaired(tampered, found)) == ()


def _touched(role: LiveRole) -> set[str]:
    """The policies that are not as they should be."""
    return {
        name
        for name, wanted in WANTED.policies.items()
        if name not in role.inline or normal_form(role.inline[name]) != normal_form(wanted)
    }


@given(st.sampled_from(sorted(TRUSTS)), st.data())
def test_a_tampered_trust_policy_is_found_however_it_is_written(name: str, data: st.DataObject) -> None:
    tampered, kind, severity, _ = TRUSTS[name]
    role = live_role(trust=data.draw(rewritten(tampered)))
    (found,) = differences(WANTED, role)
    assert (found.kind, found.severity) == (kind, severity)


# A pattern that is said to cover another does: whatever the other matches, it matches.

PATTERNS = st.text("ab*?", min_size=1, max_size=6)


@given(PATTERNS, PATTERNS, st.lists(st.text("ab", max_size=6), max_size=20))
def test_what_is_covered_is_granted(wide: str, narrow: str, names: list[str]) -> None:
    from xacct_kit.iam import Request, decide

    def granted(pattern: str, name: str) -> bool:
        request = Request(
            principal=API_HANDLER, action=f"s3:{name}x", resource="arn:aws:s3:::bucket", context={}
        )
        return decide(request, identity=[document(allow(f"s3:{pattern}x"))]).allowed

    (wider,), (narrower,) = (normal_form(document(allow(f"s3:{each}x"))) for each in (wide, narrow))
    if wider.covers(narrower):
        assert [name for name in names if granted(narrow, name) and not granted(wide, name)] == []


def test_a_pattern_of_any_length_is_compared() -> None:
    key = f"arn:aws:s3:::bucket/{'k' * 1024}"
    but_one = {"Effect": "Deny", "Action": "s3:*", "NotResource": key}
    another = {"Effect": "Deny", "Action": "s3:*", "Resource": f"{key}s"}
    assert normal_form(document(but_one, another)) == normal_form(document(but_one))
