"""How calls reach AWS: sessions, shared clients, classified answers, partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xacct_kit.aws.errors import classify
    from xacct_kit.aws.session import Session

__all__ = ["Session", "classify"]

_HOMES = {"Session": "xacct_kit.aws.session", "classify": "xacct_kit.aws.errors"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
