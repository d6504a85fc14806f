"""The wizard: what to do is chosen, checked, explained, saved for batch runs and begun."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from xacct_kit.attended import attended
from xacct_kit.errors import ParamsError
from xacct_kit.interactive.wizard_page import Start, WizardPage, watched
from xacct_kit.params import Params
from xacct_kit.views.outline import outline_of


class Wizard:
    """What is chosen, and in a notebook that somebody looks at, the form in which it is.

    Parameters:
        params: what it begins with.
        start: begins a run.
    """

    def __init__(self, params: Params, *, start: Start = watched) -> None:
        self._begun = params
        self._start = start

    @property
    def params(self) -> Params:
        """What is chosen.

        Raises:
            ParamsError: it cannot be meant.
        """
        if "page" not in vars(self):
            return self._begun
        checked = self.page.form.checked
        if checked.params is None:
            raise ParamsError(checked.faults)
        return checked.params

    @cached_property
    def page(self) -> WizardPage:
        """The form; made when it is first asked for, since a widget that nobody sees is in the way."""
        return WizardPage(self._begun, self._start)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        outline = outline_of(self._begun)
        plain = {"text/plain": str(outline), "text/html": outline._repr_html_()}
        return {**self.page.widget._repr_mimebundle_(), **plain} if attended() else plain


def wizard(params: Params) -> Wizard:
    """Choose by clicking what is done, in which accounts, by which roles.

    It shows what would be done, what that takes and what it costs, saves the params that batch runs use,
    and begins a run that can be watched. Where nobody is looking, in batch, it shows no more than the first.

    Parameters:
        params: what it begins with.

    Returns:
        The wizard; its `params` are what has been chosen.
    """
    return Wizard(params)
