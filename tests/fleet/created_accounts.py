"""A run that creates accounts, in a process of its own so that it can be killed.

python tests/fleet/created_accounts.py ENDPOINT LIST OUT
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.environment import sandbox_connection
from xacct_kit.fleet.new_account_lists import read_new_accounts
from xacct_kit.fleet.new_accounts import create_accounts
from xacct_kit.params import Params


def session_at(endpoint: str, **changes: Any) -> Session:
    """A session in a sandbox that is served; what AWS allows in a second is no matter in it."""
    values = {"sandbox_endpoint": endpoint, "wait_seconds": 30, **changes}
    params = Params.load("params/sandbox.yaml", **values)
    session = Session(params, sandbox_connection(endpoint))
    session.take_share(1000)
    return session


def emails(endpoint: str) -> Counter[str]:
    """How many accounts there are of each address."""
    session = session_at(endpoint)
    pages = session.pages(session.operator, "organizations", "ListAccounts")
    return Counter(each["Email"] for page in pages for each in page.result["Accounts"])


def requests(endpoint: str, *states: str) -> Counter[str]:
    """How many requests for accounts there are of each name."""
    session = session_at(endpoint)
    asked = {"States": list(states)} if states else {}
    pages = session.pages(session.operator, "organizations", "ListCreateAccountStatus", **asked)
    return Counter(each["AccountName"] for page in pages for each in page.result["CreateAccountStatuses"])


if __name__ == "__main__":
    create_accounts(session_at(sys.argv[1]), read_new_accounts(sys.argv[2]), out=sys.argv[3], resume=True)
