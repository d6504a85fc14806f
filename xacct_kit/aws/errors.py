"""From what a call raised to what it means: one ordered table of rules for every service of AWS.

An answer is held against the rules from the top, and the first that fits decides. What no rule fits is
`UNKNOWN`, with the raw answer as evidence. A denial comes only from a text that says so or from a code
that has no other meaning; which layer denied is read from the sentence (`xacct_kit.aws.grammar`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from xacct_kit.aws.grammar import (
    Refusal,
    assumes_role,
    error_name,
    read_refusal,
    redact,
    service_prefix,
    tell_fix,
    tell_reason,
    unwrap,
)
from xacct_kit.errors import RequestError
from xacct_kit.report import Outcome
from xacct_kit.report import OutcomeKind as Kind


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An error, ready to be held against the rules.

    Attributes:
        service: the IAM prefix of the service; empty if it cannot be told.
        operation: the operation that was called; empty if it cannot be told.
        codes: the names that the error goes by, the most specific first, without `Exception` or `Error`.
        http_status: the HTTP status, where there was an answer.
        text: what the service said, without what SDKs wrap around it.
        refusal: the text, read as a refusal.
    """

    service: str
    operation: str
    codes: tuple[str, ...]
    http_status: int | None
    text: str
    refusal: Refusal


class Rule(NamedTuple):
    """What an answer means if it has all that the rule asks for; what is empty is not asked for.

    Attributes:
        kind: what the answer means; `DENIED_UNSPECIFIED` is narrowed down by the sentence.
        codes: pattern of the whole of one of the codes.
        text: pattern of a part of the text.
        services: the services that mean it so, separated by spaces.
        statuses: the HTTP statuses that mean it so.
        stated: whether the text itself has to say that somebody was refused.
        fix: what to do, where the kind alone does not tell.
        retryable: whether a repeated call may succeed, where the kind alone does not tell.
    """

    kind: Kind
    codes: str = ""
    text: str = ""
    services: str = ""
    statuses: Container[int] = ()
    stated: bool = False
    fix: str = ""
    retryable: bool | None = None

    def fits(self, answer: Answer) -> bool:
        """Whether the answer has all that the rule asks for."""
        return (
            (not self.services or answer.service in self.services.split())
            and (not self.statuses or answer.http_status in self.statuses)
            and (not self.codes or any(re.fullmatch(self.codes, code, re.I) for code in answer.codes))
            and (not self.text or re.search(self.text, answer.text, re.I) is not None)
            and (not self.stated or answer.refusal.stated)
        )


# https://docs.aws.amazon.com/cost-management/latest/userguide/ce-enable.html and ce-access.html: no API
# enables Cost Explorer, and one answer stands for three causes.
_ENABLE_COST_EXPLORER = (
    "In the management account open Billing and Cost Management, choose Cost Explorer to enable it (data "
    "appears within about 24 hours), and in its settings let member (linked) accounts use it; if both is "
    "done, activate IAM access to billing as the root user of this account."
)
_CHECK_ENDPOINT = (
    "Check the network, the proxy and the Region: an endpoint that cannot be reached may be one that the "
    "service does not have in that Region."
)
_CHECK_CERTIFICATES = (
    "A proxy that opens TLS needs its certificate in the bundle that AWS_CA_BUNDLE names; do not turn "
    "verification off."
)
_AWAIT_PRINCIPAL = "Check that every principal in the policy exists; a new one is known some seconds later."

