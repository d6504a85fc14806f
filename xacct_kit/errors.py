"""What can go wrong, as one tree.

    XacctError
    ├── RequestError            the request was wrong; nothing was called      exit code 2
    │   ├── ParamsError         params that cannot be meant
    │   └── PolicyError         a policy document or decision request that cannot be read
    ├── NotGreen                some verdict is not green, or there is none    exit code 1
    └── RunError                the run could not finish                       exit code 3
        ├── SandboxError        the sandbox did not start or stopped
        └── AccessError         no credentials for a principal that the run needs

What AWS answers to a call is not an error of the kit: it becomes the outcome of a finding. A verdict is one
only where a report is required to be green.
"""

from __future__ import annotations

from collections.abc import Sequence

# What Python raises of a path: of a home folder of nobody, and of a path that no file can have, too.
PATH_ERRORS = (OSError, RuntimeError, ValueError)


def path_fault(error: Exception) -> str:
    """Why a file or a folder cannot be used, without its path.

    Parameters:
        error: one of `PATH_ERRORS`.
    """
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class XacctError(Exception):
    """Base of every error that the kit raises on purpose."""

    exit_code = 3

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback, which says nothing of what was asked for.

        https://ipython.readthedocs.io/en/stable/config/integrating.html#custom-exception-tracebacks
        """
        return str(self).splitlines() or [type(self).__name__]


class RequestError(XacctError):
    """The request was wrong, and nothing was called."""

    exit_code = 2


class ParamsError(RequestError):
    """Params that cannot be meant.

    Attributes:
        faults: one line a fault, each naming the key.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(*faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)

    def __reduce__(self) -> tuple[type[ParamsError], tuple[Sequence[str]]]:
        return type(self), (self.faults,)


class PolicyError(RequestError):
    """A policy document that cannot be read.

    Attributes:
        place: where in the document the fault is, such as `Statement[2].Condition.StringEquals`.
        fault: what is wrong there.
    """

    def __init__(self, place: str, fault: str) -> None:
        super().__init__(place, fault)
        self.place = place
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.place}: {self.fault}" if self.place else self.fault


class NotGreen(XacctError):
    """Some verdict is not green, or there is none."""

    exit_code = 1


class RunError(XacctError):
    """The run could not finish."""


class SandboxError(RunError):
    """The sandbox did not start, or stopped while it was needed."""


class AccessError(RunError):
    """There are no credentials for a principal that the run needs."""
