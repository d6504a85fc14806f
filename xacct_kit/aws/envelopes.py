"""What SDKs, tools and CloudFormation wrap around the text of a service, and how they spell its names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xacct_kit.aws.redaction import redact


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What was wrapped around the text of a service.

    Attributes:
        text: what the service said, on one line, without the wrapping and the encoded message.
        codes: the error codes that the wrapping names, the most telling first.
        operation: the operation that the wrapping names; empty where it names none.
        service: the service that the wrapping names, in the SDK's spelling.
        http_status: the status that the wrapping names.
    """

    text: str
    codes: tuple[str, ...] = ()
    operation: str = ""
    service: str = ""
    http_status: int | None = None


# Outermost first. Each is taken off as often as it is found; the text of the service begins behind it.
_PREFIXES = tuple(
    map(
        re.compile,
        (
            r"(?:An error occurred|A client error) \((?P<code>[^()\s]+)\)(?: occurred)?"
            r"(?: when calling the (?P<operation>\w+) operation)?(?: \(reached max retries: \d+\))?"
            r"(?:[:.] ?)?",
            r"\boperation error (?P<service>[\w ]+): (?P<operation>\w+), ",
            r"\bhttps response error StatusCode: (?P<status>\d{1,3}),(?: (?:RequestID|HostID): [^,]*,)* ",
            r"\bapi error (?P<code>[\w.]+):(?: |$)",
            r"\bbotocore\.(?:exceptions|errorfactory)\.(?P<code>\w+):(?: |$)",
            r"<Code>(?P<code>[\w.]+)</Code>\s*<Message>",
            r'\{(?:"__type": ?"(?P<code>[\w.#]+)", ?)?"[Mm]essage": ?"',
            r'\bResource handler returned message: "',
            r"^[\w:]+ Handler returned status FAILED: ",
            r"^aws: \[ERROR\]: ",
        ),
    )
)
# `(Service: Ec2, Status Code: 400, Request ID: …) (RequestToken: …, HandlerErrorCode: …)`
_DETAILS = re.compile(
    r"\((?:Service|Request(?: ID|Token)|Status Code|HandlerErrorCode|SDK Attempt Count): ?[^()]*\)"
)
# The most telling first. Of several details the last is the outermost.
_IN_DETAILS = tuple(
    map(
        re.compile,
        (
            r"\bService: ?(?P<service>[^;,()]+)",
            r"\bStatus Code: ?(?P<status>\d{3})",
            r"\bError Code: ?(?P<code>[\w.]+)",
            r"\bHandlerErrorCode: ?(?P<code>[\w.]+)",
        ),
    )
)
_SUFFIXES = tuple(
    map(
        re.compile,
        (
            r"\bstatus code: (?P<status>\d{3}), request id: \S+",
            r",? S3 Extended Request ID: \S+$",
            r"\bHandlerErrorCode: (?P<code>[\w.]+)",
            r"</Message>.*$",
            r' Additional error details:.*$|"\}+$',
        ),
    )
)
_ONE_QUOTE = "Resource handler returned message:"
# `ThrottlingException: Rate exceeded`, with or without the path of the class.
_LEADING_NAME = re.compile(r"^(?:[\w$]+\.)*(?P<code>[A-Z][a-z]\w*[A-Z]\w*(?:\.[A-Z]\w+)?): (?=\S)")
_NAME_OF_AN_ERROR = re.compile(r".*(?:Exception|Error|Fault)")


def unwrap(message: str) -> Envelope:
    """Take the text of the service out of its wrapping."""
    text = " ".join(redact(message).split())
    quotes = text.count(_ONE_QUOTE)
    found: list[tuple[str, str]] = []
    for pattern in _PREFIXES:
        while match := pattern.search(text):
            found += _named(match)
            text = text[match.end() :]
    text, details = _without_details(text)
    text = _close(text.replace("Encoded authorization failure message: (cut)", ""), quotes)
    if match := _LEADING_NAME.match(text):
        details += _named(match)
        text = text[match.end() :] if _NAME_OF_AN_ERROR.fullmatch(match["code"]) else text
    return _envelope(" ".join(text.split()), found + details)


def _without_details(text: str) -> tuple[str, list[tuple[str, str]]]:
    details = " ".join(_DETAILS.findall(text))
    matches = (match for pattern in _IN_DETAILS for match in reversed([*pattern.finditer(details)]))
    found = [pair for match in matches for pair in _named(match)]
    text = _DETAILS.sub("", text)
    for pattern in _SUFFIXES:
        while match := pattern.search(text):
            found += _named(match)
            text = text[: match.start()] + text[match.end() :]
    return text, found


def _named(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    return ((name, value.strip()) for name, value in match.groupdict().items() if value)


def _close(text: str, quotes: int) -> str:
    """The text without the quotation marks that CloudFormation closes behind it."""
    text = text.rstrip()
    for _ in range(quotes):
        text = text.removesuffix('"').rstrip()
    return text


def _envelope(text: str, found: list[tuple[str, str]]) -> Envelope:
    first = dict(reversed(found))
    # Before there is an answer, Go says that its status is 0.
    status = int(first.get("status", 0))
    return Envelope(
        text=text,
        codes=tuple(dict.fromkeys(value for name, value in found if name == "code")),
        operation=first.get("operation", ""),
        service=first.get("service", ""),
        http_status=status or None,
    )


# How SDKs and consoles call a service, where that is not its IAM prefix.
_IAM_PREFIXES: Mapping[str, str] = {
    "costexplorer": "ce",
    "emr": "elasticmapreduce",
    "identitymanagement": "iam",
    "identityandaccessmanagement": "iam",
    "securitytoken": "sts",
    "securitytokenservice": "sts",
    "simplesystemsmanagement": "ssm",
}


def error_name(code: str) -> str:
    """The code without namespace, side and the endings that differ from protocol to protocol.

    botocore's `ClientError` says only that there was an answer, and has no name of its own.
    """
    name = re.sub(r"^(?:.*#)?(?:(?:Client|Server|KMS|AWS\.\w+)\.(?=\w))?|:.*$", "", code.strip())
    return "" if name == "ClientError" else re.sub(r"(?<=\w)(?:Error|Exception|Fault)+$", "", name)


def service_prefix(service: str) -> str:
    """The IAM prefix of a service, from whatever an SDK calls it."""
    name = re.sub(r"^(?:amazon|aws)|[\s_-]|\..*", "", service.strip().lower())
    return _IAM_PREFIXES.get(name, name)
