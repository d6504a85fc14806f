"""How long policies may be.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Characters, white space not counted: the inline policies of one role together, its trust policy as long as
# the account's quota is not raised, and a managed policy.
INLINE_POLICIES_LIMIT = 10_240
TRUST_POLICY_LIMIT = 2_048
MANAGED_POLICY_LIMIT = 6_144


def policy_size(*documents: Mapping[str, Any]) -> int:
    """Characters of policy documents together, as IAM counts them: without white space between elements."""
    return sum(len(json.dumps(document, separators=(",", ":"))) for document in documents)
