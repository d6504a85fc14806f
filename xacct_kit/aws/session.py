"""A session: the params, the operator's credentials, and every principal that can be reached from them.

Every call of the kit goes through `Session.call`, which never raises for what AWS answers: an answer is
classified, and a refusal is as good an answer as a result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from xacct_kit.aws.answers import Answer, Assumption, Caller, of_caller
from xacct_kit.aws.assumed import NotRenewed, assumption_by, name_of, role_of
from xacct_kit.aws.budgets import Budgets
from xacct_kit.aws.clients import Clients, Connection
from xacct_kit.aws.genuine import ForeignAnswer, is_from_aws, unreadable, without_request_id
from xacct_kit.aws.links import Link, opened, presigned
from xacct_kit.aws.partitions import PARTITIONS, Partition
from xacct_kit.aws.payments import Payments
from xacct_kit.aws.redaction import Redactor
from xacct_kit.aws.references import resolve
from xacct_kit.errors import AccessError, XacctError
from xacct_kit.params import SECRETS, split_reference
from xacct_kit.report import Outcome, OutcomeKind

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from xacct_kit.params import Params

_SESSION_NAME = "xacct-kit"


class Session:
    """Everything that a step needs to make its calls.

    Parameters:
        params: what the user asked for.
        connection: where calls go.
        on_close: what to do when the session is closed.

    Attributes:
        params: what the user asked for.
        endpoint: URL that all services are called at; None where botocore finds them.
        partition: the partition of every account.
        role_changed: when the role of an account was made or changed, on the monotonic clock.
        next_external_id: the external ID that a rotation brings, once this session knows of it.
        payments: what the session spends.
        redact: takes the external ID and what else must not be told out of a text.
    """

    def __init__(
        self, params: Params, connection: Connection, on_close: Callable[[], None] = lambda: None
    ) -> None:
        self.params = params
        self.endpoint = connection.endpoint
        self.partition: Partition = PARTITIONS[params.partition]
        self._clients = Clients(connection)
        self._budgets = Budgets()
        self._on_close = on_close
        self._lock = threading.RLock()
        self._assumed: dict[tuple[str, str, str | None], Assumption] = {}
        self._operator: Caller | None = None
        self._secrets: dict[str, str] = {}
        self.payments = Payments(params.max_cost_usd)
        self._of_account: dict[str, threading.Lock] = {}
        self.role_changed: dict[str, float] = {}
        self.next_external_id: str | None = None
        self.redact = Redactor()
        for key in SECRETS:
            value = getattr(params, key)
            if value is not None and split_reference(value) is None:
                self.redact.learn_external_id(value, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the session holds."""
        self._on_close()

    def prepare(self, services: Iterable[tuple[str, str]]) -> None:
        """Build clients, while something else is waited for.

        Parameters:
            services: botocore's name of each service, and the region that it is called in.
        """
        self._clients.prepare(services)

    def call(
        self, caller: Caller, service: str, operation: str, *, region: str | None = None, **params: Any
    ) -> Answer:
        """Make one call.

        Parameters:
            caller: who makes it.
            service: botocore's name of the service.
            operation: the operation as AWS spells it.
            region: where; the params' region when it is not given.
            params: the operation's parameters.

        Returns:
            What came back, whatever it is.

        Raises:
            AccessError: the machine's configuration gives no way to call the service.
        """
        region = region or self.params.region
        self._budgets.wait(caller.account, region, service, operation)
        answer = self._timed(caller.credentials, service, region, operation, params)
        return replace(answer, outcome=of_caller(answer.outcome, caller))

    def pages(self, caller: Caller, service: str, operation: str, **params: Any) -> Iterator[Answer]:
        """Make a call that lists things, page after page; after an answer that is not ok there is none.

        A page that names itself as the next one has no end; what follows it is an answer that is not ok.

        Parameters:
            caller: who makes it.
            service: botocore's name of the service.
            operation: the operation as AWS spells it.
            params: the operation's parameters.
        """
        asked, answered = self._clients.page_tokens(service, operation)
        while True:
            answer = self.call(caller, service, operation, **params)
            yield answer
            token = answer.result.get(answered)
            if not token:
                return
            if token == params.get(asked):
                call = f"{service}:{operation}"
                yield Answer(unreadable(call, self.params.region, "its next page is itself", {}))
                return
            params[asked] = token

    def _timed(
        self, credentials: Credentials, service: str, region: str, operation: str, params: Mapping[str, Any]
    ) -> Answer:
        from botocore.exceptions import ClientError

        from xacct_kit.aws.errors import classify

        # What signs a call is a secret of its answer alone; a run has too many keys to look for all of them.
        redactor = self.redact.knowing()
        call, started = f"{service}:{operation}", time.monotonic()
        response: Mapping[str, Any] | None = None
        returned: Mapping[str, Any] | None = None
        outcome = Outcome(kind=OutcomeKind.ALLOWED)
        try:
            response = returned = self._clients.call(
                credentials, service, region, operation, params, redactor
            )
        except ForeignAnswer as error:
            outcome = error.outcome(call, region)
        except NotRenewed as error:
            outcome = replace(
                error.outcome, kind=OutcomeKind.CREDENTIALS, reason=f"{call} was not made: {error}"
            )
        except XacctError:
            raise
        except Exception as error:
            # botocore's parsers meet an answer that is none of AWS's with whatever Python raises.
            response = error.response if isinstance(error, ClientError) else None
            outcome = classify(error, service, redactor)
        if response is not None and not is_from_aws(response):
            returned, outcome = None, without_request_id(outcome, call, region)
        return Answer(outcome, time.monotonic() - started, returned)

    @property
    def operator(self) -> Caller:
        """Who runs the kit.

        Raises:
            AccessError: there are no credentials, or AWS does not accept them.
        """
        with self._lock:
            if self._operator is None:
                self._operator = self._identify()
            return self._operator

    def _identify(self) -> Caller:
        credentials = self._clients.operator_credentials()
        if credentials is None:
            raise AccessError(
                "There are no AWS credentials. Set access_profile in the params, or sign in "
                "(aws sso login, AWS_PROFILE, environment variables)."
            )
        answer = self._timed(credentials, "sts", self.params.region, "GetCallerIdentity", {})
        if not answer.ok:
            refused = answer.outcome.kind is OutcomeKind.CREDENTIALS
            what = (
                "AWS does not accept the operator's credentials."
                if refused
                else "AWS does not say who runs this."
            )
            raise AccessError(f"{what} {answer.outcome.reason}")
        arn = answer.result.get("Arn", "")
        if arn.count(":") < 5:
            nobody = unreadable("sts:GetCallerIdentity", self.params.region, "it names nobody", {})
            raise AccessError(f"AWS does not say who runs this. {nobody.reason}")
        return Caller(name_of(arn), arn, credentials)

    @property
    def external_id(self) -> str:
        """The external ID; a reference is resolved when it is first asked for.

        Raises:
            ParamsError: there is nothing at the reference.
            AccessError: the operator may not read it.
        """
        return self._secret("external_id")

    @property
    def management_external_id(self) -> str | None:
        """The external ID of the management role, or None where it wants none; else as `external_id`."""
        return self._secret("management_external_id") if self.params.management_external_id else None

    def reread_external_id(self) -> None:
        """Look at the reference again when the external ID is next asked for: another may be there."""
        with self._lock:
            self._secrets.pop("external_id", None)

    def ask(self, service: str, operation: str, **params: Any) -> Answer:
        """Make a call as the operator, in the params' region.

        Parameters:
            service: botocore's name of the service.
            operation: the operation as AWS spells it.
            params: the operation's parameters.

        Raises:
            AccessError: there are no credentials, or AWS does not accept them.
        """
        return self.call(self.operator, service, operation, **params)

    def _secret(self, key: str) -> str:
        with self._lock:
            if key not in self._secrets:
                value = getattr(self.params, key)
                self._secrets[key] = resolve(value, partial(self._read, value), key)
                self.redact.learn_external_id(self._secrets[key], key)
            return self._secrets[key]

    def _read(self, reference: str, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
        answer = self.ask(service, operation, **params)
        if not answer.ok:
            raise AccessError(f"{reference} cannot be read. {answer.outcome.reason}")
        return answer.result

    def link(self, caller: Caller, region: str, bucket: str, key: str, seconds: int) -> Link:
        """A link by which whoever has it reads an object; parameters and errors as in `links.presigned`."""
        return presigned(self._clients, caller.credentials, region, bucket, key, seconds)

    def open_link(self, url: str, region: str) -> Answer:
        """Read an object by its URL alone, as somebody does who has nothing else.

        Parameters:
            url: the URL.
            region: the region in which it is signed.

        Returns:
            What came back; the object is the result's `Body`.
        """
        started = time.monotonic()
        outcome, body = opened(self._clients, url, region, self.redact)
        returned = None if body is None else {"Body": body}
        return Answer(outcome, time.monotonic() - started, returned)

    def role_arn(self, account: str, name: str) -> str:
        """The ARN of a role in this session's partition."""
        return self.partition.role_arn(account, name)

    def assume(self, source: Caller, role_arn: str, *, external_id: str | None = None) -> Assumption:
        """Assume a role, by a call.

        Parameters:
            source: who assumes it.
            role_arn: the role.
            external_id: the external ID to send; None sends none.

        Returns:
            The caller that it gave, whose credentials renew themselves; or why it gave none.
        """
        params = {"RoleArn": role_arn, "RoleSessionName": _SESSION_NAME}
        if external_id is not None:
            params["ExternalId"] = external_id
        ask = partial(self.call, source, "sts", "AssumeRole", **params)
        assumption = assumption_by(ask, role_arn, self.params.region)
        with self._lock:
            self._assumed[source.arn, role_arn, external_id] = assumption
        return assumption

    def assumed(self, source: Caller, role_arn: str, *, external_id: str | None = None) -> Assumption:
        """What an earlier `assume` gave that succeeded, or else what a new one gives; parameters as there."""
        with self._lock:
            earlier = self._assumed.get((source.arn, role_arn, external_id))
        if earlier is not None and earlier.caller is not None:
            return earlier
        return self.assume(source, role_arn, external_id=external_id)

    def act_as(self, account: str, name: str, *, anew: bool = False) -> Assumption:
        """Act as a role that the operator may assume without external ID, or is already.

        Parameters:
            account: the role's account.
            name: the role.
            anew: whether to find out by a call although it is known that the operator could.
        """
        if self.operator.account == account and role_of(self.operator.arn) == name:
            return Assumption(self.operator, _NOTHING_ASKED)
        act = self.assume if anew else self.assumed
        return act(self.operator, self.role_arn(account, name))

    def deployer(self, account: str, *, anew: bool = False) -> Assumption:
        """Who deploys in a member account: its access role, or the operator when it is there already.

        Where the operator may not assume the access role, the management role of the params is tried.

        Parameters:
            account: the member account.
            anew: whether to find out by a call although it is known that somebody could.

        Returns:
            The deployer; without a caller where nobody can be it.
        """
        role = self.params.access_role
        if role is None:
            return Assumption(self.operator if self.operator.account == account else None, _NOTHING_ASKED)
        direct = self.act_as(account, role, anew=anew)
        manager = self._manager() if direct.answer.outcome.kind.denied else None
        if manager is None:
            return direct
        act = self.assume if anew else self.assumed
        through = act(manager, self.role_arn(account, role))
        return through if through.caller else direct

    def _manager(self) -> Caller | None:
        """The management role of the params, as main has it; an access role trusts its account alone."""
        management, role = self.params.management_account, self.params.management_role
        if management is None or role is None:
            return None
        main = self.act_as(self.params.main_account, self.params.api_handler_role).caller
        arn = self.role_arn(management, role)
        return self.assumed(main or self.operator, arn, external_id=self.management_external_id).caller

    def take_share(self, share: float) -> None:
        """Call no more often than a share of what AWS allows; others, in other processes, take the rest.

        Parameters:
            share: from 0 to 1.
        """
        self._budgets = Budgets(share=share)

    def forget(self, account: str) -> None:
        """Keep nothing of an account that is done: a run over many would keep it to its end."""
        with self._lock:
            self._assumed = {key: kept for key, kept in self._assumed.items() if account not in key[1]}
            self._of_account.pop(account, None)
            self.role_changed.pop(account, None)
        self.payments.forget(account)
        self._budgets.forget(account)

    def lock_of(self, account: str) -> threading.Lock:
        """The lock of an account, for what is found out by a call and need be found out once."""
        with self._lock:
            return self._of_account.setdefault(account, threading.Lock())


_NOTHING_ASKED = Answer(Outcome(kind=OutcomeKind.ALLOWED))
