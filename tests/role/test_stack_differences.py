"""What of a stack differs from what it must be: by meaning, not by how it is written."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.role.profile import load_profile
from xacct_kit.role.stack_differences import (
    parameter_differences,
    read_template,
    tag_differences,
    template_differences,
)
from xacct_kit.role.template import build_template, to_yaml

TEMPLATE = build_template(load_profile("documented"))
ROLE = "CrossAccountExecutionRole"

SHORT = """
Resources:
  Role:
    Type: AWS::IAM::Role
    DependsOn: Other
    Properties:
      RoleName: !Ref RoleName
      MaxSessionDuration: 3600
      Policies:
        - PolicyName: a
          PolicyDocument:
            Version: 2012-10-17
            Statement: {Effect: Allow, Action: [b:B, a:A], Resource: !Sub "x-${A}"}
        - PolicyName: b
          PolicyDocument: {}
Outputs:
  Arn: {Value: !GetAtt Role.Arn, Description: the role}
"""
LONG = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "the same",
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "DependsOn": ["Other"],
            "Properties": {
                "RoleName": {"Ref": "RoleName"},
                "MaxSessionDuration": "3600",
                "Policies": [
                    {"PolicyName": "b", "PolicyDocument": {}},
                    {
                        "PolicyName": "a",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["a:A", "b:B"],
                                    "Resource": {"Fn::Sub": "x-${A}"},
                                }
                            ],
                        },
                    },
                ],
            },
        }
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The template with another value at a place; None takes it away."""
    template = copy.deepcopy(TEMPLATE)
    *steps, last = path.split(".")
    part: Any = template
    for step in steps:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return template


@pytest.mark.parametrize(
    "body", [to_yaml(TEMPLATE), json.dumps(TEMPLATE), TEMPLATE, yaml.safe_dump(TEMPLATE)]
)
def test_the_same_template_is_the_same_however_it_is_written(body: Any) -> None:
    assert template_differences(TEMPLATE, read_template(body)) == ()


def test_short_functions_orders_and_descriptions_do_not_count() -> None:
    assert template_differences(LONG, read_template(SHORT)) == ()


@given(st.randoms())
def test_no_order_of_keys_or_lists_counts(random: Any) -> None:
    def shuffled(value: Any, ordered: bool = False) -> Any:
        if isinstance(value, dict):
            keys = random.sample(list(value), len(value))
            return {key: shuffled(value[key], key.startswith("Fn::")) for key in keys}
        if isinstance(value, list) and not ordered:
            return [shuffled(each) for each in random.sample(value, len(value))]
        return value

    assert template_differences(TEMPLATE, shuffled(TEMPLATE)) == ()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (f"Resources.{ROLE}.Properties.Policies", [], f"Resources.{ROLE}.Properties.Policies"),
        (f"Resources.{ROLE}.Properties.RoleName", "x", f"Resources.{ROLE}.Properties.RoleName"),
        (
            f"Resources.{ROLE}.Properties.MaxSessionDuration",
            7200,
            f"Resources.{ROLE}.Properties.MaxSessionDuration",
        ),
        (f"Resources.{ROLE}.DeletionPolicy", "Retain", f"Resources.{ROLE}.DeletionPolicy"),
        ("Parameters.ExternalId.NoEcho", None, "Parameters.ExternalId.NoEcho"),
        ("Outputs.RoleArn", None, "Outputs.RoleArn"),
        ("Conditions", {"Never": {"Fn::Equals": ["a", "b"]}}, "Conditions"),
    ],
)
def test_a_difference_is_told_by_its_place(path: str, value: Any, told: str) -> None:
    assert template_differences(TEMPLATE, changed(path, value)) == (told,)


def test_a_policy_is_told_by_its_name() -> None:
    other = copy.deepcopy(TEMPLATE)
    policy = other["Resources"][ROLE]["Properties"]["Policies"][0]
    policy["PolicyDocument"] = {"Version": "2012-10-17", "Statement": []}
    (told,) = template_differences(TEMPLATE, other)
    assert told.startswith(f"Resources.{ROLE}.Properties.Policies.{policy['PolicyName']}.PolicyDocument")


def test_of_two_policies_with_one_name_none_hides_the_other() -> None:
    twice = copy.deepcopy(TEMPLATE)
    policies = twice["Resources"][ROLE]["Properties"]["Policies"]
    policies.insert(0, {**policies[0], "PolicyDocument": {"Version": "2012-10-17", "Statement": []}})
    assert template_differences(TEMPLATE, twice) == (f"Resources.{ROLE}.Properties.Policies",)


def test_the_order_within_a_function_counts() -> None:
    one, other = ({"Resources": {"R": {"Fn::Join": ["", order]}}} for order in (["a", "b"], ["b", "a"]))
    assert template_differences(one, other) == ("Resources.R",)


@pytest.mark.parametrize("body", ["[]", "a: [", "text"])
def test_what_is_no_template_is_not_read(body: str) -> None:
    with pytest.raises(ValueError, match="it "):
        read_template(body)


def test_parameters_are_held_together_by_name_and_what_is_hidden_is_not_compared() -> None:
    described = [
        {"ParameterKey": "Same", "ParameterValue": "1"},
        {"ParameterKey": "Other", "ParameterValue": "2"},
        {"ParameterKey": "Hidden", "ParameterValue": "****"},
        {"ParameterKey": "More", "ParameterValue": "4"},
    ]
    wanted = {"Same": "1", "Other": "3", "Hidden": "secret", "Missing": "5"}
    assert parameter_differences(wanted, described) == (("Other", "Missing", "More"), ("Hidden",))


def test_tags_of_aws_itself_do_not_count() -> None:
    described = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}, {"Key": "aws:x", "Value": "3"}]
    assert tag_differences({"a": "1", "b": "3", "c": "4"}, described) == ("b", "c")
