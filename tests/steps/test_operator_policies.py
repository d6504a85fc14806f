"""The policies of the operator: each is enough for its task, and no action of it is too many."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import operator_situations as made
import pytest
from operator_bench import Bench, Case, as_it_is, everything, without
from operator_situations import together

import xacct_kit as xk
from xacct_kit.fleet import stack_set_rotation
from xacct_kit.fleet.deployment import deployment_of
from xacct_kit.fleet.stack_set_removal import remove_stack_instances
from xacct_kit.fleet.stack_sets import deploy_stack_set
from xacct_kit.fleet.targets import targeted
from xacct_kit.iam.match import glob_matcher
from xacct_kit.params import Params
from xacct_kit.report import Finding
from xacct_kit.steps import (
    cost_explorer,
    deploy,
    drift,
    drift_repair,
    handover,
    offboard,
    plan,
    posture,
    preflight,
    probes,
    rotation,
    rotation_proofs,
    status,
    trust,
)
from xacct_kit.steps.callers import role_access
from xacct_kit.steps.canaries import leftovers
from xacct_kit.steps.catalogue import PROBES
from xacct_kit.steps.create_account import create_account
from xacct_kit.steps.creation.new_account import NewAccount
from xacct_kit.steps.external_ids import make_external_id
from xacct_kit.steps.invite import invite_account
from xacct_kit.steps.operator.actions import Task, Who
from xacct_kit.steps.operator.policies import needed_for
from xacct_kit.steps.operator.tasks import GRANTS

Step = Callable[[xk.Session, str], Sequence[Finding]]


@pytest.fixture(scope="module")
def bench(no_aws: None) -> Iterator[Bench]:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_accounts=4000)) as opened:
        yield Bench(opened.endpoint)


def checks(session: xk.Session, account: str) -> list[Finding]:
    steps = (preflight.check_account, trust.check_account, cost_explorer.check_account)
    return [row for step in steps for row in step(session, account)]


def search(session: xk.Session, account: str) -> list[Finding]:
    return list(leftovers.find_leftovers(session, account, None))


def removal(session: xk.Session, account: str) -> list[Finding]:
    return list(leftovers.remove_in_account(session, account, lambda _: None))


def audit(session: xk.Session, account: str) -> list[Finding]:
    return [*drift.check_account(session, account), *posture.check_account(session, account)]


def rotate(session: xk.Session, account: str) -> list[Finding]:
    rotation.begin_rotation(session)
    rows = [*rotation.update_account(session, account), *rotation_proofs.prove_account(session, account)]
    return [*rows, rotation.finish_rotation(session, rows)]


def explained(session: xk.Session, account: str) -> list[Finding]:
    role = role_access(session, account)
    (probe,) = (each for each in PROBES if each.action == "s3:ListAllMyBuckets")
    return [probes.probe_as(session, account, role, probe)]


def targets(step: Step) -> Step:
    """A step in the accounts that the params ask for."""

    def run(session: xk.Session, _: str) -> list[Finding]:
        left_out = targeted(session)
        return [*left_out, *(row for each in session.params.accounts for row in step(session, each))]

    return run


def by_stack_set(work: Callable[..., list[Finding]], then: Step | None = None) -> Step:
    """What a stack set does in the accounts that the params ask for, and a step after it."""

    def run(session: xk.Session, account: str) -> list[Finding]:
        deployment = deployment_of(session)
        rows = [*targeted(session), *work(session, session.params.accounts, deployment)]
        return [*rows, *(then(session, account) if then else ())]

    return run


def rotated(session: xk.Session, account: str) -> list[Finding]:
    deployment = deployment_of(session)
    left_out = targeted(session)
    assert deployment is not None
    stack_set_rotation.begin(session, deployment)
    rows = stack_set_rotation.update_stack_set(session, session.params.accounts, deployment)
    rows += rotation_proofs.prove_account(session, account)
    return [*left_out, *rows, rotation.finish_rotation(session, rows)]


def documented(step: Step) -> Step:
    """A step for a role that is to have no boundary any more."""

    def run(session: xk.Session, account: str) -> Sequence[Finding]:
        session.params = session.params.model_copy(update={"profile": "documented"})
        return step(session, account)

    return run


def nothing(_session: xk.Session, _account: str) -> list[Finding]:
    return []


def roots(session: xk.Session, _account: str) -> list[Finding]:
    assert deployment_of(session) is not None
    return []


def first_id(session: xk.Session, _account: str) -> list[Finding]:
    make_external_id(session.params.external_id, session)
    return []


def invitation(session: xk.Session, account: str) -> Sequence[Finding]:
    targeted(session)
    return invite_account(session, account, bucket="our-templates", tell_external_id=True).findings


def creation(session: xk.Session, account: str) -> list[Finding]:
    number = int(account[-6:])
    unit = session.params.organizational_units
    new = NewAccount(
        name=f"laboratory-{number}",
        email=f"laboratory{number}@example.com",
        organizational_unit=unit[0] if unit else None,
    )
    return create_account(session, new)[1]


FRESH = {"role_name": "FreshRole", "stack_name": "fresh", "stack_tags": {"Purpose": "analytics"}}
BOUNDED = {**FRESH, "profile": "hardened"}
BY_ITSELF = made.in_a_stack_set(made.acting_by_itself)
IN_A_STACK_SET = made.in_a_stack_set(made.service_managed)


def case(name: str, run: Step, *situations: made.Situation, patience: int = 1, **params: Any) -> Case:
    return Case(name=name, run=run, prepare=together(*situations), params=params, patience=patience)


def reading(step: Step) -> list[Case]:
    """Situations in which whoever reads an account has to read all there is."""
    return [
        case("something is attached", step, made.attached),
        case("bounded", step, made.deployed, **BOUNDED),
        case("in a stack set", step, IN_A_STACK_SET, **FRESH),
    ]


def deploying(step: Step) -> list[Case]:
    """Situations in which whoever deploys to an account has to do all there is."""
    return [
        case("there is no stack", step, **FRESH),
        case("the stack is another", step, made.outdated, **FRESH),
        case("main is shut", step, made.main_is_shut, **FRESH),
        case("no longer bounded", documented(step), made.deployed, **BOUNDED),
        case("never created", step, made.never_created, **FRESH),
        case("half created", step, made.half_created, **FRESH),
        case("half created, bounded", step, made.half_created, **BOUNDED),
        case("a rollback failed", step, made.rollback_failed, made.attached),
        case("bounded", step, **BOUNDED),
        case("made bounded", step, made.deployed_unbounded, **BOUNDED),
        case("boundary changed", step, made.deployed, made.boundary_updated, **BOUNDED),
    ]


SELF_MANAGED = {**FRESH, "stack_set": "self-managed"}


def reaching(step: Step) -> list[Case]:
    """Situations in which the operator has to reach all there is."""
    return [
        case("a unit", targets(step), made.in_a_store("ssm"), made.in_a_unit),
        case("a secret", step, made.in_a_store("secretsmanager")),
    ]


def of_stack_sets(run: Step, *before: made.Situation, **params: Any) -> list[Case]:
    """Situations of a stack set that is there already."""
    return [
        case("self-managed", run, made.in_a_stack_set(made.self_managed), *before, **FRESH, **params),
        case("service-managed", run, made.in_a_stack_set(made.service_managed), *before, **BOUNDED, **params),
        case("the whole organization", roots, organizational_units=["root"], stack_set="service-managed"),
    ]


OTHER_TAGS = {"stack_tags": {"Owner": "lab"}}
SET_DEPLOYED = by_stack_set(deploy_stack_set)

CASES: Mapping[tuple[Task, Who], Sequence[Case]] = {
    (Task.PROBE, Who.ACCESS_ROLE): [
        case("healthy", checks),
        case("the role is not there", search, probes="canary"),
    ],
    (Task.PROBE, Who.OPERATOR): [
        *reaching(checks),
        case("the whole organization", targets(nothing), organizational_units=["root"]),
        case("a root", targets(nothing), lambda stage: {"organizational_units": [made.root_of(stage)]}),
    ],
    (Task.EXPLAIN, Who.ACCESS_ROLE): [
        case("healthy", checks),
        case("the role is not there", search, probes="canary"),
        case("bounded", explained, made.denied_by_a_boundary),
        replace(
            case("the organization is not told", explained, made.denied_by_the_organization), of_main=True
        ),
    ],
    (Task.EXPLAIN, Who.OPERATOR): [
        case("denied", explained, made.denied_by_the_organization),
        *reaching(checks),
    ],
    (Task.PLAN, Who.ACCESS_ROLE): [
        case("there is no stack", plan.check_account, **FRESH),
        *reading(plan.check_account),
        case("a rollback failed", plan.check_account, made.rollback_failed),
        case(
            "a rollback failed in a stack set",
            plan.check_account,
            IN_A_STACK_SET,
            made.instance_failed,
            **FRESH,
        ),
    ],
    (Task.PLAN, Who.OPERATOR): [
        *reaching(plan.check_account),
        case("in a stack set", plan.check_account, IN_A_STACK_SET, **FRESH),
    ],
    (Task.DEPLOY, Who.ACCESS_ROLE): [
        *deploying(deploy.deploy_account),
        case("a stack set", SET_DEPLOYED, made.self_managed, **FRESH),
        case(
            "another stack set", SET_DEPLOYED, made.in_a_stack_set(made.self_managed, **OTHER_TAGS), **FRESH
        ),
    ],
    (Task.DEPLOY, Who.OPERATOR): [
        *reaching(deploy.deploy_account),
        case("main alone is trusted", deploy.deploy_account, **FRESH, profile="swb-6.2.2"),
        case("no administration", SET_DEPLOYED, made.no_administration, **FRESH),
        case("a stack set", SET_DEPLOYED, made.self_managed, **FRESH),
        case("of units", SET_DEPLOYED, made.service_managed, **BOUNDED),
        case("another", SET_DEPLOYED, made.in_a_stack_set(made.self_managed, **OTHER_TAGS), **FRESH),
        case(
            "another of units",
            SET_DEPLOYED,
            made.in_a_stack_set(made.service_managed, **OTHER_TAGS),
            **BOUNDED,
        ),
        case("the whole organization", roots, organizational_units=["root"], stack_set="service-managed"),
    ],
    (Task.STATUS, Who.ACCESS_ROLE): reading(status.check_account),
    (Task.STATUS, Who.OPERATOR): [
        *reaching(status.check_account),
        case("no access", status.check_account, made.half_trusting),
        case("in a stack set", status.check_account, IN_A_STACK_SET, **FRESH),
    ],
    (Task.DRIFT, Who.ACCESS_ROLE): reading(audit),
    (Task.DRIFT, Who.OPERATOR): [
        *reaching(audit),
        case("denied", audit, made.denied_by_the_organization),
        case("in a stack set", audit, IN_A_STACK_SET, **FRESH),
    ],
    (Task.REPAIR, Who.ACCESS_ROLE): [
        *deploying(drift_repair.repair_account),
        case("changed", drift_repair.repair_account, made.deployed, made.changed, made.untagged, **FRESH),
        case("deleted", drift_repair.repair_account, made.deployed, made.role_deleted, **FRESH),
        case("deleted, bounded", drift_repair.repair_account, made.deployed, made.role_deleted, **BOUNDED),
        case(
            "a rollback failed, and behind",
            drift_repair.repair_account,
            made.rollback_failed,
            made.attached,
            stack_tags={"Purpose": "analytics"},
        ),
        case("rewritten", drift_repair.repair_account, made.deployed, made.boundary_rewritten, **BOUNDED),
        case("unbounded", drift_repair.repair_account, made.deployed, made.boundary_deleted, **BOUNDED),
        case("in a stack set", drift_repair.repair_account, IN_A_STACK_SET, **FRESH),
    ],
    (Task.REPAIR, Who.OPERATOR): [
        *reaching(drift_repair.repair_account),
        case("main alone is trusted", drift_repair.repair_account, **FRESH, profile="swb-6.2.2"),
        case("in a stack set", drift_repair.repair_account, IN_A_STACK_SET, **FRESH),
    ],
    (Task.ROTATE, Who.ACCESS_ROLE): [
        case("healthy", rotate, made.in_a_store("ssm")),
        case("main is shut", rotate, made.main_is_shut, made.deployed, made.in_a_store("ssm"), **FRESH),
        case("self-managed", rotated, BY_ITSELF, made.in_a_store("ssm"), **FRESH),
    ],
    (Task.ROTATE, Who.OPERATOR): [
        *reaching(rotate),
        case(
            "main alone is trusted",
            rotate,
            made.deployed,
            made.in_a_store("ssm"),
            **FRESH,
            profile="swb-6.2.2",
        ),
        *of_stack_sets(rotated, made.in_a_store("ssm")),
        case("closed", rotated, made.with_a_closed_account, made.in_a_store("ssm"), **FRESH),
    ],
    (Task.HANDOVER, Who.OPERATOR): reaching(handover.check_account),
    (Task.NEW_EXTERNAL_ID, Who.OPERATOR): [
        case("ssm", first_id, made.nothing_kept("ssm")),
        case("secretsmanager", first_id, made.nothing_kept("secretsmanager")),
    ],
    (Task.REMOVE_CANARIES, Who.ACCESS_ROLE): [case("left", removal, made.canaries_left, **FRESH)],
    (Task.REMOVE_CANARIES, Who.OPERATOR): reaching(removal),
    (Task.OFFBOARD, Who.ACCESS_ROLE): [
        case("healthy", offboard.offboard_account),
        case("in a profile", offboard.offboard_account, made.in_a_profile),
        case("made by hand", offboard.offboard_account, made.made_by_hand),
        case("bounded", offboard.offboard_account, made.deployed, made.boundary_rewritten, **BOUNDED),
        case("canaries", removal, made.canaries_left, **FRESH),
        case("in a stack set", by_stack_set(remove_stack_instances), BY_ITSELF, **FRESH),
        case(
            "stuck in a stack set",
            by_stack_set(remove_stack_instances),
            IN_A_STACK_SET,
            made.attached,
            **FRESH,
        ),
    ],
    (Task.OFFBOARD, Who.OPERATOR): [
        *reaching(offboard.offboard_account),
        *of_stack_sets(by_stack_set(remove_stack_instances, offboard.offboard_account)),
    ],
    (Task.INVITE, Who.OPERATOR): [
        case("ssm", invitation, made.template_bucket, made.in_a_store("ssm"), made.in_a_unit),
        case("secretsmanager", invitation, made.template_bucket, made.in_a_store("secretsmanager")),
    ],
    (Task.INVITE, Who.IN_MAIN): [case("another region", invitation, made.template_bucket)],
    (Task.CREATE_ACCOUNT, Who.OPERATOR): [
        case("ssm", creation, made.in_a_store("ssm", "management_external_id"), patience=10),
        case(
            "secretsmanager",
            creation,
            made.in_a_store("secretsmanager", "management_external_id"),
            patience=10,
        ),
    ],
    (Task.CREATE_ACCOUNT, Who.MAIN_ROLE): [case("new", creation, patience=10)],
    (Task.CREATE_ACCOUNT, Who.MANAGEMENT): [
        case("in a unit", creation, made.in_a_unit, patience=10),
        case("of the same name", creation, made.in_other_places, patience=10),
    ],
}

EACH_POLICY = pytest.mark.parametrize(
    ("task", "who"), CASES, ids=[f"{task.name} {who.name}".lower() for task, who in CASES]
)


@pytest.mark.slow
@EACH_POLICY
def test_a_policy_is_enough_for_its_task(bench: Bench, task: Task, who: Who) -> None:
    first, *_ = CASES[task, who]
    assert bench.told(first, task, who, as_it_is) == bench.told(first, task, who, everything)


# One after the other: some situations are of the whole organization.
@pytest.mark.thorough
@EACH_POLICY
def test_a_policy_is_enough_in_every_situation(bench: Bench, task: Task, who: Who) -> None:
    differing = [
        each.name
        for each in CASES[task, who]
        if bench.told(each, task, who, as_it_is) != bench.told(each, task, who, everything)
    ]
    assert differing == []


# The organization is read for every task by the same function; to read all of it takes its time.
READ_WHOLE = ("organizations:ListAccounts", "organizations:ListRoots")

Granted = set[tuple[str, str]]


def granted(task: Task, who: Who) -> Granted:
    """The actions of a policy, each with what it is allowed on."""
    return {(each.on, action) for each in GRANTS[task] if each.who is who for action in each.actions}


def first_granted() -> Iterator[tuple[Task, Who, Granted]]:
    """What is granted a principal for a task, and for none before it: a grant is tried in its first task."""
    known: dict[Who, Granted] = {who: set() for who in Who}
    for task, who in CASES:
        here = {each for each in granted(task, who) if task is Task.PROBE or each[1] not in READ_WHOLE}
        if new := here - known[who]:
            yield task, who, new
        known[who] |= here


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("task", "who", "asked"),
    [*first_granted()],
    ids=[f"{task.name} {who.name}".lower() for task, who, _ in first_granted()],
)
def test_no_action_of_a_policy_is_too_many(bench: Bench, task: Task, who: Who, asked: Granted) -> None:
    cases = CASES[task, who]
    whole = [bench.told(each, task, who, as_it_is) for each in cases]

    def tells(grant: tuple[str, str]) -> bool:
        """Whether something is told otherwise without an action, in a case that has it."""
        for case, told in zip(cases, whole, strict=True):
            less = bench.told(case, task, who, without(*grant))
            if less is not None and less != told:
                return True
        return False

    assert [each for each in sorted(asked) if not tells(each) and not covered(task, who, *each)] == []


def covered(task: Task, who: Who, on: str, action: str) -> bool:
    """Whether the task takes an action on more anyway."""
    wider = (each.on for each in GRANTS[task] if each.who is who and action in each.actions and each.on != on)
    return any(glob_matcher(each)(on) for each in wider)


def test_every_task_is_tried_as_everybody_whom_it_takes() -> None:
    taken = {(task, each.who) for task, grants in GRANTS.items() for each in grants}
    parts = {(Task.ONBOARD, who) for who in Who}
    assert taken - parts == CASES.keys()
    assert set(GRANTS[Task.ONBOARD]) == {*GRANTS[Task.DEPLOY], *GRANTS[Task.PROBE]}
    params = Params.load("params/account.yaml")
    assert {task for task in Task if not needed_for(task, params)} == {Task.NEW_EXTERNAL_ID}


# Actions without a type of resource in the service authorization reference.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
ON_ALL = {
    "cloudformation:CreateStackSet",
    "cloudformation:DescribeOrganizationsAccess",
    "cloudformation:DescribeStackDriftDetectionStatus",
    "cloudformation:ListStacks",
    "ec2:DescribeRegions",
    "elasticmapreduce:DeleteSecurityConfiguration",
    "elasticmapreduce:ListSecurityConfigurations",
    "iam:ListPolicies",
    "organizations:CreateAccount",
    "organizations:DescribeCreateAccountStatus",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListCreateAccountStatus",
    "organizations:ListRoots",
    "s3:ListAllMyBuckets",
    "sagemaker:ListNotebookInstanceLifecycleConfigs",
    "ssm:DescribeParameters",
}
# These have one; they are asked for by what is not known before: all stacks, and whichever holds the role.
ON_ALL_THE_SAME = {"cloudformation:DescribeStacks", "cloudformation:DescribeStackResources"}


def test_only_what_has_no_resource_is_allowed_on_all() -> None:
    grants = [each for grants in GRANTS.values() for each in grants]
    assert {
        action for each in grants if each.on == "*" for action in each.actions
    } == ON_ALL | ON_ALL_THE_SAME
    assert not {action for each in grants if each.on != "*" for action in each.actions} & ON_ALL


def test_policies_fit_into_iam() -> None:
    """What is written into a role has at most 10,240 characters without white space.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for values in ({}, {"profile": "hardened", "stack_set": "self-managed"}):
        params = Params.load("params/account.yaml", **values)
        for task in Task:
            for needed in needed_for(task, params):
                assert json.loads(needed.text) == needed.document
                assert len("".join(needed.text.split())) <= 10_240
