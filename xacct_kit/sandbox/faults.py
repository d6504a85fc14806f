"""What the sandbox's AWS answers when it refuses a call."""

from __future__ import annotations


class ServiceFault(Exception):
    """A refusal as a service of AWS gives it: an answer of AWS, not an error of the kit.

    Parameters:
        status: the HTTP status.
        code: the error code, such as `ValidationError`.
        message: the text.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.args[0])

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.args[1])

    @property
    def message(self) -> str:
        """The text."""
        return str(self.args[2])

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def not_offered(what: str, *, by: str = "The sandbox") -> ServiceFault:
    """The refusal of something that AWS has and the sandbox does not: neither a denial nor tried again.

    Parameters:
        what: what is not offered.
        by: which part of the sandbox does not offer it.
    """
    return ServiceFault(501, "NotImplemented", f"{by} does not offer {what}.")
