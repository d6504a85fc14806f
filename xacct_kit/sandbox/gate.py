"""The gate in front of the state engine: every request is authenticated, recognised and authorised.

It fails closed: what is unsigned, not known or not offered is refused, and nothing reaches the state engine
that was not allowed. Calls that the sandbox makes on a principal's behalf pass the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from werkzeug.test import run_wsgi_app

from xacct_kit.sandbox import additions, inner, organization, state, sts
from xacct_kit.sandbox.authority import Authority
from xacct_kit.sandbox.caller import Caller
from xacct_kit.sandbox.cloudformation import CloudFormation
from xacct_kit.sandbox.cost_explorer import get_cost_and_usage
from xacct_kit.sandbox.disturbances import Disturbances
from xacct_kit.sandbox.documents import check_boundary, check_documents, check_offered
from xacct_kit.sandbox.faults import ServiceFault, not_offered
from xacct_kit.sandbox.iam_limits import check_limits, with_own_name
from xacct_kit.sandbox.layout import MAIN_ACCOUNT, Layout
from xacct_kit.sandbox.members import Members
from xacct_kit.sandbox.new_accounts import OPERATIONS as CREATION_OPERATIONS
from xacct_kit.sandbox.new_accounts import NewAccounts
from xacct_kit.sandbox.policy_entities import check_deletable, list_entities_for_policy
from xacct_kit.sandbox.principals import Keyring, Principal, authenticate, read_signature
from xacct_kit.sandbox.protocol import (
    Operation,
    Response,
    answer,
    buffered,
    protocol_of,
    recognise,
    refusal,
    resembling,
)
from xacct_kit.sandbox.services import SERVICES
from xacct_kit.sandbox.simulation import simulate_custom_policy, simulate_principal_policy
from xacct_kit.sandbox.stack_sets import OPERATIONS, StackSets

WSGIApplication = Callable[..., Any]


class Gate:
    """A WSGI application that lets through to moto what AWS would let through.

    Parameters:
        engine: gives moto's application for a service, by botocore's name of it; it keeps the state.
        authority: decides on every call.
        disturbances: what refuses or delays calls otherwise.

    Attributes:
        authority: decides on every call.
        disturbances: what refuses or delays calls otherwise.
        keyring: the access keys that are known.
        cloudformation: every stack.
        stack_sets: every stack set.
        new_accounts: the accounts that are being created.
        members: the accounts that are still to be furnished.
    """

    def __init__(
        self, engine: Callable[[str], WSGIApplication], authority: Authority, disturbances: Disturbances
    ) -> None:
        self._engine = engine
        self.authority = authority
        self.disturbances = disturbances
        self.keyring = Keyring()
        self.cloudformation = CloudFormation()
        self.stack_sets = StackSets()
        self.new_accounts = NewAccounts(Layout())
        self.members = Members((), lambda _: None)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, as a WSGI application does."""
        service = resembling(environ)
        try:
            body = buffered(environ)
            signature = read_signature(environ)
            service = signature.service if protocol_of(signature.service) else service
            principal = authenticate(self.keyring, signature, environ, body)
            self.disturbances.delay(signature.service)
            self.disturbances.check_rate(signature.service)
            operation = _recognise(signature.service, environ)
            if operation.service != "s3":
                self.members.enter(str(operation.params))
            response = self.carry_out(principal, operation, signature.region, environ)
        except ServiceFault as fault:
            response = refusal(service, fault)
        return response(environ, start_response)

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
            operation = replace(operation, params=sts.chained(principal, operation.params))
        operation = with_own_name(principal, operation)
        self.disturbances.check_region(region, operation.service, principal.account, _entered(operation))
        self.authority.authorise(principal, operation, region)
        self.disturbances.check_ready(principal.account, operation.service)
        check_offered(operation, principal.partition)
        check_documents(operation)
        check_boundary(operation, principal.partition, principal.account)
        check_limits(operation, principal.partition, principal.account)
        check_deletable(operation, principal.partition, principal.account)
        organization.check_permitted(operation, principal.account)
        additions.check_bucket_free(operation, principal.account)
        if operation.service == "ec2" and operation.params.get("DryRun"):
            text = "Request would have succeeded, but DryRun flag is set."
            raise ServiceFault(412, "DryRunOperation", text)
        handler = self._handler(operation)
        if handler is None:
            return self._from_engine(principal, operation, region, inner.restated(operation, region, environ))
        return answer(operation, handler(self.acting_as(principal, region), operation.params))

    def acting_as(self, principal: Principal, region: str) -> Caller:
        """A principal that the sandbox itself makes calls for."""
        return Caller(self, principal, region)

    def _handler(self, operation: Operation) -> Handler | None:
        """What answers an operation in place of moto."""
        if operation.service == "organizations" and operation.name in CREATION_OPERATIONS:
            return lambda caller, params: self.new_accounts.handle(operation.name, params, caller)
        if operation.service == "cloudformation" and operation.name in OPERATIONS:
            return lambda caller, params: self.stack_sets.handle(operation.name, params, caller)
        if operation.service == "cloudformation":
            return lambda caller, params: self.cloudformation.handle(operation.name, dict(params), caller)
        return _HANDLERS.get((operation.service, operation.name))

    def _from_engine(
        self, principal: Principal, operation: Operation, region: str, environ: dict[str, Any]
    ) -> Response:
        if operation.service == "sts":
            raise not_offered(f"sts:{operation.name}")
        if operation.service == "iam" and operation.params.get("PolicyArn"):
            state.ensure_aws_managed_policy(
                principal.partition, principal.account, operation.params["PolicyArn"]
            )
        if operation.service == "ec2":
            additions.ensure_images(principal.account, region, operation.name)
        departing = _departing(principal, operation)
        if departing is not None and principal.account == MAIN_ACCOUNT:
            # Who is trusted in an account must be there when the account is furnished.
            self.members.enter_all()
        # A client's own account header is never trusted; this one also spares moto a search of all accounts.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = principal.account
        response = self._ask_engine(operation, environ)
        if response.status == 404 and additions.is_of_a_bucket(operation):
            # That an object is missing is told to whoever may list the others.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            self.authority.authorise(
                principal,
                replace(operation, name="ListBucket", params={"Bucket": operation.params["Bucket"]}),
                region,
            )
        if departing is not None and response.status < 300:
            state.forget_principal(departing.arn, departing.id)
        finish = _AFTERWARDS.get((operation.service, operation.name))
        if finish is not None and response.status < 300:
            corrected = finish(self.acting_as(principal, region), operation.params)
            if corrected:
                before, now = (text.encode() for text in corrected)
                response = replace(response, body=response.body.replace(before, now))
        return response

    def _ask_engine(self, operation: Operation, environ: dict[str, Any]) -> Response:
        environ["wsgi.input"].seek(0)
        engine = self._engine(SERVICES[operation.service])
        name = f"{operation.service}:{operation.name}"
        try:
            chunks, status, headers = run_wsgi_app(engine, environ, buffered=True)
        except NotImplementedError as error:
            raise not_offered(name) from error
        except Exception as error:
            # moto answers many a name that it does not know with whatever Python raised.
            raise not_offered(f"{name} like this: {error!r}") from error
        code = int(status.split()[0])
        if code == 500:
            raise not_offered(name)
        # S3's name for it; a HEAD has nothing else to tell it by.
        headers.setdefault("x-amz-request-id", headers.get("x-amzn-requestid", ""))
        return Response(code, dict(headers), b"".join(chunks))


