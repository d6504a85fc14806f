"""What the sandbox's accounts hold: who is there, and by which policies they may do what.

moto keeps the state of every account in process. What authorisation needs of IAM is read here.
"""

from __future__ import annotations

import functools
import json
import secrets
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.iam import models as iam_models
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import iam_backends

from xacct_kit.iam import Document, DocumentKind, Request, compile_document, decide
from xacct_kit.role.policy_documents import listed, statements_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A policy as it is kept.

    Attributes:
        name: its name.
        text: its document.
        arn: its ARN; None where it is written into its owner.
    """

    name: str
    text: str
    arn: str | None = None

    @property
    def document(self) -> Document:
        """Its document, compiled."""
        return compiled(self.text)


@functools.lru_cache(maxsize=16384)
def compiled(text: str, kind: DocumentKind = DocumentKind.PERMISSIONS) -> Document:
    """A document from its text; the same few are asked again and again."""
    return compile_document(json.loads(text), kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A role or a user as it stands now.

    Attributes:
        arn: its ARN.
        id: its unique ID.
        created: when it was made.
        policies: its policies, and those of a user's groups.
        boundary: its permissions boundary.
        tags: its tags.
        trust: a role's trust policy.
        max_session_seconds: how long a role's sessions may last.
    """

    arn: str
    id: str
    created: datetime
    policies: tuple[Policy, ...]
    boundary: Policy | None
    tags: Mapping[str, str]
    trust: str = ""
    max_session_seconds: int = 0

    @property
    def account(self) -> str:
        """Its account."""
        return self.arn.split(":", 5)[4]

    @property
    def partition(self) -> str:
        """The partition of its account."""
        return self.arn.split(":", 2)[1]

    @property
    def name(self) -> str:
        """Its name, without the path."""
        return self.arn.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class LongTermKey:
    """An IAM user's access key, which does not expire.

    Attributes:
        account: the user's account.
        user_arn: the user's ARN.
        user_id: the user's unique ID.
        secret: the secret access key.
    """

    account: str
    user_arn: str
    user_id: str
    secret: str


def find_entity(arn: str) -> Entity | None:
    """The role or the user with an ARN, if there is one."""
    _, partition, service, _, account, path = arn.split(":", 5) if arn.count(":") >= 5 else [""] * 6
    kind, _, rest = path.partition("/")
    found = find_named(partition, account, kind, rest.rsplit("/", 1)[-1]) if service == "iam" else None
    return found if found and found.arn == arn else None


def find_named(partition: str, account: str, kind: str, name: str) -> Entity | None:
    """The role or the user with a name, if there is one; kind is `role` or `user`."""
    backend = _backend(partition, account)
    if backend is None or kind not in ("role", "user"):
        return None
    owner = _named(backend.roles if kind == "role" else backend.users, name)
    if owner is None:
        return None
    return _role(owner) if kind == "role" else _user(backend, owner)


def role_arn(partition: str, account: str, name: str) -> str | None:
    """The ARN of the role with a name; its path is part of it."""
    backend = _backend(partition, account)
    role = backend and _named(backend.roles, name)
    return role and str(role.arn)


def trusts_service(role: Entity, service: str) -> bool:
    """Whether a role's trust policy lets an AWS service assume it."""
    request = Request(principal=service, action="sts:AssumeRole", resource=role.arn, context={})
    return decide(request, identity=[], resource_policy=json.loads(role.trust)).allowed


def profile_roles(partition: str, account: str, name: str) -> tuple[str, ...]:
    """The ARNs of the roles in an instance profile, by name or ARN; the name itself where there is none."""
    backend = _backend(partition, account)
    profile = backend and _named(backend.instance_profiles, name.rsplit("/", 1)[-1])
    return tuple(role.arn for role in profile.roles) if profile else (name,)


def identify_user(partition: str, account: str, name: str) -> tuple[str, str]:
    """Give a new user a unique ID as AWS's are; moto's is none that a policy could hold.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids

    Returns:
        The ID that moto gave, and the ID that the user has.
    """
    alphabet = string.ascii_uppercase + string.digits
    user = iam_backends[account][partition].get_user(name)
    before, user.id = user.id, "AIDA" + "".join(secrets.choice(alphabet) for _ in range(17))
    return before, user.id


def set_user_boundary(partition: str, account: str, name: str, arn: str | None) -> bool:
    """Put a permissions boundary on a user, or take it away; False where there is no such user."""
    backend = _backend(partition, account)
    user = backend and _named(backend.users, name)
    if not user:
        return False
    user.permissions_boundary_arn = arn
    return True


