"""The sandbox's CloudFormation: stacks of resources, with AWS's events, rollbacks and refusals.

Every resource is made by a call of the principal that asked for the stack, so what that principal may not do
fails in its stack as it would in AWS.
"""

from __future__ import annotations

from xacct_kit.sandbox.cloudformation.caller import Caller
from xacct_kit.sandbox.cloudformation.service import CloudFormation

__all__ = ["Caller", "CloudFormation"]
