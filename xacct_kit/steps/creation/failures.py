"""Why AWS creates no account, in words, and what to do about it.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xacct_kit.report import Outcome, OutcomeKind


@dataclass(frozen=True)
class Failure:
    """A reason for which there is no new account.

    Attributes:
        kind: its class.
        why: half a sentence.
        fix: what to do.
    """

    kind: OutcomeKind
    why: str
    fix: str


_ANOTHER_EMAIL = (
    "Take an e-mail address that no account of AWS has or had; many mail systems deliver name+word@... to "
    "name@... too."
)
_PAYMENT = "In the management account open Billing and Cost Management and mend the payment method."
_BUSINESS = "Look at the business validation of the management account, or contact AWS Support."
# The quota is "Default maximum number of accounts"; only the management account may ask for more.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_MORE_ACCOUNTS = (
    "In the management account ask for more accounts: Service Quotas in us-east-1, AWS Organizations, "
    "default maximum number of accounts. Closed accounts count until they are closed for good."
)
_LATER = "Run it again later; if it goes on, contact AWS Support."

# The states of a request that failed.
FAILURES: Mapping[str, Failure] = {
    "ACCOUNT_LIMIT_EXCEEDED": Failure(
        OutcomeKind.QUOTA, "the organization has as many accounts as it may", _MORE_ACCOUNTS
    ),
    "CONCURRENT_ACCOUNT_MODIFICATION": Failure(
        OutcomeKind.THROTTLED,
        "a request for the same account is under way",
        "Wait until that has ended, and run it again: an account that it makes is found then.",
    ),
    "EMAIL_ALREADY_EXISTS": Failure(
        OutcomeKind.VALIDATION,
        "another account of AWS has its e-mail address, and none of this organization",
        _ANOTHER_EMAIL,
    ),
    "FAILED_BUSINESS_VALIDATION": Failure(
        OutcomeKind.NOT_ENABLED,
        "the management account failed to receive business license validation",
        _BUSINESS,
    ),
    "GOVCLOUD_ACCOUNT_ALREADY_EXISTS": Failure(
        OutcomeKind.VALIDATION,
        "an account of GovCloud has its e-mail address already",
        _ANOTHER_EMAIL,
    ),
    "INTERNAL_FAILURE": Failure(OutcomeKind.SERVICE_ERROR, "AWS had an internal failure", _LATER),
    "INVALID_ADDRESS": Failure(
        OutcomeKind.VALIDATION,
        "the postal address is not valid, which AWS copies from the management account",
        "Correct the contact address of the management account.",
    ),
    "INVALID_EMAIL": Failure(
        OutcomeKind.VALIDATION, "its e-mail address is not valid", "Correct the e-mail address."
    ),
    "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION": Failure(
        OutcomeKind.NOT_ENABLED,
        "the management account has no valid identity data for business license validation",
        _BUSINESS,
    ),
    "INVALID_PAYMENT_INSTRUMENT": Failure(
        OutcomeKind.NOT_ENABLED, "the management account has no payment method that AWS supports", _PAYMENT
    ),
    "MISSING_BUSINESS_VALIDATION": Failure(
        OutcomeKind.NOT_ENABLED, "the management account has not received business validation", _BUSINESS
    ),
    "MISSING_PAYMENT_INSTRUMENT": Failure(
        OutcomeKind.NOT_ENABLED, "the management account has no valid payment method", _PAYMENT
    ),
    "PENDING_BUSINESS_VALIDATION": Failure(
        OutcomeKind.NOT_ENABLED,
        "the business license validation of the management account is not finished",
        "Wait until it is, and run it again.",
    ),
    "UNKNOWN_BUSINESS_VALIDATION": Failure(
        OutcomeKind.NOT_ENABLED,
        "the business license validation of the management account has an unknown issue",
        _BUSINESS,
    ),
    # The API's model has this reason, and its documentation does not.
    "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED": Failure(
        OutcomeKind.VALIDATION,
        "the organization's resource-based policy and the tags do not go together (AWS documents no more)",
        "Leave the tags out, and tag the account when it is there.",
    ),
}

# The exceptions with which a request is refused at once, where more is known than what every call has.
_REFUSED: Mapping[str, Failure] = {
    "ConstraintViolationException": Failure(
        OutcomeKind.QUOTA,
        "it would break a limit of the organization",
        f"If it is the number of accounts: {_MORE_ACCOUNTS} If it is the number that may be created in one "
        "day: run it again tomorrow. In an organization that is less than an hour old, wait that hour.",
    ),
    "FinalizingOrganizationException": Failure(
        OutcomeKind.NOT_ENABLED,
        "the organization is still initializing",
        "Wait one hour and run it again; if it still says so then, contact AWS Support.",
    ),
    "InvalidInputException": Failure(
        OutcomeKind.VALIDATION, "AWS does not accept what is asked for", "Correct what the message names."
    ),
    "AWSOrganizationsNotInUseException": Failure(
        OutcomeKind.NOT_ENABLED,
        "the account is in no organization",
        "Create an organization (aws organizations create-organization), or name its management account.",
    ),
}


def failure_of(reason: str) -> Failure:
    """What a `FailureReason` means; one that is new is told as it is."""
    unknown = Failure(
        OutcomeKind.UNKNOWN, f"AWS gives the reason {reason or 'none'}, which is not known here", _LATER
    )
    return FAILURES.get(reason, unknown)


def refusal_of(outcome: Outcome) -> Failure:
    """What a refusal of `CreateAccount` means, with what AWS said."""
    found = _REFUSED.get(outcome.evidence.get("code", ""))
    if found is None:
        return Failure(outcome.kind, outcome.reason, outcome.fix)
    said = outcome.evidence.get("message", "").rstrip(".")
    return Failure(found.kind, f"{found.why} ({said})" if said else found.why, found.fix)
