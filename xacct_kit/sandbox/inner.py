"""Calls as the state engine gets them, without a socket: a request is written and its answer read.

CloudFormation makes every resource by such a call, as the principal that asked for the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from werkzeug.test import EnvironBuilder

from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.protocol import MALFORMED, Operation, Response, model_of
from xacct_kit.sandbox.services import SERVICES


def restated(operation: Operation, region: str, environ: dict[str, Any] | None) -> dict[str, Any]:
    """A request written anew, so that it says nothing but what was recognised and authorised.

    moto reads some requests otherwise: it takes an action in the query string before the one in the header, a
    region from the host or the user agent, and leads some paths to its own controls. Of a request to S3, the
    body and the headers about the object are passed on as they came.

    Raises:
        ServiceFault: a parameter is not of its type, or the path is not that of a bucket.
    """
    model = model_of(SERVICES[operation.service]).operation_model(operation.name)
    try:
        anew = _build_environ(model, operation.params, region)
    except MALFORMED as error:
        raise ServiceFault(400, "SerializationException", f"The request cannot be read: {error}") from error
    if operation.service != "s3":
        return anew
    if anew["PATH_INFO"].startswith(_NOT_BUCKETS):
        raise ServiceFault(400, "InvalidBucketName", "The specified bucket is not valid.")
    if environ is None:
        return anew
    # moto takes what has no such header, as presigned URLs have none, for unsigned.
    unsigned = {"HTTP_AUTHORIZATION": anew["HTTP_AUTHORIZATION"]}
    return {**unsigned, **environ, **{name: anew[name] for name in _PLACE}, "HTTP_USER_AGENT": ""}


_PLACE = ("HTTP_HOST", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_URI")

# Paths that moto does not take for a bucket's: its own controls, instance metadata, S3 Control.
_NOT_BUCKETS = ("/moto-api", "/latest/", "/favicon.ico", "/v20180820/")


def _build_environ(model: Any, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The WSGI environment of a call, as if it had come by HTTP."""
    serializer = create_serializer(model.service_model.protocol, include_validation=False)
    request = serializer.serialize_to_request(dict(params), model)
    body, headers = request["body"], dict(request["headers"])
    if isinstance(body, dict):
        body = urlencode(body)
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    # moto takes service and region from the credential scope.
    scope = f"INTERNAL/20000101/{region}/{model.service_model.signing_name}/aws4_request"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    path, _, fixed_query = request["url_path"].partition("?")
    query = "&".join(filter(None, (fixed_query, urlencode(request["query_string"], doseq=True))))
    builder = EnvironBuilder(
        method=request["method"],
        path=path,
        base_url="http://127.0.0.1",
        query_string=query,
        headers=headers,
        data=body or b"",
    )
    environ: dict[str, Any] = builder.get_environ()
    environ["RAW_URI"] = path
    return environ


def parse(model: Any, response: Response) -> dict[str, Any]:
    """Read an answer as botocore does.

    Raises:
        ClientError: the answer is an error.
    """
    wire = {
        "status_code": response.status,
        "headers": {name.lower(): value for name, value in response.headers.items()},
        "body": response.body,
    }
    parsed: dict[str, Any] = create_parser(model.service_model.protocol).parse(wire, model.output_shape)
    if response.status >= 300:
        raise ClientError(parsed, model.name)
    return parsed
