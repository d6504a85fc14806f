"""How AWS is spoken: a request becomes a call, and an answer or a fault becomes a response.

Operations are recognised and their parameters read by botocore's service models, through moto's routers and
parsers, so that what is authorised is what is carried out.
"""

from __future__ import annotations

import functools
import io
import json
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import get_content_length

from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.services import SERVICES


@dataclass(frozen=True)
class Response:
    """An HTTP response, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application does."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if environ["REQUEST_METHOD"] == "HEAD" and self.status < 300:
            # It tells the length of the object that it does not send.
            body = b""
        else:
            body = b"" if environ["REQUEST_METHOD"] == "HEAD" else self.body
            headers["content-length"] = str(len(body))
        start_response(f"{self.status} {'OK' if self.status < 400 else 'Refused'}", list(headers.items()))
        return [body]


@dataclass(frozen=True)
class Operation:
    """One operation of one service, with the parameters that a request gives it.

    Attributes:
        service: the IAM prefix, which is the signing name.
        name: the operation, such as `ListClusters`.
        params: the parameters as botocore's model names them.
    """

    service: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


def buffered(environ: dict[str, Any]) -> bytes:
    """Read the request's body and leave it in place for the next reader.

    Raises:
        ServiceFault: the body is not as its headers say.
    """
    length = -1 if environ.get("wsgi.input_terminated") else get_content_length(environ) or 0
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except OSError as error:
        raise ServiceFault(400, "IncompleteBody", f"The body cannot be read: {error}") from error
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


# What moto's parsers and botocore's serializers raise when a value is not of the shape that they expect.
MALFORMED = (RequestParserError, ValueError, TypeError, AttributeError, LookupError)


_ONE_AT_A_TIME = threading.Lock()


def model_of(service: str) -> Any:
    """Moto's model of a service, by botocore's name of it.

    It makes an operation when it is first asked for, and while it does, whoever else asks is given botocore's
    operation, which moto's routers cannot take. So all of them are made at once, before anybody is given one.

    Raises:
        UnknownServiceError: botocore has no service of that name.
    """
    with _ONE_AT_A_TIME:
        return _whole_model(service)


@functools.cache
def _whole_model(service: str) -> Any:
    model = get_service_model(service)
    for name in model.operation_names:
        model.operation_model(name)
    return model


def recognise(service: str, environ: dict[str, Any]) -> Operation:
    """Read which operation a request asks for.

    Parameters:
        service: IAM's prefix of the service.
        environ: the request.

    Raises:
        ServiceFault: the service has no such operation, or its parameters cannot be read.
    """
    request = Request(environ)
    if _two_actions(request):
        raise ServiceFault(400, "InvalidAction", "The query string and the body name different actions.")
    try:
        described = model_of(SERVICES[service])
        model, path_params = get_service_router(SERVICES[service]).match(request)
        protocol = determine_request_protocol(described, request.content_type)
        params = _parameters(request, model, protocol, path_params)
        _check_complete(model, params, protocol)
    except (NotFound, NotImplementedError) as error:
        raise ServiceFault(400, "InvalidAction", f"{service} has no such operation.") from error
    except MALFORMED as error:
        raise ServiceFault(400, "SerializationException", f"The request cannot be read: {error}") from error
    return Operation(service, str(model.name), params)


_TYPES: Mapping[str, Any] = {"list": list, "map": dict, "string": str, "structure": dict}


def _check_complete(model: Any, params: Mapping[str, Any], protocol: str) -> None:
    """Refuse a request that lacks what it must have; what S3 must have makes the operation.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    https://github.com/pulumi/pulumi-aws/issues/2357

    Raises:
        ServiceFault: it does.
        TypeError: a parameter is not of its type.
    """
    missing = next(_missing(model.input_shape, params), None)
    if missing is None or protocol == "rest-xml":
        return
    if protocol == "ec2":
        raise ServiceFault(400, "MissingParameter", f"The request must contain the parameter {missing[-1]}")
    place = ".".join(name[0].lower() + name[1:] for name in missing)
    text = f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
    raise ServiceFault(400, "ValidationError", f"1 validation error detected: {text}")


def _missing(shape: Any, value: Any, *place: str) -> Iterator[tuple[str, ...]]:
    """Where a value lacks what its shape requires.

    Raises:
        TypeError: it is not of its shape's type.
    """
    if value is None or shape is None:
        return
    if not isinstance(value, _TYPES.get(shape.type_name, object)):
        raise TypeError(f"{'.'.join(place)} is not a {shape.type_name}")
    if shape.type_name == "structure":
        yield from ((*place, name) for name in shape.required_members if value.get(name) is None)
        for name, member in shape.members.items():
            yield from _missing(member, value.get(name), *place, name)
    elif shape.type_name == "list":
        for number, each in enumerate(value, start=1):
            yield from _missing(shape.member, each, *place, str(number), "member")


def _two_actions(request: Request) -> bool:
    in_body = request.form.get("Action")
    return in_body is not None and request.args.get("Action", in_body) != in_body


def _parameters(
    request: Request, model: Any, protocol: str, path_params: Mapping[str, Any]
) -> Mapping[str, Any]:
    parsed: dict[str, Any] | None = PROTOCOL_PARSERS[protocol](model, map_type=dict).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": dict(path_params),
        }
    )
    return parsed or {}


@functools.cache
def protocol_of(service: str) -> str:
    """The protocol that a service speaks; empty when botocore does not know the service by this name."""
    try:
        return str(model_of(SERVICES.get(service, service)).protocol)
    except UnknownServiceError:
        return ""


def resembling(environ: Mapping[str, Any]) -> str:
    """A service that speaks as a request does which names none that is known."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return "ssm"
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return "sts" if form or "Action=" in environ.get("QUERY_STRING", "") else "s3"


