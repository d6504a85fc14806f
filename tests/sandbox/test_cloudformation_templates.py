"""What a template may say, and what it comes to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.sandbox.cloudformation.dependencies import in_order
from xacct_kit.sandbox.cloudformation.functions import NO_VALUE, Scope, evaluate, references
from xacct_kit.sandbox.cloudformation.parameters import bind, declarations, referred, shown
from xacct_kit.sandbox.cloudformation.requests import read_template
from xacct_kit.sandbox.cloudformation.template import load
from xacct_kit.sandbox.cloudformation.types import RESOURCE_TYPES, lacks_capability
from xacct_kit.sandbox.faults import ServiceFault

HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
NAMED_ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": "xacct"}}


def body(**sections: Any) -> str:
    return json.dumps({"Resources": {"Handle": HANDLE}, **sections})


def parameter(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


SCOPE = Scope(
    mappings={"Partitions": {"aws-cn": {"suffix": "cn"}}},
    conditions={"Holds": True, "Fails": False},
    ref={
        "Name": "role",
        "Names": ["a", "b"],
        "AWS::Partition": "aws-cn",
        "AWS::NoValue": NO_VALUE,
    }.__getitem__,
    get_att=lambda name, attribute: f"{name}/{attribute}",
    import_value=lambda name: f"exported {name}",
)

FUNCTIONS = [
    ("Ref", "!Ref Name", "role"),
    ("Sub with a parameter", "!Sub 'a-${Name}-b'", "a-role-b"),
    ("Sub with an attribute", "!Sub '${Role.Arn}'", "Role/Arn"),
    ("Sub with variables", "!Sub ['${x}-${Name}', {x: !Ref 'AWS::Partition'}]", "aws-cn-role"),
    ("Sub leaves a literal", "!Sub '${!aws:username}'", "${aws:username}"),
    ("GetAtt with a dot", "!GetAtt Role.Arn", "Role/Arn"),
    ("GetAtt with a list", "!GetAtt [Role, Arn]", "Role/Arn"),
    ("GetAtt in long form", "{'Fn::GetAtt': [Role, Arn]}", "Role/Arn"),
    ("Join", "!Join [':', [a, !Ref Name, 1]]", "a:role:1"),
    ("Join of a list parameter", "!Join ['+', !Ref Names]", "a+b"),
    ("Join without NoValue", "!Join ['+', [a, !Ref 'AWS::NoValue']]", "a"),
    ("Select", "!Select [1, [a, b]]", "b"),
    ("Select with text as index", "!Select ['0', !Split ['/', 'x/y']]", "x"),
    ("Split", "!Split ['/', 'x/y']", ["x", "y"]),
    ("If true", "!If [Holds, a, b]", "a"),
    ("If false", "!If [Fails, a, b]", "b"),
    ("If leaves out a property", "{a: 1, b: !If [Fails, 2, !Ref 'AWS::NoValue']}", {"a": 1}),
    ("Equals", "!Equals [!Ref Name, role]", True),
    ("Equals compares as text", "!Equals [true, 'true']", True),
    ("And", "!And [!Condition Holds, !Condition Fails]", False),
    ("Or", "!Or [!Condition Holds, !Condition Fails]", True),
    ("Not", "!Not [!Condition Fails]", True),
    ("FindInMap", "!FindInMap [Partitions, !Ref 'AWS::Partition', suffix]", "cn"),
    ("Base64", "!Base64 text", base64.b64encode(b"text").decode()),
    ("ImportValue", "!ImportValue {'Fn::Sub': '${Name}-arn'}", "exported role-arn"),
    (
        "a policy's Condition is no function",
        "{Condition: {Bool: {a: 'b'}}}",
        {"Condition": {"Bool": {"a": "b"}}},
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in FUNCTIONS], ids=[row[0] for row in FUNCTIONS]
)
def test_functions_come_to(text: str, expected: Any) -> None:
    assert evaluate(_value(text), SCOPE) == expected


def _value(text: str) -> Any:
    """A value as a YAML template gives it."""
    document = f"Resources: {{A: {{Type: AWS::X, Properties: {{Value: {text}}}}}}}"
    return load(document).resources["A"].properties["Value"]


FUNCTION_FAULTS = [
    ("Select beyond the end", "!Select [2, [a, b]]", "nonexistent value at index 2"),
    (
        "FindInMap of nothing",
        "!FindInMap [Partitions, aws, suffix]",
        "Unable to get mapping for Partitions::aws::suffix",
    ),
    (
        "FindInMap of too little",
        "!FindInMap [Partitions, aws-cn]",
        "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute",
    ),
    ("Join of a map", "!Join [':', [{a: b}]]", "can only use values that are text"),
    ("a function that is not offered", "!Cidr [a, 1, 2]", "does not offer the function Fn::Cidr"),
]


@pytest.mark.parametrize(
    ("text", "message"), [row[1:] for row in FUNCTION_FAULTS], ids=[r[0] for r in FUNCTION_FAULTS]
)
def test_functions_are_refused(text: str, message: str) -> None:
    with pytest.raises(ServiceFault, match=message):
        evaluate(_value(text), SCOPE)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("!Sub '${A}-${B.Arn}-${!C}'", {"A", "B"}),
        ("!Sub ['${x}-${A}', {x: !Ref B}]", {"A", "B"}),
        ("!If [Holds, !Ref A, !GetAtt B.Arn]", {"A"}),
        ("{a: [!Ref A], b: {c: !Ref B}}", {"A", "B"}),
        ("plain", set()),
    ],
)
def test_references_are_found_in_the_branches_that_are_taken(text: str, names: set[str]) -> None:
    assert {reference.name for reference in references(_value(text), {"Holds": True})} == names


@given(st.dictionaries(st.sampled_from(["Action", "Resource", "x"]), st.recursive(st.booleans(), st.lists)))
def test_a_value_without_functions_is_itself(value: dict[str, Any]) -> None:
    assert evaluate(value, SCOPE) == value


def test_dates_stay_text() -> None:
    template = load(
        "AWSTemplateFormatVersion: 2010-09-09\nResources: {A: {Type: B, Properties: {V: 2012-10-17}}}"
    )
    assert template.version == "2010-09-09"
    assert template.resources["A"].properties == {"V": "2012-10-17"}


def test_yaml_and_json_say_the_same() -> None:
    text = body(Parameters={"Id": {"Type": "String"}}, Outputs={"Id": {"Value": {"Ref": "Id"}}})
    from_json, from_yaml = load(text), load(yaml.safe_dump(json.loads(text)))
    assert (from_json.resources, from_json.outputs) == (from_yaml.resources, from_yaml.outputs)


REFUSED_TEMPLATES = [
    ("too long", body(Description="x" * 51_200), "length less than or equal to 51200"),
    ("broken JSON", "{", "JSON not well-formed"),
    ("broken YAML", "a: [", "YAML not well-formed"),
    ("no object", "text", "unsupported structure"),
    ("no resources", "{}", "At least one Resources member must be defined"),
    ("an unknown section", body(Resource={}), r"Invalid template property or properties \[Resource\]"),
    (
        "another version",
        body(AWSTemplateFormatVersion="2020-01-01"),
        "unsupported value for AWSTemplateFormatVersion",
    ),
    (
        "a transform",
        body(Transform="AWS::Serverless-2016-10-31"),
        "does not offer the template section Transform",
    ),
    ("a dynamic reference", body(Description="{{resolve:ssm:x}}"), "does not offer dynamic references"),
    ("a resource without a type", body(Resources={"A": {}}), "must contain a Type member"),
    ("a strange logical ID", body(Resources={"A-b": HANDLE}), "A-b is non alphanumeric"),
    ("an unknown resource key", body(Resources={"A": {**HANDLE, "Depends": "B"}}), "property 'Depends'"),
    (
        "a creation policy",
        body(Resources={"A": {**HANDLE, "CreationPolicy": {}}}),
        "attribute CreationPolicy",
    ),
    (
        "an unknown type",
        body(Resources={"A": {"Type": "AWS::X"}}),
        r"^ValidationError: Template format error: Unrecognized resource types: \[AWS::X\]",
    ),
    (
        "a real type that is not offered",
        body(Resources={"A": {"Type": "AWS::EC2::Instance"}}),
        r"Unrecognized resource types: \[AWS::EC2::Instance\]",
    ),
    (
        "a reference to nothing",
        body(Resources={"A": parameter({"Ref": "X"})}),
        r"Template format error: Unresolved resource dependencies \[X\] in the Resources block of "
        r"the template$",
    ),
    (
        "a reference to nothing inside Sub",
        body(Resources={"A": parameter({"Fn::Sub": "${X}"})}),
        r"Unresolved resource dependencies \[X\] in the Resources block",
    ),
    (
        "DependsOn of nothing",
        body(Resources={"A": {**HANDLE, "DependsOn": "X"}}),
        r"Unresolved resource dependencies \[X\] in the Resources block",
    ),
    (
        "an output of nothing",
        body(Outputs={"A": {"Value": {"Ref": "X"}}}),
        r"Unresolved resource dependencies \[X\] in the Outputs block",
    ),
    (
        "an attribute of nothing",
        body(Resources={"A": parameter({"Fn::GetAtt": ["X", "Arn"]})}),
        "Fn::GetAtt references undefined resource X",
    ),
    (
        "an unknown condition",
        body(Resources={"A": {**HANDLE, "Condition": "X"}}),
        "Unresolved condition dependency X in the Resources block",
    ),
    (
        "a condition about a resource",
        body(Conditions={"C": {"Fn::Equals": [{"Ref": "Handle"}, "a"]}}),
        "Cannot reference resources in the Conditions block",
    ),
    (
        "resources in a circle",
        body(Resources={"A": parameter({"Ref": "B"}), "B": parameter({"Ref": "A"})}),
        r"Circular dependency between resources: \[A, B\]",
    ),
    (
        "conditions in a circle",
        body(Conditions={"A": {"Fn::Not": [{"Condition": "A"}]}}),
        r"Circular dependency between conditions: \[A\]",
    ),
    ("a mapping of text", body(Mappings={"M": {"a": "b"}}), "Every Mappings member M must be a map$"),
    *(
        (
            f"{what} of a wrong form",
            text,
            "^ValidationError: Template format error: a value is not of the form",
        )
        for what, text in (
            ("DependsOn", body(Resources={"A": {**HANDLE, "DependsOn": 5}})),
            ("a deletion policy", body(Resources={"A": {**HANDLE, "DeletionPolicy": []}})),
            ("a parameter's type", body(Parameters={"P": {"Type": {}}})),
            ("a variable of Sub", body(Resources={"A": parameter({"Fn::Sub": ["${X}", None]})})),
            ("a nest", '{"Resources":' + "[" * 50_000),
        )
    ),
    (
        "a parameter type that is not offered",
        body(Parameters={"P": {"Type": "AWS::EC2::VPC::Id"}}),
        "does not offer the parameter type AWS::EC2::VPC::Id",
    ),
]


@pytest.mark.parametrize(
    ("text", "message"), [r[1:] for r in REFUSED_TEMPLATES], ids=[r[0] for r in REFUSED_TEMPLATES]
)
def test_templates_are_refused(text: str, message: str) -> None:
    with pytest.raises(ServiceFault, match=message):
        read_template(text)


def test_a_template_of_51200_bytes_is_taken() -> None:
    text = body(Description="")
    assert read_template(body(Description="x" * (51_200 - len(text)))).description.startswith("x")


@given(st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 30), max_size=4), max_size=30))
def test_what_is_needed_comes_first(needs: dict[int, set[int]]) -> None:
    # Needing only smaller numbers, they are never in a circle.
    names = {
        str(name): [str(each) for each in each_needs if each < name] for name, each_needs in needs.items()
    }
    order = in_order(names, "resources")
    assert all(
        order.index(each) < order.index(name) for name, each_needs in names.items() for each in each_needs
    )


DECLARED = {
    "Id": {"Type": "String", "NoEcho": True, "MinLength": 2, "MaxLength": 8, "AllowedPattern": "[a-z-]*"},
    "Described": {
        "Type": "String",
        "Default": "ok",
        "AllowedPattern": "[a-z]*",
        "ConstraintDescription": "letters only",
    },
    "Size": {"Type": "String", "Default": "small", "AllowedValues": ["small", "large"]},
    "Count": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 5},
    "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
}

REFUSED_PARAMETERS = [
    ("missing", {}, r"^ValidationError: Parameters: \[Id\] must have values$"),
    ("unknown", {"Id": "ok", "Other": "x"}, r"Parameters: \[Other\] do not exist in the template"),
    ("too short", {"Id": "a"}, "Parameter 'Id' must contain at least 2 characters"),
    ("too long", {"Id": "abcdefghi"}, "Parameter 'Id' must contain at most 8 characters"),
    ("another pattern", {"Id": "AB"}, r"Parameter 'Id' must match pattern \[a-z-\]\*"),
    ("the pattern is for all of it", {"Id": "abX"}, "must match pattern"),
    (
        "described",
        {"Id": "ok", "Described": "1"},
        "Parameter Described failed to satisfy constraint: letters only",
    ),
    ("not allowed", {"Id": "ok", "Size": "huge"}, "Parameter 'Size' must be one of AllowedValues"),
    ("no number", {"Id": "ok", "Count": "many"}, "Parameter 'Count' must be a number"),
    ("too small", {"Id": "ok", "Count": "0"}, "not less than 1"),
    ("too great", {"Id": "ok", "Count": "6"}, "not greater than 5"),
]


@pytest.mark.parametrize(
    ("values", "message"), [r[1:] for r in REFUSED_PARAMETERS], ids=[r[0] for r in REFUSED_PARAMETERS]
)
def test_parameters_are_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ServiceFault, match=message):
        bind(read_template(body(Parameters=DECLARED)), _given(values))


def _given(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_parameters_come_to_values_defaults_and_lists() -> None:
    template = read_template(body(Parameters=DECLARED))
    values = bind(template, _given({"Id": "first-id", "Size": "large"}))
    expected = {"Id": "first-id", "Described": "ok", "Size": "large", "Count": "3", "Names": ["a", "b"]}
    assert referred(template, values) == expected


def test_an_update_may_use_the_previous_value() -> None:
    template = read_template(body(Parameters=DECLARED))
    use_previous = [{"ParameterKey": "Id", "UsePreviousValue": True}]
    assert bind(template, use_previous, {"Id": "kept"})["Id"] == "kept"
    with pytest.raises(ServiceFault, match="Cannot specify usePreviousValue as true"):
        bind(template, use_previous)


def test_no_echo_is_hidden_wherever_parameters_are_shown() -> None:
    template = read_template(
        body(Parameters={"Id": {"Type": "String", "NoEcho": "true", "Default": "secret"}})
    )
    values = bind(template, [])
    everywhere = [shown(template, values), referred(template, values, hide=True), declarations(template)]
    assert "secret" not in json.dumps(everywhere)
    assert shown(template, values) == [{"ParameterKey": "Id", "ParameterValue": "****"}]


@pytest.mark.parametrize(
    ("resource", "given_capabilities", "lacking"),
    [
        (HANDLE, [], None),
        (ROLE, [], "CAPABILITY_IAM"),
        (ROLE, ["CAPABILITY_IAM"], None),
        (ROLE, ["CAPABILITY_NAMED_IAM"], None),
        (NAMED_ROLE, [], "CAPABILITY_NAMED_IAM"),
        (NAMED_ROLE, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        (NAMED_ROLE, ["CAPABILITY_NAMED_IAM"], None),
    ],
)
def test_capabilities(resource: dict[str, Any], given_capabilities: list[str], lacking: str | None) -> None:
    template = read_template(body(Resources={"A": resource}))
    assert lacks_capability(template, given_capabilities) == lacking


@pytest.mark.parametrize("name", RESOURCE_TYPES)
def test_what_a_resource_type_says_of_its_properties_fits_together(name: str) -> None:
    kind = RESOURCE_TYPES[name]
    named = {kind.name_property} if kind.name_property else set()
    assert kind.required | kind.replacing | named <= kind.properties
    assert named <= kind.replacing
    assert (kind.tags is not None) == ("Tags" in kind.properties)


def test_a_fault_tells_its_parts() -> None:
    fault = ServiceFault(400, "ValidationError", "no")
    assert (fault.status, fault.code, fault.message, str(fault)) == (
        400,
        "ValidationError",
        "no",
        "ValidationError: no",
    )
    with pytest.raises(AttributeError):
        fault.code = "Other"  # type: ignore[misc]
