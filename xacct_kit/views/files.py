"""The report as files: JSON Lines (the journal), CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from xacct_kit.report import COLUMNS, Report, compact

SCHEMA = 1

# A spreadsheet reads a cell that starts with one of these as a formula; the wide forms too.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def jsonl_parts(report: Report) -> Iterator[str]:
    """The journal, line by line: a finding a line, keys in column order."""
    return (f"{compact(finding.to_dict())}\n" for finding in report)


def csv_parts(report: Report) -> Iterator[str]:
    """The CSV, row by row: a row a finding under a header; evidence as JSON; no cell is a formula."""
    written = io.StringIO()
    # Quoted throughout, because Python 3.11 leaves a lone carriage return bare.
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for row in chain([COLUMNS], (map(_cell, finding.to_dict().values()) for finding in report)):
        writer.writerow(row)
        yield written.getvalue().encode("utf-8", "replace").decode("utf-8")
        written.seek(0)
        written.truncate()


def to_json(report: Report) -> str:
    """The whole report as one object: schema, ok, counts by verdict, findings."""
    return "".join(json_parts(report))


def json_parts(report: Report) -> Iterator[str]:
    """The JSON, finding by finding."""
    document = {
        "schema": SCHEMA,
        "ok": report.ok,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "findings": [],
    }
    head, tail = json.dumps(document, indent=2).rsplit("]", 1)
    yield head
    between = "\n"
    for finding in report:
        yield between + textwrap.indent(json.dumps(finding.to_dict(), indent=2), " " * 4)
        between = ",\n"
    end = "\n  " if len(report) else ""
    yield f"{end}]{tail}\n"


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return compact(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
