"""The policies of the operator: each is enough for its task, and no action of it is too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import operator_situations as made
import pytest
from operator_bench import Bench, Case, Told
from operator_situations import together

import xacct_kit as xk
from xacct_kit.fleet.targets import find_targets
from xacct_kit.params import Params
from xacct_kit.report import Finding, Verdict
from xacct_kit.steps import (
    cost_explorer,
    deploy,
    drift,
    drift_repair,
    handover,
    leftovers,
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
from xacct_kit.steps.catalogue import PROBES
from xacct_kit.steps.operator_actions import Task, Who
from xacct_kit.steps.operator_tasks import GRANTS

Step = Callable[[xk.Session, str], Sequence[Finding]]


@pytest.fixture(scope="module")
def bench(no_aws: None) -> Iterator[Bench]:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_accounts=20_000)) as opened:
        yield Bench(opened.endpoint)


def checks(session: xk.Session, account: str) -> list[Finding]:
    steps = (preflight.check_account, trust.check_account, cost_explorer.check_account)
    return [row for step in steps for row in step(session, account)]


def one_probe(session: xk.Session, account: str) -> list[Finding]:
    role = role_access(session, account)
    (probe,) = (each for each in PROBES if each.action == "s3:ListAllMyBuckets")
    return [probes.probe_as(session, account, role, probe)]


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


FRESH = {"role_name": "FreshRole", "stack_name": "fresh", "stack_tags": {"Purpose": "analytics"}}
BOUNDED = {**FRESH, "profile": "hardened"}
NARROW = made.deployed_with(profile="swb-6.2.2", stack_tags={"Owner": "lab"}, workflow_loop_runner_role="Other")

PLANNED = [
    Case(name="there is no stack", run=plan.check_account, params=FRESH),
    Case(name="something is attached", run=plan.check_account, prepare=made.attached),
    Case(name="a rollback failed", run=plan.check_account, prepare=made.rollback_failed),
    Case(name="bounded", run=plan.check_account, params=BOUNDED, prepare=made.deployed),
]


def deploying(run: Step) -> list[Case]:
    return [
        Case(name="there is no stack", run=run, params=FRESH),
        Case(name="the stack is another", run=run, params=FRESH, prepare=NARROW),
        Case(name="never created", run=run, params=FRESH, prepare=made.never_created),
        Case(name="half created", run=run, params=FRESH, prepare=made.half_created),
        Case(name="a rollback failed", run=run, prepare=together(made.rollback_failed, made.attached)),
        Case(name="bounded", run=run, params=BOUNDED),
        Case(name="made bounded", run=run, params=BOUNDED, prepare=made.deployed_with(profile="documented")),
        Case(name="boundary changed", run=run, params=BOUNDED, prepare=together(made.deployed, made.boundary_updated)),
    ]


CASES: Mapping[tuple[Task, Who], Sequence[Case]] = {
    (Task.PROBE, Who.ACCESS_ROLE): [
        Case(name="healthy", run=checks),
        Case(name="the role is not there", run=search, params={"probes": "canary"}),
    ],
    (Task.PLAN, Who.ACCESS_ROLE): PLANNED,
    (Task.DEPLOY, Who.ACCESS_ROLE): deploying(deploy.deploy_account),
    (Task.STATUS, Who.ACCESS_ROLE): [
        Case(name="something is attached", run=status.check_account, prepare=made.attached),
        Case(name="bounded", run=status.check_account, params=BOUNDED, prepare=made.deployed),
    ],
    (Task.DRIFT, Who.ACCESS_ROLE): [
        Case(name="something is attached", run=audit, prepare=made.attached),
        Case(name="bounded", run=audit, params=BOUNDED, prepare=made.deployed),
    ],
    (Task.REMOVE_CANARIES, Who.ACCESS_ROLE): [
        Case(name="left", run=removal, params=FRESH, prepare=made.canaries_left),
    ],
    (Task.OFFBOARD, Who.ACCESS_ROLE): [
        Case(name="healthy", run=offboard.offboard_account),
        Case(name="in a profile", run=offboard.offboard_account, prepare=made.in_a_profile),
        Case(name="made by hand", run=offboard.offboard_account, prepare=made.made_by_hand),
    ],
}

if __name__ == "__main__":
    import sys, time
    only = sys.argv[1:]
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_accounts=20_000)) as opened:
        bench = Bench(opened.endpoint)
        for (task, who), cases in CASES.items():
            if only and task.name not in only: continue
            t=time.process_time()
            whole = [bench.told(case, task, who) for case in cases]
            for case, told in zip(cases, whole):
                print("==", task, who, case.name)
                for row in told:
                    if len(row)<5 or row[4] not in ("PASS","SKIPPED"): print("    ", *row)
            n=0
            todo = {(g.on, a) for g in GRANTS[task] if g.who is who for a in g.actions}
            for on, action in sorted(todo):
                seen = False
                for case, told in zip(cases, whole):
                    n+=1
                    less = bench.told(case, task, who, (on, action))
                    if less is None: n-=1; continue
                    seen = True
                    if less != told:
                        break
                else:
                    print("  NOT NEEDED" if seen else "  never in it", action, on)
            print(task, who, n, "trials", round(time.process_time()-t,1), "s", flush=True)
