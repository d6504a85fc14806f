"""What AWS, or what stands before it, may answer: disturbances of which a test makes its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from indiscreet_aws import Disturbance, Request, Response

from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.protocol import refusal


def refused(status: int, code: str, text: Callable[[Request], str]) -> Disturbance:
    """An error, as the service that was asked puts it on the wire."""

    def answer(request: Request, _: Response) -> Response:
        said = refusal(request.service, ServiceFault(status, code, text(request)))
        return Response(said.status, said.headers, said.body)

    return answer


def edited(pattern: bytes, replacement: bytes) -> Disturbance:
    """The sandbox's answer with something else in it."""
    return lambda _, response: replace(response, body=re.sub(pattern, replacement, response.body))


def with_reason(text: str) -> Disturbance:
    """The events of a stack, each with a reason."""
    reason = f"<ResourceStatusReason>{text}</ResourceStatusReason>".encode()
    element = rb"(</LogicalResourceId>)(?:<ResourceStatusReason>.*?</ResourceStatusReason>)?"
    return edited(element, rb"\1" + reason)


def cut_short(_: Request, response: Response) -> Response:
    """The sandbox's answer without its end."""
    return replace(response, body=response.body[:-30])


def page(status: int) -> Disturbance:
    """A page that repeats what was sent, as a server does that is being debugged."""

    def answer(request: Request, _: Response) -> Response:
        sent = f"{request.method} {request.path}"
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        body = f"<html><body><pre>{sent}\n{headers}\n\n{request.body.decode()}</pre><p></html>"
        return Response(status, {"content-type": "text/html"}, body.encode())

    return answer