def _recognise(service: str, environ: dict[str, Any]) -> Operation:
    if service not in SERVICES:
        raise not_offered(f"the service {service}")
    return recognise(service, environ)


def _departing(principal: Principal, operation: Operation) -> state.Entity | None:
    """The role or the user that an operation deletes."""
    kind = {"DeleteRole": "Role", "DeleteUser": "User"}.get(operation.name)
    if operation.service != "iam" or kind is None:
        return None
    name = operation.params[f"{kind}Name"]
    return state.find_named(principal.partition, principal.account, kind.lower(), name)


def _entered(operation: Operation) -> str:
    """The account that an operation leads into, if it is another."""
    if (operation.service, operation.name) != ("sts", "AssumeRole"):
        return ""
    parts = operation.params["RoleArn"].split(":")
    return str(parts[4]) if len(parts) > 4 else ""


def _bound_user(caller: Caller, params: Mapping[str, Any]) -> Mapping[str, Any]:
    name, arn = params["UserName"], params.get("PermissionsBoundary")
    if not state.set_user_boundary(caller.partition, caller.account, name, arn):
        raise ServiceFault(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
    return {}


def _identified_user(caller: Caller, params: Mapping[str, Any]) -> tuple[str, str]:
    name = params["UserName"]
    state.set_user_boundary(caller.partition, caller.account, name, params.get("PermissionsBoundary"))
    return state.identify_user(caller.partition, caller.account, name)


# What is left to do of an operation when moto has done its part; what it gives is what stands in the answer,
# and what should.
_AFTERWARDS: Mapping[tuple[str, str], Callable[[Caller, Mapping[str, Any]], tuple[str, str] | None]] = {
    ("iam", "CreateUser"): _identified_user,
    ("organizations", "CloseAccount"): lambda caller, params: organization.mark_closed(
        caller.account, params["AccountId"]
    ),
    ("organizations", "MoveAccount"): lambda caller, params: caller.gate.stack_sets.moved(
        caller, params["AccountId"]
    ),
    ("s3", "CreateBucket"): lambda caller, params: additions.tag_bucket(
        caller.account, caller.partition, params
    ),
    ("sagemaker", "CreateNotebookInstanceLifecycleConfig"): lambda caller, params: (
        additions.tag_lifecycle_config(caller.account, caller.region, params)
    ),
}

Handler = Callable[[Caller, Mapping[str, Any]], Mapping[str, Any]]

_HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("sts", "GetCallerIdentity"): lambda caller, _: sts.get_caller_identity(caller.principal),
    ("sts", "AssumeRole"): lambda caller, params: sts.assume_role(
        caller.gate.keyring, caller.principal, params
    ),
    ("iam", "DeleteUserPermissionsBoundary"): _bound_user,
    ("iam", "PutUserPermissionsBoundary"): _bound_user,
    ("iam", "ListEntitiesForPolicy"): lambda caller, params: list_entities_for_policy(
        caller.account, caller.partition, params
    ),
    ("iam", "SimulateCustomPolicy"): lambda caller, params: simulate_custom_policy(
        caller.account, caller.partition, params
    ),
    ("iam", "SimulatePrincipalPolicy"): lambda caller, params: simulate_principal_policy(
        caller.account, caller.partition, params
    ),
    ("ec2", "DescribeRegions"): lambda caller, params: additions.describe_regions(
        caller.account,
        caller.region,
        partial(caller.gate.disturbances.is_disabled, caller.account),
        params,
    ),
    ("ce", "GetCostAndUsage"): lambda caller, params: get_cost_and_usage(caller.account, params),
    ("elasticmapreduce", "ListSecurityConfigurations"): lambda caller, _: (
        additions.list_security_configurations(caller.account, caller.region)
    ),
    ("sagemaker", "ListNotebookInstanceLifecycleConfigs"): lambda caller, params: (
        additions.list_lifecycle_configs(caller.account, caller.region, params)
    ),
    ("sagemaker", "ListTags"): lambda caller, params: additions.list_sagemaker_tags(
        caller.account, caller.region, params
    ),
}
