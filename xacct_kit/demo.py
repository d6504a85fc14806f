"""The demo: the notebooks that deploy, check and probe, run one after the other in one sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from xacct_kit.environment import start_sandbox
from xacct_kit.errors import RunError
from xacct_kit.fleet.journal import read_journal
from xacct_kit.params import Params
from xacct_kit.report import Report

_NOTEBOOKS = ("1_deploy_role", "2_check_cost_explorer", "3_probe_permissions")


def run_demo(target: Path, say: Callable[[str], None]) -> tuple[Report, list[Path]]:
    """Run the notebooks on a sandbox where nobody has deployed the role yet.

    Parameters:
        target: folder for the executed notebooks and the report.
        say: is told what is run.

    Returns:
        The findings of all notebooks, and the executed notebooks.

    Raises:
        RunError: a notebook did not run to its end.
    """
    params = Params.load(shared("params") / "sandbox.yaml", sandbox_scenario="role-missing")
    target.mkdir(parents=True, exist_ok=True)
    child = start_sandbox(params)
    try:
        here = params.model_copy(update={"sandbox_endpoint": child.endpoint})
        executed = [_execute(name, here, target, say) for name in _NOTEBOOKS]
    finally:
        child.stop()
    report = Report.of(row for path in executed for row in _findings(path))
    report.save(target)
    return report, executed


def shared(folder: str) -> Path:
    """A folder that comes with the kit: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def _execute(name: str, params: Params, target: Path, say: Callable[[str], None]) -> Path:
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
        raise RunError(f"{name} stopped: {error.ename}: {error.evalue}. See {output}") from error
    say(f"ran {name} in {time.monotonic() - started:.1f} s")
    return output


def _results(notebook: Path) -> Path:
    return notebook.with_suffix("")


def _findings(notebook: Path) -> Report:
    return read_journal(_results(notebook))
