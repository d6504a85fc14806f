"""What the CloudFormation template holds: the profile's documents, and values that are asked for."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from role_values import EXTERNAL_ID, MAIN, MEMBER, values

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.role.profile import PROFILES as BUILT_IN
from xacct_kit.role.profile import Profile, load_profile
from xacct_kit.role.sizes import INLINE_POLICIES_LIMIT, MANAGED_POLICY_LIMIT, TRUST_POLICY_LIMIT, policy_size
from xacct_kit.role.template import CAPABILITIES, build_template, template_parameters, to_yaml

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
TEMPLATE_BODY_LIMIT = 51_200

PARAMETERS = template_parameters(
    main_account=MAIN,
    api_handler_role="ApiHandlerRole",
    workflow_loop_runner_role="WorkflowLoopRunnerRole",
    external_id=EXTERNAL_ID,
    role_name="CrossAccountExecutionRole",
)
# As long as IAM and STS let them be.
LONGEST = {
    "region": "ap-southeast-3",
    "role_name": "r" * 64,
    "stack_name": "s" * 128,
    "api_handler_role": "a" * 64,
    "workflow_loop_runner_role": "w" * 64,
    "external_id": "e" * 1224,
}
each_profile = pytest.mark.parametrize("profile", [load_profile(name) for name in BUILT_IN], ids=BUILT_IN)
each_partition = pytest.mark.parametrize("partition", PARTITIONS)


@pytest.fixture
def template() -> dict[str, Any]:
    return build_template(load_profile("documented"))


@pytest.fixture
def role(template: dict[str, Any]) -> dict[str, Any]:
    (resource,) = template["Resources"].values()
    assert resource["Type"] == "AWS::IAM::Role"
    properties: dict[str, Any] = resource["Properties"]
    return properties


def deployed(value: Any, parameters: Mapping[str, str]) -> Any:
    """A part of the template with `Fn::Sub` done, as CloudFormation does it."""
    if isinstance(value, list):
        return [deployed(part, parameters) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Sub"}:
        text = re.sub(r"\$\{([\w:]+)\}", lambda name: parameters[name[1]], value["Fn::Sub"])
        return text.replace("${!", "${")
    return {key: deployed(part, parameters) for key, part in value.items()}


# The role


def resources_of(profile: Profile) -> dict[str, dict[str, Any]]:
    """The properties of a template's resources, by type."""
    return {each["Type"]: each["Properties"] for each in build_template(profile)["Resources"].values()}


@each_profile
@each_partition
def test_what_is_deployed_is_the_role_of_the_profile(profile: Profile, partition: str) -> None:
    pseudo = {
        "AWS::Partition": partition,
        "AWS::Region": "eu-west-1",
        "AWS::AccountId": MEMBER,
        "AWS::StackName": "onboard-account",
    }
    made = deployed(resources_of(profile), {**PARAMETERS, **pseudo})
    role, boundary = made["AWS::IAM::Role"], made.get("AWS::IAM::ManagedPolicy", {})
    wanted = profile.role(values(partition=partition, region="eu-west-1"))
    assert role["AssumeRolePolicyDocument"] == wanted.trust
    assert {each["PolicyName"]: each["PolicyDocument"] for each in role["Policies"]} == wanted.policies
    assert boundary.get("PolicyDocument") == wanted.boundary
    assert boundary.get("ManagedPolicyName") == wanted.boundary_name


def test_a_policy_variable_of_iam_is_left_to_iam() -> None:
    own = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:${Partition}:s3:::home/${aws:username}/${*}"}
    shared = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws-cn:s3:::${aws:PrincipalTag/team}"}
    document = {"Version": "2012-10-17", "Statement": [own, shared]}
    profile = dataclasses.replace(load_profile("documented"), permissions={"s3": document})
    written = resources_of(profile)["AWS::IAM::Role"]["Policies"][0]["PolicyDocument"]
    assert written["Statement"][0]["Resource"] == {
        "Fn::Sub": "arn:${AWS::Partition}:s3:::home/${!aws:username}/${!*}"
    }
    assert written["Statement"][1]["Resource"] == "arn:aws-cn:s3:::${aws:PrincipalTag/team}"
    live = profile.role(values()).policies["s3"]
    assert deployed(written, {"AWS::Partition": "aws"}) == live
    assert live["Statement"][0]["Resource"] == "arn:aws:s3:::home/${aws:username}/${*}"


