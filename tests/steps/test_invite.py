"""Inviting an account: the message says all that its administrator has to know, and tells no secret."""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
import stat
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from by_hand import administer

import xacct_kit as xk
from xacct_kit.errors import ParamsError, RunError
from xacct_kit.params import Params
from xacct_kit.report import OutcomeKind, Verdict
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import build_template, to_yaml
from xacct_kit.steps.invitation_text import duration
from xacct_kit.steps.invite import Invitation, invite_account
from xacct_kit.steps.status import wait_until_onboarded
from xacct_kit.steps.trust import check_account

MAIN, MEMBER = "222222222222", "333333333333"
PROBES = ["put-template", "link-can-be-opened", "template-is-private", "stack-is-created"]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def session(no_aws: None) -> Iterator[xk.Session]:
    params = Params.load(
        "params/sandbox.yaml", sandbox_scenario="role-missing", stack_tags={"Purpose": "analytics & more"}
    )
    with xk.connect(params) as opened:
        yield opened


@pytest.fixture
def bucket(session: xk.Session) -> str:
    name = f"templates-{next(_numbers)}"
    administer(session, "s3", "CreateBucket", account=MAIN, Bucket=name)
    return name


def asked(invitation: Invitation) -> dict[str, str]:
    """What the console reads of the link."""
    query = urlsplit(invitation.link).fragment.partition("?")[2]
    return {name: values[0] for name, values in parse_qs(query).items()}


def test_an_invitation_is_tried_before_it_is_sent(session: xk.Session, bucket: str) -> None:
    invitation = invite_account(session, MEMBER, bucket=bucket)
    assert [row.probe for row in invitation.findings] == PROBES
    assert [row.verdict for row in invitation.findings] == [*[Verdict.PASS] * 3, Verdict.SKIPPED]
    assert {row.account for row in invitation.findings} == {MEMBER}


def test_the_link_fills_in_all_but_the_external_id(session: xk.Session, bucket: str) -> None:
    invitation = invite_account(session, MEMBER, bucket=bucket)
    values = asked(invitation)
    assert urlsplit(values.pop("templateURL")).path.startswith(f"/{bucket}/onboard-account-")
    assert values == {
        "stackName": "onboard-account",
        "param_MainAccount": MAIN,
        "param_ApiHandlerRole": "ApiHandlerRole",
        "param_WorkflowLoopRunnerRole": "WorkflowLoopRunnerRole",
        "param_RoleName": "CrossAccountExecutionRole",
    }
    assert urlsplit(invitation.link).netloc == "us-east-1.console.aws.amazon.com"


