"""The gate in front of the state engine: every request is authenticated, recognised and authorised.

It fails closed: what is unsigned, not known or not offered is refused, and nothing reaches the state engine
that was not allowed. Calls that the sandbox makes on a principal's behalf pass the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.utils import get_service_model
from werkzeug.test import run_wsgi_app

from xacct_kit.sandbox import inner, state, sts
from xacct_kit.sandbox.authority import authorise
from xacct_kit.sandbox.cloudformation import CloudFormation
from xacct_kit.sandbox.cost_explorer import CostExplorer
from xacct_kit.sandbox.documents import check_documents
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.principals import Keyring, Principal, authenticate, read_signature
from xacct_kit.sandbox.protocol import (
    SERVICES,
    Operation,
    Response,
    answer,
    buffered,
    protocol_of,
    recognise,
    refusal,
    resembling,
)

WSGIApplication = Callable[..., Any]


class Gate:
    """A WSGI application that lets through to moto what AWS would let through.

    Parameters:
        engine: moto's application, which keeps the state.
    """

    def __init__(self, engine: WSGIApplication) -> None:
        self._engine = engine
        self.keyring = Keyring()
        self.cloudformation = CloudFormation()
        self.cost_explorer = CostExplorer()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, as a WSGI application does."""
        service = resembling(environ)
        try:
            body = buffered(environ)
            signature = read_signature(environ)
            service = signature.service if protocol_of(signature.service) else service
            principal = authenticate(self.keyring, signature, environ, body)
            operation = self._recognise(signature.service, environ)
            response = self.carry_out(principal, operation, signature.region, environ)
        except ServiceFault as fault:
            response = refusal(service, fault)
        return response(environ, start_response)

    def _recognise(self, service: str, environ: dict[str, Any]) -> Operation:
        if service not in SERVICES:
            text = f"The sandbox does not offer the service {service}."
            raise ServiceFault(501, "NotImplemented", text)
        return recognise(service, environ)

    def carry_out(
        self,
        principal: Principal,
        operation: Operation,
        region: str,
        environ: dict[str, Any] | None = None,
    ) -> Response:
        """Authorise a call and answer it.

        Parameters:
            principal: who makes it.
            operation: what is asked.
            region: where.
            environ: the request that it came by; None when the sandbox makes the call itself.

        Raises:
            ServiceFault: the call is refused or fails.
        """
        if operation.service == "sts" and operation.name == "AssumeRole":
            sts.check_assume_role(operation.params)
        authorise(principal, operation, region)
        check_documents(operation)
        if operation.service == "ec2" and operation.params.get("DryRun"):
            text = "Request would have succeeded, but DryRun flag is set."
            raise ServiceFault(412, "DryRunOperation", text)
        handler = self._handler(operation)
        if handler is None:
            return self._from_engine(principal, operation, inner.restated(operation, region, environ))
        return answer(operation, handler(self.acting_as(principal, region), operation.params))

    def acting_as(self, principal: Principal, region: str) -> Caller:
        """A principal that the sandbox itself makes calls for."""
        return Caller(self, principal, region)

    def _handler(self, operation: Operation) -> Callable[[Caller, Mapping[str, Any]], Any] | None:
        """What answers an operation in place of moto."""
        if operation.service == "cloudformation":
            return lambda caller, params: self.cloudformation.handle(operation.name, dict(params), caller)
        return {
            ("sts", "GetCallerIdentity"): lambda caller, _: sts.get_caller_identity(caller.principal),
            ("sts", "AssumeRole"): lambda caller, params: sts.assume_role(
                self.keyring, caller.principal, params
            ),
            ("ce", "GetCostAndUsage"): lambda caller, params: self.cost_explorer.get_cost_and_usage(
                caller.account, params
            ),
        }.get((operation.service, operation.name))

    def _from_engine(self, principal: Principal, operation: Operation, environ: dict[str, Any]) -> Response:
        if operation.service == "sts":
            raise _not_offered(operation)
        if operation.service == "ce":
            self.cost_explorer.check(principal.account)
        if operation.service == "iam" and operation.params.get("PolicyArn"):
            state.ensure_aws_managed_policy(
                principal.account, principal.partition, operation.params["PolicyArn"]
            )
        # A client's own account header is never trusted; this one also spares moto a search of all accounts.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = principal.account
        environ["wsgi.input"].seek(0)
        try:
            chunks, status, headers = run_wsgi_app(self._engine, environ, buffered=True)
        except NotImplementedError as error:
            raise _not_offered(operation) from error
        except Exception as error:
            # moto answers many a name that it does not know with whatever Python raised.
            raise _not_offered(operation, f" like this: {error!r}") from error
        code = int(status.split()[0])
        if code == 500:
            raise _not_offered(operation)
        # S3's name for it; a HEAD has nothing else to tell it by.
        headers.setdefault("x-amz-request-id", headers.get("x-amzn-requestid", ""))
        return Response(code, dict(headers), b"".join(chunks))


def _not_offered(operation: Operation, what: str = "") -> ServiceFault:
    """Neither a denial nor a status that clients try again."""
    text = f"The sandbox does not offer {operation.service}:{operation.name}{what}."
    return ServiceFault(501, "NotImplemented", text)


@dataclass(frozen=True)
class Caller:
    """A principal that the sandbox acts for, in one region."""

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
        """Make another call as the same principal, authorised as any other."""
        model = get_service_model(service).operation_model(operation)
        asked = Operation(str(model.service_model.signing_name), operation, params)
        try:
            response = self.gate.carry_out(self.principal, asked, self.region)
        except ServiceFault as fault:
            response = refusal(asked.service, fault)
        return inner.parse(model, response)
