"""Policy documents that requests bring along: what cannot be read is refused before it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xacct_kit.errors import PolicyError
from xacct_kit.iam import DocumentKind, compile_document
from xacct_kit.sandbox.faults import ServiceFault
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


def check_documents(operation: Operation) -> None:
    """Refuse a request whose policy document cannot be read; no decision could be made by it.

    Raises:
        ServiceFault: the document is malformed, or of a kind that the sandbox would not enforce.
    """
    name, kind = _DOCUMENTS.get((operation.service, operation.name), ("", DocumentKind.PERMISSIONS))
    if operation.params.get("Type", "SERVICE_CONTROL_POLICY") != "SERVICE_CONTROL_POLICY" and name:
        raise ServiceFault(501, "NotImplemented", "The sandbox offers service control policies only.")
    if operation.params.get(name):
        read_document(operation.params[name], kind, json_service=operation.service == "organizations")


def read_document(
    text: str, kind: DocumentKind = DocumentKind.PERMISSIONS, *, json_service: bool = False
) -> dict[str, Any]:
    """A policy document from its text.

    Raises:
        ServiceFault: it is malformed.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        compile_document(document, kind)
    except (ValueError, PolicyError) as error:
        code = "MalformedPolicyDocumentException" if json_service else "MalformedPolicyDocument"
        raise ServiceFault(400, code, f"The policy document cannot be read: {error}") from error
    return document