def test_an_administrator_who_follows_the_message_makes_a_role_that_is_trusted(bucket: str) -> None:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario="role-missing")) as session:
        administer(session, "s3", "CreateBucket", account=MAIN, Bucket=bucket)
        invitation = invite_account(session, MEMBER, bucket=bucket)
        values = asked(invitation)
        with urllib.request.urlopen(values["templateURL"], timeout=10) as answer:
            template = answer.read()
        assert hashlib.sha256(template).hexdigest() in invitation.message
        typed = {"ExternalId": session.external_id}
        filled = {name.removeprefix("param_"): value for name, value in values.items() if "param_" in name}
        administrator = session.deployer(MEMBER).caller
        assert administrator is not None
        made = session.call(
            administrator,
            "cloudformation",
            "CreateStack",
            StackName=values["stackName"],
            TemplateBody=template.decode(),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in {**filled, **typed}.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        assert made.ok, made.outcome
        assert {row.verdict for row in wait_until_onboarded(session, MEMBER)} == {Verdict.PASS}
        assert {row.verdict for row in check_account(session, MEMBER)} == {Verdict.PASS}


def test_the_message_says_what_is_made_what_it_permits_and_what_to_do(
    session: xk.Session, bucket: str
) -> None:
    invitation = invite_account(session, MEMBER, bucket=bucket, external_id_from="Ada, by telephone")
    for said in (
        f"A role for Service Workbench in your AWS account {MEMBER}",
        "the CloudFormation stack onboard-account in us-east-1",
        f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole",
        f"arn:aws:iam::{MAIN}:role/ApiHandlerRole",
        f"arn:aws:iam::{MEMBER}:root",
        "iam: iam:* on everything",
        "is an administrator of your account: it may give itself any permission",
        invitation.link,
        "RoleName: CrossAccountExecutionRole",
        "you get it from Ada, by telephone",
        "Purpose: analytics & more",
        "CAPABILITY_NAMED_IAM",
        f"Before {invitation.expires:%Y-%m-%d %H:%M} UTC (1 hour from now)",
    ):
        assert said in invitation.message, said


def test_the_external_id_is_in_the_message_only_when_that_is_asked_for(
    session: xk.Session, bucket: str
) -> None:
    external_id = session.external_id
    silent = invite_account(session, MEMBER, bucket=bucket)
    assert external_id not in silent.message
    telling = invite_account(session, MEMBER, bucket=bucket, tell_external_id=True)
    assert f"- {external_id}\n" in telling.message
    assert external_id not in telling.link
    assert external_id not in str([row.to_dict() for row in telling.findings])


def test_the_link_is_in_the_message_and_nowhere_else(
    session: xk.Session, bucket: str, tmp_path: Path
) -> None:
    lines: list[str] = []
    invitation = invite_account(session, MEMBER, bucket=bucket, progress=lines.append)
    told = "\n".join([*lines, json.dumps([row.to_dict() for row in invitation.findings]), repr(invitation)])
    for secret in ("X-Amz-", "ASIA", invitation.link[-64:]):
        assert secret not in told
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(invitation)
    path = invitation.save(tmp_path / "made")
    assert invitation.save(tmp_path / "made") == path
    assert path.read_text() == invitation.message
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_ends_with_the_credentials_that_sign_it_and_says_so(session: xk.Session, bucket: str) -> None:
    begin = datetime.now(UTC)
    long = invite_account(session, MEMBER, bucket=bucket, seconds=86_400)
    short = invite_account(session, MEMBER, bucket=bucket, seconds=600)
    assert long.expires is not None
    assert short.expires is not None
    assert long.expires - begin <= timedelta(hours=1, minutes=1)
    assert "when the credentials end that signed it" in long.findings[1].why
    assert "lasts up to 7 days" in long.findings[1].why
    assert abs(short.expires - begin - timedelta(minutes=10)) < timedelta(minutes=1)
    assert "credentials" not in short.findings[1].why


def test_the_same_template_has_the_same_place(session: xk.Session, bucket: str) -> None:
    places = {
        urlsplit(asked(invite_account(session, account, bucket=bucket))["templateURL"]).path
        for account in (MEMBER, "400000000000")
    }
    assert len(places) == 1
    named = invite_account(session, MEMBER, bucket=bucket, key="of ours/role.yaml")
    assert "/of%20ours/role.yaml?" in asked(named)["templateURL"]


@pytest.mark.parametrize("seconds", [0, 59, 604_801])
def test_how_long_it_cannot_last_is_told_before_anything_is_called(session: xk.Session, seconds: int) -> None:
    with pytest.raises(ParamsError, match="expires: a link lasts from 60 to 604800 seconds"):
        invite_account(session, MEMBER, bucket="never-asked-for", seconds=seconds)


def test_without_a_bucket_there_is_no_message(session: xk.Session, tmp_path: Path) -> None:
    invitation = invite_account(session, MEMBER, bucket="nobody-made-this")
    (row,) = invitation.findings
    assert (row.probe, row.verdict, row.outcome) == ("put-template", Verdict.FAIL, OutcomeKind.NOT_FOUND)
    assert f"Make the bucket nobody-made-this in the main account {MAIN}" in row.fix
    assert (invitation.message, invitation.link, invitation.expires) == ("", "", None)
    with pytest.raises(RunError, match="There is no invitation for 333333333333"):
        invitation.save(tmp_path)


def test_without_access_to_main_nothing_is_put_anywhere(session: xk.Session, bucket: str) -> None:
    values = {"sandbox_endpoint": session.endpoint, "access_role": "NoSuchRole"}
    invitation = invite_account(xk.connect(session.params.model_copy(update=values)), MEMBER, bucket=bucket)
    (row,) = invitation.findings
    assert row.verdict is Verdict.UNKNOWN
    assert f"Nobody here may act in the main account {MAIN}" in row.why
    assert row.fix
    assert administer(session, "s3", "ListObjectsV2", account=MAIN, Bucket=bucket)["KeyCount"] == 0


# An S3 that is not as it should be: the sandbox's is always private.


@contextmanager
def odd_s3(answers: Callable[[bool], tuple[int, bytes]]) -> Iterator[xk.Session]:
    """A session of an operator in main, where S3 answers a GET by whether it is signed.

    Parameters:
        answers: status and body of a GET.
    """

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: bytes, kind: str = "text/xml") -> None:
            self.send_response(status)
            for name, value in (("x-amz-request-id", "R"), ("Content-Type", kind)):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            name = "GetCallerIdentity"
            told = f"<Arn>arn:aws:iam::{MAIN}:user/ada</Arn><UserId>U</UserId><Account>{MAIN}</Account>"
            metadata = "<ResponseMetadata><RequestId>R</RequestId></ResponseMetadata>"
            self.answer(
                200,
                f"<{name}Response><{name}Result>{told}</{name}Result>{metadata}</{name}Response>".encode(),
            )

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(200, b"")

        def do_GET(self) -> None:
            if self.path.endswith("?location"):
                self.answer(200, b"<LocationConstraint/>")
            else:
                self.answer(*answers("X-Amz-Signature" in self.path))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        yield xk.connect(Params.load("params/sandbox.yaml", sandbox_endpoint=endpoint, wait_seconds=1))
    finally:
        server.shutdown()
        server.server_close()


