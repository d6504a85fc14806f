"""A trust finding says whom the trust policy is to name, and which role it is; a diagram is drawn of it."""

from __future__ import annotations

import pytest

import xacct_kit as xk
from xacct_kit.params import Params

MAIN, MEMBER = "222222222222", "333333333333"
ROLE = f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole"


def trust(scenario: str) -> xk.Report:
    with xk.connect(Params.load("params/sandbox.yaml", sandbox_scenario=scenario, wait_seconds=1)) as session:
        return xk.check_trust(session)


@pytest.mark.parametrize("scenario", ["healthy", "untrusted-main", "role-missing"])
def test_a_finding_names_the_principal_and_the_role(scenario: str) -> None:
    parties = {(row.caller, row.evidence["principal"], row.evidence["role"]) for row in trust(scenario)}
    assert parties == {
        ("ApiHandlerRole", f"arn:aws:iam::{MAIN}:role/ApiHandlerRole", ROLE),
        ("WorkflowLoopRunnerRole", f"arn:aws:iam::{MAIN}:role/WorkflowLoopRunnerRole", ROLE),
        ("NotebookRole", f"arn:aws:iam::{MAIN}:role/NotebookRole", ROLE),
        ("OrganizationAccountAccessRole", f"arn:aws:iam::{MEMBER}:root", ROLE),
    }


def test_what_broke_between_main_and_the_role_can_be_seen() -> None:
    organization = "OrganizationAccountAccessRole (root of the member account)"
    assert xk.pictures.trust(trust("untrusted-main")).lines == (
        f"Account {MEMBER}",
        f"  ✗ FAIL    ApiHandlerRole (main account {MAIN}), with the external ID: refused",
        f"  ✗ FAIL    WorkflowLoopRunnerRole (main account {MAIN}), with the external ID: refused",
        f"  ✓ PASS    {organization}, with the external ID: allowed",
        f"  ✓ PASS    {organization}, without an external ID: refused",
        f"  ✓ PASS    {organization}, with a wrong external ID: refused",
        f"  ✓ PASS    NotebookRole (main account {MAIN}), with the external ID: refused",
        *(
            f"  ✗ FAIL    {name} is refused CrossAccountExecutionRole in {MEMBER}: "
            f"the trust policy does not name arn:aws:iam::{MAIN}:role/{name}."
            for name in ("ApiHandlerRole", "WorkflowLoopRunnerRole")
        ),
    )
