"""Sandboxes that the tests of a worker share, and quick clients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from botocore.loaders import create_loader
from faulted_runs import Sandboxes


@pytest.fixture(scope="session")
def sandboxes(no_aws: None) -> Iterator[Sandboxes]:
    """A sandbox a scenario, started when it is first asked for."""
    started = Sandboxes()
    yield started
    started.close()


@pytest.fixture(scope="module", autouse=True)
def quick_clients() -> Iterator[None]:
    """The services' descriptions are read once, and not once a session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield
