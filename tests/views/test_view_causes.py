from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import ROLE, THROTTLED, finding, findings, fleet

from xacct_kit.report import OutcomeKind, Report, Verdict
from xacct_kit.views.causes import causes, key

ONE, OTHER, THIRD = "400000000001", "400000000002", "400000000003"
POLICY = "arn:example:organizations::111111111111:policy/o-example/service_control_policy/"


def denied(account=ONE, policy="p-examplepolicy", **changes):
    """A call that a service control policy denies, as the permissions step says it."""
    action = changes.get("action", "elasticmapreduce:ListClusters")
    return finding(
        **{
            "account": account,
            "outcome": OutcomeKind.DENIED_SCP,
            "why": f"{ROLE} was refused {action} in {account}, us-east-1: {POLICY}{policy} denies it.",
            "fix": f"Except arn:example:iam::{account}:role/{ROLE} from {POLICY}{policy}.",
            "evidence": {
                "message": f"User: arn:example:sts::{account}:assumed-role/{ROLE}/xacct-kit is not "
            },
            **changes,
        }
    )


def test_two_hundred_and_twelve_accounts_that_one_policy_denies_are_one_cause():
    accounts = [str(400_000_000_000 + number) for number in range(212)]
    (cause,) = causes(fleet(5) + Report.of(map(denied, reversed(accounts))))
    assert cause.title == (
        "elasticmapreduce:ListClusters denied by a service control policy (p-examplepolicy): 212 accounts"
    )
    assert cause.accounts == tuple(accounts)
    assert (cause.checks, cause.example.account) == (212, accounts[0])
    assert cause.why == (
        f"{ROLE} was refused elasticmapreduce:ListClusters in <account>, us-east-1: "
        f"{POLICY}p-examplepolicy denies it."
    )
    assert cause.fix == f"Except arn:example:iam::<account>:role/{ROLE} from {POLICY}p-examplepolicy."


def test_a_cause_of_one_account_is_told_in_its_own_words():
    (cause,) = causes([denied()])
    assert (cause.why, cause.fix) == (denied().why, denied().fix)


def told(why, account):
    return replace(THROTTLED, account=account, why=why)


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        (
            "Refused arn:example:iam::400000000001:role/R",
            "Refused arn:example:iam::400000000002:role/R",
            "Refused arn:example:iam::<account>:role/R",
        ),
        (
            "as assumed-role/Admin/session-1: refused",
            "as assumed-role/Admin/someone@example.com: refused",
            "as assumed-role/Admin/…: refused",
        ),
        ("Request ID: 4442587FB7D0A2F9)", "Request ID: 9442587FB7D0A2F1)", "Request ID: …)"),
        (
            "RequestId 7d9f0e1c-0000-4000-8000-0123456789ab",
            "RequestId 00000000-0000-4000-8000-0123456789ab",
            "RequestId …",
        ),
        ("since 2026-01-31T08:00:00Z", "since 2026-02-01T09:30:12.5Z", "since …"),
        ("throttled for 3.5 s", "throttled for 12 s", "throttled for …"),
        (
            "left xacct-canary-20260101t000000-abc",
            "left xacct-canary-20260101t000001-def",
            "left xacct-canary-…",
        ),
        (
            "one@example.com (the one) was not created by car-0123456789",
            "other@example.org (another) was not created by car-9876543210",
            "… was not created by …",
        ),
        ("uses i-0123456789abcdef0", "uses i-0fedcba9876543210", "uses …"),
    ],
)
def test_what_is_an_accounts_own_does_not_tell_causes_apart(one, other, shown):
    (cause,) = causes([told(one, ONE), told(other, OTHER)])
    assert cause.why == shown


def test_what_all_accounts_have_alike_stays_in_the_words():
    (cause,) = causes([told("Waited 300 s for 400000000009", account) for account in (ONE, OTHER)])
    assert cause.why == "Waited 300 s for 400000000009"


@pytest.mark.parametrize(
    "other",
    [
        denied(OTHER, policy="p-otherpolicy"),
        denied(OTHER, verdict=Verdict.UNKNOWN),
        denied(OTHER, outcome=OutcomeKind.DENIED_RCP),
        denied(OTHER, step="canaries"),
        denied(OTHER, fix="Ask the owner of the policy."),
        denied(OTHER, evidence={"message": f"explicit deny in {POLICY}p-otherpolicy"}),
    ],
    ids=["policy", "verdict", "outcome", "step", "fix", "policy that only the answer names"],
)
def test_what_is_another_cause_stays_apart(other):
    assert len(causes([denied(), other])) == 2


