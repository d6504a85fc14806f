"""A sandbox served by a child process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from gate_clients import Organization

from xacct_kit.sandbox.layout import Layout
from xacct_kit.sandbox.process import SandboxProcess


@pytest.fixture(scope="session")
def organization(no_aws: None) -> Iterator[Organization]:
    """A healthy sandbox that all tests of a worker share; every test makes what it changes.

    Whatever they ask of it, it never stumbles.
    """
    child = SandboxProcess(Layout(scenario="healthy", accounts=2))
    try:
        yield Organization(child.endpoint)
        assert b"Traceback" not in os.pread(child._errors.fileno(), 1_000_000, 0)
    finally:
        child.stop()
