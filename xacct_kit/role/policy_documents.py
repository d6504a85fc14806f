"""Policy documents as `json.load` gives them, and what every reader of one takes out of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}")


def listed(value: Any) -> list[Any]:
    """What an element holds, as a list: one value may stand for itself."""
    return list(value) if isinstance(value, list | tuple) else [value]


def statements_of(document: Document) -> list[Any]:
    """The statements of a document, in a list of its own."""
    return listed(document["Statement"])


def is_unique_id(name: str) -> bool:
    """Whether a principal is named by a unique ID: it stands for a role or a user that was deleted.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    return _UNIQUE_ID.fullmatch(name) is not None
