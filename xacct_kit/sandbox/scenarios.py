"""What can be wrong in a member account, by name.

A scenario starts from the role as it should be and changes one thing behind CloudFormation's back, as a
person in the console does; so deploying the unchanged stack again does not mend it, and every fault stays
to be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xacct_kit.errors import ParamsError
from xacct_kit.sandbox.cost_explorer import Setting

Trust = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A state of the member accounts.

    Attributes:
        about: what is so, in one line.
        role_deployed: whether the role's stack is there.
        cost_explorer: what Cost Explorer answers.
        dropped_policies: inline policies that the role has lost.
        change_trust: what became of the role's trust policy.
    """

    about: str
    role_deployed: bool = True
    cost_explorer: Setting = Setting.ENABLED
    dropped_policies: tuple[str, ...] = ()
    change_trust: Callable[[Trust], Trust] | None = None


def _another_external_id(trust: Trust) -> Trust:
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    condition["sts:ExternalId"] = f"not-{condition['sts:ExternalId']}"
    return trust


def _member_alone(trust: Trust) -> Trust:
    principals = trust["Statement"][0]["Principal"]
    principals["AWS"] = [arn for arn in principals["AWS"] if arn.endswith(":root")]
    return trust


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
    "missing-emr": Scenario(about="the role has lost its EMR policy", dropped_policies=("emr",)),
    "ce-not-enabled": Scenario(about="Cost Explorer was never opened", cost_explorer=Setting.NOT_ENABLED),
    "ce-data-pending": Scenario(
        about="Cost Explorer was opened hours ago and has no data yet", cost_explorer=Setting.DATA_PENDING
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
    trust: Trust = json.loads(trust_text) if isinstance(trust_text, str) else trust_text
    return json.dumps(scenario.change_trust(trust) if scenario.change_trust else trust)
