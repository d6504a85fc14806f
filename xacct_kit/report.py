"""The one row and the one table: what was tried, what came back, and whether that is as it should be.

Every step returns findings, every export is a view of them. The module holds the vocabulary of
outcomes and verdicts too, because a row without its words means nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xacct_kit.errors import PATH_ERRORS, NotGreen, ParamsError, RunError, path_fault
from xacct_kit.saving import alone_in, replacing

if TYPE_CHECKING:
    import pandas


class OutcomeKind(StrEnum):
    """What a call came back with, by cause."""

    ALLOWED = "ALLOWED"
    DENIED_EXPLICIT = "DENIED_EXPLICIT"
    DENIED_IDENTITY = "DENIED_IDENTITY"
    DENIED_BOUNDARY = "DENIED_BOUNDARY"
    DENIED_SESSION = "DENIED_SESSION"
    DENIED_SCP = "DENIED_SCP"
    DENIED_RCP = "DENIED_RCP"
    DENIED_RESOURCE = "DENIED_RESOURCE"
    DENIED_VPCE = "DENIED_VPCE"
    DENIED_TRUST = "DENIED_TRUST"
    DENIED_UNSPECIFIED = "DENIED_UNSPECIFIED"
    CREDENTIALS = "CREDENTIALS"
    NOT_ENABLED = "NOT_ENABLED"
    DATA_PENDING = "DATA_PENDING"
    REGION_DISABLED = "REGION_DISABLED"
    THROTTLED = "THROTTLED"
    QUOTA = "QUOTA"
    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    NETWORK = "NETWORK"
    SERVICE_ERROR = "SERVICE_ERROR"
    UNKNOWN = "UNKNOWN"

    @property
    def denied(self) -> bool:
        """Whether AWS refused the call for lack of permission."""
        return self.name.startswith("DENIED_")


class Expectation(StrEnum):
    """What the profile says must come back."""

    ALLOWED = "ALLOWED"
    DENIED = "DENIED"


class Verdict(StrEnum):
    """Outcome held against expectation."""

    PASS = "PASS"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"

    @property
    def green(self) -> bool:
        """Whether nothing needs to be done about it."""
        return self in (Verdict.PASS, Verdict.SKIPPED)


def all_well(verdicts: Iterable[Verdict]) -> bool:
    """Whether there are verdicts and every one is green."""
    found = set(verdicts)
    return bool(found) and all(verdict.green for verdict in found)


def in_words(counts: Mapping[Verdict, int]) -> str:
    """How many findings have each verdict: `29 pass, 2 fail`."""
    return ", ".join(f"{counts[verdict]:,} {verdict.lower()}" for verdict in Verdict if counts[verdict])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An answer of AWS, classified.

    Attributes:
        kind: the class of the answer.
        explicit: whether the text names an explicit deny.
        reason: one sentence for a person.
        fix: what to do next; empty when there is nothing to do.
        retryable: whether the same call may succeed if it is made again.
        action: the IAM action that was refused, as the answer names it.
        resource: the resource that was refused, as the answer names it.
        principal: who was refused, as the answer names it.
        policy_arn: the policy that refused, where the answer names it.
        evidence: the raw code, HTTP status and message.
    """

    kind: OutcomeKind
    explicit: bool = False
    reason: str = ""
    fix: str = ""
    retryable: bool = False
    action: str | None = None
    resource: str | None = None
    principal: str | None = None
    policy_arn: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


_NOT_WORKING = frozenset(
    {
        OutcomeKind.NOT_ENABLED,
        OutcomeKind.DATA_PENDING,
        OutcomeKind.REGION_DISABLED,
        OutcomeKind.NOT_FOUND,
        OutcomeKind.QUOTA,
    }
)


def judge(expected: Expectation, kind: OutcomeKind) -> Verdict:
    """Hold an outcome against its expectation.

    Only an answer that settles the question is red or green: a throttled call, a dropped connection
    or an answer that is not known says nothing about the permission, and is `UNKNOWN`.

    Parameters:
        expected: what the profile says must come back.
        kind: what came back.
    """
    if kind is OutcomeKind.ALLOWED:
        return Verdict.PASS if expected is Expectation.ALLOWED else Verdict.FAIL
    if kind.denied:
        return Verdict.PASS if expected is Expectation.DENIED else Verdict.FAIL
    if expected is Expectation.ALLOWED and kind in _NOT_WORKING:
        return Verdict.FAIL
    return Verdict.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of a report.

    Attributes:
        step: the step that found it: targets, create_account, invite, status, plan, drift, posture,
            preflight, deploy, trust, cost_explorer, permissions, leftovers, canaries, rotate, handover,
            offboard or run.
        probe: which check of that step, as a short name.
        account: the member account's 12 digits; its e-mail address while it has yet to be created.
        region: the region that was called.
        caller: the principal that the call was made as.
        service: the service's IAM prefix.
        action: the IAM action that the call needs.
        expected: what the profile says must come back.
        outcome: what came back.
        verdict: outcome against expectation.
        why: one sentence: what was asked and what came back.
        fix: what to do; empty when there is nothing to do.
        evidence: raw code, HTTP status and message of the answer.
        duration: seconds that the call took.
        cost: US dollars that AWS charges for the call.
        patch: the calls that would mend it, each with account, service, operation and params.
    """

    step: str
    probe: str
    account: str
    region: str
    caller: str
    service: str
    action: str
    expected: Expectation
    outcome: OutcomeKind
    verdict: Verdict
    why: str
    fix: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    duration: float = 0.0
    cost: float = 0.0
    patch: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values, in column order."""
        return {name: _plain(getattr(self, name)) for name in COLUMNS}

    @classmethod
    def from_dict(cls, row: Any) -> Finding:
        """The row that `to_dict` wrote.

        Raises:
            ValueError: it is none.
        """
        _check_row(row)
        typed = {
            "expected": Expectation(row["expected"]),
            "outcome": OutcomeKind(row["outcome"]),
            "verdict": Verdict(row["verdict"]),
            "patch": tuple(row.get("patch", ())),
        }
        return cls(**{**row, **typed})


