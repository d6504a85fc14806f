"""Profiles: what the role must be, by name or by file. The documents are data; everything else follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from xacct_kit.errors import ParamsError
from xacct_kit.role.placeholders import PLACEHOLDERS, filled
from xacct_kit.role.policy_documents import Document
from xacct_kit.role.profile_files import ProfileFile, read_profile

# What the kit brings along.
PROFILES = ("documented", "swb-6.2.2", "hardened")


@dataclass(frozen=True, kw_only=True)
class RoleValues:
    """What stands in one account at the placeholders of a profile's documents.

    Attributes:
        partition: the partition of both accounts.
        region: where the role's stack is.
        main_account: 12 digits; runs Service Workbench.
        member_account: 12 digits; holds the role.
        api_handler_role: name of main's role that serves requests.
        workflow_loop_runner_role: name of main's role that runs workflows.
        external_id: what whoever assumes the role must send; only the trust policy has it.
        role_name: the role's name.
        stack_name: its stack's name.
    """

    partition: str
    region: str
    main_account: str
    member_account: str
    api_handler_role: str
    workflow_loop_runner_role: str
    external_id: str = field(repr=False)
    role_name: str
    stack_name: str

    def by_placeholder(self) -> dict[str, str]:
        """The values by the names of the placeholders."""
        return dict(zip(PLACEHOLDERS, asdict(self).values(), strict=True))


@dataclass(frozen=True, kw_only=True)
class RoleDefinition:
    """What the role must be in one account.

    Attributes:
        trust: its trust policy.
        policies: its inline policies by name.
        boundary: the document of its permissions boundary, if it has one.
        boundary_name: the name of the managed policy that holds it.
        description: its description; nothing is said of it where that is empty.
    """

    trust: Document
    policies: Mapping[str, Document]
    boundary: Document | None = None
    boundary_name: str | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile(ProfileFile):
    """What the role must be, as its file says."""

    @property
    def role_description(self) -> str:
        """The description of the role itself."""
        return f"Assumed by Service Workbench to run analytics (profile {self.name})"

    def __hash__(self) -> int:
        return hash(self.name)

    def role(self, values: RoleValues) -> RoleDefinition:
        """The role of one account.

        Parameters:
            values: what stands at the placeholders there.
        """
        by_name = values.by_placeholder()
        boundary = None if self.boundary is None else filled(self.boundary, by_name)
        return RoleDefinition(
            trust=filled(self.trust, by_name),
            policies=filled(self.permissions, by_name),
            boundary=boundary,
            boundary_name=None if boundary is None else boundary_name(values.role_name),
            description=self.role_description,
        )


BOUNDARY_DESCRIPTION = "The most that the cross-account execution role may do"


def boundary_name(role_name: str) -> str:
    """The name of the managed policy that is a role's boundary: fixed, so that its statements can name it."""
    return f"{role_name}-boundary"


def load_profile(name: str, *, anew: bool = False) -> Profile:
    """The profile with a name, or that of a file.

    Parameters:
        name: one of `PROFILES`, or the path of a YAML file: it ends in .yaml or .yml, or has a slash.
        anew: whether to read a file again that was read before; a run holds on to what it began with.

    Raises:
        ParamsError: there is none, or its file is no profile.
    """
    if name in PROFILES:
        return _built_in(name)
    if not _is_file(name):
        raise ParamsError([f"profile: there is no {name!r}; there is {', '.join(PROFILES)}, or a YAML file"])
    path = str(Path(name).absolute())
    if anew or path not in _read:
        _read[path] = _profile(name, partial(_beside, name))
    return _read[path]


# The profiles of files by their paths.
_read: dict[str, Profile] = {}


def _is_file(name: str) -> bool:
    return "/" in name or "\\" in name or name.endswith((".yaml", ".yml"))


def _beside(name: str, place: str) -> bytes:
    """The content of a profile's file, or of one that stands beside it."""
    path = Path(name).expanduser()
    return (path if place == name else path.parent / place).read_bytes()


@cache
def _built_in(name: str) -> Profile:
    documents = files("xacct_kit.role") / "documents"
    return _profile(f"{name}.yaml", lambda place: documents.joinpath(place).read_bytes())


def _profile(name: str, read: Callable[[str], bytes]) -> Profile:
    return Profile(**vars(read_profile(name, read)))
