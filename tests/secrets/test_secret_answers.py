"""What AWS answers may hold a secret: the text of an error, an event, a policy, an answer that is none.

Each row is one thing that AWS, or what stands before it, has to say, and the step that hears it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from disturbances import cut_short, edited, page, refused, with_reason
from indiscreet_aws import Disturbance, Request, Response
from stage import EXTERNAL_ID, Stage, document, tell

import xacct_kit as xk
from xacct_kit.sandbox.layout import MEMBER_ACCOUNT

ID = EXTERNAL_ID.value

Progress = Callable[[str], None]


def use(name: str, params: xk.Params, progress: Progress) -> xk.Report:
    """Take one step, which tells its progress if it has any."""
    with xk.connect(params) as session:
        told = {} if name == "preflight" else {"progress": progress}
        report: xk.Report = getattr(xk, name)(session, **told)
        return report


@dataclass(frozen=True)
class Row:
    """Something that is answered.

    Attributes:
        answer: what.
        call: the service or the call that it is answered to.
        step: the step that hears it.
        values: params besides the usual ones.
        literal: whether the external ID is a literal of the sandbox.
    """

    answer: Disturbance
    call: str
    step: str
    values: dict[str, Any] = field(default_factory=dict)
    literal: bool = False

    def __call__(self, request: Request, response: Response) -> Response:
        asked = self.call in (request.service, f"{request.service}:{request.operation}")
        return self.answer(request, response) if asked else response


def with_external_id(answer: Disturbance) -> Disturbance:
    """The same, where an external ID was sent."""
    return lambda request, response: (
        answer(request, response) if "ExternalId" in request.parameters else response
    )


def canonical(request: Request) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""
    return (
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.\n\nThe "
        f"Canonical String for this request should have been\n'POST\n/\n\nhost:{request.headers['host']}\n"
        f"x-amz-security-token:{request.token}\n\nhost;x-amz-security-token\ne3b0c442'\n"
    )


def incomplete(request: Request) -> str:
    """https://github.com/boto/boto3/issues/2280"""
    said = request.headers["authorization"]
    return f"'{said}' not a valid key=value pair (missing equal-sign) in Authorization header: '{said}'."


def not_valid(request: Request) -> str:
    return (
        f"1 validation error detected: Value '{request.parameters['ExternalId']}' at 'externalId' failed to "
        "satisfy constraint: Member must have length less than or equal to 1224"
    )


def error_of_s3(code: str, *elements: str) -> Disturbance:
    """https://github.com/romange/helio/issues/15"""

    def answer(request: Request, _: Response) -> Response:
        told = "".join(
            f"<{name}>{request.token} {request.headers['authorization']}</{name}>" for name in elements
        )
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>No.</Message>{told}</Error>'
        headers = {"content-type": "application/xml", "x-amz-request-id": "4442587FB7D0A2F9"}
        return Response(400, headers, body.encode())

    return answer


def unreadable_trust(request: Request, response: Response) -> Response:
    """A trust policy that is none, which refuses."""
    if request.operation == "AssumeRole" and "ExternalId" in request.parameters:
        return refused(403, "AccessDenied", lambda _: "Access Denied")(request, response)
    condition = {"StringEquals": {"sts:ExternalId": {ID: [ID]}}}
    trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": condition}
    element = f"<AssumeRolePolicyDocument>{quote(document(trust))}</AssumeRolePolicyDocument>"
    return edited(rb"<AssumeRolePolicyDocument>.*?</AssumeRolePolicyDocument>", element.encode())(
        request, response
    )


# Text of which no more than a beginning is shown, and the cut is in the external ID.
LONG = "Somebody has written very much here. " * 7

DENIED = (403, "AccessDenied")
ASSUME, IDENTIFY = "sts:AssumeRole", "sts:GetCallerIdentity"

IN_AWS_S_WORDS: dict[str, Row] = {
    "a canonical request": Row(refused(403, "SignatureDoesNotMatch", canonical), ASSUME, "preflight"),
    "a canonical request of the operator": Row(
        refused(403, "SignatureDoesNotMatch", canonical), IDENTIFY, "preflight"
    ),
    "a header that is not complete": Row(
        refused(400, "IncompleteSignature", incomplete), ASSUME, "preflight"
    ),
    "the operator's header that is not complete": Row(
        refused(400, "IncompleteSignature", incomplete), IDENTIFY, "preflight"
    ),
    "an external ID that is not valid": Row(
        with_external_id(refused(400, "ValidationError", not_valid)), ASSUME, "check_trust"
    ),
    "a token of S3 that has expired": Row(error_of_s3("ExpiredToken", "Token-0"), "s3", "probe_permissions"),
    "a canonical request of S3": Row(
        error_of_s3("SignatureDoesNotMatch", "AWSAccessKeyId", "StringToSign", "CanonicalRequest"),
        "s3",
        "probe_permissions",
    ),
}

