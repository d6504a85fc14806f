"""What stands at a reference is an external ID, or the fault is told without it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xacct_kit.aws.references import resolve
from xacct_kit.errors import ParamsError


def nobody(service: str, operation: str, **params: Any) -> Mapping[str, Any]:
    return {}


@pytest.mark.parametrize("written", [b"quiet-heron\n", b"  quiet-heron \r\nmore", b"\xef\xbb\xbfquiet-heron"])
def test_the_first_line_of_a_file_is_it(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "id"
    path.write_bytes(written)
    assert resolve(f"file:{path}", nobody) == "quiet-heron"


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        (b"\nquiet-heron", "external_id: {} is empty"),
        (b'{"id": "quiet-heron"}', "external_id: what is at {} is not 2 to 1224 letters, digits or"),
        (b"quiet-heron\xe9", "external_id: there is nothing at {}: it is not text in UTF-8"),
    ],
    ids=["empty", "JSON", "Latin-1"],
)
def test_what_is_no_external_id_is_not_repeated(tmp_path: Path, written: bytes, fault: str) -> None:
    path = tmp_path / "id"
    path.write_bytes(written)
    with pytest.raises(ParamsError) as refused:
        resolve(f"file:{path}", nobody)
    told = "".join(traceback.format_exception(refused.value))
    assert fault.format(f"file:{path}") in told
    assert "heron" not in told


@pytest.mark.parametrize("reference", ["env:XACCT_NOT_THERE", "file:not/there", "ssm:/not/there"])
def test_a_reference_to_nothing_is_named(reference: str) -> None:
    with pytest.raises(ParamsError, match=f"external_id: there is nothing at {reference}: "):
        resolve(reference, nobody)
