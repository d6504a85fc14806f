"""Offboarding the accounts of an organizational unit: those that were confirmed, and no others."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from stack_set_sandbox import administer, move, unit_of

import xacct_kit as xk
from xacct_kit.cli import main

PARAMS = Path("params/sandbox.yaml").resolve()
MEMBER, OTHER = "333333333333", "400000000000"
ROLE = "CrossAccountExecutionRole"


class Terminal(io.StringIO):
    """A person who takes their time to answer, in which another account comes into the unit."""

    def __init__(self, session: xk.Session, unit: str) -> None:
        super().__init__()
        self._session, self._unit = session, unit

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:
        move(self._session, OTHER, self._unit)
        return f"{MEMBER}\n"


def test_an_account_that_joins_the_unit_meanwhile_keeps_its_role(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with xk.connect(xk.Params.load(PARAMS, sandbox_accounts=2)) as session:
        unit = unit_of(session, MEMBER)
        given = (f"organizational_units={unit}", f"sandbox_endpoint={session.endpoint}")
        options = [part for each in given for part in ("-p", each)]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["xacct", "offboard", str(PARAMS), *options, "--out", "out"])
        monkeypatch.setattr(sys, "stdin", Terminal(session, unit))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert {row.account for row in xk.read_journal("out")} == {MEMBER}
        assert administer(session, OTHER, "iam", "GetRole", RoleName=ROLE)
