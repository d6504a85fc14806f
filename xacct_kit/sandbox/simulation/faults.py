"""How a simulation is refused.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html (errors)
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from xacct_kit.sandbox import faults
from xacct_kit.sandbox.faults import ServiceFault


def invalid_input(text: str) -> ServiceFault:
    """A parameter's value cannot be meant."""
    return ServiceFault(400, "InvalidInput", text)


def validation_error(parameter: str, constraint: str) -> ServiceFault:
    """A parameter is not of the shape that the operation takes."""
    member = parameter[0].lower() + parameter[1:]
    text = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    return ServiceFault(400, "ValidationError", text)


def policy_evaluation(text: str) -> ServiceFault:
    """A policy that is kept cannot be evaluated."""
    return ServiceFault(500, "PolicyEvaluation", text)


def not_offered(what: str) -> ServiceFault:
    """The sandbox would have to guess."""
    return faults.not_offered(f"{what} in a policy simulation")
