"""What the codes and the words of AWS mean: one ordered table of rules for every service.

An answer is held against the rules from the top, and the first that fits decides. A code says more than a
text, except where the text says that somebody was refused or that an account, a Region or a service is not
on; a code that the service gave says more than one that something wrapped around it. What no rule fits is
`UNKNOWN`. No rule takes a code that it does not know for a denial or for something missing.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from xacct_kit.aws.grammar import Refusal
from xacct_kit.report import OutcomeKind as Kind


@dataclass(frozen=True, kw_only=True)
class ErrorAnswer:
    """An error, ready to be held against the rules.

    Attributes:
        service: the IAM prefix of the service; empty if it cannot be told.
        operation: the operation that was called; empty if it cannot be told.
        codes: the names that the error goes by, without `Exception` or `Error`, in groups: what one source
            says, the most telling source first.
        http_status: the HTTP status, where there was an answer.
        text: what the service said, without what SDKs wrap around it.
        refusal: the text, read as a refusal.
    """

    service: str
    operation: str
    codes: tuple[tuple[str, ...], ...]
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

    def fits(self, answer: ErrorAnswer, codes: tuple[str, ...]) -> bool:
        """Whether the answer, going by these codes, has all that the rule asks for."""
        return (
            (not self.services or answer.service in self.services.split())
            and (not self.statuses or answer.http_status in self.statuses)
            and (not self.codes or any(re.fullmatch(self.codes, code, re.I) for code in codes))
            and (not self.text or re.search(self.text, answer.text, re.I) is not None)
            and (not self.stated or answer.refusal.stated)
        )


# https://docs.aws.amazon.com/cost-management/latest/userguide/ce-enable.html and ce-access.html: no API
# enables Cost Explorer, and one answer stands for three causes.
_ENABLE_COST_EXPLORER = (
    "In the management account open Billing and Cost Management, choose Cost Explorer to enable it (data "
    "appears within about 24 hours), and in its settings let member (linked) accounts use it; if both are "
    "done, activate IAM access to billing as the root user of this account."
)
_CREATE_LINKED_ROLE = (
    "Create the service-linked role of the service (iam:CreateServiceLinkedRole), and repeat the call a "
    "minute later."
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
    r"\bSTS is (?:not (?:activated|enabled)|deactivated)\b"
    r"|\bregion\b[^:]{0,40} (?:is|was|has) (?:disabled|not (?:been )?(?:enabled|activated|opted))"
    r"|\baccount\b.{0,30}\bnot (?:activated|enabled|opted[- ]in) (?:in|for|to) (?:this|the) region"
    r"|\bopt(?:ed)?[- ]?in(?:to| to)? (?:this|the) region"
)
_LINKED_ROLE_OFF = (
    r"\bservice[- ]linked role\b.{0,60}(?:could not be|does(?: not|n.t) exist|not found|\bexists\b|required)"
    r"|\b(?:create|enable) an? service[- ]linked role"
)
# Words about the account that mean the same under any code.
_ACCOUNT_BLOCKED = (
    r"\baccount (?:is|has been|must be) (?:currently )?(?:being )?"
    r"(?:blocked|suspended|closed|verified|pending verification)\b"
    r"|\bnot been submitted for this account|\bneeds a subscription for the service"
    r"|\baccept terms and subscribe|\bmust enable (?:organizations|trusted|service) access"
)
# Words that say so under a code that otherwise means a denial.
_ACCOUNT_OFF = (
    r"\b(?:not subscribed|not signed up|pending verification|currently blocked)\b|\bsuspended\b"
    r"|not a member of an organization|\b(?:is not|isn.t|not been) (?:enabled|activated)\b"
    r"|\bnot configured for (?:this )?account|\bfree (?:account )?plan\b|\bopt[- ]in\b"
    r"|(?:don.t|do not) have access to the model|\bat the (?:payer|management) account level"
)
_BAD_CREDENTIALS = (
    r"\btoken\b.{0,40}\b(?:expired|invalid|malformed|not found|revoked)\b|\binvalid (?:\w+ )?token\b"
    r"|access credentials|request has expired|signature (?:expired|we calculated|does not match)"
    r"|MultiFactorAuthentication failed|with session credentials|Unable to locate credentials"
    r"|\bsession\b.{0,40}\bhas expired|\b(?:must be|were not) signed\b|requires the Signature\b"
    r"|\busername or password\b|\bsecret hash\b|\bpassword attempts\b"
)
# The request is refused for what it is, under a code that otherwise means a denial.
_BAD_REQUEST = (
    r"\bcross-region requests\b|\bidentity region is\b|^Invalid according to Policy|\bcurrent status is\b"
)
_TOO_FAST = (
    r"\brate exceeded|\brate limit|too many requests|request limit exceeded|\battempt limit|throttl"
    r"|already in progress"
)
_CONCURRENT = r"\bconcurrent (?:modification|update)|\bin progress\b|\btry again\b"

# Order matters: what one code means in every service, then codes that mean several things, then the text.
RULES: tuple[Rule, ...] = (
    # The call never got an answer that can be read.
    Rule(
        Kind.CREDENTIALS,
        r"(?:No|Partial|Unknown)Credentials?|CredentialRetrieval|MetadataRetrieval|NoAuthToken|TokenRetrieval"
        r"|UnknownTokenProvider|ProfileNotFound|RefreshWithMFAUnsupported|InvalidIMDSEndpoint(?:Mode)?"
        r"|InfiniteLoopConfig|UnauthorizedSSOToken|SSO(?:TokenLoad)?|Login(?:\w+)?|NoCredentialProviders"
        r"|CredentialsProvider",
    ),
    Rule(Kind.NETWORK, "EndpointConnection", fix=_CHECK_ENDPOINT),
    Rule(Kind.NETWORK, "SSL", fix=_CHECK_CERTIFICATES, retryable=False),
    Rule(
        Kind.NETWORK,
        r"HTTPClient|Connection(?:Closed)?|Connect(?:ion)?Timeout|ReadTimeout|ProxyConnection|ResponseStreaming"
        r"|IncompleteRead|Protocol|gaierror|(?:Request)?Timeout|RequestTimedOut|NetworkFailure|NewConnection"
        r"|MaxRetry|NameResolution|RemoteDisconnected|UnknownHost",
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
    Rule(Kind.NOT_ENABLED, text=_LINKED_ROLE_OFF, fix=_CREATE_LINKED_ROLE),
    Rule(Kind.NOT_ENABLED, text=_ACCOUNT_BLOCKED),
    Rule(
        Kind.NOT_ENABLED,
        r"NotSignedUp|\w*OptInRequired|\w*SubscriptionRequired|PendingVerification|Blocked|AccountProblem"
        r"|AWSOrganizationsNotInUse|NoAvailableOrganization|FinalizingOrganization|Organization\w*NotInAllFeatures\w*"
        r"|Account\w*(?:NotVerified|Suspended)|\w*Not(?:Enabled|Activated|Subscribed|OptedIn)"
        r"|\w*NotAvailableForOrganization|Feature(?:Disabled|NotAvailable)|OutboundWebIdentityFederationDisabled"
        r"|UninitializedAccount|FreeTierRestriction",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/CommonErrors.html and the S3 and EC2 lists.
    Rule(Kind.VALIDATION, "AuthorizationHeaderMalformed", r"region '[\w-]+' is wrong"),
    Rule(
        Kind.CREDENTIALS,
        r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignature"
        r"|IncompleteSignature|AuthorizationHeaderMalformed|AuthorizationQueryParameters|RequestExpired"
        r"|Expired(?:(?:TradeIn)?Token|TokenId|Credentials)|InvalidToken|InvalidSecurity(?:Token)?"
        r"|TokenRefreshRequired|MissingAuthenticationToken|RequestTimeTooSkewed|InvalidIdentityToken"
        r"|IDPRejectedClaim|InvalidGrant|InvalidClient|InvalidCredentials|InvalidAuthenticationCode"
        r"|UnauthorizedClient|Unauthenticated",
    ),
    # EC2 says AuthFailure of credentials and of resources that are not the caller's.
    Rule(Kind.DENIED_RESOURCE, "AuthFailure", r"^not authorized for\b"),
    Rule(Kind.DENIED_UNSPECIFIED, r"AuthFailure(?:\.\w+)?", r"permission|not authorized|unauthorized"),
    Rule(Kind.CREDENTIALS, "AuthFailure", r"credential|signature|\bsigned\b|token|authorization header"),
    # Cost Explorer throttles with the code by which others name a quota:
    # https://github.com/boto/botocore/issues/1820
    Rule(Kind.THROTTLED, "LimitExceeded", services="ce"),
    Rule(Kind.THROTTLED, r"\w*LimitExceeded", _TOO_FAST),
    Rule(Kind.THROTTLED, r"\w*LimitExceeded", statuses=(429,)),
    Rule(Kind.THROTTLED, r"ServiceUnavailable|503", r"\breduce your .*rate|slow down"),
    Rule(
        Kind.THROTTLED,
        r"\w*Throttl(?:e|ing|ed)\w*|TooManyRequests\w*|Request(?:Limit|Rate)Exceeded|SlowDown|429|\w*RateExceeded"
        r"|BandwidthLimitExceeded|RateLimit(?:Exceeded)?|\w*ProvisionedThroughputExceeded|TransactionInProgress"
        r"|PriorRequestNotComplete|\w*ConcurrentModification|Concurrent\w*(?:Access|Operation|Update)"
        r"|\w*InProgress|OperationAborted|\w*TooManyUpdates|RetryableConflict|ResourceContention|StaleRequest",
    ),
    Rule(Kind.THROTTLED, r"\w*Conflict", _CONCURRENT),
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
        r"\w+Exceeded(?:\.?\w+)?|TooMany\w+|Max[a-z]*(?:Concurrent|Number)\w*|(?!Invalid)\w*Limit(?:\w*Exceed\w*|Reached)?"
        r"|\w*ExceededLimit|OverLimit|Insufficient(?:Free|Available)\w+",
    ),
    Rule(Kind.THROTTLED, statuses=(429,)),
    # Codes of denials, after the texts under which they mean something else.
    Rule(Kind.NOT_ENABLED, r"\w*(?:Denied|Unauthorized|Forbidden|Access)\w*", _ACCOUNT_OFF),
    Rule(Kind.CREDENTIALS, r"Unauthorized|401", statuses=(401,)),
    Rule(Kind.CREDENTIALS, r"\w*AccessDenied|Unauthorized|NotAuthorized|Forbidden", _BAD_CREDENTIALS),
    Rule(Kind.VALIDATION, r"\w*AccessDenied|Unauthorized|NotAuthorized|Forbidden", _BAD_REQUEST),
    Rule(
        Kind.DENIED_UNSPECIFIED,
        r"\w*AccessDenied\w*|AccessTo\w+Denied|Unauthorized(?:Operation|\w*Access|TaggingOperation)?|NotAuthorized"
        r"|Authorization|\w*NoAuthorization|Forbidden|403|AllAccessDisabled|\w*PermissionDenied"
        r"|Insufficient\w*(?:Permission|Privilege)s?",
    ),
    Rule(
        Kind.SERVICE_ERROR,
        r"\w*Internal\w*|(?:\w*Dependent)?Service(?:Unavailable|Failure)?|(?:\w*Temporarily)?Unavailable|Server"
        r"|Insufficient\w*Capacity|\w*IdpCommunication|(?!Invalid)\w*Timed?Out|BadGateway|5\d\d",
    ),
    Rule(
        Kind.NOT_FOUND,
        r"404|410|Gone|(?:\w+\.)*\w*NotFound\w*|NoSuch\w+|\w*DoesNotExist|(?:\w+\.)*\w*NonExistent\w+",
    ),
    Rule(
        Kind.NOT_FOUND,
        "Validation",
        r"\b(?:could not find|cannot find|RecordNotFound)\b",
        services="sagemaker",
    ),
    Rule(
        Kind.VALIDATION,
        r"MalformedPolicy\w*|InvalidParameter\w*",
        r"^invalid principal|one or more invalid principals|principal ?not ?found",
        fix=_AWAIT_PRINCIPAL,
        retryable=True,
    ),
    Rule(Kind.VALIDATION, "EntityTemporarilyUnmodifiable", retryable=True),
    # The words by which the services tell that a request cannot be met as it is.
    Rule(
        Kind.VALIDATION,
        r"[\w.]*(?:Already|Cannot|Conflict|Duplicate|Illegal|Incompatible|Inconsistent|Incorrect|InUse|Invalid"
        r"|Malformed|Mismatch|Missing|Too(?:Big|Large|Long|Short|Small)|Unsupported|Violation)[\w.]*"
        r"|[\w.]*Not(?:Acceptable|Allowed|Available|Compatible|Configured|Eligible|Empty|Permitted|Ready|Satisfiable"
        r"|Specified|Supported|Valid)\w*"
        r"|[\w.]*(?:Disabled|Exists?|Expired|NotAttached|NotDistinct|NotUpdatable|Required|State|Status|Validation)"
        r"|(?:Bad|Unknown|Unprocessable|Unmodifiable|Unresolvable|Unrecognized)[\w.]+|Client|User|NoRegion"
        r"|Conditional\w+|Precondition\w+|412|301|PermanentRedirect|Serialization|InsufficientCapabilities"
        r"|Expired\w+|RequestChanged|SessionDurationEscalation|InsufficientSessionLifetime|MasterCannot\w+"
        r"|BillExpiration|(?:Tag|Public)Policy|\w*Tag|TargetNotConnected|VPC\w*NotSpecified|\w*Not(?:Organization)?Ma(?:nagement|ster)\w*",
    ),
)

# Codes that nobody has heard of, with words or a status that leave no doubt.
FALLBACKS: tuple[Rule, ...] = (
    Rule(Kind.SERVICE_ERROR, statuses=range(500, 600)),
    Rule(Kind.DENIED_UNSPECIFIED, text=r"^(?:API: \S+ )?access denied\.?$"),
    Rule(
        Kind.CREDENTIALS,
        text=r"^(?:the )?security token included in the request"
        r"|\b(?:unable to|cannot|could not|couldn't) (?:locate|load|find) (?:AWS )?credentials\b"
        r"|\bno valid (?:providers in chain|credential)|\bfailed to refresh cached credentials\b",
    ),
    Rule(Kind.THROTTLED, text=r"^(?:rate exceeded|too many requests|request limit exceeded)\b"),
    Rule(
        Kind.NETWORK,
        text=r"\bcertificate (?:verify failed|signed by unknown authority)\b|^SSL validation failed",
        fix=_CHECK_CERTIFICATES,
        retryable=False,
    ),
    Rule(
        Kind.NETWORK,
        text=r"\b(?:no such host|name or service not known|temporary failure in name resolution)\b"
        r"|\bconnection (?:reset|refused|aborted|timed out)\b|\bconnect timed out\b|\bi/o timeout\b"
        r"|\bMax retries exceeded with url\b|\bfailed to establish a new connection\b|\brequest send failed\b"
        r"|\bunable to execute HTTP request\b|\bnetwork is unreachable\b|\bTLS handshake timeout\b"
        r"|\bcontext deadline exceeded\b",
    ),
    Rule(Kind.DATA_PENDING, text=r"data might not be ingested yet|not (?:yet )?been ingested"),
)
_UNKNOWN = Rule(Kind.UNKNOWN)


def rule_for(answer: ErrorAnswer) -> Rule:
    """The rule that says what an answer means."""
    for codes in answer.codes or ((),):
        for rule in RULES:
            if rule.fits(answer, codes):
                return rule
    return next((rule for rule in FALLBACKS if rule.fits(answer, ())), _UNKNOWN)
