"""What is unsigned, malformed, not known or not offered is refused, in a way that boto3 can read."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from gate_clients import REGION, Actor, Organization, Refusal, refusal, role_arn, statement, unique
from werkzeug.serving import make_server

from xacct_kit.sandbox.authority import Authority
from xacct_kit.sandbox.disturbances import Disturbances
from xacct_kit.sandbox.gate import Gate
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MEMBER_ACCOUNT
from xacct_kit.sandbox.principals import Principal

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WHO_AM_I = "Action=GetCallerIdentity&Version=2011-06-15"


class Sent:
    """What came back by HTTP."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.text = response.read().decode()

    @property
    def refused(self) -> bool:
        """Whether it is an error that boto3 could read."""
        named = ("<Code>" in self.text and "<Message>" in self.text) or '"__type"' in self.text
        return 400 <= self.status < 500 and named and "<html" not in self.text


def send(
    organization: Organization,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: Any = None,
) -> Sent:
    place = urlsplit(organization.endpoint)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Sent(connection.getresponse())
    finally:
        connection.close()


def signed(
    who: Actor,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: str = "",
) -> dict[str, str]:
    """The headers of a request that is signed as it should be."""
    request = AWSRequest(method=method, url=f"{who.endpoint}{path}", headers=headers or {}, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(who.access_key, who.secret, who.token), service, who.region).add_auth(request)
    return dict(request.headers.items())


def send_signed(
    organization: Organization,
    who: Actor,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: str = "",
) -> Sent:
    return send(organization, method, path, signed(who, service, method, path, headers, body), body)


