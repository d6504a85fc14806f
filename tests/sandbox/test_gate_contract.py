"""Every name of moto that the sandbox stands on, so that an upgrade that moves one says which."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws, settings
from moto.backends import get_backend
from moto.core.responses import BaseResponse
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.organizations.models import FakeAccount, organizations_backends

SANDBOX = Path(__file__).parents[2] / "xacct_kit" / "sandbox"
ACCOUNT = "123456789012"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'

IMPORTED = {
    "moto.backends": {"get_backend"},
    "moto.core.parse": {"PROTOCOL_PARSERS", "RequestParserError"},
    "moto.core.request": {"Request", "determine_request_protocol"},
    "moto.core.routing": {"get_service_router"},
    "moto.core.serialize": {"get_serializer_class"},
    "moto.core.utils": {"get_service_model"},
    "moto.iam": {"models"},
    "moto.iam.aws_managed_policies": {"aws_managed_policies_data"},
    "moto.iam.models": {"iam_backends"},
    "moto.moto_server.werkzeug_app": {"MotoRequestHandler", "create_backend_app"},
    "moto.moto_api._internal": {"mock_random"},
    "moto.organizations.models": {"FakeAccount", "organizations_backends"},
    "moto.utilities.utils": {"get_partition"},
}

# Objects that the sandbox looks into, and what it looks at.
LOOKED_AT = {
    "iam": {"access_keys", "groups", "managed_policies", "region_name", "roles", "tagger", "users"},
    "role": {
        "account_id",
        "arn",
        "assume_role_policy_document",
        "create_date",
        "id",
        "managed_policies",
        "max_session_duration",
        "name",
        "permissions_boundary_arn",
        "policies",
        "tags",
    },
    "user": {"arn", "create_date", "id", "managed_policies", "name", "policies"},
    "group": {"arn", "managed_policies", "name", "policies", "users"},
    "access key": {"secret_access_key", "status", "user_name"},
    "policy": {"arn", "name", "versions"},
    "policy version": {"document", "is_default"},
    "organizations": {"accounts", "master_accounts", "org", "ou", "policies", "region_name"},
    "root": {"attached_policies", "id", "parent_id", "policy_types"},
    "account": {"attached_policies", "id", "parent_id"},
    "SCP": {"arn", "attachments", "content", "id", "name", "type"},
    "emr": {"security_configurations"},
    "security configuration": {"creation_date_time"},
    "sagemaker": {"notebook_instance_lifecycle_configurations"},
    "lifecycle configuration": {"arn", "creation_time", "last_modified_time"},
    "secrets manager": {"secrets"},
    "secret": {"arn"},
}

# Methods, with the arguments that the sandbox gives.
CALLED: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("iam", "create_user", (), {"region_name": "us-east-1", "user_name": "u"}),
    ("iam", "get_role", ("r",), {}),
    ("iam", "get_user", ("u",), {}),
    ("iam", "put_role_policy", ("r", "p", DOCUMENT), {}),
    ("iam", "put_user_policy", ("u", "p", DOCUMENT), {}),
    (
        "iam",
        "create_role",
        (),
        {
            "role_name": "r",
            "assume_role_policy_document": DOCUMENT,
            "path": "/",
            "permissions_boundary": None,
            "description": "",
            "tags": [],
            "max_session_duration": "3600",
        },
    ),
    (
        "iam",
        "create_policy",
        (),
        {"description": "", "path": "/", "policy_document": DOCUMENT, "policy_name": "b", "tags": []},
    ),
    ("ec2", "_load_amis", (), {}),
    ("role", "delete_policy", ("p",), {}),
    ("organizations", "create_organization", (), {"region": "us-east-1", "FeatureSet": "ALL"}),
    ("organizations", "enable_policy_type", (), {"RootId": "r", "PolicyType": "SERVICE_CONTROL_POLICY"}),
    ("organizations", "get_account_by_id", ("1",), {}),
    ("s3", "put_bucket_tagging", ("b", {}), {}),
    ("sagemaker", "list_tags", (), {"arn": "a"}),
    ("secrets", "get", ("s",), {}),
]


def imports_of_moto() -> Iterator[tuple[str, str]]:
    for module in SANDBOX.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moto":
                yield from ((str(node.module), alias.name) for alias in node.names)
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "moto")


def test_the_table_of_imports_is_complete() -> None:
    listed = {(module, name) for module, names in IMPORTED.items() for name in names}
    assert set(imports_of_moto()) == listed


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in IMPORTED.items() for name in sorted(names)]
)
def test_moto_has_what_is_imported(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


@pytest.fixture(scope="module")
def objects() -> Iterator[Mapping[str, Any]]:
    """One of each of moto's objects."""
    with mock_aws():
        iam, organizations = iam_backends[ACCOUNT]["aws"], organizations_backends[ACCOUNT]["aws"]
        arguments = {method: given for place, method, _, given in CALLED if place == "iam"}
        role, user = iam.create_role(**arguments["create_role"]), iam.create_user(**arguments["create_user"])
        policy = iam.create_policy("", "/", DOCUMENT, "policy", [])
        organizations.create_organization(region="us-east-1", FeatureSet="ALL")
        emr, sagemaker = (
            get_backend("emr")[ACCOUNT]["us-east-1"],
            get_backend("sagemaker")[ACCOUNT]["us-east-1"],
        )
        kept = get_backend("secretsmanager")[ACCOUNT]["us-east-1"]
        kept.create_secret("s", "value", None, None, None, None, None, [], False)
        yield {
            "iam": iam,
            "role": role,
            "user": user,
            "group": iam.create_group("group"),
            "access key": iam.create_access_key(user.name),
            "policy": policy,
            "policy version": policy.versions[0],
            "organizations": organizations,
            "root": organizations.ou[0],
            "account": organizations.accounts[0],
            "SCP": organizations.policies[0],
            "ec2": get_backend("ec2")[ACCOUNT]["us-east-1"],
            "emr": emr,
            "security configuration": emr.create_security_configuration("c", "{}"),
            "s3": get_backend("s3")[ACCOUNT]["aws"],
            "sagemaker": sagemaker,
            "secrets manager": kept,
            "secrets": kept.secrets,
            "secret": kept.secrets["s"],
            "lifecycle configuration": sagemaker.create_notebook_instance_lifecycle_config("c", [], []),
        }
    organizations_backends.master_accounts.pop(ACCOUNT, None)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in LOOKED_AT.items() for name in sorted(names)]
)
def test_motos_objects_have_what_is_looked_at(objects: Mapping[str, Any], kind: str, name: str) -> None:
    # The accounts of all organizations are kept beside their backends.
    holder = organizations_backends if name == "master_accounts" else objects[kind]
    assert hasattr(holder, name)


