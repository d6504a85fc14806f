"""The commands that follow an account through its life: created, invited, watched, changed, let go."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xacct_kit.cli.accounts import load, take, telling_what_is_left
from xacct_kit.cli.options import (
    AccountsFile,
    Format,
    Formats,
    Out,
    Overrides,
    ParamsFile,
    Resume,
    Retry,
    TextFormat,
    TextFormats,
    Workers,
)
from xacct_kit.cli.output import deliver, finish, folder_for_results, note, say
from xacct_kit.errors import RequestError, RunError, path_fault
from xacct_kit.saving import replacing

if TYPE_CHECKING:
    from xacct_kit.params import Params
    from xacct_kit.steps.creation.new_account import NewAccount


def status(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    workers: Workers = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the role is there, and say why it is not.")
    ] = False,
) -> None:
    """Say how each account stands, and what to do next. It says why and since when; it changes nothing."""
    take(load(file, param, accounts), "WAITING" if wait else "STATUS", out, form, workers=workers)


def drift(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    workers: Workers = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what differs, and compare again.")
    ] = False,
) -> None:
    """Compare the role with its profile, by meaning. It also says what the role is able to do."""
    take(load(file, param, accounts), "REPAIR" if repair else "AUDIT", out, form, workers=workers)


def offboard(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    workers: Workers = None,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Remove no more than what killed runs have left of canaries.")
    ] = False,
    confirm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACCOUNT", help="An account that is let go, again; repeatable. Asked for in a terminal."
        ),
    ] = None,
) -> None:
    """Remove the role, and prove that it is gone. Its stack goes with it, and what canaries have left."""
    params = load(file, param, accounts)
    if canaries and confirm:
        raise RequestError("--confirm: --canaries lets go of no account; leave one of them out")
    if not canaries:
        # Whatever else is in an organizational unit by then keeps its role.
        params = params.for_accounts(_confirmed(params, confirm or ()))
    take(params, "LEFTOVERS" if canaries else "OFFBOARDING", out, form, workers=workers)


def _confirmed(params: Params, typed: Sequence[str]) -> tuple[str, ...]:
    """The accounts that are let go, once whoever removes something has named every one of them again.

    Raises:
        RequestError: it was not every one of them, or others too.
    """
    from xacct_kit.param_types import account_fault
    from xacct_kit.steps.offboard import confirmed

    if not typed and not sys.stdin.isatty():
        raise RequestError("Nothing is removed: write --confirm ACCOUNT for each account that is let go.")
    if faults := [fault for each in typed if (fault := account_fault(each.strip()))]:
        raise RequestError("Nothing is removed: " + "; ".join(f"--confirm: {fault}" for fault in faults))
    accounts = _named(params)
    if not typed:
        note(f"To be offboarded: {', '.join(accounts)}. Role, stack and canaries are removed from each.")
        note("Type each account ID again:")
        typed = sys.stdin.readline().replace(",", " ").split()
    confirmed(accounts, typed)
    return accounts


def _named(params: Params) -> tuple[str, ...]:
    """The accounts that are to be let go; a call is made where an organizational unit names them."""
    from xacct_kit.environment import connect
    from xacct_kit.fleet.targets import targeted

    if not params.organizational_units:
        return params.named_accounts
    with connect(params) as session:
        targeted(session)
        return session.params.accounts


def create_account(
    file: ParamsFile,
    param: Overrides = None,
    name: Annotated[str | None, typer.Option(help="What the account is called.")] = None,
    email: Annotated[str | None, typer.Option(help="Its address, which no other account has.")] = None,
    unit: Annotated[str | None, typer.Option(help="The organizational unit it is moved to: ou-...")] = None,
    listed: Annotated[
        str | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="CSV of new accounts: name, email, and ou, billing, role, tags; - is standard input.",
        ),
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Create, and do not onboard.")] = False,
    out: Out = None,
    form: Formats = Format.TABLE,
    resume: Resume = False,
    retry: Retry = None,
) -> None:
    """Create accounts in the organization, and onboard them."""
    from xacct_kit.environment import connect
    from xacct_kit.fleet.new_accounts import create_accounts
    from xacct_kit.runs import ONBOARDING, carry_out

    params = load(file, param)
    wanted = _wanted(params, name, email, unit, listed)
    folder = folder_for_results(out, params, going_on=resume or retry is not None)
    again: dict[str, Any] = {"out": folder, "resume": resume, "retry": retry is not None}
    with telling_what_is_left(folder, params, goes_on=True), connect(params) as session:
        created = create_accounts(session, wanted, progress=note, **again)
        report, accounts = created.report, created.accounts
        if accounts and not only:
            there = params.for_accounts(accounts).model_copy(update={"sandbox_endpoint": session.endpoint})
            onboarded = carry_out(there, ONBOARDING, progress=note, **again)
            # The journal stays the onboarding's, which goes on from it; that of the creation is beside it.
            report = replace(report + onboarded, journal=onboarded.journal)
    deliver(report, folder, form)


def _wanted(
    params: Params, name: str | None, email: str | None, unit: str | None, listed: str | None
) -> Sequence[NewAccount]:
    from xacct_kit.fleet.new_account_lists import read_new_accounts
    from xacct_kit.steps.creation.new_account import ACCESS_ROLE, NewAccount

    role = params.access_role or ACCESS_ROLE
    if listed is not None:
        if (name, email, unit) != (None, None, None):
            raise RequestError("--list: says it all; leave --name, --email and --unit out")
        return read_new_accounts(listed, role_name=role)
    if name is None or email is None:
        raise RequestError(
            "create-account: which accounts is not said; write --name and --email, or --list FILE"
        )
    return [NewAccount(name=name, email=email, organizational_unit=unit, role_name=role)]


def invite(
    file: ParamsFile,
    bucket: Annotated[str, typer.Option(help="A bucket of the main account, for the template.")],
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    hours: Annotated[float, typer.Option(min=0.02, max=168, help="How long the link is to last.")] = 12,
    from_whom: Annotated[
        str, typer.Option("--external-id-from", help="Who tells the administrator the external ID.")
    ] = "",
    tell: Annotated[
        bool, typer.Option("--tell-external-id", help="Let the message tell the external ID itself.")
    ] = False,
) -> None:
    """Write a message to an account's administrator. Its link makes the role by a few clicks."""
    from xacct_kit.environment import connect
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.report import Report
    from xacct_kit.steps.invite import check_invitation, invite_account

    params = load(file, param, accounts)
    seconds = round(hours * 3600)
    check_invitation(bucket, seconds)
    folder = folder_for_results(out, params)
    with connect(params) as session:
        report = targeted(session)
        for account in session.params.accounts:
            invitation = invite_account(
                session,
                account,
                bucket=bucket,
                seconds=seconds,
                external_id_from=from_whom,
                tell_external_id=tell,
                progress=note,
            )
            report += Report.of(invitation.findings)
            if invitation.message:
                note(f"message for the administrator: {invitation.save(folder)}")
    deliver(report, folder, form)