def test_each_document_is_an_inline_policy_of_its_name(role: dict[str, Any]) -> None:
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in role["Policies"]}
    assert policies == load_profile("documented").permissions


def test_the_role_has_no_boundary_unless_the_profile_has_one(role: dict[str, Any]) -> None:
    assert "PermissionsBoundary" not in role


@pytest.mark.parametrize("name", ["hardened", "swb-6.2.2"])
def test_a_boundary_is_deployed_with_the_role(name: str) -> None:
    resources = build_template(load_profile(name))["Resources"]
    (policy,) = (name for name, each in resources.items() if each["Type"] == "AWS::IAM::ManagedPolicy")
    (role,) = (each for each in resources.values() if each["Type"] == "AWS::IAM::Role")
    assert role["Properties"]["PermissionsBoundary"] == {"Ref": policy}


def test_the_role_has_the_name_that_is_asked_for_and_needs_the_capability_for_it(
    role: dict[str, Any],
) -> None:
    assert role["RoleName"] == {"Ref": "RoleName"}
    assert CAPABILITIES == ("CAPABILITY_NAMED_IAM",)


def test_the_description_warns_of_the_administrator(template: dict[str, Any]) -> None:
    assert "iam:*" in template["Description"]
    assert "administrator" in template["Description"]


@each_profile
def test_the_description_is_the_profiles_and_fits(profile: Profile) -> None:
    description = build_template(profile)["Description"]
    assert description.endswith(profile.description)
    assert len(description.encode()) <= 1024


def test_the_stack_tells_the_role(template: dict[str, Any]) -> None:
    values = {name: output["Value"] for name, output in template["Outputs"].items()}
    role = "CrossAccountExecutionRole"
    assert values == {"RoleArn": {"Fn::GetAtt": [role, "Arn"]}, "RoleName": {"Ref": role}}


# Its parameters


def test_the_values_are_for_the_parameters_of_the_template(template: dict[str, Any]) -> None:
    values = {**PARAMETERS, "RoleName": "Analytics"}
    assert set(values) == set(template["Parameters"])
    assert values == {
        "MainAccount": MAIN,
        "ApiHandlerRole": "ApiHandlerRole",
        "WorkflowLoopRunnerRole": "WorkflowLoopRunnerRole",
        "ExternalId": "sandbox-external-id",
        "RoleName": "Analytics",
    }


def test_only_role_names_have_a_default(template: dict[str, Any]) -> None:
    defaults = {name: each["Default"] for name, each in template["Parameters"].items() if "Default" in each}
    assert defaults == {
        "ApiHandlerRole": "ApiHandlerRole",
        "WorkflowLoopRunnerRole": "WorkflowLoopRunnerRole",
        "RoleName": "CrossAccountExecutionRole",
    }


def test_the_external_id_alone_is_not_shown(template: dict[str, Any]) -> None:
    assert [name for name, each in template["Parameters"].items() if each.get("NoEcho")] == ["ExternalId"]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        pytest.param("MainAccount", "012345678901", True, id="account"),
        pytest.param("MainAccount", "12345678901", False, id="account of 11 digits"),
        pytest.param("MainAccount", "1234567890123", False, id="account of 13 digits"),
        pytest.param("MainAccount", "1234-5678-9012", False, id="account with hyphens"),
        pytest.param("ExternalId", "ab", True, id="shortest external ID"),
        pytest.param("ExternalId", "a", False, id="external ID too short"),
        pytest.param("ExternalId", "e" * 1224, True, id="longest external ID"),
        pytest.param("ExternalId", "e" * 1225, False, id="external ID too long"),
        pytest.param("ExternalId", "a+b=c,d.e@f:g/h-i_j", True, id="every sign of external IDs"),
        pytest.param("ExternalId", "two words", False, id="external ID with a space"),
        pytest.param("ExternalId", "${Other}", False, id="external ID with a placeholder"),
        pytest.param("RoleName", "r" * 64, True, id="longest role name"),
        pytest.param("RoleName", "r" * 65, False, id="role name too long"),
        pytest.param("RoleName", "", False, id="no role name"),
        pytest.param("RoleName", "path/Role", False, id="role name with a path"),
        pytest.param("ApiHandlerRole", "dev-va-sw.api+handler=1,2@x", True, id="every sign of role names"),
        pytest.param("WorkflowLoopRunnerRole", "*", False, id="wildcard"),
    ],
)
def test_a_parameter_accepts_what_iam_accepts(
    template: dict[str, Any], name: str, value: str, accepted: bool
) -> None:
    definition = template["Parameters"][name]
    shaped = re.fullmatch(definition["AllowedPattern"], value, re.ASCII) is not None
    sized = definition.get("MinLength", 0) <= len(value) <= definition.get("MaxLength", len(value))
    assert (shaped and sized) is accepted


