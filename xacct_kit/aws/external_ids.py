"""External IDs: made so that nobody guesses them, and kept at a reference, the next one beside the present.

While one takes the place of another both are kept, so that whatever breaks off, no account is locked out:

ssm:/path            the next one is the parameter /path-next, of the same type and key
secretsmanager:NAME  the next one is the version of the secret that is labelled AWSPENDING
file:PATH            the next one is the file PATH.next
"""

from __future__ import annotations

import os
import secrets
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xacct_kit.aws.references import read_line
from xacct_kit.errors import PATH_ERRORS, AccessError, ParamsError, path_fault
from xacct_kit.params import EXTERNAL_ID, EXTERNAL_ID_FORM, split_reference

if TYPE_CHECKING:
    from xacct_kit.aws.answers import Answer

    Ask = Callable[..., Answer]

# 256 bits in 64 digits: what STS takes (2 to 1224 characters) and Service Workbench's form too (at most 300).
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_BYTES = 32


def new_external_id() -> str:
    """An external ID that nobody can guess: 64 hexadecimal digits, 256 bits of the system's randomness."""
    return secrets.token_hex(_BYTES)


class Keeping(ABC):
    """A place where an external ID is kept, and the next one beside it.

    Parameters:
        name: what the reference names.
        ask: makes a call as the operator: service, operation and parameters.

    Attributes:
        reference: where the present one is.
        beside: where the next one is, in words.
    """

    scheme: str
    next_place: str

    def __init__(self, name: str, ask: Ask) -> None:
        self._name = name
        self._ask = ask
        self.reference = f"{self.scheme}:{name}"
        self.beside = self.next_place.format(name=name)

    @abstractmethod
    def create(self, external_id: str) -> None:
        """Keep the first one; never in the place of another.

        Raises:
            ParamsError: there is one already.
            AccessError: it cannot be kept.
        """

    @abstractmethod
    def pending(self) -> str | None:
        """The next one; None where there is none.

        Raises:
            AccessError: it cannot be read.
        """

    @abstractmethod
    def set_aside(self, external_id: str) -> None:
        """Keep the next one beside the present one; never in the place of another.

        Raises:
            AccessError: it cannot be kept.
        """

    @abstractmethod
    def promote(self) -> None:
        """Let the next one take the place of the present one. What was begun and broke off is finished.

        Raises:
            AccessError: it cannot be done.
        """

    def _done(self, what: str, answer: Answer) -> Mapping[str, Any]:
        if not answer.ok:
            raise AccessError(f"{what}. {answer.outcome.reason}")
        return answer.result

    def _exists(self) -> ParamsError:
        return ParamsError(
            [f"external_id: there is one at {self.reference} already, and it is not overwritten; rotate it"]
        )


class _Parameter(Keeping):
    """A parameter of SSM Parameter Store.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """

    scheme = "ssm"
    next_place = "ssm:{name}-next"

    def create(self, external_id: str) -> None:
        answer = self._put(self._name, external_id, Type="SecureString")
        if answer.outcome.evidence.get("code") == "ParameterAlreadyExists":
            raise self._exists()
        self._done(f"{self.reference} cannot be written", answer)

    def pending(self) -> str | None:
        answer = self._ask("ssm", "GetParameter", Name=self._next, WithDecryption=True)
        if answer.absent:
            return None
        return str(self._done(f"{self.beside} cannot be read", answer)["Parameter"]["Value"])

    def set_aside(self, external_id: str) -> None:
        answer = self._put(self._next, external_id, **self._kind())
        self._done(f"{self.beside} cannot be written", answer)

    def promote(self) -> None:
        external_id = self.pending()
        if external_id is not None:
            answer = self._put(self._name, external_id, Overwrite=True, **self._kind())
            self._done(f"{self.reference} cannot be written", answer)
            self._done(
                f"{self.beside} cannot be removed", self._ask("ssm", "DeleteParameter", Name=self._next)
            )

    @property
    def _next(self) -> str:
        return f"{self._name}-next"

    def _put(self, name: str, value: str, **more: Any) -> Answer:
        return self._ask("ssm", "PutParameter", Name=name, Value=value, **more)

    def _kind(self) -> dict[str, str]:
        """Type and key of the parameter: one that is written without a key gets the account's own."""
        wanted = [{"Key": "Name", "Option": "Equals", "Values": [self._name]}]
        answer = self._ask("ssm", "DescribeParameters", ParameterFilters=wanted)
        found = self._done(f"The key of {self.reference} cannot be read", answer)["Parameters"]
        described = found[0] if found else {"Type": "SecureString"}
        return {name: described[name] for name in ("Type", "KeyId") if described.get(name)}


