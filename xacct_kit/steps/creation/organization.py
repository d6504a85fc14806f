"""An organization: its accounts by their e-mail addresses, its units, and the creations that it knows of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.session import Session
from xacct_kit.report import OutcomeKind
from xacct_kit.steps.waiting import attempts

Account = Mapping[str, Any]
Status = Mapping[str, Any]


def patiently(session: Session, ask: Callable[[], Answer]) -> Answer:
    """Ask AWS Organizations, and ask again while it is busy with somebody else.

    Of all services it is the first to be, and says so of requests that are few.
    https://github.com/org-formation/org-formation-cli/issues/280

    Parameters:
        session: whose run it is; its params bound the waiting.
        ask: makes the call.
    """
    answer = ask()
    for _ in attempts(session.params.wait_seconds, first_pause=0.5):
        if answer.outcome.kind is not OutcomeKind.THROTTLED:
            break
        answer = ask()
    return answer


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
        self._requests: dict[str, str] = {}

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
                listed = self._listed("ListAccounts", "Accounts")
                self._by_email = {str(each.get("Email", "")).lower(): each for each in listed}
                self._read = True
            return self._by_email.get(email.lower())

    def note_request(self, request_id: str, email: str) -> None:
        """Remember what address a request is for, which AWS does not tell."""
        with self._lock:
            self._requests[request_id] = email

    def creations(self, name: str, email: str) -> list[Status]:
        """The creations that are in progress or have succeeded and may be an account's, newest first.

        Parameters:
            name: the account's name.
            email: its address; requests that are known to be for another are left out.

        Raises:
            NotRead: they cannot be listed.
        """
        listed = self._listed(
            "ListCreateAccountStatus", "CreateAccountStatuses", States=["IN_PROGRESS", "SUCCEEDED"]
        )
        named = [each for each in listed if each.get("AccountName") == name]
        found = [each for each in named if self._requests.get(each["Id"], email) == email]
        return sorted(found, key=lambda each: each["RequestedTimestamp"], reverse=True)

    def describe(self, account: str) -> Account | None:
        """An account as it is now; None where the organization does not have it.

        Raises:
            NotRead: it cannot be read.
        """
        answer = self.read("DescribeAccount", AccountId=account)
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
        answer = self.read("ListOrganizationalUnitsForParent", ParentId=unit)
        if not answer.ok and not answer.absent:
            raise NotRead("ListOrganizationalUnitsForParent", answer)
        if answer.ok:
            with self._lock:
                self._units.add(unit)
        return answer.ok

    def call(self, operation: str, **params: Any) -> Answer:
        """Make a call to AWS Organizations."""
        return self.session.call(self.caller, "organizations", operation, **params)

    def read(self, operation: str, **params: Any) -> Answer:
        """Make a call that changes nothing, again while AWS is busy."""
        return patiently(self.session, lambda: self.call(operation, **params))

    def _listed(self, operation: str, key: str, **params: Any) -> list[Mapping[str, Any]]:
        """What an operation lists, on all of its pages."""
        pages: list[Answer] = []

        def ask() -> Answer:
            pages[:] = self.session.pages(self.caller, "organizations", operation, **params)
            return pages[-1]

        answer = patiently(self.session, ask)
        if not answer.ok:
            raise NotRead(operation, answer)
        return [item for page in pages for item in page.result[key]]
