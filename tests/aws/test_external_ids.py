"""External IDs: nobody guesses them, none is shown, none takes the place of another unasked."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from xacct_kit.aws.external_ids import checked, keeping_of, new_external_id
from xacct_kit.aws.references import resolve
from xacct_kit.errors import AccessError, ParamsError
from xacct_kit.params import EXTERNAL_ID
from xacct_kit.steps.external_ids import make_external_id


def nobody(service: str, operation: str, **params: Any) -> Any:
    pytest.fail(f"{service}:{operation} was called")


def test_each_is_another_and_has_256_bits() -> None:
    made = {new_external_id() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) and EXTERNAL_ID.fullmatch(each) for each in made)


def test_a_file_is_for_its_owner_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "id"
    told = make_external_id(f"file:{path}")
    kept = resolve(f"file:{path}", nobody)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"file:{path}" in told
    assert kept not in told
    with pytest.raises(ParamsError, match=r"there is one at file:.* already, and it is not overwritten"):
        make_external_id(f"file:{path}")
    assert resolve(f"file:{path}", nobody) == kept
    assert [each.name for each in tmp_path.iterdir()] == ["id"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot be written: No such file or directory"):
        make_external_id(f"file:{tmp_path}/missing/id")


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        pytest.param("~nobody-at-all/id", "Could not determine home directory", id="a home folder of nobody"),
        pytest.param("i" * 300, "File name too long", id="a name that is too long"),
    ],
)
def test_a_path_of_no_file_is_told_whatever_is_done_there(path: str, fault: str) -> None:
    keeping = keeping_of(f"file:{path}", nobody)
    for done in (
        lambda: keeping.create("present"),
        keeping.pending,
        lambda: keeping.set_aside("following"),
        keeping.promote,
    ):
        with pytest.raises(AccessError, match=fault):
            done()


def test_the_next_one_is_beside_the_present_one_until_it_takes_its_place(tmp_path: Path) -> None:
    keeping = keeping_of(f"file:{tmp_path}/id", nobody)
    keeping.create("present")
    assert keeping.pending() is None
    keeping.set_aside("following")
    assert keeping.pending() == "following"
    with pytest.raises(AccessError, match="cannot be written: File exists"):
        keeping.set_aside("another")
    assert resolve(keeping.reference, nobody) == "present"
    keeping.promote()
    assert (resolve(keeping.reference, nobody), keeping.pending()) == ("following", None)
    keeping.promote()
    assert resolve(keeping.reference, nobody) == "following"


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("env:XACCT_ID", "nothing can be kept at env:XACCT_ID: a program does not set the variables"),
        ("quiet-heron", "is a literal; keep it at ssm:/path, secretsmanager:name or file:path"),
    ],
)
def test_where_none_can_be_kept_none_is(reference: str, fault: str) -> None:
    with pytest.raises(ParamsError, match=fault) as refused:
        make_external_id(reference)
    assert "heron" not in str(refused.value)


@pytest.mark.parametrize("reference", ["ssm:/id", "secretsmanager:id"])
def test_what_is_kept_by_a_call_needs_a_session(reference: str) -> None:
    with pytest.raises(ParamsError, match="there is no session to make it"):
        make_external_id(reference)


def test_what_is_none_is_not_repeated() -> None:
    with pytest.raises(ParamsError, match="what is at ssm:/id-next is not 2 to 1224 letters") as refused:
        checked("quiet heron", "ssm:/id-next")
    assert "heron" not in str(refused.value)
