"""What AWS refuses or delays for reasons other than permissions: busy, far away, switched off, not ready."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import Enum
from fractions import Fraction

from xacct_kit.errors import ParamsError
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.services import GLOBAL_SERVICES, SERVICES


class NotReady(Enum):
    """A service that an account cannot use yet, whatever its policies say: service, status, code and text.

    https://docs.aws.amazon.com/cost-management/latest/userguide/ce-enable.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """

    CE_NOT_ENABLED = ("ce", 400, "AccessDeniedException", "User not enabled for cost explorer access")
    CE_DATA_PENDING = (
        "ce",
        400,
        "DataUnavailableException",
        "Data is not available. Please try to adjust the time period. "
        "If just enabled Cost Explorer, data might not be ingested yet",
    )
    S3_NOT_SIGNED_UP = ("s3", 403, "NotSignedUp", "Your account is not signed up for the Amazon S3 service.")
    EC2_NOT_SUBSCRIBED = (
        "ec2",
        401,
        "OptInRequired",
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
    )


_RATE_EXCEEDED = (400, "Throttling", "Rate exceeded")

# How a service says that it is asked too often, where it is not as most do.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html
_THROTTLED: Mapping[str, tuple[int, str, str]] = {
    "ce": (400, "LimitExceededException", "Rate limit exceeded"),
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "organizations": (
        400,
        "TooManyRequestsException",
        "You have sent too many requests in too short a period of time. The quota helps protect against "
        "denial-of-service attacks. Try again later.",
    ),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
}


# The credentials of an account are not known in a region that is switched off for it.
_NOT_KNOWN_THERE = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")


def _not_activated(account: str) -> ServiceFault:
    text = (
        f"STS is not activated in this region for account:{account}. Your account administrator can activate "
        "STS in this region using the IAM Console."
    )
    return ServiceFault(403, "RegionDisabledException", text)


class Disturbances:
    """What stands in the way of requests, by service or by account.

    Parameters:
        throttle: the share of a service's requests that is refused as too many, from 0 to 1.
        latency: the seconds by which a service's answers are late.
    """

    def __init__(self, throttle: Mapping[str, float], latency: Mapping[str, float]) -> None:
        # As it is written: in floating point, ten tenths are less than one.
        self._throttle = {service: Fraction(str(share)) for service, share in throttle.items()}
        self._latency = dict(latency)
        self._due: dict[str, Fraction] = defaultdict(Fraction)
        self._lock = threading.Lock()
        self._not_ready: dict[tuple[str, str], NotReady] = {}
        self._disabled: set[tuple[str, str]] = set()

    def set_not_ready(self, account: str, *reasons: NotReady) -> None:
        """Let services refuse an account from now on."""
        with self._lock:
            self._not_ready.update({(account, reason.value[0]): reason for reason in reasons})

    def disable_region(self, account: str, region: str) -> None:
        """Switch a region off for an account."""
        with self._lock:
            self._disabled.add((account, region))

    def is_disabled(self, account: str, region: str) -> bool:
        """Whether a region is switched off for an account."""
        return (account, region) in self._disabled

    def lift(self, account: str, service: str) -> None:
        """Let everything of an account's service be as it should be, as somebody does in the console.

        Parameters:
            account: the account; its regions are switched on.
            service: the service; it is ready for the account, and throttled no more.
        """
        with self._lock:
            self._not_ready.pop((account, service), None)
            self._disabled = {place for place in self._disabled if place[0] != account}
            self._throttle.pop(service, None)

    def check_region(self, region: str, service: str, account: str, role_account: str = "") -> None:
        """Refuse what is asked in a region that is switched off for the account, or for the role's to assume.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html

        Raises:
            ServiceFault: the region is switched off.
        """
        for each in filter(None, (role_account, account)):
            if self.is_disabled(each, region) and service not in GLOBAL_SERVICES:
                raise _not_activated(each) if role_account else ServiceFault(*_NOT_KNOWN_THERE)

    def delay(self, service: str) -> None:
        """Wait as long as the service's answers are late."""
        seconds = self._latency.get(service, 0.0)
        if seconds:
            time.sleep(seconds)

    def check_rate(self, service: str) -> None:
        """Refuse the share of requests that is to be refused, evenly spread.

        Raises:
            ServiceFault: this one is too many.
        """
        share = self._throttle.get(service, Fraction())
        with self._lock:
            self._due[service] += share
            refused = self._due[service] >= 1
            self._due[service] -= refused
        if refused:
            raise ServiceFault(*_THROTTLED.get(service, _RATE_EXCEEDED))

    def check_ready(self, account: str, service: str) -> None:
        """Refuse what the account cannot use yet.

        Raises:
            ServiceFault: the service is not ready for the account.
        """
        reason = self._not_ready.get((account, service))
        if reason is not None:
            _, status, code, text = reason.value
            raise ServiceFault(status, code, text)


def parse_throttle(texts: Iterable[str]) -> dict[str, float]:
    """Read shares of requests, such as `emr=0.2`, by service.

    Raises:
        ParamsError: one cannot be read.
    """
    shares: dict[str, float] = {}
    for text in texts:
        name, _, share = text.partition("=")
        if not _SHARE.fullmatch(share):
            raise ParamsError(
                [f"throttle: {text!r} is not a service and a share from 0 to 1, such as emr=0.2"]
            )
        shares |= dict.fromkeys(_services("throttle", name), float(share))
    return shares


def parse_latency(texts: Iterable[str]) -> dict[str, float]:
    """Read durations by service, such as `emr=2s`; `100ms` is every service's.

    Raises:
        ParamsError: one cannot be read.
    """
    seconds: dict[str, float] = {}
    for text in texts:
        name, separator, duration = text.rpartition("=")
        names = _services("latency", name) if separator else tuple(SERVICES)
        seconds |= dict.fromkeys(names, parse_duration("latency", duration))
    return seconds


def parse_duration(option: str, text: str) -> float:
    """Read a duration, such as `100ms` or `2.5s`, as seconds.

    Raises:
        ParamsError: it cannot be read.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ParamsError([f"{option}: {text!r} is not a duration such as 100ms or 2.5s"])
    return float(match["number"]) * _SECONDS_PER_UNIT[match["unit"]]


_SHARE = re.compile(r"0(\.\d+)?|1(\.0+)?", re.ASCII)
_SECONDS_PER_UNIT: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0}
_DURATION = re.compile(r"(?P<number>\d{1,6}(?:\.\d+)?)(?P<unit>ms|s|m)", re.ASCII)


def _services(option: str, name: str) -> tuple[str, ...]:
    """The services with a name: IAM's prefix or botocore's name."""
    named = tuple(prefix for prefix, service in SERVICES.items() if name in (prefix, service))
    if not named:
        known = ", ".join(SERVICES.values())
        raise ParamsError([f"{option}: the sandbox has no service {name!r}; there are {known}"])
    return named
