"""Why a live trust policy refuses a principal, told apart where AWS gives one text for all."""

from __future__ import annotations

from typing import Any

import pytest
from role_values import EXTERNAL_ID, MAIN, MEMBER, values

from xacct_kit.errors import PolicyError
from xacct_kit.role.profile import load_profile
from xacct_kit.role.trust import TrustFault, trust_fault

ROLE = f"arn:aws:iam::{MEMBER}:role/CrossAccountExecutionRole"
API_HANDLER = f"arn:aws:sts::{MAIN}:assumed-role/ApiHandlerRole/xacct"
NOTEBOOK = f"arn:aws:sts::{MAIN}:assumed-role/NotebookRole/xacct"
MEMBER_ADMIN = f"arn:aws:sts::{MEMBER}:assumed-role/Administrator/xacct"

DOCUMENTED = load_profile("documented").role(values()).trust


def with_statement(**elements: Any) -> dict[str, Any]:
    statement = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", **elements}
    return {**DOCUMENTED, "Statement": [*DOCUMENTED["Statement"], statement]}


def with_principals(*principals: str) -> dict[str, Any]:
    (statement,) = DOCUMENTED["Statement"]
    return {**DOCUMENTED, "Statement": {**statement, "Principal": {"AWS": list(principals)}}}


FROM_OFFICE = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}


@pytest.mark.parametrize(
    ("trust", "principal", "external_id", "fault"),
    [
        pytest.param(DOCUMENTED, API_HANDLER, EXTERNAL_ID, TrustFault.NONE, id="named role"),
        pytest.param(DOCUMENTED, MEMBER_ADMIN, EXTERNAL_ID, TrustFault.NONE, id="the account itself"),
        pytest.param(DOCUMENTED, API_HANDLER, "another", TrustFault.EXTERNAL_ID, id="wrong external ID"),
        pytest.param(DOCUMENTED, API_HANDLER, None, TrustFault.NO_EXTERNAL_ID, id="no external ID"),
        pytest.param(DOCUMENTED, NOTEBOOK, EXTERNAL_ID, TrustFault.PRINCIPAL, id="role that is not named"),
        pytest.param(DOCUMENTED, NOTEBOOK, "another", TrustFault.PRINCIPAL, id="neither is right"),
        pytest.param(
            with_principals("AROAEXAMPLEEXAMPLEEXA"),
            API_HANDLER,
            EXTERNAL_ID,
            TrustFault.FORMER_PRINCIPAL,
            id="role that was deleted and made again",
        ),
        pytest.param(
            with_statement(Effect="Deny"), API_HANDLER, EXTERNAL_ID, TrustFault.DENY, id="explicit deny"
        ),
        pytest.param(
            with_statement(Effect="Deny", Condition={"StringNotEquals": {"sts:ExternalId": EXTERNAL_ID}}),
            API_HANDLER,
            "another",
            TrustFault.EXTERNAL_ID,
            id="a deny of every other external ID",
        ),
        pytest.param(
            with_statement(Effect="Deny", Condition={"Null": {"sts:externalid": "true"}}),
            API_HANDLER,
            None,
            TrustFault.NO_EXTERNAL_ID,
            id="a deny where there is no external ID",
        ),
        pytest.param(
            with_statement(Effect="Deny", Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}),
            NOTEBOOK,
            EXTERNAL_ID,
            TrustFault.DENY,
            id="a deny by the external ID of who is not named",
        ),
        pytest.param(
            with_statement(Effect="Deny", Condition=FROM_OFFICE),
            API_HANDLER,
            "another",
            TrustFault.EXTERNAL_ID,
            id="a deny that does not apply hides no cause",
        ),
        pytest.param(
            with_statement(Effect="Allow", Condition=FROM_OFFICE),
            NOTEBOOK,
            EXTERNAL_ID,
            TrustFault.CONDITION,
            id="another condition",
        ),
        pytest.param(
            {
                **DOCUMENTED,
                "Statement": with_statement(Effect="Deny", Principal={"AWS": NOTEBOOK})["Statement"][1],
            },
            API_HANDLER,
            EXTERNAL_ID,
            TrustFault.PRINCIPAL,
            id="nobody is allowed, and somebody else is denied",
        ),
    ],
)
def test_the_cause_of_a_refusal(
    trust: dict[str, Any], principal: str, external_id: str | None, fault: TrustFault
) -> None:
    found = trust_fault(trust, principal=principal, role_arn=ROLE, external_id=external_id)
    assert found is fault


def test_a_trust_that_cannot_be_read_is_no_refusal() -> None:
    with pytest.raises(PolicyError):
        trust_fault(
            {"Statement": [{"Effect": "Perhaps"}]}, principal=API_HANDLER, role_arn=ROLE, external_id=None
        )
