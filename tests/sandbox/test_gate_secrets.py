"""Secrets Manager and Parameter Store: secrets are authorised by their ARNs, and kept by AWS's rules."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from gate_clients import Organization, Refusal, refusal, statement, unique

from xacct_kit.sandbox.layout import MEMBER_ACCOUNT


@pytest.fixture(scope="module")
def secrets(organization: Organization) -> Any:
    return organization.administrator().client("secretsmanager")


def staged(secrets: Any, name: str) -> dict[str, str]:
    """The value behind each label of a secret."""
    versions = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    return {
        label: secrets.get_secret_value(SecretId=name, VersionStage=label)["SecretString"]
        for labels in versions.values()
        for label in labels
    }


def test_a_secret_that_is_there_is_not_made_again(secrets: Any) -> None:
    name = unique("secret")
    secrets.create_secret(Name=name, SecretString="first")
    again = refusal(secrets.create_secret, Name=name, SecretString="second")
    assert (again.code, again.status) == ("ResourceExistsException", 400)
    assert staged(secrets, name) == {"AWSCURRENT": "first"}


def test_a_version_waits_until_its_label_is_moved(secrets: Any) -> None:
    name = unique("secret")
    present = secrets.create_secret(Name=name, SecretString="present")["VersionId"]
    following = secrets.put_secret_value(
        SecretId=name, SecretString="following", VersionStages=["AWSPENDING"]
    )["VersionId"]
    assert staged(secrets, name) == {"AWSCURRENT": "present", "AWSPENDING": "following"}
    secrets.update_secret_version_stage(
        SecretId=name,
        VersionStage="AWSCURRENT",
        MoveToVersionId=following,
        RemoveFromVersionId=present,
    )
    labels = staged(secrets, name)
    assert (labels["AWSCURRENT"], labels["AWSPREVIOUS"]) == ("following", "present")


def test_who_may_read_one_secret_reads_no_other(organization: Organization, secrets: Any) -> None:
    name, other = unique("secret"), unique("secret")
    arn = secrets.create_secret(Name=name, SecretString="quiet-heron")["ARN"]
    secrets.create_secret(Name=other, SecretString="loud-heron")
    reader = organization.somebody(statement("Allow", "secretsmanager:GetSecretValue", resource=arn))
    client = reader.client("secretsmanager")
    for spelled in (name, arn):
        assert client.get_secret_value(SecretId=spelled)["SecretString"] == "quiet-heron"
    refused = refusal(client.get_secret_value, SecretId=other)
    assert (refused.code, refused.status) == ("AccessDeniedException", 400)
    assert f"secret:{other}-" in refused.text
    assert refusal(client.put_secret_value, SecretId=name, SecretString="x").code == "AccessDeniedException"


def test_a_secret_is_made_by_who_may_make_one_of_its_name(organization: Organization) -> None:
    prefix = unique("team")
    place = f"arn:aws:secretsmanager:us-east-1:{MEMBER_ACCOUNT}:secret:{prefix}/*"
    maker = organization.somebody(statement("Allow", "secretsmanager:CreateSecret", resource=place))
    client = maker.client("secretsmanager")
    client.create_secret(Name=f"{prefix}/id", SecretString="x")
    assert (
        refusal(client.create_secret, Name=unique("other"), SecretString="x").code == "AccessDeniedException"
    )


def test_a_policy_of_a_secret_would_not_be_enforced_and_is_refused(secrets: Any) -> None:
    name = unique("secret")
    secrets.create_secret(Name=name, SecretString="x")
    with pytest.raises(ClientError, match="does not offer secretsmanager:PutResourcePolicy"):
        secrets.put_resource_policy(SecretId=name, ResourcePolicy="{}")


def test_a_parameter_is_overwritten_when_that_is_asked_for_alone(organization: Organization) -> None:
    ssm, name = organization.administrator().client("ssm"), f"/{unique('parameter')}"
    ssm.put_parameter(Name=name, Value="first", Type="SecureString")
    assert refusal(ssm.put_parameter, Name=name, Value="second", Type="SecureString") == Refusal(
        "ParameterAlreadyExists",
        400,
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
        "true.",
    )
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "first"
    ssm.put_parameter(Name=name, Value="second", Overwrite=True)
    read = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (read["Value"], read["Type"]) == ("second", "SecureString")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != "second"


def test_however_a_secret_is_named_it_is_the_same(organization: Organization) -> None:
    name = unique("secret")
    made = organization.administrator().client("secretsmanager")
    arn = made.create_secret(Name=name, SecretString="text")["ARN"]
    denied = statement("Deny", "secretsmanager:GetSecretValue", resource=arn)
    client = organization.somebody(statement("Allow", "*"), denied).client("secretsmanager")
    for known_as in (name, arn, arn.rpartition("-")[0]):
        assert "explicit deny" in refusal(client.get_secret_value, SecretId=known_as).text
    assert "explicit deny" in refusal(client.batch_get_secret_value, SecretIdList=[name]).text


def test_a_version_of_a_parameter_is_the_parameters(organization: Organization) -> None:
    name = f"/{unique('parameter')}"
    organization.administrator().client("ssm").put_parameter(Name=name, Value="v", Type="String")
    arn = f"arn:aws:ssm:us-east-1:{MEMBER_ACCOUNT}:parameter{name}"
    ssm = organization.somebody(
        statement("Allow", "*"), statement("Deny", "ssm:GetParameter", resource=arn)
    ).client("ssm")
    for known_as in (name, f"{name}:1", arn, f"{arn}:1"):
        assert "explicit deny" in refusal(ssm.get_parameter, Name=known_as).text