def test_a_request_that_is_signed_by_hand_is_answered(organization: Organization) -> None:
    answer = send_signed(organization, organization.operator, "sts", "POST", "/", FORM, WHO_AM_I)
    assert answer.status == 200
    assert "user/operator" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        pytest.param("POST", "/", FORM, WHO_AM_I, id="query"),
        pytest.param("GET", f"/?{WHO_AM_I}", {}, None, id="query by GET"),
        pytest.param("POST", "/", {"X-Amz-Target": "AmazonSSM.DescribeParameters"}, "{}", id="json"),
        pytest.param("GET", "/", {}, None, id="s3"),
        pytest.param("PUT", "/bucket/key", {}, "object", id="s3 put"),
        pytest.param("OPTIONS", "/bucket/key", {"Origin": "http://a"}, None, id="preflight"),
        pytest.param("POST", "/moto-api/reset", {}, None, id="moto reset"),
        pytest.param("GET", "/moto-api/data.json", {}, None, id="moto data"),
        pytest.param("GET", "/moto-api/", {}, None, id="moto console"),
        pytest.param("GET", "/latest/meta-data/iam/security-credentials/", {}, None, id="instance metadata"),
        pytest.param("PUT", "/latest/api/token", {}, None, id="instance metadata token"),
        pytest.param("POST", "/", FORM, "Action=AssumeRoleWithWebIdentity", id="unsigned STS"),
        pytest.param("POST", "/", {"Authorization": "garbage"}, "", id="garbage"),
        pytest.param(
            "POST", "/", {"Authorization": "AWS4-HMAC-SHA256 Credential=a/b"}, "", id="half a signature"
        ),
        pytest.param("GET", "/", {"Authorization": "AWS AKIA:c2lnbmF0dXJl"}, None, id="signature version 2"),
        pytest.param("GET", "/", {"Authorization": "Bearer token"}, None, id="bearer"),
        pytest.param("BREW", "/coffee", {}, None, id="method unknown"),
    ],
)
def test_what_is_not_signed_is_refused(
    organization: Organization, method: str, path: str, headers: dict[str, str], body: str | None
) -> None:
    answer = send(organization, method, path, headers, body)
    assert answer.refused, answer.text
    assert answer.status == (400 if "X-Amz-Target" in headers else 403)


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        (
            "sts",
            "get_caller_identity",
            Refusal("MissingAuthenticationToken", 403, "Missing Authentication Token"),
        ),
        (
            "ec2",
            "describe_regions",
            Refusal("MissingAuthenticationToken", 403, "Missing Authentication Token"),
        ),
        (
            "ssm",
            "describe_parameters",
            Refusal("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        ),
        ("s3", "list_buckets", Refusal("AccessDenied", 403, "Access Denied")),
    ],
)
def test_an_unsigned_client_can_read_its_refusal(
    organization: Organization, service: str, operation: str, expected: Refusal
) -> None:
    client = boto3.client(
        service,
        endpoint_url=organization.endpoint,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    assert refusal(getattr(client, operation)) == expected


def test_a_url_that_was_presigned_by_version_2_is_refused(organization: Organization) -> None:
    url = organization.administrator().client("s3").generate_presigned_url("list_buckets")
    answer = send(organization, "GET", url.removeprefix(organization.endpoint))
    assert answer.status == 403
    assert answer.refused


def test_a_url_of_another_service_than_s3_that_was_presigned_is_refused(organization: Organization) -> None:
    url = organization.administrator().client("sts").generate_presigned_url("get_caller_identity")
    answer = send(organization, "GET", url.removeprefix(organization.endpoint))
    assert answer.status == 403
    assert answer.refused


@pytest.mark.parametrize(
    "header", [{"X-Amz-Security-Token": "ünïcode"}, {"X-Amz-Date": ""}, {"Host": "["}, {"Host": ""}]
)
def test_a_header_that_was_changed_after_signing_is_refused(
    organization: Organization, header: dict[str, str]
) -> None:
    who = organization.administrator()
    headers = {name.lower(): value for name, value in signed(who, "sts", "POST", "/", FORM, WHO_AM_I).items()}
    changed = headers | {name.lower(): value for name, value in header.items()}
    assert send(
        organization, "POST", "/", {k: v.encode("latin-1") for k, v in changed.items()}, WHO_AM_I
    ).refused  # type: ignore[misc]


def test_a_body_that_was_changed_after_signing_is_refused(organization: Organization) -> None:
    headers = signed(organization.operator, "sts", "POST", "/", FORM, WHO_AM_I)
    answer = send(organization, "POST", "/", headers, WHO_AM_I.replace("Caller", "caller"))
    assert answer.status == 403
    assert "SignatureDoesNotMatch" in answer.text


def test_a_header_that_names_an_account_is_not_believed(organization: Organization) -> None:
    who = organization.administrator()
    ssm = who.client("ssm")
    name = f"/{unique('parameter')}"
    ssm.put_parameter(Name=name, Value="member", Type="String")
    headers = {
        "X-Amz-Target": "AmazonSSM.GetParameter",
        "Content-Type": "application/x-amz-json-1.1",
        "x-moto-account-id": MEMBER_ACCOUNT,
    }
    body = f'{{"Name": "{name}"}}'
    stranger = organization.administrator(MAIN_ACCOUNT)
    answer = send_signed(organization, stranger, "ssm", "POST", "/", headers, body)
    assert answer.status == 400
    assert "ParameterNotFound" in answer.text


class TestWhatIsAuthorisedIsWhatIsCarriedOut:
    """moto reads some requests otherwise than the gate does; it never gets to."""

    def test_two_actions_are_refused(self, organization: Organization) -> None:
        path = "/?Action=CreateUser"
        body = "Action=GetUser&UserName=operator"
        answer = send_signed(organization, organization.administrator(), "iam", "POST", path, FORM, body)
        assert answer.refused
        assert "InvalidAction" in answer.text

    def test_an_action_in_the_query_string_does_not_replace_the_target(
        self, organization: Organization
    ) -> None:
        who = organization.somebody(statement("Allow", "ssm:DescribeParameters"))
        name = f"/{unique('parameter')}"
        organization.administrator().client("ssm").put_parameter(Name=name, Value="kept", Type="String")
        headers = {
            "X-Amz-Target": "AmazonSSM.DescribeParameters",
            "Content-Type": "application/x-amz-json-1.1",
        }
        path = "/?Action=DeleteParameter"
        answer = send_signed(organization, who, "ssm", "POST", path, headers, f'{{"Name": "{name}"}}')
        assert answer.status in (200, 400)
        kept = organization.administrator().client("ssm").get_parameter(Name=name)
        assert kept["Parameter"]["Value"] == "kept"

    @pytest.mark.parametrize(
        "header",
        [{"User-Agent": "Boto3 region/eu-west-1"}, {"Host": "ec2.eu-west-1.amazonaws.com"}],
        ids=["agent", "host"],
    )
    def test_the_region_is_the_one_that_was_signed_for(
        self, organization: Organization, header: dict[str, str]
    ) -> None:
        in_region = {"StringEquals": {"aws:RequestedRegion": REGION}}
        who = organization.somebody(statement("Allow", "ec2:*", Condition=in_region))
        body = "Action=DescribeAvailabilityZones&Version=2016-11-15"
        host = header.get("Host")
        url = f"http://{host}/" if host else f"{organization.endpoint}/"
        request = AWSRequest(method="POST", url=url, headers=FORM | header, data=body)
        SigV4Auth(Credentials(who.access_key, who.secret, who.token), "ec2", REGION).add_auth(request)
        answer = send(organization, "POST", "/", dict(request.headers.items()), body)
        assert answer.status == 200
        assert f"{REGION}a" in answer.text
        assert "eu-west-1" not in answer.text

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/moto-api/data.json"),
            ("GET", "/moto%2Dapi/data.json"),
            ("POST", "/moto-api/reset?uploads"),
            ("PUT", "/moto-api"),
            ("GET", "/latest/meta-data/iam/security-credentials/"),
            ("GET", "/latest%2Fmeta-data%2Fiam/x"),
            ("PUT", "/latest/api/token"),
            ("GET", "/v20180820/accesspoint"),
            ("GET", "/favicon.ico"),
        ],
    )
    def test_a_path_of_motos_own_is_no_buckets(
        self, organization: Organization, method: str, path: str
    ) -> None:
        answer = send_signed(organization, organization.administrator(), "s3", method, path)
        assert answer.refused, answer.text
        assert "InvalidBucketName" in answer.text