_COST_EXPLORER_OFF = (
    r"not enabled for cost explorer|does(?: not|n.t) have access to cost\b|\bopt-in only feature"
    r"|cost explorer (?:is|has) ?(?:not|n.t)\b.{0,12}(?:enabled|activated)|\benable cost explorer"
)
_REGION_OFF = (
    r"not (?:activated|enabled|opted[- ]in) (?:in|for) (?:this|the) region"
    r"|\bregion\b.{0,40} (?:is|was|has) (?:disabled|not (?:been )?(?:enabled|activated|opted))"
    r"|\bopt(?:ed)?[- ]?in(?:to| to)? (?:this|the) region|not opted into the region"
)
_ACCOUNT_OFF = (
    r"\b(?:not subscribed|needs a subscription|not signed up|pending verification|currently blocked)\b"
    r"|\bsuspended\b|account must be verified|not a member of an organization"
    r"|\b(?:is not|isn.t|not been) (?:enabled|activated)\b|(?:don.t|do not) have access to the model"
    r"|\bopt[- ]in\b|\bat the (?:payer|management) account level"
)
_BAD_CREDENTIALS = (
    r"\btoken\b.{0,40}\b(?:expired|invalid|malformed|not found|revoked)\b|\binvalid (?:\w+ )?token\b"
    r"|access credentials|request has expired|signature (?:expired|we calculated|does not match)"
    r"|MultiFactorAuthentication failed|with session credentials|Unable to locate credentials"
    r"|\bsession\b.{0,40}\bhas expired"
)
_TOO_FAST = (
    r"\brate exceeded|\brate limit|too many requests|request limit exceeded|throttl|already in progress"
)

