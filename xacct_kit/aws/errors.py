"""From what a call raised to what it means, with the raw answer as evidence.

A denial comes only from a text that says so or from a code that has no other meaning; which layer denied is
read from the sentence (`xacct_kit.aws.grammar`). The rules are one table (`xacct_kit.aws.error_rules`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xacct_kit.aws.envelopes import error_name, service_prefix, unwrap
from xacct_kit.aws.error_rules import ErrorAnswer, rule_for
from xacct_kit.aws.grammar import assumes_role, read_refusal, tell_fix, tell_reason
from xacct_kit.aws.redaction import Redactor, redact
from xacct_kit.aws.sdk_errors import name_of_text, names_of, names_of_code, text_of
from xacct_kit.errors import RequestError
from xacct_kit.report import Outcome
from xacct_kit.report import OutcomeKind as Kind
from xacct_kit.strict_json import type_name

# Kinds of which the same call may come back otherwise, and nobody has to do anything for it.
RETRYABLE = frozenset({Kind.THROTTLED, Kind.NETWORK, Kind.SERVICE_ERROR, Kind.DATA_PENDING})

_BARE_DENIAL = re.compile(r"(?:access denied|forbidden|not authorized)?\.?", re.IGNORECASE)


def classify(error: BaseException, service: str = "", redactor: Redactor = redact) -> Outcome:
    """Say what an exception from a call to AWS means.

    Parameters:
        error: what botocore, or code around it, raised.
        service: the service that was called. botocore does not keep it, and few answers depend on it.
        redactor: knows the secrets that the answer may repeat.

    Returns:
        What it means, with the redacted answer as evidence; `UNKNOWN` where that cannot be told.
    """
    operation = str(getattr(error, "operation_name", "") or "")
    for attribute in ("response", "last_response"):
        response = getattr(error, attribute, None)
        if isinstance(response, Mapping) and isinstance(response.get("Error"), Mapping):
            return _of_response(response, service, operation, redactor)
    said = redactor(text_of(error) or _wrapped(error))
    return _outcome(names_of(type(error)), _evidence(type(error).__name__, said, service, operation, None))


def _wrapped(error: BaseException) -> str:
    """The text of an exception that only hands on what AWS answered; empty for any other."""
    text = str(error)
    return text if unwrap(text).codes else ""


def classify_parts(
    service: str, code: str, message: str, operation: str = "", http_status: int | None = None
) -> Outcome:
    """Say what an error answer means, given its parts.

    Parameters:
        service: IAM prefix or SDK name of the service; may be empty.
        code: the error code, or the name of an exception of botocore or the network.
        message: the text of the answer, with or without what an SDK wrapped around it.
        operation: the operation that was called; may be empty.
        http_status: the HTTP status, where there was an answer.
    """
    evidence = _evidence(redact(code), redact(message), service, operation, http_status)
    return _outcome(names_of_code(code), evidence)


def classify_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Classify one line of a batch.

    Parameters:
        line: `service`, `operation`, `code`, `http_status` and `message`; only code or message is needed.

    Returns:
        `kind`, `explicit`, `action`, `policy_arn`, `reason`, `fix` and `retryable`, ready for JSON.

    Raises:
        RequestError: the line cannot be read.
    """
    outcome = classify_parts(**_parts(line))
    fields = ("explicit", "action", "policy_arn", "reason", "fix", "retryable")
    return {"kind": outcome.kind.value} | {name: getattr(outcome, name) for name in fields}


def _of_response(response: Mapping[str, Any], service: str, operation: str, redactor: Redactor) -> Outcome:
    error = response["Error"]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code, message = str(error.get("Code") or ""), str(error.get("Message") or "")
    return classify_parts(service, redactor(code), redactor(message), operation, status)


def _parts(line: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(line, Mapping):
        raise RequestError(f"a line to classify must be a JSON object, not {type_name(line)}")
    parts: dict[str, Any] = {name: _text(line, name) for name in ("service", "operation", "code", "message")}
    if not (parts["code"] or parts["message"]):
        raise RequestError("a line to classify needs a code or a message")
    status = _text(line, "http_status")
    if status and not re.fullmatch(r"[1-5][0-9][0-9]", status):
        raise RequestError(f"http_status must be a whole number from 100 to 599, not {status[:20]!r}")
    return parts | {"http_status": int(status) if status else None}


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        wanted = "a whole number from 100 to 599" if name == "http_status" else "text"
        raise RequestError(f"{name} must be {wanted}, not {type_name(value)}")
    return str(value).strip()


def _evidence(code: str, message: str, service: str, operation: str, status: int | None) -> dict[str, str]:
    found = {
        "code": code,
        "http_status": str(status) if status is not None else "",
        "message": message,
        "service": service,
        "operation": operation,
    }
    return {name: value for name, value in found.items() if value}


def _outcome(names: tuple[str, ...], evidence: Mapping[str, str]) -> Outcome:
    answer = _answer(names, evidence)
    rule = rule_for(answer)
    kind = _narrowed(answer) if rule.kind is Kind.DENIED_UNSPECIFIED else rule.kind
    refusal = answer.refusal
    call = ":".join(filter(None, (answer.service, answer.operation))) if answer.operation else ""
    return Outcome(
        kind=kind,
        explicit=kind.denied and refusal.explicit,
        reason=tell_reason(kind, call, answer.text, refusal),
        fix=rule.fix or tell_fix(kind, call, refusal),
        retryable=kind in RETRYABLE if rule.retryable is None else rule.retryable,
        action=refusal.action if kind.denied else None,
        resource=refusal.resource if kind.denied else None,
        principal=refusal.principal if kind.denied else None,
        policy_arn=refusal.policy_arn if kind.denied else None,
        evidence=evidence,
    )


def _answer(names: tuple[str, ...], evidence: Mapping[str, str]) -> ErrorAnswer:
    envelope = unwrap(evidence.get("message", ""))
    refusal = read_refusal(envelope.text)
    status = evidence.get("http_status")
    prefix = (refusal.action or "").partition(":")[0]
    return ErrorAnswer(
        service=service_prefix(evidence.get("service") or envelope.service or prefix),
        operation=evidence.get("operation") or envelope.operation,
        codes=_groups(
            names, *((code,) for code in envelope.codes), names_of_code(name_of_text(envelope.text))
        ),
        http_status=int(status) if status else envelope.http_status,
        text=envelope.text,
        refusal=refusal,
    )


def _groups(*sources: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The names of each source that has any, without the endings of exceptions."""
    named = (tuple(filter(None, map(error_name, names))) for names in sources)
    return tuple(names for names in named if names)


def _narrowed(answer: ErrorAnswer) -> Kind:
    """The layer that refused, as far as the answer tells."""
    refusal = answer.refusal
    if refusal.layer:
        return refusal.layer
    if refusal.explicit:
        return Kind.DENIED_EXPLICIT
    bare = _BARE_DENIAL.fullmatch(answer.text)
    # One text for a missing role, a trust policy without the caller and a wrong external ID.
    trust = assumes_role(refusal.action) or (bare and assumes_role(answer.operation))
    return Kind.DENIED_TRUST if trust else Kind.DENIED_UNSPECIFIED