EXTERNAL_IDS: dict[str, Row] = {
    "a refusal that names it": Row(
        with_external_id(refused(*DENIED, lambda _: f"Not authorized to perform: sts:AssumeRole with {ID}")),
        ASSUME,
        "check_trust",
    ),
    "an error": Row(refused(400, "Unknown", lambda _: f"ExternalId={ID}"), "ce", "check_cost_explorer"),
    "an error, percent-encoded": Row(
        refused(400, "Unknown", lambda _: f"ExternalId={quote(ID, safe='')}"),
        "ce",
        "check_cost_explorer",
    ),
    "an error, as JSON with solidi escaped": Row(
        refused(400, "Unknown", lambda _: json.dumps({"ExternalId": ID}).replace("/", r"\/")),
        "ce",
        "check_cost_explorer",
    ),
    "an error that is cut": Row(
        refused(400, "Unknown", lambda _: f"{LONG}{ID} is not right."), "ce", "check_cost_explorer"
    ),
    "a refusal to let a role be read": Row(
        refused(*DENIED, lambda _: f"A policy with {ID} denies it."), "iam:GetRole", "preflight"
    ),
    "an error before it was asked for": Row(
        refused(400, "ValidationError", lambda _: f"The parameter {ID} is not right."),
        "cloudformation",
        "preflight",
        literal=True,
    ),
    "a parameter that is cut short": Row(cut_short, "ssm", "check_trust", {"reference": "ssm"}),
    "a secret that is cut short": Row(
        cut_short, "secretsmanager", "check_trust", {"reference": "secretsmanager"}
    ),
    "an event": Row(
        with_reason(f"It has {ID}."),
        "cloudformation:DescribeStackEvents",
        "deploy_role",
        {"stack_name": "told-by-event", "role_name": "ToldByEvent"},
    ),
    "a change set": Row(
        edited(
            rb"<Status>\w+</Status>",
            rb"<Status>FAILED</Status><StatusReason>It has " + ID.encode() + rb".</StatusReason>",
        ),
        "cloudformation:DescribeChangeSet",
        "deploy_role",
        {"stack_name": "told-by-change-set", "role_name": "ToldByChangeSet"},
    ),
}

CREDENTIALS: dict[str, Row] = {
    "an error": Row(
        refused(400, "Unknown", lambda request: f"The token {request.token} is not right."),
        "ce",
        "check_cost_explorer",
    ),
    "the operator is refused": Row(
        refused(403, "InvalidClientTokenId", lambda request: f"The token {request.token} is not valid."),
        IDENTIFY,
        "preflight",
    ),
    "a reference is refused": Row(
        refused(*DENIED, lambda request: f"The token {request.token} may not read it."),
        "ssm",
        "check_trust",
        {"reference": "ssm"},
    ),
    "a page to STS": Row(with_external_id(page(403)), ASSUME, "check_trust"),
    "a page to STS that is taken for an answer": Row(with_external_id(page(200)), ASSUME, "check_trust"),
    "a page to a service of JSON": Row(page(403), "ce", "check_cost_explorer"),
    "an answer of STS that is cut short": Row(cut_short, ASSUME, "preflight"),
    "credentials in each other's place": Row(
        edited(rb"(<SessionToken>(.*?)</SessionToken>.*?<Expiration>)[^<]*", rb"\1\2"), ASSUME, "preflight"
    ),
    "credentials of which a part is missing": Row(
        edited(rb"<Expiration>.*?</Expiration>", b""), ASSUME, "preflight"
    ),
}

ROWS = [
    pytest.param(row, id=f"{table}: {name}")
    for table, rows in (
        ("AWS's words", IN_AWS_S_WORDS),
        ("external ID", EXTERNAL_IDS),
        ("credentials", CREDENTIALS),
    )
    for name, row in rows.items()
]


