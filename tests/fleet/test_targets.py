"""Which accounts a run is for: what is found below organizational units, and what is named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
import pytest
from listing_aws import listing

import xacct_kit as xk
from xacct_kit.aws.clients import Connection
from xacct_kit.errors import AccessError, RequestError, RunError
from xacct_kit.fleet.organization_tree import read_tree
from xacct_kit.fleet.targets import Targets, find_targets
from xacct_kit.params import Params
from xacct_kit.report import Verdict
from xacct_kit.sandbox.layout import (
    MAIN_ACCOUNT,
    MANAGEMENT_ACCOUNT,
    MEMBER_ACCOUNT,
    OPERATOR_ACCESS_KEY,
    OPERATOR_SECRET,
    Layout,
)
from xacct_kit.sandbox.process import SandboxProcess

IN_GENOMICS, CLOSED, LOOSE = "400000000000", "400000000001", "400000000002"
ELSEWHERE = "999999999999"


@dataclass(frozen=True)
class Tree:
    """An organization: the root has the unit research, and that the unit genomics."""

    endpoint: str
    root: str
    research: str
    genomics: str
    empty: str

    def client(self, service: str, **keys: str) -> Any:
        own = {"aws_access_key_id": OPERATOR_ACCESS_KEY, "aws_secret_access_key": OPERATOR_SECRET}
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", **{**own, **keys})

    def params(self, **values: Any) -> Params:
        fixed = {"main_account": MAIN_ACCOUNT, "external_id": "sandbox-external-id"}
        return Params.of(**fixed, sandbox_endpoint=self.endpoint, **values)

    def targets(self, **values: Any) -> Targets:
        with xk.connect(self.params(**values)) as session:
            return find_targets(session)


@pytest.fixture(scope="module")
def tree(no_aws: None) -> Iterator[Tree]:
    child = SandboxProcess(Layout(accounts=4))
    try:
        yield grown(child.endpoint)
    finally:
        child.stop()


def grown(endpoint: str) -> Tree:
    bare = Tree(endpoint, "", "", "", "")
    organizations = bare.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]

    def unit(parent: str, name: str) -> str:
        made = organizations.create_organizational_unit(ParentId=parent, Name=name)
        return str(made["OrganizationalUnit"]["Id"])

    research = unit(root, "research")
    genomics, empty = unit(research, "genomics"), unit(root, "empty")
    places = {
        MAIN_ACCOUNT: research,
        MEMBER_ACCOUNT: research,
        IN_GENOMICS: genomics,
        CLOSED: genomics,
        MANAGEMENT_ACCOUNT: research,
    }
    for account, place in places.items():
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=place)
    organizations.close_account(AccountId=CLOSED)
    return Tree(endpoint, root, research, genomics, empty)


def why(targets: Targets) -> dict[str, str]:
    """What is said of each account that is left out."""
    assert {finding.verdict for finding in targets.findings} <= {Verdict.SKIPPED}
    assert {finding.step for finding in targets.findings} <= {"targets"}
    return {finding.account: finding.why for finding in targets.findings}


IS_MAIN = "is left out: it is the main account, which runs Service Workbench"
IS_MANAGEMENT = "is left out: it is the management account of the organization"
IS_CLOSED = "is left out: it is closed"

UNITS: list[tuple[str, Callable[[Tree], list[str]], tuple[str, ...], dict[str, str]]] = [
    ("a unit without others", lambda tree: [tree.genomics], (IN_GENOMICS,), {CLOSED: IS_CLOSED}),
    (
        "a unit and those below it",
        lambda tree: [tree.research],
        (MEMBER_ACCOUNT, IN_GENOMICS),
        {CLOSED: IS_CLOSED, MAIN_ACCOUNT: IS_MAIN, MANAGEMENT_ACCOUNT: IS_MANAGEMENT},
    ),
    (
        "a unit below another that is named",
        lambda tree: [tree.genomics, tree.research],
        (MEMBER_ACCOUNT, IN_GENOMICS),
        {CLOSED: IS_CLOSED, MAIN_ACCOUNT: IS_MAIN, MANAGEMENT_ACCOUNT: IS_MANAGEMENT},
    ),
    *(
        (
            name,
            units,
            (MEMBER_ACCOUNT, IN_GENOMICS, LOOSE),
            {CLOSED: IS_CLOSED, MAIN_ACCOUNT: IS_MAIN, MANAGEMENT_ACCOUNT: IS_MANAGEMENT},
        )
        for name, units in {
            "the whole organization": lambda tree: ["root"],
            "the root by its ID": lambda tree: [tree.root],
            "the root and a unit": lambda tree: [tree.genomics, "root"],
        }.items()
    ),
]


@pytest.mark.parametrize(("name", "units", "accounts", "left_out"), UNITS, ids=[row[0] for row in UNITS])
def test_units_give_their_accounts_and_name_what_is_left_out(
    tree: Tree,
    name: str,
    units: Callable[[Tree], list[str]],
    accounts: tuple[str, ...],
    left_out: dict[str, str],
) -> None:
    targets = tree.targets(organizational_units=units(tree))
    assert targets.accounts == accounts
    said = why(targets)
    assert said.keys() == left_out.keys()
    for account, reason in left_out.items():
        assert f"{account} {reason}" in said[account]


def test_accounts_that_are_named_come_first_and_once(tree: Tree) -> None:
    named = [LOOSE, MAIN_ACCOUNT, IN_GENOMICS, ELSEWHERE]
    targets = tree.targets(member_accounts=named, organizational_units=[tree.research])
    assert targets.accounts == (*named, MEMBER_ACCOUNT)
    assert why(targets).keys() == {MANAGEMENT_ACCOUNT, CLOSED}


def test_accounts_that_are_named_are_taken_as_they_are(tree: Tree) -> None:
    named = [LOOSE, MAIN_ACCOUNT, CLOSED, ELSEWHERE]
    assert tree.targets(member_accounts=named) == Targets(tuple(named))


def test_the_management_account_is_left_out_even_if_it_is_named(tree: Tree) -> None:
    targets = tree.targets(member_accounts=[MEMBER_ACCOUNT, MANAGEMENT_ACCOUNT])
    assert targets.accounts == (MEMBER_ACCOUNT,)
    assert IS_MANAGEMENT in why(targets)[MANAGEMENT_ACCOUNT]


def test_accounts_can_be_excluded(tree: Tree) -> None:
    targets = tree.targets(
        organizational_units=["root"], exclude_accounts=[MEMBER_ACCOUNT, CLOSED, ELSEWHERE]
    )
    assert targets.accounts == (IN_GENOMICS, LOOSE)
    said = why(targets)
    for account in (MEMBER_ACCOUNT, CLOSED):
        assert said[account] == f"{account} is left out: exclude_accounts names it."
    assert said[ELSEWHERE].endswith("exclude_accounts names it; it was not asked for otherwise.")


def test_an_account_that_is_named_can_be_excluded(tree: Tree) -> None:
    targets = tree.targets(member_accounts=[MEMBER_ACCOUNT, LOOSE], exclude_accounts=[LOOSE])
    assert targets.accounts == (MEMBER_ACCOUNT,)
    assert why(targets).keys() == {LOOSE}


def test_no_account_at_all_is_an_error_that_says_why(tree: Tree) -> None:
    with pytest.raises(RunError, match=f"No account to work on is left of {tree.empty}") as caught:
        tree.targets(organizational_units=[tree.empty])
    assert "No account is there." in str(caught.value)
    with pytest.raises(RunError, match=f"{CLOSED}: it is closed") as caught:
        tree.targets(organizational_units=[tree.genomics], exclude_accounts=[IN_GENOMICS])
    assert f"{IN_GENOMICS}: exclude_accounts names it." in str(caught.value)


@pytest.mark.parametrize("unit", ["ou-none-00000000", "r-none"])
def test_what_is_not_there_is_an_error_that_names_it(tree: Tree, unit: str) -> None:
    with pytest.raises(RunError, match=unit):
        tree.targets(organizational_units=[unit])


# Who may read the organization


def as_user_of(tree: Tree, account: str, denied: str, **values: Any) -> xk.Session:
    """A session of a user who may do everything but one call."""
    keys = {}
    if account != MANAGEMENT_ACCOUNT:
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        given = tree.client("sts").assume_role(RoleArn=role, RoleSessionName="tester")["Credentials"]
        keys = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
    iam, name = tree.client("iam", **keys), f"not-{denied.replace('*', 'all')}"
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    statements.append({"Effect": "Deny", "Action": f"organizations:{denied}", "Resource": "*"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    connection = Connection(
        endpoint=tree.endpoint, access_key=key["AccessKeyId"], secret=key["SecretAccessKey"]
    )
    return xk.Session(tree.params(**values), connection)


@pytest.mark.parametrize(
    "denied", ["DescribeOrganization", "ListAccountsForParent", "ListOrganizationalUnitsForParent"]
)
def test_an_organization_that_may_not_be_read_whole_is_no_smaller_list(tree: Tree, denied: str) -> None:
    session = as_user_of(tree, MANAGEMENT_ACCOUNT, denied, organizational_units=[tree.research])
    with session, pytest.raises(AccessError, match=f"cannot be read.*organizations:{denied}") as caught:
        find_targets(session)
    for part in (f"user/not-{denied}", "management account", "delegated administrator", "member_accounts"):
        assert part in str(caught.value)


def test_a_member_account_may_not_read_the_organization(tree: Tree) -> None:
    with (
        as_user_of(tree, LOOSE, "ListPolicies", organizational_units=["root"]) as session,
        pytest.raises(AccessError, match=f"must be of the management account {MANAGEMENT_ACCOUNT}"),
    ):
        find_targets(session)


def test_an_organization_need_not_be_read_for_accounts_that_are_named(tree: Tree) -> None:
    named = [LOOSE, MEMBER_ACCOUNT]
    with as_user_of(tree, LOOSE, "*", member_accounts=named) as session:
        assert find_targets(session) == Targets(tuple(named))


# The organization as a tree


def test_the_organization_is_read_as_a_tree(tree: Tree) -> None:
    with xk.connect(tree.params(organizational_units=["root"])) as session:
        nodes = {node.id: node for node in read_tree(session)}
    parents = {MEMBER_ACCOUNT: tree.research, IN_GENOMICS: tree.genomics, LOOSE: tree.root}
    parents |= {tree.genomics: tree.research, tree.research: tree.root, tree.empty: tree.root}
    assert {part: nodes[part].parent for part in parents} == parents
    assert nodes[tree.root].parent is None
    left_out = {part for part, node in nodes.items() if node.left_out}
    assert left_out == {MANAGEMENT_ACCOUNT, MAIN_ACCOUNT, CLOSED}
    assert list(nodes).index(tree.genomics) > list(nodes).index(tree.research)


def test_a_tree_that_may_not_be_read_whole_is_none(tree: Tree) -> None:
    with (
        as_user_of(tree, MANAGEMENT_ACCOUNT, "ListRoots", organizational_units=["root"]) as session,
        pytest.raises(AccessError, match=r"cannot be read.*organizations:ListRoots"),
    ):
        read_tree(session)


# What AWS lists


def listed(page: Callable[[Any], tuple[int, Any]]) -> Targets:
    """The targets of a whole organization whose accounts are listed like this."""
    with listing(page) as endpoint:
        return Tree(endpoint, "", "", "", "").targets(organizational_units=["root"])


def states(name: str) -> list[str]:
    """The states of accounts that AWS's own description has."""
    shape = botocore.session.get_session().get_service_model("organizations").shape_for(name)
    return [state for state in shape.enum if state != "ACTIVE"]


