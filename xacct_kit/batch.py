"""The notebooks in batch: the same ones that somebody opens, run one after the other by papermill."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from xacct_kit import errors
from xacct_kit.environment import connect
from xacct_kit.errors import NotGreen, RequestError, RunError
from xacct_kit.fleet.journal import read_journal
from xacct_kit.params import Params
from xacct_kit.report import Report
from xacct_kit.views.words import ACCOUNTS_IN_FULL

_FOR_ACCOUNTS = ("1_deploy_role", "2_check_cost_explorer", "3_probe_permissions")
_FOR_MANY = ("4_onboard_organization",)


def run_demo(target: Path, say: Callable[[str], object]) -> tuple[Report, list[Path]]:
    """Run the notebooks on a sandbox where nobody has deployed the role yet.

    Parameters:
        target: folder for the executed notebooks and their results.
        say: is told what is run.

    Returns:
        The findings of all notebooks, and the executed notebooks.

    Raises:
        RunError: a notebook did not run to its end.
    """
    params = Params.load(shared("params") / "sandbox.yaml", sandbox_scenario="role-missing")
    return run_notebooks(params, target, say)


def run_notebooks(params: Params, target: Path, say: Callable[[str], object]) -> tuple[Report, list[Path]]:
    """Run the notebooks that onboard accounts: three for accounts that are named, one for many.

    One that ends because some verdict is not green has run to its end; the next one is run all the same.

    Parameters:
        params: what the user asked for.
        target: folder for the executed notebooks and their results.
        say: is told what is run.

    Returns:
        The findings of all notebooks, and the executed notebooks.

    Raises:
        RequestError: the params cannot be meant.
        RunError: a notebook did not run to its end.
    """
    with connect(params) as session:
        target.mkdir(parents=True, exist_ok=True)
        here = params.model_copy(update={"sandbox_endpoint": session.endpoint})
        try:
            executed = [_execute(name, here, target, say) for name in _notebooks_for(params)]
        except KeyboardInterrupt:
            raise RunError(f"stopped; what was run is in {target}") from None
    found = [read_journal(_results(path)) for path in executed]
    return (found[0] if len(found) == 1 else Report.of(row for part in found for row in part)), executed


def shared(folder: str) -> Path:
    """A folder that comes with the kit: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def _notebooks_for(params: Params) -> Sequence[str]:
    to_be_found = params.organizational_units or params.exclude_accounts
    together = params.stack_set != "none" or len(params.member_accounts) > ACCOUNTS_IN_FULL
    return _FOR_MANY if to_be_found or together else _FOR_ACCOUNTS


def _execute(name: str, params: Params, target: Path, say: Callable[[str], object]) -> Path:
    import papermill

    output = target / f"{name}.ipynb"
    values = {**params.model_dump(mode="json"), "out": str(_results(output))}
    started = time.monotonic()
    try:
        papermill.execute_notebook(
            str(shared("notebooks") / f"{name}.ipynb"),
            str(output),
            parameters=values,
            progress_bar=False,
            extra_arguments=["--log-level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        if error.ename != NotGreen.__name__:
            raise _stopped(error.ename)(
                f"{name} stopped: {error.ename}: {error.evalue}. See {output}"
            ) from error
    except RuntimeError as error:
        # By which nbclient and jupyter_client tell of a kernel that ended, or never began.
        raise RunError(f"{name} stopped: {error}. See {output}") from error
    say(f"ran {name} in {time.monotonic() - started:.1f} s")
    return output


def _stopped(name: str) -> type[RequestError | RunError]:
    """What it means that an error of this name stopped a notebook: by which exit code it is told."""
    kind = getattr(errors, name, None)
    wrong = isinstance(kind, type) and issubclass(kind, RequestError)
    return RequestError if wrong else RunError


def _results(notebook: Path) -> Path:
    return notebook.with_suffix("")
