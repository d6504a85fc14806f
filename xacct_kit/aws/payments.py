"""What a session spends: questions that cost money, within a limit, and answers while they are fresh."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xacct_kit.aws.answers import Answer

_FRESH_SECONDS = 600.0

# Prices are cents, and sums of them no exact binary fractions.
_ROUNDING = 1e-9


class Payments:
    """The payments of one session; safe under threads.

    Parameters:
        limit: US dollars that may be spent.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._spent = 0.0
        self._answers: dict[tuple[str, ...], tuple[float, Answer]] = {}
        self._lock = threading.Lock()

    def ask(
        self, question: tuple[str, ...], price: float, ask: Callable[[], Answer]
    ) -> tuple[Answer | None, bool]:
        """Ask a question that costs money; a result is taken again for ten minutes.

        Parameters:
            question: what makes the question the same; its account comes first.
            price: US dollars that a result costs; a refusal is free.
            ask: makes the call.

        Returns:
            The answer, or None where it would cost more than is left; and whether it is an earlier one.
        """
        with self._lock:
            at, earlier = self._answers.get(question, (0.0, None))
            if earlier is not None and time.monotonic() - at < _FRESH_SECONDS:
                return earlier, True
            if self._spent + price > self._limit + _ROUNDING:
                return None, False
            self._spent += price
        answer = ask()
        with self._lock:
            if answer.ok:
                self._answers[question] = (time.monotonic(), answer)
            else:
                self._spent -= price
        return answer, False

    def forget(self, account: str) -> None:
        """Keep no answers of an account."""
        with self._lock:
            self._answers = {key: kept for key, kept in self._answers.items() if key[0] != account}