def _named(owners: Mapping[str, Any], name: str) -> Any:
    return next((owner for owner in list(owners.values()) if owner.name == name), None)


def _backend(partition: str, account: str) -> Any:
    if account not in iam_backends or partition not in iam_backends[account]:
        return None
    return iam_backends[account][partition]


def _role(role: Any) -> Entity:
    return Entity(
        arn=role.arn,
        id=role.id,
        created=role.create_date.replace(tzinfo=UTC),
        policies=tuple(_policies(role)),
        boundary=_boundary(role),
        tags=_tags(role.tags),
        trust=role.assume_role_policy_document,
        max_session_seconds=int(role.max_session_duration or 3600),
    )


def _user(backend: Any, user: Any) -> Entity:
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    return Entity(
        arn=user.arn,
        id=user.id,
        created=user.create_date.replace(tzinfo=UTC),
        policies=tuple(policy for owner in (user, *groups) for policy in _policies(owner)),
        boundary=_boundary(user),
        tags=_tags(backend.tagger.list_tags_for_resource(user.arn)["Tags"]),
    )


def _tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def find_long_term_key(access_key: str) -> LongTermKey | None:
    """The IAM user's key with an ID, in whichever account it is."""
    for account, partitions in list(iam_backends.items()):
        for backend in list(partitions.values()):
            key = backend.access_keys.get(access_key)
            user = backend.users.get(str(key.user_name)) if key else None
            # A user who has the name of one that was deleted or renamed is another.
            if key and user and key.status == "Active" and user.create_date <= key.create_date:
                return LongTermKey(
                    account=account, user_arn=user.arn, user_id=user.id, secret=key.secret_access_key
                )
    return None


def find_managed_policy(partition: str, account: str, arn: str) -> Policy | None:
    """The managed policy with an ARN, as an account sees it: its own, or one of AWS."""
    ensure_aws_managed_policy(partition, account, arn)
    backend = _backend(partition, account)
    policy = backend and backend.managed_policies.get(arn)
    return policy and _managed(policy)


def ensure_aws_managed_policy(partition: str, account: str, arn: str) -> None:
    """Make a managed policy of AWS known to an account; moto would load all of them or none."""
    name = arn.rsplit("/", 1)[-1]
    data = _aws_managed_policies().get(name) if arn.startswith(f"arn:{partition}:iam::aws:policy/") else None
    if data is None:
        return
    backend = iam_backends[account][partition]
    if arn not in backend.managed_policies:
        policy = iam_models.AWSManagedPolicy.from_data(name, account, backend.region_name, data)
        backend.managed_policies[arn] = policy


@functools.cache
def _aws_managed_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def forget_principal(arn: str, unique_id: str) -> None:
    """Put the unique ID of a principal that was deleted in the place of its ARN, wherever it was trusted.

    Its ARN may be another's one day, who is not trusted by that.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    for partitions in list(iam_backends.values()):
        for backend in list(partitions.values()):
            for role in list(backend.roles.values()):
                text = role.assume_role_policy_document
                role.assume_role_policy_document = _without_principal(text, arn, unique_id)


def _without_principal(text: str, arn: str, unique_id: str) -> str:
    """A trust policy where a principal's ARN has given way to its unique ID; conditions keep the ARN."""
    trust = json.loads(text)
    named = [statement["Principal"] for statement in statements_of(trust) if "Principal" in statement]
    trusting = [each for each in named if isinstance(each, dict) and arn in listed(each.get("AWS", []))]
    for each in trusting:
        each["AWS"] = unique_id if each["AWS"] == arn else [unique_id if n == arn else n for n in each["AWS"]]
    return json.dumps(trust) if trusting else text


def _policies(owner: Any) -> Iterator[Policy]:
    for name, text in list(owner.policies.items()):
        yield Policy(name=name, text=text)
    for policy in list(owner.managed_policies.values()):
        yield _managed(policy)


def _managed(policy: Any) -> Policy:
    text = next(version.document for version in policy.versions if version.is_default)
    return Policy(name=policy.name, text=text, arn=policy.arn)


def _boundary(owner: Any) -> Policy | None:
    arn = getattr(owner, "permissions_boundary_arn", None)
    if not arn:
        return None
    partition, account = owner.arn.split(":")[1], owner.arn.split(":")[4]
    return find_managed_policy(partition, account, arn) or Policy(name="", text=_NOTHING, arn=arn)


# A boundary that does not exist allows nothing.
_NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "NotAction": "*", "Resource": "*"}}
)
