"""Whether an answer can be AWS's own: whole, in the service's protocol, and to the operation that was called.

botocore makes a result of nearly everything that comes with a good status, and reads a bare status as an
error code. So an answer is looked at before botocore reads it.
https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from xacct_kit.report import Outcome, OutcomeKind


class ForeignAnswer(Exception):
    """An answer that is not AWS's, or not the whole of it. Its text is not kept: it may hold credentials.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, fault: str, status: int) -> None:
        super().__init__(fault)
        self.status = status

    def outcome(self, call: str, region: str) -> Outcome:
        """What is known of the call that was answered so: nothing."""
        evidence = {"code": "ForeignAnswer", "http_status": str(self.status), "message": str(self)}
        return unreadable(call, region, str(self), evidence)


def refuse_foreign(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Keep from botocore's parsers what AWS cannot have answered: a handler of the event `before-parse`.

    Parameters:
        operation_model: botocore's model of the operation that was called.
        response_dict: status code, headers and body; of a server that is down the body is taken off.

    Raises:
        ForeignAnswer: the answer is not one of AWS to this operation.
    """
    if operation_model.has_streaming_output or operation_model.http.get("method") == "HEAD":
        return
    status, missing = response_dict["status_code"], _missing(response_dict)
    fault = missing or _fault(operation_model, response_dict)
    if fault and status >= 500 and not missing:
        # A server that is down: without its page botocore takes it for one, and tries again.
        response_dict["body"] = b""
    elif fault:
        raise ForeignAnswer(fault, status)


def is_from_aws(response: Mapping[str, Any]) -> bool:
    """Whether an answer has a request ID, as every answer of AWS has."""
    metadata = response.get("ResponseMetadata", {})
    return bool(metadata.get("RequestId") or metadata.get("HostId"))


def without_request_id(outcome: Outcome, call: str, region: str) -> Outcome:
    """What is known of an answer without a request ID: nothing; a fault that passes stays one.

    Parameters:
        outcome: what the answer would mean if it were AWS's.
        call: service and operation.
        region: where it was made.
    """
    if outcome.kind in (OutcomeKind.NETWORK, OutcomeKind.SERVICE_ERROR, OutcomeKind.THROTTLED):
        return outcome
    return unreadable(call, region, "it has no request ID", outcome.evidence)


def unreadable(call: str, region: str, fault: str, evidence: Mapping[str, str]) -> Outcome:
    """What is known of a call that was not answered by AWS: nothing.

    Parameters:
        call: service and operation.
        region: where it was made.
        fault: why the answer is not one of AWS.
        evidence: code and HTTP status of the answer.
    """
    status = f" (HTTP {evidence['http_status']})" if "http_status" in evidence else ""
    return Outcome(
        kind=OutcomeKind.NETWORK,
        reason=f"{call} in {region} got an answer over the network{status} that is not from AWS, or is not "
        f"whole: {fault}.",
        fix="Look for a proxy, a sign-in page of the network, or a wrong endpoint URL.",
        retryable=True,
        evidence=evidence,
    )


def _missing(response: Mapping[str, Any]) -> str:
    """What of a body did not come; botocore does not ask."""
    came, length = len(response["body"] or b""), response["headers"].get("content-length", "")
    return f"{came} of {length} bytes came" if length.isdigit() and int(length) != came else ""


def _fault(model: Any, response: Mapping[str, Any]) -> str:
    """Why an answer cannot be one of AWS to an operation; empty if it can."""
    body: bytes = response["body"] or b""
    protocol = model.service_model.resolved_protocol
    if protocol not in _SUCCESSES:
        return ""
    refused = response["status_code"] >= 300
    return _REFUSALS[protocol](response["headers"], body) if refused else _SUCCESSES[protocol](model, body)


def _operation_result(model: Any, body: bytes) -> str:
    """The protocols that name the operation in their answer."""
    name = _name(_root(body))
    return "" if name == f"{model.name}Response" else _instead(f"<{model.name}Response>", name)


def _rest_xml_result(model: Any, body: bytes) -> str:
    root = _root(body) if body else None
    # The root may be the one member itself.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    found = None if root is None else {_name(each) for each in (root, *root)}
    return _without_members(model, "XML", found)


def _json_result(model: Any, body: bytes) -> str:
    found = _object(body) if body else {}
    return _without_members(model, "JSON", None if found is None else {*found})


def _without_members(model: Any, language: str, found: set[str] | None) -> str:
    wanted = {*_members(model.output_shape)}
    if found is None:
        return f"it is no {language}" if wanted else ""
    return "" if not wanted or wanted & found else f"it has nothing of what {model.name} answers"


def _members(shape: Any) -> Mapping[str, Any]:
    """What the body of an answer may hold, as it is spelled there."""
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    if payload:
        shape = shape.members[payload]
    members = getattr(shape, "members", {})
    in_body = {name: each for name, each in members.items() if "location" not in each.serialization}
    return {_spelling(name, each): each for name, each in in_body.items()}


def _spelling(name: str, shape: Any) -> str:
    flattened = shape.type_name == "list" and shape.serialization.get("flattened")
    item = shape.member.serialization.get("name", "") if flattened else ""
    return str(item or shape.serialization.get("name", name))


def _xml_refusal(_: Mapping[str, str], body: bytes) -> str:
    root = _root(body)
    if _name(root) not in ("Error", "ErrorResponse", "Response") or root is None:
        return _instead("an error of AWS", _name(root))
    coded = any(_name(each) == "Code" and each.text for each in root.iter())
    return "" if coded else "it is an error without a code"


def _json_refusal(_: Mapping[str, str], body: bytes) -> str:
    found = _object(body)
    return "" if found and (found.get("__type") or found.get("code")) else "it is no error of AWS"


def _rest_json_refusal(headers: Mapping[str, str], body: bytes) -> str:
    return (
        "" if headers.get("x-amzn-errortype") and _object(body) is not None else _json_refusal(headers, body)
    )


_SUCCESSES: Mapping[str, Callable[[Any, bytes], str]] = {
    "query": _operation_result,
    "ec2": _operation_result,
    "rest-xml": _rest_xml_result,
    "json": _json_result,
    "rest-json": _json_result,
}
_REFUSALS: Mapping[str, Callable[[Mapping[str, str], bytes], str]] = {
    "query": _xml_refusal,
    "ec2": _xml_refusal,
    "rest-xml": _xml_refusal,
    "json": _json_refusal,
    "rest-json": _rest_json_refusal,
}


def _root(body: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, LookupError, ValueError):
        # An encoding that Python does not know is a LookupError or a ValueError.
        return None


def _name(element: ElementTree.Element | None) -> str:
    """The name of an element without its namespace; empty where there is none."""
    return "" if element is None else str(element.tag).rpartition("}")[2]


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _instead(wanted: str, found: str) -> str:
    return f"it is <{found}> and not {wanted}" if found else f"it is no XML, and not {wanted}"
