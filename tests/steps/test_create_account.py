"""Creating an account: asked for once, waited for, every failure in words, and nothing green unproven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xacct_kit as xk
from xacct_kit.aws.clients import Connection
from xacct_kit.environment import sandbox_connection
from xacct_kit.errors import ParamsError
from xacct_kit.params import Params
from xacct_kit.report import Finding, OutcomeKind, Verdict
from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    MANAGEMENT_EXTERNAL_ID,
    MANAGEMENT_ROLE,
    Layout,
)
from xacct_kit.sandbox.process import SandboxProcess
from xacct_kit.steps.create_account import create_account
from xacct_kit.steps.creation.failures import FAILURES
from xacct_kit.steps.creation.new_account import NewAccount, email_fault
from xacct_kit.steps.deploy import deploy_account

SECONDS = 0.1
REFUSED = {
    "FinalizingOrganizationException": ("finalizing@example.com", OutcomeKind.NOT_ENABLED, "Wait one hour"),
    "ConstraintViolationException": ("too-many@example.com", OutcomeKind.QUOTA, "Service Quotas"),
    "InvalidInputException": ("invalid-input@example.com", OutcomeKind.VALIDATION, "Correct"),
}


def failing(reason: str) -> str:
    return f"{reason.lower()[:40]}@example.com"


@dataclass(frozen=True)
class Stage:
    """A sandbox where accounts are created, and everybody who looks at it."""

    endpoint: str

    def session(self, **changes: Any) -> xk.Session:
        """A run of its own in this sandbox; what AWS allows in a second is no matter here."""
        values = {"sandbox_endpoint": self.endpoint, "wait_seconds": 20, **changes}
        params = Params.load("params/sandbox.yaml", **values)
        session = xk.Session(params, sandbox_connection(self.endpoint))
        session.take_share(1000)
        return session

    def organizations(self, operation: str, **params: Any) -> Any:
        """What the operator is answered."""
        session = self.session()
        answer = session.call(session.operator, "organizations", operation, **params)
        assert answer.ok, answer.outcome
        return answer.result

    def accounts(self, email: str) -> list[Any]:
        """Every account that has an address."""
        session = self.session()
        pages = session.pages(session.operator, "organizations", "ListAccounts")
        return [each for page in pages for each in page.result["Accounts"] if each["Email"] == email]

    def requests(self, name: str) -> list[Any]:
        """Every request for an account of a name, whatever became of it."""
        session = self.session()
        pages = session.pages(session.operator, "organizations", "ListCreateAccountStatus")
        listed = [each for page in pages for each in page.result["CreateAccountStatuses"]]
        return [each for each in listed if each["AccountName"] == name]


@pytest.fixture(scope="module")
def stage(no_aws: None) -> Iterator[Stage]:
    failures = {failing(reason): reason for reason in FAILURES}
    failures |= {email: code for code, (email, _, _) in REFUSED.items()}
    child = SandboxProcess(Layout(account_seconds=SECONDS, account_failures=failures))
    yield Stage(child.endpoint)
    child.stop()


def new(name: str, **more: Any) -> NewAccount:
    return NewAccount(name=name, email=f"{name}@example.com", **more)


def verdicts(rows: list[Finding]) -> dict[str, Verdict]:
    assert len({row.account for row in rows}) == 1
    assert {row.step for row in rows} == {"create_account"}
    return {row.probe: row.verdict for row in rows}


CREATED = {
    "request-account": Verdict.PASS,
    "account-created": Verdict.PASS,
    "access-role": Verdict.PASS,
}
THERE = {"request-account": Verdict.PASS, "access-role": Verdict.PASS}


# An account that can be created.


def test_it_is_created_by_main_through_the_management_role(stage: Stage) -> None:
    lines: list[str] = []
    account, rows = create_account(stage.session(), new("genomics"), lines.append)
    assert verdicts(rows) == CREATED
    assert {row.caller for row in rows} == {MANAGEMENT_ROLE}
    assert {row.account for row in rows} == {account}
    (there,) = stage.accounts("genomics@example.com")
    assert (there["Id"], there["Name"]) == (account, "genomics")
    assert rows[0].evidence["CreateAccountRequestId"] == stage.requests("genomics")[0]["Id"]
    assert any("IN_PROGRESS after 0 s" in line for line in lines)
    assert not any(MANAGEMENT_EXTERNAL_ID in f"{line}{rows}" for line in lines)


def test_a_second_time_it_is_there_already(stage: Stage) -> None:
    first, _ = create_account(stage.session(), new("proteomics"))
    again, rows = create_account(stage.session(), new("proteomics"))
    assert (again, verdicts(rows)) == (first, THERE)
    assert "No other account is created" in rows[0].why
    assert len(stage.requests("proteomics")) == 1


def test_it_is_what_was_asked_for(stage: Stage) -> None:
    root = stage.organizations("ListRoots")["Roots"][0]["Id"]
    unit = stage.organizations("CreateOrganizationalUnit", ParentId=root, Name="Labs")["OrganizationalUnit"][
        "Id"
    ]
    asked = new("imaging", role_name="Labs", tags={"team": "imaging"}, organizational_unit=unit)
    account, rows = create_account(stage.session(), asked)
    assert verdicts(rows) == {**CREATED, "move-account": Verdict.PASS}
    assert stage.organizations("ListParents", ChildId=account)["Parents"][0]["Id"] == unit
    tags = stage.organizations("ListTagsForResource", ResourceId=account)["Tags"]
    assert tags == [{"Key": "team", "Value": "imaging"}]
    assert "Labs" in rows[2].why
    _, again = create_account(stage.session(), asked)
    assert verdicts(again) == {**THERE, "move-account": Verdict.PASS}
    assert again[-1].why == f"{account} is in {unit}."


def test_the_role_can_be_deployed_into_it(stage: Stage) -> None:
    account, _ = create_account(stage.session(), new("onboarded"))
    assert account is not None
    rows = deploy_account(stage.session(member_accounts=[account]), account)
    assert {row.verdict for row in rows} == {Verdict.PASS}


@pytest.mark.parametrize("billing", [True, False])
def test_whether_its_costs_can_be_seen_is_asked_for(stage: Stage, billing: bool) -> None:
    name = f"billing-{billing}".lower()
    account, _ = create_account(stage.session(), new(name, billing_access=billing))
    assert account is not None
    session = stage.session()
    inside = session.deployer(account).caller
    assert inside is not None
    period = {"Start": "2026-01-01", "End": "2026-02-01"}
    answer = session.call(
        inside, "ce", "GetCostAndUsage", TimePeriod=period, Granularity="MONTHLY", Metrics=["UnblendedCost"]
    )
    assert answer.outcome.kind is (OutcomeKind.DATA_PENDING if billing else OutcomeKind.NOT_ENABLED)


def test_the_operator_creates_it_where_there_is_no_management_role(stage: Stage) -> None:
    session = stage.session(management_role=None, management_external_id=None)
    account, rows = create_account(session, new("by-hand"))
    assert verdicts(rows) == CREATED
    assert {row.caller for row in rows} == {"operator"}
    assert account is not None


# An account that cannot.


@pytest.mark.parametrize("reason", FAILURES)
def test_every_reason_to_fail_is_told_in_words_and_what_to_do(stage: Stage, reason: str) -> None:
    account, rows = create_account(stage.session(), NewAccount(name="fails", email=failing(reason)))
    assert account is None
    assert verdicts(rows) == {"request-account": Verdict.PASS, "account-created": Verdict.FAIL}
    failed = rows[-1]
    assert failed.outcome is FAILURES[reason].kind
    assert FAILURES[reason].why in failed.why
    assert reason in failed.why
    assert failed.fix == FAILURES[reason].fix
    assert stage.accounts(failing(reason)) == []


def test_every_reason_of_the_model_has_its_words() -> None:
    model = boto3.client("organizations", region_name="us-east-1").meta.service_model
    assert set(model.shape_for("CreateAccountFailureReason").enum) == set(FAILURES)


@pytest.mark.parametrize("code", REFUSED)
def test_a_request_that_is_refused_is_told_so(stage: Stage, code: str) -> None:
    email, kind, fix = REFUSED[code]
    account, (row,) = create_account(stage.session(), NewAccount(name="refused", email=email))
    assert account is None
    assert (row.probe, row.verdict, row.outcome) == ("request-account", Verdict.FAIL, kind)
    assert fix in row.fix
    assert row.evidence["code"] == code


def test_an_address_of_another_account_is_refused_before_anything_is_asked(stage: Stage) -> None:
    create_account(stage.session(), new("taken"))
    account, (row,) = create_account(stage.session(), NewAccount(name="mine", email="Taken@example.com"))
    assert (account, row.verdict) == (None, Verdict.FAIL)
    assert "which is called taken" in row.why
    assert stage.requests("mine") == []


def test_the_management_account_is_no_new_account(stage: Stage) -> None:
    account, (row,) = create_account(stage.session(), NewAccount(name="master", email="master@example.com"))
    assert (account, row.verdict) == (None, Verdict.FAIL)
    assert "which is the management account" in row.why


def test_an_account_that_was_closed_is_no_new_account(stage: Stage) -> None:
    account, _ = create_account(stage.session(), new("closed"))
    stage.organizations("CloseAccount", AccountId=account)
    again, (row,) = create_account(stage.session(), new("closed"))
    assert (again, row.verdict) == (None, Verdict.FAIL)
    assert "which is CLOSED" in row.why


def test_a_unit_that_is_not_there_is_found_out_first(stage: Stage) -> None:
    asked = new("homeless", organizational_unit="ou-ab12-cd34ef56")
    account, (row,) = create_account(stage.session(), asked)
    assert (account, row.verdict, row.outcome) == (None, Verdict.FAIL, OutcomeKind.NOT_FOUND)
    assert stage.requests("homeless") == []


def test_a_creation_that_is_not_over_in_time_is_not_known(no_aws: None) -> None:
    child = SandboxProcess(Layout(account_seconds=60.0))
    try:
        slow = Stage(child.endpoint)
        account, rows = create_account(slow.session(wait_seconds=1), new("slow"))
        assert account is None
        assert verdicts(rows) == {"request-account": Verdict.PASS, "account-created": Verdict.UNKNOWN}
        assert "was not over within 1 s" in rows[-1].why
        assert "goes on with the request" in rows[-1].fix
    finally:
        child.stop()


def test_an_organization_that_is_busy_is_asked_again(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each second request is one too many, and the SDK does not try again by itself.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    child = SandboxProcess(Layout(account_seconds=SECONDS, throttle={"organizations": 0.5}))
    try:
        busy = Stage(child.endpoint)
        account, rows = create_account(busy.session(), new("patient"))
        assert verdicts(rows) == CREATED
        assert account is not None
    finally:
        child.stop()


# Whoever creates it.


def administer(stage: Stage, operation: str, **params: Any) -> None:
    session = stage.session()
    answer = session.call(session.operator, "iam", operation, **params)
    assert answer.ok, answer.outcome


def management_role(stage: Stage, name: str, *actions: str, **trusted: Any) -> str:
    """Another management role, which trusts main's role and may do some things."""
    principal = trusted.get("principal", f"arn:aws:iam::{MAIN_ACCOUNT}:role/ApiHandlerRole")
    condition = {"StringEquals": {"sts:ExternalId": MANAGEMENT_EXTERNAL_ID}}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "sts:AssumeRole",
                "Condition": condition,
            }
        ],
    }
    allowed = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }
    administer(stage, "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    administer(stage, "PutRolePolicy", RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(allowed))
    return name


READING = ("organizations:List*", "organizations:Describe*")


@pytest.mark.parametrize(
    ("name", "actions", "verdict", "words"),
    [
        ("no-creation", READING, Verdict.FAIL, "organizations:CreateAccount"),
        ("no-list", ("organizations:CreateAccount",), Verdict.UNKNOWN, "organizations:ListAccounts"),
    ],
)
def test_a_permission_that_is_lacking_is_named(
    stage: Stage, name: str, actions: tuple[str, ...], verdict: Verdict, words: str
) -> None:
    session = stage.session(management_role=management_role(stage, name, *actions))
    account, (row,) = create_account(session, new(name))
    assert (account, row.verdict, row.caller) == (None, verdict, name)
    assert words in row.why
    assert words in row.fix
    assert stage.requests(name) == []


def test_a_role_that_may_not_enter_the_new_account_is_told_so(stage: Stage) -> None:
    name = management_role(stage, "no-entry", *READING, "organizations:CreateAccount")
    account, rows = create_account(stage.session(management_role=name), new("no-entry"))
    assert account is not None
    assert verdicts(rows) == {**CREATED, "access-role": Verdict.FAIL}
    assert "no-entry may assume it" in rows[-1].fix


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"management_external_id": "another-one"}, OutcomeKind.DENIED_TRUST, "wants another external ID"),
        (
            {"management_external_id": None},
            OutcomeKind.DENIED_TRUST,
            "wants an external ID, and none is sent",
        ),
        ({"management_role": "NoSuchRole"}, OutcomeKind.NOT_FOUND, "there is no such role"),
        (
            {"api_handler_role": "NotebookRole", "untrusted_role": None},
            OutcomeKind.DENIED_TRUST,
            "does not name",
        ),
    ],
    ids=["another external ID", "no external ID", "no such role", "not trusted"],
)
def test_why_the_management_role_is_refused_is_found_out(
    stage: Stage, changes: dict[str, Any], kind: OutcomeKind, words: str
) -> None:
    account, (row,) = create_account(stage.session(**changes), new("refused-role"))
    assert (account, row.probe, row.verdict, row.outcome) == (None, "management-access", Verdict.FAIL, kind)
    assert words in row.why
    assert row.fix
    assert MANAGEMENT_EXTERNAL_ID not in str(row)
    assert "another-one" not in str(row)


