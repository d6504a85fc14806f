"""The wizard as widgets: the form, what it means, and what can be done with it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from html import escape
from itertools import count
from pathlib import Path
from typing import Protocol

import ipywidgets

from xacct_kit.errors import ParamsError, XacctError
from xacct_kit.interactive.account_picker import AccountPicker, said
from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.field import Field
from xacct_kit.interactive.params_file import params_path, save_params, says, to_yaml
from xacct_kit.interactive.run_state import RunState
from xacct_kit.interactive.wizard_fields import AWS, BOTH, Kind, Section
from xacct_kit.interactive.wizard_form import WizardForm
from xacct_kit.params import Params
from xacct_kit.views.outline import number_of_accounts, outline_of
from xacct_kit.views.words import number_of


class RunWidget(Protocol):
    """A widget that shows how a run goes."""

    @property
    def state(self) -> RunState:
        """How the run stands."""


Start = Callable[[CommandLine], RunWidget]
"""Begins a command, and gives the widget that shows how it goes."""


def watched(line: CommandLine) -> RunWidget:
    """Begin a command in a view of its run."""
    from xacct_kit.interactive.run_view import RunView

    view = RunView(line.params_file, line.command, line.out)
    view.start()
    return view


class WizardPage:
    """The wizard as widgets.

    Parameters:
        params: what stands in its fields at first.
        start: begins a run.

    Attributes:
        form: the fields.
        picker: accounts from a file or from the organization.
        outline: what would be done, what it takes and what it costs.
        name: what the file of params is called.
        agreed: the tick without which nothing is deployed outside the sandbox.
        save, check, deploy: the buttons.
        replace, keep: the answers to whether a file is overwritten.
        told: what came of a click.
        command: the line that does the same.
        widget: all of it.
    """

    def __init__(self, params: Params, start: Start) -> None:
        self._start = start
        self._written: dict[Path, str] = {}
        self._if_replaced: Callable[[], None] = lambda: None
        self.form = WizardForm(params, self._changed)
        self.picker = AccountPicker(self.form)
        self.outline = ipywidgets.HTML()
        self.name = Field(label="Name of the params", value=params.environment)
        self.agreed = Field(kind=Kind.TICK.value, value="false")
        self.save = _button("Save params", self._save_alone)
        self.check = _button("Check", lambda: self._run("probe"), "primary")
        self.deploy = _button("Deploy and check", self._deploy, "warning")
        self.replace = _button("Replace it", self._replaced)
        self.keep = _button("Keep it", self._kept)
        self.told = ipywidgets.HTML()
        self.command = Field(kind=Kind.COPY.value, label="The same on a command line")
        self._question = _row(self.replace, self.keep)
        self._runs: list[RunWidget] = []
        self._run_place = ipywidgets.VBox()
        self._organization = self._whose_organization()
        self.widget = ipywidgets.VBox(self._parts())
        self.widget.add_class("xacct-wizard")
        self.name.observe(lambda change: self._show_name(), names="value")
        self.command.shown = False
        self._ask(asking=False)
        self._show_name()
        self._changed()

    def _parts(self) -> list[ipywidgets.Widget]:
        parts: list[ipywidgets.Widget] = [ipywidgets.HTML(f"<style>{_style()}</style>")]
        for section, fields in self.form.sections().items():
            parts += [_heading(section.value), fields]
            if section is Section.ACCOUNTS:
                parts.append(self.picker.widget)
        return [
            *parts,
            self.outline,
            _heading("Save and run"),
            self.name,
            self.agreed,
            _row(self.save, self.check, self.deploy),
            self.told,
            self._question,
            self.command,
            self._run_place,
        ]

    # What is shown while something is entered

    def _changed(self) -> None:
        self._show_outline()
        self._ask(asking=False)
        if self.name.value in BOTH:
            self.name.value = self.form.environment
        # Whoever agreed has agreed to something else.
        self.agreed.value, self.agreed.message = "false", ""
        self.agreed.shown = self.form.environment == AWS
        self.agreed.label = f"I know that this changes {self._whom()}"
        if self._organization != self._whose_organization():
            self._organization = self._whose_organization()
            self.picker.forget()
        self.picker.refresh()

    def _show_outline(self) -> None:
        checked = self.form.checked
        if checked.params is not None:
            self.outline.value = outline_of(checked.params)._repr_html_()
            return
        faults = "".join(f"<li>{escape(fault)}</li>" for fault in checked.faults)
        self.outline.value = f'<div class="xacct-incomplete">Not complete yet:<ul>{faults}</ul></div>'

    def _show_name(self) -> None:
        try:
            self.name.help, self.name.message = str(params_path(self.name.value)), ""
        except ParamsError as error:
            self.name.help, self.name.message = "", str(error).partition(": ")[2]

    def _whom(self) -> str:
        params = self.form.checked.params
        number = number_of_accounts(params) if params else None
        if params is not None and number is None:
            return f"every account below {', '.join(params.organizational_units)}"
        return "these accounts" if number is None else number_of(number, "account")

    def _whose_organization(self) -> tuple[str, ...]:
        keys = ("environment", "sandbox_accounts", "access_profile", "partition", "main_account")
        return tuple(self.form.fields[key].value for key in keys)

    # What is done on a click

    def _deploy(self) -> None:
        if self.form.environment == AWS and self.agreed.value != "true":
            self.form.insist()
            self.agreed.message = "Tick this first: the role is deployed there."
            self.agreed.focus()
            return
        self._run("onboard")

    def _save_alone(self) -> None:
        self._saved(lambda params, path: self._tell(f"Saved: {path}"))

    def _run(self, command: str) -> None:
        self._saved(lambda params, path: self._begin(command, path))

    def _saved(self, then: Callable[[Params, Path], None], *, replacing: bool = False) -> None:
        """Save the params, and then do something; a file that says something else is asked about first."""
        self._ask(asking=False)
        params = self.form.checked.params
        if not self.form.insist() or params is None:
            self._tell("Not saved: what is marked above has to be put right first.", wrong=True)
            return
        try:
            path = params_path(self.name.value)
            if not replacing and self._is_somebody_elses(path, params):
                self._if_replaced = lambda: self._saved(then, replacing=True)
                self._tell(f"{path} is there already, and says something else. Is it to be replaced?")
                self._ask(asking=True)
                return
            save_params(params, path)
        except XacctError as error:
            self._tell(str(error), wrong=True)
            return
        self._written[path] = to_yaml(params)
        self.command.value, self.command.shown = f"xacct probe {shlex.quote(str(path))}", True
        then(params, path)

    def _is_somebody_elses(self, path: Path, params: Params) -> bool:
        """Whether a file is there that this wizard has not written, and that says something else."""
        if not path.exists() or says(path, to_yaml(params)):
            return False
        return not says(path, self._written.get(path))

    def _begin(self, command: str, path: Path) -> None:
        line = CommandLine(command=command, params_file=path, out=_folder(self.name.value))
        try:
            view = self._start(line)
        except XacctError as error:
            self._tell(str(error), wrong=True)
            return
        self._show_run(view)
        self.command.value = str(line)
        earlier = (
            "" if len(self._runs) == 1 else " What was begun before goes on, and stays in sight below it."
        )
        self._tell(f"Saved: {path}. The run is below; its results go to {line.out}.{earlier}")

    def _show_run(self, view: RunWidget) -> None:
        """Show a run that has begun, and below it those that are still under way."""
        earlier = [each for each in self._runs if each.state.under_way]
        self._runs = [view, *earlier]
        below = [part for each in earlier for part in (_heading("Begun before"), each)]
        self._run_place.children = (view, *below)

    def _replaced(self) -> None:
        self._ask(asking=False)
        self._if_replaced()

    def _kept(self) -> None:
        self._ask(asking=False)
        self._tell("Nothing was saved: choose another name for the params.")
        self.name.focus()

    def _ask(self, *, asking: bool) -> None:
        self._question.layout.display = "flex" if asking else "none"

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        self.told.value = said(text, wrong=wrong)


def _folder(name: str) -> Path:
    """A folder of its own for the results of a run."""
    stem = Path("runs") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    further = (stem.with_name(f"{stem.name}-{number}") for number in count(2))
    return stem if not stem.exists() else next(folder for folder in further if not folder.exists())


def _button(label: str, pressed: Callable[[], None], style: str = "") -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, button_style=style, layout={"width": "auto"})
    button.on_click(lambda _: pressed())
    return button


def _row(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    return ipywidgets.HBox(widgets, layout={"flex_flow": "row wrap"})


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f"<h3>{escape(text)}</h3>")


@cache
def _style() -> str:
    return (Path(__file__).parent / "wizard.css").read_text(encoding="utf-8")
