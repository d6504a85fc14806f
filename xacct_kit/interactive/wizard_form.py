"""The wizard's form: what is asked, checked as it is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ipywidgets

from xacct_kit.aws.configuration import NamedProfile, named_profiles
from xacct_kit.environment import scenarios
from xacct_kit.errors import ParamsError
from xacct_kit.interactive.field import Field
from xacct_kit.interactive.wizard_fields import (
    AWS,
    BOTH,
    FIELDS,
    OWN_FILE,
    Asked,
    Checked,
    Section,
    begun,
    check,
)
from xacct_kit.params import Params

_ORDINARY = ("", "the ordinary chain: environment, SSO, instance")
_SSO = " (IAM Identity Center)"


class WizardForm:
    """The fields of the wizard, and what became of what was entered.

    Parameters:
        params: what stands in the fields at first.
        on_change: is called when something has been entered and checked.

    Attributes:
        fields: the fields by the keys of the params.
        checked: what became of what was entered.
    """

    def __init__(self, params: Params, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        # What no field shows, a sandbox's literal external ID among it, is no trait of any widget.
        self._begun = {environment: begun(params, environment) for environment in BOTH}
        self._credentials = _Credentials.of_this_machine()
        self._touched: set[str] = set()
        self._quiet = False
        self.fields = {asked.key: _field(asked) for asked in FIELDS}
        self._environment: str = params.environment
        self._fill(self._begun[params.environment][0])
        self.checked: Checked = self._check()
        self._show()
        for key, field in self.fields.items():
            field.observe(lambda change, key=key: self._entered(key), names="value")

    @property
    def environment(self) -> str:
        """Where calls go."""
        return self._environment

    @property
    def entered(self) -> dict[str, str]:
        """What stands in the fields, by key."""
        return {key: field.value for key, field in self.fields.items()}

    def sections(self) -> dict[Section, ipywidgets.Widget]:
        """The fields of each section, side by side where there is room."""
        return {section: _side_by_side(self.fields, section) for section in Section}

    def enter(self, values: Mapping[str, str]) -> None:
        """Enter values, as somebody does who types them."""
        with self._at_once():
            for key, value in values.items():
                self.fields[key].value = value
                self._touched.add(key)
        self._entered(*values)

    def insist(self) -> bool:
        """Say what is wrong beside every field, and go to the first of them; whether nothing is."""
        self._touched.update(self.fields)
        self._show()
        wrong = next((field for field in self.fields.values() if field.shown and field.message), None)
        if wrong:
            wrong.focus()
        return self.checked.params is not None

    def reading_params(self) -> Params:
        """Params by which the organization can be read; it needs neither accounts nor an external ID.

        Raises:
            ParamsError: where to read it is not said.
        """
        entered = {
            **self.entered,
            "member_accounts": "",
            "organizational_units": "root",
            "exclude_accounts": "",
            "main_account": self.fields["main_account"].value or "0" * 12,
            "profile": "documented",
            "stack_set": "none",
        }
        if self._environment == AWS:
            # Nobody asks for it: what a call would have to be made for is left until it is needed.
            entered["external_id"] = "ssm:/not-asked-for"
        found = check(entered, self._kept)
        if found.params is None:
            raise ParamsError(found.faults)
        return found.params

    @property
    def _kept(self) -> dict[str, Any]:
        return self._begun[self._environment][1]

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _fill(self, entered: Mapping[str, str]) -> None:
        chosen = entered.get("access_profile", "")
        self.fields["access_profile"].options = self._credentials.options(chosen)
        for key, value in entered.items():
            self.fields[key].value = value

    def _entered(self, *keys: str) -> None:
        if self._quiet:
            return
        self._touched.update(keys)
        if self.fields["environment"].value != self._environment:
            self._move()
        self.checked = self._check()
        self._show()
        self._on_change()

    def _move(self) -> None:
        """Go to the other environment; what was entered here stands here again later."""
        there = self.fields["environment"].value
        entered = {**self.entered, "environment": self._environment}
        self._begun[self._environment] = (entered, self._kept)
        self._environment = there
        self._touched.clear()
        with self._at_once():
            self._fill(self._begun[there][0])

    def _check(self) -> Checked:
        return check(self.entered, self._kept)

    def _show(self) -> None:
        """Show the fields that are asked, and what is wrong with those that somebody has been at."""
        for asked in FIELDS:
            field = self.fields[asked.key]
            field.shown = self._environment in asked.environments and (
                asked.key != "profile_file" or self.fields["profile"].value == OWN_FILE
            )
            told = self.checked.messages.get(asked.key, "")
            field.message = told if asked.key in self._touched else ""
        credentials = self.fields["access_profile"]
        credentials.help = self._credentials.help_for(credentials.value)


@dataclass(frozen=True)
class _Credentials:
    """What the operator can choose from: the named profiles of this machine."""

    profiles: tuple[NamedProfile, ...] = ()
    fault: str = ""

    @classmethod
    def of_this_machine(cls) -> _Credentials:
        try:
            return cls(named_profiles())
        except ParamsError as error:
            return cls(fault=str(error))

    def options(self, chosen: str) -> list[list[str]]:
        names = {each.name: f"profile {each.name}{_SSO if each.by_sso else ''}" for each in self.profiles}
        if chosen and chosen not in names:
            names[chosen] = f"profile {chosen}, which is not there"
        return [list(_ORDINARY), *map(list, names.items())]

    def help_for(self, chosen: str) -> str:
        if self.fault:
            return self.fault
        if any(each.name == chosen and each.by_sso for each in self.profiles):
            return f"Sign in first: aws sso login --profile {chosen}"
        return "The named profiles of this machine's AWS configuration."


def _side_by_side(fields: Mapping[str, Field], section: Section) -> ipywidgets.Widget:
    box = ipywidgets.GridBox([fields[asked.key] for asked in FIELDS if asked.section is section])
    box.add_class("xacct-fields")
    return box


def _field(asked: Asked) -> Field:
    options = [list(option) for option in asked.options]
    if asked.key == "sandbox_scenario":
        options = [[name, f"{name}: {about}"] for name, about in scenarios().items()]
    return Field(kind=asked.kind.value, label=asked.label, help=asked.help, options=options)
