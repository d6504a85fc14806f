"""A principal that the sandbox acts for: its further calls go through the gate as its first one did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xacct_kit.sandbox import inner, state
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Principal, role_session
from xacct_kit.sandbox.protocol import Operation, model_of, refusal

if TYPE_CHECKING:
    from xacct_kit.sandbox.gate import Gate


@dataclass(frozen=True)
class Caller:
    """A principal that the sandbox acts for, in one region.

    Attributes:
        gate: what its calls go through.
        principal: the principal.
        region: where it calls.
    """

    gate: Gate
    principal: Principal
    region: str

    @property
    def account(self) -> str:
        """The principal's account."""
        return self.principal.account

    @property
    def partition(self) -> str:
        """The principal's partition."""
        return self.principal.partition

    @property
    def arn(self) -> str:
        """The principal's ARN."""
        return self.principal.arn

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make another call as the same principal, authorised as any other.

        Parameters:
            service: botocore's name of the service.
            operation: such as `CreateRole`.
            params: its parameters, as boto3 takes them.

        Returns:
            The answer, as boto3 gives it.

        Raises:
            botocore.exceptions.ClientError: it is refused.
        """
        model = model_of(service).operation_model(operation)
        asked = Operation(str(model.service_model.signing_name), operation, params)
        try:
            response = self.gate.carry_out(self.principal, asked, self.region)
        except ServiceFault as fault:
            response = refusal(asked.service, fault)
        return inner.parse(model, response)

    def check(self, service: str, action: str, resource: str) -> None:
        """Refuse what the same principal must be allowed besides what it has asked for.

        Parameters:
            service: IAM's prefix of the service.
            action: the action, without the prefix.
            resource: the ARN of what it is done to.

        Raises:
            ServiceFault: it is not allowed.
        """
        needed = Operation(service, action, {"ResourceArn": resource})
        self.gate.authority.authorise(self.principal, needed, self.region)

    def assume(self, role_arn: str) -> Caller:
        """Whoever this principal becomes by assuming a role.

        Raises:
            botocore.exceptions.ClientError: it may not.
        """
        params = {"RoleArn": role_arn, "RoleSessionName": "StackSets"}
        issued = self.call("sts", "AssumeRole", params)["Credentials"]
        key = self.gate.keyring.find(issued["AccessKeyId"])
        assert key is not None
        return replace(self, principal=key.principal)

    def session_of(self, role: state.Entity, region: str) -> Caller:
        """An AWS service that acts as a role which trusts it."""
        return Caller(self.gate, role_session(role, "StackSets"), region)
