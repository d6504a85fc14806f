"""How AWS is spoken: a request becomes a call, and an answer or a fault becomes a response.

Operations are recognised and their parameters read by botocore's service models, through moto's routers and
parsers, so that what is authorised is what is carried out.
"""

from __future__ import annotations

import functools
import io
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from xacct_kit.sandbox.faults import ServiceFault

# The name in a request's credential scope, which is IAM's prefix too, and botocore's name of the service.
# Services that the role's documents do not name are here so that their refusal can be tried.
SERVICES: Mapping[str, str] = {
    "ce": "ce",
    "cloudformation": "cloudformation",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "elasticmapreduce": "emr",
    "iam": "iam",
    "organizations": "organizations",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
}


@dataclass(frozen=True)
class Response:
    """An HTTP response, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application does."""
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else self.body
        headers = {**self.headers, "Content-Length": str(len(body))}
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
    """Read the request's body and leave it in place for the next reader."""
    length = -1 if environ.get("wsgi.input_terminated") else 0
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or length))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def recognise(service: str, environ: dict[str, Any]) -> Operation:
    """Read which operation a request asks for.

    Raises:
        ServiceFault: the service has no such operation, or its parameters cannot be read.
    """
    request = Request(environ)
    if _two_actions(request):
        raise ServiceFault(400, "InvalidAction", "The query string and the body name different actions.")
    try:
        model, path_params = get_service_router(SERVICES[service]).match(request)
        protocol = determine_request_protocol(get_service_model(SERVICES[service]), request.content_type)
        params = _parameters(request, model, protocol, path_params)
    except (NotFound, NotImplementedError) as error:
        raise ServiceFault(400, "InvalidAction", f"{service} has no such operation.") from error
    except (RequestParserError, ValueError) as error:
        raise ServiceFault(400, "SerializationException", f"The request cannot be read: {error}") from error
    return Operation(service, str(model.name), params)


def _two_actions(request: Request) -> bool:
    in_body = request.form.get("Action")
    return in_body is not None and request.args.get("Action", in_body) != in_body


def _parameters(
    request: Request, model: Any, protocol: str, path_params: Mapping[str, Any]
) -> Mapping[str, Any]:
    parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](model, map_type=dict).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": dict(path_params),
        }
    )
    return parsed


def protocol_of(service: str) -> str:
    """The protocol that a service speaks; errors to unknown services are told in `query`."""
    if service not in SERVICES:
        return "query"
    return str(get_service_model(SERVICES[service]).protocol)


def answer(operation: Operation, result: Mapping[str, Any]) -> Response:
    """A result as the service puts it on the wire."""
    model = get_service_model(SERVICES[operation.service]).operation_model(operation.name)
    serializer = get_serializer_class(SERVICES[operation.service], protocol_of(operation.service))(model)
    wire = serializer.serialize(dict(result))
    body = wire["body"]
    return Response(
        wire["status_code"], dict(wire["headers"]), body.encode() if isinstance(body, str) else bytes(body)
    )


# The same fault has another code in each protocol.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
_JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
}
_S3_CODES = {"InvalidClientTokenId": "InvalidAccessKeyId", "MissingAuthenticationToken": "AccessDenied"}
_EC2_CREDENTIAL_CODES = frozenset({"InvalidClientTokenId", "SignatureDoesNotMatch"})


def refusal(service: str, fault: ServiceFault) -> Response:
    """A fault as the service puts it on the wire."""
    request_id = str(uuid.uuid4())
    render = _RENDERERS.get(protocol_of(service), _query_refusal)
    return render(service, fault, request_id)


def _json_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    code = _JSON_CODES.get(fault.code, fault.code)
    body = json.dumps({"__type": code, "message": fault.message, "Message": fault.message})
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": request_id}
    return Response(fault.status if fault.status >= 500 else 400, headers, body.encode())


def _ec2_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    status, code, message = fault.status, fault.code, fault.message
    if code in _EC2_CREDENTIAL_CODES:
        message = "AWS was not able to validate the provided access credentials"
        status, code = 401, "AuthFailure"
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    return _xml(status, body, request_id)


def _rest_xml_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    code = _S3_CODES.get(fault.code, fault.code)
    inner = f"<Code>{code}</Code><Message>{escape(fault.message)}</Message>"
    return _xml(fault.status, f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>", request_id)


def _query_refusal(service: str, fault: ServiceFault, request_id: str) -> Response:
    inner = f"<Type>Sender</Type><Code>{fault.code}</Code><Message>{escape(fault.message)}</Message>"
    opening = f'<ErrorResponse xmlns="{_namespace(service)}">'
    body = f"{opening}<Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    return _xml(fault.status, body, request_id)


_RENDERERS = {
    "json": _json_refusal,
    "ec2": _ec2_refusal,
    "rest-xml": _rest_xml_refusal,
    "query": _query_refusal,
}


def _xml(status: int, body: str, request_id: str) -> Response:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return Response(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())


@functools.cache
def _namespace(service: str) -> str:
    model = get_service_model(SERVICES.get(service, "sts"))
    return str(model.metadata.get("xmlNamespace", ""))