def answer(operation: Operation, result: Mapping[str, Any]) -> Response:
    """A result, in the shape in which boto3 gives it, as the service puts it on the wire."""
    model = model_of(SERVICES[operation.service]).operation_model(operation.name)
    serializer = get_serializer_class(SERVICES[operation.service], protocol_of(operation.service))(model)
    serializer.context.request_id = str(uuid.uuid4())
    wire = serializer.serialize(dict(result))
    body = wire["body"]
    headers = {"x-amzn-RequestId": serializer.context.request_id, **wire["headers"]}
    return Response(wire["status_code"], headers, body.encode() if isinstance(body, str) else bytes(body))


_NOT_VALIDATED = (401, "AuthFailure", "AWS was not able to validate the provided access credentials")

# The same fault has another status, code or text in each protocol; {} is the text that it has.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_DIALECTS: Mapping[str, Mapping[str, tuple[int, str, str]]] = {
    "query": {"InvalidToken": (403, "InvalidClientTokenId", "{}")},
    "json": {
        "AccessDenied": (400, "AccessDeniedException", "{}"),
        "ExpiredToken": (400, "ExpiredTokenException", "{}"),
        "InvalidAction": (400, "UnknownOperationException", "{}"),
        "InvalidClientTokenId": (400, "UnrecognizedClientException", "{}"),
        "InvalidToken": (400, "UnrecognizedClientException", "{}"),
        "MissingAuthenticationToken": (400, "MissingAuthenticationTokenException", "{}"),
        "SignatureDoesNotMatch": (400, "InvalidSignatureException", "{}"),
        "Throttling": (400, "ThrottlingException", "{}"),
        "ValidationError": (400, "ValidationException", "{}"),
    },
    "ec2": {
        "AccessDenied": (
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. {}",
        ),
        "ExpiredToken": (400, "RequestExpired", "Request has expired."),
        "InvalidClientTokenId": _NOT_VALIDATED,
        "InvalidToken": _NOT_VALIDATED,
        "SignatureDoesNotMatch": _NOT_VALIDATED,
    },
    "rest-xml": {
        "ExpiredToken": (400, "ExpiredToken", "The provided token has expired."),
        "InvalidAction": (
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        ),
        "InvalidClientTokenId": (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        "InvalidToken": (400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
        "MissingAuthenticationToken": (403, "AccessDenied", "Access Denied"),
        "SignatureDoesNotMatch": (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key "
            "and signing method.",
        ),
    },
}


def refusal(service: str, fault: ServiceFault) -> Response:
    """A fault as the service puts it on the wire."""
    protocol = protocol_of(service)
    protocol = {"rest-json": "json"}.get(protocol, protocol)
    unchanged = (fault.status, fault.code, "{}")
    status, code, text = _DIALECTS.get(protocol, _DIALECTS["query"]).get(fault.code, unchanged)
    render = _RENDERERS.get(protocol, _query_refusal)
    return render(service, ServiceFault(status, code, text.format(fault.message)), str(uuid.uuid4()))


def _json_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    body = json.dumps({"__type": fault.code, "message": fault.message, "Message": fault.message})
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "x-amzn-RequestId": request_id,
        "x-amzn-ErrorType": fault.code,
    }
    return Response(fault.status, headers, body.encode())


def _ec2_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    errors = f"<Errors><Error>{_code_and_message(fault)}</Error></Errors>"
    body = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
    return _xml(fault.status, body, request_id)


def _rest_xml_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    body = f"<Error>{_code_and_message(fault)}<RequestId>{request_id}</RequestId></Error>"
    return _xml(fault.status, body, request_id)


def _query_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    opening = f'<ErrorResponse xmlns="{_namespace(service)}">'
    error = f"<Error><Type>Sender</Type>{_code_and_message(fault)}</Error>"
    body = f"{opening}{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return _xml(fault.status, body, request_id)


def _code_and_message(fault: ServiceFault) -> str:
    return f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"


_RENDERERS = {
    "json": _json_refusal,
    "ec2": _ec2_refusal,
    "rest-xml": _rest_xml_refusal,
    "query": _query_refusal,
}


def _xml(status: int, body: str, request_id: str) -> Response:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    return Response(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())


@functools.cache
def _namespace(service: str) -> str:
    model = model_of(SERVICES.get(service, "sts"))
    return str(model.metadata.get("xmlNamespace", ""))
