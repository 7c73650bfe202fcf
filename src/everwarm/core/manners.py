"""How to behave towards an upstream that fails: when to try again, when to wait, when to leave it alone.

Time and chance are arguments. What is retried is only what the upstream has not begun to answer (promise r13).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RETRYABLE: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""Statuses that the vendors' own SDKs try again."""

FAILURES: Final = frozenset({500, 502, 503, 504, 529})
"""Of these, the ones that say something about the upstream and not about the request or its sender."""

LONGEST_WAIT: Final = 30.0
"""Seconds. An upstream that asks for more is not waited for: the client is told, with the same ``Retry-After``."""

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 8.0


def retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer with this status may be asked for again. ``x-should-retry`` has the last word."""
    said = headers.get("x-should-retry", "").lower()
    return said == "true" if said in ("true", "false") else status in RETRYABLE


def pause(attempt: int, asked: float | None, chance: float) -> float | None:
    """Seconds before the next attempt; None: it is too long to wait. ``attempt`` counts from 0, ``chance`` is below 1.

    ``asked`` is what the upstream wants (its ``Retry-After``), which is obeyed to the full; on top comes some jitter,
    so that those who were refused together do not come back together.
    """
    if asked is not None:
        return asked + chance * min(1.0, asked / 4) if asked <= LONGEST_WAIT else None
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
    return longest * (0.5 + chance / 2)


@dataclass(slots=True)
class Budget:
    """How much may be tried again: a share of what was asked, and a few more, so that retries never pile up."""

    share: float = 0.25
    spare: float = 10.0  # retries that are free at the start, and the most that are saved up
    left: float = 10.0

    def asked(self) -> None:
        """One more request was sent for the first time."""
        self.left = min(self.spare, self.left + self.share)

    def take(self) -> bool:
        """Whether one more retry may be sent; then it counts."""
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Breaker:
    """Leaves an upstream alone for a while after failures in a row; then one request tries, and its fate decides.

    closed: everything passes. open: nothing does, until ``until``. Then half open: one passes, the others wait for it.
    """

    failures: int = 5  # in a row
    first: float = 2.0  # seconds that it stays open the first time; twice as long each time after, at most ``longest``
    longest: float = 60.0
    in_a_row: int = 0
    until: float = 0.0
    trying: bool = False
    _opened: int = 0

    def state(self, now: float) -> str:
        """closed | open | half-open."""
        if self.in_a_row < self.failures:
            return "closed"
        return "open" if now < self.until else "half-open"

    def might_admit(self, now: float) -> bool:
        """Whether a request might be sent at that time, as far as is known."""
        state = self.state(now)
        return state == "closed" or (state == "half-open" and not self.trying)

    def admits(self, now: float) -> bool:
        """Whether a request may be sent now. If it may, ``succeeded``, ``failed`` or ``unknown`` must follow."""
        admitted = self.might_admit(now)
        self.trying = self.trying or (admitted and self.state(now) == "half-open")
        return admitted

    def succeeded(self) -> None:
        """It answered."""
        self.in_a_row, self._opened, self.trying = 0, 0, False

    def failed(self, now: float) -> None:
        """It did not."""
        self.in_a_row += 1
        self.trying = False
        if self.in_a_row >= self.failures and now >= self.until:
            self.until = now + min(self.longest, self.first * 2.0**self._opened)
            self._opened += 1

    def unknown(self) -> None:
        """Nobody will know: the request was given up."""
        self.trying = False

    def wait(self, now: float) -> float:
        """Seconds until it admits again, as far as is known."""
        return max(0.0, self.until - now)
