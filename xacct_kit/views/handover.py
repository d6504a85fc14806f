"""What Service Workbench's form "Add AWS Account" asks for, of findings of the hand-over step.

The form's fields and their rules:
https://github.com/awslabs/service-workbench-on-aws (models/forms/AddUpdateAwsAccountForm.js of base-raas-ui).
Where AppStream is on, the form asks for its fleet as well, which no account tells. The external ID is not
told, but where it is kept.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from xacct_kit.aws.partitions import PARTITIONS
from xacct_kit.params import Params, split_reference
from xacct_kit.report import Finding, Verdict
from xacct_kit.steps.handover import NAME
from xacct_kit.views.lines import clean

SCHEMA = 1

# Label of the form, and the name of the field; the last two are not asked for by every release.
_FIELDS = (
    ("Account Name", "name"),
    ("AWS Account ID", "accountId"),
    ("Description", "description"),
    ("External ID (kept at)", "externalId"),
    ("Role ARN", "roleArn"),
    ("Region", "region"),
)
_LITERAL = "(not kept at a reference)"
_MISSING = "the role was not proven to be assumable: run the hand-over step"


def to_records(findings: Iterable[Finding], params: Params) -> list[dict[str, Any]]:
    """What the form asks for, an account each, in the order of the params.

    Parameters:
        findings: of the hand-over step; others are passed over.
        params: what the run was for.

    Returns:
        Of each account `ready`, `reasons` why it is not, and the form's fields by name; it has the name that
        the organization calls it by, or its ID. `ready` is true only
        of an account whose role was assumed, by each of Service Workbench's own roles.
    """
    found: dict[str, list[Finding]] = defaultdict(list)
    for row in findings:
        if row.step == "handover":
            found[row.account].append(row)
    return [_record(account, found.get(account, []), params) for account in params.accounts]


def to_json(findings: Iterable[Finding], params: Params) -> str:
    """What the form asks for as JSON: schema and accounts, as `to_records` gives them."""
    document = {"schema": SCHEMA, "accounts": to_records(findings, params)}
    return json.dumps(document, indent=2) + "\n"


def to_text(findings: Iterable[Finding], params: Params) -> str:
    """What the form asks for as text to copy, account after account; those not ready say why."""
    return "\n".join(_block(record) for record in to_records(findings, params))


def _record(account: str, findings: list[Finding], params: Params) -> dict[str, Any]:
    reasons = _reasons(findings, params)
    called = next((row.evidence[NAME] for row in findings if NAME in row.evidence), account)
    return {
        "ready": not reasons,
        "reasons": reasons,
        "name": called,
        "accountId": account,
        "description": f"Onboarded with the stack {params.stack_name} in {params.region}",
        "externalId": params.external_id if split_reference(params.external_id) else _LITERAL,
        "roleArn": PARTITIONS[params.partition].role_arn(account, params.role_name),
        "region": params.region,
    }


def _reasons(findings: list[Finding], params: Params) -> list[str]:
    """Why an account is not ready; nothing that was not proven makes it so."""
    proven = {
        row.caller for row in findings if row.probe == "role-is-assumed" and row.verdict is Verdict.PASS
    }
    wanted = {params.api_handler_role, params.workflow_loop_runner_role}
    faults = [f"{row.why} {row.fix}".rstrip() for row in findings if not row.verdict.green]
    return faults if faults or wanted <= proven else [_MISSING]


def _block(record: Mapping[str, Any]) -> str:
    title = f"Account {record['accountId']}: {'ready' if record['ready'] else 'NOT READY'}"
    width = max(len(label) for label, _ in _FIELDS)
    lines = [f"  {label:<{width}}  {record[field]}" for label, field in _FIELDS] if record["ready"] else []
    # A name that somebody gave an account is none of the form's other fields.
    told = map(clean, [title, *(f"  {reason}" for reason in record["reasons"]), *lines])
    return "\n".join([*told, ""])
