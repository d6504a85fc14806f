"""What a sandbox holds, and the names that are the same in every sandbox.

Account IDs and the operator's key are fixed, so that what is shown and stored is the same every time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MANAGEMENT_ACCOUNT = "111111111111"
MAIN_ACCOUNT = "222222222222"
MEMBER_ACCOUNT = "333333333333"
FURTHER_MEMBERS = 400_000_000_000
# Accounts that are created while the sandbox runs.
NEW_ACCOUNTS = 600_000_000_000
EXTERNAL_ID = "sandbox-external-id"
MANAGEMENT_ROLE = "ManagementRole"
MANAGEMENT_EXTERNAL_ID = "sandbox-management-external-id"

# The operator's key opens nothing but a sandbox on loopback.
OPERATOR_ACCESS_KEY = "AKIASANDBOXOPERATOR1"
OPERATOR_SECRET = "sandbox-operator-opens-only-the-sandbox0"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a sandbox holds besides the organization's fixed accounts.

    Attributes:
        scenario: name of the state that the member accounts are in.
        accounts: number of member accounts.
        partition: partition that all accounts are in.
        region: home region of the stacks.
        external_id: external ID that Service Workbench uses.
        api_handler_role, workflow_loop_runner_role, untrusted_role: names of the roles in main.
        access_role: name of the administrator's role in every member account.
        management_role: name of the management account's role by which main creates accounts.
        management_external_id: external ID that it wants.
        role_name: name of the cross-account execution role.
        stack_name: name of its stack.
        profile: what the role is.
        throttle: the share of requests that is refused as too many, by service, besides the scenario's.
        latency: the seconds by which answers are late, by service.
        propagation: seconds until a role that is new can be assumed; None for the scenario's.
        account_seconds: seconds that an account's creation takes; as long again, until it has its role.
        account_limit: the most accounts that the organization may have.
        account_failures: what becomes of a creation, by e-mail address or `*` for all others: a
            `CreateAccountFailureReason`, or the code of an exception with which it is refused at once.
    """

    scenario: str = "healthy"
    accounts: int = 1
    partition: str = "aws"
    region: str = "us-east-1"
    external_id: str = field(default=EXTERNAL_ID, repr=False)
    api_handler_role: str = "ApiHandlerRole"
    workflow_loop_runner_role: str = "WorkflowLoopRunnerRole"
    untrusted_role: str = "NotebookRole"
    access_role: str = "OrganizationAccountAccessRole"
    management_role: str = MANAGEMENT_ROLE
    management_external_id: str = field(default=MANAGEMENT_EXTERNAL_ID, repr=False)
    role_name: str = "CrossAccountExecutionRole"
    stack_name: str = "onboard-account"
    profile: str = "documented"
    throttle: Mapping[str, float] = field(default_factory=dict)
    latency: Mapping[str, float] = field(default_factory=dict)
    propagation: float | None = None
    account_seconds: float = 0.2
    account_limit: int = 100_000
    account_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        """IDs of the member accounts."""
        return (MEMBER_ACCOUNT, *(str(FURTHER_MEMBERS + n) for n in range(self.accounts - 1)))