def test_actions_that_one_policy_denies_have_one_cause():
    (cause,) = causes([denied(), denied(OTHER, action="s3:ListAllMyBuckets")])
    assert cause.title == (
        "elasticmapreduce:ListClusters, s3:ListAllMyBuckets denied by a service control policy "
        "(p-examplepolicy): 2 accounts"
    )
    assert "refused elasticmapreduce:ListClusters/s3:ListAllMyBuckets in <account>" in cause.why


def test_a_policy_that_was_asked_for_is_not_the_one_that_denies():
    message = (
        "not authorized to perform: iam:CreatePolicy on resource: arn:example:iam::400000000001:policy/mine"
    )
    row = finding(outcome=OutcomeKind.DENIED_IDENTITY, evidence={"message": message})
    assert [cause.policy for cause in causes([row])] == [""]


def test_actions_that_no_policy_allows_have_a_cause_each():
    def missing(action):
        why = f"{ROLE} was refused {action}: none of its policies allows it."
        return finding(action=action, outcome=OutcomeKind.DENIED_IDENTITY, why=why)

    assert len(causes([missing("s3:ListAllMyBuckets"), missing("ec2:DescribeInstances")])) == 2


def test_what_was_not_tried_for_one_reason_has_one_cause_in_every_step():
    why = "Nobody could assume the role."
    rows = [
        finding(step=step, action=action, account=account, outcome=OutcomeKind.UNKNOWN, why=why)
        for account in (ONE, OTHER)
        for step, action in (
            ("cost_explorer", "ce:GetCostAndUsage"),
            *(("permissions", f"ec2:Call{number}") for number in range(4)),
        )
    ]
    (cause,) = causes(rows)
    assert (cause.title, cause.checks) == ("5 actions not tried: 2 accounts", 10)
    assert cause.steps == ("cost_explorer", "permissions")


def test_callers_that_are_refused_for_one_reason_have_one_cause():
    rows = [
        finding(
            step="trust",
            caller=caller,
            why=f"{caller} is refused: there is no such role.",
            outcome=OutcomeKind.NOT_FOUND,
        )
        for caller in ("ApiHandlerRole", "WorkflowLoopRunnerRole")
    ]
    (cause,) = causes(rows)
    assert cause.why == "ApiHandlerRole/WorkflowLoopRunnerRole is refused: there is no such role."


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Let {} in: trust arn:example:iam::{account}:role/{}.", "role/<caller>."),
        ("arn:example:sts::{account}:assumed-role/{}/xacct-kit, {}", "assumed-role/<caller>/xacct-kit, "),
        ("arn:example:iam::{account}:role/path/{}: {}", "role/path/<caller>: "),
    ],
)
def test_callers_are_not_made_into_one_arn_together(told, shown):
    rows = [
        finding(caller=caller, fix=told.format(caller, caller, account=ONE), outcome=OutcomeKind.DENIED_TRUST)
        for caller in ("ApiHandlerRole", "WorkflowLoopRunnerRole")
    ]
    (cause,) = causes(rows)
    assert shown in cause.fix
    assert cause.fix.count("ApiHandlerRole/WorkflowLoopRunnerRole") == 1


def test_causes_of_most_accounts_come_first_and_of_as_many_those_that_fail():
    rows = [
        replace(THROTTLED, account=ONE),
        denied(),
        *(finding(account=account, outcome=OutcomeKind.QUOTA) for account in (ONE, OTHER, THIRD)),
    ]
    assert [(len(cause.accounts), cause.verdict) for cause in causes(rows)] == [
        (3, Verdict.FAIL),
        (1, Verdict.FAIL),
        (1, Verdict.UNKNOWN),
    ]


@given(st.lists(findings, max_size=6))
def test_every_finding_that_is_not_green_has_a_cause_whatever_it_holds(rows):
    red = [row for row in rows if not row.verdict.green]
    found = causes(rows)
    assert sum(cause.checks for cause in found) == len(red)
    assert len(found) == len({key(row) for row in red})
    assert {account for cause in found for account in cause.accounts} == {row.account for row in red}


@given(st.lists(findings, max_size=6), st.randoms())
def test_causes_do_not_depend_on_who_was_first_to_answer(rows, random):
    shuffled = random.sample(rows, len(rows))
    shown = [
        {(cause.accounts, cause.actions, cause.checks) for cause in causes(some)} for some in (rows, shuffled)
    ]
    assert shown[0] == shown[1]