def new_external_id(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: Formats = Format.TABLE,
    workers: Workers = None,
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate",
            help="Take a new one into use in every account, and the old one out of it; name all accounts "
            "that share it.",
        ),
    ] = False,
) -> None:
    """Make an external ID that nobody can guess. It is kept where the params say, and shown to nobody."""
    from xacct_kit.aws.references import needs_call
    from xacct_kit.environment import connect
    from xacct_kit.steps.external_ids import make_external_id

    if not rotate and (out or form is not Format.TABLE or workers):
        raise RequestError("new-external-id: only --rotate has --out, --format and --workers; leave them out")
    params = load(file, param, accounts)
    if rotate:
        take(params, "ROTATION", out, form, workers=workers)
        return
    with connect(params) if needs_call(params.external_id) else nullcontext() as session:
        say(make_external_id(params.external_id, session))


def handover(
    file: ParamsFile,
    param: Overrides = None,
    accounts: AccountsFile = None,
    out: Out = None,
    form: TextFormats = TextFormat.TABLE,
) -> None:
    """Tell what Service Workbench's form asks for. The role of each account is proven before."""
    from xacct_kit.environment import connect
    from xacct_kit.fleet.targets import targeted
    from xacct_kit.steps.handover import hand_over
    from xacct_kit.views.handover import to_json, to_text

    params = load(file, param, accounts)
    folder = folder_for_results(out, params)
    with connect(params) as session:
        report = targeted(session)
        report += hand_over(session, progress=note)
        told = (to_json if form is TextFormat.JSON else to_text)(report, session.params)
        report.save(folder)
        form_file = folder / "handover.json"
        try:
            with replacing(form_file) as written:
                written.write(to_json(report, session.params))
        except OSError as error:
            raise RunError(f"{form_file} cannot be written: {path_fault(error)}") from error
    say(told)
    finish(report)
