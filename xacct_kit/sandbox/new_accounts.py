"""The sandbox's creation of accounts: asked for, under way for a while, and then made or failed.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

import logging
import re
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xacct_kit.sandbox import organization
from xacct_kit.sandbox.disturbances import NotReady
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.layout import NEW_ACCOUNTS, Layout
from xacct_kit.sandbox.roles import ADMINISTRATOR, create_role, trusting

if TYPE_CHECKING:
    from xacct_kit.sandbox.caller import Caller

_LOG = logging.getLogger(__name__)

Params = Mapping[str, Any]
Answer = dict[str, Any]

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_MOST_IN_PROGRESS = 5
_PAGE_SIZE = 20

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
_CONSTRAINTS = (
    ("Email", r"(?=.{6,64}$)[^\s@]+@[^\s@]+\.[^\s@]+"),
    ("AccountName", r"[\x20-\x7e]{1,50}"),
    ("RoleName", r"(?!AWSServiceRoleFor)[\w+=,.@-]{1,64}"),
    ("IamUserAccessToBilling", r"ALLOW|DENY"),
)

# The words are those of the API reference; those of the last three are as others have met them. Which of
# them says that five creations are in progress is not documented.
# https://github.com/pulumi/pulumi-aws-native/issues/1687
# https://github.com/pepperize/cdk-organizations/issues/581
_REFUSALS: Mapping[str, str] = {
    "CreateAccountStatusNotFoundException": "We can't find an create account request with the "
    "CreateAccountRequestId that you specified.",
    "FinalizingOrganizationException": "Organizations couldn't perform the operation because your "
    "organization hasn't finished initializing. This can take up to an hour. Try again later. If after one "
    "hour you continue to receive this error, contact Amazon Web Services Support.",
    "InvalidInputException": "You provided a value that does not match the required pattern.",
    "UnsupportedAPIEndpointException": "This action isn't available in the current Amazon Web Services "
    "Region.",
    "ConcurrentModificationException": "AWS Organizations can't complete your request because it conflicts "
    "with another attempt to modify the same entity. Try again later.",
    "ConstraintViolationException": "You have exceeded the allowed number of AWS accounts.",
    "TooManyRequestsException": "AWS Organizations can't complete your request because another request is "
    "already in progress. Try again later.",
}


def _refusal(code: str) -> ServiceFault:
    return ServiceFault(400, code, _REFUSALS[code])


@dataclass
class _Creation:
    """A request to create an account, and what has become of it."""

    id: str
    params: Params
    failure: str
    requested: datetime
    state: str = "IN_PROGRESS"
    completed: datetime | None = None
    account: str = ""

    @property
    def email(self) -> str:
        """The e-mail address, as addresses are compared."""
        return str(self.params["Email"]).lower()

    @property
    def status(self) -> Answer:
        """As the API describes it, which does not tell the e-mail address."""
        found = {
            "Id": self.id,
            "AccountName": self.params["AccountName"],
            "State": self.state,
            "RequestedTimestamp": self.requested,
            "CompletedTimestamp": self.completed,
            "AccountId": self.account,
            "FailureReason": self.failure if self.state == "FAILED" else "",
        }
        return {name: value for name, value in found.items() if value}


class NewAccounts:
    """Every account that is or was being created, behind the operations of the API.

    Parameters:
        layout: how long it takes, and what goes wrong.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._creations: list[_Creation] = []
        self._made = 0

    def handle(self, operation: str, params: Params, caller: Caller) -> Answer:
        """Answer a request that has been authorised; the account is made in a thread after the answer.

        Raises:
            ServiceFault: the request is refused.
        """
        with self._lock:
            return OPERATIONS[operation](self, caller, params)

    def create(self, caller: Caller, params: Params) -> Answer:
        """Begin to create an account."""
        if caller.partition == "aws-us-gov":
            raise _refusal("UnsupportedAPIEndpointException")
        for name, pattern in _CONSTRAINTS:
            if name in params and not re.fullmatch(pattern, params[name], re.ASCII):
                raise _refusal("InvalidInputException")
        under_way = [each for each in self._creations if each.state == "IN_PROGRESS"]
        failure = self._failure(params["Email"], under_way)
        if failure in _REFUSALS:
            raise _refusal(failure)
        if len(under_way) >= _MOST_IN_PROGRESS:
            raise _refusal("TooManyRequestsException")
        accounts = organization.find_organization(caller.account).accounts
        if len(accounts) + len(under_way) >= self._layout.account_limit:
            raise _refusal("ConstraintViolationException")
        creation = _Creation(id=_new_id(), params=params, failure=failure, requested=datetime.now(UTC))
        self._creations.append(creation)
        threading.Thread(target=self._work, args=(caller, creation), name=creation.id, daemon=True).start()
        return {"CreateAccountStatus": creation.status}

    def _failure(self, email: str, under_way: list[_Creation]) -> str:
        failures = self._layout.account_failures
        if any(each.email == email.lower() for each in under_way):
            return "CONCURRENT_ACCOUNT_MODIFICATION"
        return failures.get(email, failures.get("*", ""))

    def _work(self, caller: Caller, creation: _Creation) -> None:
        time.sleep(self._layout.account_seconds)
        try:
            with self._lock:
                self._finish(caller, creation)
            if creation.state == "SUCCEEDED":
                caller.gate.stack_sets.moved(caller, creation.account)
                time.sleep(self._layout.account_seconds)
                _make_role(caller, creation)
        except Exception:
            # Nobody waits for the thread.
            _LOG.exception("The creation %s failed", creation.id)
            creation.state, creation.failure = "FAILED", "INTERNAL_FAILURE"

    def _finish(self, caller: Caller, creation: _Creation) -> None:
        """Make the account, or let the creation fail."""
        backend = organization.find_organization(caller.account)
        if not creation.failure and creation.email in {each.email.lower() for each in backend.accounts}:
            creation.failure = "EMAIL_ALREADY_EXISTS"
        if not creation.failure:
            creation.account = str(NEW_ACCOUNTS + self._made)
            self._made += 1
            params = creation.params
            _set_up(caller, creation)
            organization.add_account(
                backend, creation.account, params["AccountName"], params["Email"], params.get("Tags") or ()
            )
        creation.completed = datetime.now(UTC)
        creation.state = "FAILED" if creation.failure else "SUCCEEDED"

    def describe(self, _caller: Caller, params: Params) -> Answer:
        """Describe a creation."""
        wanted = params["CreateAccountRequestId"]
        found = next((each for each in self._creations if each.id == wanted), None)
        if found is None:
            raise _refusal("CreateAccountStatusNotFoundException")
        return {"CreateAccountStatus": found.status}

    def list_all(self, _caller: Caller, params: Params) -> Answer:
        """List the creations, page by page."""
        states = params.get("States") or ("IN_PROGRESS", "SUCCEEDED", "FAILED")
        token, size = params.get("NextToken") or "0", int(params.get("MaxResults") or _PAGE_SIZE)
        if not token.isdecimal():
            raise _refusal("InvalidInputException")
        found = [each.status for each in self._creations if each.state in states]
        end = int(token) + size
        following = {"NextToken": str(end)} if end < len(found) else {}
        return {"CreateAccountStatuses": found[int(token) : end], **following}