TEMPLATE = to_yaml(build_template(load_profile("documented"))).encode()
DENIED = 403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
OTHERS = 200, b"Resources: {}"


@pytest.mark.parametrize(
    ("signed", "unsigned", "probe", "verdict", "why"),
    [
        (
            (200, TEMPLATE),
            (200, TEMPLATE),
            "template-is-private",
            Verdict.FAIL,
            "Everybody can read the template",
        ),
        (OTHERS, DENIED, "link-can-be-opened", Verdict.FAIL, "gives something else than the template"),
        (DENIED, DENIED, "link-can-be-opened", Verdict.FAIL, "was refused s3:GetObject"),
        ((500, b"<html>"), DENIED, "link-can-be-opened", Verdict.UNKNOWN, "failed inside AWS"),
        ((200, TEMPLATE), (503, b""), "template-is-private", Verdict.UNKNOWN, "failed inside AWS"),
    ],
    ids=["public", "another template", "link refused", "link unanswered", "privacy unanswered"],
)
def test_what_does_not_work_or_is_not_private_is_not_sent(
    signed: tuple[int, bytes], unsigned: tuple[int, bytes], probe: str, verdict: Verdict, why: str
) -> None:
    with odd_s3(lambda is_signed: signed if is_signed else unsigned) as session:
        invitation = invite_account(session, MEMBER, bucket="templates")
    row = next(row for row in invitation.findings if row.probe == probe)
    assert (row.verdict, invitation.message) == (verdict, "")
    assert why in row.why
    assert row.fix


def test_what_works_there_is_sent() -> None:
    with odd_s3(lambda is_signed: (200, TEMPLATE) if is_signed else DENIED) as session:
        invitation = invite_account(session, MEMBER, bucket="templates")
    assert invitation.message
    assert invitation.findings[0].caller == "ada"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(days=1, hours=2, minutes=3), "1 day 2 hours"),
        (timedelta(minutes=59, seconds=59), "1 hour"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=3), "less than a minute"),
    ],
    ids=str,
)
def test_a_duration_is_told_in_its_two_largest_units(span: timedelta, said: str) -> None:
    assert duration(span) == said
