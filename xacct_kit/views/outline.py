"""What a run would do, what it needs and what it costs, in words, before anything is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from xacct_kit.role.profile import Profile, load_profile
from xacct_kit.steps.canaries.catalogue import CANARIES
from xacct_kit.steps.catalogue import PROBES
from xacct_kit.steps.cost_explorer import price_line
from xacct_kit.steps.operator.actions import Task
from xacct_kit.steps.operator.policies import Needed, needed_for
from xacct_kit.views.html import render
from xacct_kit.views.lines import WIDTH, hanging
from xacct_kit.views.words import ACCOUNTS_IN_FULL, first_of, number_of

if TYPE_CHECKING:
    from xacct_kit.params import Params


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a run of some params would be.

    Attributes:
        where: where its calls go, and as whom.
        accounts: the accounts that it is for.
        checking: what a check does, step by step.
        changing: what a check changes.
        deploying: what a deployment does before it.
        role: what the role is that is deployed.
        check_needs: what a check must be allowed.
        deploy_needs: what a deployment must be allowed, the check after it included.
        price: what it costs.
    """

    where: str
    accounts: str
    checking: tuple[str, ...]
    changing: str
    deploying: str
    role: str
    check_needs: tuple[Needed, ...]
    deploy_needs: tuple[Needed, ...]
    price: str

    def __str__(self) -> str:
        return "\n".join(line.plain.rstrip() for line in _lines(self))

    def _repr_html_(self) -> str:
        return render("outline.html", outline=self)


def outline_of(params: Params) -> Outline:
    """What a run of params would do; nothing is called.

    Raises:
        ParamsError: there is no such profile.
    """
    profile = load_profile(params.profile)
    bounded = profile.boundary is not None
    return Outline(
        where=_where(params),
        accounts=accounts_in_words(params),
        checking=tuple(_checking(params)),
        changing=_changing(params),
        deploying=_deploying(params, bounded),
        role=_role(profile),
        check_needs=needed_for(Task.PROBE, params),
        deploy_needs=needed_for(Task.ONBOARD, params),
        price=price_line(params, number_of_accounts(params)),
    )


def known_accounts(params: Params) -> frozenset[str]:
    """The accounts of a run; none where only the organization knows them."""
    return frozenset() if params.organizational_units else frozenset(params.named_accounts)


def number_of_accounts(params: Params) -> int | None:
    """How many accounts a run is for; None where only the organization knows."""
    return None if params.organizational_units else len(params.named_accounts)


def accounts_in_words(params: Params) -> str:
    """The accounts that a run is for."""
    named = params.named_accounts
    parts = [f"{number_of(len(named), 'account')}: {_names(named)}"] if named else []
    if params.organizational_units:
        units = ", ".join(params.organizational_units)
        but = f", but not {_names(params.exclude_accounts)}" if params.exclude_accounts else ""
        parts.append(f"every account below {units} when it is run{but}")
    return f"{'; and '.join(parts)}."


def _names(accounts: Sequence[str]) -> str:
    return ", ".join(accounts) if len(accounts) <= ACCOUNTS_IN_FULL else first_of(accounts)


def _where(params: Params) -> str:
    if params.environment == "sandbox":
        return f"The sandbox on this machine, scenario {params.sandbox_scenario}; no AWS account is touched."
    operator = f"the profile {params.access_profile}" if params.access_profile else "the ordinary AWS chain"
    return f"AWS, {params.region} in the partition {params.partition}, with credentials of {operator}."


def _checking(params: Params) -> Iterator[str]:
    role = params.role_name
    yield "Preflight: who runs this, and whom that may act as."
    trusted = [params.api_handler_role, params.workflow_loop_runner_role]
    refused = ["without the external ID", "with a wrong one"]
    if params.untrusted_role:
        refused.append(f"as {params.untrusted_role}")
    yield (
        f"Trust: {role} is assumed as {' and as '.join(trusted)} of {params.main_account}, and from within "
        f"the account; {', '.join(refused)} it must be refused."
    )
    yield "Cost Explorer: whether it answers."
    yield f"Permissions: {len(PROBES)} calls as {role}, each of which reads or is a dry run."
    if params.probes == "canary":
        yield f"Canaries: {_canaries()}, each made, used and removed again as {role}."


def _changing(params: Params) -> str:
    if params.probes == "canary":
        return "A check makes canaries in each account, named xacct-canary-…, and removes them; else nothing."
    return "A check changes nothing."


def _canaries() -> str:
    *most, last = (canary.thing for canary in CANARIES)
    return f"{', '.join(most)} and {last}"


def _deploying(params: Params, bounded: bool) -> str:
    boundary = " and its permissions boundary" if bounded else ""
    by = {
        "none": f"the stack {params.stack_name} in {params.region} of each account, by a change set",
        "self-managed": f"the stack set {params.stack_name} (self-managed), a stack in each account",
        "service-managed": f"the stack set {params.stack_name} (service-managed), in new accounts too",
    }
    return (
        f"Creates or updates {by[params.stack_set]}: the role {params.role_name}{boundary}. "
        "Where nothing has changed, nothing is."
    )


def _role(profile: Profile) -> str:
    return f"{profile.name}: {profile.description}"


def _lines(outline: Outline) -> Iterator[Text]:
    yield Text("What is done")
    yield from _labelled("where", outline.where)
    yield from _labelled("accounts", outline.accounts)
    yield from _labelled("deploy", outline.deploying)
    yield from _labelled("role", outline.role)
    for number, step in enumerate(outline.checking):
        yield from _labelled("" if number else "check", step)
    yield from _labelled("changes", outline.changing)
    yield Text("What it takes")
    for needed in outline.deploy_needs:
        yield from _labelled("", f"{needed.who}, which {needed.why}:")
        for statement in needed.statements:
            yield from _labelled("", f"{_listed(statement['Action'])} on {_listed(statement['Resource'])}")
    yield Text("What it costs")
    yield from _labelled("", outline.price)


def _listed(named: Any) -> str:
    return named if isinstance(named, str) else ", ".join(named)


def _labelled(label: str, text: str) -> Iterator[Text]:
    return hanging(Text(f"  {label:<9} "), text, WIDTH)