@pytest.mark.parametrize(
    ("service", "headers", "body"),
    [
        pytest.param("sts", FORM, "", id="no action"),
        pytest.param("sts", FORM, "Action=NoSuchAction", id="query"),
        pytest.param("ec2", FORM, "Action=NoSuchAction", id="ec2"),
        pytest.param("ssm", {"X-Amz-Target": "AmazonSSM.NoSuchOperation"}, "{}", id="json"),
        pytest.param("ssm", {}, "{}", id="no target"),
        pytest.param("ssm", {"X-Amz-Target": "TrentService.DescribeParameters"}, "{}", id="another's target"),
        pytest.param("s3", {}, "", id="s3"),
    ],
)
def test_an_operation_that_is_not_known_is_refused(
    organization: Organization, service: str, headers: dict[str, str], body: str
) -> None:
    answer = send_signed(organization, organization.operator, service, "POST", "/", headers, body)
    assert answer.refused, answer.text


JSON = {"X-Amz-Target": "AmazonSSM.DescribeParameters", "Content-Type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        '"text"',
        '{"Filters": 5}',
        '{"Filters": [5]}',
        '{"MaxResults": {}}',
        "\x00",
    ],
)
def test_json_that_is_not_as_the_model_says_is_never_a_stumble(organization: Organization, body: str) -> None:
    answer = send_signed(organization, organization.administrator(), "ssm", "POST", "/", JSON, body)
    assert answer.status == 200 or answer.refused or "NotImplemented" in answer.text