def test_the_form_shows_every_parameter_once_with_its_label(template: dict[str, Any]) -> None:
    form = template["Metadata"]["AWS::CloudFormation::Interface"]
    shown = [name for group in form["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    assert set(form["ParameterLabels"]) == set(template["Parameters"])


def test_every_refusal_of_the_form_says_what_is_accepted(template: dict[str, Any]) -> None:
    assert all(each["ConstraintDescription"] for each in template["Parameters"].values())


# Its text


@each_profile
def test_the_text_holds_the_template_and_nothing_else(profile: Profile) -> None:
    template = build_template(profile)
    assert yaml.safe_load(to_yaml(template)) == template


@each_profile
def test_the_text_is_the_same_every_time(profile: Profile) -> None:
    assert to_yaml(build_template(profile)) == to_yaml(build_template(profile))


@each_profile
def test_the_text_needs_nothing_that_cloudformation_does_not_read(profile: Profile) -> None:
    tokens = yaml.scan(to_yaml(build_template(profile)))
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


@each_profile
def test_the_text_names_no_partition_and_no_account(profile: Profile) -> None:
    text = to_yaml(build_template(profile))
    assert not re.search(r"arn:aws[\w-]*:", text)
    assert not re.search(r"\d{12}", text)


@each_profile
def test_the_text_fits_into_a_request(profile: Profile) -> None:
    assert len(to_yaml(build_template(profile)).encode()) < TEMPLATE_BODY_LIMIT


@each_profile
def test_cfn_lint_has_nothing_to_say(profile: Profile) -> None:
    from cfnlint.api import ManualArgs, lint

    found = lint(to_yaml(build_template(profile)), config=ManualArgs(include_checks=["I"]))
    assert [str(match) for match in found] == []


def test_cfn_lint_is_asked_in_earnest(template: dict[str, Any]) -> None:
    from cfnlint.api import lint

    template["Resources"]["CrossAccountExecutionRole"]["Properties"]["Colour"] = "red"
    assert [match.rule.id for match in lint(to_yaml(template))] == ["E3002"]


def test_a_template_is_its_callers_to_change(template: dict[str, Any]) -> None:
    text = to_yaml(template)
    (role,) = template["Resources"].values()
    role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].clear()
    template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].clear()
    template["Parameters"]["ExternalId"]["Default"] = "none"
    assert to_yaml(build_template(load_profile("documented"))) == text


# Its sizes


@pytest.mark.parametrize(
    ("documents", "size"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([{"Version": "2012-10-17"}], 24, id="one"),
        pytest.param([{"Statement": []}, {"Statement": []}], 32, id="two"),
        pytest.param([json.loads('{\n  "Statement" : [ ]\n}')], 16, id="spread out"),
    ],
)
def test_a_policy_is_as_long_as_its_text_without_white_space(
    documents: list[dict[str, Any]], size: int
) -> None:
    assert policy_size(*documents) == size


@each_profile
@each_partition
def test_the_longest_role_fits_into_iam(profile: Profile, partition: str) -> None:
    role = profile.role(values(partition=partition, **LONGEST))
    assert len(LONGEST["external_id"]) < policy_size(role.trust) <= TRUST_POLICY_LIMIT
    assert 0 < policy_size(*role.policies.values()) <= INLINE_POLICIES_LIMIT
    assert policy_size(role.boundary or {}) <= MANAGED_POLICY_LIMIT