@pytest.mark.parametrize(
    ("key", "state"),
    [
        *(("State", each) for each in states("AccountState")),
        *(("Status", each) for each in states("AccountStatus")),
    ],
)
def test_an_account_that_is_not_active_is_left_out(key: str, state: str) -> None:
    accounts = [{"Id": MEMBER_ACCOUNT, key: "ACTIVE"}, {"Id": LOOSE, key: state}]
    targets = listed(lambda asked: (200, {"Accounts": accounts}))
    assert targets.accounts == (MEMBER_ACCOUNT,)
    assert why(targets)[LOOSE].startswith(f"{LOOSE} is left out: it")


def test_the_state_counts_more_than_the_older_status() -> None:
    accounts = [{"Id": MEMBER_ACCOUNT}, {"Id": LOOSE, "State": "CLOSED", "Status": "SUSPENDED"}]
    targets = listed(lambda asked: (200, {"Accounts": accounts}))
    assert targets.accounts == (MEMBER_ACCOUNT,)
    assert why(targets) == {LOOSE: f"{LOOSE} is left out: it is closed."}


def test_an_empty_page_is_not_the_last() -> None:
    pages = {
        "": ([], "a"),
        "a": ([{"Id": LOOSE}], "b"),
        "b": ([], "c"),
        "c": ([{"Id": MEMBER_ACCOUNT}], None),
    }

    def page(asked: Any) -> tuple[int, Any]:
        accounts, following = pages[asked.get("NextToken", "")]
        return 200, {"Accounts": accounts, "NextToken": following}

    assert listed(page) == Targets((MEMBER_ACCOUNT, LOOSE))


