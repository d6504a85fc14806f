"""The machine's AWS configuration, looked at before anything is called."""

from __future__ import annotations

from xacct_kit.errors import ParamsError


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
