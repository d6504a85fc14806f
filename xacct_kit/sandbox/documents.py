"""Policy documents that requests bring along: what cannot be read is refused before it is kept."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from typing import Any

from xacct_kit import strict_json
from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.errors import PolicyError, RequestError
from xacct_kit.iam import Document, DocumentKind, compile_document
from xacct_kit.role.policy_documents import listed, statements_of
from xacct_kit.sandbox import state
from xacct_kit.sandbox.faults import ServiceFault, not_offered
from xacct_kit.sandbox.protocol import Operation

# In which parameter a document comes, and what it is.
_DOCUMENTS: Mapping[tuple[str, str], tuple[str, DocumentKind]] = {
    ("iam", "CreatePolicy"): ("PolicyDocument", DocumentKind.PERMISSIONS),
    ("iam", "CreatePolicyVersion"): ("PolicyDocument", DocumentKind.PERMISSIONS),
    ("iam", "CreateRole"): ("AssumeRolePolicyDocument", DocumentKind.TRUST),
    ("iam", "PutGroupPolicy"): ("PolicyDocument", DocumentKind.PERMISSIONS),
    ("iam", "PutRolePolicy"): ("PolicyDocument", DocumentKind.PERMISSIONS),
    ("iam", "PutUserPolicy"): ("PolicyDocument", DocumentKind.PERMISSIONS),
    ("iam", "UpdateAssumeRolePolicy"): ("PolicyDocument", DocumentKind.TRUST),
    ("organizations", "CreatePolicy"): ("Content", DocumentKind.PERMISSIONS),
    ("organizations", "UpdatePolicy"): ("Content", DocumentKind.PERMISSIONS),
}


# What would be kept and not enforced: policies on resources of other services than IAM.
_NOT_ENFORCED = frozenset(
    {
        ("dynamodb", "PutResourcePolicy"),
        ("s3", "PutBucketAcl"),
        ("s3", "PutBucketPolicy"),
        ("s3", "PutObjectAcl"),
        ("secretsmanager", "PutResourcePolicy"),
        ("sns", "AddPermission"),
        ("sqs", "AddPermission"),
    }
)


def check_offered(operation: Operation, partition: str) -> None:
    """Refuse what the sandbox would keep but not enforce, and what the partition does not have.

    Raises:
        ServiceFault: it is not offered.
    """
    if (operation.service, operation.name) in _NOT_ENFORCED:
        raise not_offered(f"{operation.service}:{operation.name}")
    lacking = PARTITIONS[partition].lacks(operation.service)
    if lacking:
        raise ServiceFault(501, "NotImplemented", lacking)


def check_boundary(operation: Operation, partition: str, account: str) -> None:
    """Refuse a permissions boundary that does not exist.

    Raises:
        ServiceFault: the account has no such policy.
    """
    arn = operation.params.get("PermissionsBoundary") if operation.service == "iam" else None
    if arn and state.find_managed_policy(partition, account, arn) is None:
        raise ServiceFault(404, "NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")


def check_documents(operation: Operation) -> None:
    """Refuse a request whose policy document cannot be read; no decision could be made by it.

    Raises:
        ServiceFault: the document is malformed, names a principal that does not exist, or is of a kind that
            the sandbox would not enforce.
    """
    name, kind = _DOCUMENTS.get((operation.service, operation.name), ("", DocumentKind.PERMISSIONS))
    if operation.params.get("Type", "SERVICE_CONTROL_POLICY") != "SERVICE_CONTROL_POLICY" and name:
        raise not_offered("policies of an organization other than service control policies")
    if operation.params.get(name):
        document = read_document(
            operation.params[name], kind, json_service=operation.service == "organizations"
        )
        if kind is DocumentKind.TRUST:
            trust = json.loads(operation.params[name])
            _check_not_everyone(trust)
            _check_trust_actions(trust)
            _check_principals(document)


def _check_not_everyone(trust: Mapping[str, Any]) -> None:
    """Refuse a trust policy whose principal is a bare star; `{"AWS": "*"}` it may be.

    Raises:
        ServiceFault: it is.
    """
    if any(statement.get("Principal") == "*" for statement in statements_of(trust)):
        text = 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'
        raise ServiceFault(400, "MalformedPolicyDocument", text)


_TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setcontext",
    "sts:setsourceidentity",
    "sts:tagsession",
)


def _check_trust_actions(trust: Mapping[str, Any]) -> None:
    """Refuse a trust policy with an action that nobody assumes a role by.

    https://github.com/hashicorp/terraform-provider-aws/issues/32872

    Raises:
        ServiceFault: it has one.
    """
    actions = [each for one in statements_of(trust) for each in listed(one.get("Action", []))]
    if not all(fnmatch.filter(_TRUST_ACTIONS, action.lower()) for action in actions):
        text = "AssumeRole policy may only specify STS AssumeRole actions."
        raise ServiceFault(400, "MalformedPolicyDocument", text)


def _check_principals(document: Document) -> None:
    """Refuse a trust policy that names a role or a user that does not exist.

    An account outside the sandbox may exist; a role or a user in it does not.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    Raises:
        ServiceFault: a principal does not exist.
    """
    elements = (statement.principal for statement in (*document.allows, *document.denies))
    for name in sorted({name for each in elements if each for name in each.names.get("AWS", ())}):
        if not _exists(name):
            text = f'Invalid principal in policy: "AWS":"{name}"'
            raise ServiceFault(400, "MalformedPolicyDocument", text)


_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")
_ACCOUNT = re.compile(r"\*|\d{12}|arn:[^:]+:iam::\d{12}:root|arn:[^:]+:sts::\d{12}:federated-user/.+")


def _exists(name: str) -> bool:
    assumed = _ASSUMED.fullmatch(name)
    if assumed:
        return state.role_arn(assumed["partition"], assumed["account"], assumed["role"]) is not None
    return _ACCOUNT.fullmatch(name) is not None or state.find_entity(name) is not None


def read_document(
    text: str, kind: DocumentKind = DocumentKind.PERMISSIONS, *, json_service: bool = False
) -> Document:
    """Read a policy document from its text.

    Raises:
        ServiceFault: it is malformed.
    """
    try:
        # An element that is given twice is a fault, which no decision could be made by.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html#morethanonestatement
        return compile_document(strict_json.parse(text.encode()), kind)
    except (ValueError, PolicyError, RequestError) as error:
        code = "MalformedPolicyDocumentException" if json_service else "MalformedPolicyDocument"
        raise ServiceFault(400, code, f"The policy document cannot be read: {error}") from error
