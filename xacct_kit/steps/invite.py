"""The invite step: for an account whose administrator deploys the role, because nobody else has access to it.

The template is put into a private bucket of the main account, and a message is written for the administrator,
with a link that opens CloudFormation's console with everything filled in but the external ID. The message is
all that holds the link: the findings, and so journal and report, do not.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xacct_kit.aws.answers import Answer, Assumption, Caller
from xacct_kit.aws.links import LONGEST_SECONDS, Link
from xacct_kit.aws.redaction import InProcess
from xacct_kit.aws.session import Session
from xacct_kit.errors import ParamsError, RunError
from xacct_kit.param_types import shown
from xacct_kit.report import Expectation, Finding, OutcomeKind, Verdict
from xacct_kit.role.profile import load_profile
from xacct_kit.role.quick_create import hidden_parameters, quick_create_link
from xacct_kit.role.template import build_template
from xacct_kit.steps.callers import deployer_name, execution_role, role_definition
from xacct_kit.steps.findings import ALLOWED, NOT_KNOWN, Question, answered, broken, finding, not_tried
from xacct_kit.steps.invitation_text import EXTERNAL_ID, LINK, Invited, duration, letter, moment
from xacct_kit.steps.stack.request import stack_parameters, template_body
from xacct_kit.steps.waiting import Progress, attempts, silent

# Half a day: an administrator does not open every message at once.
_DEFAULT_SECONDS = 43_200
_SHORTEST_SECONDS = 60
# With what buckets of us-east-1 have that are older than the rules of today.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
# Calls are made again by botocore; a link is opened without it.
_PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Invitation(InProcess):
    """What came of inviting an account.

    Attributes:
        account: the account that is invited.
        findings: what was done, without the link.
        message: the text for the account's administrator, ready to send; empty where no link works.
        link: the link that the message holds.
        expires: when the link ends; None where there is none.
    """

    account: str
    findings: tuple[Finding, ...]
    message: str = field(default="", repr=False)
    link: str = field(default="", repr=False)
    expires: datetime | None = None

    def save(self, directory: str | Path) -> Path:
        """Write the message to a file that its owner alone can read; one that is there is replaced.

        Returns:
            The file.

        Raises:
            RunError: there is no message, or it cannot be written.
        """
        if not self.message:
            raise RunError(f"There is no invitation for {self.account}: see the findings of the step invite.")
        path = Path(directory) / f"invitation-{self.account}.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(self.message)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}.") from error
        return path


def check_invitation(bucket: str, seconds: int) -> None:
    """Refuse, before anything is called, what no invitation can have.

    Parameters:
        bucket: where the template is to be.
        seconds: how long the link is to last.

    Raises:
        ParamsError: the link cannot last so long, or no bucket has such a name.
    """
    faults = []
    if not _BUCKET.fullmatch(bucket):
        meant = "the name of a bucket, which is 3 to 63 lowercase letters, digits, dots and hyphens"
        faults.append(f"bucket: {shown(bucket)} is not {meant}")
    if not _SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        faults.append(
            f"expires: a link lasts from {_SHORTEST_SECONDS} to {LONGEST_SECONDS} seconds, not {seconds}"
        )
    if faults:
        raise ParamsError(faults)


def invite_account(
    session: Session,
    account: str,
    *,
    bucket: str,
    key: str | None = None,
    seconds: int = _DEFAULT_SECONDS,
    external_id_from: str = "",
    tell_external_id: bool = False,
    progress: Progress = silent,
) -> Invitation:
    """Put the template where an account's administrator can read it, and write what there is to do.

    Parameters:
        session: whose run it is.
        account: the account to invite; nothing is done in it.
        bucket: a bucket of the main account; the template in it is private.
        key: the template's name there, where it replaces what there is; by default one that follows from its
            text, so that an earlier link never comes to make something else.
        seconds: how long the link is to last, at most a week; it ends with the credentials that sign it.
        external_id_from: from whom the administrator gets the external ID, for the message.
        tell_external_id: whether the message tells the external ID itself.
        progress: is told what is done.

    Returns:
        The findings, and the message.

    Raises:
        ParamsError: the link cannot last so long, or no bucket has such a name.
    """
    check_invitation(bucket, seconds)
    template = template_body(session)
    key = key or f"{session.params.stack_name}-{_digest(template)[:16]}.yaml"
    shelf = _Shelf(session, account, bucket, key, template.encode(), seconds, progress)
    try:
        findings, link = shelf.filled()
    except Exception as error:
        return Invitation(account=account, findings=(broken(session, shelf.question, error),))
    if link is None:
        return Invitation(account=account, findings=tuple(findings))
    console = _console_link(session, link)
    invited = _invited(session, account, link, template, external_id_from, tell_external_id)
    told = {LINK: console, EXTERNAL_ID: session.external_id if tell_external_id else ""}
    return Invitation(
        account=account,
        findings=(*findings, _left_to_do(session, account)),
        message=_filled(session.redact(letter(invited)), told),
        link=console,
        expires=link.expires,
    )


def _filled(text: str, told: Mapping[str, str]) -> str:
    """A text that was redacted, with what it is meant to tell."""
    for place, value in told.items():
        text = text.replace(place, value)
    return text


def _digest(template: str) -> str:
    return hashlib.sha256(template.encode()).hexdigest()


def _parameters(session: Session) -> dict[str, str]:
    """The template's parameters that a link can carry."""
    hidden = hidden_parameters(build_template(load_profile(session.params.profile)))
    values = stack_parameters(session, external_id="")
    return {name: value for name, value in values.items() if name not in hidden}


