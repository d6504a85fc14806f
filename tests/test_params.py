"""What params accept, what they refuse, and that a refusal says why without telling a secret."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.errors import ParamsError
from xacct_kit.params import Params, parse_overrides, split_reference

PARAMS = Path(__file__).parents[1] / "params"
SECRET = "hunter2-hunter2"

VALUES: dict[str, Any] = {
    "main_account": "222222222222",
    "member_accounts": ["333333333333"],
    "external_id": "sandbox-external-id",
}
IN_AWS: dict[str, Any] = {**VALUES, "environment": "aws", "external_id": "env:XACCT_EXTERNAL_ID"}


def faults(make: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ParamsError) as caught:
        make()
    return caught.value.faults


def faults_of(**values: Any) -> tuple[str, ...]:
    return faults(lambda: Params.of(**{**VALUES, **values}))


# Files


@pytest.mark.parametrize("path", sorted(PARAMS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_in_params_loads(path: Path) -> None:
    params = Params.load(path)
    assert params.environment == ("sandbox" if path.stem == "sandbox" else "aws")
    assert params.partition == {"china": "aws-cn", "govcloud": "aws-us-gov"}.get(path.stem, "aws")


def test_params_has_the_files_that_are_spoken_of() -> None:
    names = {path.stem for path in PARAMS.iterdir()}
    assert names == {"sandbox", "account", "organization", "china", "govcloud"}


def test_overrides_take_the_place_of_the_file() -> None:
    params = Params.load(PARAMS / "sandbox.yaml", member_accounts=["222222222222"], wait_seconds=5)
    assert (params.member_accounts, params.wait_seconds) == (("222222222222",), 5)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "does not hold keys and values", id="empty"),
        pytest.param("- a\n- b\n", "does not hold keys and values", id="list"),
        pytest.param("region: us-east-1\nmain: [\n", "line 3: expected the node content", id="syntax"),
        pytest.param("region: us-east-1\nregion: x\n", "line 2: region is given twice", id="key twice"),
        pytest.param("stack_tags: {a: b, a: c}\n", "line 1: a is given twice", id="nested key twice"),
        pytest.param("external_id: !!python/name:os.system\n", "line 1: could not determine", id="object"),
        pytest.param("stack_tags: {Day: 2024-13-45}\n", "line 1: is no timestamp", id="no such day"),
        pytest.param("a: \x00\n", "line 1: the character U+0000", id="binary"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    (line,) = faults(lambda: Params.load(path))
    assert line.startswith(str(path))
    assert fault in line


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    assert faults(lambda: Params.load(path)) == (f"{path}: No such file or directory",)


@pytest.mark.parametrize("key", ["1st", "self", "cls", "path", "values"])
def test_any_key_of_a_file_is_judged_as_a_key(tmp_path: Path, key: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"{key}: x\n", encoding="utf-8")
    assert any(line.startswith(f"{key}: ") for line in faults(lambda: Params.load(path)))


# Account IDs


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param("333333333333", "333333333333 is a number", id="number"),
        pytest.param("3333_3333_3333", "333333333333 is a number", id="underscores"),
        pytest.param("333333333333.0", "333333333333.0 is a number", id="float"),
    ],
)
def test_a_number_is_refused_as_an_account(tmp_path: Path, written: str, fault: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        f'main_account: {written}\nmember_accounts: ["444455556666", {written}]\nexternal_id: a-b\n',
        encoding="utf-8",
    )
    advice = "YAML drops leading zeros, put it in quotes"
    assert faults(lambda: Params.load(path)) == (
        f"main_account: {fault}; {advice}",
        f"member_accounts[1]: {fault}; {advice}",
    )


@pytest.mark.parametrize("written", ["012345670123", "033333333333"])
def test_a_leading_zero_is_refused_before_it_is_lost(tmp_path: Path, written: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"region: us-east-1\nmain_account: {written}\n", encoding="utf-8")
    (line,) = faults(lambda: Params.load(path))
    assert line.startswith(f"{path}, line 2: a number has ")
    assert line.endswith("; put it in quotes if it is text")


@pytest.mark.parametrize(
    "account", ["33333333333", "3333333333333", "3333-3333-3333", " 333333333333", "٣" * 12]
)
def test_an_account_is_twelve_digits(account: str) -> None:
    (line,) = faults_of(main_account=account)
    assert line == f"main_account: {account!r} is not an account ID, which is 12 digits and nothing else"


@pytest.mark.parametrize(
    "given",
    [
        ["012345678901", "444455556666"],
        ("012345678901", "444455556666"),
        "012345678901,444455556666",
        "012345678901, 444455556666",
    ],
)
def test_member_accounts_are_a_list_or_separated_by_commas(given: object) -> None:
    assert Params.of(**{**VALUES, "member_accounts": given}).member_accounts == (
        "012345678901",
        "444455556666",
    )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        pytest.param([], "names no account; an empty list never means all accounts", id="empty list"),
        pytest.param("", "names no account; an empty list never means all accounts", id="empty text"),
        pytest.param(None, "is empty", id="null"),
        pytest.param({"a": 1}, "is not a list", id="mapping"),
        pytest.param(
            ["444455556666", "333333333333", "444455556666"], "names more than once: 444455556666", id="twice"
        ),
    ],
)
def test_member_accounts_say_which_accounts(given: object, fault: str) -> None:
    assert faults_of(member_accounts=given) == (f"member_accounts: {fault}",)


@given(st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), min_size=1, unique=True))
def test_any_accounts_come_out_as_they_went_in(accounts: list[str]) -> None:
    listed = Params.of(**{**VALUES, "member_accounts": accounts})
    joined = Params.of(**{**VALUES, **parse_overrides([f"member_accounts={','.join(accounts)}"])})
    assert listed == joined
    assert listed.member_accounts == tuple(accounts)


# The external ID


@pytest.mark.parametrize(
    "reference",
    [
        "env:XACCT_EXTERNAL_ID",
        "file:/run/secrets/external id",
        "ssm:/service-workbench/external-id",
        "secretsmanager:service-workbench/external-id",
        "secretsmanager:arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:external-id-AbCdEf",
    ],
)
def test_a_reference_is_taken_and_shown(reference: str) -> None:
    params = Params.of(**{**IN_AWS, "external_id": reference})
    assert reference in repr(params)
    assert ":".join(split_reference(params.external_id) or ()) == reference


@pytest.mark.parametrize("literal", ["aB", "x" * 1224, "A-1_+=,.@:/x", "other:thing", "environment"])
def test_a_literal_is_taken_in_the_sandbox_and_never_shown(literal: str) -> None:
    params = Params.of(**{**VALUES, "external_id": literal})
    assert params.external_id == literal
    assert split_reference(literal) is None
    assert "external_id='…'" in str(params)
    assert "external_id='…'" in repr(params)


ROLE = {"management_role": "ManagementRole"}


@pytest.mark.parametrize("literal", ["aB", "x" * 1224, "A-1_+=,.@:/x"])
def test_the_management_role_s_external_id_is_never_shown_either(literal: str) -> None:
    params = Params.of(**{**VALUES, **ROLE, "management_external_id": literal})
    assert params.management_external_id == literal
    assert "management_external_id='…'" in repr(params)
    assert "management_external_id=None" in repr(Params.of(**VALUES))


def test_outside_the_sandbox_it_is_referred_to() -> None:
    key = "management_external_id"
    assert Params.of(**{**IN_AWS, **ROLE, key: "env:THEIRS"}).management_external_id == "env:THEIRS"
    (fault,) = faults(lambda: Params.of(**{**IN_AWS, **ROLE, key: SECRET}))
    assert fault.startswith("management_external_id: a literal is for the sandbox only")
    assert SECRET not in fault


@pytest.mark.parametrize("role", [None, "none", ""])
def test_it_means_nothing_without_the_role(role: str | None) -> None:
    values = {"management_role": role, "management_external_id": "env:THEIRS"}
    assert faults_of(**values) == ("management_external_id: means nothing without management_role",)


@pytest.mark.parametrize("environment", ["sandbox", "aws", "nowhere"])
@pytest.mark.parametrize("text", ["env:", f"env:{SECRET}", "file:", "ssm:", "ssm:a b", "secretsmanager:a b"])
def test_what_begins_like_a_reference_is_one(environment: str, text: str) -> None:
    lines = faults_of(environment=environment, external_id=text)
    assert any(line.startswith("external_id: begins like a reference but is not ") for line in lines)
    assert SECRET not in "".join(lines)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"environment": "aws", "external_id": SECRET}, id="literal in aws"),
        pytest.param({"external_id": f"{SECRET}!"}, id="character"),
        pytest.param({"external_id": SECRET * 100}, id="length"),
        pytest.param({**ROLE, "management_external_id": f"{SECRET}!"}, id="their character"),
        pytest.param({**ROLE, "management_external_id": [SECRET]}, id="their list"),
        pytest.param({"management_external_id": SECRET}, id="theirs without role"),
        pytest.param({"external_id": [SECRET]}, id="list"),
        pytest.param({"external_id": {SECRET: SECRET}}, id="mapping"),
        pytest.param({"external_id": SECRET.encode()}, id="bytes"),
        pytest.param({"external_idd": SECRET}, id="key misspelt"),
        pytest.param({"external_id": SECRET, "main_account": "1"}, id="another fault"),
        pytest.param({"sandbox_endpoint": f"http://me:{SECRET}@127.0.0.1:5000"}, id="password"),
    ],
)
def test_a_refusal_never_repeats_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(ParamsError) as caught:
        Params.of(**{**VALUES, **values})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text", [f"external_id: {SECRET}: x\n", f"external_id: [{SECRET}\n", f"external_id: '{SECRET}\n"]
)
def test_broken_yaml_never_repeats_a_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        Params.load(path)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_literal_in_aws_is_told_how_to_refer_to_it() -> None:
    assert faults_of(environment="aws") == (
        "external_id: a literal is for the sandbox only; "
        "refer to it: env:NAME, file:path, ssm:/path, secretsmanager:name-or-arn",
    )


# The other keys


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("environment", "prod", "must be 'sandbox' or 'aws', not 'prod'"),
        ("partition", "aws-iso", "must be 'aws', 'aws-cn' or 'aws-us-gov', not 'aws-iso'"),
        ("region", "us-east", "'us-east' is not a region of partition aws, such as us-east-1"),
        ("region", "cn-north-1", "'cn-north-1' is not a region of partition aws, such as us-east-1"),
        ("region", "us-gov-west-1", "'us-gov-west-1' is not a region of partition aws, such as us-east-1"),
        ("region", "us-iso-east-1", "'us-iso-east-1' is not a region of partition aws, such as us-east-1"),
        ("role_name", "a b", "'a b' is not a role's name: 1 to 64 letters, digits or +=,.@_-"),
        ("role_name", "x" * 65, f"{'x' * 65!r} is not a role's name: 1 to 64 letters, digits or +=,.@_-"),
        ("role_name", False, "is not text; put it in quotes"),
        ("api_handler_role", "role/A", "'role/A' is not a role's name: 1 to 64 letters, digits or +=,.@_-"),
        (
            "stack_name",
            "1st",
            "'1st' is not a stack's name: a letter, then up to 127 letters, digits and -",
        ),
        ("stack_tags", "a", "is not made of keys and values"),
        ("stack_tags", {"aws:a": "b"}, "'aws:a' begins with aws:, which is kept for AWS"),
        ("stack_tags", {"a": ""}, "'a': a key has 1 to 128 characters, a value 1 to 256"),
        ("stack_tags", {str(n): "x" for n in range(51)}, "has 51 tags; a stack takes 50"),
        ("management_account", "1", "'1' is not an account ID, which is 12 digits and nothing else"),
        ("management_role", "a b", "'a b' is not a role's name: 1 to 64 letters, digits or +=,.@_-"),
        ("profile", "", "'' is not a name: it is empty or begins or ends with a space"),
        ("max_cost_usd", -0.01, "must be greater than or equal to 0, not -0.01"),
        ("max_cost_usd", float("nan"), "must be a finite number, not nan"),
        ("max_cost_usd", "1", "must be a valid number, not '1'"),
        ("wait_seconds", 0, "must be greater than or equal to 1, not 0"),
        ("wait_seconds", 3601, "must be less than or equal to 3600, not 3601"),
        ("wait_seconds", 1.5, "must be a valid integer, not 1.5"),
        ("wait_seconds", True, "must be a valid integer, not True"),
        ("sandbox_accounts", 50_001, "must be less than or equal to 50000, not 50001"),
    ],
)
def test_a_value_that_cannot_be_meant_is_one_line(key: str, value: object, fault: str) -> None:
    assert faults_of(**{key: value}) == (f"{key}: {fault}",)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "http://localhost:5000/", "http://[::1]:5000", "http://127.8.9.1"]
)
def test_a_sandbox_is_on_this_machine(url: str) -> None:
    assert Params.of(**{**VALUES, "sandbox_endpoint": url}).sandbox_endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:5000",
        "http://192.0.2.1:5000",
        "http://127.0.0.1.example.com",
        "http://sts.amazonaws.com",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1/path",
        "http://user@127.0.0.1",
        "http://[::1",
        "127.0.0.1:5000",
    ],
)
def test_a_sandbox_elsewhere_is_refused(url: str) -> None:
    assert faults_of(sandbox_endpoint=url) == (
        "sandbox_endpoint: must be the URL of a server on this machine, such as http://127.0.0.1:5000",
    )


@pytest.mark.parametrize(
    ("partition", "region"),
    [
        ("aws", "eu-central-1"),
        ("aws", "ap-southeast-7"),
        ("aws", "mx-central-1"),
        ("aws-cn", "cn-northwest-1"),
        ("aws-us-gov", "us-gov-east-1"),
    ],
)
def test_a_region_of_the_partition_is_taken(partition: str, region: str) -> None:
    assert Params.of(**{**VALUES, "partition": partition, "region": region}).region == region


def test_a_partition_needs_a_region_of_its_own() -> None:
    assert faults_of(partition="aws-cn") == (
        "region: 'us-east-1' is not a region of partition aws-cn, such as cn-north-1",
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sandbox_scenario", "role-missing"),
        ("sandbox_accounts", 3),
        ("sandbox_endpoint", "http://127.0.0.1:5000"),
    ],
)
def test_a_key_of_the_sandbox_means_nothing_in_aws(key: str, value: object) -> None:
    assert faults(lambda: Params.of(**{**IN_AWS, key: value})) == (
        f"{key}: means nothing in environment aws; leave it out",
    )


def test_a_key_of_the_sandbox_at_its_default_is_no_wish() -> None:
    params = Params.of(**IN_AWS)
    assert Params.of(**params.model_dump()) == params


@pytest.mark.parametrize("key", ["untrusted_role", "access_profile", "access_role", "sandbox_endpoint"])
@pytest.mark.parametrize("written", [None, "none", "None", "null", ""])
def test_some_keys_may_be_without_a_value(key: str, written: str | None) -> None:
    assert getattr(Params.of(**{**VALUES, key: written}), key) is None


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("regoin", "regoin: is no key of params; did you mean region?"),
        ("member_account", "member_account: is no key of params; did you mean member_accounts?"),
        ("zzz", "zzz: is no key of params"),
    ],
)
def test_an_unknown_key_names_the_nearest(key: str, fault: str) -> None:
    assert faults_of(**{key: "x"}) == (fault,)


def test_all_faults_are_told_at_once() -> None:
    lines = faults(
        lambda: Params.of(environment="aws", region="cn-north-1", external_id="plain", wait_seconds=0, x=1)
    )
    assert [line.split(":")[0] for line in lines] == [
        "region",
        "main_account",
        "member_accounts",
        "external_id",
        "wait_seconds",
        "x",
    ]
    assert "main_account: is missing (account that runs Service Workbench)" in lines


# As an object


def test_params_do_not_change() -> None:
    params = Params.of(**VALUES)
    with pytest.raises(ValueError, match="frozen"):
        params.region = "eu-west-1"  # type: ignore[misc]


def test_params_survive_pickling() -> None:
    params = Params.of(**VALUES, stack_tags={"Team": "research"})
    assert pickle.loads(pickle.dumps(params)) == params


# Notebooks


def test_a_parameters_cell_gives_back_the_file() -> None:
    cell = Params.notebook_cell(PARAMS / "sandbox.yaml", stack_tags={"Team": "research"}, wait_seconds=5)
    namespace: dict[str, Any] = {}
    exec(cell, namespace)
    expected = Params.load(PARAMS / "sandbox.yaml", stack_tags={"Team": "research"}, wait_seconds=5)
    assert Params.of_namespace(namespace) == expected


def test_a_parameters_cell_says_type_and_meaning_of_each_key() -> None:
    lines = Params.notebook_cell(PARAMS / "account.yaml").splitlines()
    assert [line.split(":")[0] for line in lines] == list(Params.model_fields)
    assert lines[4] == 'member_accounts: list[str] = ["444455556666"]  # accounts to onboard'
    assert lines[7].startswith('untrusted_role: "Optional[str]" = "NotebookRole"  # main\'s role that ')
    assert max(len(line) for line in lines) <= 110


@pytest.mark.parametrize("name", ["_i", "In", "xk", "Path", "frame", "n"])
def test_what_a_notebook_has_of_its_own_is_left_alone(name: str) -> None:
    assert Params.of_namespace({**VALUES, name: "own", "load": Params.load}) == Params.of(**VALUES)


def test_a_misspelt_parameter_of_a_notebook_is_named() -> None:
    fault = "regoin: is no key of params; did you mean region?"
    assert faults(lambda: Params.of_namespace({**VALUES, "regoin": "us-east-1"})) == (fault,)


def of_cells(*cells: str) -> Params:
    """Params of a kernel that has run these cells after the parameters cell."""
    namespace: dict[str, Any] = dict(VALUES)
    for cell in cells:
        exec(cell, namespace)
    return Params.of_namespace({**namespace, "In": ["", "environment = 'sandbox'", *cells, "last"]})


@pytest.mark.parametrize(
    ("injected", "fault"),
    [
        ("regoin = 'us-east-1'", "regoin: is no key of params; did you mean region?"),
        ("accounts = ['333333333333']", "accounts: is no key of params; did you mean main_account?"),
        ("colour = None", "colour: is no key of params"),
        ("limit = float('nan')", "limit: is no key of params"),
        ("role_name = 7", "role_name: is not text; put it in quotes"),
    ],
)
def test_what_papermill_injects_has_to_be_a_key(injected: str, fault: str) -> None:
    assert faults(lambda: of_cells(f"# Parameters\n{injected}\nwait_seconds = 5\n")) == (fault,)


ORGANIZATION = {"sandbox_scenario": "role-missing", "sandbox_accounts": 12, "member_accounts": []}


def injected(values: Mapping[str, Any]) -> str:
    return "".join(["# Parameters\n", *(f"{name} = {value!r}\n" for name, value in values.items())])


@pytest.mark.parametrize("file", ["account", "organization", "china", "govcloud"])
def test_of_a_notebook_that_is_run_on_aws_nothing_is_taken_but_where_results_go(file: str) -> None:
    path = PARAMS / f"{file}.yaml"
    sandbox = Params.notebook_cell(PARAMS / "sandbox.yaml", organizational_units=["root"], **ORGANIZATION)
    cell = injected(yaml.safe_load(path.read_text()))
    namespace: dict[str, Any] = {"In": ["", sandbox, cell]}
    exec(f"{sandbox}\n{cell}", namespace)
    assert Params.of_namespace({**namespace, "out": "runs/here"}) == Params.load(path, out="runs/here")


def test_a_notebook_that_is_run_on_aws_is_told_which_accounts() -> None:
    sandbox = Params.notebook_cell(PARAMS / "sandbox.yaml", organizational_units=["root"], **ORGANIZATION)
    cell = injected({"environment": "aws", "main_account": "111122223333", "external_id": "env:NAME"})
    namespace: dict[str, Any] = {"In": ["", sandbox, cell]}
    exec(f"{sandbox}\n{cell}", namespace)
    assert faults(lambda: Params.of_namespace(namespace)) == (
        "member_accounts: is missing, and so is organizational_units: say which accounts to onboard",
    )


@pytest.mark.parametrize(
    "cell",
    [
        "colour = 'own'",
        "# My parameters\ncolour = 'own'",
        "# Parameters\nimport math\ncolour = math.pi",
        "# Parameters\nwait_seconds = 5\n",
    ],
)
def test_what_somebody_writes_in_a_notebook_is_not_taken_for_papermill(cell: str) -> None:
    assert of_cells(cell).region == Params.of(**VALUES).region


@pytest.mark.parametrize(
    "history", [None, "In", ["# Parameters\n%magic"], [7], ["# Parameters\nx ="]], ids=repr
)
def test_a_history_that_cannot_be_read_is_passed_over(history: object) -> None:
    assert Params.of_namespace({**VALUES, "In": history}) == Params.of(**VALUES)


# The command line


def test_overrides_keep_text_and_read_numbers() -> None:
    given = [
        "main_account=012345678901",
        "stack_name=123",
        "access_role=none",
        "external_id=env:A=B",
        "wait_seconds=60",
        "max_cost_usd=0.5",
        "stack_tags={Team: research}",
        "unknown=1",
    ]
    assert parse_overrides(given) == {
        "main_account": "012345678901",
        "stack_name": "123",
        "access_role": "none",
        "external_id": "env:A=B",
        "wait_seconds": 60,
        "max_cost_usd": 0.5,
        "stack_tags": {"Team": "research"},
        "unknown": "1",
    }


def test_overrides_that_cannot_be_read_are_told_at_once_and_not_repeated() -> None:
    given = ["region=eu-west-1", SECRET, "region=eu-west-2", "stack_tags={a", "stack_tags={a: b, a: c}"]
    lines = faults(lambda: parse_overrides(given))
    assert lines[:2] == ("-p number 2: has no '='; write -p key=value", "region: is given twice")
    assert lines[2].startswith("stack_tags, line 1: ")
    assert lines[3] == "stack_tags, line 1: a is given twice"
    assert SECRET not in "".join(lines)


# Which accounts


@pytest.mark.parametrize("units", [["root"], ["r-ab12"], ["ou-ab12-cd34ef56", "ou-ab12-11112222"]])
def test_organizational_units_may_stand_for_accounts(units: list[str]) -> None:
    named = {name: value for name, value in VALUES.items() if name != "member_accounts"}
    for more in ({}, {"member_accounts": []}, {"member_accounts": ""}):
        params = Params.of(**named, **more, organizational_units=units)
        assert (params.member_accounts, params.organizational_units) == ((), tuple(units))
    assert Params.of(**named, organizational_units=",".join(units)).organizational_units == tuple(units)
    assert Params.of(**VALUES, organizational_units=units).member_accounts == ("333333333333",)


@pytest.mark.parametrize(
    "unit",
    ["", "Root", "ou-ab12", "r-AB12", "ou-ab12-cd34ef5", "arn:aws:organizations::1:ou/o-a/ou-a", "r-a "],
)
def test_an_organizational_unit_has_its_shape(unit: str) -> None:
    (line,) = faults_of(organizational_units=[unit])
    assert line.startswith(
        f"organizational_units[0]: {unit!r} is not an organizational unit: ou-xxxx-yyyyyyyy"
    )


def test_some_accounts_must_be_asked_for() -> None:
    named = {name: value for name, value in VALUES.items() if name != "member_accounts"}
    missing = "member_accounts: is missing, and so is organizational_units: say which accounts to onboard"
    assert faults(lambda: Params.of(**named)) == (missing,)
    assert faults(lambda: Params.of(**named, organizational_units=[])) == (missing,)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"organizational_units": ["root", "root"]}, "organizational_units: names more than once: root"),
        ({"organizational_units": {"a": "b"}}, "organizational_units: is not a list"),
        (
            {"exclude_accounts": ["1"]},
            "exclude_accounts[0]: '1' is not an account ID, which is 12 digits and ",
        ),
        ({"exclude_accounts": ["333333333333"]}, "exclude_accounts: leaves none of member_accounts"),
        ({"stack_set": "service-managed"}, "stack_set: service-managed goes to organizational_units"),
        ({"stack_set": "yes"}, "stack_set: "),
    ],
)
def test_what_cannot_be_meant_by_which_accounts(given: dict[str, Any], fault: str) -> None:
    (line,) = faults_of(**given)
    assert line.startswith(fault)
