"""A run that cannot go on tells no secret: credentials that are wrong, an endpoint that is none, a crash."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from indiscreet_aws import Request, Response
from leaks import Secret, find_leaks
from stage import REGION, VARIABLE, Stage, Written, run, show, tell

import xacct_kit as xk
from xacct_kit.errors import AccessError, ParamsError, XacctError

KEY = Secret("the access key", "AKIAQ7ZK2M5XW9RT4VB8")
SECRET = Secret("the secret access key", "gT5/Kw9+Lq2ZxNv7Rb4Ym1Hs8Dc3Fj6Pk0Ua")
TOKEN = Secret("the session token", "IQoJtR8vXz2LmQ5wNc7KbY4hGs9DfPa1Ue6/Wj3TkVx0+Oq")
PASSWORD = Secret("a password", "Pw8-cTz4Lm1Qx7Vn3Rk9")

_KEYS = {
    "AWS_ACCESS_KEY_ID": KEY.value,
    "AWS_SECRET_ACCESS_KEY": SECRET.value,
    "AWS_SESSION_TOKEN": TOKEN.value,
}
# Where nobody listens.
_NOBODY = "127.0.0.1:9"


@dataclass(frozen=True)
class Machine:
    """What a machine knows of AWS.

    Attributes:
        variables: its environment variables.
        credentials: the file of credentials.
        config: the file of configuration.
        raised: the error that names what is wrong.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    credentials: str = ""
    config: str = ""
    raised: type[XacctError] = AccessError


def keys(**changed: str) -> Machine:
    return Machine({**_KEYS, **changed})


