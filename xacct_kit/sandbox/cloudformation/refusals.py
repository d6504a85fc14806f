"""How CloudFormation says no: to a request, and in the events of a resource that could not be made."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from xacct_kit.sandbox import faults
from xacct_kit.sandbox.cloudformation.caller import Call, Caller
from xacct_kit.sandbox.faults import ServiceFault


def invalid(message: str) -> ServiceFault:
    """The `ValidationError` with which CloudFormation refuses most requests."""
    return ServiceFault(400, "ValidationError", message)


def not_offered(what: str) -> ServiceFault:
    """The refusal of something that AWS has and the sandbox does not."""
    return faults.not_offered(what, by="The sandbox's CloudFormation")


@contextmanager
def well_formed() -> Iterator[None]:
    """Refuse a value that is not of the form which its place in the template takes, where that shows.

    AWS has words for each place; that it is a template error they all say.

    Raises:
        ServiceFault: there is one.
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError, re.error) as error:
        raise invalid(
            f"Template format error: a value is not of the form that it must have: {error}"
        ) from error


def listed(names: Iterable[str]) -> str:
    """Names as CloudFormation's messages list them."""
    return f"[{', '.join(names)}]"


def unresolved(names: Iterable[str], block: str) -> ServiceFault:
    """The refusal of references to what a block's template does not have."""
    return invalid(
        f"Template format error: Unresolved resource dependencies {listed(names)} in the {block} "
        "block of the template"
    )


class ResourceError(Exception):
    """A resource could not be made, changed or removed; the text is the reason in its event."""


class HandlerError(ResourceError):
    """A resource failed because a call that its handler made was refused.

    Attributes:
        code: the error code of the call.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
_HANDLER_CODES = {
    "AccessDenied": "AccessDenied",
    "AccessDeniedException": "AccessDenied",
    "BucketAlreadyExists": "AlreadyExists",
    "BucketAlreadyOwnedByYou": "AlreadyExists",
    "EntityAlreadyExists": "AlreadyExists",
    "LimitExceeded": "ServiceLimitExceeded",
    "MalformedPolicyDocument": "InvalidRequest",
    "NoSuchBucket": "NotFound",
    "NoSuchEntity": "NotFound",
    "ParameterAlreadyExists": "AlreadyExists",
    "ParameterNotFound": "NotFound",
    "Throttling": "Throttling",
    "ThrottlingException": "Throttling",
    "ValidationError": "InvalidRequest",
    "ValidationException": "InvalidRequest",
}


def handler_message(message: str, code: str) -> str:
    """The reason of a resource's event when its handler failed."""
    token = uuid.uuid4()
    return f'Resource handler returned message: "{message}" (RequestToken: {token}, HandlerErrorCode: {code})'


def handler_call(caller: Caller) -> Call:
    """The caller's `call`, with each refusal worded as the reason of a resource's event."""

    def call(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return caller.call(service, operation, params)
        except ClientError as error:
            raise _handler_error(service, error) from error

    return call


def _handler_error(service: str, error: ClientError) -> HandlerError:
    response: Any = error.response
    code = response["Error"]["Code"]
    metadata = response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 400)
    request_id = metadata.get("RequestId") or uuid.uuid4()
    origin = f"(Service: {service.capitalize()}, Status Code: {status}, Request ID: {request_id})"
    message = f"{response['Error']['Message']} {origin} (SDK Attempt Count: 1)"
    return HandlerError(code, handler_message(message, _HANDLER_CODES.get(code, "GeneralServiceException")))
