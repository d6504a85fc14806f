"""What can be wrong in a member account, by name.

A scenario starts from the role as it should be and changes one thing behind CloudFormation's back, as a
person in the console does; so deploying the unchanged stack again does not mend it, and every fault stays
to be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xacct_kit.errors import ParamsError
from xacct_kit.sandbox.disturbances import NotReady

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A state of the member accounts.

    Attributes:
        about: what is so, in one line.
        role_deployed: whether the role's stack is there.
        dropped_policies: inline policies that the role has lost.
        change_trust: what became of the role's trust policy.
        boundary: a permissions boundary that somebody has put on the role.
        scp: a service control policy that is attached to the account.
        not_ready: the services that refuse the account, whatever its policies say.
        throttle: the share of requests that is refused as too many, by service.
        propagation: seconds until a role that is new can be assumed.
        region_disabled: whether the home region is switched off for the account.
    """

    about: str
    role_deployed: bool = True
    dropped_policies: tuple[str, ...] = ()
    change_trust: Callable[[Document], Document] | None = None
    boundary: Document | None = None
    scp: Document | None = None
    not_ready: tuple[NotReady, ...] = ()
    throttle: Mapping[str, float] = field(default_factory=dict)
    propagation: float = 0.0
    region_disabled: bool = False


def _another_external_id(trust: Document) -> Document:
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    condition["sts:ExternalId"] = f"not-{condition['sts:ExternalId']}"
    return trust


def _member_alone(trust: Document) -> Document:
    principals = trust["Statement"][0]["Principal"]
    principals["AWS"] = [arn for arn in principals["AWS"] if arn.endswith(":root")]
    return trust


FORMER_ROLE_ID = "AROASANDBOXFORMERROLE"


def _recreated_api_handler(trust: Document) -> Document:
    principals = trust["Statement"][0]["Principal"]
    roles = [arn for arn in principals["AWS"] if not arn.endswith(":root")]
    principals["AWS"] = [FORMER_ROLE_ID if arn == roles[0] else arn for arn in principals["AWS"]]
    return trust


_NO_EMR = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "NoClusters", "Effect": "Deny", "Action": "elasticmapreduce:*", "Resource": "*"},
    ],
}
_ALL_BUT_S3 = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "NoData", "Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}],
}

SCENARIOS: Mapping[str, Scenario] = {
    "healthy": Scenario(about="the role is as the profile wants it, and Cost Explorer is on"),
    "role-missing": Scenario(about="nobody has deployed the role", role_deployed=False),
    "wrong-external-id": Scenario(
        about="the role trusts the right principals with another external ID",
        change_trust=_another_external_id,
    ),
    "untrusted-main": Scenario(
        about="the role's trust policy has lost the roles of the main account", change_trust=_member_alone
    ),
    "recreated-principal": Scenario(
        about="a role of the main account was deleted and made anew since it was trusted",
        change_trust=_recreated_api_handler,
    ),
    "slow-propagation": Scenario(about="the role was deployed a moment ago", propagation=3.0),
    "missing-emr": Scenario(about="the role has lost its EMR policy", dropped_policies=("emr",)),
    "scp-denies-emr": Scenario(about="an SCP of the organization forbids EMR", scp=_NO_EMR),
    "boundary-blocks-s3": Scenario(
        about="a permissions boundary on the role leaves out S3", boundary=_ALL_BUT_S3
    ),
    "throttled": Scenario(
        about="EMR refuses every request as one too many", throttle={"elasticmapreduce": 1.0}
    ),
    "region-disabled": Scenario(about="the home region is switched off in the account", region_disabled=True),
    "new-account": Scenario(
        about="AWS is still setting the account up: S3, EC2 and the costs are not there yet",
        not_ready=(NotReady.S3_NOT_SIGNED_UP, NotReady.EC2_NOT_SUBSCRIBED, NotReady.CE_DATA_PENDING),
    ),
    "ce-not-enabled": Scenario(about="Cost Explorer was never opened", not_ready=(NotReady.CE_NOT_ENABLED,)),
    "ce-data-pending": Scenario(
        about="Cost Explorer was opened hours ago and has no data yet",
        not_ready=(NotReady.CE_DATA_PENDING,),
    ),
}


def find_scenario(name: str) -> Scenario:
    """The scenario with a name.

    Raises:
        ParamsError: there is none.
    """
    try:
        return SCENARIOS[name]
    except KeyError:
        known = ", ".join(SCENARIOS)
        raise ParamsError([f"sandbox_scenario: there is no {name!r}; there are {known}"]) from None


def tampered(trust_text: str, scenario: Scenario) -> str:
    """A role's trust policy as the scenario leaves it."""
    trust: Document = json.loads(trust_text)
    return json.dumps(scenario.change_trust(trust) if scenario.change_trust else trust)
