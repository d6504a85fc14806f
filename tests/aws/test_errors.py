"""What AWS answers, and what it means."""

from __future__ import annotations

import inspect
import itertools
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.parsers
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from xacct_kit.aws.errors import classify, classify_line, classify_parts
from xacct_kit.errors import RequestError
from xacct_kit.report import Outcome
from xacct_kit.report import OutcomeKind as Kind

CORPUS = Path(__file__).parents[3] / "shared" / "notes" / "error_corpus.jsonl"

WHO = "arn:aws:sts::222222222222:assumed-role/ApiHandlerRole/backend"
ROLE = "arn:aws:iam::333333333333:role/swb-xacct"
SCP = "arn:aws:organizations::111111111111:policy/o-abc/service_control_policy/p-xyz"
ENCODED = "Encoded authorization failure message:"


def refused(action: str, rest: str = "", who: str = WHO) -> str:
    return f"User: {who} is not authorized to perform: {action}{rest}"


def told(answer: str) -> Outcome:
    """Classify `service code [status]: message`."""
    head, _, message = answer.partition(": ")
    service, code, *status = head.split()
    return classify_parts(service, code, message, http_status=int(status[0]) if status else None)


# Wordings, by what they mean

WORDINGS: dict[Kind, tuple[str, ...]] = {
    Kind.ALLOWED: (
        "ec2 DryRunOperation 412: Request would have succeeded, but DryRun flag is set.",
        "kms DryRunOperationException 400: The request would have succeeded, but the DryRun option is set.",
        "iam NoSuchEntity 404: The role with name swb-xacct cannot be found.",
        "iam EntityAlreadyExists 409: Role with name swb-xacct already exists.",
        "ssm ParameterNotFound 400: ",
        "s3 NoSuchBucketPolicy 404: The bucket policy does not exist",
        "s3 ServerSideEncryptionConfigurationNotFoundError 404: The configuration was not found",
        "cloudformation ValidationError 400: Stack with id swb does not exist",
        "cloudformation ValidationError 400: No updates are to be performed.",
        "cloudformation AlreadyExistsException 400: Stack [swb] already exists",
        "organizations PolicyNotFoundException 400: No such policy.",
    ),
    Kind.DENIED_SCP: (
        f"sns AuthorizationError 403: {refused('SNS:Publish')} with an explicit deny in a VPC "
        "endpoint policy transitively through a service control policy",
        f"sagemaker AccessDeniedException 400: {refused('sagemaker:ListModels')} because no service control "
        "policy allows the sagemaker:ListModels action",
    ),
    Kind.DENIED_BOUNDARY: (
        f"iam AccessDenied 403: {refused('iam:PassRole', ' on resource: role x')} because no permissions "
        "boundary allows the iam:PassRole action.",
        f"iam AccessDenied 403: {refused('iam:PassRole')} with an explicit deny in the "
        "permissions boundary policy",
    ),
    Kind.DENIED_SESSION: (
        f"ssm AccessDeniedException 400: {refused('ssm:GetParameter')} with an explicit deny in a "
        "sessions policy",
    ),
    Kind.DENIED_IDENTITY: (
        f"s3 AccessDenied 403: {refused('s3:ListAllMyBuckets')} because no identity-based\n  policy allows "
        "the s3:ListAllMyBuckets action",
        f"sts AccessDenied 403: {refused('sts:AssumeRole')} because no identity-based policy allows the "
        "sts:AssumeRole action",
        # A key may hold any words; those behind the quoted resource count.
        f's3 AccessDenied 403: {refused("s3:GetObject")} on resource: "arn:aws:s3:::b/with an explicit deny '
        'in a session policy" because no identity-based policy allows the s3:GetObject action',
    ),
    Kind.DENIED_RESOURCE: (
        f'kms AccessDeniedException 400: {refused("kms:Decrypt")} on resource: "arn:aws:kms:x:3:key/k"'
        " because no resource-based policy allows the kms:Decrypt action",
        f"s3 AccessDenied 403: {refused('s3:PutBucketPolicy')} because public policies are prevented by the "
        "BlockPublicPolicy setting in S3 Block Public Access.",
        "ec2 AuthFailure 401: Not authorized for images: [ami-0123456789]",
    ),
    Kind.DENIED_TRUST: (
        f"sts AccessDenied 403: {refused('sts:AssumeRole', f' on resource: {ROLE}')}",
        f"sts AccessDenied 403: {refused('sts:TagSession', f' on resource: {ROLE}')}",
        f"sts AccessDenied 403: {refused('sts:AssumeRole')} with an explicit deny in the role trust policy",
        f"sts AccessDenied 403: {refused('sts:AssumeRole')} because no resource-based policy allows the "
        "sts:AssumeRole action",
        "sts AccessDenied 403: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    ),
    Kind.DENIED_EXPLICIT: (
        f"elasticmapreduce AccessDeniedException 400: {refused('elasticmapreduce:ListClusters')} on "
        "resource: * with an explicit deny",
        "execute-api AccessDeniedException 403: User is not authorized to access this resource with an "
        "explicit deny",
    ),
    Kind.DENIED_UNSPECIFIED: (
        "s3 AccessDenied 403: Access Denied",
        "s3 403 403: Forbidden",
        "s3 AllAccessDisabled 403: All access to this object has been disabled",
        "organizations AccessDeniedException 400: You don't have permissions to access this resource.",
        "sts AccessDenied 403: Roles may not be assumed by root accounts.",
        "ec2 Client.UnauthorizedOperation 403: You are not authorized to perform this operation.",
        "ec2 AuthFailure 401: You do not have permission to access the specified resource.",
        f"ce AccessDeniedException 400: {refused('ce:GetCostAndUsage')}",
        "cloudformation CREATE_FAILED: API: s3:CreateBucket Access Denied",
    ),
    Kind.CREDENTIALS: (
        "sts InvalidClientTokenId 403: The security token included in the request is invalid.",
        "ssm UnrecognizedClientException 400: The security token included in the request is invalid.",
        "ce ExpiredTokenException 400: The security token included in the request is expired",
        "ec2 AuthFailure 401: AWS was not able to validate the provided access credentials",
        "ec2 RequestExpired 400: Request has expired.",
        "s3 RequestTimeTooSkewed 403: The difference between the request time and the clock is too large.",
        "s3 AccessDenied 403: Request has expired",
        "sts AccessDenied 403: MultiFactorAuthentication failed with invalid MFA one time pass code.",
        "sso UnauthorizedException 401: Session token not found or invalid",
        "iam IncompleteSignature 400: Authorization header requires 'Signature' parameter.",
    ),
    Kind.NOT_ENABLED: (
        "ce AccessDeniedException 400: User not enabled for cost explorer access",
        "ce AccessDeniedException 400: Linked account doesn't have access to cost explorer.",
        "ce AccessDeniedException 400: Hourly data granularity is an opt-in only feature.",
        "ce AccessDeniedException 400: HOURLY data is not supported yet, ask customer service to opt in.",
        "s3 NotSignedUp 403: Your account is not signed up for the S3 service.",
        "ec2 OptInRequired 401: You are not subscribed to this service.",
        "ec2 PendingVerification 400: Your request for resources in this region is being validated.",
        "ec2 Blocked 400: This account is currently blocked and not recognized as a valid account.",
        "organizations AWSOrganizationsNotInUseException 400: The account is in no organization.",
        "organizations FinalizingOrganizationException 400: The organization is still initializing.",
        "macie2 AccessDeniedException 403: Macie is not enabled.",
    ),
    Kind.DATA_PENDING: ("ce DataUnavailableException 400: Data is not available.",),
    Kind.REGION_DISABLED: (
        "sts RegionDisabledException 403: STS is not activated in this region for account:333333333333.",
        "codebuild InvalidInputException 400: STS is not activated in this region for account:333333333333.",
    ),
    Kind.THROTTLED: (
        "ce LimitExceededException 400: ",
        "iam Throttling 400: Rate exceeded",
        "s3 SlowDown 503: Please reduce your request rate.",
        "s3 ServiceUnavailable 503: Reduce your request rate.",
        "ec2 RequestLimitExceeded 503: Request limit exceeded.",
        "securityhub LimitExceededException 400: Another request is already in progress.",
        "organizations ConcurrentModificationException 400: It conflicts with another attempt.",
        "any NeverSeenException 429: ",
    ),
    Kind.QUOTA: (
        "cloudformation LimitExceededException 400: Limit for stack has been exceeded",
        "iam LimitExceeded 409: Cannot exceed quota for ACLSizePerRole: 2048",
        "ec2 VcpuLimitExceeded 400: You have requested more vCPU capacity than your limit allows",
        "organizations ConstraintViolationException 409: You have exceeded the allowed number of accounts.",
        "elasticache QuotaExceeded.CacheSecurityGroup 400: Too many",
    ),
    Kind.VALIDATION: (
        "sts ValidationError 400: The requested DurationSeconds exceeds the 1 hour session limit.",
        "iam MalformedPolicyDocument 400: Syntax errors in policy.",
        "iam DeleteConflict 409: Cannot delete entity, must detach all policies first.",
        "elasticmapreduce InvalidRequestException 400: Cluster id 'j-X' is not valid.",
        "cloudformation InsufficientCapabilitiesException 400: Requires capabilities : [X]",
        "s3 AuthorizationHeaderMalformed 400: Malformed; the region 'a-1' is wrong; expecting 'b-1'",
        "any UnknownOperationException 404: ",
    ),
    Kind.NOT_FOUND: (
        "s3 NoSuchBucket 404: The specified bucket does not exist",
        "s3 404 404: Not Found",
        "any ResourceNotFoundException 404: No such thing was found or you are not authorized to access it.",
        "ec2 InvalidInstanceID.NotFound 400: The instance ID 'i-0' does not exist",
        "sagemaker ValidationException 400: Could not find endpoint x.",
    ),
    Kind.NETWORK: (
        'sts EndpointConnectionError: Could not connect to the endpoint URL: "https://sts.x.amazonaws.com/"',
        "s3 RequestTimeout 400: Your socket connection was not read from within the timeout period.",
    ),
    Kind.SERVICE_ERROR: (
        "organizations ServiceException 500: Try again later.",
        "ec2 InsufficientInstanceCapacity 500: We do not have sufficient capacity.",
        "s3 503 503: Service Unavailable",
        "any NeverSeenException 502: ",
    ),
    Kind.UNKNOWN: (
        "any NeverSeenException 403: Computer says no",
        "any NeverSeenException 404: ",
        "s3 400 400: Bad Request",
        "any NeverSeenException 400: The thing does not exist, or you are not authorized to access it.",
        "ec2 AuthFailure 401: Something that nobody has heard of",
        "cloudformation CREATE_FAILED: Resource creation cancelled",
    ),
}


@pytest.mark.parametrize(
    ("kind", "answer"), [(kind, answer) for kind, answers in WORDINGS.items() for answer in answers]
)
def test_an_answer_means(kind: Kind, answer: str) -> None:
    assert told(answer).kind is kind


def test_every_kind_has_a_wording() -> None:
    assert set(WORDINGS) | {Kind.DENIED_RCP, Kind.DENIED_VPCE} == set(Kind)


def corpus() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()] if CORPUS.exists() else []


