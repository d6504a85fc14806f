"""The redactor: every text of AWS, the SDK or the machine passes it before it is kept, shown or raised.

It takes out the secrets that it has learned, in whatever form they are written, and what is secret by where
it stands. A text is cut short only after that, so that no piece of a secret is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn, Self

# A patch that has such a place instead of an external ID can be filled.
_PLACE = r"\$\{(?:management_)?external_id\}"
_HIDDEN = "****"

# Shorter pieces of credentials could stand in any text.
_PIECE = re.compile(r"[!-~]{8,}")

_SECRET_BY_PLACE = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        # Long enough to be wrapped by whatever showed it before.
        (
            r"(Encoded authorization failure message:)\s*\S+(?:\s+[\w-]{24,}|\s*\[truncated\])*",
            r"\1 (cut)",
        ),
        # The canonical request carries the session token.
        (r"(The Canonical String for this request should have been).*", r"\1 (cut)"),
        (
            r"Value '(?:(?!Value ').)*'(?= at '(?:externalId|tokenCode|webIdentityToken|sAMLAssertion)')",
            "Value (cut)",
        ),
        (r"(parameter (?:ExternalId|TokenCode|WebIdentityToken|SAMLAssertion), value: )\S+", r"\1(cut)"),
        # What a program or a server said instead of the credentials that it was asked for.
        (r"(Error (?:when )?retrieving (?:credentials from [^:]+|metadata):).*", r"\1 (cut)"),
        (r"(?i)(x-amz-(?:security-token|signature)[\"']?\s*[:=]\s*[\"']?)[\w+/=%-]{8,}", rf"\1{_HIDDEN}"),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        (r"\bA(?:KIA|SIA)[A-Z0-9]{12,}", _HIDDEN),
        # The password of a URL, and whose it is.
        (r"(?<=://)[^/\s]+@", f"{_HIDDEN}@"),
    )
)


class InProcess:
    """Something that holds credentials, which stay in their process."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds credentials and is not pickled")


class Redactor(InProcess):
    """Takes secrets out of texts."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def knowing(self, *credentials: str | None) -> Self:
        """A redactor that knows some credentials besides, which nobody else has to know."""
        other = type(self)()
        other._known = dict(self._known)
        other.learn(*credentials)
        return other

    def learn(self, *credentials: str | None) -> None:
        """Take credentials out from now on, with or without the line break that was pasted with them."""
        for value in filter(None, credentials):
            self._known.update(dict.fromkeys(_PIECE.findall(value), _HIDDEN))

    def learn_external_id(self, external_id: str, name: str = "external_id") -> None:
        """Write `${external_id}`, or another name in its place, for an external ID from now on.

        Parameters:
            external_id: the external ID.
            name: the key of the params that it is the value of.
        """
        known = {**self._known, external_id: f"${{{name}}}"}
        # One secret may be a part of another.
        self._known = dict(sorted(known.items(), key=lambda pair: len(pair[0]), reverse=True))

    def __call__(self, text: str) -> str:
        """The text without what must not be told."""
        for secret, instead in self._known.items():
            text = _replaced(text, secret, instead)
        for pattern, replacement in _SECRET_BY_PLACE:
            text = pattern.sub(replacement, text)
        return text

    def throughout(self, value: Any) -> Any:
        """The value with every text in it redacted."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self.throughout(held) for key, held in value.items()}
        return [self.throughout(held) for held in value] if isinstance(value, list | tuple) else value


def _replaced(text: str, secret: str, instead: str) -> str:
    # An external ID such as `id` stands in its own replacement, which is left as it is.
    pattern = f"({_PLACE})|{''.join(map(_written, secret))}"
    return re.sub(pattern, lambda match: match[1] or instead, text)


def _written(char: str) -> str:
    """A character as writers write it: itself, escaped, percent-encoded or an entity, once or more often."""
    if char.isalnum():
        return char
    code = ord(char)
    encoded = rf"%(?:25)*{code:02x}|\\+[ux]0*{code:x}|&(?:amp;)*#(?:0*{code}|x0*{code:x});"
    return rf"(?:\\*{re.escape(char)}|(?i:{encoded}))"


redact = Redactor()
"""The redactor that has learned nothing."""