def main_role(stage: Stage, name: str, *actions: str) -> str:
    """A role of main that the operator may act as."""
    session = stage.session()
    administrator = session.deployer(MAIN_ACCOUNT).caller
    assert administrator is not None
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trusting = trust | {"Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root"}}
    allowed = [{"Effect": "Allow", "Action": action, "Resource": "*"} for action in actions]
    for operation, params in (
        ("CreateRole", {"AssumeRolePolicyDocument": policy(trusting)}),
        ("PutRolePolicy", {"PolicyName": "inline", "PolicyDocument": policy(*allowed)}),
    ):
        answer = session.call(administrator, "iam", operation, RoleName=name, **params)
        assert answer.ok, answer.outcome
    return name


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_where_main_s_own_policies_refuse_it_they_are_named(stage: Stage) -> None:
    name = main_role(stage, "IdleRole", "ssm:DescribeParameters")
    principal = f"arn:aws:iam::{MAIN_ACCOUNT}:role/{name}"
    role = management_role(stage, "for-idle", *READING, principal=principal)
    session = stage.session(api_handler_role=name, management_role=role)
    account, (row,) = create_account(session, new("idle"))
    assert (account, row.verdict, row.outcome) == (None, Verdict.FAIL, OutcomeKind.DENIED_IDENTITY)
    assert row.caller == name
    assert "IdleRole was refused sts:AssumeRole" in row.why
    assert row.fix


