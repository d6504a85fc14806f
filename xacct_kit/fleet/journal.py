"""The journal: the file to which a run adds every finding as it becomes known, and from which it can go on.

A line is a finding as JSON. Besides its columns it has `schema`, `run` (what was asked for, digested) and, in
an account's first and last line, `first` and `last`, which is how many lines there are. An account is done
when all of them are there. Of one that was done again, the newest whole set of findings counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self, overload

from xacct_kit.errors import ParamsError, RequestError, RunError, path_fault
from xacct_kit.fleet.journal_file import open_alone, open_anew
from xacct_kit.params import SECRETS
from xacct_kit.report import Finding, Report, Verdict, compact

if TYPE_CHECKING:
    from xacct_kit.params import Params

NAME = "findings.jsonl"
_SCHEMA = 1

# What may differ when a run goes on: who is asked, how long and where things go, and what is secret.
_NOT_DIGESTED = {
    *SECRETS,
    "max_cost_usd",
    "member_accounts",
    "organizational_units",
    "exclude_accounts",
    "out",
    "sandbox_accounts",
    "sandbox_endpoint",
    "wait_seconds",
}


class _Opened:
    """A journal that is open to be read: the one that it was, even when another takes its place."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def finding(self, place: int) -> Finding:
        """What a line says."""
        with self._lock:
            self._file.seek(place)
            line = self._file.readline()
        return Finding.from_dict(_split(line)[0])


class _Rows(Sequence[Finding]):
    """Findings of a journal, read from the file when they are asked for."""

    def __init__(self, journal: Path | _Opened, places: Sequence[int]) -> None:
        self._opened = _Opened(journal) if isinstance(journal, Path) else journal
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Finding]:
        return map(self._opened.finding, self._places)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        if isinstance(index, slice):
            return _Rows(self._opened, self._places[index])
        return self._opened.finding(self._places[index])


class _Index:
    """Where in a journal the findings of each account are.

    Attributes:
        runs: what the lines' run asked for; more than one where somebody has put journals together.
        lines: how many whole lines there are.
        length: bytes up to the end of the last whole line.
        done: the places of the findings of an account that is done.
        begun: those of an account that is not; an account that is done again may be in both.
        verdicts: the verdicts of an account that is done.
    """

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.lines = 0
        self.length = 0
        self.done: dict[str, array[int]] = {}
        self.begun: dict[str, array[int]] = {}
        self.verdicts: dict[str, set[Verdict]] = {}
        self._verdicts_so_far: dict[str, set[Verdict]] = {}

    def add(self, account: str, marks: Mapping[str, Any], verdict: Verdict, size: int) -> None:
        """Take in the line that comes next."""
        if marks.get("first") or account not in self.begun:
            self.begun[account] = array("q")
            self._verdicts_so_far[account] = set()
        self.begun[account].append(self.length)
        self._verdicts_so_far[account].add(verdict)
        self.pass_over(size)
        if marks.get("last") == len(self.begun[account]):
            self.done[account] = self.begun.pop(account)
            self.verdicts[account] = self._verdicts_so_far.pop(account)

    def pass_over(self, size: int) -> None:
        """Go on behind a line."""
        self.lines += 1
        self.length += size

    @property
    def known(self) -> Iterable[str]:
        """The accounts that are done or begun, each once."""
        return dict.fromkeys((*self.done, *self.begun))

    def places(self, accounts: Iterable[str]) -> Sequence[int]:
        """The places of the accounts' findings; of an account that is not done, of those that are known."""
        found = array("q")
        for account in accounts:
            found.extend(self.done.get(account) or self.begun.get(account) or ())
        return found


