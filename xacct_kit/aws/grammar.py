"""The sentences: how AWS words a refusal, taken apart, and how the kit words an outcome.

    [User: ]<principal> is not authorized to perform: <action> [on resource: <resource>]
        because no <layer> allows the <action> action
        | with an explicit deny [in a <layer>[: <policy ARN>]]

The form is documented at
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html, the policy ARN at
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns.
Services vary it freely, and SDKs wrap it; what is read here is the grammar, not a list of messages.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from xacct_kit.report import OutcomeKind as Kind


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A refusal as the text tells it; what the text leaves out is `None` or empty.

    Attributes:
        stated: whether the text itself says that somebody was refused something.
        principal: who was refused.
        action: the IAM action that was refused.
        resource: the resource, without quotes; IAM's `role NAME` stays as it is.
        layer: the kind of policy that refused.
        explicit: whether an explicit deny refused.
        policy_arn: the policy that refused.
        clause: the words that give the reason.
    """

    stated: bool
    principal: str | None = None
    action: str | None = None
    resource: str | None = None
    layer: Kind | None = None
    explicit: bool = False
    policy_arn: str | None = None
    clause: str = ""


# "Does not exist, or you are not authorized" states nothing.
_STATED = re.compile(
    r"^(?!.*\b(?:exists?|found)\b.* or |.* or .*\b(?:exists?|found)\b)"
    r".*(?:(?:not|n.t) authorized to (?:perform|access)\b|\bexplicit deny\b"
    r"|\bbecause no [\w -]{1,40}? allows\b)",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"(?:\bUser:? (?P<user>(?!(?:is|are)\b)(?:(?!\bUser:? ).)+?) |(?P<arn>\barn:\S+) )?"
    r"(?:(?:(?:is|are) )?[Nn]ot authorized|(?:is|are)n.t authorized|(?:is|are) explicitly denied)"
    r" to perform(?: the)?(?: (?:action|operation))?:? "
    r"\[?[\"'`]?(?P<action>[A-Za-z][\w-]*:[A-Za-z*][\w*]*|[A-Z]\w+)[\"'`,\]]*"
)
_RESOURCE = re.compile(
    r" on (?:(?:the )?resource\(?s?\)?:? )?"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|(?:this|the) resource\b"
    r"|(?P<bare>\S.*?)(?=,? (?:because|with (?:an? )?explicit|due to )|[,;] |\. |[.;]?$| \())"
)
_EXPLICIT = re.compile(r"\bexplicit deny\b|\bexplicitly denied\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:because|(?:with )?(?:an? )?explicit deny|explicitly denied|due to|denied by)\b.*", re.IGNORECASE
)
_POLICY_ARN = re.compile(
    r"\barn:[\w-]+:(?:iam|organizations):[\w-]*:(?:<[^>]*>|\[[^\]]*\]|[^:\s]*):policy/[\w+=,.@/*<>\[\]-]+"
)

_POLICY = r" polic(?:y|ies)\b"
# What each layer is called. The first mention in a sentence counts; a deny that reaches a VPC endpoint
# "transitively through a service control policy" is mended in the service control policy.
_LAYERS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind)
    for words, kind in (
        (rf"\b(?:VPC )?endpoint{_POLICY} transitively through an? service control{_POLICY}", Kind.DENIED_SCP),
        (rf"\bservice[- ]control{_POLICY}|\bSCPs?\b", Kind.DENIED_SCP),
        (rf"\bresource[- ]control{_POLICY}|\bRCPs?\b", Kind.DENIED_RCP),
        (rf"\b(?:VPC )?endpoint{_POLICY}|\bVPCE?{_POLICY}", Kind.DENIED_VPCE),
        (r"\bpermissions?[- ]boundar(?:y|ies)\b", Kind.DENIED_BOUNDARY),
        (rf"\bsessions?{_POLICY}", Kind.DENIED_SESSION),
        (rf"\b(?:role )?trust{_POLICY}|\bassume[- ]role{_POLICY}", Kind.DENIED_TRUST),
        (rf"\bidentity(?:[- ]based)?{_POLICY}", Kind.DENIED_IDENTITY),
        (rf"\bresource(?:[- ]based)?{_POLICY}", Kind.DENIED_RESOURCE),
        (
            rf"\b(?:bucket|key|queue|topic|access point|repository|vault|domain){_POLICY}",
            Kind.DENIED_RESOURCE,
        ),
        # Settings of the resource that forbid, whatever the policies say.
        (r"\bobject lock\b|\bBlock ?Public|\bbucket has blocked\b", Kind.DENIED_RESOURCE),
    )
)
_ASSUMES_ROLE = re.compile(r"(?:sts:)?(?:AssumeRole\w*|TagSession|SetSourceIdentity)", re.IGNORECASE)


