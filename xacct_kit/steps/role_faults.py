"""In what the live role of an account is not what the profile says, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from xacct_kit.aws.session import Caller, Session
from xacct_kit.role.trust import TrustFault, trust_fault


@dataclass(frozen=True, kw_only=True)
class RoleFaults:
    """What a comparison of the live role with the profile came to.

    Attributes:
        differences: what is not as it must be, a sentence each, worst first.
        unread: what could not be read, and why.
    """

    differences: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def role_faults(session: Session, account: str, reader: Caller) -> RoleFaults:
    """Hold the live role of an account against the profile.

    Parameters:
        session: whose run it is.
        account: the member account.
        reader: who reads there.
    """
    params = session.params
    read = session.call(reader, "iam", "GetRole", RoleName=params.role_name)
    if read.absent:
        return RoleFaults(
            differences=(f"There is no role {params.role_name}: it was deleted past its stack.",)
        )
    if not read.ok:
        return RoleFaults(unread=(f"The role cannot be read: {read.outcome.reason}",))
    fault = trust_fault(
        read.result["Role"]["AssumeRolePolicyDocument"],
        principal=session.role_arn(params.main_account, params.api_handler_role),
        role_arn=session.role_arn(account, params.role_name),
        external_id=session.external_id,
    )
    return RoleFaults() if fault is TrustFault.NONE else RoleFaults(differences=(f"{fault.value}.",))
