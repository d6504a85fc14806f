"""The create_account step: a member account is asked for once and waited for, and its role is proven.

No account is created twice: AWS gives an e-mail address to one account alone, and before anything is asked
for, and after an answer that was lost, the organization is looked through for the address and for a request.
https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

from dataclasses import replace

from xacct_kit.aws.session import Session
from xacct_kit.report import Finding
from xacct_kit.steps.creation.creation import Creation, Note
from xacct_kit.steps.creation.findings import STEP
from xacct_kit.steps.creation.new_account import NewAccount
from xacct_kit.steps.creation.organization import Organization
from xacct_kit.steps.findings import Question, broken, skipped
from xacct_kit.steps.management import NoManagement, management_caller
from xacct_kit.steps.waiting import Progress, silent


def create_account(
    session: Session, new: NewAccount, progress: Progress = silent
) -> tuple[str | None, list[Finding]]:
    """Create a member account, or find the one that is there already.

    Parameters:
        session: whose run it is.
        new: what is to be created.
        progress: is told what is waited for, and for how long.

    Returns:
        The account's ID, or None where there is none or it is not known; and a finding each for the request,
        the creation, the administrator's role and the organizational unit.

    Raises:
        ParamsError: there is no external ID where `management_external_id` says.
        AccessError: it may not be read, or the operator has no credentials.
    """
    organization = open_organization(session, new.email)
    if isinstance(organization, Finding):
        return None, [organization]
    rows: list[Finding] = []
    account = create_in(organization, new, lambda row, _: rows.append(row), progress)
    return account, [replace(row, account=account) if account else row for row in rows]


def open_organization(session: Session, email: str) -> Organization | Finding:
    """The organization that accounts are created in, or why nobody here can.

    Parameters:
        session: whose run it is.
        email: the address of the account that the finding is about.

    Raises:
        ParamsError: there is no external ID where `management_external_id` says.
        AccessError: it may not be read, or the operator has no credentials.
    """
    if not session.partition.creates_accounts:
        question = Question(
            step=STEP,
            probe="request-account",
            account=email,
            caller=session.operator.name,
            action="organizations:CreateAccount",
        )
        why = (
            f"No account is created from within {session.partition.name}: AWS creates those from the "
            "management account in the commercial partition (CreateGovCloudAccount)."
        )
        return skipped(session, question, why)
    try:
        return Organization(session, management_caller(session, STEP, email))
    except NoManagement as nobody:
        return nobody.finding


def create_in(
    organization: Organization,
    new: NewAccount,
    note: Note,
    progress: Progress = silent,
    *,
    request_id: str = "",
) -> str | None:
    """Create an account, or find the one that is there already.

    Parameters:
        organization: where; many threads may create accounts in it.
        new: what is to be created.
        note: is given each finding the moment it is known, and whether it is the last.
        progress: is told what is waited for, and for how long.
        request_id: the request that an earlier run has made for it, to go on with.

    Returns:
        Its ID; None where there is none, or it is not known.
    """
    session = organization.session
    creation = Creation(organization, new, note, lambda line: progress(session.redact(line)), request_id)
    try:
        return creation.run()
    except Exception as error:
        note(broken(session, creation.say.question("create-account", ""), error), True)
        return None
