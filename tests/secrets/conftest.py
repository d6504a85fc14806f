"""One stage a worker; what has been handed out on it must not be told by any test after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage import Stage, staged


@pytest.fixture(scope="session")
def served(no_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("inputs")) as stage:
        yield stage


@pytest.fixture
def stage(served: Stage) -> Stage:
    """The stage, which has not been asked for anything yet."""
    served.aws.asked.clear()
    return served


@pytest.fixture
def operator(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The stage, with this process as the operator's."""
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    return stage
