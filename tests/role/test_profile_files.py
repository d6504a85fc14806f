"""A profile of one's own: a YAML file, its documents in it or beside it, and every fault with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from role_values import values

from xacct_kit.errors import ParamsError
from xacct_kit.role.profile import Document, Profile, load_profile


def policy(**changes: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **changes}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:${Partition}:iam::${MainAccount}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "${ExternalId}"}},
    },
}
OWN: dict[str, Any] = {
    "name": "own",
    "description": "Reads data.",
    "trust": TRUST,
    "permissions": {"data": policy(Resource="arn:${Partition}:s3:::data-${MemberAccount}/${aws:username}/*")},
}


def written(folder: Path, profile: object, **files: object) -> str:
    """The path of a profile's file, with JSON files beside it."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    path = folder / "own.yaml"
    path.write_text(profile if isinstance(profile, str) else yaml.safe_dump(profile), encoding="utf-8")
    return str(path)


def faults(path: str) -> list[str]:
    """What is wrong with a profile, by its place in it."""
    with pytest.raises(ParamsError) as caught:
        load_profile(path)
    assert all(fault.startswith(f"profile: {path}") for fault in caught.value.faults)
    return [fault.removeprefix(f"profile: {path}").lstrip(":, ") for fault in caught.value.faults]


def test_documents_can_stand_in_the_file(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, OWN))
    assert profile == Profile(boundary=None, **OWN)
    resource = profile.role(values()).policies["data"]["Statement"][0]["Resource"]
    assert resource == "arn:aws:s3:::data-333333333333/${aws:username}/*"


def test_documents_can_stand_beside_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {**OWN, "trust": "trust.json", "permissions": {"data": "data.json"}, "boundary": "data.json"},
        trust=TRUST,
        data=policy(),
    )
    role = load_profile(path).role(values())
    assert role.policies == {"data": policy()}
    assert (role.boundary, role.boundary_name) == (policy(), "CrossAccountExecutionRole-boundary")


def test_a_version_without_quotes_is_a_version(tmp_path: Path) -> None:
    text = yaml.safe_dump(OWN).replace("'2012-10-17'", "2012-10-17")
    assert text != yaml.safe_dump(OWN)
    assert load_profile(written(tmp_path, text)).trust == TRUST


def test_a_file_is_known_by_its_ending_or_a_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(written(tmp_path, OWN)).rename(tmp_path / "own.yml")
    (tmp_path / "plain").write_text(yaml.safe_dump(OWN), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_profile("own.yml") == load_profile("./plain")


def test_a_run_holds_on_to_the_profile_that_it_began_with(tmp_path: Path) -> None:
    before = load_profile(written(tmp_path, OWN))
    path = written(tmp_path, {**OWN, "description": "Something else."})
    assert load_profile(path) == before
    assert load_profile(path, anew=True).description == "Something else."


def test_a_document_may_be_written_once_and_named_twice(tmp_path: Path) -> None:
    text = yaml.safe_dump({**OWN, "boundary": OWN["permissions"]["data"]})
    assert "&id001" in text
    profile = load_profile(written(tmp_path, text))
    assert profile.boundary == profile.permissions["data"]


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in OWN.items() if name != key}


def permitting(document: object) -> dict[str, Any]:
    return {**OWN, "permissions": {"data": document}}