@pytest.mark.skipif(not CORPUS.exists(), reason="the collection of real answers is not beside this checkout")
@pytest.mark.parametrize("row", corpus(), ids=lambda row: f"{row['service']}-{row['code']}")
def test_a_real_answer(row: dict[str, Any]) -> None:
    said = classify_line(row)
    assert said["kind"] in [row["expected"], *row.get("also_accept", [])]
    assert said["explicit"] == row.get("explicit", False)


# The sentence of a refusal, in all its variety

LAYERS = {
    "service control policy": Kind.DENIED_SCP,
    "resource control policy": Kind.DENIED_RCP,
    "VPC endpoint policy": Kind.DENIED_VPCE,
    "permissions boundary": Kind.DENIED_BOUNDARY,
    "session policy": Kind.DENIED_SESSION,
    "sessions policy": Kind.DENIED_SESSION,
    "resource-based policy": Kind.DENIED_RESOURCE,
    "role trust policy": Kind.DENIED_TRUST,
    "identity-based policy": Kind.DENIED_IDENTITY,
}
ARTICLES = ("a", "an", "the")
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc")
PRINCIPALS = ("sts::222222222222:assumed-role/Op/me@example.org", "iam::222222222222:user/a.b", "iam::2:root")
ACTIONS = ("ce:GetCostAndUsage", "s3:ListAllMyBuckets", "iam:PassRole", "SNS:Publish", "execute-api:Invoke")
RESOURCES = (
    None,
    "*",
    "role Name",
    "policy {arn}:iam::3:policy/p",
    "{arn}:s3:::bucket/key",
    "{arn}:iam::3:role/x/y.z",
)
QUOTES = ("", '"', "'")
POLICY_ARNS = (
    None,
    "{arn}:organizations::111111111111:policy/o-a1/service_control_policy/p-b2",
    "{arn}:iam::333333333333:policy/path/Deny.All+x=y@z",
    "{arn}:iam::aws:policy/AWSCompromisedKeyQuarantineV3",
)
POLICY_FORMS = (": {}", ", with policy ARN: {}", " ({})")
PREFIXES = (
    "",
    "You are not authorized to perform this operation. ",
    "An error occurred (AccessDenied) when calling the ListRoles operation: ",
    "aws: [ERROR]: An error occurred (AccessDenied) when calling the X operation (reached max retries: 4): ",
    "operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 1, api error X: ",
)
SUFFIXES = (
    "",
    ".",
    f". {ENCODED} AbC-d_9",
    "\n\tstatus code: 403, request id: 12-34",
    " (Service: Iam, Status Code: 403, Request ID: 12-34)",
    " (Service: AWSSecurityTokenService; Status Code: 403; Error Code: X; Request ID: 1; Proxy: null)",
    " (Service: Iam, Status Code: 403, Request ID: 1) (RequestToken: 2, HandlerErrorCode: AccessDenied)",
)


