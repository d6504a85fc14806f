"""Who decides: the order of the policies, accounts, trust, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from xacct_kit.errors import PolicyError
from xacct_kit.iam import Decision, Layer, Request, StatementReference, decide

MAIN, MEMBER = "222222222222", "333333333333"
USER = f"arn:aws:iam::{MEMBER}:user/team/ada"
ROLE = f"arn:aws:iam::{MEMBER}:role/Worker"
SESSION = f"arn:aws:sts::{MEMBER}:assumed-role/Worker/run-1"
FEDERATED = f"arn:aws:sts::{MEMBER}:federated-user/ada"
ROOT = f"arn:aws:iam::{MEMBER}:root"
SERVICE = "lambda.amazonaws.com"
OBJECT = "arn:aws:s3:::amzn-s3-demo-bucket/key"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def rule(effect: str, action: str, principal: Any = None, **elements: Any) -> dict[str, Any]:
    where = {"Principal": principal} if principal else {"Resource": "*"}
    return document({"Effect": effect, "Action": action, **where, **elements})


ALLOW, DENY, OTHER = rule("Allow", "s3:*"), rule("Deny", "s3:*"), rule("Allow", "ec2:*")


def get(principal: str = USER, **policies: Any) -> Decision:
    request = Request(
        principal=principal,
        action="s3:GetObject",
        resource=OBJECT,
        resource_account=policies.pop("resource_account", None),
        context=policies.pop("context", {}),
    )
    return decide(request, **policies)


@pytest.mark.parametrize(
    ("policies", "allowed", "layer", "explicit", "statement"),
    [
        pytest.param({}, False, "IDENTITY", False, None, id="nothing allows"),
        pytest.param({"identity": [OTHER]}, False, "IDENTITY", False, None, id="nothing allows this"),
        pytest.param({"identity": [OTHER, ALLOW]}, True, "IDENTITY", False, "identity[1]", id="one allows"),
        pytest.param(
            {"identity": [ALLOW, DENY]}, False, "IDENTITY", True, "identity[1]", id="a deny beats an allow"
        ),
        pytest.param(
            {"identity": [ALLOW], "boundary": OTHER},
            False,
            "BOUNDARY",
            False,
            None,
            id="outside the boundary",
        ),
        pytest.param(
            {"identity": [ALLOW], "boundary": DENY}, False, "BOUNDARY", True, "boundary", id="boundary denies"
        ),
        pytest.param({"boundary": ALLOW}, False, "IDENTITY", False, None, id="a boundary grants nothing"),
        pytest.param(
            {"identity": [ALLOW], "boundary": ALLOW, "session": ALLOW, "scps": [[ALLOW], [OTHER, ALLOW]]},
            True,
            "IDENTITY",
            False,
            "identity[0]",
            id="every layer allows",
        ),
        pytest.param(
            {"identity": [ALLOW], "session": OTHER},
            False,
            "SESSION",
            False,
            None,
            id="outside the session policy",
        ),
        pytest.param(
            {"identity": [ALLOW], "session": DENY},
            False,
            "SESSION",
            True,
            "session",
            id="session policy denies",
        ),
        pytest.param(
            {"identity": [ALLOW], "scps": [[ALLOW], [OTHER]]},
            False,
            "SCP",
            False,
            None,
            id="an SCP level lacks it",
        ),
        pytest.param(
            {"identity": [ALLOW], "scps": [[ALLOW], []]},
            False,
            "SCP",
            False,
            None,
            id="an SCP level is empty",
        ),
        pytest.param(
            {"identity": [ALLOW], "scps": [[ALLOW], [ALLOW, DENY]]},
            False,
            "SCP",
            True,
            "scps[1][1]",
            id="an SCP denies",
        ),
        pytest.param(
            {"identity": [ALLOW], "resource_policy": rule("Deny", "s3:*", "*")},
            False,
            "RESOURCE",
            True,
            "resource_policy",
            id="the resource denies",
        ),
        pytest.param(
            {"resource_policy": rule("Allow", "s3:*", {"AWS": USER}), "boundary": OTHER, "scps": [[OTHER]]},
            False,
            "SCP",
            False,
            None,
            id="an SCP limits what the resource grants",
        ),
    ],
)
def test_the_order_of_layers(
    policies: dict[str, Any], allowed: bool, layer: str, explicit: bool, statement: str | None
) -> None:
    decision = get(**policies)
    assert (decision.allowed, decision.layer, decision.explicit) == (allowed, layer, explicit)
    assert (str(decision.statement) if decision.statement else None) == (
        f"{statement}.Statement[0]" if statement else None
    )


def by(principal: Any) -> dict[str, Any]:
    return rule("Allow", "s3:*", principal)


# The table "Resource-based policies and implicit denies in other policy types (same account)" of
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
@pytest.mark.parametrize(
    ("caller", "named", "allowed", "layer"),
    [
        pytest.param(SESSION, {"AWS": ROLE}, False, "BOUNDARY", id="role session by its role"),
        pytest.param(SESSION, {"AWS": SESSION}, True, "RESOURCE", id="role session by itself"),
        pytest.param(SESSION, {"AWS": f"{SESSION}x"}, False, "IDENTITY", id="another session"),
        pytest.param(USER, {"AWS": USER}, True, "RESOURCE", id="user by itself"),
        pytest.param(FEDERATED, {"AWS": USER}, False, "IDENTITY", id="federated user by its user"),
        pytest.param(FEDERATED, {"AWS": FEDERATED}, True, "RESOURCE", id="federated user by itself"),
        pytest.param(ROOT, {"AWS": ROOT}, True, "IDENTITY", id="root user"),
        pytest.param(SERVICE, {"Service": SERVICE}, True, "RESOURCE", id="service"),
        pytest.param(USER, "*", True, "RESOURCE", id="everyone"),
        pytest.param(SESSION, {"AWS": "*"}, True, "RESOURCE", id="everyone, a session too"),
        pytest.param(USER, {"AWS": MEMBER}, False, "IDENTITY", id="the account only delegates"),
        pytest.param(USER, {"AWS": ROOT}, False, "IDENTITY", id="the account's ARN only delegates"),
    ],
)
def test_what_a_resource_grants_in_its_own_account(
    caller: str, named: Any, allowed: bool, layer: str
) -> None:
    decision = get(caller, resource_policy=by(named), boundary=OTHER, session=OTHER)
    assert (decision.allowed, decision.layer) == (allowed, layer)


def test_a_role_named_by_a_resource_is_limited_by_its_session_policy() -> None:
    policy = by({"AWS": ROLE})
    assert get(SESSION, resource_policy=policy).layer is Layer.RESOURCE
    assert get(SESSION, resource_policy=policy, boundary=ALLOW, session=ALLOW).allowed
    assert get(SESSION, resource_policy=policy, boundary=ALLOW, session=OTHER).layer is Layer.SESSION
    assert get(ROLE, resource_policy=policy, boundary=OTHER).layer is Layer.BOUNDARY


@pytest.mark.parametrize("named", [USER, MEMBER, ROOT, "*"])
def test_across_accounts_both_sides_must_allow(named: str) -> None:
    there = {"resource_account": MAIN, "resource_policy": by({"AWS": named})}
    assert get(identity=[ALLOW], **there).layer is Layer.IDENTITY
    assert get(identity=[ALLOW], **there).allowed
    assert get(identity=[OTHER], **there).layer is Layer.IDENTITY
    assert not get(identity=[OTHER], **there).allowed
    assert get(identity=[ALLOW], boundary=OTHER, **there).layer is Layer.BOUNDARY
    assert get(identity=[ALLOW], session=OTHER, **there).layer is Layer.SESSION


def test_across_accounts_the_resource_must_name_the_principal() -> None:
    for policy in (None, by({"AWS": MAIN})):
        decision = get(identity=[ALLOW], resource_account=MAIN, resource_policy=policy)
        assert (decision.allowed, decision.layer, decision.statement) == (False, Layer.RESOURCE, None)


def test_the_account_is_taken_from_the_arn() -> None:
    queue = Request(principal=USER, action="sqs:SendMessage", resource=f"arn:aws:sqs:eu-west-1:{MAIN}:q")
    everything = rule("Allow", "*")
    assert decide(queue, identity=[everything]).layer is Layer.RESOURCE
    own = Request(principal=USER, action="sqs:SendMessage", resource=f"arn:aws:sqs:eu-west-1:{MEMBER}:q")
    assert decide(own, identity=[everything]).allowed


def test_a_key_policy_must_allow_even_in_its_own_account() -> None:
    key = Request(principal=USER, action="kms:Decrypt", resource=f"arn:aws:kms:eu-west-1:{MEMBER}:key/k")
    identity = [rule("Allow", "kms:*")]
    delegating = rule("Allow", "kms:*", {"AWS": ROOT})
    assert decide(key, identity=identity, resource_policy=delegating).allowed
    other = rule("Allow", "kms:*", {"AWS": ROLE})
    assert decide(key, identity=identity, resource_policy=other).layer is Layer.RESOURCE
    assert decide(key, identity=identity).layer is Layer.RESOURCE
    keys = Request(principal=USER, action="kms:ListKeys", resource="*")
    assert decide(keys, identity=identity).allowed


def test_the_root_user_is_limited_by_scps_and_the_resource_only() -> None:
    assert get(ROOT).allowed
    assert get(ROOT, boundary=DENY, session=DENY, identity=[DENY]).allowed
    assert get(ROOT, scps=[[OTHER]]).layer is Layer.SCP
    assert get(ROOT, scps=[[ALLOW, DENY]]).explicit
    assert get(ROOT, resource_policy=rule("Deny", "s3:*", "*")).layer is Layer.RESOURCE
    assert not get(ROOT, resource_account=MAIN).allowed
    assert get(ROOT, resource_account=MAIN, resource_policy=by({"AWS": MEMBER})).allowed


def test_a_service_needs_the_resource_and_nothing_else() -> None:
    assert get(SERVICE).layer is Layer.RESOURCE
    assert not get(SERVICE, identity=[ALLOW]).allowed
    assert get(SERVICE, resource_policy=by({"Service": SERVICE}), scps=[[OTHER]]).allowed
    assert not get(SERVICE, resource_policy=by({"Service": "ec2.amazonaws.com"})).allowed


def test_a_federated_user_without_a_session_policy_has_nothing() -> None:
    assert get(FEDERATED, identity=[ALLOW]).layer is Layer.SESSION
    assert not get(FEDERATED, identity=[ALLOW]).allowed
    assert get(FEDERATED, identity=[ALLOW], session=ALLOW).allowed


def test_scps_do_not_reach_service_linked_roles() -> None:
    session = f"arn:aws:sts::{MEMBER}:assumed-role/AWSServiceRoleForX/x"
    role = f"arn:aws:iam::{MEMBER}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    request = Request(
        principal=session, action="s3:GetObject", resource=OBJECT, context={"aws:PrincipalArn": role}
    )
    assert decide(request, identity=[ALLOW], scps=[[OTHER]]).allowed
    assert get(session, identity=[ALLOW], scps=[[OTHER]]).layer is Layer.SCP


PATHED = f"arn:aws:iam::{MEMBER}:role/team/Worker"


# "Role names must be unique within your AWS account":
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html
@pytest.mark.parametrize(
    ("told", "role", "named"),
    [
        pytest.param(PATHED, PATHED, True, id="the path is told"),
        pytest.param(PATHED, ROLE, False, id="a path is told, none is named"),
        pytest.param(ROLE, PATHED, False, id="no path is told, one is named"),
        pytest.param(None, PATHED, True, id="nothing is told: the name is the role's alone"),
        pytest.param(None, ROLE, True, id="nothing is told, no path is named"),
        pytest.param(None, f"{PATHED}-2", False, id="another name"),
        pytest.param(None, f"arn:aws:iam::{MEMBER}:role/team/worker", False, id="the name in another case"),
        pytest.param(None, f"arn:aws:iam::{MAIN}:role/team/Worker", False, id="another account"),
        pytest.param(None, f"arn:aws-cn:iam::{MEMBER}:role/team/Worker", False, id="another partition"),
        pytest.param(None, f"arn:aws:iam::{MEMBER}:user/team/Worker", False, id="a user of that name"),
        pytest.param(f"{PATHED}-2", f"{PATHED}-2", False, id="another role is told"),
        pytest.param(f"{PATHED}-2", PATHED, True, id="another role is told and counts for nothing"),
    ],
)
def test_a_session_is_named_by_its_role(told: str | None, role: str, named: bool) -> None:
    context = {"aws:PrincipalArn": told}
    assert get(SESSION, context=context, resource_policy=by({"AWS": role})).allowed is named
    denying = rule("Deny", "s3:*", {"AWS": role})
    assert get(SESSION, context=context, identity=[ALLOW], resource_policy=denying).explicit is named
    sparing = {"Effect": "Deny", "NotPrincipal": {"AWS": [SESSION, role, ROOT]}, "Action": "s3:*"}
    spared = get(SESSION, context=context, identity=[ALLOW], resource_policy=document(sparing))
    assert spared.explicit is not named


def test_an_explicit_deny_is_named_before_what_no_policy_allows() -> None:
    decision = get(identity=[DENY], boundary=OTHER, scps=[[OTHER]], resource_account=MAIN)
    assert (decision.layer, decision.explicit) == (Layer.IDENTITY, True)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
def test_not_principal_with_allow_is_refused() -> None:
    policy = document({"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "s3:*"})
    with pytest.raises(PolicyError, match=r"Statement\[0\].NotPrincipal: must be used with the effect Deny"):
        get(USER, resource_policy=policy)


BOB = f"arn:aws:iam::{MEMBER}:user/bob"


@pytest.mark.parametrize(
    ("principal", "named", "denied"),
    [
        (BOB, (BOB, ROOT), False),
        (BOB, (BOB, MEMBER), False),
        (BOB, (BOB,), True),
        (BOB, (ROOT,), True),
        (BOB, "*", False),
        (USER, (BOB, ROOT), True),
        (SESSION, (SESSION, ROLE, ROOT), False),
        (f"{SESSION}-2", (SESSION, ROLE, ROOT), True),
        (SESSION, (ROLE, ROOT), True),
        (SESSION, (SESSION, ROOT), True),
        (ROOT, (ROOT,), False),
        (ROOT, (BOB,), True),
    ],
)
def test_not_principal_spares_those_whose_account_role_and_own_name_are_named(
    principal: str, named: tuple[str, ...], denied: bool
) -> None:
    names = named if isinstance(named, str) else {"AWS": list(named)}
    policy = document({"Effect": "Deny", "NotPrincipal": names, "Action": "s3:*", "Resource": "*"})
    assert get(principal, identity=[ALLOW], resource_policy=policy).explicit is denied


def test_not_principal_spares_nobody_who_has_a_boundary() -> None:
    policy = document(
        {"Effect": "Deny", "NotPrincipal": {"AWS": [BOB, ROOT]}, "Action": "s3:*", "Resource": "*"}
    )
    assert get(BOB, identity=[ALLOW], boundary=ALLOW, resource_policy=policy).explicit


@pytest.mark.parametrize(
    "arn", ["arn:aws:s3", "arn:aws:s3:", "arn:aws:s3::", "arn:*", "arn:aws:s3*"], ids=lambda arn: arn
)
def test_an_incomplete_arn_is_completed_but_not_in_a_session_policy(arn: str) -> None:
    allow = document({"Effect": "Allow", "Action": "*", "Resource": arn})
    deny = document({"Effect": "Deny", "Action": "*", "Resource": arn})
    assert get(SESSION, identity=[allow]).allowed
    assert get(SESSION, identity=[ALLOW, deny]).explicit
    with pytest.raises(PolicyError, match=r"Statement\[0\].Resource: is not a complete ARN"):
        get(SESSION, identity=[ALLOW], session=allow)


@pytest.mark.parametrize(
    ("values", "null"), [(None, True), ("", True), ([], True), ([""], True), (["", "a"], False), ("a", False)]
)
def test_null_takes_empty_texts_for_nothing(values: Any, null: bool) -> None:
    asked = document(
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {"aws:TagKeys": "true"}}}
    )
    assert get(identity=[asked], context={"aws:TagKeys": values}).allowed is null


@pytest.mark.parametrize("principal", [SESSION, ROLE, USER])
def test_a_unique_id_names_who_has_it(principal: str) -> None:
    policy = document({"Effect": "Deny", "Principal": {"AWS": "AROAEXAMPLEEXAMPLE123"}, "Action": "s3:*"})
    for userid, denied in (("AROAEXAMPLEEXAMPLE123:session", True), ("AROAEXAMPLEEXAMPLE124:session", False)):
        context = {"aws:userid": userid}
        assert get(principal, identity=[ALLOW], resource_policy=policy, context=context).explicit is denied


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
@pytest.mark.parametrize(
    ("tag", "variable", "allowed"),
    [
        ("key", "${aws:PrincipalTag/folder}", True),
        ("", "${aws:PrincipalTag/folder}", False),
        ("", "${aws:PrincipalTag/folder}*", False),
        ("", "${aws:PrincipalTag/folder, 'key'}", True),
        ("", "${aws:PrincipalTag/folder, 'other'}", False),
    ],
)
def test_a_tag_without_a_value_opens_no_resource(tag: str, variable: str, allowed: bool) -> None:
    own = document(
        {"Effect": "Allow", "Action": "*", "Resource": f"arn:aws:s3:::amzn-s3-demo-bucket/{variable}"}
    )
    assert get(identity=[own], context={"aws:PrincipalTag/folder": tag}).allowed is allowed


def test_a_context_key_cannot_be_there_twice() -> None:
    with pytest.raises(PolicyError, match="is there twice"):
        get(identity=[ALLOW], context={"aws:TagKeys": "a", "AWS:tagkeys": "b"})


@pytest.mark.parametrize(
    ("elements", "allowed"),
    [
        ({"Action": "S3:getobject"}, True),
        ({"Action": "s3:Get?bject"}, True),
        ({"Action": "*"}, True),
        ({"Action": ["ec2:*", "s3:*Object"]}, True),
        ({"Action": ["s3:G*Obj*"]}, True),
        ({"Action": "s3:G?tO*"}, True),
        ({"Action": "s3:G*x*"}, False),
        ({"Action": "s3:GetObjec?t"}, False),
        ({"Action": "s3:GetObject?"}, False),
        ({"NotAction": "iam:*"}, True),
        ({"NotAction": ["iam:*", "s3:Get*"]}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/KEY"}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::*"}, True),
        ({"Action": "*", "Resource": ["arn:aws:s3:::other", OBJECT]}, True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::other/*"}, True),
        ({"Action": "*", "NotResource": ["arn:aws:s3:::other/*", OBJECT]}, False),
        ({"Action": "*", "NotResource": "*"}, False),
        ({"Action": "*", "NotResource": "arn:aws:s3:::${aws:PrincipalTag/none}"}, True),
    ],
    ids=str,
)
def test_what_a_statement_speaks_of(elements: dict[str, Any], allowed: bool) -> None:
    everywhere = {} if "NotResource" in elements else {"Resource": "*"}
    assert get(identity=[document({"Effect": "Allow"} | everywhere | elements)]).allowed is allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
@pytest.mark.parametrize(("bucket", "allowed"), [("ada-logs", False), ("ada", True), ("bob", False)])
def test_the_documented_example_of_one_account(bucket: str, allowed: bool) -> None:
    identity = document(
        {"Sid": "AllowS3Self", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::ada/*"},
        {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
    )
    own = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": USER},
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::ada", "arn:aws:s3:::ada/*"],
        }
    )
    request = Request(principal=USER, action="s3:PutObject", resource=f"arn:aws:s3:::{bucket}/file")
    decision = decide(request, identity=[identity], resource_policy=own)
    assert decision.allowed is allowed
    assert decision.explicit is (bucket == "ada-logs")


def test_a_decision_names_the_statement_and_says_why() -> None:
    scp = document(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoReading", "Effect": "Deny", "Action": "s3:Get*", "Resource": "*"},
    )
    decision = get(identity=[ALLOW], scps=[[ALLOW], [scp]])
    assert decision.statement == StatementReference(Layer.SCP, 1, document=0, level=1, sid="NoReading")
    assert str(decision.statement) == "scps[1][0].Statement[1] (NoReading)"
    assert decision.reason == (
        f"scps[1][0].Statement[1] (NoReading) explicitly denies s3:GetObject on {OBJECT}."
    )
    assert get().reason == f"No identity-based policy of {USER} allows s3:GetObject on {OBJECT}."


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"principal": "ada"}, "principal"),
        ({"principal": ""}, "principal"),
        ({"principal": f"arn:aws:iam::{MEMBER}:user/*"}, "principal"),
        ({"principal": f"arn:aws:iam::{MEMBER}:group/g"}, "principal"),
        ({"principal": f"arn:aws:sts::{MEMBER}:assumed-role/Worker"}, "principal"),
        ({"action": "GetObject"}, "action"),
        ({"action": "s3:*"}, "action"),
        ({"resource": ""}, "resource"),
        ({"resource_account": "main"}, "resource_account"),
        ({"context": {"aws:TagKeys": {"a": "b"}}}, "context.aws:TagKeys"),
        ({"context": {"aws:TagKeys": ["a", None]}}, "context.aws:TagKeys"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_meant_is_refused(fields: dict[str, Any], place: str) -> None:
    good = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT}
    with pytest.raises(PolicyError) as error:
        decide(Request(**(good | fields)))
    assert error.value.place == place


@pytest.mark.parametrize(
    ("policies", "place"),
    [({"identity": ALLOW}, "identity"), ({"scps": [ALLOW]}, "scps[0]"), ({"scps": ALLOW}, "scps")],
)
def test_lists_of_documents_are_lists(policies: dict[str, Any], place: str) -> None:
    with pytest.raises(PolicyError) as error:
        get(**policies)
    assert error.value.place == place