Handler = Callable[[NewAccounts, "Caller", Params], Answer]

OPERATIONS: Mapping[str, Handler] = {
    "CreateAccount": NewAccounts.create,
    "DescribeCreateAccountStatus": NewAccounts.describe,
    "ListCreateAccountStatus": NewAccounts.list_all,
}


def _new_id() -> str:
    alphabet = string.ascii_lowercase + string.digits
    return "car-" + "".join(secrets.choice(alphabet) for _ in range(32))


def _set_up(caller: Caller, creation: _Creation) -> None:
    """Let AWS still be setting the account up, so that not every service can be used."""
    denied = creation.params.get("IamUserAccessToBilling") == "DENY"
    costs = NotReady.CE_NOT_ENABLED if denied else NotReady.CE_DATA_PENDING
    caller.gate.disturbances.set_not_ready(
        creation.account, NotReady.S3_NOT_SIGNED_UP, NotReady.EC2_NOT_SUBSCRIBED, costs
    )


def _make_role(caller: Caller, creation: _Creation) -> None:
    name = creation.params.get("RoleName") or Layout.access_role
    trust = trusting({"AWS": f"arn:{caller.partition}:iam::{caller.account}:root"})
    create_role(caller.partition, creation.account, name, trust, ADMINISTRATOR, new=True)