def _console_link(session: Session, link: Link) -> str:
    region = session.params.region
    return quick_create_link(
        console=session.partition.console_host(region),
        region=region,
        template_url=link.url,
        stack_name=session.params.stack_name,
        parameters=_parameters(session),
    )


def _invited(
    session: Session, account: str, link: Link, template: str, external_id_from: str, telling: bool
) -> Invited:
    return Invited(
        params=session.params,
        account=account,
        role_arn=execution_role(session, account),
        role=role_definition(session, account),
        parameters=_parameters(session),
        expires=link.expires,
        now=datetime.now(UTC),
        certain=link.certain,
        digest=_digest(template),
        external_id_from=external_id_from,
        telling=telling,
    )


def _left_to_do(session: Session, account: str) -> Finding:
    """What nobody here can do, or prove."""
    name, region = session.params.stack_name, session.params.region
    question = _question(
        "stack-is-created", account, f"administrator of {account}", "cloudformation:CreateStack"
    )
    why = (
        f"It is left to the account's administrator to create the stack {name} in {region} by the link, with "
        "the external ID typed in and CAPABILITY_NAMED_IAM acknowledged; the status says when it is there."
    )
    return finding(session, question, NOT_KNOWN, verdict=Verdict.SKIPPED, why=why)


@dataclass(frozen=True)
class _Shelf:
    """A place in a bucket of the main account, where the template is put."""

    session: Session
    account: str
    bucket: str
    key: str
    template: bytes = field(repr=False)
    seconds: int
    progress: Progress

    @property
    def question(self) -> Question:
        """Whether the template can be put there."""
        return _question("put-template", self.account, deployer_name(self.session), "s3:PutObject")

    def filled(self) -> tuple[list[Finding], Link | None]:
        """What came of putting the template there; and the link to it, if it works and nothing else does."""
        session, access = self.session, _in_main(self.session)
        if access.caller is None:
            main = session.params.main_account
            why = f"Nobody here may act in the main account {main}, whose bucket the template goes to."
            fix = "Use credentials of the main account, or set access_role to a role that it has too."
            return [not_tried(session, self.question, why, fix, access.answer.outcome)], None
        region = self._region(access.caller)
        put = self._put(access.caller, region)
        if not put.verdict.green:
            return [put], None
        link = session.link(access.caller, region, self.bucket, self.key, self.seconds)
        opened = self._opened(link, region)
        private = self._private(link, region)
        return [put, opened, private], link if opened.verdict.green and private.verdict.green else None

    def _region(self, caller: Caller) -> str:
        """Where the bucket is; a link is signed for that region alone.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
        """
        answer = self.session.call(caller, "s3", "GetBucketLocation", Bucket=self.bucket)
        if not answer.ok:
            return self.session.params.region
        told = answer.result.get("LocationConstraint")
        return {"EU": "eu-west-1"}.get(told, told) if told else self.session.partition.default_region

    def _put(self, caller: Caller, region: str) -> Finding:
        session, main = self.session, self.session.params.main_account
        self.progress(f"the template is put at {self.bucket}/{self.key}")
        answer = session.call(
            caller,
            "s3",
            "PutObject",
            region=region,
            Bucket=self.bucket,
            Key=self.key,
            Body=self.template,
            ContentType="text/yaml",
            ExpectedBucketOwner=main,
        )
        question = replace(self.question, caller=caller.name, region=region)
        why = (
            f"The template is at {self.bucket}/{self.key} of the main account {main}." if answer.ok else None
        )
        row = answered(session, question, answer, why=why)
        if answer.outcome.kind is not OutcomeKind.NOT_FOUND:
            return row
        return replace(row, fix=f"Make the bucket {self.bucket} in the main account {main}, or name another.")

    def _opened(self, link: Link, region: str) -> Finding:
        """Whether the link gives the template to somebody who has nothing else."""
        session = self.session
        question = _question("link-can-be-opened", self.account, "whoever has the link", "s3:GetObject")
        question = replace(question, region=region)
        answer = self._tried(link.url, region)
        if answer.ok and answer.result["Body"] != self.template:
            why = "The link gives something else than the template that was put there."
            fix = "Look at who else writes into the bucket, or name another key; then invite again."
            return finding(session, question, NOT_KNOWN, verdict=Verdict.FAIL, why=why, fix=fix)
        return answered(session, question, answer, why=_lasting(link) if answer.ok else None)

    def _tried(self, url: str, region: str) -> Answer:
        """What comes of opening a URL; a fault that passes is given a little time to."""
        for _ in attempts(min(_PATIENCE, self.session.params.wait_seconds), first_pause=0.2):
            answer = self.session.open_link(url, region)
            if not answer.outcome.retryable:
                break
        return answer

    def _private(self, link: Link, region: str) -> Finding:
        """Whether nobody reads the template without the link."""
        question = _question("template-is-private", self.account, "everybody", "s3:GetObject")
        question = replace(question, region=region, expected=Expectation.DENIED)
        answer = self._tried(link.url.partition("?")[0], region)
        row = answered(self.session, question, answer)
        if answer.ok:
            fix = f"Block public access to the bucket {self.bucket}, or name another; then invite again."
            return replace(row, why="Everybody can read the template, without the link.", fix=fix)
        if row.verdict is Verdict.PASS:
            return replace(row, why="Without the link nobody is given the template.")
        return row


def _lasting(link: Link) -> str:
    left = duration(link.expires - datetime.now(UTC))
    end = f"The link gives the template, until {moment(link.expires)} ({left})"
    if not link.certain:
        return f"{end} or until the credentials end that signed it, which may be sooner."
    if link.with_credentials:
        most = duration(timedelta(seconds=LONGEST_SECONDS))
        return (
            f"{end}, when the credentials end that signed it; one that an IAM user signs lasts up to {most}."
        )
    return f"{end}."


def _in_main(session: Session) -> Assumption:
    """Somebody of the main account: the operator, or its access role."""
    main = session.params.main_account
    if session.operator.account == main:
        return Assumption(session.operator, Answer(ALLOWED))
    return session.deployer(main)


def _question(probe: str, account: str, caller: str, action: str) -> Question:
    return Question(step="invite", probe=probe, account=account, caller=caller, action=action)