def test_json_of_another_type_cannot_be_read(organization: Organization) -> None:
    headers = JSON | {"X-Amz-Target": "AmazonSSM.GetParameter"}
    for body in ('{"Name": 5}', '{"Name": ["a"]}', '{"Name": {"a": "b"}}'):
        answer = send_signed(organization, organization.operator, "ssm", "POST", "/", headers, body)
        assert (answer.status, "SerializationException" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "params",
    [
        {"Action": "AssumeRole", "DurationSeconds": "soon"},
        {"Action": "AssumeRole", "RoleArn": "arn", "RoleSessionName": "tester"},
        {"Action": "AssumeRole", "RoleArn": "arn:aws:iam::x:role/ünï", "RoleSessionName": "tester"},
        {"Action": "AssumeRole", "RoleArn": "arn:aws:sts::1:role/aaaaaaaaaaaa", "RoleSessionName": "tester"},
        {"Action": "AssumeRole", "Tags.member.x": "1"},
        {"Action": "AssumeRole"},
    ],
)
def test_a_form_that_is_not_as_the_model_says_is_refused(
    organization: Organization, params: dict[str, str]
) -> None:
    answer = send_signed(organization, organization.operator, "sts", "POST", "/", FORM, urlencode(params))
    assert answer.refused, answer.text


def lacking(place: str) -> str:
    constraint = "failed to satisfy constraint: Member must not be null"
    return f"1 validation error detected: Value null at '{place}' {constraint}"


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("iam", "create_user", {}, Refusal("ValidationError", 400, lacking("userName"))),
        ("iam", "delete_role", {}, Refusal("ValidationError", 400, lacking("roleName"))),
        (
            "iam",
            "tag_user",
            {"UserName": "operator", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]},
            Refusal("ValidationError", 400, lacking("tags.2.member.value")),
        ),
        ("sts", "assume_role", {}, Refusal("ValidationError", 400, lacking("roleArn"))),
        ("cloudformation", "delete_stack", {}, Refusal("ValidationError", 400, lacking("stackName"))),
        ("organizations", "create_account", {}, Refusal("ValidationException", 400, lacking("email"))),
        ("ssm", "get_parameter", {}, Refusal("ValidationException", 400, lacking("name"))),
        ("sagemaker", "list_tags", {}, Refusal("ValidationException", 400, lacking("resourceArn"))),
        ("emr", "add_tags", {}, Refusal("ValidationException", 400, lacking("resourceId"))),
        (
            "ec2",
            "terminate_instances",
            {},
            Refusal("MissingParameter", 400, "The request must contain the parameter InstanceIds"),
        ),
    ],
)
def test_what_a_request_must_have_and_lacks_is_named(
    organization: Organization, service: str, operation: str, params: dict[str, Any], expected: Refusal
) -> None:
    careless = organization.operator.but(config=Config(parameter_validation=False))
    assert refusal(getattr(careless.client(service), operation), **params) == expected


@pytest.mark.parametrize("length", ["-5", "none"])
def test_a_length_that_is_none_is_refused(organization: Organization, length: str) -> None:
    headers = signed(organization.operator, "sts", "POST", "/", FORM, WHO_AM_I) | {"Content-Length": length}
    assert send(organization, "POST", "/", headers, b"").refused


def test_chunks_that_are_none_are_refused(organization: Organization) -> None:
    headers = signed(organization.operator, "sts", "POST", "/", FORM, WHO_AM_I)
    answer = send(organization, "POST", "/", headers | {"Transfer-Encoding": "chunked"}, b"no chunk\r\n\r\n")
    assert answer.status == 400
    assert "IncompleteBody" in answer.text


# What the sandbox does not offer.

