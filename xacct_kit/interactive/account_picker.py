"""Accounts that need not be typed: from a file, or ticked in the organization's tree."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets

from xacct_kit.environment import connect
from xacct_kit.errors import XacctError
from xacct_kit.fleet.account_lists import parse_accounts
from xacct_kit.fleet.organization_tree import Node, read_tree
from xacct_kit.interactive.account_choice import AccountChoice, Choice
from xacct_kit.interactive.account_tree import AccountTree
from xacct_kit.interactive.wizard_fields import split_list
from xacct_kit.interactive.wizard_form import WizardForm
from xacct_kit.params import Params

_KEYS = {"units": "organizational_units", "accounts": "member_accounts", "excluded": "exclude_accounts"}


class AccountPicker:
    """Fills in the accounts of a form.

    Parameters:
        form: the form.

    Attributes:
        upload: takes a file of accounts.
        show_tree: has the organization read when it is clicked, and never before; meanwhile it is disabled.
        tree: the tree, when it has been read.
        said: what came of it.
        widget: all of them.
    """

    def __init__(self, form: WizardForm) -> None:
        self._form = form
        self._choice: AccountChoice | None = None
        self._reading: object | None = None
        self._lock = threading.Lock()
        self.tree: AccountTree | None = None
        self.upload = ipywidgets.FileUpload(
            accept=".csv,.txt,.yaml,.yml", description="Accounts from a file", layout={"width": "auto"}
        )
        self.show_tree = ipywidgets.Button(description="Choose in the organization", layout={"width": "auto"})
        self.said = ipywidgets.HTML()
        self._place = ipywidgets.VBox()
        self.upload.observe(self._uploaded, names="value")
        self.show_tree.on_click(lambda button: self.read())
        buttons = ipywidgets.HBox([self.upload, self.show_tree], layout={"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([buttons, self.said, self._place])

    def read(self) -> None:
        """Begin to read the organization; then its tree is shown, or it is said why it cannot be read.

        A large one takes minutes, in which everything else goes on.
        """
        try:
            params = self._form.reading_params()
        except XacctError as error:
            self._say(str(error), wrong=True)
            return
        reading = self._reading = object()
        self.show_tree.disabled = True
        self._say("Reading the organization…")
        threading.Thread(
            target=self._read, args=(params, reading), name="xacct-organization", daemon=True
        ).start()

    def _read(self, params: Params, reading: object) -> None:
        nodes: Sequence[Node] = ()
        fault = ""
        try:
            with connect(params) as session:
                nodes = read_tree(session)
        except XacctError as error:
            fault = str(error)
        except Exception as error:
            # Nobody waits for the thread. What such an error says may quote what nobody is to see.
            fault = f"The organization cannot be read: {type(error).__name__}."
        with self._lock:
            if self._reading is not reading:
                return  # another organization is meant by now
            self._reading = None
            if fault:
                self._say(fault, wrong=True)
            else:
                self._show(nodes)
            self.show_tree.disabled = False

    def _show(self, nodes: Sequence[Node]) -> None:
        self._choice = AccountChoice(nodes)
        self.tree = AccountTree(nodes, self.toggle)
        self._place.children = (self.tree,)
        self._say(
            "A unit that is ticked stands for the accounts below it when a run begins; an account below it "
            "that is not is left out."
        )
        self.refresh()

    def toggle(self, part: str) -> None:
        """Tick a unit or an account, or no longer."""
        if self._choice is None:
            return
        choice = self._choice.toggled(self._chosen(), part)
        self._form.enter({key: "\n".join(getattr(choice, name)) for name, key in _KEYS.items()})

    def refresh(self) -> None:
        """Show in the tree what the form says."""
        if self.tree is not None and self._choice is not None:
            self.tree.show(self._choice.states(self._chosen()))

    def forget(self) -> None:
        """Show no tree, now or when it has been read: it is of another organization."""
        with self._lock:
            self._reading = self.tree = self._choice = None
            self._place.children = ()
            self.show_tree.disabled = False
            self._say("")

    def _chosen(self) -> Choice:
        entered = self._form.entered
        return Choice(**{name: tuple(split_list(entered[key])) for name, key in _KEYS.items()})

    def _uploaded(self, change: Any) -> None:
        if not change["new"]:
            return
        (file,) = change["new"]
        try:
            accounts = parse_accounts(bytes(file["content"]), str(file["name"]))
        except XacctError as error:
            self._say(str(error), wrong=True)
        else:
            self._form.enter({"member_accounts": "\n".join(accounts)})
            self._say(f"{file['name']}: {len(accounts):,} accounts.")
        # The file itself is kept nowhere.
        self.upload.value = ()

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.said.value = said(text, wrong=wrong)


def said(text: str, *, wrong: bool = False) -> str:
    """What is said to somebody who clicked, to those who do not see it too."""
    kind = "xacct-wrong" if wrong else "xacct-said"
    return f'<div role="status" class="{kind}">{escape(text)}</div>' if text else ""
