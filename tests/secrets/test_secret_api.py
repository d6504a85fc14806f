"""The Python API tells no secret: not in a report, nor to a progress, nor by an object that is looked at."""

from __future__ import annotations

import contextlib
import logging
import pickle
import pprint
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.lib.pretty import pretty
from rich.pretty import pretty_repr
from stage import Stage, Written, show, staged, tell

import xacct_kit as xk
from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.links import Link
from xacct_kit.environment import sandbox_connection, sandbox_layout, start_sandbox
from xacct_kit.report import Outcome, OutcomeKind
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MEMBER_ACCOUNT, Layout
from xacct_kit.steps.callers import execution_role, trusted_principals
from xacct_kit.steps.invite import Invitation, invite_account
from xacct_kit.steps.trust_diagnosis import Refusal

BUCKET = "templates-of-main"


def every_step(params: xk.Params, progress: Callable[[str], None]) -> xk.Report:
    with xk.connect(params) as session:
        report = xk.preflight(session) + xk.deploy_role(session, progress=progress)
        report += xk.check_trust(session) + xk.check_cost_explorer(session)
        return report + xk.probe_permissions(session)


def test_the_steps_tell_no_secret(operator: Stage, tmp_path: Path) -> None:
    values = operator.values("ssm", stack_name="step-by-step", role_name="StepByStep")
    written = tell(lambda: xk.Params.of(**values), every_step, tmp_path)
    assert written.text("traceback") == ""
    assert "CREATE_COMPLETE" in written.text("progress")
    assert "sts:AssumeRole" in operator.aws.asked
    assert operator.leaks(written) == []


def test_a_life_tells_no_secret(operator: Stage, tmp_path: Path) -> None:
    values = operator.values("ssm", stack_name="whole-life", role_name="WholeLife")
    bucket_of_main(operator)

    def do(params: xk.Params, progress: Callable[[str], None]) -> xk.Report:
        with xk.connect(params) as session:
            report = xk.plan(session, progress=progress) + xk.deploy_role(session, progress=progress)
            report += xk.check_status(session, progress=progress) + xk.check_posture(session)
            report += xk.check_drift(session) + xk.repair_drift(session, progress=progress)
            report += xk.hand_over(session, progress=progress)
            report += xk.Report.of(invitation(session, progress=progress).findings)
            return report + xk.offboard(session, progress=progress)

    written = tell(lambda: xk.Params.of(**values), do, tmp_path)
    assert written.text("traceback") == ""
    assert "is deleted in" in written.text("progress")
    assert "a link's signature" in {secret.name for secret in operator.secrets}
    assert operator.leaks(written) == []


def bucket_of_main(stage: Stage) -> None:
    """A bucket for templates; who makes it again has it already."""
    s3 = stage.client("s3", account=MAIN_ACCOUNT, role="OrganizationAccountAccessRole")
    s3.create_bucket(Bucket=BUCKET)


def invitation(session: xk.Session, **more: Any) -> Invitation:
    return invite_account(session, MEMBER_ACCOUNT, bucket=BUCKET, tell_external_id=True, **more)