class _Secret(Keeping):
    """A secret of Secrets Manager, whose versions have labels.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    """

    scheme = "secretsmanager"
    next_place = "the version AWSPENDING of secretsmanager:{name}"

    def create(self, external_id: str) -> None:
        answer = self._call("CreateSecret", Name=self._name, SecretString=external_id)
        if answer.outcome.evidence.get("code") == "ResourceExistsException":
            raise self._exists()
        self._done(f"{self.reference} cannot be written", answer)

    def pending(self) -> str | None:
        version = self._version("AWSPENDING")
        if version is None or version == self._version("AWSCURRENT"):
            # After a rotation the label may stay on the version that has become the present one.
            return None
        answer = self._call("GetSecretValue", SecretId=self._name, VersionId=version)
        return str(self._done(f"{self.beside} cannot be read", answer)["SecretString"])

    def set_aside(self, external_id: str) -> None:
        if self._described().get("RotationEnabled"):
            raise AccessError(
                f"Secrets Manager rotates {self.reference} by itself, and no account would follow: "
                "turn that off."
            )
        answer = self._call(
            "PutSecretValue", SecretId=self._name, SecretString=external_id, VersionStages=["AWSPENDING"]
        )
        self._done(f"{self.beside} cannot be written", answer)

    def promote(self) -> None:
        following, present = self._version("AWSPENDING"), self._version("AWSCURRENT")
        if following is None:
            return
        if following != present:
            self._label("AWSCURRENT", MoveToVersionId=following, RemoveFromVersionId=present)
        self._label("AWSPENDING", RemoveFromVersionId=following)

    def _label(self, label: str, **move: Any) -> None:
        answer = self._call("UpdateSecretVersionStage", SecretId=self._name, VersionStage=label, **move)
        self._done(f"{label} of {self.reference} cannot be moved", answer)

    def _version(self, label: str) -> str | None:
        versions: Mapping[str, list[str]] = self._described().get("VersionIdsToStages", {})
        return next((version for version, labels in versions.items() if label in labels), None)

    def _described(self) -> Mapping[str, Any]:
        answer = self._call("DescribeSecret", SecretId=self._name)
        return self._done(f"The versions of {self.reference} cannot be read", answer)

    def _call(self, operation: str, **params: Any) -> Answer:
        return self._ask("secretsmanager", operation, **params)


class _File(Keeping):
    """A file that nobody but its owner can read."""

    scheme = "file"
    next_place = "file:{name}.next"

    def create(self, external_id: str) -> None:
        with _or_told(f"{self.reference} cannot be written"):
            try:
                _write(self._path, external_id)
            except FileExistsError:
                raise self._exists() from None

    def pending(self) -> str | None:
        with _or_told(f"{self.beside} cannot be read"):
            if not self._next.exists():
                return None
        return read_line(self.beside, str(self._next))

    def set_aside(self, external_id: str) -> None:
        with _or_told(f"{self.beside} cannot be written"):
            _write(self._next, external_id)

    def promote(self) -> None:
        with _or_told(f"{self.reference} cannot be written"), suppress(FileNotFoundError):
            self._next.replace(self._path)

    @property
    def _path(self) -> Path:
        return Path(self._name).expanduser()

    @property
    def _next(self) -> Path:
        return self._path.with_name(f"{self._path.name}.next")


@contextmanager
def _or_told(what: str) -> Iterator[None]:
    try:
        yield
    except PATH_ERRORS as error:
        raise AccessError(f"{what}: {path_fault(error)}.") from error


def _write(path: Path, external_id: str) -> None:
    """Write a new file, whole or not at all."""
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{external_id}\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a renaming, this never takes the place of a file that is there.
        os.link(written, path)
    finally:
        Path(written).unlink()


_KEEPINGS: Mapping[str, type[Keeping]] = {kind.scheme: kind for kind in (_Parameter, _Secret, _File)}


def keeping_of(reference: str, ask: Ask) -> Keeping:
    """The place that a reference names.

    Parameters:
        reference: where an external ID is to be, or is.
        ask: makes a call as the operator: service, operation and parameters.

    Raises:
        ParamsError: nothing can be kept there.
    """
    found = split_reference(reference)
    if found is None:
        raise ParamsError(
            ["external_id: is a literal; keep it at ssm:/path, secretsmanager:name or file:path"]
        )
    scheme, name = found
    if scheme not in _KEEPINGS:
        raise ParamsError(
            [
                f"external_id: nothing can be kept at {reference}: a program does not set the variables of "
                "who starts it; use ssm:/path, secretsmanager:name or file:path"
            ]
        )
    return _KEEPINGS[scheme](name, ask)


def checked(external_id: str, place: str) -> str:
    """An external ID that was read; what is none is not repeated.

    Parameters:
        external_id: what was read.
        place: where, for a fault.

    Raises:
        ParamsError: it is none.
    """
    if EXTERNAL_ID.fullmatch(external_id):
        return external_id
    raise ParamsError([f"external_id: what is at {place} is not {EXTERNAL_ID_FORM}"])
