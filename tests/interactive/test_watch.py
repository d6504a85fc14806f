"""A run that is watched, where nobody is looking."""

from __future__ import annotations

from pathlib import Path

import pytest

import xacct_kit as xk
from xacct_kit.errors import RequestError
from xacct_kit.interactive.params_file import save_params

SANDBOX = Path(__file__).parents[2] / "params" / "sandbox.yaml"


@pytest.fixture(autouse=True)
def nobody_is_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JPY_SESSION_NAME", "VOILA_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)


def test_in_batch_a_run_tells_a_line_a_step_and_is_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = xk.Params.load(SANDBOX, sandbox_scenario="missing-emr", sandbox_accounts=3)
    run = xk.watch(params.model_copy(update={"organizational_units": ("root",)}), "probe", out=tmp_path)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("Cost Explorer: 3 requests at $0.01")
    assert told[1:] == [
        f"{step}: 3 accounts" for step in ("Preflight", "Trust", "Cost Explorer", "Permissions")
    ]
    report = run.wait()
    assert run.state == "red"
    assert repr(run) == str(report)
    assert (tmp_path / "report.html").exists()


def test_another_command_is_not_watched(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="offboard: cannot be watched"):
        xk.watch(xk.Params.load(SANDBOX), "offboard", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", sorted(SANDBOX.parent.glob("*.yaml")), ids=lambda file: file.stem)
def test_params_that_are_saved_are_read_as_they_were(tmp_path: Path, file: Path) -> None:
    params = xk.Params.load(file)
    save_params(params, tmp_path / "params.yaml")
    assert xk.Params.load(tmp_path / "params.yaml") == params