NOT_OFFERED = [
    (
        "ce",
        "get_cost_forecast",
        {"TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"}, "Metric": "x", "Granularity": "DAILY"},
    ),
    ("cloudformation", "estimate_template_cost", {}),
    ("ec2", "describe_ipam_policies", {}),
    ("emr", "list_studios", {}),
    ("emr", "terminate_job_flows", {"JobFlowIds": ["j-unknown"]}),
    ("iam", "generate_service_last_accessed_details", {"Arn": role_arn(MEMBER_ACCOUNT, "x")}),
    ("sagemaker", "list_user_profiles", {}),
    ("ssm", "describe_instance_information", {}),
    ("sts", "get_session_token", {}),
    ("sts", "get_federation_token", {"Name": "tester"}),
    ("lambda", "list_functions", {}),
    ("kms", "list_keys", {}),
    ("route53", "list_hosted_zones", {}),
    ("cloudwatch", "list_metrics", {}),
    ("autoscaling", "describe_auto_scaling_groups", {}),
]


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    NOT_OFFERED,
    ids=[f"{service}-{name}" for service, name, _ in NOT_OFFERED],
)
def test_what_is_not_offered_is_said_at_the_first_attempt(
    organization: Organization, service: str, operation: str, params: dict[str, Any]
) -> None:
    refused = refusal(getattr(organization.administrator().client(service), operation), **params)
    assert (refused.code, refused.status) == ("NotImplemented", 501)
    assert "does not offer" in refused.text


def test_neither_retry_mode_tries_again_what_is_not_offered(organization: Organization) -> None:
    who = organization.administrator()
    for mode in ("legacy", "standard", "adaptive"):
        client = boto3.client(
            "emr",
            endpoint_url=who.endpoint,
            region_name=REGION,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret,
            aws_session_token=who.token,
            config=Config(retries={"mode": mode, "max_attempts": 5}),
        )
        assert refusal(client.list_studios).code == "NotImplemented"


def test_who_may_not_ask_is_not_told_what_is_offered(organization: Organization) -> None:
    assert refusal(organization.somebody().client("emr").list_studios).code == "AccessDeniedException"


# Credentials that have expired.

PRINCIPAL = Principal(
    account=MEMBER_ACCOUNT,
    arn=f"arn:aws:sts::{MEMBER_ACCOUNT}:assumed-role/Gone/tester",
    user_id="AROA:tester",
)


def no_engine(service: str) -> Any:
    raise AssertionError("the request got through the gate")


@pytest.fixture(scope="module")
def expired(no_aws: None) -> Iterator[Actor]:
    """Somebody whose credentials ended when they were issued, before a gate without anything behind it."""
    gate = Gate(no_engine, Authority(), Disturbances({}, {}))
    key = gate.keyring.issue(PRINCIPAL, 0)
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Actor(
        endpoint=f"http://127.0.0.1:{server.server_port}",
        access_key=key.access_key,
        secret=key.secret,
        token=key.token,
        arn=PRINCIPAL.arn,
    )
    server.shutdown()
    thread.join()
    server.server_close()


EXPIRED = "The security token included in the request is expired"


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        ("sts", "get_caller_identity", Refusal("ExpiredToken", 403, EXPIRED)),
        ("iam", "list_roles", Refusal("ExpiredToken", 403, EXPIRED)),
        ("cloudformation", "list_stacks", Refusal("ExpiredToken", 403, EXPIRED)),
        ("ec2", "describe_regions", Refusal("RequestExpired", 400, "Request has expired.")),
        ("s3", "list_buckets", Refusal("ExpiredToken", 400, "The provided token has expired.")),
        ("ce", "list_cost_category_definitions", Refusal("ExpiredTokenException", 400, EXPIRED)),
        ("emr", "list_clusters", Refusal("ExpiredTokenException", 400, EXPIRED)),
        ("organizations", "list_accounts", Refusal("ExpiredTokenException", 400, EXPIRED)),
        ("sagemaker", "list_notebook_instances", Refusal("ExpiredTokenException", 400, EXPIRED)),
        ("ssm", "describe_parameters", Refusal("ExpiredTokenException", 400, EXPIRED)),
    ],
)
def test_expired_credentials_are_refused(
    expired: Actor, service: str, operation: str, expected: Refusal
) -> None:
    assert refusal(getattr(expired.client(service), operation)) == expected