@dataclass(frozen=True)
class Sentence:
    layer: str
    explicit: bool
    article: str
    partition: str
    principal: str
    action: str
    resource: str | None
    quote: str
    policy: str | None
    policy_form: str
    prefix: str
    suffix: str

    @property
    def who(self) -> str:
        return f"arn:{self.partition}:{self.principal}"

    @property
    def what(self) -> str | None:
        return self.resource and self.resource.format(arn=f"arn:{self.partition}")

    @property
    def policy_arn(self) -> str | None:
        return self.policy.format(arn=f"arn:{self.partition}") if self.policy and self.explicit else None

    @property
    def why(self) -> str:
        if not self.explicit:
            return f"because no {self.layer} allows the {self.action} action"
        named = self.policy_form.format(self.policy_arn) if self.policy_arn else ""
        return f"with an explicit deny in {self.article} {self.layer}{named}"

    def __str__(self) -> str:
        where = f" on resource: {self.quote}{self.what}{self.quote}" if self.what else ""
        return f"{self.prefix}{refused(self.action, where, self.who)} {self.why}{self.suffix}"


sentences = st.builds(
    Sentence,
    layer=st.sampled_from(list(LAYERS)),
    explicit=st.booleans(),
    article=st.sampled_from(ARTICLES),
    partition=st.sampled_from(PARTITIONS),
    principal=st.sampled_from(PRINCIPALS),
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    quote=st.sampled_from(QUOTES),
    policy=st.sampled_from(POLICY_ARNS),
    policy_form=st.sampled_from(POLICY_FORMS),
    prefix=st.sampled_from(PREFIXES),
    suffix=st.sampled_from(SUFFIXES),
)
codes = st.sampled_from(
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "CREATE_FAILED", ""]
)


