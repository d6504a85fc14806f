"""The report as files: JSON Lines (the journal), CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xacct_kit.errors import RequestError
from xacct_kit.report import COLUMNS, Finding, Report

SCHEMA = 1
JOURNAL = "findings.jsonl"

_NUMBERS = frozenset({"duration", "cost"})
_REQUIRED = frozenset(
    column.name
    for column in dataclasses.fields(Finding)
    if column.default is dataclasses.MISSING and column.default_factory is dataclasses.MISSING
)

# A spreadsheet reads a cell that starts with one of these as a formula; the wide forms too.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_jsonl(report: Report) -> str:
    """The journal: a finding a line, keys in column order."""
    return "".join(f"{_compact(finding.to_dict())}\n" for finding in report)


def from_jsonl(text: str) -> Report:
    """The report that `to_jsonl` wrote; empty lines are passed over.

    Raises:
        RequestError: a line is not a finding; the message names the line and the fault.
    """
    lines = enumerate(text.split("\n"), start=1)
    return Report.of(_read_line(number, line) for number, line in lines if line.strip())


def read_run(path: str | Path) -> Report:
    """The findings that a run has left.

    Parameters:
        path: the run's folder, or its journal.

    Raises:
        RequestError: it cannot be read.
    """
    journal = Path(path) / JOURNAL if Path(path).is_dir() else Path(path)
    try:
        return from_jsonl(journal.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{journal}: {error.strerror}. Name a run's folder, or its {JOURNAL}.") from error
    except (UnicodeDecodeError, RequestError) as error:
        raise RequestError(f"{journal}: {error}") from error


def to_csv(report: Report) -> str:
    """A row a finding under a header; evidence as JSON; no cell is a formula."""
    written = io.StringIO()
    # Quoted throughout, because Python 3.11 leaves a lone carriage return bare.
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    writer.writerows(map(_cell, finding.to_dict().values()) for finding in report)
    return written.getvalue().encode("utf-8", "replace").decode("utf-8")


def to_json(report: Report) -> str:
    """The whole report as one object: schema, ok, counts by verdict, findings."""
    document = {
        "schema": SCHEMA,
        "ok": report.ok,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "findings": [finding.to_dict() for finding in report],
    }
    return json.dumps(document, indent=2) + "\n"


def _compact(value: Any) -> str:
    # ASCII escapes: a line separator or half a surrogate pair in a message breaks neither line nor file.
    return json.dumps(value, separators=(",", ":"))


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _compact(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _read_line(number: int, line: str) -> Finding:
    try:
        return _read_row(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"Line {number} of the journal is not a finding: {error}. "
            "Mend the line or remove it; what it told is then tried again."
        ) from error


def _read_row(row: Any) -> Finding:
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
    return Finding.from_dict(row)


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "patch":
        return isinstance(value, list) and all(isinstance(call, dict) for call in value)
    if name == "evidence":
        return isinstance(value, dict) and all(isinstance(part, str) for part in value.values())
    return isinstance(value, str)