def user_of_main(stage: Stage, *actions: str) -> Connection:
    """A user of main, who is nobody in the management account."""
    session = stage.session()
    administrator = session.deployer(MAIN_ACCOUNT).caller
    assert administrator is not None
    allowed = [{"Effect": "Allow", "Action": action, "Resource": "*"} for action in actions]
    key: Any = None
    for operation, params in (
        ("CreateUser", {}),
        ("PutUserPolicy", {"PolicyName": "inline", "PolicyDocument": policy(*allowed)}),
        ("CreateAccessKey", {}),
    ):
        answer = session.call(administrator, "iam", operation, UserName="someone", **params)
        assert answer.ok, answer.outcome
        key = answer.result.get("AccessKey")
    return Connection(endpoint=stage.endpoint, access_key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def test_an_operator_of_main_assumes_the_role_itself_where_it_cannot_act_as_main_s_role(stage: Stage) -> None:
    connection = user_of_main(stage, "sts:AssumeRole", "organizations:DescribeOrganization")
    principal = f"arn:aws:iam::{MAIN_ACCOUNT}:user/someone"
    trusting = management_role(
        stage, "for-someone", *READING, "organizations:CreateAccount", "sts:AssumeRole", principal=principal
    )
    session = xk.Session(stage.session(management_role=trusting).params, connection)
    account, rows = create_account(session, new("by-someone"))
    assert verdicts(rows) == CREATED
    assert account is not None
    # The new account trusts its management account alone.
    assert session.deployer(account).caller is None
    knowing = stage.session(management_role=trusting, management_account=MANAGEMENT_ACCOUNT)
    assert {row.verdict for row in deploy_account(xk.Session(knowing.params, connection), account)} == {
        Verdict.PASS
    }

    session = xk.Session(stage.session().params, connection)
    account, (row,) = create_account(session, new("by-nobody"))
    assert (account, row.verdict, row.caller) == (None, Verdict.FAIL, "someone")
    assert f"is not of {MANAGEMENT_ACCOUNT} and cannot read the role" in row.why
    assert principal in row.fix


def test_an_operator_of_another_account_needs_a_management_role(stage: Stage) -> None:
    values = {"management_role": None, "management_external_id": None, "management_account": MAIN_ACCOUNT}
    account, (row,) = create_account(stage.session(**values), new("elsewhere"))
    assert (account, row.verdict) == (None, Verdict.UNKNOWN)
    assert f"The operator is of {MANAGEMENT_ACCOUNT}" in row.why
    assert "Set management_role" in row.fix


def test_an_external_id_that_is_not_there_is_a_fault_of_the_request(stage: Stage) -> None:
    session = stage.session(management_external_id="env:XACCT_NOT_SET")
    with pytest.raises(ParamsError, match="management_external_id: there is nothing at env:XACCT_NOT_SET"):
        create_account(session, new("no-secret"))


def test_govcloud_is_skipped_and_says_why(no_aws: None) -> None:
    with xk.connect(
        Params.load("params/sandbox.yaml", partition="aws-us-gov", region="us-gov-west-1")
    ) as session:
        account, (row,) = create_account(session, new("gov"))
        assert (account, row.verdict) == (None, Verdict.SKIPPED)
        assert "CreateGovCloudAccount" in row.why


# What AWS would accept.


@pytest.mark.parametrize(
    "email",
    ["a@b.de", "first.last+tag@example.com", "x_y-z@sub.example.co.uk", "1!#$*?^{}~/=@example.com"],
)
def test_an_address_is_taken(email: str) -> None:
    assert email_fault(email) == ""


@pytest.mark.parametrize(
    ("email", "rule"),
    [
        ("a@b.d", "6 to 64"),
        (f"{'x' * 60}@example.com", "6 to 64"),
        ("n\u00e4me@example.com", "ASCII"),
        ("example.com", "one @"),
        ("a@b@example.com", "one @"),
        ("a b@example.com", "before the @"),
        ("a;b@example.com", "before the @"),
        ("@example.com", "something before"),
        (".a@example.com", "no dot"),
        ("name@exa_mple.com", "after the @"),
        ("name@-example.com", "neither begins nor ends"),
        ("name@example.com.", "neither begins nor ends"),
        ("name@example", "has a dot"),
    ],
)
def test_an_address_is_refused_with_the_rule(email: str, rule: str) -> None:
    assert rule in email_fault(email)
    with pytest.raises(ParamsError, match="email: "):
        NewAccount(name="name", email=email)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_has_a_fault_on_one_line(text: str) -> None:
    assert "\n" not in email_fault(text)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"name": ""}, "name: '' is not 1 to 50"),
        ({"name": "x" * 51}, "is not 1 to 50"),
        ({"name": " x"}, "name: ' x' is not 1 to 50"),
        ({"role_name": "a/b"}, "role_name: 'a/b' is not 1 to 64"),
        ({"role_name": "AWSServiceRoleForX"}, "not beginning with AWSServiceRoleFor"),
        ({"organizational_unit": "Labs"}, "organizational_unit: 'Labs' is not the ID"),
        ({"tags": {"aws:x": "y"}}, "which is kept for AWS"),
        ({"tags": {"": "y"}}, "a key has 1 to 128 characters"),
        ({"tags": {str(n): "" for n in range(51)}}, "there are 51; an account takes 50"),
    ],
)
def test_what_aws_would_not_accept_is_refused_before_it_is_asked(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(ParamsError) as caught:
        NewAccount(**{"name": "name", "email": "name@example.com", **values})
    assert fault in str(caught.value)


# What is told of it.


def test_a_report_of_creations_can_be_shown_and_saved(stage: Stage, tmp_path: Path) -> None:
    _, made = create_account(stage.session(), new("shown"))
    _, failed = create_account(stage.session(), NewAccount(name="fails", email=failing("INVALID_EMAIL")))
    report = xk.Report.of([*made, *failed])
    assert "Create account" in str(report)
    assert failing("INVALID_EMAIL") in str(report)
    report.save(tmp_path)
    assert failing("INVALID_EMAIL") in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [Finding.from_dict(row.to_dict()) for row in report] == list(report)


def test_an_external_id_that_is_referred_to_is_in_no_finding(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setenv("XACCT_MANAGEMENT_EXTERNAL_ID", MANAGEMENT_EXTERNAL_ID)
    session = stage.session(management_external_id="env:XACCT_MANAGEMENT_EXTERNAL_ID")
    account, rows = create_account(session, new(f"told-{MANAGEMENT_EXTERNAL_ID[:9]}"), lines.append)
    assert account is not None
    assert MANAGEMENT_EXTERNAL_ID not in f"{rows}{lines}"
    assert session.redact(MANAGEMENT_EXTERNAL_ID) == "${management_external_id}"