def assumes_role(action: str | None) -> bool:
    """Whether a role's trust policy has to allow the action."""
    return bool(action and _ASSUMES_ROLE.fullmatch(action))


def read_refusal(text: str) -> Refusal:
    """Take a refusal apart.

    Parameters:
        text: what a service said, as `unwrap` gives it.
    """
    head = _HEAD.search(text)
    resource = _RESOURCE.match(text, head.end()) if head else None
    # The reason stands behind the resource: a quoted resource may hold any words.
    read = [match for match in (head, resource) if match]
    rest = text[read[-1].end() :] if read else text
    action = head["action"] if head else _action_of(rest)
    clause = _CLAUSE.search(rest)
    arn = _POLICY_ARN.search(clause.group()) if clause else None
    return Refusal(
        stated=bool(head or _STATED.search(rest)),
        principal=(head["user"] or head["arn"]) if head else None,
        action=action,
        resource=_resource(resource),
        layer=_layer(clause.group() if clause else "", action),
        explicit=bool(_EXPLICIT.search(rest) or (head and _EXPLICIT.search(head.group()))),
        policy_arn=arn.group().rstrip(".,") if arn else None,
        clause=clause.group().rstrip(" .\"'") if clause else "",
    )


def _action_of(clause: str) -> str | None:
    match = re.search(r"\ballows? the ([A-Za-z][\w-]*:[\w*]+) action", clause)
    return match[1] if match else None


def _resource(match: re.Match[str] | None) -> str | None:
    return (match["double"] or match["single"] or match["bare"]) if match else None


def _layer(clause: str, action: str | None) -> Kind | None:
    mentions = [(match.start(), kind) for words, kind in _LAYERS if (match := words.search(clause))]
    if not mentions:
        return None
    _, kind = min(mentions, key=lambda mention: mention[0])
    # The resource-based policy of a role is its trust policy.
    return Kind.DENIED_TRUST if kind is Kind.DENIED_RESOURCE and assumes_role(action) else kind