def trusting(**changes: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {**TRUST["Statement"], **changes}  # type: ignore[dict-item]
    return {**OWN, "trust": {**TRUST, "Statement": [statement]}}


LONG: Document = policy(Resource=[f"arn:${{Partition}}:s3:::{number:0250}" for number in range(45)])


@pytest.mark.parametrize(
    ("profile", "fault"),
    [
        pytest.param("", "does not hold keys and values", id="empty"),
        pytest.param("- name", "does not hold keys and values", id="a list"),
        pytest.param("name: [", "line 1: ", id="no YAML"),
        pytest.param("name: a\nname: b", "line 2: name is given twice", id="a key twice"),
        pytest.param(without("trust"), "trust: is missing", id="no trust"),
        pytest.param(without("name"), "name: is missing", id="no name"),
        pytest.param(without("permissions"), "permissions: is missing", id="no permissions"),
        pytest.param({**OWN, "name": 5}, "name: is not text; put it in quotes", id="a name that is none"),
        pytest.param({**OWN, "name": "a\nb"}, "name: has other signs", id="a name of two lines"),
        pytest.param({**OWN, "description": "é" * 500}, "description: has more than 900", id="an essay"),
        pytest.param({**OWN, "description": ""}, "description: is empty", id="no description"),
        pytest.param({**OWN, "permission": {}}, "permission: is no key of a profile", id="a key misspelt"),
        pytest.param({**OWN, "boundary": None}, "boundary: is empty", id="an empty boundary"),
        pytest.param({**OWN, "permissions": {}}, "permissions: is not made of policies", id="no policy"),
        pytest.param(
            {**OWN, "permissions": [1]}, "permissions: is not made of policies", id="a list of them"
        ),
        pytest.param(
            {**OWN, "permissions": {"a b": policy()}},
            "permissions.a b: a policy's name",
            id="a policy's name",
        ),
        pytest.param(permitting("none.json"), "none.json: No such file", id="no such file"),
        pytest.param(permitting("a\0b"), "embedded null", id="a path of no file"),
        pytest.param(permitting("."), "Is a directory", id="a folder"),
        pytest.param(permitting("bad.json"), "bad.json: not JSON", id="no JSON"),
        pytest.param(permitting("twice.json"), "Version: is given twice", id="JSON with a key twice"),
        pytest.param(permitting([policy()]), "a policy document is an object, not a list", id="a list"),
        pytest.param(permitting(policy(Effect="Permit")), "Statement[0].Effect: 'Permit' is", id="an effect"),
        pytest.param(permitting(policy(Action="s3")), "Statement[0].Action: 's3' is neither", id="an action"),
        pytest.param(permitting(policy(Principal="*")), "Statement[0].Principal: is not", id="a principal"),
        pytest.param(permitting(policy(Resource=None)), "Statement[0].Resource: is empty", id="null"),
        pytest.param(
            permitting(policy(Resource=b"a")), "is a bytes, which JSON does not know", id="what JSON has not"
        ),
        pytest.param(trusting(Resource="*"), "trust: Statement[0].Resource: is not", id="a trust's resource"),
        pytest.param(
            permitting(policy(Resource="arn:${AWS::Partition}:s3:::${Acount}")),
            "permissions.data: Statement[0].Resource: there is no placeholder 'Acount'; there are Part",
            id="a placeholder misspelt",
        ),
        pytest.param(
            permitting(policy(Resource="arn:${Partition:s3:::a")), "has ${ without its }", id="an open brace"
        ),
        pytest.param(
            permitting(policy(Condition={"StringEquals": {"aws:${Region}": "a"}})),
            "Statement[0].Condition.StringEquals: 'aws:${Region}' is a name",
            id="a placeholder in a name",
        ),
        pytest.param(
            permitting(policy(Condition={"StringEquals": {"aws:userid": "${ExternalId}"}})),
            "permissions.data: the external ID belongs in the trust policy alone",
            id="the external ID in permissions",
        ),
        pytest.param(permitting(LONG), "permissions: has 12,", id="permissions too long"),
        pytest.param({**OWN, "boundary": LONG}, "boundary: has 12,", id="a boundary too long"),
        pytest.param(
            trusting(Principal={"AWS": [f"arn:aws:iam::{n:012}:root" for n in range(70)]}),
            "trust: has 2,",
            id="a trust too long",
        ),
        pytest.param("name: &a [*a]", "name: is not text", id="endless in a name"),
        pytest.param(
            "trust: &a {Statement: [*a]}", "trust: is nested too deeply", id="endless in a document"
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, profile: object, fault: str) -> None:
    found = faults(written(tmp_path, profile, bad="{", twice='{"Version": "a", "Version": "b"}'))
    assert any(fault in each for each in found), found


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    profile = {**permitting(policy(Effect="Permit")), "trust": "none.json", "boundary": None}
    assert len(faults(written(tmp_path, profile))) == 3


def test_a_small_file_that_stands_for_a_large_one_is_refused(tmp_path: Path) -> None:
    lines = ["trust: &a0 {a: b}", *(f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    text = "\n".join([*lines, "boundary: {Statement: *a8}"])
    assert any("boundary: is too large" in fault for fault in faults(written(tmp_path, text)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert faults(str(tmp_path / "none.yaml")) == ["No such file or directory"]
