"""Runs through a faulty proxy, held against the run of the same sandbox that nothing happened to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from faulty_proxy import Meets, Request, nothing, proxied
from network_faults import FAULTS, NetworkFault

from xacct_kit.aws.clients import Connection
from xacct_kit.aws.session import Session
from xacct_kit.fleet.run import run
from xacct_kit.params import Params
from xacct_kit.report import Expectation, Finding, Report, Verdict
from xacct_kit.runs import CHECKS, ONBOARDING
from xacct_kit.sandbox.layout import OPERATOR_ACCESS_KEY, OPERATOR_SECRET, Layout
from xacct_kit.sandbox.process import SandboxProcess

# Whoever of the trusted principals can be acted as makes these attempts.
_BY_ANY_PRINCIPAL = frozenset({"assume-without-external-id", "assume-with-wrong-external-id"})

Key = tuple[str, str, str]

# Where the stack could not be deployed, the step ends before this one.
_OF_WHAT_IS_DEPLOYED: Key = ("deploy", "role-can-be-assumed", "trusted principals")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, and what it took.

    Attributes:
        report: what it found.
        requests: what it sent.
        met: what of it the fault met.
        attempts: how often a call was to be made at most.
    """

    report: Report
    requests: tuple[Request, ...]
    met: tuple[Request, ...]
    attempts: int

    @property
    def calls(self) -> int:
        """How many calls it made, however often each was tried."""
        return len({request.call for request in self.requests})


def faulted(
    endpoint: str,
    fault: NetworkFault,
    meets: Meets,
    *,
    attempts: int = 2,
    deploying: bool = False,
    wait_seconds: int = 1,
) -> Run:
    """Run against a sandbox through a proxy that has a fault."""
    params = Params.load("params/sandbox.yaml", wait_seconds=20 if deploying else wait_seconds)
    with proxied(endpoint, fault.happens, meets) as proxy:
        connection = Connection(
            endpoint=proxy.url,
            access_key=OPERATOR_ACCESS_KEY,
            secret=OPERATOR_SECRET,
            read_timeout=fault.read_timeout,
            connect_timeout=fault.connect_timeout,
            max_attempts=attempts,
        )
        with Session(params, connection) as session:
            report = run(session, ONBOARDING if deploying else CHECKS)
        return Run(report=report, requests=tuple(proxy.requests), met=tuple(proxy.met), attempts=attempts)


@dataclass
class Sandboxes:
    """The sandboxes that the tests of a worker share; nothing in them is changed by a test."""

    _children: dict[str, SandboxProcess] = field(default_factory=dict)
    _faultless: dict[tuple[str, bool], Run] = field(default_factory=dict)

    def endpoint(self, scenario: str) -> str:
        """URL of the sandbox of a scenario."""
        if scenario not in self._children:
            self._children[scenario] = SandboxProcess(Layout(scenario=scenario))
        return self._children[scenario].endpoint

    def faultless(self, scenario: str, *, deploying: bool = False) -> Run:
        """The run that nothing happens to."""
        key = (scenario, deploying)
        if key not in self._faultless:
            fault = FAULTS["answer lost"]
            self._faultless[key] = faulted(self.endpoint(scenario), fault, nothing, deploying=deploying)
        return self._faultless[key]

    def close(self) -> None:
        """End them."""
        for child in self._children.values():
            child.stop()


def key_of(row: Finding) -> Key:
    """What makes a finding the same in two runs."""
    return (row.step, row.probe, "" if row.probe in _BY_ANY_PRINCIPAL else row.caller)


def lost(run: Run, faultless: Run) -> set[Key]:
    """The findings of one run that the other does not have."""
    deployed = all(row.verdict.green for row in run.report if row.probe == "deploy-stack")
    unasked = set() if deployed else {_OF_WHAT_IS_DEPLOYED}
    return (set(map(key_of, faultless.report)) ^ set(map(key_of, run.report))) - unasked


def wrong(run: Run, faultless: Run) -> Iterator[str]:
    """The verdicts that are neither what they are without the fault nor UNKNOWN."""
    for row, before in _pairs(run, faultless):
        if row.verdict is not Verdict.UNKNOWN and _judged(row) != _judged(before):
            yield f"{row.probe} by {row.caller}: {_judged(before)} became {_judged(row)}: {row.why}"


def _judged(row: Finding) -> tuple[str, ...]:
    refused = row.verdict is Verdict.PASS and row.expected is Expectation.DENIED
    # Only AWS's own refusal passes a check that something is refused.
    said = (row.evidence.get("code", ""), row.evidence.get("http_status", "")) if refused else ()
    return (row.verdict, row.outcome, *said)


def untold(run: Run, faultless: Run, said: str) -> Iterator[str]:
    """The verdicts that have become UNKNOWN, and do not tell what happened."""
    for row, before in _pairs(run, faultless):
        changed = row.verdict is Verdict.UNKNOWN and before.verdict is not Verdict.UNKNOWN
        if changed and not (row.evidence.get("code") and re.search(said, row.why)):
            yield f"{row.probe} by {row.caller}: {row.why} {dict(row.evidence)}"


def excessive(run: Run, faultless: Run) -> Iterator[str]:
    """What a run asked too often."""
    for call, tried in Counter(request.call for request in run.requests).items():
        if tried > run.attempts:
            yield f"call {call} was tried {tried} times"
    # What failed may be asked for again where it is needed next.
    if run.calls > 2 * faultless.calls:
        yield f"{run.calls} calls, where {faultless.calls} do"


def _pairs(run: Run, faultless: Run) -> Iterator[tuple[Finding, Finding]]:
    before = {key_of(row): row for row in faultless.report}
    return ((row, before[key_of(row)]) for row in run.report if key_of(row) in before)