# A carriage return comes from a file of Windows, a line feed from a value that was pasted:
# https://github.com/boto/botocore/issues/2001
WRONG: dict[str, Machine] = {
    "a key that ends in a carriage return": keys(AWS_ACCESS_KEY_ID=f"{KEY.value}\r"),
    "a secret that ends in a carriage return": keys(AWS_SECRET_ACCESS_KEY=f"{SECRET.value}\r"),
    "a token that ends in a carriage return": keys(AWS_SESSION_TOKEN=f"{TOKEN.value}\r"),
    "a token that ends in a line feed": keys(AWS_SESSION_TOKEN=f"{TOKEN.value}\n"),
    "a token with a quotation mark": keys(AWS_SESSION_TOKEN=f"\N{RIGHT DOUBLE QUOTATION MARK}{TOKEN.value}"),
    "a key without its secret": Machine({"AWS_ACCESS_KEY_ID": KEY.value}),
    "a credentials file without an equals sign": Machine(
        credentials=f"[default]\naws_access_key_id = {KEY.value}\naws_secret_access_key {SECRET.value}\n",
        raised=ParamsError,
    ),
    "a credentials file without a heading": Machine(
        credentials=f"aws_secret_access_key = {SECRET.value}\naws_access_key_id = {KEY.value}\n",
        raised=ParamsError,
    ),
    "a credentials file with a token on a line of its own": Machine(
        credentials=f"[default]\naws_access_key_id = {KEY.value}\naws_session_token =\n{TOKEN.value}\n",
        raised=ParamsError,
    ),
    "a configuration without an equals sign": Machine(
        config=f"[default]\naws_session_token {TOKEN.value}\n", raised=ParamsError
    ),
    "a program that gives no credentials and says them": Machine(
        config=f"[default]\ncredential_process = {sys.executable} -c \"raise SystemExit('{SECRET.value}')\"\n"
    ),
    "a program that says no JSON": Machine(
        config=f"[default]\ncredential_process = {sys.executable} -c \"print('{SECRET.value}')\"\n"
    ),
    "a proxy with a password": keys(HTTP_PROXY=f"http://user:{PASSWORD.value}@{_NOBODY}"),
    "an endpoint with a password": keys(AWS_ENDPOINT_URL=f"http://user:{PASSWORD.value}@{_NOBODY}"),
    "an endpoint that is none": keys(AWS_ENDPOINT_URL=f"http://user:{PASSWORD.value}@127.0.0.1:port"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_credentials_that_cannot_be_used_are_not_told(
    operator: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    machine = WRONG[wrong]
    for name in operator.operator:
        monkeypatch.delenv(name)
    files = {"AWS_SHARED_CREDENTIALS_FILE": machine.credentials, "AWS_CONFIG_FILE": machine.config}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv(name, str(tmp_path / name))
    for name, value in {"AWS_ENDPOINT_URL": f"http://{_NOBODY}", **machine.variables}.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out"
    written = tell(lambda: xk.Params.of(**operator.values()), lambda p, say: xk.onboard(p, progress=say), out)
    assert f"xacct_kit.errors.{machine.raised.__name__}: " in written.text("traceback")
    assert operator.leaks(written, KEY, SECRET, TOKEN, PASSWORD) == []


@pytest.mark.parametrize(
    "wrong", ["a token that ends in a carriage return", "a credentials file without an equals sign"]
)
def test_a_command_without_usable_credentials_tells_none(stage: Stage, tmp_path: Path, wrong: str) -> None:
    machine = WRONG[wrong]
    for name, text in {"credentials": machine.credentials, "config": machine.config}.items():
        (stage.inputs / name).write_text(text, encoding="utf-8")
    nothing = {name: "" for name in _KEYS if machine.credentials}
    variables = {
        "AWS_ENDPOINT_URL": f"http://{_NOBODY}",
        "AWS_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": str(stage.inputs / "credentials"),
        "AWS_CONFIG_FILE": str(stage.inputs / "config"),
        VARIABLE: stage.environment[VARIABLE],
        **nothing,
        **machine.variables,
    }
    written = run(["probe", stage.file(stage.values())], tmp_path, variables)
    assert written.code != 0
    assert stage.leaks(written, KEY, SECRET, TOKEN) == []


# What is at a reference may be of any kind.
FILES: dict[str, bytes] = {
    "no text": b"\xff\xfe" + KEY.value.encode("utf-16-le") + b"\xff",
    "a byte that is not UTF-8": SECRET.value.encode() + b"\xe9\n",
    "quotation marks": f'"{SECRET.value}"\n'.encode(),
    "a name and a value": f"external_id={SECRET.value}\n".encode(),
    "a space within": f"{SECRET.value} {TOKEN.value}\n".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + SECRET.value.encode() + b"\n",
    "an empty line first": b"\n" + SECRET.value.encode(),
    "too many characters": (TOKEN.value * 30).encode(),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_reference_to_what_is_no_external_id_does_not_tell_it(
    operator: Stage, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "external-id").write_bytes(FILES[kind])
    values = operator.values(wait_seconds=1, stack_name="no-external-id", role_name="NoExternalId")
    values["external_id"] = f"file:{tmp_path / 'external-id'}"

    def deploy(params: xk.Params, progress: Callable[[str], None]) -> xk.Report:
        with xk.connect(params) as session:
            return xk.deploy_role(session, progress=progress)

    written = tell(lambda: xk.Params.of(**values), deploy, tmp_path / "out")
    assert operator.leaks(written, KEY, SECRET, TOKEN) == []


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_a_progress_that_fails_shows_no_secret(
    operator: Stage, tmp_path: Path, raised: type[BaseException]
) -> None:
    def progress(line: str) -> None:
        raise raised(line)

    params = xk.Params.of(**operator.values(stack_name="crashed", role_name="Crashed"))
    written = Written()
    try:
        with xk.connect(params) as session:
            report = xk.deploy_role(session, progress=progress)
    except KeyboardInterrupt as crash:
        written.add("traceback", "".join(traceback.format_exception(crash)))
    else:
        assert [row.verdict for row in report.findings] == [xk.Verdict.UNKNOWN]
        show(report, tmp_path / "out", written)
    assert (written.text("traceback") != "") == (raised is KeyboardInterrupt)
    assert operator.leaks(written) == []


def rubbish(request: Request, response: Response) -> Response:
    """An endpoint that answers everything with what it was sent."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return Response(200, {"content-type": "text/plain"}, f"{headers}\n\n".encode() + request.body)


@pytest.mark.parametrize("call", ["", "sts:AssumeRole"], ids=["every call", "AssumeRole"])
def test_a_command_whose_endpoint_answers_rubbish_tells_no_secret(
    stage: Stage, tmp_path: Path, call: str
) -> None:
    def answer(request: Request, response: Response) -> Response:
        wanted = call in ("", f"{request.service}:{request.operation}")
        return rubbish(request, response) if wanted else response

    values = stage.values(wait_seconds=1, stack_name="rubbish", role_name="Rubbish")
    with stage.aws.disturbed(answer):
        written = run(["onboard", stage.file(values)], tmp_path, stage.environment)
    assert written.code != 0
    assert stage.leaks(written) == []


def test_the_traceback_of_a_crash_is_looked_through() -> None:
    """What the tests above look for, they would find."""
    try:
        raise RuntimeError(f"The token {TOKEN.value} is not right.")
    except RuntimeError as error:
        told = "".join(traceback.format_exception(error)).encode()
    assert [leak.secret for leak in find_leaks([TOKEN], [("traceback", told)])] == ["the session token"]
