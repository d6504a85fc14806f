"""Params as a file that batch runs read."""

from __future__ import annotations

from pathlib import Path

import pytest

from xacct_kit.errors import ParamsError, RunError
from xacct_kit.interactive.params_file import params_path, save_params, says, to_yaml
from xacct_kit.params import Params

FILES = ["account", "china", "govcloud", "organization", "sandbox"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_is_what_is_read(name: str, tmp_path: Path) -> None:
    params = Params.load(f"params/{name}.yaml")
    save_params(params, tmp_path / "new" / "mine.local.yaml")
    assert Params.load(tmp_path / "new" / "mine.local.yaml") == params


def test_what_is_as_it_would_be_anyway_is_not_written() -> None:
    assert to_yaml(Params.load("params/china.yaml")).splitlines()[1:] == [
        'environment: "aws"',
        'partition: "aws-cn"',
        'region: "cn-north-1"',
        'main_account: "111122223333"',
        "member_accounts:",
        '  - "444455556666"',
        'external_id: "env:XACCT_EXTERNAL_ID"',
        'profile: "documented"',
        'probes: "read"',
    ]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "mine.local.yaml"
    path.write_text("something else", encoding="utf-8")
    params = Params.load("params/sandbox.yaml")
    assert not says(path, to_yaml(params))
    save_params(params, path)
    assert says(path, to_yaml(params))
    assert [each.name for each in tmp_path.iterdir()] == ["mine.local.yaml"]


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.local.yaml" / "in the way").mkdir(parents=True)
    with pytest.raises(RunError, match="cannot be written"):
        save_params(Params.load("params/sandbox.yaml"), tmp_path / "mine.local.yaml")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.local.yaml"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", "a b", ".a", "-a", "a.yaml", "ä", "a" * 65])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ParamsError, match="is no name for a file"):
        params_path(name)


def test_params_stand_where_a_notebook_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert params_path("mine") == Path("params/mine.local.yaml")
    (tmp_path / "params").mkdir()
    assert params_path("mine") == Path("../params/mine.local.yaml")
    monkeypatch.chdir(tmp_path)
    assert params_path("mine") == Path("params/mine.local.yaml")
