"""docs/reference/probes.md: what is called in an account, and what each profile says must come back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from reference_tables import code, page, table

from xacct_kit.params import Params
from xacct_kit.report import Expectation
from xacct_kit.role.profile import PROFILES, RoleDefinition, RoleValues, load_profile
from xacct_kit.steps.callers import lets_in
from xacct_kit.steps.canaries.catalogue import CANARIES, CANARY_PRICE, CREATE_TAGS, Canary
from xacct_kit.steps.catalogue import COST_EXPLORER_PRICE, PROBES, Probe
from xacct_kit.steps.cost_explorer import price_line
from xacct_kit.steps.trial import expectation, filled, grants
from xacct_kit.steps.trust import ATTEMPTS

_PARAMS = Params.load(Path(__file__).resolve().parents[2] / "params" / "account.yaml")
(_MEMBER,) = _PARAMS.member_accounts
_ROLE_ARN = f"arn:{_PARAMS.partition}:iam::{_MEMBER}:role/{_PARAMS.role_name}"
_EXTERNAL_ID = "right"

# What stands at the placeholders of probes in that account.
_VALUES = {
    "partition": _PARAMS.partition,
    "region": _PARAMS.region,
    "account": _MEMBER,
    "role_name": _PARAMS.role_name,
    "role_arn": _ROLE_ARN,
    "stack_name": _PARAMS.stack_name,
    "canary": "xacct-canary-1",
    "vpc": "vpc-1",
}
_WORDS = {True: "allowed", False: "denied", None: "not tried"}


def role(profile: str) -> RoleDefinition:
    return load_profile(profile).role(
        RoleValues(
            partition=_PARAMS.partition,
            region=_PARAMS.region,
            main_account=_PARAMS.main_account,
            member_account=_MEMBER,
            api_handler_role=_PARAMS.api_handler_role,
            workflow_loop_runner_role=_PARAMS.workflow_loop_runner_role,
            external_id=_EXTERNAL_ID,
            role_name=_PARAMS.role_name,
            stack_name=_PARAMS.stack_name,
        )
    )


def probes_page() -> str:
    profiles = tuple(map(code, PROFILES))
    return page(
        "# Probes",
        """What is called, the IAM action that it takes, and what must come back: by the documents of each
        profile, with the names of `params/account.yaml`. A profile of your own has its own expectations.
        *not tried*: the profile does not refuse it for certain, so nothing is expected.""",
        "## Trust",
        f"""Each is a call of `sts:AssumeRole` on the role, and free. Whom a profile does not let in is tried
        as `{ATTEMPTS[-1].probe}`.""",
        table(("Probe", "As", "External ID", *profiles), _trust_rows()),
        "## Permissions",
        f"""Each is one call as the role that changes nothing. The resource is the end of its ARN.
        `{PROBES[1].action}` is asked by the step *Cost Explorer* too, and paid once.""",
        table(("Probe", "Call", "IAM action", "Resource", *profiles, "Price"), map(_probe_row, PROBES)),
        "## Canaries",
        """With `probes: canary` one of each kind is made, used and removed again, as the role. Where the
        profile does not allow tags, it is made without. Those that killed runs have left are looked for as
        the role and, where that is refused, as `access_role`.""",
        table(
            ("Canary", "For", "Probe", "IAM action", *profiles, "Price"),
            chain.from_iterable((*map(_canary_rows, CANARIES), _tag_rows())),
        ),
        "## What it costs",
        f"""The price is in US dollars a request. Cost Explorer charges what succeeds
        (${COST_EXPLORER_PRICE:.2f}); S3 charges for canaries, at most ${CANARY_PRICE:.5f} an account and
        run. The line that is shown before one account is probed:""",
        f"```text\n{price_line(_PARAMS.model_copy(update={'probes': 'canary'}), 1)}\n```",
        """Prices: [Cost Explorer](https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/),
        [S3](https://aws.amazon.com/s3/pricing/).""",
    )


def _trust_rows() -> Iterator[tuple[str, ...]]:
    main, untrusted = _PARAMS.main_account, str(_PARAMS.untrusted_role)
    for name, owner in (
        (_PARAMS.api_handler_role, main),
        (_PARAMS.workflow_loop_runner_role, main),
        (str(_PARAMS.access_role), _MEMBER),
    ):
        yield "`assume-with-external-id`", code(name), "the right one", *_let_in(name, owner, _EXTERNAL_ID)
    without, wrong, outsider = ATTEMPTS
    asking = _PARAMS.api_handler_role
    yield code(without.probe), code(asking), "none", *_kept_out(asking, None)
    yield code(wrong.probe), code(asking), "a wrong one", *_kept_out(asking, "wrong")
    yield code(outsider.probe), code(untrusted), "the right one", *_kept_out(untrusted, _EXTERNAL_ID)


def _let_in(name: str, owner: str, external_id: str | None) -> Iterator[str]:
    principal = f"arn:{_PARAMS.partition}:iam::{owner}:role/{name}"
    for profile in PROFILES:
        trust = role(profile).trust
        yield _WORDS[lets_in(trust, principal, _ROLE_ARN, external_id, _PARAMS.region)]


def _kept_out(name: str, external_id: str | None) -> Iterator[str]:
    """What must be refused is tried only where the profile refuses it for certain."""
    for word in _let_in(name, _PARAMS.main_account, external_id):
        yield word if word == _WORDS[False] else _WORDS[None]


def _probe_row(probe: Probe) -> tuple[str, ...]:
    call = f"{probe.service} {probe.operation}" + (" (dry run)" if "DryRun" in probe.params else "")
    resource = probe.resource.split(":", 5)[-1]
    return (
        code(probe.name),
        call,
        code(probe.action),
        code(resource),
        *_expected(probe),
        _price(probe.price),
    )


def _expected(probe: Probe) -> Iterator[str]:
    for profile in PROFILES:
        expected = expectation(role(profile), probe, _VALUES)
        yield _WORDS[None if expected is None else expected is Expectation.ALLOWED]


def _canary_rows(canary: Canary) -> Iterator[tuple[str, ...]]:
    yield canary.thing, *_canary_row("making it", canary.made)
    if canary.tagging:
        tagged = (_tagging_allowed(canary, profile) for profile in PROFILES)
        yield "", "its tags", "", code(canary.tagging), *tagged, "free"
    for use in canary.used:
        yield "", *_canary_row("using it", use.probe)
    for removed in canary.removed:
        yield "", *_canary_row("removing it", removed)
    if canary.gone:
        yield "", *_canary_row("seeing it gone", canary.gone)
    listing = canary.listing.probe
    yield "", "leftovers", "", code(listing.action), "", "", "", _price(listing.price)


def _tag_rows() -> Iterator[tuple[str, ...]]:
    yield "tag of a VPC", *_canary_row("dry run", CREATE_TAGS)


def _canary_row(what_for: str, probe: Probe) -> tuple[str, ...]:
    return what_for, code(probe.name), code(probe.action), *_expected(probe), _price(probe.price)


def _tagging_allowed(canary: Canary, profile: str) -> str:
    resource = filled(canary.made.resource, _VALUES)
    return _WORDS[grants(role(profile), canary.tagging, resource, _VALUES)]


def _price(price: float) -> str:
    return f"{price:.7f}".rstrip("0") if price else "free"