class Journal:
    """A journal that this run writes, and no other.

    Use `Journal.begin` or `Journal.resume`.
    """

    def __init__(self, path: Path, file: BinaryIO, index: _Index, run: str) -> None:
        self._path = path
        self._file = file
        self._index = index
        self._run = run
        self._open: dict[str, int] = {}

    @classmethod
    def begin(cls, path: Path, params: Params, steps: Iterable[str] = ()) -> Self:
        """Begin a journal; one that is there is replaced, and whoever reads it keeps it.

        Parameters:
            path: the file.
            params: what is asked for.
            steps: the names of the steps that are taken.

        Raises:
            RequestError: another run is writing it.
            RunError: it cannot be written.
        """
        file = open_anew(path)
        return cls(path, file, _Index(), digest(params, steps))

    @classmethod
    def resume(cls, path: Path, params: Params, steps: Iterable[str] = ()) -> Self:
        """Go on with a journal; a last line that is torn is dropped, and none is begun where there is none.

        Parameters:
            path: the file.
            params: what is asked for.
            steps: the names of the steps that are taken.

        Raises:
            ParamsError: it is the journal of a run that asked for something else.
            RequestError: another run is writing it, or a line is not a finding.
            RunError: it cannot be written.
        """
        file = open_alone(path)
        try:
            index = _read_index(file)
            run = digest(params, steps)
            if index.runs - {run}:
                raise ParamsError(
                    [
                        f"{path}: is the journal of a run with other params or of another command; take "
                        "those, or another --out"
                    ]
                )
            file.truncate(index.length)
        except BaseException:
            file.close()
            raise
        return cls(path, file, index, run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What could not be written was told; closing would try it again.
        with suppress(OSError):
            self._file.close()

    @property
    def done(self) -> frozenset[str]:
        """The accounts of which every finding is known; one where nothing was tried is none of them."""
        return frozenset(
            account for account, verdicts in self._index.verdicts.items() if verdicts != {Verdict.SKIPPED}
        )

    @property
    def red(self) -> frozenset[str]:
        """The accounts that are done and not green."""
        return frozenset(
            account
            for account, verdicts in self._index.verdicts.items()
            if not all(verdict.green for verdict in verdicts)
        )

    def add(self, account: str, findings: Sequence[Finding], *, last: bool) -> None:
        """Add findings of an account; not to be called by two threads at a time.

        Parameters:
            account: whose they are.
            findings: in their order.
            last: whether no other finding of the account will follow.

        Raises:
            RunError: they cannot be written.
        """
        for number, finding in enumerate(findings, start=1):
            marks: dict[str, Any] = {"schema": _SCHEMA, "run": self._run}
            if account not in self._open:
                marks["first"] = True
            self._open[account] = self._open.get(account, 0) + 1
            if last and number == len(findings):
                marks["last"] = self._open.pop(account)
            line = f"{compact(finding.to_dict() | marks)}\n".encode("ascii")
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                raise RunError(f"The journal {self._path} cannot be written: {path_fault(error)}") from error
            self._index.add(account, marks, finding.verdict, len(line))

    def report(self, accounts: Iterable[str]) -> Report:
        """What is known of some accounts, account after account."""
        return Report(_Rows(self._path, self._index.places(accounts)), journal=self._path)


class Line(NamedTuple):
    """A line of a journal.

    Attributes:
        finding: what it tells.
        first: whether it begins the findings of its account.
        last: whether it ends them.
    """

    finding: Finding
    first: bool
    last: bool


class Tail:
    """A journal that another process writes, read as it grows.

    Parameters:
        path: the file, which need not be there yet.
        replaced: whether the other process will replace a journal that is there; it is passed over.
    """

    def __init__(self, path: Path, *, replaced: bool = False) -> None:
        self._path = path
        self._index = _Index()
        self._old = self._stat() if replaced else None

    @property
    def unfinished(self) -> bool:
        """Whether its run has left an account that is begun and not done."""
        return bool(self._index.runs and self._index.begun)

    def read(self, most: int) -> list[Line]:
        """The next lines, no more than so many; none when there is no other whole line yet.

        Raises:
            RequestError: a line is not a finding.
        """
        there = self._stat()
        if there is None or there.st_size <= self._index.length or self._is_old(there):
            return []
        with self._path.open("rb") as file:
            return list(islice(_follow(file, self._index), most))

    def report(self, accounts: Iterable[str] | None = None) -> Report:
        """What has been read, of some accounts or of all."""
        if not self._index.known:
            return Report()
        places = self._index.places(accounts or self._index.known)
        return Report(_Rows(self._path, places), journal=self._path)

    def _stat(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _is_old(self, there: os.stat_result) -> bool:
        """Whether the journal that will be replaced is still there; a new one may soon be as long as it."""
        old = self._old
        if old is not None and os.path.samestat(there, old) and there.st_size >= old.st_size > 0:
            return True
        self._old = None
        return False


def read_journal(path: str | Path) -> Report:
    """The report that a journal holds, or a file of findings alone.

    Parameters:
        path: the file, or the folder of a run.

    Returns:
        The report; its findings are read from the file each time that they are gone over.

    Raises:
        RequestError: there is none, or a line is not a finding.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    try:
        with path.open("rb") as file:
            index = _read_index(file)
    except OSError as error:
        raise RequestError(f"{path}: {path_fault(error)}. Name a run's folder, or its {NAME}.") from error
    return Report(_Rows(path, index.places(index.known)), journal=path)


def digest(params: Params, steps: Iterable[str]) -> str:
    """What is asked for, in a word that tells nothing of it.

    Parameters:
        params: what the user asked for; secrets, and what may differ when a run goes on, count for nothing.
        steps: the names of the steps that are taken.
    """
    asked = " ".join((params.model_dump_json(exclude=_NOT_DIGESTED), *steps))
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _read_index(file: BinaryIO) -> _Index:
    index = _Index()
    for _ in _follow(file, index):
        pass
    return index


def _follow(file: BinaryIO, index: _Index) -> Iterator[Line]:
    """Take the lines that an index does not have yet into it."""
    file.seek(index.length)
    for line in file:
        if not line.endswith(b"\n"):
            return  # torn: what it told is tried again
        if not line.strip():
            index.pass_over(len(line))
            continue
        try:
            row, marks = _split(line)
            finding = Finding.from_dict(row)
        except (ValueError, RecursionError) as error:
            raise RequestError(
                f"{file.name}: Line {index.lines + 1} of the journal is not a finding: {error}. "
                "Mend the line or remove it; its account is then done again."
            ) from error
        if "run" in marks:
            index.runs.add(str(marks["run"]))
        index.add(finding.account, marks, finding.verdict, len(line))
        yield Line(finding, bool(marks.get("first")), bool(marks.get("last")))


_MARKS = ("schema", "run", "first", "last")


def _split(line: bytes) -> tuple[Any, dict[str, Any]]:
    """The columns of a line, and its marks."""
    row = json.loads(line.rstrip())
    if not isinstance(row, dict):
        return row, {}
    marks = {name: row.pop(name) for name in _MARKS if name in row}
    if marks.get("schema", _SCHEMA) != _SCHEMA:
        raise ValueError(f"schema {marks['schema']!r} is not known; this version of the kit reads {_SCHEMA}")
    return row, marks