# Order matters: what one code means in every service, then codes that mean several things, then the text.
_RULES: tuple[Rule, ...] = (
    # The call never got an answer that can be read.
    Rule(
        Kind.CREDENTIALS,
        r"(?:No|Partial|Unknown)Credentials?|CredentialRetrieval|MetadataRetrieval|NoAuthToken|TokenRetrieval"
        r"|UnknownTokenProvider|ProfileNotFound|RefreshWithMFAUnsupported|InvalidIMDSEndpoint(?:Mode)?"
        r"|InfiniteLoopConfig|UnauthorizedSSOToken|SSO(?:TokenLoad)?|Login(?:\w+)?",
    ),
    Rule(Kind.NETWORK, "EndpointConnection", fix=_CHECK_ENDPOINT),
    Rule(Kind.NETWORK, "SSL", fix=_CHECK_CERTIFICATES, retryable=False),
    Rule(
        Kind.NETWORK,
        r"HTTPClient|Connection(?:Closed)?|Connect(?:ion)?Timeout|ReadTimeout|ProxyConnection|ResponseStreaming"
        r"|IncompleteRead|Protocol|gaierror|(?:Request)?Timeout|RequestTimedOut|NetworkFailure",
    ),
    Rule(Kind.THROTTLED, "CapacityNotAvailable"),
    Rule(Kind.SERVICE_ERROR, "ResponseParser"),
    Rule(
        Kind.VALIDATION,
        r"DataNotFound|ApiVersionNotFound|Config(?:NotFound|Parse)|BaseEndpointResolver|EndpointProvider"
        r"|ServiceNotInRegion|ParamValidation|OperationNotPageable",
    ),
    # Authorised, and then found to be nothing to do.
    Rule(Kind.ALLOWED, "DryRunOperation"),
    Rule(Kind.ALLOWED, text=r"would have succeeded, but (?:the )?DryRun"),
    Rule(Kind.ALLOWED, text=r"^No updates are to be performed|submitted information didn.t contain changes"),
    # The text names who was refused what: no code says more.
    Rule(Kind.DENIED_UNSPECIFIED, stated=True),
    # Accounts, Regions and services that are not on yet; none of this is about permissions.
    Rule(Kind.DATA_PENDING, "DataUnavailable"),
    Rule(Kind.REGION_DISABLED, r"Region(?:Disabled|NotEnabled|NotOptedIn)"),
    Rule(Kind.REGION_DISABLED, text=_REGION_OFF),
    Rule(Kind.NOT_ENABLED, text=_COST_EXPLORER_OFF, fix=_ENABLE_COST_EXPLORER),
    Rule(
        Kind.NOT_ENABLED,
        r"NotSignedUp|\w*OptInRequired|\w*SubscriptionRequired|PendingVerification|Blocked|AccountProblem"
        r"|AWSOrganizationsNotInUse|FinalizingOrganization|OrganizationNotInAllFeaturesMode"
        r"|Account\w*(?:NotVerified|Suspended)|\w*Not(?:Enabled|Activated|Subscribed|OptedIn)"
        r"|Feature(?:Disabled|NotAvailable)|OutboundWebIdentityFederationDisabled",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html and the S3 and EC2 lists.
    Rule(Kind.VALIDATION, "AuthorizationHeaderMalformed", r"region '[\w-]+' is wrong"),
    Rule(
        Kind.CREDENTIALS,
        r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignature"
        r"|IncompleteSignature|AuthorizationHeaderMalformed|Expired(?:Token|TokenId|Credentials)|RequestExpired"
        r"|InvalidToken|InvalidSecurity(?:Token)?|TokenRefreshRequired|MissingAuthenticationToken"
        r"|RequestTimeTooSkewed|InvalidIdentityToken|IDPRejectedClaim|InvalidGrant|InvalidClient|InvalidCredentials"
        r"|InvalidAuthenticationCode|UnauthorizedClient|Unauthenticated",
    ),
    # EC2 says AuthFailure of credentials and of resources that are not the caller's.
    Rule(Kind.CREDENTIALS, "AuthFailure", r"credential|signature|token|authorization header"),
    Rule(Kind.DENIED_RESOURCE, "AuthFailure", r"^not authorized for\b"),
    Rule(Kind.DENIED_UNSPECIFIED, "AuthFailure", r"permission|not authorized|unauthorized"),
    # Cost Explorer throttles with the code by which others name a quota:
    # https://github.com/boto/botocore/issues/1820
    Rule(Kind.THROTTLED, "LimitExceeded", services="ce"),
    Rule(Kind.THROTTLED, r"\w*LimitExceeded", _TOO_FAST),
    Rule(Kind.THROTTLED, r"\w*LimitExceeded", statuses=(429,)),
    Rule(Kind.THROTTLED, r"ServiceUnavailable|503", r"\breduce your .*rate|slow down"),
    Rule(
        Kind.THROTTLED,
        r"\w*Throttl(?:ing|ed)\w*|TooManyRequests\w*|Request(?:Limit|Rate)Exceeded|SlowDown|429|\w*RateExceeded"
        r"|(?:Bandwidth|RateLimit)(?:Limit)?Exceeded|\w*ProvisionedThroughputExceeded|TransactionInProgress"
        r"|PriorRequestNotComplete|\w*ConcurrentModification|ConcurrentUpdate|\w*InProgress|OperationAborted|\w*TooManyUpdates"
        r"|RetryableConflict",
    ),
    # These services look a thing up only after they have authorised the call.
    Rule(Kind.ALLOWED, r"NoSuchEntity|EntityAlreadyExists"),
    Rule(Kind.ALLOWED, r"Parameter(?:Version)?(?:NotFound|AlreadyExists)"),
    Rule(Kind.ALLOWED, "Validation", r"^Stack\b.* does not exist"),
    Rule(Kind.ALLOWED, r"AlreadyExists|(?:Stack\w*|ChangeSet)NotFound", services="cloudformation"),
    Rule(Kind.ALLOWED, "AlreadyExists", r"^Stack \["),
    Rule(Kind.ALLOWED, r"\w*NotFound", services="organizations"),
    Rule(Kind.ALLOWED, r"NoSuch(?:BucketPolicy|TagSet|\w+Configuration)|BucketAlreadyOwnedByYou"),
    Rule(
        Kind.ALLOWED, r"(?:(?:ServerSideEncryption|Replication|ObjectLock)Configur\w+|Ownership\w+)NotFound"
    ),
    Rule(Kind.QUOTA, "ConstraintViolation", r"exceed|quota|limit|maximum"),
    Rule(
        Kind.QUOTA,
        r"\w+Exceeded(?:\.?\w+)?|TooMany\w+|\w*Limit(?:Exceed\w*|Reached)|\w*ExceededLimit|OverLimit",
    ),
    Rule(Kind.THROTTLED, statuses=(429,)),
    # Codes of denials, after the texts under which they mean something else.
    Rule(Kind.NOT_ENABLED, r"\w*(?:Denied|Unauthorized|Forbidden|Access)\w*", _ACCOUNT_OFF),
    Rule(Kind.CREDENTIALS, r"Unauthorized|401", statuses=(401,)),
    Rule(Kind.CREDENTIALS, r"\w*AccessDenied|Unauthorized|NotAuthorized|Forbidden", _BAD_CREDENTIALS),
    Rule(
        Kind.DENIED_UNSPECIFIED,
        r"\w*AccessDenied\w*|Unauthorized(?:Operation|Access|TaggingOperation)?|NotAuthorized|Authorization"
        r"|\w*NoAuthorization|Forbidden|403|AllAccessDisabled|\w*PermissionDenied|Insufficient(?:Permission|Privilege)s?",
    ),
    Rule(
        Kind.SERVICE_ERROR,
        r"\w*Internal\w*|ServiceUnavailable|(?:\w*Temporarily)?Unavailable|Service(?:Failure)?|Server"
        r"|Insufficient\w*Capacity|\w*IdpCommunication|DependencyTimeout|5\d\d",
    ),
    Rule(Kind.NOT_FOUND, r"404|(?:\w+\.)?\w*NotFound\w*|NoSuch\w+|\w*DoesNotExist|(?:\w+\.)*NonExistent\w+"),
    Rule(
        Kind.NOT_FOUND,
        "Validation",
        r"\b(?:could not find|cannot find|RecordNotFound)\b",
        services="sagemaker",
    ),
    Rule(Kind.VALIDATION, r"MalformedPolicy\w*", "^invalid principal", fix=_AWAIT_PRINCIPAL, retryable=True),
    Rule(Kind.VALIDATION, "EntityTemporarilyUnmodifiable", retryable=True),
    Rule(
        Kind.VALIDATION,
        r"Validation|(?:Invalid|Malformed|Missing|Illegal|Unsupported|Unknown|Incorrect|Inconsistent|Duplicate)\w*"
        r"(?:\.\w+)*|BadRequest|UnrecognizedPublicKeyEncoding|Serialization|InsufficientCapabilities|\w*Mismatch"
        r"|\w*(?:InUse|Conflict|Exists?|Required|AlreadyInOrganization|NotEmpty|NotSupported|NotAllowed|NotPermitted)"
        r"|\w*(?:InvalidState|TooLarge|TooLong|InvalidParameter|InvalidArgument)|ConstraintViolation"
        r"|PreconditionFailed|412|301|PermanentRedirect|DependencyViolation|UnmodifiableEntity|NotUpdatable"
        r"|UnprocessableEntity|BillExpiration|RequestChanged|UnresolvableUsageUnit|ExpiredNextToken|SessionDurationEscalation|MasterCannot\w+|Disabled"
        r"|\w*NotManagement\w*",
    ),
    Rule(Kind.SERVICE_ERROR, statuses=range(500, 600)),
    # Codes that nobody has heard of, with words that leave no doubt.
    Rule(Kind.DENIED_UNSPECIFIED, text=r"^(?:API: \S+ )?access denied\.?$"),
    Rule(Kind.CREDENTIALS, text=r"^(?:the )?security token included in the request|^Unable to locate cred"),
    Rule(Kind.THROTTLED, text=r"^(?:rate exceeded|too many requests|request limit exceeded)\b"),
    Rule(Kind.NETWORK, text=r"(?:connect to the|timeout on) endpoint URL|^SSL validation failed"),
    Rule(Kind.DATA_PENDING, text=r"data might not be ingested yet|not (?:yet )?been ingested"),
)
_UNKNOWN = Rule(Kind.UNKNOWN)

# Kinds of which the same call may come back otherwise, and nobody has to do anything for it.
_RETRYABLE = frozenset({Kind.THROTTLED, Kind.NETWORK, Kind.SERVICE_ERROR, Kind.DATA_PENDING})

_BARE_DENIAL = re.compile(r"(?:access denied|forbidden)?\.?", re.IGNORECASE)

# Classes by whose names an error without a response is known; others may be called anything.
_SDK = frozenset({"botocore", "boto3", "urllib3", "socket", "ssl"})
_BUILTIN = (ConnectionError, TimeoutError)


def classify(error: BaseException, service: str = "") -> Outcome:
    """Say what an exception from a call to AWS means.

    Parameters:
        error: what botocore, or code around it, raised.
        service: the service that was called. botocore does not keep it, and few answers depend on it.
    """
    operation = str(getattr(error, "operation_name", "") or "")
    for attribute in ("response", "last_response"):
        response = getattr(error, attribute, None)
        if isinstance(response, Mapping) and isinstance(response.get("Error"), Mapping):
            return _of_response(response, service, operation)
    known = [c for c in type(error).__mro__ if c.__module__.partition(".")[0] in _SDK or c in _BUILTIN]
    names = tuple(c.__name__ for c in known)
    return _outcome(names, _evidence(type(error).__name__, str(error), service, operation, None))


def classify_parts(
    service: str, code: str, message: str, operation: str = "", http_status: int | None = None
) -> Outcome:
    """Say what an error answer means, given its parts.

    Parameters:
        service: IAM prefix or SDK name of the service; may be empty.
        code: the error code, or the name of a botocore exception.
        message: the text of the answer, with or without what an SDK wrapped around it.
        operation: the operation that was called; may be empty.
        http_status: the HTTP status, where there was an answer.
    """
    return _outcome((code,), _evidence(code, message, service, operation, http_status))


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


def _of_response(response: Mapping[str, Any], service: str, operation: str) -> Outcome:
    error = response["Error"]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code, message = str(error.get("Code") or ""), str(error.get("Message") or "")
    return classify_parts(service, code, message, operation, status)


def _parts(line: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(line, Mapping):
        raise RequestError(f"a line to classify must be a JSON object, not {type(line).__name__}")
    parts: dict[str, Any] = {name: _text(line, name) for name in ("service", "operation", "code", "message")}
    if not (parts["code"] or parts["message"]):
        raise RequestError("a line to classify needs a code or a message")
    status = _text(line, "http_status")
    if status and not re.fullmatch(r"[1-5]\d\d", status):
        raise RequestError(f"http_status must be a number from 100 to 599, not {status!r}")
    return parts | {"http_status": int(status) if status else None}


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RequestError(f"{name} must be text, not {type(value).__name__}")
    return str(value).strip()


def _evidence(code: str, message: str, service: str, operation: str, status: int | None) -> dict[str, str]:
    found = {
        "code": code,
        "http_status": str(status) if status is not None else "",
        "message": redact(message),
        "service": service,
        "operation": operation,
    }
    return {name: value for name, value in found.items() if value}


def _outcome(names: tuple[str, ...], evidence: Mapping[str, str]) -> Outcome:
    answer = _answer(names, evidence)
    rule = next((rule for rule in _RULES if rule.fits(answer)), _UNKNOWN)
    kind = _narrowed(answer) if rule.kind is Kind.DENIED_UNSPECIFIED else rule.kind
    refusal = answer.refusal
    call = ":".join(filter(None, (answer.service, answer.operation))) if answer.operation else ""
    return Outcome(
        kind=kind,
        explicit=kind.denied and refusal.explicit,
        reason=tell_reason(kind, call, answer.text, refusal),
        fix=rule.fix or tell_fix(kind, call, refusal),
        retryable=kind in _RETRYABLE if rule.retryable is None else rule.retryable,
        action=refusal.action,
        resource=refusal.resource,
        policy_arn=refusal.policy_arn,
        evidence=evidence,
    )


def _answer(names: tuple[str, ...], evidence: Mapping[str, str]) -> Answer:
    envelope = unwrap(evidence.get("message", ""))
    refusal = read_refusal(envelope.text)
    status = evidence.get("http_status")
    prefix = (refusal.action or "").partition(":")[0]
    return Answer(
        service=service_prefix(evidence.get("service") or envelope.service or prefix),
        operation=evidence.get("operation") or envelope.operation,
        codes=tuple(error_name(name) for name in (*names, envelope.code) if name),
        http_status=int(status) if status else envelope.http_status,
        text=envelope.text,
        refusal=refusal,
    )


def _narrowed(answer: Answer) -> Kind:
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
