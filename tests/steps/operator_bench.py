"""A sandbox in which each trial has an account and a principal of its own, with exactly one policy."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xacct_kit as xk
from xacct_kit.aws.clients import Connection
from xacct_kit.environment import sandbox_connection
from xacct_kit.errors import XacctError
from xacct_kit.params import Params
from xacct_kit.report import Finding
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, MANAGEMENT_ACCOUNT, MANAGEMENT_EXTERNAL_ID
from xacct_kit.steps.operator.actions import Task, Who
from xacct_kit.steps.operator.policies import Statement, needed_for, values_of

ADMINISTRATOR = "OrganizationAccountAccessRole"

Values = Mapping[str, Any]
Told = tuple[tuple[str, ...], ...]
Statements = Sequence[Statement]
Change = Callable[[Statements, Params], Statements | None]


@dataclass(frozen=True)
class Stage:
    """Where one trial is made.

    Attributes:
        administrator: a session of the organization's administrator, who acts in every account.
        account: the account, which no other trial has.
        number: of the trial, for names that no other trial has.
        other: a second account that no other trial has.
    """

    administrator: xk.Session
    account: str
    number: int
    other: str = ""

    def call(
        self, service: str, operation: str, *, account: str = "", once: bool = False, **params: Any
    ) -> Any:
        """A call of an account's administrator; perhaps it has been made in another trial."""
        session, where = self.administrator, account or self.account
        caller = session.operator if where == MANAGEMENT_ACCOUNT else session.deployer(where).caller
        assert caller is not None
        answer = session.call(caller, service, operation, **params)
        assert answer.ok or once, answer.outcome
        return answer.result

    def make_role(
        self, account: str, name: str, trusted: Any, statements: Sequence[Any], **condition: Any
    ) -> None:
        """Make a role with one policy."""
        trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
        more = {"Condition": condition} if condition else {}
        text = document([{**trust, **more}])
        # A situation may have made it already, to be allowed everything.
        self.call(
            "iam", "CreateRole", account=account, once=True, RoleName=name, AssumeRolePolicyDocument=text
        )
        policy = {"PolicyName": "task", "PolicyDocument": document(statements)}
        self.call("iam", "PutRolePolicy", account=account, RoleName=name, **policy)


def document(statements: Sequence[Any]) -> str:
    # A policy of no statements is none.
    nothing = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [nothing]})


def allowing(*actions: str, resource: str = "*") -> list[Statement]:
    return [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]


def _nothing(_stage: Stage) -> Values:
    return {}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A situation in which a task is done.

    Attributes:
        name: the situation.
        run: does the task in an account.
        prepare: makes the situation; gives params of it.
        params: params of the situation.
        patience: seconds that are waited for anything where an action is left out.
        of_main: whether the operator is of the main account, and not of the management account.
    """

    name: str
    run: Callable[[xk.Session, str], Sequence[Finding]]
    prepare: Callable[[Stage], Values] = _nothing
    params: Values = field(default_factory=dict)
    patience: int = 1
    of_main: bool = False


@dataclass(frozen=True)
class Bench:
    """A served sandbox with thousands of healthy members."""

    endpoint: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def session(self, params: Params, connection: Connection | None = None) -> xk.Session:
        """A run of its own; what AWS allows in a second is no matter here."""
        session = xk.Session(params, connection or sandbox_connection(self.endpoint))
        session.take_share(1000)
        return session

    def params(self, account: str, values: Values) -> Params:
        given = {"member_accounts": [account], "wait_seconds": 20, "sandbox_endpoint": self.endpoint}
        return Params.load("params/sandbox.yaml", **{**given, **values})

    def told(self, case: Case, task: Task, who: Who, change: Change) -> Told | None:
        """What a case tells where one principal has what becomes of its policy, and others everything.

        Parameters:
            case: the situation.
            task: the task.
            who: the principal.
            change: what becomes of its policy; where that is None, nothing is tried.
        """
        number = next(self._numbers)
        account, other = (str(each + number) for each in (400_000_000_000, 400_000_002_000))
        administrator = self.session(self.params(account, case.params))
        stage = Stage(administrator, account, number, other)
        names = {key: f"{name}{number}" for key, name in _NAMES[who].items()}
        values = {**case.params, **case.prepare(stage), **names}
        params = self.params(account, values)
        before = statements_of(task, params, who)
        statements = change(before, params)
        if statements is None:
            return None
        if statements != before:
            # What will not be is not waited for.
            params = params.model_copy(update={"wait_seconds": case.patience})
        connection = _MAKING[who](stage, params, statements)
        if case.of_main:
            connection = _user(stage, MAIN_ACCOUNT, allowing("*"))
        try:
            return tuple(_said(row) for row in case.run(self.session(params, connection), account))
        except XacctError as error:
            return ((type(error).__name__, _plain(str(error))),)


def statements_of(task: Task, params: Params, who: Who) -> list[Statement]:
    """The statements of the policy of a principal."""
    return [found for each in needed_for(task, params) if each.principal is who for found in each.statements]


def as_it_is(statements: Statements, _params: Params) -> Statements:
    """The policy of the task."""
    return statements


def everything(_statements: Statements, _params: Params) -> Statements:
    """An administrator's policy."""
    return allowing("*")


