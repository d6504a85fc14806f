"""Whether somebody is looking."""

from __future__ import annotations

import pytest

from xacct_kit.attended import attended


@pytest.mark.parametrize(
    ("environment", "looking"),
    [
        ({}, False),
        ({"JPY_PARENT_PID": "7"}, False),
        ({"JPY_SESSION_NAME": ""}, False),
        ({"JPY_SESSION_NAME": "notebooks/0_start_here.ipynb"}, True),
        ({"VOILA_REQUEST_URL": "http://127.0.0.1:8866/"}, True),
    ],
)
def test_somebody_looks_where_a_page_started_the_kernel(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], looking: bool
) -> None:
    for name in ("JPY_SESSION_NAME", "VOILA_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert attended() is looking
