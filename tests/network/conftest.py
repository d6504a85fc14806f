"""Sandboxes that the tests of a worker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faulted_runs import Sandboxes


@pytest.fixture(scope="session")
def sandboxes(no_aws: None) -> Iterator[Sandboxes]:
    """A sandbox a scenario, started when it is first asked for."""
    started = Sandboxes()
    yield started
    started.close()
