"""A run that is watched in JupyterLab or Voilà: it fills as findings arrive, and a click says why.

What the browser is sent are verdicts by account and service, and the findings of a cell when it is opened.
Nothing of it is in the widget's state, so nothing of it gets into a notebook that is saved with its widgets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import anywidget
import traitlets

from xacct_kit.errors import RequestError, XacctError
from xacct_kit.fleet.journal import NAME
from xacct_kit.interactive.browser_module import browser_module
from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.live_run import Changes, LiveRun
from xacct_kit.interactive.run_state import IN_WORDS, RunState
from xacct_kit.report import Finding, Report
from xacct_kit.views import words

_HERE = Path(__file__).parent
_REPORT = "report.html"


def _verdicts() -> list[dict[str, str]]:
    return [{"name": verdict.value, "sign": words.SIGNS[verdict]} for verdict in words.SEVERITY]


class RunView(anywidget.AnyWidget):
    """A run, and what can be done about it; `xacct_kit.watch` makes one.

    Parameters:
        params_file: the YAML file of params.
        command: what is run: onboard, probe, plan or deploy.
        out: folder for what is found.

    Raises:
        RequestError: there is no such command.
    """

    _esm = browser_module("run_matrix.js", "run_view.js")
    _css = _HERE / "run_view.css"

    verdicts = traitlets.List(default_value=_verdicts(), read_only=True).tag(sync=True)
    command = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, params_file: Path, command: str = "onboard", out: Path = Path("runs/latest")) -> None:
        command_line = CommandLine(command=command, params_file=Path(params_file), out=Path(out))
        self._watch(LiveRun(command_line.out, command_line, self._tell))

    @classmethod
    def of(cls, folder: Path) -> Self:
        """A run that has ended, from its folder.

        It offers no Resume: the folder does not tell which command it was, nor by which params. Who knows
        them has it go on by `xacct COMMAND PARAMS --resume --out FOLDER`.

        Raises:
            RequestError: the folder has no journal.
        """
        folder = Path(folder)
        if not (folder / NAME).exists():
            raise RequestError(f"{folder}: has no {NAME}. Name a run's folder.")
        view = cls.__new__(cls)
        view._watch(LiveRun(folder, None, view._tell))
        view.start()
        return view

    def _watch(self, run: LiveRun) -> None:
        self._run = run
        super().__init__()
        self.set_trait("command", str(run.command_line or ""))
        self.on_msg(self._hear)

    def start(self, *, resume: bool = False) -> None:
        """Start the command.

        Parameters:
            resume: whether it goes on with what is in its folder.

        Raises:
            RequestError: it runs already.
        """
        self._run.start(resume=resume)

    def cancel(self) -> None:
        """Have the run stop cleanly: no other account is begun; those that are worked on end their step."""
        self._run.cancel()

    def wait(self) -> Report:
        """Wait for the end; interrupting the kernel meanwhile cancels the run.

        Returns:
            What is known then.
        """
        return self._run.wait()

    @property
    def report(self) -> Report:
        """What is known by now."""
        return self._run.report

    @property
    def state(self) -> RunState:
        """How the run stands."""
        return self._run.state

    def __repr__(self) -> str:
        return f"{self._run.command_line or self._run.out}: {IN_WORDS[self.state]}"

    def _tell(self, changes: Changes) -> None:
        self._say("changes", {**changes, "report": self._report_path()})

    def _say(self, kind: str, content: Mapping[str, Any]) -> None:
        self.send({"kind": kind, **content})

    def _report_path(self) -> str:
        path = self._run.out / _REPORT
        return str(path) if self.state.ended and path.exists() else ""

    def _hear(self, _: object, asked: Mapping[str, Any], buffers: object) -> None:
        view = {"view": asked.get("view")}
        answer = _ANSWERS.get(str(asked.get("ask")))
        if answer is not None:
            answer(self, asked, view)

    def _all(self, asked: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        self._run.tell_all(lambda changes: self._tell({**changes, **view}))

    def _cell(self, asked: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        account, service = str(asked["account"]), asked["service"]
        findings = [told(finding) for finding in self._run.findings(account, service)]
        self._say("cell", {**view, "account": account, "service": service, "findings": findings})

    def _open_report(self, asked: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        if path := self._report_path():
            self._say("report", {**view, "html": Path(path).read_text(encoding="utf-8")})

    def _begin(self, asked: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        try:
            self.start(resume=asked["ask"] == "resume")
        except XacctError:
            return  # another view was faster
        self._all(asked, {})

    def _cancel(self, asked: Mapping[str, Any], view: Mapping[str, Any]) -> None:
        self.cancel()
        self._all(asked, {})


_ANSWERS: Mapping[str, Callable[[RunView, Mapping[str, Any], Mapping[str, Any]], None]] = {
    "all": RunView._all,
    "cell": RunView._cell,
    "report": RunView._open_report,
    "start": RunView._begin,
    "resume": RunView._begin,
    "cancel": RunView._cancel,
}


def told(finding: Finding) -> dict[str, Any]:
    """A finding as the detail of a cell shows it: who, what, why, fix, evidence.

    Returns:
        `verdict`: its place in `words.SEVERITY`. `title`. `said`: a label, a text, and whether it is code.
    """
    evidence = json.dumps(dict(finding.evidence), indent=2) if finding.evidence else ""
    patch = json.dumps([dict(call) for call in finding.patch], indent=2) if finding.patch else ""
    rows = (
        ("Who", finding.caller, False),
        (
            "What",
            f"{finding.action or words.step_title(finding.step)} in {finding.account}, {finding.region}",
            False,
        ),
        ("Came back", f"{words.came_back(finding)} (expected: {finding.expected.lower()})", False),
        ("Why", finding.why, False),
        ("Fix", finding.fix, False),
        ("Evidence", evidence, True),
        ("Calls that mend it", patch, True),
    )
    return {
        "verdict": words.SEVERITY.index(finding.verdict),
        "title": f"{words.step_title(finding.step)}: {finding.probe}",
        "said": [row for row in rows if row[1]],
    }
