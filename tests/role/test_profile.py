"""What a profile says: the documents, the trust of one member account, and who is trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from role_values import EXTERNAL_ID, MAIN, MEMBER, values

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.errors import ParamsError
from xacct_kit.iam import DocumentKind, Request, compile_document, decide
from xacct_kit.role.placeholders import PLACEHOLDERS, filled, texts
from xacct_kit.role.profile import PROFILES, Document, Profile, load_profile

SOURCE = Path(__file__).parents[2].parent / "shared" / "source" / "cross_account_execution_role.md"
DOCUMENTS = files("xacct_kit.role") / "documents"

OTHER = "999999999999"

each_partition = pytest.mark.parametrize("partition", PARTITIONS)
role_names = st.from_regex(r"[\w+=,.@-]{1,64}", fullmatch=True, alphabet=st.characters(codec="ascii"))
external_ids = st.from_regex(r"[\w+=,.@:/-]{2,40}", fullmatch=True, alphabet=st.characters(codec="ascii"))


@pytest.fixture
def documented() -> Profile:
    return load_profile("documented")


def trust_of(profile: Profile, partition: str = "aws") -> Document:
    return profile.role(values(partition=partition)).trust


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def meaning(document: Document) -> list[Mapping[str, Any]]:
    """The statements, however they are laid out: one alone or in a list, names in any order.

    The version is left out: it decides about policy variables alone, and no permission holds one.
    """
    statements = as_list(document["Statement"])
    return [{**each, "Action": sorted(as_list(each["Action"]))} for each in statements]


# Loading


def test_the_documented_profile_has_a_policy_for_each_service(documented: Profile) -> None:
    assert set(documented.permissions) == {
        "cloudformation",
        "cost_explorer",
        "ec2",
        "emr",
        "iam",
        "s3",
        "sagemaker",
        "ssm",
    }


def test_the_documented_profile_has_no_boundary(documented: Profile) -> None:
    assert documented.boundary is None


@pytest.mark.parametrize("name", ["", "Documented", "documented ", "documented.json"])
def test_a_profile_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_profile(name)
    assert caught.value.faults == (
        f"profile: there is no {name!r}; there is {', '.join(PROFILES)}, or a YAML file",
    )


# The documents


each_profile = pytest.mark.parametrize("profile", [load_profile(name) for name in PROFILES], ids=PROFILES)


def test_every_document_belongs_to_a_profile() -> None:
    written = [(DOCUMENTS / f"{name}.yaml").read_text(encoding="utf-8") for name in PROFILES]
    named = set(re.findall(r": (\S+\.json)$", "\n".join(written), re.MULTILINE))
    documents = Path(str(DOCUMENTS))
    assert {path.relative_to(documents).as_posix() for path in documents.rglob("*.json")} == named


@each_profile
def test_a_profile_has_the_name_that_it_is_asked_for_by_and_says_what_it_is(profile: Profile) -> None:
    assert load_profile(profile.name) == profile
    assert profile.description.endswith(".")


def test_hardened_is_documented_behind_a_boundary(documented: Profile) -> None:
    hardened = load_profile("hardened")
    assert (hardened.trust, hardened.permissions) == (documented.trust, documented.permissions)
    assert hardened.boundary is not None


def test_the_boundary_of_swb_is_what_it_permits() -> None:
    swb = load_profile("swb-6.2.2")
    assert [swb.boundary] == list(swb.permissions.values())


@each_profile
@each_partition
def test_every_role_can_be_read_strictly_and_has_no_placeholder_left(
    profile: Profile, partition: str
) -> None:
    role = profile.role(values(partition=partition))
    compile_document(role.trust, DocumentKind.TRUST)
    for document in (*role.policies.values(), *([role.boundary] if role.boundary else [])):
        compile_document(document)
    assert not [text for text in texts(vars(role)) if "${" in text]


@each_profile
def test_no_partition_region_or_account_is_written_down(profile: Profile) -> None:
    for text in texts(vars(profile)):
        assert not re.search(r"arn:(?!\$\{Partition\})|\d{12}|[a-z]{2}-[a-z]+-\d", text)


def test_the_external_id_is_not_shown() -> None:
    assert EXTERNAL_ID not in repr(values())


def test_no_statement_is_written_twice(documented: Profile) -> None:
    statements = [each for document in documented.permissions.values() for each in meaning(document)]
    actions = [action for each in statements for action in each["Action"]]
    assert len(actions) == len(set(actions))


def test_permissions_hold_no_placeholder_and_no_policy_variable(documented: Profile) -> None:
    assert not [text for text in texts(documented.permissions) if "${" in text]


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("cloudformation:CreateStack", True),
        ("cloudformation:DescribeStackEvents", True),
        ("cloudformation:UpdateStack", False),
        ("cloudformation:ListStacks", False),
        ("ce:GetCostAndUsage", True),
        ("ec2:RunInstances", True),
        ("elasticmapreduce:RunJobFlow", True),
        ("iam:CreateRole", True),
        ("iam:PassRole", True),
        ("s3:DeleteBucket", True),
        ("sagemaker:CreateNotebookInstance", True),
        ("ssm:GetParameter", True),
        ("ssmmessages:OpenDataChannel", False),
        ("sts:AssumeRole", False),
        ("organizations:LeaveOrganization", False),
    ],
)
def test_the_documented_role_may_do_what_analytics_need(
    documented: Profile, action: str, allowed: bool
) -> None:
    role = PARTITIONS["aws"].role_arn(MEMBER, "CrossAccountExecutionRole")
    request = Request(principal=role, action=action, resource="*")
    assert decide(request, identity=list(documented.permissions.values())).allowed is allowed


# The documents against the text that they come from


@pytest.fixture(scope="module")
def source() -> dict[str, Document]:
    """The documents of the source by the last heading above them, as names of our documents."""
    if not SOURCE.is_file():
        pytest.skip("the source document is not beside the repository")
    sections = re.split(r"^#+ (.+)$", SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    blocks = {
        heading.lower().replace(" ", "_"): block[1]
        for heading, text in zip(sections[::2], sections[1::2], strict=True)
        if (block := re.search(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    }
    return {name: json.loads(quoted(block)) for name, block in blocks.items()}


def quoted(text: str) -> str:
    """JSON with its placeholders in quotes; the source writes one without."""
    return re.sub(r": (\$\{\w+\})", r': "\1"', text)


def test_the_source_names_the_same_documents(source: dict[str, Document], documented: Profile) -> None:
    assert set(source) == {"trust_policy", *documented.permissions}


def test_the_trust_is_that_of_the_source(source: dict[str, Document], documented: Profile) -> None:
    kept = {name: f"${{{name}}}" for name in PLACEHOLDERS}
    ours = filled(documented.trust, {**kept, "Partition": "aws"})
    assert ours == source["trust_policy"]


@pytest.mark.parametrize("name", load_profile("documented").permissions)
def test_a_policy_means_what_the_source_says(
    source: dict[str, Document], documented: Profile, name: str
) -> None:
    assert meaning(documented.permissions[name]) == meaning(source[name])


# The trust of one member account


@each_partition
def test_the_trust_names_two_roles_of_main_and_the_member_itself(documented: Profile, partition: str) -> None:
    (statement,) = trust_of(documented, partition)["Statement"]
    assert statement["Principal"] == {
        "AWS": [
            f"arn:{partition}:iam::{MAIN}:role/ApiHandlerRole",
            f"arn:{partition}:iam::{MAIN}:role/WorkflowLoopRunnerRole",
            f"arn:{partition}:iam::{MEMBER}:root",
        ]
    }


@each_partition
@pytest.mark.parametrize(
    ("caller", "external_id", "allowed"),
    [
        pytest.param((MAIN, "ApiHandlerRole"), EXTERNAL_ID, True, id="API handler"),
        pytest.param((MAIN, "WorkflowLoopRunnerRole"), EXTERNAL_ID, True, id="workflow loop runner"),
        pytest.param((MEMBER, "Administrator"), EXTERNAL_ID, True, id="a role of the member"),
        pytest.param((MAIN, "ApiHandlerRole"), None, False, id="no external ID"),
        pytest.param((MAIN, "ApiHandlerRole"), EXTERNAL_ID.upper(), False, id="wrong external ID"),
        pytest.param((MAIN, "NotebookRole"), EXTERNAL_ID, False, id="another role of main"),
        pytest.param((OTHER, "ApiHandlerRole"), EXTERNAL_ID, False, id="the same role of another account"),
    ],
)
def test_the_trust_lets_in_whom_it_names_with_the_external_id(
    documented: Profile, partition: str, caller: tuple[str, str], external_id: str | None, allowed: bool
) -> None:
    request = Request(
        principal=PARTITIONS[partition].role_arn(*caller),
        action="sts:AssumeRole",
        resource=PARTITIONS[partition].role_arn(MEMBER, "CrossAccountExecutionRole"),
        context={} if external_id is None else {"sts:ExternalId": external_id},
    )
    may_assume = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    decision = decide(request, identity=[may_assume], resource_policy=trust_of(documented, partition))
    assert decision.allowed is allowed


@given(api=role_names, runner=role_names, external_id=external_ids)
def test_what_is_filled_in_stands_there_as_it_was_given(api: str, runner: str, external_id: str) -> None:
    changes = {"api_handler_role": api, "workflow_loop_runner_role": runner, "external_id": external_id}
    trust = load_profile("documented").role(values(partition="aws-cn", **changes)).trust
    (statement,) = trust["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}
    assert [arn.partition(":role/")[2] for arn in statement["Principal"]["AWS"]] == [api, runner, ""]
    assert not [text for text in texts(trust) if "${" in text]


def test_filling_in_leaves_the_profile_as_it_was(documented: Profile) -> None:
    before = json.dumps(documented.trust)
    trust_of(documented)["Statement"].clear()
    assert json.dumps(documented.trust) == before