@pytest.mark.parametrize(
    ("kind", "method", "given", "named"), CALLED, ids=[f"{kind}-{method}" for kind, method, _, _ in CALLED]
)
def test_motos_methods_take_what_they_are_given(
    objects: Mapping[str, Any], kind: str, method: str, given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    assert inspect.signature(getattr(objects[kind], method)).bind(*given, **named)


def test_an_account_can_be_given_an_id(objects: Mapping[str, Any]) -> None:
    account = FakeAccount(objects["organizations"].org, AccountName="name", Email="name@example.com")
    account.id = "400000000000"
    assert account.arn.endswith("/400000000000")


def test_the_account_of_a_request_is_the_headers(objects: Mapping[str, Any]) -> None:
    response = BaseResponse()
    response.headers = {"x-moto-account-id": "400000000000"}
    assert response.get_current_account() == "400000000000"


def test_an_aws_managed_policy_can_be_made_alone() -> None:
    data = json.loads(aws_managed_policies_data)["ReadOnlyAccess"]
    policy = AWSManagedPolicy.from_data("ReadOnlyAccess", ACCOUNT, "us-east-1", data)
    assert policy.arn == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert [version.is_default for version in policy.versions].count(True) == 1


def test_the_setting_that_keeps_buckets_apart_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS", "false")
    assert settings.s3_allow_crossdomain_access() is False


def test_the_setting_that_spares_the_images_of_aws_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    assert settings.ec2_load_default_amis() is False
