"""Calls that the sandbox makes within itself, without a socket: a request is built and its answer read.

CloudFormation makes every resource by such a call, as the principal that asked for the stack.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from werkzeug.test import EnvironBuilder

from xacct_kit.sandbox.protocol import Response


def build_environ(model: Any, params: dict[str, Any], region: str) -> dict[str, Any]:
    """The WSGI environment of a call, as if it had come by HTTP."""
    request = create_serializer(model.service_model.protocol).serialize_to_request(params, model)
    body, headers = request["body"], dict(request["headers"])
    if isinstance(body, dict):
        body = urlencode(body)
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    # moto takes service and region from the credential scope.
    scope = f"INTERNAL/20000101/{region}/{model.service_model.signing_name}/aws4_request"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    builder = EnvironBuilder(
        method=request["method"],
        path=request["url_path"],
        query_string=request["query_string"] or None,
        headers=headers,
        data=body or b"",
    )
    environ: dict[str, Any] = builder.get_environ()
    environ["RAW_URI"] = request["url_path"]
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
        raise ClientError(parsed, model.name)  # type: ignore[arg-type]
    return parsed
