"""One client a service and region, shared by every caller.

Building a botocore client costs far more than a call. So a client is built once, and whose credentials sign
is decided at each call: the client's credentials read a context variable.
"""

from __future__ import annotations

import contextvars
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from xacct_kit.aws.connections import keep_deadlines
from xacct_kit.aws.deadlines import apart, longest, within
from xacct_kit.aws.genuine import refuse_foreign
from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.aws.redaction import InProcess, Redactor, redact
from xacct_kit.aws.sdk_errors import text_of
from xacct_kit.errors import AccessError

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials

_signing: contextvars.ContextVar[tuple[Credentials, Redactor]] = contextvars.ContextVar("signing")

# Keys that need not be renewed yet last a quarter of an hour more, and to find that out is slow.
_LASTING_SECONDS = 60.0
_lasting: WeakKeyDictionary[Credentials, tuple[ReadOnlyCredentials, float]] = WeakKeyDictionary()

# The secrets of credentials, in botocore's order; behind them it has the account's ID.
_PARTS = ("access key", "secret access key", "session token")
# As many as accounts can be worked on at a time.
_CONNECTIONS = 1000
_REGIONAL = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
_FIT = re.compile(r"[!-~]*")


@dataclass(frozen=True, kw_only=True)
class Connection(InProcess):
    """Where calls go, and whose credentials the operator has.

    Attributes:
        endpoint: URL that all services are called at; None is where botocore finds them.
        profile: named profile of the operator's AWS configuration; None is the ordinary chain.
        access_key: the operator's access key, where it is fixed.
        secret: the secret of that key.
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for each part of an answer.
        max_attempts: how often a call is made at most, where AWS or botocore's configuration does not say.
    """

    endpoint: str | None = None
    profile: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    max_attempts: int = 4

    @property
    def fixed(self) -> bool:
        """Whether endpoint and key are given, so that the machine's AWS configuration has no say."""
        return self.endpoint is not None