@settings(max_examples=300)
@given(sentences, codes)
def test_a_refusal_is_read_whatever_its_form(sentence: Sentence, code: str) -> None:
    outcome = classify_parts("", code, str(sentence))
    assert (outcome.kind, outcome.explicit) == (LAYERS[sentence.layer], sentence.explicit)
    assert outcome.action == sentence.action
    assert outcome.resource == sentence.what
    assert outcome.policy_arn == sentence.policy_arn
    assert all(part in outcome.reason for part in (sentence.who, sentence.action, sentence.layer))
    assert outcome.fix
    assert not outcome.retryable


@pytest.mark.parametrize(("layer", "explicit"), [*itertools.product(LAYERS, (True, False))])
def test_who_may_assume_a_role_is_said_by_its_trust_policy(layer: str, explicit: bool) -> None:
    why = (
        f"with an explicit deny in a {layer}"
        if explicit
        else f"because no {layer} allows the sts:AssumeRole action"
    )
    outcome = classify_parts("sts", "AccessDenied", refused("sts:AssumeRole", f" on resource: {ROLE} {why}"))
    expected = Kind.DENIED_TRUST if layer == "resource-based policy" else LAYERS[layer]
    assert outcome.kind is expected


@pytest.mark.parametrize("message", ["Access denied", "", "Forbidden."])
def test_an_assume_role_that_is_denied_without_a_word_is_a_matter_of_trust(message: str) -> None:
    assert classify_parts("sts", "AccessDenied", message, "AssumeRole", 403).kind is Kind.DENIED_TRUST


