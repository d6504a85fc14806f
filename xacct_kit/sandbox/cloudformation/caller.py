"""As whom CloudFormation acts: every resource is made by a call of the principal that asked for the stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

# Service, operation and parameters to result; raises `botocore.exceptions.ClientError`.
Call = Callable[[str, str, dict[str, Any]], dict[str, Any]]


class Caller(Protocol):
    """The principal of a request."""

    @property
    def account(self) -> str:
        """The account's 12 digits."""

    @property
    def partition(self) -> str:
        """The partition, such as `aws-cn`."""

    @property
    def region(self) -> str:
        """The region that the request was sent to."""

    @property
    def arn(self) -> str:
        """The principal's ARN."""

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make another call as the same principal, authorised and refused as AWS does.

        Raises:
            botocore.exceptions.ClientError: the call was refused.
        """
