"""The resource types that the sandbox offers. To offer another, write a `ResourceType` and name it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xacct_kit.sandbox.cloudformation.iam_resources import MANAGED_POLICY, POLICY, ROLE, ROLE_POLICY
from xacct_kit.sandbox.cloudformation.other_resources import BUCKET, PARAMETER, WAIT_CONDITION_HANDLE
from xacct_kit.sandbox.cloudformation.refusals import invalid, listed
from xacct_kit.sandbox.cloudformation.resources import ResourceType
from xacct_kit.sandbox.cloudformation.template import Template

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::CloudFormation::WaitConditionHandle": WAIT_CONDITION_HANDLE,
    "AWS::IAM::ManagedPolicy": MANAGED_POLICY,
    "AWS::IAM::Policy": POLICY,
    "AWS::IAM::Role": ROLE,
    "AWS::IAM::RolePolicy": ROLE_POLICY,
    "AWS::S3::Bucket": BUCKET,
    "AWS::SSM::Parameter": PARAMETER,
}

_NAMED = "CAPABILITY_NAMED_IAM"
_UNNAMED = "CAPABILITY_IAM"


def check_types(template: Template) -> None:
    """Refuse a template with a type that the sandbox does not offer.

    Raises:
        ServiceFault: naming the types, and those that are offered.
    """
    unknown = sorted({declared.type for declared in template.resources.values()} - set(RESOURCE_TYPES))
    if unknown:
        raise invalid(
            f"Template format error: Unrecognized resource types: {listed(unknown)}. "
            f"The sandbox offers {', '.join(RESOURCE_TYPES)}."
        )


def needed_capabilities(template: Template) -> tuple[str, str] | None:
    """The capability that a template needs and the reason, or None.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    """
    iam = [declared for declared in template.resources.values() if RESOURCE_TYPES[declared.type].iam]
    if not iam:
        return None
    named = any(RESOURCE_TYPES[declared.type].name_property in declared.properties for declared in iam)
    types = sorted({declared.type for declared in iam})
    return _NAMED if named else _UNNAMED, f"The following resource(s) require capabilities: {listed(types)}"


def lacks_capability(template: Template, given: Iterable[str]) -> str | None:
    """The capability that a template needs and a request does not give, or None."""
    needed = needed_capabilities(template)
    if needed is None or needed[0] in given or (needed[0] == _UNNAMED and _NAMED in given):
        return None
    return needed[0]
