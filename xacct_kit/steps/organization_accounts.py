"""An organization: its accounts by their e-mail addresses, its units, and the creations that it knows of."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from xacct_kit.aws.session import Answer, Caller, Session

Account = Mapping[str, Any]
Status = Mapping[str, Any]


class NotRead(Exception):
    """The organization could not be read.

    Attributes:
        operation: the operation that was refused, or failed.
        answer: what came back.
    """

    def __init__(self, operation: str, answer: Answer) -> None:
        super().__init__(operation)
        self.operation = operation
        self.answer = answer


class Organization:
    """An organization as its management account sees it; safe under threads.

    Parameters:
        session: whose run it is.
        caller: who acts in the management account.
    """

    def __init__(self, session: Session, caller: Caller) -> None:
        self.session = session
        self.caller = caller
        self._lock = threading.Lock()
        self._units: set[str] = set()
        self._by_email: dict[str, Account] = {}
        self._read = False

    def of_email(self, email: str, *, anew: bool = False) -> Account | None:
        """The account that has an e-mail address, in whatever case it is written.

        Parameters:
            email: the address.
            anew: whether to ask AWS although it has been asked before.

        Raises:
            NotRead: the accounts cannot be listed.
        """
        with self._lock:
            if anew or not self._read:
                listed = self._pages("ListAccounts", "Accounts")
                self._by_email = {str(each.get("Email", "")).lower(): each for each in listed}
                self._read = True
            return self._by_email.get(email.lower())

    def creations(self, name: str) -> list[Status]:
        """The creations of accounts of a name that are in progress or have succeeded, newest first.

        Raises:
            NotRead: they cannot be listed.
        """
        listed = self._pages(
            "ListCreateAccountStatus", "CreateAccountStatuses", States=["IN_PROGRESS", "SUCCEEDED"]
        )
        found = [each for each in listed if each.get("AccountName") == name]
        return sorted(found, key=lambda each: each["RequestedTimestamp"], reverse=True)

    def describe(self, account: str) -> Account | None:
        """An account as it is now; None where the organization does not have it.

        Raises:
            NotRead: it cannot be read.
        """
        answer = self.call("DescribeAccount", AccountId=account)
        if not answer.ok and not answer.absent:
            raise NotRead("DescribeAccount", answer)
        described: Account | None = answer.result.get("Account")
        return described

    def has_unit(self, unit: str) -> bool:
        """Whether there is an organizational unit, or a root.

        Raises:
            NotRead: that cannot be read.
        """
        with self._lock:
            if unit in self._units:
                return True
        answer = self.call("ListOrganizationalUnitsForParent", ParentId=unit)
        if not answer.ok and not answer.absent:
            raise NotRead("ListOrganizationalUnitsForParent", answer)
        if answer.ok:
            with self._lock:
                self._units.add(unit)
        return answer.ok

    def call(self, operation: str, **params: Any) -> Answer:
        """Make a call to AWS Organizations."""
        return self.session.call(self.caller, "organizations", operation, **params)

    def _pages(self, operation: str, key: str, **params: Any) -> Iterator[Mapping[str, Any]]:
        for answer in self.session.pages(self.caller, "organizations", operation, **params):
            if not answer.ok:
                raise NotRead(operation, answer)
            yield from answer.result[key]
