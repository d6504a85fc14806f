"""IAM's policy simulator: what the engine that decides real calls says of calls that nobody makes.

The decisions are `xacct_kit.iam.decide`'s. As AWS documents its own, this simulator

- evaluates identity-based policies, a permissions boundary, service control policies with their conditions,
  and one resource-based policy, but no resource control policies;
- takes a resource-based policy for IAM users only and fetches none by itself. Where none is given it answers
  for the caller's side: whether another account or a role's trust policy would agree is not simulated;
- has no condition keys but those that are given and a few of the principal and its organization.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from xacct_kit.sandbox.simulation.results import simulate_custom_policy, simulate_principal_policy

__all__ = ["simulate_custom_policy", "simulate_principal_policy"]