def test_a_run_that_prints_tells_no_literal_of_the_sandbox(
    stage: Stage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written = Written()
    show(xk.onboard(xk.Params.of(**stage.literal_values()), progress=print), tmp_path, written)
    for place, text in zip(("stdout", "stderr"), capfd.readouterr(), strict=True):
        written.add(place, text)
    assert "has not changed" in written.text("stdout")
    assert stage.leaks(written) == []


@pytest.fixture(scope="module")
def other_external_id(no_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("inputs"), "wrong-external-id") as stage:
        yield stage


def test_a_role_that_wants_another_external_id_is_explained_without_either(
    other_external_id: Stage, tmp_path: Path
) -> None:
    params = xk.Params.of(**other_external_id.literal_values())
    written = tell(lambda: params, lambda p, say: xk.onboard(p, progress=say), tmp_path)
    assert "wants another external ID" in " ".join(written.text("repr").split())
    assert "UpdateAssumeRolePolicy" in written.text("report.json")
    assert other_external_id.leaks(written) == []


# Objects


@pytest.fixture(scope="module")
def session(served: Stage) -> Iterator[xk.Session]:
    """A session that knows the external ID, and has assumed the role by it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.environment.items():
            patch.setenv(name, value)
        opened = xk.connect(xk.Params.of(**served.values()))
        role = execution_role(opened, MEMBER_ACCOUNT)
        bucket_of_main(served)
        assert opened.assume(assumed(opened), role, external_id=opened.external_id).caller is not None
    with opened:
        yield opened


def assumed(session: xk.Session) -> Caller:
    caller = session.act_as(session.params.main_account, "ApiHandlerRole").caller
    assert caller is not None
    return caller


def answer_of_assume_role(session: xk.Session) -> Answer:
    return session.act_as(session.params.main_account, "NotebookRole").answer


def answer_of_get_role(session: xk.Session) -> Answer:
    deployer = session.deployer(MEMBER_ACCOUNT).caller
    assert deployer is not None
    return session.call(deployer, "iam", "GetRole", RoleName=session.params.role_name)


def link(session: xk.Session) -> Link:
    return session.link(assumed(session), session.params.region, BUCKET, "role.yaml", 600)


def refusal(session: xk.Session) -> Refusal:
    principal = next(trusted_principals(session, MEMBER_ACCOUNT))
    return Refusal(session, MEMBER_ACCOUNT, principal, session.operator, Outcome(kind=OutcomeKind.UNKNOWN))


def layout(session: xk.Session) -> Layout:
    return sandbox_layout(session.params.model_copy(update={"external_id": session.external_id}))


# What a person may hold, or a debugger shows: each has secrets inside.
OBJECTS: dict[str, Callable[[xk.Session], Any]] = {
    "params": lambda session: session.params,
    "session": lambda session: session,
    "connection": lambda _: sandbox_connection("http://127.0.0.1:1"),
    "operator": lambda session: session.operator,
    "operator's credentials": lambda session: session.operator.credentials,
    "assumed role": assumed,
    "assumed role's credentials": lambda session: assumed(session).credentials,
    "assumption": lambda session: session.act_as(session.params.main_account, "ApiHandlerRole"),
    "answer of AssumeRole": answer_of_assume_role,
    "answer of GetRole": answer_of_get_role,
    "principal of the trust": lambda session: next(trusted_principals(session, MEMBER_ACCOUNT)),
    "refusal": refusal,
    "layout of the sandbox": layout,
    "link": link,
    "invitation": invitation,
}
WAYS_TO_LOOK: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "IPython": pretty,
    "rich": pretty_repr,
    "pprint": pprint.pformat,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_that_is_looked_at_shows_no_secret(operator: Stage, session: xk.Session, name: str) -> None:
    thing, written = OBJECTS[name](session), Written()
    for way, look in WAYS_TO_LOOK.items():
        written.add(way, look(thing))
    assert operator.leaks(written) == []


# Another process is given params and makes its own session; what holds credentials goes nowhere. The SDK's
# own object for keys that do not change can be pickled, and is left out.
PICKLED = (
    "params",
    "session",
    "connection",
    "operator",
    "assumed role",
    "assumed role's credentials",
    "assumption",
    "answer of AssumeRole",
    "link",
    "invitation",
)


@pytest.mark.parametrize("name", PICKLED)
def test_an_object_is_pickled_without_secrets_or_not_at_all(
    operator: Stage, session: xk.Session, name: str
) -> None:
    written = Written()
    try:
        written.add("pickle", pickle.dumps(OBJECTS[name](session)))
    except (TypeError, AttributeError, pickle.PicklingError) as refused:
        written.add("refusal", str(refused))
    assert operator.leaks(written) == []


def test_params_with_a_literal_do_not_show_it(stage: Stage) -> None:
    params, written = xk.Params.of(**stage.literal_values()), Written()
    for way, look in WAYS_TO_LOOK.items():
        written.add(way, look(params))
    assert stage.leaks(written) == []


# Processes and logs


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="/proc is Linux's")
@pytest.mark.parametrize("reference", ["env", "file"])
def test_the_sandbox_s_process_has_no_secret_among_its_arguments(operator: Stage, reference: str) -> None:
    params = xk.Params.of(**operator.values(reference, environment="sandbox"))
    child, written = start_sandbox(params), Written()
    try:
        for arguments in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                written.add("ps", arguments.read_bytes())
    finally:
        child.stop()
    assert "xacct_kit.sandbox.ancestor" in written.text("ps")
    assert operator.leaks(written) == []


class Kept(logging.Handler):
    """Keeps what is logged, by the first part of the logger's name."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.written = Written()

    def emit(self, record: logging.LogRecord) -> None:
        self.written.add(record.name.partition(".")[0], self.format(record))


@pytest.fixture
def debugging() -> Iterator[Kept]:
    """Everything is logged, as after `boto3.set_stream_logger("")`."""
    kept, root = Kept(), logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept
    root.setLevel(level)
    root.removeHandler(kept)


def test_with_debugging_on_nobody_logs_but_the_sdk(operator: Stage, debugging: Kept) -> None:
    with xk.connect(xk.Params.of(**operator.values())) as opened:
        xk.check_trust(opened)
    # The SDK logs requests and answers whole. That is the user's wish, and never the kit's.
    loggers = {name for name, _ in debugging.written.parts}
    assert "botocore" in loggers
    assert loggers <= {"botocore", "boto3", "urllib3"}


def test_the_kit_sets_up_no_logging(operator: Stage) -> None:
    handlers = list(logging.getLogger().handlers)
    with xk.connect(xk.Params.of(**operator.values())) as opened:
        xk.preflight(opened)
    assert logging.getLogger().handlers == handlers
    for name in ("botocore", "boto3", "urllib3", "xacct_kit"):
        assert logging.getLogger(name).level == logging.NOTSET
        assert all(isinstance(each, logging.NullHandler) for each in logging.getLogger(name).handlers)