LATER_PAGES: list[tuple[int, Any, str]] = [
    (400, {"__type": "ServiceException", "message": "later"}, "organizations:ListAccounts"),
    (400, {"__type": "InvalidInputException", "message": "no such token"}, "no such token"),
    (200, {"Accounts": [{"Name": "nameless"}]}, "The answer is not whole"),
    (200, {"Accounts": [], "NextToken": "more"}, "its next page is itself"),
]


@pytest.mark.parametrize(
    ("status", "answer", "told"), LATER_PAGES, ids=["error", "token", "no ID", "endless"]
)
def test_a_list_that_breaks_off_is_an_error(status: int, answer: Any, told: str) -> None:
    def page(asked: Any) -> tuple[int, Any]:
        first = (200, {"Accounts": [{"Id": MEMBER_ACCOUNT}], "NextToken": "more"})
        return (status, answer) if asked.get("NextToken") else first

    with pytest.raises(RunError, match="The organization cannot be read") as caught:
        listed(page)
    assert told in str(caught.value)


# A run


def test_a_run_is_for_what_was_found(tree: Tree) -> None:
    report = xk.onboard(tree.params(organizational_units=[tree.research]), deploying=False)
    assert report.ok
    done = {finding.account for finding in report if finding.step == "permissions"}
    assert done == {MEMBER_ACCOUNT, IN_GENOMICS}
    named = {finding.account for finding in report if finding.step == "targets"}
    assert named == {MANAGEMENT_ACCOUNT, MAIN_ACCOUNT, CLOSED}


def test_no_step_takes_a_part_of_the_accounts_for_all(tree: Tree) -> None:
    values: list[dict[str, Any]] = [
        {"organizational_units": [tree.genomics]},
        {"member_accounts": [MEMBER_ACCOUNT, IN_GENOMICS], "exclude_accounts": [MEMBER_ACCOUNT]},
    ]
    for given in values:
        with xk.connect(tree.params(**given)) as session:
            with pytest.raises(RequestError, match=r"call xacct_kit\.targeted\(session\) first"):
                xk.preflight(session)
            assert xk.targeted(session).ok
            assert {finding.account for finding in xk.preflight(session)} == {IN_GENOMICS}
            assert not xk.targeted(session).findings


def test_a_thousand_accounts_come_in_pages(no_aws: None) -> None:
    params = Params.of(
        main_account=MAIN_ACCOUNT,
        organizational_units="root",
        external_id="sandbox-external-id",
        sandbox_accounts=1000,
    )
    with xk.connect(params) as session:
        assert find_targets(session).accounts == Layout(accounts=1000).members