COLUMNS: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Finding))


_NUMBERS = frozenset({"duration", "cost"})
_LARGEST = 1e12
_REQUIRED = frozenset(
    column.name
    for column in dataclasses.fields(Finding)
    if column.default is dataclasses.MISSING and column.default_factory is dataclasses.MISSING
)


def compact(value: Any) -> str:
    """A value as JSON on one line."""
    # ASCII escapes: a line separator or half a surrogate pair in a message breaks neither line nor file.
    return json.dumps(value, separators=(",", ":"))


def _check_row(row: Any) -> None:
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    faults = {
        "no such column": row.keys() - set(COLUMNS),
        "no value": _REQUIRED - row.keys(),
        "a value of the wrong type": {name for name, value in row.items() if not _fits(name, value)},
    }
    for fault, names in faults.items():
        if names:
            raise ValueError(f"{fault}: {', '.join(sorted(names))}")


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    if name == "patch":
        return isinstance(value, list) and all(isinstance(call, dict) for call in value)
    if name == "evidence":
        return isinstance(value, dict) and all(isinstance(part, str) for part in value.values())
    return isinstance(value, str)


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [dict(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


# A file's parts follow each other: a fleet's report is never in memory as a whole.
# Views are named here and loaded when asked for: the table itself needs nothing that draws it.
_FILES: Mapping[str, str] = {
    "findings.jsonl": "xacct_kit.views.files:jsonl_parts",
    "report.csv": "xacct_kit.views.files:csv_parts",
    "report.json": "xacct_kit.views.files:json_parts",
    "report.html": "xacct_kit.views.html:to_page",
    "junit.xml": "xacct_kit.views.junit:junit_parts",
    "summary.md": "xacct_kit.views.markdown:to_markdown",
}
_TABLE_HTML = "xacct_kit.views.html:to_table"
_TABLE_TEXT = "xacct_kit.views.text:to_text"
_LINE = "xacct_kit.views.summary:to_line"


def _view(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Report:
    """The findings of a run, account after account, in the order in which they were found.

    Attributes:
        findings: the rows; those of a journal are read from it each time they are asked for.
        journal: the journal of their run, which goes on from it: `save` leaves it as it is.
    """

    findings: Sequence[Finding] = ()
    journal: Path | None = field(default=None, compare=False)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Report:
        """A report of any findings."""
        return cls(tuple(findings))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __add__(self, other: Report) -> Report:
        return Report.of((*self, *other))

    @property
    def ok(self) -> bool:
        """Whether there is something to say and all of it is green."""
        return all_well(finding.verdict for finding in self)

    @property
    def faults(self) -> Report:
        """The findings that are not green: FAIL and UNKNOWN."""
        return Report.of(finding for finding in self if not finding.verdict.green)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many findings have each verdict."""
        counted = Counter(finding.verdict for finding in self)
        return {verdict: counted[verdict] for verdict in Verdict}

    def to_frame(self) -> pandas.DataFrame:
        """The report as a DataFrame, a row a finding, columns as in `Finding`."""
        import pandas

        return pandas.DataFrame([finding.to_dict() for finding in self], columns=list(COLUMNS))

    def save(self, directory: str | Path) -> Path:
        """Write the journal, CSV, JSON, HTML, JUnit XML and Markdown of this report.

        Parameters:
            directory: where to; made if it is not there.

        Returns:
            The directory.

        Raises:
            RunError: it cannot be made or written to.
        """
        target = Path(directory)
        try:
            target.mkdir(parents=True, exist_ok=True)
            with alone_in(target):
                self._write_files(target)
        except OSError as error:
            # What a full disk is told of has no name.
            place = error.filename or target
            raise RunError(f"The report cannot be saved: {place}: {path_fault(error)}") from error
        return target

    def _write_files(self, target: Path) -> None:
        for name, reference in _FILES.items():
            if not self._is_journal(target / name):
                with replacing(target / name) as file:
                    text = _view(reference)(self)
                    file.writelines([text] if isinstance(text, str) else text)

    def _is_journal(self, path: Path) -> bool:
        return self.journal is not None and path.exists() and path.samefile(self.journal)

    def require_green(self) -> None:
        """Stop here unless everything is as it should be: the last line of a notebook that is run in batch.

        Raises:
            NotGreen: some verdict is not green, or there is none.
        """
        if not self.ok:
            raise NotGreen(_view(_LINE)(self))

    def _repr_html_(self) -> str:
        return str(_view(_TABLE_HTML)(self))

    def __str__(self) -> str:
        return str(_view(_TABLE_TEXT)(self))

    __repr__ = __str__


def check_directory(directory: str | Path) -> None:
    """Refuse a directory that a report cannot be saved in; leaves nothing behind.

    Parameters:
        directory: where the report is to go, whether it is there or not.

    Raises:
        ParamsError: it cannot be made or written to.
    """
    target = Path(directory)
    there = next((folder for folder in (target, *target.parents) if os.path.lexists(folder)), Path())
    try:
        with TemporaryDirectory(dir=there) as trial:
            (Path(trial) / target.relative_to(there)).mkdir(parents=True, exist_ok=True)
    except PATH_ERRORS as error:
        raise ParamsError([f"out: {target}: no report can be saved there: {path_fault(error)}"]) from error