def without(on: str, action: str) -> Change:
    """A policy without an action on a resource; None where it does not have that."""

    def change(statements: Statements, params: Params) -> Statements | None:
        resource = on.format_map(values_of(params))
        left = [
            {**each, "Action": [one for one in each["Action"] if one != action]}
            if each["Resource"] == resource
            else each
            for each in statements
        ]
        return None if left == list(statements) else [each for each in left if each["Action"]]

    return change


def _said(row: Finding) -> tuple[str, ...]:
    told = (row.step, row.probe, row.region, row.outcome.value, row.verdict.value)
    return (*told, _plain(row.why), _plain(row.fix))


_VARYING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(car|o|ou|p|r)-[0-9a-z-]{4,}|Request ID: [\w-]+|[0-9]+"
)


_SPAN = re.compile(r"# (?:second|minute)s?\b")


def _plain(text: str) -> str:
    """A text without what differs between two accounts, users or times."""
    return _SPAN.sub("# seconds", _VARYING.sub("#", text))


# The keys of params that say who a principal is.
_NAMES: Mapping[Who, Mapping[str, str]] = {
    Who.OPERATOR: {},
    Who.ACCESS_ROLE: {"access_role": "Onboarder"},
    Who.IN_MAIN: {"access_role": "InMain"},
    Who.MAIN_ROLE: {"api_handler_role": "Caller", "management_role": "Manager"},
    Who.MANAGEMENT: {"management_role": "Manager"},
}


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _operator(stage: Stage, params: Params, statements: Statements) -> Connection:
    return _user(stage, MANAGEMENT_ACCOUNT, statements)


def _user(stage: Stage, account: str, statements: Statements) -> Connection:
    name, policy, place = f"operator{stage.number}", document(statements), {"account": account}
    stage.call("iam", "CreateUser", UserName=name, **place)
    # What is written into a user is no longer than 2,048 characters.
    arn = stage.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=policy, **place)["Policy"]["Arn"]
    stage.call("iam", "AttachUserPolicy", UserName=name, PolicyArn=arn, **place)
    key = stage.call("iam", "CreateAccessKey", UserName=name, **place)["AccessKey"]
    endpoint = stage.administrator.endpoint
    return Connection(endpoint=endpoint, access_key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def _access_role(stage: Stage, params: Params, statements: Statements) -> None:
    trusted = [_root(MANAGEMENT_ACCOUNT), _root(MAIN_ACCOUNT)]
    stage.make_role(stage.account, str(params.access_role), trusted, statements)


def _in_main(stage: Stage, params: Params, statements: Statements) -> None:
    stage.make_role(MAIN_ACCOUNT, str(params.access_role), _root(MANAGEMENT_ACCOUNT), statements)


def _main_role(stage: Stage, params: Params, statements: Statements) -> None:
    stage.make_role(MAIN_ACCOUNT, params.api_handler_role, _root(MANAGEMENT_ACCOUNT), statements)
    _management(stage, params, allowing("*"))


def _management(stage: Stage, params: Params, statements: Statements) -> None:
    trusted = f"arn:aws:iam::{MAIN_ACCOUNT}:role/{params.api_handler_role}"
    external_id = {"StringEquals": {"sts:ExternalId": MANAGEMENT_EXTERNAL_ID}}
    stage.make_role(MANAGEMENT_ACCOUNT, str(params.management_role), trusted, statements, **external_id)


_MAKING: Mapping[Who, Callable[[Stage, Params, Statements], Connection | None]] = {
    Who.OPERATOR: _operator,
    Who.ACCESS_ROLE: _access_role,
    Who.IN_MAIN: _in_main,
    Who.MAIN_ROLE: _main_role,
    Who.MANAGEMENT: _management,
}
