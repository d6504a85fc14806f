"""The names that others build on, with their arguments: none goes or changes without a deprecation."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
import typer

from xacct_kit.cli import app

# What a call of it takes; None where nobody makes one, or by its fields, which are tested where it is.
NAMES: Mapping[str, Mapping[str, str | None]] = {
    "xacct_kit": {
        "Crew": "workers processes executor connect",
        "Finding": "step probe account region caller service action expected outcome verdict why fix "
        "evidence duration cost patch",
        "NewAccount": "name email billing_access role_name tags organizational_unit",
        "Outcome": "kind explicit reason fix retryable action resource principal policy_arn evidence",
        "OutcomeKind": None,
        "Params": None,
        "Report": "findings journal",
        "Session": "params connection on_close",
        "Verdict": None,
        "XacctError": None,
        "check_cost_explorer": "session progress",
        "check_drift": "session progress",
        "check_posture": "session progress",
        "check_status": "session progress",
        "check_trust": "session progress",
        "connect": "params",
        "create_accounts": "session wanted progress out resume retry",
        "deploy_role": "session progress",
        "hand_over": "session progress",
        "invite_account": "session account bucket key seconds external_id_from tell_external_id progress",
        "offboard": "session progress",
        "onboard": "params deploying progress out resume retry crew",
        "pictures": None,
        "plan": "session progress",
        "preflight": "session",
        "price_note": "session",
        "probe_permissions": "session progress",
        "read_journal": "path",
        "repair_drift": "session progress",
        "rotate_external_id": "session progress crew",
        "targeted": "session",
        "watch": "params command out",
        "wizard": "params",
    },
    "xacct_kit.iam": {
        "Decision": "allowed layer explicit statement reason",
        "Document": "kind allows denies incomplete_arn",
        "DocumentKind": None,
        "Layer": None,
        "Policies": "identity boundary session scps",
        "Request": "principal action resource context resource_account",
        "StatementReference": "layer statement document level sid",
        "compile_document": "document kind",
        "decide": "request identity boundary session scps resource_policy",
        "decide_line": "line",
    },
    "xacct_kit.aws": {
        "Session": "params connection on_close",
        "classify": "error service redactor",
    },
}

MEMBERS: Mapping[str, str] = {
    "Finding": "to_dict from_dict",
    "Params": "load of of_namespace notebook_cell accounts named_accounts for_accounts",
    "Report": "of ok faults counts to_frame save require_green",
    "OutcomeKind": "ALLOWED DENIED_EXPLICIT DENIED_IDENTITY DENIED_BOUNDARY DENIED_SESSION DENIED_SCP "
    "DENIED_RCP DENIED_RESOURCE DENIED_VPCE DENIED_TRUST DENIED_UNSPECIFIED CREDENTIALS NOT_ENABLED "
    "DATA_PENDING REGION_DISABLED THROTTLED QUOTA VALIDATION NOT_FOUND NETWORK SERVICE_ERROR UNKNOWN",
    "Verdict": "PASS FAIL UNKNOWN SKIPPED",
    "XacctError": "exit_code",
}

# What every command on many accounts takes, and what a run that can be gone on with takes besides.
SHARED = "file --param -p --accounts --out --format"
FLEET = f"{SHARED} --workers --processes --scheduler --resume --retry"

COMMANDS: Mapping[str, str] = {
    "classify": "file",
    "create-account": "file --param -p --name --email --unit --list --only --out --format --resume --retry",
    "decide": "file",
    "demo": "--out",
    "deploy": FLEET,
    "diff": "old new --format",
    "drift": f"{SHARED} --workers --repair",
    "handover": SHARED,
    "invite": f"{SHARED} --bucket --hours --external-id-from --tell-external-id",
    "new-external-id": f"{SHARED} --workers --rotate",
    "offboard": f"{SHARED} --workers --canaries --confirm",
    "onboard": f"{FLEET} --notebooks",
    "plan": FLEET,
    "probe": FLEET,
    "sandbox": "--port --scenario --accounts --throttle --latency --propagation",
    "status": f"{SHARED} --workers --wait",
    "template": "file --param -p",
}

every_module = pytest.mark.parametrize("name", NAMES)


def public(module: ModuleType) -> dict[str, Any]:
    return {name: getattr(module, name) for name in module.__all__}


@every_module
def test_a_module_has_the_names_that_others_build_on(name: str) -> None:
    assert list(importlib.import_module(name).__all__) == sorted(NAMES[name])


@every_module
def test_a_name_takes_the_arguments_that_others_give_it(name: str) -> None:
    found = public(importlib.import_module(name))
    taken = {each: takes for each, takes in NAMES[name].items() if takes is not None}
    assert {each: " ".join(inspect.signature(found[each]).parameters) for each in taken} == taken


@every_module
def test_a_name_says_what_it_is(name: str) -> None:
    assert not [each for each, what in public(importlib.import_module(name)).items() if not what.__doc__]


def test_a_name_is_offered_for_completion() -> None:
    kit = importlib.import_module("xacct_kit")
    assert set(dir(kit)) >= set(kit.__all__)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_class_has_the_members_that_others_build_on(name: str) -> None:
    kind = getattr(importlib.import_module("xacct_kit"), name)
    assert {*MEMBERS[name].split()} <= {*dir(kind)}


def test_a_command_has_the_options_that_others_give_it() -> None:
    group: Any = typer.main.get_command(app)
    found = {
        name: {option for each in command.params for option in each.opts}
        for name, command in group.commands.items()
    }
    assert found == {name: {*options.split()} for name, options in COMMANDS.items()}


def test_a_command_and_its_options_say_what_they_are_for() -> None:
    group: Any = typer.main.get_command(app)
    silent = [
        f"{name} {each.name}"
        for name, command in group.commands.items()
        for each in (command, *command.params)
        if not each.help
    ]
    assert not silent
