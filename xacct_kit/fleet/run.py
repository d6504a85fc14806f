"""The run: every step in every account, side by side, one account's failure being one account's row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from xacct_kit.aws.session import Session
from xacct_kit.fleet.targets import targeted
from xacct_kit.report import Finding, Report
from xacct_kit.steps import cost_explorer, deploy, preflight, probes, trust
from xacct_kit.steps.findings import Question, broken
from xacct_kit.steps.waiting import Progress, silent

_WORKERS = 8

AccountStep = Callable[[Session, str, Progress], Iterable[Finding]]


def run(session: Session, *, deploying: bool, progress: Progress = silent) -> Report:
    """Take every account of the params through the steps.

    Parameters:
        session: whose run it is.
        deploying: whether the role is deployed first; otherwise nothing is changed.
        progress: is told what a deployment does, and what is waited for.

    Returns:
        The findings, account after account in the params' order.

    Raises:
        AccessError: the operator has no credentials.
        ParamsError: the external ID cannot be found.
    """
    # Both are the run's own, so they fail it before the first account is touched.
    _ = session.external_id, session.operator
    left_out = targeted(session)
    steps = _steps(deploying)
    accounts = session.params.accounts
    with ThreadPoolExecutor(max_workers=min(_WORKERS, len(accounts))) as executor:
        rows = executor.map(partial(_account, session, steps, progress), accounts)
        return left_out + Report.of(finding for account in rows for finding in account)


def _steps(deploying: bool) -> Sequence[AccountStep]:
    checks = (trust.check_account, cost_explorer.check_account, probes.probe_account)
    return (preflight.check_account, *((deploy.deploy_account,) if deploying else ()), *checks)


def _account(
    session: Session, steps: Sequence[AccountStep], progress: Progress, account: str
) -> list[Finding]:
    findings: list[Finding] = []
    for step in steps:
        try:
            findings.extend(step(session, account, progress))
        except Exception as error:
            name = step.__module__.rpartition(".")[2]
            question = Question(
                step=name, probe="step", account=account, caller=session.operator.name, action=""
            )
            findings.append(broken(session, question, error))
    return findings