# What each kind says of the call, before the words of AWS.
_MEANINGS: Mapping[Kind, str] = {
    Kind.ALLOWED: "is authorised; only then AWS answered",
    Kind.CREDENTIALS: "was not decided, because the credentials are missing or were not accepted",
    Kind.NOT_ENABLED: "needs something that is not enabled in this account or organization",
    Kind.DATA_PENDING: "is authorised, but there is no data yet",
    Kind.REGION_DISABLED: "was made in a Region that is not enabled for the account",
    Kind.THROTTLED: "came too fast or met another change in progress",
    Kind.QUOTA: "would exceed a quota",
    Kind.VALIDATION: "was refused as a request, which says nothing about permissions",
    Kind.NOT_FOUND: "asks for something that does not exist",
    Kind.NETWORK: "got no answer over the network",
    Kind.SERVICE_ERROR: "failed inside AWS",
    Kind.UNKNOWN: "got an answer that cannot be classified",
}
_FIXES: Mapping[Kind, str] = {
    Kind.CREDENTIALS: (
        "Renew the credentials (aws sso login for single sign-on) and check the clock of this computer; then "
        "try a Region that is enabled by default, since an opt-in Region that is off answers the same."
    ),
    Kind.NOT_ENABLED: (
        "Activate the service, feature or account in the console (a new account may need some hours, a "
        "blocked one a support case); no policy can mend this."
    ),
    Kind.DATA_PENDING: "Ask again after 24 hours, or for an earlier period.",
    Kind.REGION_DISABLED: "Enable the Region in the account (and STS in that Region), or use another Region.",
    Kind.THROTTLED: "Repeat the call with backoff and fewer workers.",
    Kind.QUOTA: "Remove what is not needed, or request a higher quota in Service Quotas.",
    Kind.VALIDATION: "Correct the request as the answer says.",
    Kind.NOT_FOUND: "Check name, account and Region, or create what is missing.",
    Kind.NETWORK: "Check the network, the proxy and the endpoint settings, and repeat the call.",
    Kind.SERVICE_ERROR: "Repeat the call later; if it goes on, look at the AWS Health Dashboard.",
    Kind.UNKNOWN: "Read code and message in the evidence; the permission is neither proven nor refuted.",
    Kind.DENIED_UNSPECIFIED: (
        "AWS does not name the policy: check in turn the permission policies and boundary of {who}, the "
        "policy of {where}, and the organization's SCPs and RCPs."
    ),
    Kind.DENIED_EXPLICIT: (
        "Find the Deny of {what} in the policies of {who}, of {where} and of the organization, and take it "
        "out or add an exception; no Allow overrides it."
    ),
    Kind.DENIED_TRUST: (
        "Check the account ID, that {where} exists, that its trust policy names {who} and the same external "
        "ID, and that the caller may call {what}; after a deployment repeat for a minute or two."
    ),
}
_POLICIES: Mapping[Kind, str] = {
    Kind.DENIED_IDENTITY: "the permission policies of {who}",
    Kind.DENIED_BOUNDARY: "the permissions boundary of {who}",
    Kind.DENIED_SESSION: "the session policy under which {who} was assumed",
    Kind.DENIED_SCP: "the service control policies of every level above the account of the caller",
    Kind.DENIED_RCP: "the resource control policies above the account of {where}",
    Kind.DENIED_RESOURCE: "the policy or the settings of {where}",
    Kind.DENIED_VPCE: "the policy of the VPC endpoint that the call goes through",
    Kind.DENIED_TRUST: "the trust policy of {where}",
}
_FORBIDDEN = "Take the Deny of {what} out of {policies}, or except the caller from it; no Allow overrides it."
_NOT_ALLOWED = "Allow {what} in {policies}, and probe again: AWS names one policy even if several refuse."
_NO_REASON: Mapping[Kind, str] = {
    Kind.DENIED_UNSPECIFIED: "AWS does not say by which policy",
    Kind.DENIED_TRUST: (
        "AWS answers the same for a missing role, a trust policy without the caller, a wrong external ID and "
        "a caller without the permission"
    ),
}


def tell_reason(kind: Kind, call: str, text: str, refusal: Refusal) -> str:
    """One sentence: what was asked and what came back.

    Parameters:
        kind: what the answer means.
        call: service and operation; empty if they are not known.
        text: what the service said.
        refusal: the text, read as a refusal.
    """
    said = textwrap.shorten(text, 300, placeholder=" …").rstrip(".")
    if not kind.denied:
        return f"{call or 'The call'} {_MEANINGS[kind]}{': ' if said else ''}{said}."
    what = refusal.action or call or "the call"
    where = f" on {refusal.resource}" if refusal.resource else ""
    because = ("" if refusal.stated else said) or _NO_REASON.get(kind, said)
    why = f" {refusal.clause}" if refusal.clause else f": {because}"
    return f"{refusal.principal or 'The caller'} was refused {what}{where}{why}."


def tell_fix(kind: Kind, call: str, refusal: Refusal) -> str:
    """What to do next; empty when there is nothing to do."""
    names = {
        "who": refusal.principal or "the caller",
        "what": refusal.action or call or "the call",
        "where": refusal.resource or ("the role" if kind is Kind.DENIED_TRUST else "the resource"),
    }
    if kind not in _POLICIES or (kind in _FIXES and not refusal.layer):
        return _FIXES.get(kind, "").format(**names)
    policies = refusal.policy_arn or _POLICIES[kind].format(**names)
    advice = _FORBIDDEN if refusal.explicit else _NOT_ALLOWED
    return advice.format(what=names["what"], policies=policies)
