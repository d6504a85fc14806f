"""Member accounts, each furnished when the first request comes from it or names it.

So a sandbox of ten thousand accounts is there at once, and nobody can tell that an account was empty before.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


class Members:
    """Accounts that are still to be furnished.

    Parameters:
        accounts: their IDs.
        furnish: brings into an account what it holds.
    """

    def __init__(self, accounts: Iterable[str], furnish: Callable[[str], None]) -> None:
        self._furnish = furnish
        self._empty = {account: threading.Lock() for account in accounts}

    def enter(self, *texts: str) -> None:
        """Furnish the accounts that texts name, if they are not yet; return when they are."""
        if self._empty:
            for account in set(_ACCOUNT.findall(" ".join(texts))) & self._empty.keys():
                self._enter(account)

    def enter_all(self) -> None:
        """Furnish every account."""
        for account in tuple(self._empty):
            self._enter(account)

    def _enter(self, account: str) -> None:
        lock = self._empty.get(account)
        if lock is None:
            return
        with lock:
            if account in self._empty:
                self._furnish(account)
                del self._empty[account]