@pytest.mark.parametrize("row", ROWS)
def test_what_is_answered_is_told_without_secrets(operator: Stage, tmp_path: Path, row: Row) -> None:
    values = operator.literal_values() if row.literal else operator.values(**row.values)
    answered: list[str] = []

    def answer(request: Request, response: Response) -> Response:
        said = row(request, response)
        answered.extend(["answered"] if said is not response else [])
        return said

    with operator.aws.disturbed(answer):
        written = tell(
            lambda: xk.Params.of(**values, wait_seconds=1), lambda p, say: use(row.step, p, say), tmp_path
        )
    assert answered
    assert operator.leaks(written) == []


def test_a_trust_policy_that_cannot_be_read_is_told_without_secrets(operator: Stage, tmp_path: Path) -> None:
    values = operator.values(wait_seconds=1)
    with operator.aws.disturbed(unreadable_trust):
        written = tell(lambda: xk.Params.of(**values), lambda p, say: use("check_trust", p, say), tmp_path)
    assert "cannot be read" in written.text("repr")
    assert operator.leaks(written) == []


@pytest.mark.parametrize("step", ["check_cost_explorer", "onboard"])
def test_credentials_that_end_and_are_not_given_again_are_not_told(
    operator: Stage, tmp_path: Path, step: str
) -> None:
    soon = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}".encode()
    given: list[Request] = []

    def answer(request: Request, response: Response) -> Response:
        if request.operation != "AssumeRole" or request.parameters.get("ExternalId") != ID:
            return response
        given.append(request)
        if len(given) == 1:
            return edited(rb"(?<=<Expiration>).*?(?=</Expiration>)", soon)(request, response)
        return refused(*DENIED, lambda _: f"No longer with {ID} and {request.token}")(request, response)

    def do(params: xk.Params, progress: Progress) -> xk.Report:
        if step == "onboard":
            return xk.onboard(params, deploying=False, progress=progress)
        return use(step, params, progress)

    with operator.aws.disturbed(answer):
        written = tell(lambda: xk.Params.of(**operator.values(wait_seconds=1)), do, tmp_path)
    assert len(given) > 1
    assert operator.leaks(written) == []


# Policies that speak of the external ID beside a Deny of what the role should be able to do.
_ONWARD = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Resource": "*",
    "Condition": {"StringEquals": {"sts:ExternalId": ID}},
}
_NO_COSTS = {"Sid": "NoCosts", "Effect": "Deny", "Action": "ce:*", "Resource": "*"}


def put_role_policy(stage: Stage, text: str) -> Iterator[None]:
    iam = stage.client("iam", account=MEMBER_ACCOUNT, role="OrganizationAccountAccessRole")
    named = {"RoleName": "CrossAccountExecutionRole", "PolicyName": "onward"}
    iam.put_role_policy(**named, PolicyDocument=text)
    yield
    iam.delete_role_policy(**named)


def attach_boundary(stage: Stage, text: str) -> Iterator[None]:
    iam = stage.client("iam", account=MEMBER_ACCOUNT, role="OrganizationAccountAccessRole")
    arn = iam.create_policy(PolicyName="Fence", PolicyDocument=text)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="CrossAccountExecutionRole", PermissionsBoundary=arn)
    yield
    iam.delete_role_permissions_boundary(RoleName="CrossAccountExecutionRole")
    iam.delete_policy(PolicyArn=arn)


def attach_service_control_policy(stage: Stage, text: str) -> Iterator[None]:
    organizations = stage.client("organizations")
    made = organizations.create_policy(
        Content=text, Description="", Name="fence", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]
    organizations.attach_policy(PolicyId=made["Id"], TargetId=MEMBER_ACCOUNT)
    yield
    organizations.detach_policy(PolicyId=made["Id"], TargetId=MEMBER_ACCOUNT)
    organizations.delete_policy(PolicyId=made["Id"])


HOLDERS = {
    "the role's policy": put_role_policy,
    "an SCP": attach_service_control_policy,
    "the boundary": attach_boundary,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_policy_with_an_external_id_is_mended_without_telling_it(
    operator: Stage, tmp_path: Path, holder: str
) -> None:
    allowing = [{"Effect": "Allow", "Action": "*", "Resource": "*"}] if holder == "the boundary" else []
    with ExitStack() as undoing:
        held = HOLDERS[holder](operator, document(_ONWARD, *allowing, _NO_COSTS))
        next(held)
        undoing.callback(next, held, None)
        params = xk.Params.of(**operator.values(wait_seconds=1))
        written = tell(lambda: params, lambda p, say: use("check_cost_explorer", p, say), tmp_path)
    assert "NoCosts" in written.text("repr")
    assert operator.leaks(written) == []
