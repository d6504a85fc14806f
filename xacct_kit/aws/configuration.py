"""The machine's AWS configuration, looked at before anything is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.errors import ParamsError

# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
_OF_SSO = ("sso_session", "sso_start_url")


@dataclass(frozen=True)
class NamedProfile:
    """A named profile of the machine's AWS configuration.

    Attributes:
        name: its name.
        by_sso: whether its credentials come from IAM Identity Center, which has to be signed in to.
    """

    name: str
    by_sso: bool


def named_profiles() -> tuple[NamedProfile, ...]:
    """The named profiles of the machine's AWS configuration; their names and nothing of their credentials.

    Raises:
        ParamsError: a file cannot be read.
    """
    from botocore.exceptions import ConfigParseError
    from botocore.session import Session

    profiles: Mapping[str, Mapping[str, Any]] | None = None
    fault = ""
    try:
        profiles = Session().full_config.get("profiles", {})
    except ConfigParseError as error:
        fault = f"AWS configuration: {error}"
    # Raised out here: a traceback must not carry the line that cannot be read, which may hold a secret.
    if profiles is None:
        raise ParamsError([fault])
    return tuple(
        NamedProfile(name, any(key in said for key in _OF_SSO)) for name, said in sorted(profiles.items())
    )


def check_configuration(profile: str | None) -> None:
    """Refuse a configuration that cannot be read, or that lacks the operator's profile.

    Parameters:
        profile: the operator's named profile; None is the one that the environment names, if it does.

    Raises:
        ParamsError: there is no such profile, or a file cannot be read.
    """
    from botocore.exceptions import ConfigParseError, ProfileNotFound
    from botocore.session import Session

    fault = ""
    try:
        Session(profile=profile).get_scoped_config()
    except ProfileNotFound as error:
        fault = f"{'access_profile' if profile else 'AWS_PROFILE'}: {error}"
    except ConfigParseError as error:
        fault = f"AWS configuration: {error}"
    # Raised out here: a traceback must not carry the line that cannot be read, which may hold a secret.
    if fault:
        raise ParamsError([fault])
