"""The CloudFormation template of the role, built from a profile's documents.

Tags are no parameter of it: CloudFormation puts the stack's own tags on the role.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from xacct_kit.role.placeholders import for_template, map_text
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.profile import BOUNDARY_DESCRIPTION, Profile, boundary_name

CAPABILITIES = ("CAPABILITY_NAMED_IAM",)

ROLE_TYPE = "AWS::IAM::Role"
POLICY_TYPE = "AWS::IAM::ManagedPolicy"

_ROLE = "CrossAccountExecutionRole"
_BOUNDARY = "PermissionsBoundary"

RESOURCE_TYPES: Mapping[str, str] = {_ROLE: ROLE_TYPE, _BOUNDARY: POLICY_TYPE}
"""Types of the resources that a template may have, by logical ID, in the order in which they can go."""

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_ROLE_NAME = {
    "Type": "String",
    "MinLength": 1,
    "MaxLength": 64,
    "AllowedPattern": r"[\w+=,.@-]+",
    "ConstraintDescription": "1 to 64 letters, digits or +=,.@_-",
}
_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "MainAccount": {
        "Type": "String",
        "Description": "Account ID of the account that runs Service Workbench",
        "AllowedPattern": r"\d{12}",
        "ConstraintDescription": "12 digits",
    },
    "ApiHandlerRole": {
        **_ROLE_NAME,
        "Description": "Name of the main account's role that serves requests",
        "Default": "ApiHandlerRole",
    },
    "WorkflowLoopRunnerRole": {
        **_ROLE_NAME,
        "Description": "Name of the main account's role that runs workflows",
        "Default": "WorkflowLoopRunnerRole",
    },
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    "ExternalId": {
        "Type": "String",
        "Description": "External ID that the main account sends when it assumes the role",
        "NoEcho": True,
        "MinLength": 2,
        "MaxLength": 1224,
        "AllowedPattern": r"[\w+=,.@:\/-]*",
        "ConstraintDescription": "2 to 1224 letters, digits or +=,.@:/_-",
    },
    "RoleName": {
        **_ROLE_NAME,
        "Description": "Name of the role that is made in this account",
        "Default": _ROLE,
    },
}

# How the console's form groups and names the parameters.
_FORM = {
    "ParameterGroups": [
        {
            "Label": {"default": "Who may assume the role"},
            "Parameters": ["MainAccount", "ApiHandlerRole", "WorkflowLoopRunnerRole", "ExternalId"],
        },
        {"Label": {"default": "The role"}, "Parameters": ["RoleName"]},
    ],
    "ParameterLabels": {
        "MainAccount": {"default": "Main account ID"},
        "ApiHandlerRole": {"default": "API handler role"},
        "WorkflowLoopRunnerRole": {"default": "Workflow loop runner role"},
        "ExternalId": {"default": "External ID"},
        "RoleName": {"default": "Role name"},
    },
}


def build_template(profile: Profile) -> dict[str, Any]:
    """The template of a profile's role.

    Parameters:
        profile: what the role must be.

    Returns:
        A CloudFormation template that needs `CAPABILITIES`.
    """
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Cross-account execution role of Service Workbench. {profile.description}",
        "Metadata": {"AWS::CloudFormation::Interface": copy.deepcopy(_FORM)},
        "Parameters": {name: dict(definition) for name, definition in _PARAMETERS.items()},
        "Resources": _resources(profile),
        "Outputs": {
            "RoleArn": {
                "Description": "ARN of the cross-account execution role",
                "Value": {"Fn::GetAtt": [_ROLE, "Arn"]},
            },
            "RoleName": {
                "Description": "Name of the cross-account execution role",
                "Value": {"Ref": _ROLE},
            },
        },
    }


def _resources(profile: Profile) -> dict[str, Any]:
    role: dict[str, Any] = {"Type": ROLE_TYPE, "Properties": _role(profile)}
    if profile.boundary is None:
        return {_ROLE: role}
    role["Properties"]["PermissionsBoundary"] = {"Ref": _BOUNDARY}
    policy = {"Type": POLICY_TYPE, "Properties": _boundary(profile.boundary)}
    return {_BOUNDARY: policy, _ROLE: role}


def _boundary(document: Document) -> dict[str, Any]:
    return {
        "ManagedPolicyName": {"Fn::Sub": boundary_name("${RoleName}")},
        "Description": BOUNDARY_DESCRIPTION,
        "PolicyDocument": map_text(document, for_template),
    }


def _role(profile: Profile) -> dict[str, Any]:
    return {
        "RoleName": {"Ref": "RoleName"},
        "Description": profile.role_description,
        "AssumeRolePolicyDocument": map_text(profile.trust, for_template),
        "Policies": [
            {"PolicyName": name, "PolicyDocument": map_text(document, for_template)}
            for name, document in profile.permissions.items()
        ],
    }


def template_parameters(
    *,
    main_account: str,
    api_handler_role: str,
    workflow_loop_runner_role: str,
    external_id: str,
    role_name: str,
) -> dict[str, str]:
    """The values of the template's parameters.

    Parameters:
        main_account: 12 digits; runs Service Workbench.
        api_handler_role: name of main's role that serves requests.
        workflow_loop_runner_role: name of main's role that runs workflows.
        external_id: the external ID itself, not where it is kept.
        role_name: name of the role to be made.
    """
    return {
        "MainAccount": main_account,
        "ApiHandlerRole": api_handler_role,
        "WorkflowLoopRunnerRole": workflow_loop_runner_role,
        "ExternalId": external_id,
        "RoleName": role_name,
    }


def to_yaml(template: Mapping[str, Any]) -> str:
    """A template as YAML, the same text every time."""
    return yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes a part that stands in two places twice: CloudFormation knows no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
