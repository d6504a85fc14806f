"""From an account's creation to its end no command tells a secret, whether it can do its work or not."""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from disturbances import page, refused, with_reason
from indiscreet_aws import Disturbance, Request, Response
from leaks import Secret
from stage import EXTERNAL_ID, MANAGEMENT_VARIABLE, Stage, Written, run

from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_ROLE, MEMBER_ACCOUNT

pytestmark = pytest.mark.slow

_numbers = itertools.count()


def xacct(stage: Stage, folder: Path, command: str, values: dict[str, Any], *options: str) -> Written:
    folder.mkdir(exist_ok=True)
    return run([command, stage.file(values), *options], folder, stage.environment)


def repeating(request: Request) -> str:
    """What a service may say that repeats all that it was sent."""
    return f"Not this: {unquote_plus(request.body.decode('utf-8', 'replace'))} by {request.token}"


def to(call: str, answer: Disturbance) -> Disturbance:
    """An answer to one call, or to one service."""
    return lambda request, response: (
        answer(request, response)
        if call in (request.service, f"{request.service}:{request.operation}")
        else response
    )


@contextmanager
def disturbed(stage: Stage, answer: Disturbance) -> Iterator[None]:
    """AWS as it answers otherwise for a while, which is heard."""
    heard: list[Request] = []

    def listened(request: Request, response: Response) -> Response:
        said = answer(request, response)
        heard.extend([request] if said is not response else [])
        return said

    with stage.aws.disturbed(listened):
        yield
    assert heard


def own_role(stage: Stage, **more: Any) -> dict[str, Any]:
    """Params for a stack and a role that are nobody else's."""
    number = next(_numbers)
    return stage.values(stack_name=f"life-{number}", role_name=f"Life{number}", wait_seconds=20, **more)


# Invitations


@pytest.fixture
def bucket(stage: Stage) -> str:
    name = f"invitations-{next(_numbers)}"
    s3 = stage.client("s3", account=MAIN_ACCOUNT, role="OrganizationAccountAccessRole")
    s3.create_bucket(Bucket=name)
    return name


def split(written: Written) -> tuple[Written, Written]:
    """The message, and all else that was written."""
    message, rest = Written(written.code), Written(written.code)
    for place, data in written.parts:
        (message if place.endswith(".txt") else rest).parts.append((place, data))
    return message, rest


TELLING = [([], False), (["--format", "json"], False), (["--tell-external-id"], True)]