def test_a_refused_action_need_not_be_the_one_that_was_called() -> None:
    outcome = classify_parts("ec2", "UnauthorizedOperation", refused("iam:PassRole"), "RunInstances", 403)
    assert outcome.action == "iam:PassRole"
    assert "RunInstances" not in outcome.reason


# No word for a denial does without the letter.
no_denial = st.text(st.characters(exclude_characters="dD"), max_size=200)


@given(no_denial, no_denial)
def test_what_does_not_speak_of_a_denial_is_none(message: str, code: str) -> None:
    outcome = classify_parts("", f"X{code}", message)
    assert not outcome.kind.denied
    assert outcome.reason.endswith(".")


# Exceptions


def client_error(code: str, message: str, operation: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


def test_a_client_error_is_its_answer() -> None:
    why = f"with an explicit deny in a service control policy: {SCP}"
    message = refused("iam:GetRole", f" on resource: role x {why}")
    outcome = classify(client_error("AccessDenied", message, "GetRole", 403))
    assert outcome == Outcome(
        kind=Kind.DENIED_SCP,
        explicit=True,
        action="iam:GetRole",
        resource="role x",
        principal="arn:aws:sts::222222222222:assumed-role/ApiHandlerRole/backend",
        policy_arn=SCP,
        reason=f"{WHO} was refused iam:GetRole on role x {why}.",
        fix=f"Take the Deny of iam:GetRole out of {SCP}, or except the caller from it; no Allow overrides "
        "it.",
        evidence={"code": "AccessDenied", "http_status": "403", "message": message, "operation": "GetRole"},
    )


def test_the_service_decides_where_a_code_means_two_things() -> None:
    error = client_error("LimitExceededException", "", "GetCostAndUsage", 400)
    assert classify(error, service="ce").kind is Kind.THROTTLED
    assert classify(error, service="cloudformation").kind is Kind.QUOTA


@pytest.mark.parametrize(
    "service", ["ce", "CE", "Cost Explorer", "AWSCostExplorer", "ce.us-east-1.amazonaws.com"]
)
def test_a_service_is_known_by_any_of_its_names(service: str) -> None:
    assert classify_parts(service, "LimitExceededException", "").kind is Kind.THROTTLED


def test_an_error_without_a_code_is_unknown_with_its_evidence() -> None:
    outcome = classify(ClientError({"Error": {}}, "GetRole"))
    assert outcome.kind is Kind.UNKNOWN
    assert outcome.evidence["operation"] == "GetRole"


def test_a_waiter_that_met_an_error_is_that_error() -> None:
    answer = {
        "Error": {"Code": "ExpiredToken", "Message": "The security token included in the request is expired"}
    }
    error = botocore.exceptions.WaiterError("StackCreateComplete", "terminal failure", answer)
    assert classify(error).kind is Kind.CREDENTIALS


def test_a_waiter_that_gave_up_is_unknown() -> None:
    error = botocore.exceptions.WaiterError("StackCreateComplete", "Max attempts exceeded", {"Stacks": []})
    assert classify(error).kind is Kind.UNKNOWN


EXCEPTIONS = {
    Kind.NETWORK: "HTTPClientError ConnectionError EndpointConnectionError SSLError ConnectTimeoutError "
    "ReadTimeoutError ConnectionClosedError ProxyConnectionError ResponseStreamingError IncompleteReadError",
    Kind.CREDENTIALS: "NoCredentialsError PartialCredentialsError CredentialRetrievalError NoAuthTokenError "
    "TokenRetrievalError UnauthorizedSSOTokenError SSOTokenLoadError SSOError ProfileNotFound "
    "LoginRefreshRequired LoginInsufficientPermissions MetadataRetrievalError UnknownCredentialError "
    "RefreshWithMFAUnsupportedError",
    Kind.VALIDATION: "ParamValidationError ValidationError MissingParametersError UnknownServiceError "
    "NoRegionError UnknownRegionError InvalidRegionError UnknownEndpointError EndpointResolutionError "
    "UnknownParameterError DataNotFoundError ConfigNotFound ConfigParseError OperationNotPageableError",
    Kind.THROTTLED: "CapacityNotAvailableError",
    Kind.UNKNOWN: "BotoCoreError PaginationError StubResponseError MD5UnavailableError ChecksumError",
}


class AnyField(dict[str, Any]):
    """Whatever an exception's text asks for."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def raised(cls: type[BaseException]) -> BaseException:
    """An exception of the class, whatever its constructor asks for."""
    error = cls.__new__(cls)
    template = getattr(cls, "fmt", None) or cls.__name__
    error.args = (template.format_map(AnyField()),)
    return error


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in EXCEPTIONS.items() for name in names.split()]
)
def test_a_botocore_exception_means(kind: Kind, name: str) -> None:
    outcome = classify(raised(getattr(botocore.exceptions, name)))
    assert outcome.kind is kind
    assert outcome.evidence["code"] == name


@pytest.mark.parametrize("name", sorted(vars(botocore.exceptions)))
def test_no_botocore_exception_is_taken_for_a_denial_or_an_answer(name: str) -> None:
    cls = getattr(botocore.exceptions, name)
    if inspect.isclass(cls) and issubclass(cls, Exception):
        kind = classify(raised(cls)).kind
        assert not kind.denied
        assert kind not in (Kind.ALLOWED, Kind.NOT_FOUND, Kind.NOT_ENABLED)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (botocore.parsers.ResponseParserError("Unable to parse response"), Kind.SERVICE_ERROR),
        (ConnectionResetError("Connection reset by peer"), Kind.NETWORK),
        (TimeoutError("timed out"), Kind.NETWORK),
        (ssl.SSLCertVerificationError("self-signed certificate"), Kind.NETWORK),
        (FileNotFoundError("template.yaml"), Kind.UNKNOWN),
        (PermissionError("template.yaml"), Kind.UNKNOWN),
        (KeyError("x"), Kind.UNKNOWN),
        (
            RuntimeError(
                "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"
            ),
            Kind.DENIED_UNSPECIFIED,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_exceptions(error: BaseException, kind: Kind) -> None:
    assert classify(error).kind is kind


# What an outcome tells


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ("iam Throttling 400: Rate exceeded", True),
        ("any InternalFailure 500: ", True),
        ("ce DataUnavailableException 400: ", True),
        ("any ReadTimeoutError: Read timeout on endpoint URL", True),
        ("any SSLError: SSL validation failed", False),
        ('iam MalformedPolicyDocument 400: Invalid principal in policy: "AWS":"x"', True),
        ("iam MalformedPolicyDocument 400: Syntax errors in policy.", False),
        ("s3 AccessDenied 403: Access Denied", False),
        ("any NeverSeenException 403: Computer says no", False),
    ],
)
def test_only_what_may_change_by_itself_is_worth_repeating(answer: str, again: bool) -> None:
    assert told(answer).retryable is again


@pytest.mark.parametrize("kind", [kind for kind in WORDINGS if kind is not Kind.ALLOWED])
def test_every_answer_but_a_good_one_says_what_to_do(kind: Kind) -> None:
    assert all(told(answer).fix for answer in WORDINGS[kind])
    assert not any("{" in told(answer).fix for answer in WORDINGS[kind])


def test_a_cost_explorer_that_is_off_names_all_three_switches() -> None:
    fix = told("ce AccessDeniedException 400: User not enabled for cost explorer access").fix
    assert all(
        words in fix for words in ("management account", "member (linked) accounts", "IAM access to billing")
    )


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (f"You are not authorized to perform this operation. {ENCODED} Ab-{'C' * 90}\n{'x' * 60}yz", "xyz"),
        (
            "1 validation error detected: Value 'a'\ns3cret' at 'externalId' failed to satisfy",
            "s3cret",
        ),
        (
            "Parameter validation failed:\nInvalid type for parameter ExternalId, value: 123456, type: x",
            "123456",
        ),
        (
            "The signature does not match.\n\nThe Canonical String for this request should have been\n"
            "'GET\n/\nx-amz-security-token:IQoJ'",
            "IQoJ",
        ),
    ],
    ids=["encoded message", "external ID", "local check of an external ID", "canonical request"],
)
def test_nothing_secret_is_shown(message: str, secret: str) -> None:
    outcome = classify_parts("sts", "ValidationError", message)
    assert secret not in f"{outcome.reason}{outcome.fix}{outcome.evidence}"


@pytest.mark.parametrize("end", ["", ": ", ": Access Denied"])
def test_a_command_line_tool_says_code_and_operation_in_its_text(end: str) -> None:
    text = f"An error occurred (AccessDenied) when calling the AssumeRole operation{end}"
    assert classify_parts("sts", "", text).kind is Kind.DENIED_TRUST


def test_evidence_holds_only_what_is_there() -> None:
    assert classify_parts("", "SlowDown", "").evidence == {"code": "SlowDown"}


# Lines of a batch


def test_a_line_becomes_plain_values() -> None:
    line = {
        "service": "s3",
        "code": 403,
        "message": "Forbidden",
        "http_status": "403",
        "operation": None,
        "note": 1,
    }
    said = classify_line(line)
    assert json.loads(json.dumps(said)) == said
    assert list(said) == ["kind", "explicit", "action", "policy_arn", "reason", "fix", "retryable"]
    assert said["kind"] == "DENIED_UNSPECIFIED"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({}, "code or a message"),
        ({"service": "s3"}, "code or a message"),
        ({"code": ["AccessDenied"]}, "code must be text"),
        ({"code": "AccessDenied", "http_status": "soon"}, "http_status"),
        ({"code": "AccessDenied", "http_status": True}, "http_status"),
        ([], "JSON object"),
    ],
)
def test_a_line_that_cannot_be_read_is_the_callers_fault(line: Any, fault: str) -> None:
    with pytest.raises(RequestError, match=fault):
        classify_line(line)