class Clients:
    """The clients of one connection; safe under threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._session = _botocore_session(connection)

    def operator_credentials(self) -> Credentials | None:
        """The operator's own credentials, from the connection or botocore's chain; None when there are none.

        https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html

        Raises:
            AccessError: they cannot be had, or not be used.
        """
        if self._connection.access_key and self._connection.secret:
            from botocore.credentials import Credentials

            return Credentials(self._connection.access_key, self._connection.secret)
        credentials: Credentials | None = None
        try:
            credentials = _botocore_session(self._connection).get_credentials()
            # A profile may say that they are got from somewhere else; that is done here and not in a call.
            fault = _fault_of(credentials.get_frozen_credentials()) if credentials else ""
        except Exception as error:
            fault = _cannot("The operator's credentials cannot be had", error)
        # Raised out here: a traceback must not carry what a file or a program said.
        if fault:
            raise AccessError(f"{fault} `aws configure list` shows where they come from.")
        return credentials

    def call(
        self,
        credentials: Credentials,
        service: str,
        region: str,
        operation: str,
        params: Mapping[str, Any],
        redactor: Redactor,
    ) -> Any:
        """Make one call, signed with the given credentials.

        Parameters:
            credentials: whose call it is.
            service: botocore's name of the service.
            region: the region to call.
            operation: the operation as AWS spells it, such as `ListClusters`.
            params: its parameters.
            redactor: learns the credentials that sign.

        Returns:
            The answer, as boto3 gives it; a body that is streamed has been read.

        Raises:
            AccessError: the machine's configuration gives no way to call the service.
            botocore.exceptions.ClientError: AWS answered with an error.
            botocore.exceptions.BotoCoreError: there was no answer.
            ForeignAnswer: the answer is not AWS's, or not whole.
            TimeoutError: the answer did not end.
        """
        from botocore import xform_name

        client = self._client(service, region)
        token = _signing.set((credentials, redactor))
        try:
            method = getattr(client, xform_name(operation))
            return within(longest(client.meta.config), lambda: _read_whole(method(**params)))
        finally:
            _signing.reset(token)

    def presign(
        self,
        credentials: Credentials,
        service: str,
        region: str,
        operation: str,
        params: Mapping[str, Any],
        seconds: int,
    ) -> str:
        """The URL of a call that whoever has it can make once or more often; nothing is called.

        Parameters:
            credentials: whose call it will be.
            service: botocore's name of the service.
            region: the region to call.
            operation: the operation as AWS spells it.
            params: its parameters.
            seconds: how long the URL is to last.

        Raises:
            AccessError: the machine's configuration gives no way to call the service.
        """
        from botocore import xform_name

        client = self._presigner(service, region)
        token = _signing.set((credentials, Redactor()))
        try:
            return str(
                within(
                    longest(client.meta.config),
                    lambda: client.generate_presigned_url(
                        xform_name(operation), Params=dict(params), ExpiresIn=seconds
                    ),
                )
            )
        finally:
            _signing.reset(token)

    def fetch(self, service: str, region: str, url: str) -> Any:
        """What comes back from a URL that is asked for without credentials, over the service's connections.

        Parameters:
            service: botocore's name of the service.
            region: the region of the service.
            url: the URL.

        Returns:
            The response as botocore's HTTP session gives it, whatever its status; its body has been read.

        Raises:
            AccessError: the machine's configuration gives no way to call the service.
            botocore.exceptions.BotoCoreError: there was no answer.
            TimeoutError: the answer did not end.
        """
        from botocore.awsrequest import AWSRequest

        client = self._client(service, region)
        request = AWSRequest("GET", url).prepare()
        return within(
            longest(client.meta.config), lambda: _whole(client._endpoint.http_session.send(request))
        )

    def page_tokens(self, service: str, operation: str) -> tuple[str, str]:
        """The names under which an operation takes, and gives, the place where the next page begins.

        Parameters:
            service: botocore's name of the service.
            operation: the operation as AWS spells it; one that lists things.
        """
        paging = self._session.get_paginator_model(service).get_paginator(operation)
        return paging["input_token"], paging["output_token"]

    def prepare(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Build clients, by service and region, while something else is waited for."""

        def build() -> None:
            for each in wanted:
                # Whoever calls is told what is wrong.
                with suppress(AccessError):
                    self._client(*each)

        threading.Thread(target=build, daemon=True).start()

    def _client(self, service: str, region: str) -> Any:
        ready = self._clients.get((service, region))
        return ready or self._only(service, region)

    def _only(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._made(service, region)
            return self._clients[service, region]

    def _presigner(self, service: str, region: str) -> Any:
        """The client that presigns: S3's with the host of the bucket's region.

        By default botocore presigns for a host of no region, which is late to know a new bucket elsewhere.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
        """
        client = self._client(service, region)
        endpoint, chosen = str(client.meta.endpoint_url), client.meta.config.s3 or {}
        of_aws = any(f".{each.dns_suffix}" in endpoint for each in PARTITIONS.values())
        if service != "s3" or "addressing_style" in chosen or not of_aws:
            return client
        with self._lock:
            return self._create(service, region, s3=_REGIONAL)

    def _set_up(self) -> None:
        # The services' descriptions are megabytes of JSON, and the same for every session.
        descriptions = _loader(self._session.get_config_variable("data_path"))
        self._session.register_component("data_loader", descriptions)
        self._session.register_component("credential_provider", _signing_resolver())
        self._session.register("before-parse", refuse_foreign)

    def _made(self, service: str, region: str) -> Any:
        try:
            return self._create(service, region)
        except Exception as error:
            fault = _cannot(f"{service} in {region} cannot be called", error)
        # Raised out here: a traceback must not carry the password of an endpoint or a proxy.
        raise AccessError(f"{fault} Look at the AWS configuration of this machine and at AWS_ENDPOINT_URL.")

    def _create(self, service: str, region: str, **options: Any) -> Any:
        from botocore.config import Config

        if not self._clients:
            self._set_up()
        config = Config(
            connect_timeout=self._connection.connect_timeout,
            read_timeout=self._connection.read_timeout,
            max_pool_connections=_CONNECTIONS,
            user_agent_extra="xacct-kit",
            **options,
        )
        if service == "s3":
            # Without it botocore presigns by the version 2 that new regions do not know.
            config = config.merge(Config(signature_version="s3v4"))
        if self._connection.fixed:
            # Loopback is never reached through a proxy, and buckets are no host names there.
            config = config.merge(Config(proxies={}, s3={"addressing_style": "path"}))
        client = self._session.create_client(
            service, region_name=region, endpoint_url=self._connection.endpoint, config=config
        )
        keep_deadlines(client)
        return client


@cache
def _loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _whole(response: Any) -> Any:
    _ = response.content
    return response


def _read_whole(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.read() if hasattr(value, "read") else value for name, value in answer.items()}


def _fault_of(keys: ReadOnlyCredentials) -> str:
    """What is wrong with credentials before anybody is asked; empty when nothing is."""
    unfit = [name for name, value in zip(_PARTS, keys, strict=False) if not _FIT.fullmatch(value or "")]
    if not unfit:
        return ""
    return (
        f"The operator's {' and '.join(unfit)} cannot be sent: there is a space, a line break or a quotation "
        "mark in it that does not belong there. Set it anew."
    )


def _cannot(what: str, error: Exception) -> str:
    return f"{what}: {redact(text_of(error)) or type(error).__name__}".rstrip(".") + "."


def _keys_of(credentials: Credentials) -> ReadOnlyCredentials:
    """The keys of credentials, renewed where they end."""
    keys, until = _lasting.get(credentials, (None, 0.0))
    if keys is not None and time.monotonic() < until:
        return keys
    ending, read = getattr(credentials, "refresh_needed", None), credentials.get_frozen_credentials
    if ending is None:
        return read()
    if ending():
        # Calls somebody else's service, starts a program, or waits for another thread that does.
        return apart(read)
    keys = read()
    _lasting[credentials] = keys, time.monotonic() + _LASTING_SECONDS
    return keys


def _signing_resolver() -> Any:
    from botocore.credentials import CredentialProvider, CredentialResolver, Credentials

    class SigningCredentials(Credentials):  # type: ignore[misc]
        """Credentials of whoever makes the call at hand."""

        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            credentials, redactor = _signing.get()
            keys = _keys_of(credentials)
            redactor.learn(*keys[: len(_PARTS)])
            return keys

    class SigningProvider(CredentialProvider):  # type: ignore[misc]
        METHOD = "xacct-kit"

        def load(self) -> Credentials:
            return SigningCredentials("", "")

    return CredentialResolver([SigningProvider()])


def _botocore_session(connection: Connection) -> Any:
    from botocore.session import Session

    # Name in the configuration file, in the environment, default and conversion: only the default is ours.
    variables: dict[str, Any] = {
        "retry_mode": ("retry_mode", "AWS_RETRY_MODE", "standard", None),
        "max_attempts": ("max_attempts", "AWS_MAX_ATTEMPTS", connection.max_attempts, int),
        "sts_regional_endpoints": (
            "sts_regional_endpoints",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "regional",
            None,
        ),
    }
    if connection.fixed:
        nothing = (None, None, None, None)
        variables |= dict.fromkeys(("profile", "config_file", "credentials_file", "ca_bundle"), nothing)
    session = Session(session_vars=variables)
    if connection.profile:
        session.set_config_variable("profile", connection.profile)
    return session