@pytest.mark.parametrize(("options", "telling"), TELLING, ids=str)
def test_an_invitation_s_link_is_in_its_message_alone(
    stage: Stage, tmp_path: Path, bucket: str, options: list[str], telling: bool
) -> None:
    written = xacct(stage, tmp_path, "invite", stage.values(), "--bucket", bucket, *options)
    assert written.code == 0, written.text("stderr")
    message, rest = split(written)
    assert stage.leaks(rest) == []
    told = {leak.secret for leak in stage.leaks(message)}
    link = {"a link's signature", "an assumed role's AccessKeyId", "an assumed role's SessionToken"}
    assert told == (link | {EXTERNAL_ID.name} if telling else link)
    (path,) = tmp_path.rglob("invitation-*.txt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def to_link(answer: Disturbance) -> Disturbance:
    """An answer to whoever opens the link."""
    return lambda request, response: answer(request, response) if request.query else response


def opened_for(request: Request) -> str:
    signed = " ".join(request.query.values())
    return f"The signature does not match: GET {request.path} {signed} {request.token}"


def elsewhere(request: Request, _: Response) -> Response:
    """S3 sends who asks to another region with what was asked for."""
    again = f"http://127.0.0.1:9{request.path}"
    body = f"<Error><Code>TemporaryRedirect</Code><Message>Please go to {again}</Message></Error>"
    return Response(307, {"location": again, "x-amz-request-id": "4442587FB7D0A2F9"}, body.encode())


UNOPENED: dict[str, Disturbance] = {
    "put: an error": to("s3", refused(400, "InvalidRequest", lambda request: f"No: {request.token}")),
    "put: a page": to("s3", page(500)),
    "link: an error": to_link(refused(403, "SignatureDoesNotMatch", opened_for)),
    "link: another error": to_link(refused(400, "InvalidRequest", opened_for)),
    "link: a page": to_link(page(403)),
    "link: a page that is taken for the template": to_link(page(200)),
    "link: elsewhere": to_link(elsewhere),
    "link: nothing": to_link(lambda *_: Response(0)),
}


@pytest.mark.parametrize("answer", UNOPENED.values(), ids=UNOPENED)
def test_an_invitation_that_cannot_be_made_tells_no_secret(
    stage: Stage, tmp_path: Path, bucket: str, answer: Disturbance
) -> None:
    with disturbed(stage, answer):
        values = stage.values(wait_seconds=1)
        written = xacct(stage, tmp_path, "invite", values, "--bucket", bucket, "--tell-external-id")
    assert written.code == 1, written.text("stderr")
    assert list(tmp_path.rglob("*.txt")) == []
    assert stage.leaks(written) == []


# External IDs


def kept(stage: Stage, reference: str, *beside: str) -> Iterable[Secret]:
    """What is kept at a reference, and beside it."""
    scheme, _, name = reference.partition(":")
    for place in (name, *(f"{name}{each}" for each in beside)):
        if scheme == "file":
            value = Path(place).read_text(encoding="utf-8").strip() if Path(place).exists() else ""
        else:
            found = stage.client("ssm").get_parameters(Names=[place], WithDecryption=True)["Parameters"]
            value = found[0]["Value"] if found else ""
        if value:
            yield Secret(f"what was kept at {place}", value)


def succeeded(written: Written) -> Written:
    assert written.code == 0, written.text("stdout") + written.text("stderr")
    return written


UNROTATED: dict[str, Disturbance] = {
    "the store's refusal": to("ssm:PutParameter", refused(400, "ValidationException", repeating)),
    "the store's page": to("ssm:PutParameter", page(500)),
    "the stack's refusal": to("cloudformation:CreateChangeSet", refused(400, "ValidationError", repeating)),
    "the stack's page": to("cloudformation", page(503)),
    "the role's refusal": to("sts:AssumeRole", refused(403, "AccessDenied", repeating)),
    "the role's page": to("sts:AssumeRole", page(200)),
}


@pytest.mark.parametrize(("scheme", "unrotated"), [("file", {}), ("ssm", UNROTATED)], ids=["file", "ssm"])
def test_an_external_id_is_made_and_rotated_and_told_by_nobody(
    stage: Stage, tmp_path: Path, scheme: str, unrotated: dict[str, Disturbance]
) -> None:
    number = next(_numbers)
    place = {"file": stage.inputs / f"made-{number}", "ssm": f"/life/made-{number}"}[scheme]
    values = own_role(stage, external_id=f"{scheme}:{place}")
    written = [
        succeeded(xacct(stage, tmp_path / command, command, values))
        for command in ("new-external-id", "deploy")
    ]
    secrets = set(kept(stage, values["external_id"]))
    for name, answer in unrotated.items():
        with disturbed(stage, answer):
            broken_off = xacct(
                stage, tmp_path / name, "new-external-id", values | {"wait_seconds": 2}, "--rotate"
            )
        assert broken_off.code in (1, 3), (name, broken_off.text("stderr"))
        written.append(broken_off)
    secrets.update(kept(stage, values["external_id"], "-next"))
    written.append(succeeded(xacct(stage, tmp_path / "rotated", "new-external-id", values, "--rotate")))
    secrets.update(kept(stage, values["external_id"]))
    assert len({secret.value for secret in secrets}) == 2
    assert [leak for each in written for leak in stage.leaks(each, *secrets)] == []


@pytest.mark.parametrize("answer", [refused(400, "ValidationException", repeating), page(500)])
def test_a_store_that_repeats_what_it_does_not_keep_is_not_repeated(
    stage: Stage, tmp_path: Path, answer: Disturbance
) -> None:
    sent: list[Secret] = []

    def listening(request: Request, response: Response) -> Response:
        sent.append(Secret("what was to be kept", json.loads(request.body)["Value"]))
        return answer(request, response)

    values = stage.values(external_id=f"ssm:/life/refused-{next(_numbers)}")
    with stage.aws.disturbed(to("ssm:PutParameter", listening)):
        written = xacct(stage, tmp_path, "new-external-id", values)
    assert (written.code, len(sent) > 0) == (3, True), written.text("stderr")
    assert stage.leaks(written, *sent) == []


# New accounts


def creating(stage: Stage, **more: Any) -> dict[str, Any]:
    """Params by which the management role creates accounts, with an external ID of its own."""
    management = {"management_role": MANAGEMENT_ROLE, "management_external_id": f"env:{MANAGEMENT_VARIABLE}"}
    return stage.values(**management, **more)


def new_accounts(stage: Stage, listed: bool) -> list[str]:
    names = [f"laboratory-{next(_numbers)}" for _ in range(2)]
    if not listed:
        return ["--name", names[0], "--email", f"{names[0]}@example.com"]
    file = stage.inputs / "new.csv"
    file.write_text("\n".join(["name,email", *(f"{name},{name}@example.com" for name in names)]))
    return ["--list", str(file), "--only"]


@pytest.mark.parametrize("listed", [False, True], ids=["one, onboarded", "a list"])
def test_accounts_are_created_without_a_secret_told(stage: Stage, tmp_path: Path, listed: bool) -> None:
    new = new_accounts(stage, listed)
    written = xacct(stage, tmp_path, "create-account", creating(stage), *new)
    # A new account's services answer only later.
    assert written.code == (0 if listed else 1), written.text("stdout") + written.text("stderr")
    assert "organizations:CreateAccount" in stage.aws.asked
    assert ("cloudformation:ExecuteChangeSet" in stage.aws.asked) is not listed
    assert stage.leaks(written) == []


UNCREATED: dict[str, Disturbance] = {
    "the management role's refusal": to("sts:AssumeRole", refused(403, "AccessDenied", repeating)),
    "the management role's page": to("sts:AssumeRole", page(200)),
    "the organization's refusal": to("organizations", refused(400, "InvalidInputException", repeating)),
    "a page in place of the request": to("organizations:CreateAccount", page(500)),
    "a page in place of the state": to("organizations:DescribeCreateAccountStatus", page(200)),
}


@pytest.mark.parametrize(("name", "answer"), UNCREATED.items(), ids=UNCREATED)
def test_accounts_that_are_not_created_tell_no_secret(
    stage: Stage, tmp_path: Path, name: str, answer: Disturbance
) -> None:
    new = new_accounts(stage, listed=True)
    with disturbed(stage, answer):
        written = xacct(stage, tmp_path, "create-account", creating(stage, wait_seconds=2), *new)
    # The page comes of a request that was taken: the accounts are found.
    expected = (0, 1) if name == "a page in place of the request" else (1, 3)
    assert written.code in expected, written.text("stderr")
    assert stage.leaks(written) == []


# The end

OF_ROLES: dict[str, Disturbance | None] = {
    "nothing": None,
    "the roles' refusals": to("sts:AssumeRole", refused(403, "AccessDenied", repeating)),
    "IAM's refusals": to("iam", refused(403, "AccessDenied", repeating)),
    "S3's refusals": to("s3", refused(403, "AccessDenied", repeating)),
}
OF_STACKS: dict[str, Disturbance] = {
    "the stack's refusal": to("cloudformation:DeleteStack", refused(400, "ValidationError", repeating)),
    "the stack's page": to("cloudformation", page(500)),
    "an event": to("cloudformation:DescribeStackEvents", with_reason(f"It has {EXTERNAL_ID.value}.")),
}


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        *(pytest.param(["--canaries"], answer, id=f"canaries: {name}") for name, answer in OF_ROLES.items()),
        *(
            pytest.param(["--confirm", MEMBER_ACCOUNT], answer, id=f"account: {name}")
            for name, answer in {**OF_ROLES, **OF_STACKS}.items()
        ),
    ],
)
def test_an_account_is_let_go_without_a_secret_told(
    stage: Stage, tmp_path: Path, options: list[str], answer: Disturbance | None
) -> None:
    values = own_role(stage)
    if "--confirm" in options:
        succeeded(xacct(stage, tmp_path / "deployed", "deploy", values))
        stage.aws.asked.clear()
    with disturbed(stage, answer) if answer else nullcontext():
        values["wait_seconds"] = 2 if answer else 20
        written = xacct(stage, tmp_path / "left", "offboard", values, *options)
    assert written.code in ((0, 1, 3) if answer else (0,)), written.text("stdout") + written.text("stderr")
    assert "sts:AssumeRole" in stage.aws.asked
    assert stage.leaks(written) == []
